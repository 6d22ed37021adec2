/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmocka_umdev.h"

#include <errno.h>
#include <time.h>
#include <umdev/util.h>
#include "dmac_fixture.h"

static struct dmac_fixture *to_fixture(struct dmac_engine *engine)
{
	return container_of(engine, struct dmac_fixture, engine);
}

static bool in(uint64_t addr, size_t len, uint64_t start, uint64_t size)
{
	return addr >= start && addr - start <= size && len <= size - (addr - start);
}

static int place_rw(struct dmac_engine *engine, uint64_t addr, void *buf, size_t len, bool write)
{
	struct dmac_fixture *f = to_fixture(engine);

	if (f->on_access)
		f->on_access(f, addr, write);
	pthread_mutex_lock(&f->lock);
	f->accesses++;
	if (f->closes_at && f->accesses >= f->closes_at)
		f->closed = true;
	f->waiting++;
	pthread_cond_broadcast(&f->changed);
	while (f->closed)
		pthread_cond_wait(&f->changed, &f->lock);
	f->waiting--;
	pthread_mutex_unlock(&f->lock);
	if (in(addr, len, ENDLESS, ENDLESS_SIZE))
		return 0;
	if (!in(addr, len, PLACE, PLACE_SIZE))
		return -EFAULT;
	if (write)
		memcpy(f->place + (addr - PLACE), buf, len);
	else
		memcpy(buf, f->place + (addr - PLACE), len);
	return 0;
}

static void note_irq(struct dmac_engine *engine, unsigned int line, bool level)
{
	struct dmac_fixture *f = to_fixture(engine);
	bool rises;

	pthread_mutex_lock(&f->lock);
	rises = level && !f->lines[line].level;
	f->lines[line].level = level;
	f->lines[line].rises += rises;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	if (rises && f->on_rise)
		f->on_rise(f, line);
}

static const struct dmac_engine_ops ops = { .rw = place_rw, .set_irq = note_irq };

int dmac_setup(void **state)
{
	struct dmac_fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	dmac_engine_init(&f->engine, &ops, f->memory, sizeof(f->memory));
	*state = f;
	return 0;
}

int dmac_teardown(void **state)
{
	struct dmac_fixture *f = *state;

	set_gate(f, false);
	dmac_engine_finish(&f->engine);
	assert_false(f->lines[DMAC_IRQ_LINE_DONE].level);
	assert_false(f->lines[DMAC_IRQ_LINE_ERROR].level);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	free(f);
	return 0;
}

uint32_t get(struct dmac_fixture *f, uint64_t reg)
{
	return (uint32_t)dmac_engine_read(&f->engine, reg, 4);
}

void set(struct dmac_fixture *f, uint64_t reg, uint32_t value)
{
	dmac_engine_write(&f->engine, reg, value, 4);
}

void await(struct dmac_fixture *f, uint64_t reg, uint32_t mask, uint32_t value)
{
	const struct timespec pause = { .tv_nsec = 100000 };

	for (unsigned int i = 0; i < 100000 && (get(f, reg) & mask) != value; i++)
		nanosleep(&pause, NULL);
	assert_int_equal(get(f, reg) & mask, value);
}

void await_gate(struct dmac_fixture *f)
{
	pthread_mutex_lock(&f->lock);
	while (!f->waiting)
		pthread_cond_wait(&f->changed, &f->lock);
	pthread_mutex_unlock(&f->lock);
}

void set_gate(struct dmac_fixture *f, bool closed)
{
	pthread_mutex_lock(&f->lock);
	f->closed = closed;
	f->closes_at = 0;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

void close_gate_at(struct dmac_fixture *f, unsigned int access)
{
	pthread_mutex_lock(&f->lock);
	f->closes_at = f->accesses + access;
	pthread_mutex_unlock(&f->lock);
}

struct dmac_line line_now(struct dmac_fixture *f, unsigned int line)
{
	struct dmac_line now;

	pthread_mutex_lock(&f->lock);
	now = f->lines[line];
	pthread_mutex_unlock(&f->lock);
	return now;
}

unsigned int accesses_now(struct dmac_fixture *f)
{
	unsigned int now;

	pthread_mutex_lock(&f->lock);
	now = f->accesses;
	pthread_mutex_unlock(&f->lock);
	return now;
}

void enable_ring(struct dmac_fixture *f)
{
	set(f, DMAC_RING_BASE, 0);
	set(f, DMAC_RING_SIZE, RING);
	set(f, DMAC_IRQ_ENABLE, DMAC_IRQ_DONE | DMAC_IRQ_ERROR);
	set(f, DMAC_CONTROL, DMAC_CONTROL_ENABLE);
}

void put(struct dmac_fixture *f, uint32_t index, const struct dmac_desc *desc)
{
	uint64_t at = get(f, DMAC_RING_BASE) + (uint64_t)index * sizeof(*desc);
	uint64_t words[sizeof(*desc) / sizeof(uint64_t)];

	memcpy(words, desc, sizeof(words));
	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
		dmac_engine_memory_write(&f->engine, at + i * 8, words[i], 8);
}

uint32_t status_of(struct dmac_fixture *f, uint32_t index)
{
	uint64_t at = get(f, DMAC_RING_BASE) + (uint64_t)index * sizeof(struct dmac_desc);

	return (uint32_t)dmac_engine_memory_read(&f->engine,
						 at + offsetof(struct dmac_desc, status), 4);
}

void submit(struct dmac_fixture *f, const struct dmac_desc *desc)
{
	uint32_t tail = get(f, DMAC_TAIL);

	put(f, tail, desc);
	set(f, DMAC_TAIL, (tail + 1) % get(f, DMAC_RING_SIZE));
}
