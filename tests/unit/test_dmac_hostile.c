/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The DMA engine under users who mean ill or are in a hurry. What is promised: it goes on living,
 * accesses memory in pieces, and is as new after a reset. The sanitizers see the rest.
 */
#include "cmocka_umdev.h"

#include <stdatomic.h>
#include <sched.h>
#include <umdev/util.h>
#include "dmac_fixture.h"

#define USERS  3
#define ROUNDS 20000

#define NR_DESCS (DMAC_MEMORY_SIZE / (unsigned int)sizeof(struct dmac_desc))

/** struct user - one of several that use an engine at once */
struct user {
	struct dmac_fixture *f;
	uint32_t random;
	pthread_t thread;
};

static uint32_t next(struct user *user)
{
	user->random ^= user->random << 13;
	user->random ^= user->random >> 17;
	user->random ^= user->random << 5;
	return user->random;
}

/* Often what makes sense, to get farther; else anything. */
static uint32_t value(struct user *user)
{
	static const uint32_t likely[] = { 0, 1, 2, 3, 4, 5, RING, 32, 4096, 0xffffffff };
	uint32_t which = next(user) % 16;

	return which < ARRAY_SIZE(likely) ? likely[which] : next(user);
}

static uint64_t address(struct user *user)
{
	switch (next(user) % 16) {
	case 0:
		return (uint64_t)next(user) << 32 | next(user);
	case 1:
		return UINT64_MAX - next(user) % 64;
	case 2:
	case 3:
		return ENDLESS + next(user);
	default:
		return PLACE + next(user) % PLACE_SIZE;
	}
}

static void put_random(struct user *user, uint32_t index)
{
	struct dmac_desc desc = {
		.src = address(user),
		.dst = address(user),
		.length = next(user) % 4 ? next(user) % 200000 : value(user),
		.flags = next(user) % 16 ? next(user) % 8 : next(user),
		.status = next(user) % 16 ? 0 : next(user),
	};
	uint64_t words[sizeof(desc) / 8];
	uint64_t at = (uint64_t)index * sizeof(desc);

	memcpy(words, &desc, sizeof(words));
	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
		dmac_engine_memory_write(&user->f->engine, at + i * 8, words[i], 8);
}

/* Give the engine the time to get somewhere, or not. */
static void pause_a_while(struct user *user)
{
	unsigned int accesses = accesses_now(user->f);
	unsigned int looks = next(user) % 200;

	while (looks-- && accesses_now(user->f) - accesses < 20)
		sched_yield();
}

static void do_one_thing(struct user *user)
{
	struct dmac_engine *engine = &user->f->engine;
	unsigned int size = 1u << next(user) % 4;

	switch (next(user) % 64) {
	case 0:
		set(user->f, DMAC_CONTROL, next(user) % 4);
		break;
	case 1:
		dmac_engine_write(engine, next(user) % 32 * 4, value(user), 4);
		break;
	case 2:
		dmac_engine_memory_write(engine, next(user) % (DMAC_MEMORY_SIZE / size) * size,
					 (uint64_t)next(user) << 32 | value(user), size);
		break;
	case 3:
	case 4:
	case 5:
		if (get(user->f, DMAC_STATUS) & DMAC_STATUS_ERROR)
			set(user->f, DMAC_CONTROL, DMAC_CONTROL_RESET);
		for (uint32_t i = 0; i < RING; i++)
			put_random(user, i);
		enable_ring(user->f);
		break;
	case 6:
	case 7:
		dmac_engine_read(engine, next(user) % 32 * size, size);
		break;
	case 8:
	case 9:
		pause_a_while(user);
		break;
	default:
		if (next(user) % 4)
			put_random(user, next(user) % (next(user) % 4 ? RING : NR_DESCS));
		else
			set(user->f, DMAC_TAIL, next(user) % RING);
	}
}

static void *do_anything(void *arg)
{
	for (unsigned int i = 0; i < ROUNDS; i++)
		do_one_thing(arg);
	return NULL;
}

static void run_users(struct dmac_fixture *f, void *(*what)(void *arg))
{
	struct user users[USERS];

	for (unsigned int i = 0; i < USERS; i++) {
		users[i] = (struct user) { .f = f, .random = 0x1234567 + i };
		assert_int_equal(pthread_create(&users[i].thread, NULL, what, &users[i]), 0);
	}
	for (unsigned int i = 0; i < USERS; i++)
		pthread_join(users[i].thread, NULL);
}

static void assert_as_new(struct dmac_fixture *f)
{
	const struct dmac_desc desc = {
		.src = 0x0101010101010101, .dst = PLACE, .length = 1000, .flags = DMAC_DESC_FILL
	};

	set(f, DMAC_CONTROL, DMAC_CONTROL_RESET);
	await(f, DMAC_CONTROL, UINT32_MAX, 0);
	memset(f->place, 0, 1001);
	enable_ring(f);
	submit(f, &desc);
	await(f, DMAC_HEAD, UINT32_MAX, 1);
	assert_int_equal(status_of(f, 0), DMAC_DESC_FINISHED);
	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(f->place[i], 1);
	assert_int_equal(f->place[1000], 0);
}

static void random_accesses_do_no_harm(void **state)
{
	struct dmac_fixture *f = *state;

	run_users(f, do_anything);
	assert_true(accesses_now(f) > 0);
	assert_as_new(f);
}

/* ---- many starts and stops with somebody who handles interrupts ---- */

static atomic_bool over;
static atomic_uint handled;

/* As a threaded handler does: acknowledge, look, and wait for the line. */
static void *handle(void *arg)
{
	struct dmac_fixture *f = arg;

	while (!atomic_load(&over)) {
		pthread_mutex_lock(&f->lock);
		while (!f->lines[0].level && !f->lines[1].level && !atomic_load(&over))
			pthread_cond_wait(&f->changed, &f->lock);
		pthread_mutex_unlock(&f->lock);
		set(f, DMAC_IRQ_ACK, get(f, DMAC_IRQ_STATUS));
		get(f, DMAC_HEAD);
		atomic_fetch_add(&handled, 1);
	}
	return NULL;
}

static void *start_and_stop(void *arg)
{
	struct user *user = arg;
	struct dmac_fixture *f = user->f;
	const struct dmac_desc desc = {
		.src = ENDLESS, .dst = ENDLESS, .length = 3 * DMAC_PIECE, .flags = DMAC_DESC_IRQ
	};

	for (unsigned int i = 0; i < ROUNDS / 10; i++) {
		enable_ring(f);
		for (unsigned int k = 0; k < RING - 1; k++)
			put(f, k, &desc);
		set(f, DMAC_TAIL, next(user) % RING);
		pause_a_while(user);
		if (next(user) % 2)
			set(f, DMAC_CONTROL, 0);
		if (next(user) % 2)
			set(f, DMAC_CONTROL, DMAC_CONTROL_RESET);
	}
	return NULL;
}

static void many_starts_and_stops_with_interrupts(void **state)
{
	struct dmac_fixture *f = *state;
	pthread_t handler;

	atomic_store(&over, false);
	assert_int_equal(pthread_create(&handler, NULL, handle, f), 0);
	run_users(f, start_and_stop);
	assert_as_new(f);
	atomic_store(&over, true);
	set_gate(f, false);
	pthread_join(handler, NULL);
	assert_true(atomic_load(&handled) > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, dmac_setup, dmac_teardown)
	const struct CMUnitTest tests[] = {
		TEST(random_accesses_do_no_harm),
		TEST(many_starts_and_stops_with_interrupts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
