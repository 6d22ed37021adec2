/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A container of the preloaded library, asked as a program asks it.
 */
#ifndef UMDEV_TESTS_CONTAINER_FIXTURE_H
#define UMDEV_TESTS_CONTAINER_FIXTURE_H

#include <linux/vfio.h>
#include <stdint.h>

#include "preload/container.h"

#define PAGE  4096ull
#define READ  VFIO_DMA_MAP_FLAG_READ
#define WRITE VFIO_DMA_MAP_FLAG_WRITE
#define BOTH  (READ | WRITE)

/** open_container - Return: its descriptor. Closed with close_container(). */
int open_container(void);
void close_container(int fd);

/** container_of_fd - what is behind it, as long as it is open or a group is attached. */
struct container *container_of_fd(int fd);

/** open_with_iommu - one with a group attached and VFIO_SET_IOMMU done. */
int open_with_iommu(unsigned long iommu);
/** close_with_iommu - the reverse. */
void close_with_iommu(int fd);

/** call - ioctl(). Return: 0 or more, or -errno. */
long call(int fd, unsigned long cmd, const void *arg);

/** map - VFIO_IOMMU_MAP_DMA. Return: 0, -errno. */
long map(int fd, uint64_t iova, const void *vaddr, uint64_t size, uint32_t flags);

/** unmap - VFIO_IOMMU_UNMAP_DMA. Return: how many bytes, -errno. */
long long unmap(int fd, uint64_t iova, uint64_t size);

/** memory - anonymous memory of the program's. */
uint8_t *memory(uint64_t size);

/** shared_memory - memory of a new memfd, mapped whole. */
uint8_t *shared_memory(uint64_t size, int *fd);

#endif
