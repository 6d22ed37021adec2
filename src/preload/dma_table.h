/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mappings of a container: which of the devices' addresses is which memory of the program's.
 *
 * It lies in memory that processes share, and a process may die at any instruction of a change.
 * So a mapping is there as soon, and as long, as its slot says so; the order, by which it is found
 * quickly, can be made anew from the slots (dma_table_recover()).
 */
#ifndef UMDEV_PRELOAD_DMA_TABLE_H
#define UMDEV_PRELOAD_DMA_TABLE_H

#include <stdbool.h>
#include <stdint.h>

/* Mappings of one container: the kernel's default of dma_entry_limit. */
#define DMA_TABLE_MAX 65535u

/**
 * struct dma_map - a mapping
 * @iova:  where devices see it
 * @size:  in bytes, not 0; @iova + @size may be 2^64
 * @vaddr: where the process that made it sees it
 * @mm:    that process, as mm_id()
 * @id:    a number that no other mapping of the container has had
 * @prot:  VFIO_DMA_MAP_FLAG_READ, _WRITE: what devices may do
 * @used:  the slot holds a mapping
 * @changing: not all devices have been told of it yet, or some have that it goes
 */
struct dma_map {
	uint64_t iova;
	uint64_t size;
	uint64_t vaddr;
	uint64_t mm;
	uint64_t id;
	uint32_t prot;
	bool used;
	bool changing;
};

/**
 * struct dma_table - all of them; zeroed is empty. Locking is the owner's.
 * @nr:    how many there are
 * @top:   slots from here on have never been used
 * @busy:  a change is under way
 * @order: the slots of the @nr mappings by address, then those that are free again
 * @slots: the mappings, which stay where they are
 */
struct dma_table {
	uint32_t nr;
	uint32_t top;
	bool busy;
	uint16_t order[DMA_TABLE_MAX];
	struct dma_map slots[DMA_TABLE_MAX];
};

/** dma_map_last - the last address, so that a mapping may end where the address space does. */
static inline uint64_t dma_map_last(const struct dma_map *map)
{
	return map->iova + map->size - 1;
}

/** dma_table_at - the mapping at a position, which is below @nr. */
static inline struct dma_map *dma_table_at(struct dma_table *table, uint32_t pos)
{
	return &table->slots[table->order[pos]];
}

/** dma_table_slot - the number of a mapping's slot, constant as long as it is there. */
static inline uint32_t dma_table_slot(const struct dma_table *table, const struct dma_map *map)
{
	return (uint32_t)(map - table->slots);
}

/**
 * dma_table_find - the position of the first mapping that ends at or behind @iova
 * Return: table->nr if there is none. In log time.
 */
uint32_t dma_table_find(struct dma_table *table, uint64_t iova);

/** dma_table_covering - the mapping that @iova is in, or NULL. In log time. */
struct dma_map *dma_table_covering(struct dma_table *table, uint64_t iova);

/**
 * dma_table_insert - add a copy of @map, which overlaps none that is there
 * Return: the copy, or NULL: the table is full.
 */
struct dma_map *dma_table_insert(struct dma_table *table, const struct dma_map *map);

/** dma_table_remove - the mapping at @pos goes; those behind it move up by one. */
void dma_table_remove(struct dma_table *table, uint32_t pos);

/** dma_table_clear - all of them. */
void dma_table_clear(struct dma_table *table);

/**
 * dma_table_recover - make good what somebody left in the middle of a change
 * One who died while he looked has left nothing to make good, and others may be looking.
 */
void dma_table_recover(struct dma_table *table);

#endif
