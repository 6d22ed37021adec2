/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a copy through mapped guest memory costs against memcpy() on the same pages.
 *
 * Both copy the same blocks between the same buffers, in turns, so that whatever else the machine
 * does hits both.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <umdev/vfio_file.h>

#include "stats.h"

#define BLOCK	   (64 * 1024)
#define GUEST_SIZE (16UL * 1024 * 1024)
#define BLOCKS	   (GUEST_SIZE / BLOCK)
#define ROUNDS	   41
#define IOVA	   0x100000000ULL

static int null_get_region(struct vfio_device *vdev, unsigned int index, struct vfio_region *region)
{
	(void)vdev;
	(void)index;
	(void)region;
	return 0;
}

static int null_get_irq(struct vfio_device *vdev, unsigned int index, struct vfio_irq *irq)
{
	(void)vdev;
	(void)index;
	(void)irq;
	return 0;
}

static ssize_t null_read(struct vfio_device *vdev, unsigned int index, void *buf, size_t count,
			 uint64_t offset)
{
	(void)vdev;
	(void)index;
	(void)buf;
	(void)offset;
	return (ssize_t)count;
}

static ssize_t null_write(struct vfio_device *vdev, unsigned int index, const void *buf,
			  size_t count, uint64_t offset)
{
	(void)vdev;
	(void)index;
	(void)buf;
	(void)offset;
	return (ssize_t)count;
}

static const struct vfio_device_ops null_ops = {
	.name = "bench",
	.get_region = null_get_region,
	.get_irq = null_get_irq,
	.read = null_read,
	.write = null_write,
};

static const struct vfio_user_ops user_ops;

static double copy_directly(char *guest, char *buf, bool write)
{
	double began = now(CLOCK_MONOTONIC);

	if (write)
		memcpy(guest, buf, BLOCK);
	else
		memcpy(buf, guest, BLOCK);
	return now(CLOCK_MONOTONIC) - began;
}

static double copy_through(struct vfio_device *vdev, uint64_t iova, char *buf, bool write)
{
	double began = now(CLOCK_MONOTONIC);

	if (vfio_dma_rw(vdev, iova, buf, BLOCK, write)) {
		fprintf(stderr, "dma_bench: vfio_dma_rw failed\n");
		exit(1);
	}
	return now(CLOCK_MONOTONIC) - began;
}

/*
 * One round over the whole of the guest's memory; memcpy()'s time against vfio_dma_rw()'s. Each
 * block is copied by both in both directions; who comes first, and so finds the block out of the
 * cache, changes from block to block.
 */
static double one_round(struct vfio_device *vdev, char *guest, char *buf)
{
	double direct = 0, through = 0;
	size_t i;

	for (i = 0; i < BLOCKS; i++) {
		bool write = i & 1, through_first = i & 2;
		uint64_t off = i * BLOCK;

		if (through_first)
			through += copy_through(vdev, IOVA + off, buf, write);
		direct += copy_directly(guest + off, buf, write);
		if (!through_first)
			through += copy_through(vdev, IOVA + off, buf, write);
	}
	return direct / through;
}

int main(void)
{
	struct vfio_device vdev = { .ops = &null_ops };
	double ratios[ROUNDS];
	struct vfio_file *file;
	char *guest, *buf;
	int err, fd, i;

	err = root_device_register("bench", &vdev.dev);
	if (!err)
		err = vfio_register_emulated_iommu_dev(&vdev);
	if (!err)
		err = vfio_file_open(&vdev, &user_ops, NULL, &file);
	if (err) {
		fprintf(stderr, "dma_bench: no device: %s\n", strerror(-err));
		return 1;
	}
	fd = memfd_create("guest", MFD_CLOEXEC);
	buf = aligned_alloc(4096, BLOCK);
	if (fd < 0 || !buf || ftruncate(fd, GUEST_SIZE))
		return 1;
	guest = mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (guest == MAP_FAILED)
		return 1;
	memset(guest, 1, GUEST_SIZE);
	memset(buf, 2, BLOCK);
	err = vfio_file_dma_map(file, IOVA, GUEST_SIZE,
				VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE, fd, 0);
	if (err) {
		fprintf(stderr, "dma_bench: no mapping: %s\n", strerror(-err));
		return 1;
	}
	one_round(&vdev, guest, buf);
	for (i = 0; i < ROUNDS; i++)
		ratios[i] = one_round(&vdev, guest, buf);
	printf("DMA copy through mapped memory against memcpy, 64 KiB blocks\t%.2f\t>= 0.9\n",
	       median(ratios, ROUNDS));

	vfio_file_close(file);
	vfio_unregister_group_dev(&vdev);
	root_device_unregister(vdev.dev);
	munmap(guest, GUEST_SIZE);
	free(buf);
	close(fd);
	return 0;
}
