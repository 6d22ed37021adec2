/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between the files of a container: container.c (the file, its groups and devices), type1.c (the
 * IOMMU's calls), type1_devices.c (what devices are told), type1_dirty.c (dirty pages), backing.c.
 *
 * Two locks, both of all processes that share the container, the first one outside:
 *
 * - container_lock(): calls, one at a time. Devices are told under it, which takes as long as their
 *   servers like, and a server may ask for memory before it answers.
 * - container_shared.maps_lock: the mappings as devices' requests see them. Nothing waits under it
 *   but the copy of a request, so that after an unmapping no copy of it is under way.
 */
#ifndef UMDEV_PRELOAD_CONTAINER_PRIVATE_H
#define UMDEV_PRELOAD_CONTAINER_PRIVATE_H

#include <linux/vfio.h>
#include <stdatomic.h>

#include "preload/backing.h"
#include "preload/container.h"
#include "preload/dma_table.h"
#include "preload/shared.h"

/**
 * struct container_shared - what all processes see
 * @calls:     container_lock()
 * @maps_lock: with @calls for changes of @maps; one of both to look
 * @nr_groups: attached ones; under @calls
 * @iommu:     VFIO_TYPE1_IOMMU ..., 0: none yet; written under @calls
 * @tracking:  dirty pages are asked for; under @calls
 * @last_id:   the last mapping's id; under @calls
 * @removed:   how many mappings have gone; under @calls
 * @maps:      the mappings
 */
struct container_shared {
	struct shared_mutex calls;
	struct shared_mutex maps_lock;
	unsigned int nr_groups;
	_Atomic(uint32_t) iommu;
	bool tracking;
	uint64_t last_id;
	uint64_t removed;
	struct dma_table maps;
};

/**
 * struct container_part - what this process knows to be behind a mapping
 * @id:   of the mapping in this slot, else the slot has been used again since
 * @part: see there
 */
struct container_part {
	uint64_t id;
	struct backing_part part;
};

/**
 * struct container - a container in one process
 * @refs:    open files and attached groups; under fork_guard()
 * @id:      container_id()
 * @next:    of this process; under fork_guard()
 * @shared:  see there
 * @clients: devices; read under container_lock(), written with fork_guard(), too
 * @backing: files behind mappings; under container_lock()
 * @parts:   by slot; under container_lock()
 * @removed: container_shared.removed as it was when @parts were last in order; the same
 */
struct container {
	unsigned int refs;
	uint64_t id;
	struct container *next;
	struct container_shared *shared;
	struct container_client *clients;
	struct backing backing;
	struct container_part *parts;
	uint64_t removed;
};

/* ---- container.c ---- */

/** container_lock - have the calls. What somebody left in the middle is put in order first. */
void container_lock(struct container *container);
void container_unlock(struct container *container);

/**
 * fork_guard - lists of this process do not change while it is forked, nor while one is changed
 * Context: innermost; short.
 */
void fork_guard(void);
void fork_unguard(void);

/* ---- type1.c ---- */

/** type1_supports - VFIO_CHECK_EXTENSION; @container is NULL before VFIO_SET_IOMMU. */
bool type1_supports(const struct container *container, unsigned long extension);

/** type1_ioctl - what a container does once it has an IOMMU. Return: 0, -errno. */
long type1_ioctl(struct container *container, unsigned int cmd, void *arg);

/**
 * type1_begin - container_lock() while the container has its IOMMU, which may go at any moment
 * Return: 0, -EINVAL, and nothing is locked.
 */
int type1_begin(struct container *container);

/** type1_recover - take back mappings that a process has left halfway. Under container_lock(). */
void type1_recover(struct container *container);

/** type1_clear - all mappings go; no device sees them. Under container_lock(). */
void type1_clear(struct container *container);

/** type1_forget_parts - give back what is behind mappings that have gone; under the same. */
void type1_forget_parts(struct container *container);

/* ---- type1_devices.c; all of it under container_lock() ---- */

/**
 * devices_map - tell all devices of a mapping
 * @part: what is behind it here; without a file they will ask for it by messages
 *
 * Devices whose connection has ended are left out. Return: 0, or what the server answers that
 * refuses it in both ways; then no device has it.
 */
int devices_map(struct container *container, const struct dma_map *map,
		const struct backing_part *part);

/**
 * devices_unmap - tell all devices that a mapping goes
 *
 * When it returns none of them has it: a server that does not say so is cut off.
 */
void devices_unmap(struct container *container, const struct dma_map *map);

/** devices_join - tell one device of all mappings. Return: 0, or -errno, and it has none. */
int devices_join(struct container *container, struct client *client);

/* ---- type1_dirty.c ---- */

/** dirty_pages - VFIO_IOMMU_DIRTY_PAGES. Return: 0, -errno. */
long dirty_pages(struct container *container, void *arg);

/* The largest bitmap, in bytes: the kernel counts pages in an int. */
#define DIRTY_BITMAP_MAX ((uint64_t)1 << 28)

/** dirty_check_bitmap - may @size bytes of addresses be told of in this bitmap? 0, -EINVAL. */
int dirty_check_bitmap(const struct vfio_bitmap *bitmap, uint64_t size);

/** dirty_fits - is @map not too large to be tracked? */
bool dirty_fits(const struct dma_map *map);

/**
 * dirty_report - set the bits of a mapping in the program's bitmap, which begins at @iova
 * Return: 0, -EFAULT.
 */
int dirty_report(const struct vfio_bitmap *bitmap, const struct dma_map *map, uint64_t iova);

/* The unit of everything: the kernel's PAGE_SIZE where devices are not behind a real IOMMU. */
uint64_t type1_page_size(void);

#endif
