/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The DMA engine of <umdev/dmac.h> by itself: registers, descriptor memory and the thread that
 * copies. It knows neither bus nor device, so that all it promises can be tested alone.
 *
 * It has a thread from its being enabled to its being disabled, an error or a reset.
 *
 * What it promises to those who have the descriptor memory mapped: a descriptor is read after TAIL
 * was, and its status is written, with release, after the copy it speaks of, before HEAD moves and
 * an interrupt is raised.
 */
#ifndef UMDEV_PLATFORM_DMAC_ENGINE_H
#define UMDEV_PLATFORM_DMAC_ENGINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <umdev/dmac.h>

/* What is copied at once, and between two looks at whether to go on. */
#define DMAC_PIECE 65536u

struct dmac_engine;

/**
 * struct dmac_engine_ops - what an engine is connected to
 * @rw:      copy between @buf and memory: 0 or -errno. From the engine's thread, without locks; may
 *           block
 * @set_irq: interrupt line @line has level @level; said again without a change, too. Comes under
 *           the engine's lock: must not sleep nor call the engine
 */
struct dmac_engine_ops {
	int (*rw)(struct dmac_engine *engine, uint64_t addr, void *buf, size_t len, bool write);
	void (*set_irq)(struct dmac_engine *engine, unsigned int line, bool level);
};

/* The engine's thread: there is none; it runs; it has ended or is about to, and can be joined. */
enum dmac_thread {
	DMAC_THREAD_NONE,
	DMAC_THREAD_RUNS,
	DMAC_THREAD_ENDED,
};

/**
 * struct dmac_engine - an engine
 * @ops:         what it is connected to
 * @memory:      descriptor memory, perhaps shared with others; touched by atomic accesses only
 * @memory_size: in bytes, a multiple of 8
 * @lock:        guards all that follows but @piece, which is the thread's; a leaf but for @ops
 * @wake:        the thread waits for it
 * @state:       of @thread
 * @epoch:       changes when the work that is being done is given up
 * @busy:        a descriptor is being worked on
 * @resetting:   it was being worked on when the engine was reset, and has not stopped yet
 * @control, ... @completed: registers
 */
struct dmac_engine {
	const struct dmac_engine_ops *ops;
	void *memory;
	size_t memory_size;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	enum dmac_thread state;
	unsigned int epoch;
	bool busy;
	bool resetting;
	bool enabled;
	uint32_t irq_status;
	uint32_t irq_enable;
	uint32_t ring_base;
	uint32_t ring_size;
	uint32_t head;
	uint32_t tail;
	uint32_t error_index;
	uint32_t error_code;
	uint32_t completed;
	uint64_t piece[DMAC_PIECE / sizeof(uint64_t)];
};

/**
 * dmac_engine_init - power on
 * @memory: the caller's, aligned to 8 bytes, until dmac_engine_finish()
 */
void dmac_engine_init(struct dmac_engine *engine, const struct dmac_engine_ops *ops, void *memory,
		      size_t memory_size);
/** dmac_engine_finish - the reverse. Waits for the piece that is being copied. Lines are low. */
void dmac_engine_finish(struct dmac_engine *engine);

/* Accesses to both regions: any thread; @offset a multiple of @size (1, 2, 4, 8), in the region. */

/** dmac_engine_read - read a register. */
uint64_t dmac_engine_read(struct dmac_engine *engine, uint64_t offset, unsigned int size);
/** dmac_engine_write - write a register. Waits for no copy. */
void dmac_engine_write(struct dmac_engine *engine, uint64_t offset, uint64_t value,
		       unsigned int size);
/** dmac_engine_memory_read - read descriptor memory, with acquire. */
uint64_t dmac_engine_memory_read(const struct dmac_engine *engine, uint64_t offset,
				 unsigned int size);
/** dmac_engine_memory_write - write descriptor memory, with release. */
void dmac_engine_memory_write(struct dmac_engine *engine, uint64_t offset, uint64_t value,
			      unsigned int size);

#endif
