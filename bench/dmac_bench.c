/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the DMA engine's copy costs against memcpy() between the same buffers, in turns: the engine
 * goes through a buffer of its own, and another thread does it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <umdev/util.h>
#include <unistd.h>

#include "../drivers/platform/dmac_engine.h"
#include "stats.h"

#define SIZE   (32u << 20)
#define ROUNDS 21
#define RING   2

static uint8_t *memory[2];
static int done = -1;

/* An address is an offset in one buffer after the other. */
static int copy_rw(struct dmac_engine *engine, uint64_t addr, void *buf, size_t len, bool write)
{
	uint8_t *at = memory[addr / SIZE] + addr % SIZE;

	if (write)
		memcpy(at, buf, len);
	else
		memcpy(buf, at, len);
	return 0;
}

static void note_irq(struct dmac_engine *engine, unsigned int line, bool level)
{
	if (level && eventfd_write(done, 1))
		bench_check("eventfd", -1);
}

static const struct dmac_engine_ops ops = { .rw = copy_rw, .set_irq = note_irq };

static void set(struct dmac_engine *engine, uint64_t reg, uint32_t value)
{
	dmac_engine_write(engine, reg, value, 4);
}

static double by_engine(struct dmac_engine *engine, struct dmac_desc *ring)
{
	double began = now(CLOCK_MONOTONIC);
	uint32_t tail = (uint32_t)dmac_engine_read(engine, DMAC_TAIL, 4);
	eventfd_t count;

	ring[tail] = (struct dmac_desc) { .dst = SIZE, .length = SIZE, .flags = DMAC_DESC_IRQ };
	set(engine, DMAC_TAIL, (tail + 1) % RING);
	if (eventfd_read(done, &count) || ring[tail].status != DMAC_DESC_FINISHED)
		bench_check("the engine", -1);
	began = now(CLOCK_MONOTONIC) - began;
	set(engine, DMAC_IRQ_ACK, DMAC_IRQ_DONE);
	return began;
}

static double by_memcpy(void)
{
	double began = now(CLOCK_MONOTONIC);

	memcpy(memory[1], memory[0], SIZE);
	return now(CLOCK_MONOTONIC) - began;
}

int main(void)
{
	static struct dmac_desc ring[4096 / sizeof(struct dmac_desc)];
	struct dmac_engine *engine = malloc(sizeof(*engine));
	double ratios[ROUNDS];

	done = eventfd(0, EFD_CLOEXEC);
	for (unsigned int i = 0; i < ARRAY_SIZE(memory); i++) {
		memory[i] = malloc(SIZE);
		if (!memory[i] || !engine || done < 0)
			bench_check("set-up", -1);
		memset(memory[i], (int)i, SIZE);
	}
	dmac_engine_init(engine, &ops, ring, sizeof(ring));
	set(engine, DMAC_RING_SIZE, RING);
	set(engine, DMAC_IRQ_ENABLE, DMAC_IRQ_DONE);
	set(engine, DMAC_CONTROL, DMAC_CONTROL_ENABLE);
	by_engine(engine, ring);
	for (int i = 0; i < ROUNDS; i++) {
		double engines, memcpys;

		if (i & 1) {
			engines = by_engine(engine, ring);
			memcpys = by_memcpy();
		} else {
			memcpys = by_memcpy();
			engines = by_engine(engine, ring);
		}
		ratios[i] = engines / memcpys;
	}
	printf("32 MiB copied by the DMA engine against memcpy()\t%.2f\t-\n",
	       median(ratios, ROUNDS));
	dmac_engine_finish(engine);
	free(memory[0]);
	free(memory[1]);
	free(engine);
	close(done);
	return 0;
}
