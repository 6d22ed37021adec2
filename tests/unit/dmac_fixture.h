/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A DMA engine with memory and interrupt lines of the test's, and what a driver does with it.
 */
#ifndef UMDEV_TESTS_DMAC_FIXTURE_H
#define UMDEV_TESTS_DMAC_FIXTURE_H

#include "../../drivers/platform/dmac_engine.h"

#define DMAC_MEMORY_SIZE 4096u
#define RING		 8u

/* Memory that the engine reaches; what is elsewhere it can't. */
#define PLACE	   UINT64_C(0x40000000)
#define PLACE_SIZE (1u << 20)
/* Behind it a source and a sink that are endless, or nearly so. */
#define ENDLESS	     UINT64_C(0x8000000000)
#define ENDLESS_SIZE UINT64_C(0x4000000000)

/**
 * struct dmac_line - an interrupt line
 * @level: now
 * @rises: how often it has risen
 */
struct dmac_line {
	bool level;
	unsigned int rises;
};

/**
 * struct dmac_fixture - an engine and its surroundings
 * @place:    the memory at PLACE
 * @lock:     guards what follows
 * @changed:  something below has changed
 * @closed:   copies wait at the gate
 * @closes_at: the access at which it closes by itself, counted from the first; 0: none
 * @waiting:  how many do
 * @accesses: how often memory was accessed
 * @on_access: called for each access, before it, without locks. Optional; set before enabling
 * @on_rise:  called when a line rises, under the engine's lock. Optional; the same
 */
struct dmac_fixture {
	struct dmac_engine engine;
	uint64_t memory[DMAC_MEMORY_SIZE / sizeof(uint64_t)];
	uint8_t place[PLACE_SIZE];
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct dmac_line lines[DMAC_NR_IRQS];
	bool closed;
	unsigned int closes_at;
	unsigned int waiting;
	unsigned int accesses;
	void (*on_access)(struct dmac_fixture *f, uint64_t addr, bool write);
	void (*on_rise)(struct dmac_fixture *f, unsigned int line);
};

int dmac_setup(void **state);
int dmac_teardown(void **state);

uint32_t get(struct dmac_fixture *f, uint64_t reg);
void set(struct dmac_fixture *f, uint64_t reg, uint32_t value);

/* Wait until the bits of @mask in a register are @value; fails after a long time. */
void await(struct dmac_fixture *f, uint64_t reg, uint32_t mask, uint32_t value);
/* Wait until a copy is at the closed gate. */
void await_gate(struct dmac_fixture *f);
void set_gate(struct dmac_fixture *f, bool closed);
/* Have the gate close when so many more accesses have come to it. */
void close_gate_at(struct dmac_fixture *f, unsigned int access);
struct dmac_line line_now(struct dmac_fixture *f, unsigned int line);
unsigned int accesses_now(struct dmac_fixture *f);

/* A ring of RING descriptors at the beginning of the memory, all interrupts, enabled. */
void enable_ring(struct dmac_fixture *f);
/* Fill descriptor @index, not ring the bell. */
void put(struct dmac_fixture *f, uint32_t index, const struct dmac_desc *desc);
uint32_t status_of(struct dmac_fixture *f, uint32_t index);
/* Fill the one at TAIL and ring. */
void submit(struct dmac_fixture *f, const struct dmac_desc *desc);

#endif
