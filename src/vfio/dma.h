/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory that a user has given to its device: which addresses, with which rights, where it is.
 */
#ifndef UMDEV_VFIO_DMA_H
#define UMDEV_VFIO_DMA_H

#include <umdev/vfio_file.h>

#include "vfio/guestmem.h"

#define VFIO_DMA_PAGE 4096u

/**
 * struct vfio_pin - a page that the driver holds
 * @node:  in the tree of its mapping
 * @iova:  of the page
 * @count: how often
 *
 * Under dma_lock.
 */
struct vfio_pin {
	RB_ENTRY(vfio_pin) node;
	uint64_t iova;
	unsigned int count;
};

RB_HEAD(vfio_pins, vfio_pin);

enum vfio_dma_state {
	VFIO_DMA_LIVE,
	VFIO_DMA_UNPINNING, /* the driver is asked to give back its pins, and gets no new ones */
	VFIO_DMA_GOING,	    /* only the copies in flight still use it */
};

/**
 * struct vfio_dma_map - one mapping
 * @node:  in the tree of mappings, by address
 * @iova:  where the device sees it; constant, as are @size, @flags and @vaddr
 * @size:  in bytes
 * @vaddr: where we see it; NULL: through the user's dma_read and dma_write only
 * @mem:   what is behind @vaddr
 * @flags: VFIO_DMA_MAP_FLAG_READ, _WRITE
 * @state: what may still begin; under dma_lock
 * @users: copies in flight; under dma_lock
 * @pins:  what the driver has pinned; under dma_lock
 */
struct vfio_dma_map {
	RB_ENTRY(vfio_dma_map) node;
	uint64_t iova;
	uint64_t size;
	uint8_t *vaddr;
	struct guestmem *mem;
	uint32_t flags;
	enum vfio_dma_state state;
	unsigned int users;
	struct vfio_pins pins;
};

RB_HEAD(vfio_dma_maps, vfio_dma_map);

/**
 * struct vfio_dma - the memory of one user
 * @file: whose
 * @maps: written by the user's thread under dma_lock: that thread may read without it
 * @nr_maps: how many; the user's thread only
 * @files: the user's files in our address space; the user's thread only
 * @idle: the last copy of a mapping that is going has ended; with dma_lock
 */
struct vfio_dma {
	struct vfio_file *file;
	struct vfio_dma_maps maps;
	unsigned int nr_maps;
	struct guestmem_pool files;
	pthread_cond_t idle;
};

/** vfio_dma_create - from now on @file's device has a user with memory. Return: 0, -ENOMEM. */
int vfio_dma_create(struct vfio_file *file);
/** vfio_dma_destroy - the reverse: wait for copies in flight, drop pins and mappings. */
void vfio_dma_destroy(struct vfio_file *file);

/** vfio_dma_find - the mapping that @iova is in, or else the next one, or NULL. In log time. */
struct vfio_dma_map *vfio_dma_find(struct vfio_dma *dma, uint64_t iova);

/** vfio_pins_drop - forget all pins of a mapping; under dma_lock. Return: how many pages. */
unsigned int vfio_pins_drop(struct vfio_dma_map *map);

#endif
