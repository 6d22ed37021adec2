/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdatomic.h>
#include <string.h>

#include "preload/dma_table.h"

/* Each step of a change is in memory before the next one begins, should the process die there. */
static void step(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

static void begin(struct dma_table *table)
{
	table->busy = true;
	step();
}

static void end(struct dma_table *table)
{
	step();
	table->busy = false;
}

uint32_t dma_table_find(struct dma_table *table, uint64_t iova)
{
	uint32_t low = 0, high = table->nr;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (dma_map_last(dma_table_at(table, mid)) < iova)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct dma_map *dma_table_covering(struct dma_table *table, uint64_t iova)
{
	uint32_t pos = dma_table_find(table, iova);
	struct dma_map *map;

	if (pos == table->nr)
		return NULL;
	map = dma_table_at(table, pos);
	return map->iova <= iova ? map : NULL;
}

/* Put a slot into the order, and move what is behind it down. There is room for it. */
static void link_slot(struct dma_table *table, uint16_t slot)
{
	uint32_t pos = dma_table_find(table, table->slots[slot].iova);

	memmove(&table->order[pos + 1], &table->order[pos],
		(table->nr - pos) * sizeof(*table->order));
	table->order[pos] = slot;
	table->nr++;
}

struct dma_map *dma_table_insert(struct dma_table *table, const struct dma_map *map)
{
	struct dma_map *copy;
	uint16_t slot;

	if (table->nr == DMA_TABLE_MAX)
		return NULL;
	begin(table);
	slot = table->nr < table->top ? table->order[table->nr] : (uint16_t)table->top++;
	copy = &table->slots[slot];
	*copy = *map;
	copy->used = false;
	step();
	copy->used = true;
	step();
	link_slot(table, slot);
	end(table);
	return copy;
}

void dma_table_remove(struct dma_table *table, uint32_t pos)
{
	uint16_t slot = table->order[pos];

	begin(table);
	table->slots[slot].used = false;
	step();
	table->nr--;
	memmove(&table->order[pos], &table->order[pos + 1],
		(table->nr - pos) * sizeof(*table->order));
	table->order[table->nr] = slot;
	end(table);
}

void dma_table_clear(struct dma_table *table)
{
	uint32_t i;

	begin(table);
	for (i = 0; i < table->top; i++)
		table->slots[i].used = false;
	step();
	table->nr = 0;
	table->top = 0;
	end(table);
}

void dma_table_recover(struct dma_table *table)
{
	/* One more than it says: @top may have been on its way. */
	uint32_t top = table->top < DMA_TABLE_MAX ? table->top + 1 : DMA_TABLE_MAX, i, free;

	if (!table->busy)
		return;
	table->nr = 0;
	for (i = 0; i < top; i++) {
		if (table->slots[i].used)
			link_slot(table, (uint16_t)i);
	}
	table->top = top;
	free = table->nr;
	for (i = 0; i < top; i++) {
		if (!table->slots[i].used)
			table->order[free++] = (uint16_t)i;
	}
	end(table);
}
