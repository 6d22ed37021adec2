/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <umdev/util.h>
#include <umdev/thread.h>
#include "dmac_engine.h"

#define IRQ_BITS  (DMAC_IRQ_DONE | DMAC_IRQ_ERROR)
#define DESC_BITS (DMAC_DESC_IRQ | DMAC_DESC_LAST | DMAC_DESC_FILL)

/* Not an error: the work was given up, and nobody wants to hear of it. */
#define GIVEN_UP UINT32_MAX

/* ---- descriptors ---- */

/* Users may change a descriptor at any time, so each field is fetched once, to a copy. Locked. */
static void fetch(const struct dmac_engine *engine, uint32_t index, struct dmac_desc *desc)
{
	const struct dmac_desc *ring =
		(const void *)((const char *)engine->memory + engine->ring_base);
	const struct dmac_desc *there = &ring[index];

	desc->status = __atomic_load_n(&there->status, __ATOMIC_ACQUIRE);
	desc->src = __atomic_load_n(&there->src, __ATOMIC_RELAXED);
	desc->dst = __atomic_load_n(&there->dst, __ATOMIC_RELAXED);
	desc->length = __atomic_load_n(&there->length, __ATOMIC_RELAXED);
	desc->flags = __atomic_load_n(&there->flags, __ATOMIC_RELAXED);
}

/* Locked. */
static void write_status(struct dmac_engine *engine, uint32_t index, uint32_t code)
{
	struct dmac_desc *ring = (void *)((char *)engine->memory + engine->ring_base);

	__atomic_store_n(&ring[index].status, DMAC_DESC_FINISHED | code, __ATOMIC_RELEASE);
}

/* Does [addr, addr + length) go beyond the last address? */
static bool wraps(uint64_t addr, uint32_t length)
{
	return addr > UINT64_MAX - (length - 1);
}

static uint32_t check(const struct dmac_desc *desc)
{
	if (desc->status)
		return DMAC_ERROR_NOT_PENDING;
	if (desc->flags & ~DESC_BITS)
		return DMAC_ERROR_FLAGS;
	if (!desc->length || desc->length > DMAC_MAX_LENGTH_VALUE)
		return DMAC_ERROR_LENGTH;
	if (wraps(desc->dst, desc->length))
		return DMAC_ERROR_ADDRESS;
	if (!(desc->flags & DMAC_DESC_FILL) && wraps(desc->src, desc->length))
		return DMAC_ERROR_ADDRESS;
	return 0;
}

/* ---- registers that follow from others; locked ---- */

static void update_lines(struct dmac_engine *engine)
{
	uint32_t raised = engine->irq_status & engine->irq_enable;

	engine->ops->set_irq(engine, DMAC_IRQ_LINE_DONE, raised & DMAC_IRQ_DONE);
	engine->ops->set_irq(engine, DMAC_IRQ_LINE_ERROR, raised & DMAC_IRQ_ERROR);
}

/* Stop working. Who copies finds out before the next piece. */
static void disable(struct dmac_engine *engine)
{
	engine->enabled = false;
	engine->epoch++;
	pthread_cond_signal(&engine->wake);
}

static void fail(struct dmac_engine *engine, uint32_t index, uint32_t code)
{
	disable(engine);
	engine->error_index = index;
	engine->error_code = code;
	engine->irq_status |= DMAC_IRQ_ERROR;
	update_lines(engine);
}

static void reset(struct dmac_engine *engine)
{
	disable(engine);
	engine->resetting = engine->busy;
	engine->irq_status = 0;
	engine->irq_enable = 0;
	engine->ring_base = 0;
	engine->ring_size = 0;
	engine->head = 0;
	engine->tail = 0;
	engine->error_index = 0;
	engine->error_code = 0;
	engine->completed = 0;
	update_lines(engine);
}

/* ---- the thread ---- */

static bool goes_on(struct dmac_engine *engine, unsigned int epoch)
{
	bool same;

	pthread_mutex_lock(&engine->lock);
	same = engine->epoch == epoch;
	pthread_mutex_unlock(&engine->lock);
	return same;
}

/* Return: 0, DMAC_ERROR_*, or GIVEN_UP. */
static uint32_t copy(struct dmac_engine *engine, const struct dmac_desc *desc, unsigned int epoch)
{
	const struct dmac_engine_ops *ops = engine->ops;
	bool fills = desc->flags & DMAC_DESC_FILL;
	uint32_t done = 0;

	if (fills)
		for (size_t i = 0; i < ARRAY_SIZE(engine->piece); i++)
			engine->piece[i] = desc->src;
	while (done < desc->length) {
		uint32_t left = desc->length - done;
		uint32_t len = left < DMAC_PIECE ? left : DMAC_PIECE;

		if (!goes_on(engine, epoch))
			return GIVEN_UP;
		if (!fills && ops->rw(engine, desc->src + done, engine->piece, len, false))
			return DMAC_ERROR_READ;
		if (!goes_on(engine, epoch))
			return GIVEN_UP;
		if (ops->rw(engine, desc->dst + done, engine->piece, len, true))
			return DMAC_ERROR_WRITE;
		done += len;
	}
	return 0;
}

