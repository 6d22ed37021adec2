/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory that a device reaches: its driver's own (dma_alloc_coherent()), or whatever its
 * platform_dma_ops lead to.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

/* Where the first piece of memory is, for devices: not at 0, which many take for none. */
#define DMA_FIRST    UINT64_C(0x10000000)
#define DMA_ALIGN    4096
#define DMA_SIZE_MAX (UINT64_C(1) << 32)

/**
 * struct dma_memory - a piece of coherent memory
 * @list: by @addr
 * @addr: where the device sees it
 * @size: a multiple of DMA_ALIGN
 */
struct dma_memory {
	struct list_head list;
	uint64_t addr;
	size_t size;
	void *mem;
};

static size_t dma_round(size_t size)
{
	return (size + DMA_ALIGN - 1) / DMA_ALIGN * DMA_ALIGN;
}

/* Put it where there is room, with a page that is nobody's behind each piece. */
static void place_memory(struct platform_dma *dma, struct dma_memory *m)
{
	struct dma_memory *other;
	struct list_head *next = &dma->memory;

	m->addr = DMA_FIRST;
	list_for_each_entry (other, &dma->memory, list) {
		if (m->addr + m->size + DMA_ALIGN <= other->addr) {
			next = &other->list;
			break;
		}
		m->addr = other->addr + other->size + DMA_ALIGN;
	}
	list_add_tail(&m->list, next);
}

void *dma_alloc_coherent(struct platform_device *pdev, size_t size, uint64_t *addr)
{
	struct platform_dma *dma = &pdev->p->dma;
	struct dma_memory *m;

	if (!size || size > DMA_SIZE_MAX)
		return NULL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->size = dma_round(size);
	m->mem = aligned_alloc(DMA_ALIGN, m->size);
	if (!m->mem) {
		free(m);
		return NULL;
	}
	memset(m->mem, 0, m->size);
	pthread_mutex_lock(&dma->lock);
	place_memory(dma, m);
	*addr = m->addr;
	pthread_mutex_unlock(&dma->lock);
	return m->mem;
}

static void free_memory(struct dma_memory *m)
{
	list_del_init(&m->list);
	free(m->mem);
	free(m);
}

void dma_free_coherent(struct platform_device *pdev, void *mem)
{
	struct platform_dma *dma = &pdev->p->dma;
	struct dma_memory *m;

	pthread_mutex_lock(&dma->lock);
	list_for_each_entry (m, &dma->memory, list) {
		if (m->mem == mem) {
			free_memory(m);
			break;
		}
	}
	pthread_mutex_unlock(&dma->lock);
}

static int copy_coherent(struct platform_dma *dma, uint64_t addr, void *buf, size_t len, bool write)
{
	struct dma_memory *m;

	list_for_each_entry (m, &dma->memory, list) {
		if (addr < m->addr || addr - m->addr >= m->size)
			continue;
		if (len > m->size - (addr - m->addr))
			return -EFAULT;
		if (write)
			memcpy((char *)m->mem + (addr - m->addr), buf, len);
		else
			memcpy(buf, (char *)m->mem + (addr - m->addr), len);
		return 0;
	}
	return -EFAULT;
}

int platform_hw_dma_rw(struct platform_hw *hw, uint64_t addr, void *buf, size_t len, bool write)
{
	struct platform_dma *dma = &hw->pdev->p->dma;
	const struct platform_dma_ops *ops;
	unsigned int turn;
	void *data;
	int err;

	if (!len)
		return 0;
	pthread_mutex_lock(&dma->lock);
	ops = dma->ops;
	data = dma->data;
	turn = dma->turn;
	if (!ops) {
		err = copy_coherent(dma, addr, buf, len, write);
		pthread_mutex_unlock(&dma->lock);
		return err;
	}
	dma->running[turn]++;
	pthread_mutex_unlock(&dma->lock);

	err = ops->rw(data, addr, buf, len, write);

	pthread_mutex_lock(&dma->lock);
	if (!--dma->running[turn])
		pthread_cond_broadcast(&dma->changed);
	pthread_mutex_unlock(&dma->lock);
	return err;
}

void platform_set_dma_ops(struct platform_device *pdev, const struct platform_dma_ops *ops,
			  void *data)
{
	struct platform_dma *dma = &pdev->p->dma;
	unsigned int before;

	pthread_mutex_lock(&dma->lock);
	before = dma->turn;
	dma->ops = ops;
	dma->data = data;
	dma->turn = !before;
	while (dma->running[before])
		pthread_cond_wait(&dma->changed, &dma->lock);
	pthread_mutex_unlock(&dma->lock);
}

/* ---- the bus's ---- */

static void free_all(struct platform_dma *dma)
{
	while (!list_empty(&dma->memory))
		free_memory(list_first_entry(&dma->memory, struct dma_memory, list));
}

void platform_dma_cleanup(struct platform_device *pdev)
{
	struct platform_dma *dma = &pdev->p->dma;

	if (dma->ops)
		platform_set_dma_ops(pdev, NULL, NULL);
	pthread_mutex_lock(&dma->lock);
	if (!list_empty(&dma->memory))
		dev_warn(&pdev->dev, "the driver has not freed its coherent memory");
	free_all(dma);
	pthread_mutex_unlock(&dma->lock);
}

void platform_dma_init(struct platform_dma *dma)
{
	pthread_mutex_init(&dma->lock, NULL);
	pthread_cond_init(&dma->changed, NULL);
	INIT_LIST_HEAD(&dma->memory);
}

void platform_dma_finish(struct platform_dma *dma)
{
	free_all(dma);
	pthread_cond_destroy(&dma->changed);
	pthread_mutex_destroy(&dma->lock);
}