/* Locked. */
static void complete(struct dmac_engine *engine, const struct dmac_desc *desc)
{
	write_status(engine, engine->head, 0);
	engine->completed++;
	engine->head = (engine->head + 1) % engine->ring_size;
	if (desc->flags & DMAC_DESC_LAST)
		disable(engine);
	if (desc->flags & DMAC_DESC_IRQ) {
		engine->irq_status |= DMAC_IRQ_DONE;
		update_lines(engine);
	}
}

/* Locked, but not while it copies. */
static void work(struct dmac_engine *engine)
{
	unsigned int epoch = engine->epoch;
	struct dmac_desc desc;
	uint32_t code;

	fetch(engine, engine->head, &desc);
	code = check(&desc);
	if (!code) {
		engine->busy = true;
		pthread_mutex_unlock(&engine->lock);
		code = copy(engine, &desc, epoch);
		pthread_mutex_lock(&engine->lock);
		engine->busy = false;
		engine->resetting = false;
	}
	/* Whoever has stopped it while it was copying does not expect a status any more. */
	if (engine->epoch != epoch)
		return;
	if (!code) {
		complete(engine, &desc);
		return;
	}
	if (code != DMAC_ERROR_NOT_PENDING)
		write_status(engine, engine->head, code);
	fail(engine, engine->head, code);
}

static void *run(void *arg)
{
	struct dmac_engine *engine = arg;

	pthread_mutex_lock(&engine->lock);
	while (engine->enabled) {
		if (engine->head == engine->tail)
			pthread_cond_wait(&engine->wake, &engine->lock);
		else
			work(engine);
	}
	engine->state = DMAC_THREAD_ENDED;
	pthread_mutex_unlock(&engine->lock);
	return NULL;
}

/* Locked. A thread that has ended has nothing left to wait for. Return: 0 or an error number. */
static int start_thread(struct dmac_engine *engine)
{
	int err;

	if (engine->state == DMAC_THREAD_RUNS)
		return 0;
	if (engine->state == DMAC_THREAD_ENDED)
		pthread_join(engine->thread, NULL);
	engine->state = DMAC_THREAD_NONE;
	err = umdev_thread_start(&engine->thread, "dmac", run, engine);
	if (!err)
		engine->state = DMAC_THREAD_RUNS;
	return err;
}

/* ---- writing registers; locked ---- */

static bool ring_fits(const struct dmac_engine *engine)
{
	size_t size = engine->memory_size;

	return engine->ring_base <= size && engine->ring_base % sizeof(struct dmac_desc) == 0 &&
	       engine->ring_size >= 2 &&
	       engine->ring_size <= (size - engine->ring_base) / sizeof(struct dmac_desc);
}

static void enable(struct dmac_engine *engine)
{
	if (engine->enabled || engine->error_code)
		return;
	if (!ring_fits(engine)) {
		fail(engine, 0, DMAC_ERROR_RING);
		return;
	}
	if (engine->tail >= engine->ring_size) {
		fail(engine, engine->tail, DMAC_ERROR_TAIL);
		return;
	}
	engine->enabled = true;
	if (start_thread(engine))
		fail(engine, engine->head, DMAC_ERROR_INTERNAL);
}

static void write_control(struct dmac_engine *engine, uint32_t value)
{
	if (value & DMAC_CONTROL_RESET)
		reset(engine);
	else if (value & DMAC_CONTROL_ENABLE)
		enable(engine);
	else if (engine->enabled)
		disable(engine);
}

static void write_ring(struct dmac_engine *engine, uint32_t *reg, uint32_t value)
{
	if (engine->enabled)
		return;
	*reg = value;
	engine->head = 0;
	engine->tail = 0;
}

static void write_tail(struct dmac_engine *engine, uint32_t value)
{
	engine->tail = value;
	if (!engine->enabled)
		return;
	if (value >= engine->ring_size)
		fail(engine, value, DMAC_ERROR_TAIL);
	else
		pthread_cond_signal(&engine->wake);
}

static void write_register(struct dmac_engine *engine, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case DMAC_CONTROL:
		write_control(engine, value);
		break;
	case DMAC_IRQ_ENABLE:
		engine->irq_enable = value & IRQ_BITS;
		update_lines(engine);
		break;
	case DMAC_IRQ_ACK:
		engine->irq_status &= ~value;
		update_lines(engine);
		break;
	case DMAC_RING_BASE:
		write_ring(engine, &engine->ring_base, value);
		break;
	case DMAC_RING_SIZE:
		write_ring(engine, &engine->ring_size, value);
		break;
	case DMAC_TAIL:
		write_tail(engine, value);
		break;
	default:
		break;
	}
}

void dmac_engine_write(struct dmac_engine *engine, uint64_t offset, uint64_t value,
		       unsigned int size)
{
	if (size != 4)
		return;
	pthread_mutex_lock(&engine->lock);
	write_register(engine, offset, (uint32_t)value);
	pthread_mutex_unlock(&engine->lock);
}

/* ---- reading registers ---- */

static uint32_t control(const struct dmac_engine *engine)
{
	return (engine->enabled ? DMAC_CONTROL_ENABLE : 0) |
	       (engine->resetting ? DMAC_CONTROL_RESET : 0);
}

static uint32_t status(const struct dmac_engine *engine)
{
	return (engine->busy ? DMAC_STATUS_BUSY : 0) | (engine->error_code ? DMAC_STATUS_ERROR : 0);
}

/* Locked. */
static uint32_t read_register(const struct dmac_engine *engine, uint64_t offset)
{
	switch (offset) {
	case DMAC_ID:
		return DMAC_ID_VALUE;
	case DMAC_VERSION:
		return DMAC_VERSION_VALUE;
	case DMAC_CONTROL:
		return control(engine);
	case DMAC_STATUS:
		return status(engine);
	case DMAC_IRQ_STATUS:
		return engine->irq_status;
	case DMAC_IRQ_ENABLE:
		return engine->irq_enable;
	case DMAC_IRQ_ACK:
		return 0;
	case DMAC_RING_BASE:
		return engine->ring_base;
	case DMAC_RING_SIZE:
		return engine->ring_size;
	case DMAC_HEAD:
		return engine->head;
	case DMAC_TAIL:
		return engine->tail;
	case DMAC_ERROR_INDEX:
		return engine->error_index;
	case DMAC_ERROR_CODE:
		return engine->error_code;
	case DMAC_COMPLETED:
		return engine->completed;
	case DMAC_MAX_LENGTH:
		return DMAC_MAX_LENGTH_VALUE;
	default:
		return UINT32_MAX;
	}
}

uint64_t dmac_engine_read(struct dmac_engine *engine, uint64_t offset, unsigned int size)
{
	uint64_t value;

	if (size != 4)
		return UINT64_MAX;
	pthread_mutex_lock(&engine->lock);
	value = read_register(engine, offset);
	pthread_mutex_unlock(&engine->lock);
	return value;
}

/* ---- descriptor memory ---- */

uint64_t dmac_engine_memory_read(const struct dmac_engine *engine, uint64_t offset,
				 unsigned int size)
{
	const void *at = (const char *)engine->memory + offset;

	switch (size) {
	case 1:
		return __atomic_load_n((const uint8_t *)at, __ATOMIC_ACQUIRE);
	case 2:
		return __atomic_load_n((const uint16_t *)at, __ATOMIC_ACQUIRE);
	case 4:
		return __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);
	default:
		return __atomic_load_n((const uint64_t *)at, __ATOMIC_ACQUIRE);
	}
}

void dmac_engine_memory_write(struct dmac_engine *engine, uint64_t offset, uint64_t value,
			      unsigned int size)
{
	void *at = (char *)engine->memory + offset;

	switch (size) {
	case 1:
		__atomic_store_n((uint8_t *)at, (uint8_t)value, __ATOMIC_RELEASE);
		break;
	case 2:
		__atomic_store_n((uint16_t *)at, (uint16_t)value, __ATOMIC_RELEASE);
		break;
	case 4:
		__atomic_store_n((uint32_t *)at, (uint32_t)value, __ATOMIC_RELEASE);
		break;
	default:
		__atomic_store_n((uint64_t *)at, value, __ATOMIC_RELEASE);
	}
}

/* ---- power on, power off ---- */

void dmac_engine_init(struct dmac_engine *engine, const struct dmac_engine_ops *ops, void *memory,
		      size_t memory_size)
{
	memset(engine, 0, sizeof(*engine));
	engine->ops = ops;
	engine->memory = memory;
	engine->memory_size = memory_size;
	pthread_mutex_init(&engine->lock, NULL);
	pthread_cond_init(&engine->wake, NULL);
}

void dmac_engine_finish(struct dmac_engine *engine)
{
	bool has_thread;

	pthread_mutex_lock(&engine->lock);
	reset(engine);
	has_thread = engine->state != DMAC_THREAD_NONE;
	pthread_mutex_unlock(&engine->lock);
	/* Disabled it ends, and nobody enables it any more. */
	if (has_thread)
		pthread_join(engine->thread, NULL);
	pthread_cond_destroy(&engine->wake);
	pthread_mutex_destroy(&engine->lock);
}
