/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The DMA engine by itself: one test per promise of <umdev/dmac.h>. */
#include "cmocka_umdev.h"

#include <dirent.h>
#include <umdev/util.h>
#include "dmac_fixture.h"

#define DONE DMAC_DESC_FINISHED
#define GB   DMAC_MAX_LENGTH_VALUE

/* Something that is nowhere else. */
static void scribble(uint8_t *at, size_t len, unsigned int seed)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)((seed += 0x9e3779b9u) >> 24);
}

static const struct dmac_desc small = {
	.src = PLACE + 3, .dst = PLACE + 0x801, .length = 1000, .flags = DMAC_DESC_IRQ
};
static const struct dmac_desc huge = {
	.src = ENDLESS, .dst = ENDLESS + GB, .length = GB, .flags = DMAC_DESC_IRQ
};

/* ---- registers ---- */

static void registers_are_as_after_power_on(void **state)
{
	struct dmac_fixture *f = *state;

	assert_int_equal(get(f, DMAC_ID), DMAC_ID_VALUE);
	assert_int_equal(get(f, DMAC_VERSION), DMAC_VERSION_VALUE);
	assert_int_equal(get(f, DMAC_MAX_LENGTH), GB);
	for (uint64_t reg = DMAC_CONTROL; reg < DMAC_MAX_LENGTH; reg += 4)
		if (reg != 0x1c)
			assert_int_equal(get(f, reg), 0);
	assert_int_equal(get(f, 0x1c), UINT32_MAX);
	assert_int_equal(get(f, DMAC_REGISTERS_SIZE), UINT32_MAX);
}

static void registers_answer_to_words_only(void **state)
{
	struct dmac_fixture *f = *state;

	assert_true(dmac_engine_read(&f->engine, DMAC_ID, 1) == UINT64_MAX);
	assert_true(dmac_engine_read(&f->engine, DMAC_ID, 2) == UINT64_MAX);
	assert_true(dmac_engine_read(&f->engine, DMAC_ID, 8) == UINT64_MAX);
	dmac_engine_write(&f->engine, DMAC_RING_SIZE, 5, 8);
	dmac_engine_write(&f->engine, DMAC_RING_SIZE, 5, 1);
	assert_int_equal(get(f, DMAC_RING_SIZE), 0);
}

static void registers_that_are_read_only_stay(void **state)
{
	static const uint64_t regs[] = { DMAC_ID,	  DMAC_VERSION,	  DMAC_STATUS,
					 DMAC_IRQ_STATUS, DMAC_HEAD,	  DMAC_ERROR_INDEX,
					 DMAC_ERROR_CODE, DMAC_COMPLETED, DMAC_MAX_LENGTH,
					 DMAC_IRQ_ACK };
	struct dmac_fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
		uint32_t before = get(f, regs[i]);

		set(f, regs[i], 0x12345678);
		assert_int_equal(get(f, regs[i]), before);
	}
}

static void ring_registers_are_locked_while_enabled(void **state)
{
	struct dmac_fixture *f = *state;

	enable_ring(f);
	set(f, DMAC_RING_BASE, 64);
	set(f, DMAC_RING_SIZE, 3);
	assert_int_equal(get(f, DMAC_RING_BASE), 0);
	assert_int_equal(get(f, DMAC_RING_SIZE), RING);
	submit(f, &small);
	await(f, DMAC_HEAD, UINT32_MAX, 1);
	set(f, DMAC_CONTROL, 0);
	set(f, DMAC_RING_SIZE, 3);
	assert_int_equal(get(f, DMAC_HEAD), 0);
	assert_int_equal(get(f, DMAC_TAIL), 0);
}

static void memory_is_accessed_in_all_sizes(void **state)
{
	struct dmac_fixture *f = *state;
	struct dmac_engine *engine = &f->engine;

	dmac_engine_memory_write(engine, 16, 0x1122334455667788, 8);
	dmac_engine_memory_write(engine, 16, 0xaabbccdd, 4);
	dmac_engine_memory_write(engine, 22, 0xeeff, 2);
	dmac_engine_memory_write(engine, 21, 0x99, 1);
	assert_true(dmac_engine_memory_read(engine, 16, 8) == 0xeeff9944aabbccdd);
	assert_int_equal(dmac_engine_memory_read(engine, 20, 4), 0xeeff9944);
	assert_int_equal(dmac_engine_memory_read(engine, 18, 2), 0xaabb);
	assert_int_equal(dmac_engine_memory_read(engine, 23, 1), 0xee);
}

/* ---- copying ---- */

static void descriptor_is_copied_and_written_back(void **state)
{
	struct dmac_fixture *f = *state;
	struct dmac_desc desc = small;

	desc.user = 0xcafe;
	scribble(f->place, 4096, 1);
	enable_ring(f);
	submit(f, &desc);
	await(f, DMAC_HEAD, UINT32_MAX, 1);
	assert_memory_equal(f->place + 0x801, f->place + 3, 1000);
	assert_int_equal(status_of(f, 0), DONE);
	assert_int_equal(dmac_engine_memory_read(&f->engine, 28, 4), 0xcafe);
	assert_int_equal(get(f, DMAC_COMPLETED), 1);
	assert_int_equal(get(f, DMAC_STATUS), 0);
	assert_int_equal(get(f, DMAC_ERROR_CODE), 0);
}

static void nothing_outside_of_the_destination_is_written(void **state)
{
	struct dmac_fixture *f = *state;
	uint8_t before[8192];

	scribble(f->place, sizeof(before), 2);
	memcpy(before, f->place, sizeof(before));
	enable_ring(f);
	submit(f, &small);
	await(f, DMAC_HEAD, UINT32_MAX, 1);
	memcpy(before + 0x801, before + 3, 1000);
	assert_memory_equal(f->place, before, sizeof(before));
}

static void long_descriptor_is_copied_in_pieces(void **state)
{
	const struct dmac_desc desc = { .src = PLACE, .dst = PLACE + 500001, .length = 400001 };
	struct dmac_fixture *f = *state;

	scribble(f->place, 400001, 3);
	enable_ring(f);
	submit(f, &desc);
	await(f, DMAC_HEAD, UINT32_MAX, 1);
	assert_memory_equal(f->place + 500001, f->place, 400001);
	assert_int_equal(accesses_now(f), 2 * (400001 / DMAC_PIECE + 1));
}

static void filling_repeats_eight_bytes(void **state)
{
	const struct dmac_desc desc = { .src = 0x8877665544332211,
					.dst = PLACE + 1,
					.length = 2 * DMAC_PIECE + 11,
					.flags = DMAC_DESC_FILL };
	struct dmac_fixture *f = *state;

	enable_ring(f);
	submit(f, &desc);
	await(f, DMAC_HEAD, UINT32_MAX, 1);
	assert_int_equal(f->place[0], 0);
	for (uint32_t i = 0; i < desc.length; i++)
		assert_int_equal(f->place[1 + i], 0x11 * (i % 8 + 1));
	assert_int_equal(f->place[1 + desc.length], 0);
}

static void addresses_reach_to_the_very_end(void **state)
{
	const struct dmac_desc desc = { .src = UINT64_MAX, .dst = UINT64_MAX, .length = 1 };
	struct dmac_fixture *f = *state;

	enable_ring(f);
	submit(f, &desc);
	await(f, DMAC_ERROR_CODE, UINT32_MAX, DMAC_ERROR_READ);
}

static void ring_wraps(void **state)
{
	struct dmac_fixture *f = *state;
	struct dmac_desc desc = { .length = 1 };

	scribble(f->place, 100, 4);
	enable_ring(f);
	for (unsigned int i = 0; i < 3 * RING; i++) {
		desc.src = PLACE + i;
		desc.dst = PLACE + 1000 + i;
		/* One is always free, so the next status to be overwritten is an old one. */
		submit(f, &desc);
		await(f, DMAC_HEAD, UINT32_MAX, (i + 1) % RING);
	}
	assert_memory_equal(f->place + 1000, f->place, 3 * RING);
	assert_int_equal(get(f, DMAC_COMPLETED), 3 * RING);
}

static void one_bell_is_enough_for_many(void **state)
{
	struct dmac_fixture *f = *state;
	struct dmac_desc desc = { .length = 1 };

	scribble(f->place, 100, 5);
	enable_ring(f);
	for (unsigned int i = 0; i < RING - 1; i++) {
		desc.src = PLACE + i;
		desc.dst = PLACE + 1000 + i;
		put(f, i, &desc);
	}
	set(f, DMAC_TAIL, RING - 1);
	await(f, DMAC_HEAD, UINT32_MAX, RING - 1);
	assert_memory_equal(f->place + 1000, f->place, RING - 1);
}

static void last_one_disables_the_engine(void **state)
{
	struct dmac_fixture *f = *state;
	struct dmac_desc desc = small;

	enable_ring(f);
	desc.flags = DMAC_DESC_LAST;
	put(f, 0, &desc);
	put(f, 1, &small);
	set(f, DMAC_TAIL, 2);
	await(f, DMAC_CONTROL, DMAC_CONTROL_ENABLE, 0);
	assert_int_equal(status_of(f, 0), DONE);
	assert_int_equal(status_of(f, 1), 0);
	assert_int_equal(get(f, DMAC_HEAD), 1);
	assert_int_equal(get(f, DMAC_STATUS), 0);
	set(f, DMAC_CONTROL, DMAC_CONTROL_ENABLE);
	await(f, DMAC_HEAD, UINT32_MAX, 2);
	assert_int_equal(status_of(f, 1), DONE);
}

static void ring_lies_anywhere_in_the_memory(void **state)
{
	struct dmac_fixture *f = *state;

	set(f, DMAC_RING_BASE, DMAC_MEMORY_SIZE - 2 * sizeof(struct dmac_desc));
	set(f, DMAC_RING_SIZE, 2);
	set(f, DMAC_CONTROL, DMAC_CONTROL_ENABLE);
	submit(f, &small);
	await(f, DMAC_HEAD, UINT32_MAX, 1);
	submit(f, &small);
	await(f, DMAC_HEAD, UINT32_MAX, 0);
	assert_int_equal(get(f, DMAC_ERROR_CODE), 0);
}

/* The user writes nonsense over a descriptor as soon as the engine works on it. */
static void overwrite(struct dmac_fixture *f, uint64_t addr, bool write)
{
	for (unsigned int i = 0; i < sizeof(struct dmac_desc) / 8; i++)
		dmac_engine_memory_write(&f->engine, i * 8, UINT64_MAX, 8);
}

static void descriptor_is_fetched_once(void **state)
{
	struct dmac_fixture *f = *state;
	const struct dmac_desc desc = { .src = PLACE, .dst = PLACE + 500000, .length = 300000 };

	scribble(f->place, 300000, 6);
	f->on_access = overwrite;
	enable_ring(f);
	submit(f, &desc);
	await(f, DMAC_HEAD, UINT32_MAX, 1);
	assert_memory_equal(f->place + 500000, f->place, 300000);
	assert_int_equal(status_of(f, 0), DONE);
}

/* ---- interrupts ---- */

static void done_is_a_level_until_acknowledged(void **state)
{
	struct dmac_fixture *f = *state;

	enable_ring(f);
	submit(f, &small);
	await(f, DMAC_IRQ_STATUS, UINT32_MAX, DMAC_IRQ_DONE);
	assert_true(line_now(f, DMAC_IRQ_LINE_DONE).level);
	submit(f, &small);
	await(f, DMAC_HEAD, UINT32_MAX, 2);
	assert_true(line_now(f, DMAC_IRQ_LINE_DONE).level);
	assert_int_equal(line_now(f, DMAC_IRQ_LINE_DONE).rises, 1);
	set(f, DMAC_IRQ_ACK, DMAC_IRQ_ERROR);
	assert_true(line_now(f, DMAC_IRQ_LINE_DONE).level);
	set(f, DMAC_IRQ_ACK, DMAC_IRQ_DONE);
	assert_false(line_now(f, DMAC_IRQ_LINE_DONE).level);
	assert_int_equal(get(f, DMAC_IRQ_STATUS), 0);
	assert_false(line_now(f, DMAC_IRQ_LINE_ERROR).rises);
}

static void interrupt_waits_until_it_is_enabled(void **state)
{
	struct dmac_fixture *f = *state;

	enable_ring(f);
	set(f, DMAC_IRQ_ENABLE, 0);
	submit(f, &small);
	await(f, DMAC_IRQ_STATUS, UINT32_MAX, DMAC_IRQ_DONE);
	assert_false(line_now(f, DMAC_IRQ_LINE_DONE).level);
	set(f, DMAC_IRQ_ENABLE, UINT32_MAX);
	assert_int_equal(get(f, DMAC_IRQ_ENABLE), DMAC_IRQ_DONE | DMAC_IRQ_ERROR);
	assert_true(line_now(f, DMAC_IRQ_LINE_DONE).level);
	set(f, DMAC_IRQ_ENABLE, 0);
	assert_false(line_now(f, DMAC_IRQ_LINE_DONE).level);
}

static void who_does_not_ask_gets_no_interrupt(void **state)
{
	struct dmac_fixture *f = *state;
	struct dmac_desc desc = small;

	desc.flags = 0;
	enable_ring(f);
	submit(f, &desc);
	await(f, DMAC_HEAD, UINT32_MAX, 1);
	assert_int_equal(get(f, DMAC_IRQ_STATUS), 0);
	assert_false(line_now(f, DMAC_IRQ_LINE_DONE).rises);
}

static uint32_t seen_at_rise;

static void look_at_status(struct dmac_fixture *f, unsigned int line)
{
	/* Not through a register: this runs under the engine's lock. */
	seen_at_rise = (uint32_t)dmac_engine_memory_read(&f->engine, 24, 4);
}

static uint32_t seen_at_last_write;

static void look_before_write(struct dmac_fixture *f, uint64_t addr, bool write)
{
	if (write)
		seen_at_last_write = (uint32_t)dmac_engine_memory_read(&f->engine, 24, 4);
}

static void status_comes_after_the_copy_and_before_the_interrupt(void **state)
{
	struct dmac_fixture *f = *state;

	seen_at_rise = 1;
	seen_at_last_write = 1;
	f->on_rise = look_at_status;
	f->on_access = look_before_write;
	enable_ring(f);
	submit(f, &small);
	await(f, DMAC_HEAD, UINT32_MAX, 1);
	await(f, DMAC_IRQ_STATUS, UINT32_MAX, DMAC_IRQ_DONE);
	assert_int_equal(seen_at_last_write, 0);
	assert_int_equal(seen_at_rise, DONE);
}

/* ---- errors ---- */

struct bad_desc {
	struct dmac_desc desc;
	uint32_t code;
};

#define P PLACE
#define X UINT64_C(0x1000) /* where nothing is */
static const struct bad_desc bad_descs[] = {
	{ { .src = P, .dst = P, .length = 1, .status = 1 }, DMAC_ERROR_NOT_PENDING },
	{ { .src = P, .dst = P, .length = 1, .status = DONE }, DMAC_ERROR_NOT_PENDING },
	{ { .src = P, .dst = P, .length = 1, .flags = 8 }, DMAC_ERROR_FLAGS },
	{ { .src = P, .dst = P, .length = 0, .flags = UINT32_MAX }, DMAC_ERROR_FLAGS },
	{ { .src = P, .dst = P, .length = 0 }, DMAC_ERROR_LENGTH },
	{ { .src = P, .dst = P, .length = GB + 1 }, DMAC_ERROR_LENGTH },
	{ { .src = P, .dst = P, .length = UINT32_MAX }, DMAC_ERROR_LENGTH },
	{ { .src = P, .dst = UINT64_MAX, .length = 2 }, DMAC_ERROR_ADDRESS },
	{ { .src = UINT64_MAX - 5, .dst = P, .length = 7 }, DMAC_ERROR_ADDRESS },
	{ { .src = P, .dst = UINT64_MAX, .length = 2, .flags = 4 }, DMAC_ERROR_ADDRESS },
	{ { .src = X, .dst = P, .length = 1 }, DMAC_ERROR_READ },
	{ { .src = P + PLACE_SIZE - 1, .dst = P, .length = 2 }, DMAC_ERROR_READ },
	{ { .src = P, .dst = X, .length = 1 }, DMAC_ERROR_WRITE },
	{ { .src = UINT64_MAX, .dst = X, .length = 9, .flags = 4 }, DMAC_ERROR_WRITE },
	{ { .src = P, .dst = P + PLACE_SIZE - 70000, .length = 70001 }, DMAC_ERROR_WRITE },
};

static void each_bad_descriptor_ends_in_the_error_state(void **state)
{
	struct dmac_fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad_descs); i++) {
		const struct bad_desc *bad = &bad_descs[i];
		uint32_t status = bad->desc.status ? bad->desc.status : DONE | bad->code;

		enable_ring(f);
		put(f, 0, &small);
		put(f, 1, &bad->desc);
		put(f, 2, &small);
		set(f, DMAC_TAIL, 3);
		await(f, DMAC_STATUS, UINT32_MAX, DMAC_STATUS_ERROR);
		assert_int_equal(get(f, DMAC_ERROR_CODE), bad->code);
		assert_int_equal(get(f, DMAC_ERROR_INDEX), 1);
		assert_int_equal(get(f, DMAC_HEAD), 1);
		assert_int_equal(get(f, DMAC_CONTROL), 0);
		assert_int_equal(status_of(f, 0), DONE);
		assert_int_equal(status_of(f, 1), status);
		assert_int_equal(status_of(f, 2), 0);
		assert_true(get(f, DMAC_IRQ_STATUS) & DMAC_IRQ_ERROR);
		assert_int_equal(line_now(f, DMAC_IRQ_LINE_ERROR).rises, i + 1);
		set(f, DMAC_CONTROL, DMAC_CONTROL_RESET);
		assert_false(line_now(f, DMAC_IRQ_LINE_ERROR).level);
	}
}

static void only_a_reset_ends_the_error_state(void **state)
{
	struct dmac_fixture *f = *state;

	enable_ring(f);
	submit(f, &bad_descs[0].desc);
	await(f, DMAC_STATUS, DMAC_STATUS_ERROR, DMAC_STATUS_ERROR);
	set(f, DMAC_IRQ_ACK, DMAC_IRQ_ERROR);
	set(f, DMAC_CONTROL, DMAC_CONTROL_ENABLE);
	assert_int_equal(get(f, DMAC_CONTROL), 0);
	assert_int_equal(get(f, DMAC_STATUS), DMAC_STATUS_ERROR);
	set(f, DMAC_CONTROL, DMAC_CONTROL_RESET | DMAC_CONTROL_ENABLE);
	registers_are_as_after_power_on(state);
	enable_ring(f);
	submit(f, &small);
	await(f, DMAC_HEAD, UINT32_MAX, 1);
}

static void ring_that_does_not_fit_is_an_error(void **state)
{
	static const struct {
		uint32_t base, size;
	} rings[] = {
		{ 0, 0 },
		{ 0, 1 },
		{ 0, 129 },
		{ 0, UINT32_MAX },
		{ 16, 2 },
		{ 32, 128 },
		{ 4096, 2 },
		{ 4096 - 32, 2 },
		{ 8192, 2 },
		{ UINT32_MAX, 2 },
		{ UINT32_MAX - 31, UINT32_MAX },
		{ UINT32_MAX - 31, 2 },
	};
	struct dmac_fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rings); i++) {
		set(f, DMAC_RING_BASE, rings[i].base);
		set(f, DMAC_RING_SIZE, rings[i].size);
		set(f, DMAC_IRQ_ENABLE, DMAC_IRQ_ERROR);
		set(f, DMAC_CONTROL, DMAC_CONTROL_ENABLE);
		assert_int_equal(get(f, DMAC_CONTROL), 0);
		assert_int_equal(get(f, DMAC_STATUS), DMAC_STATUS_ERROR);
		assert_int_equal(get(f, DMAC_ERROR_CODE), DMAC_ERROR_RING);
		assert_int_equal(line_now(f, DMAC_IRQ_LINE_ERROR).rises, i + 1);
		set(f, DMAC_CONTROL, DMAC_CONTROL_RESET);
	}
}

static void tail_outside_of_the_ring_is_an_error(void **state)
{
	struct dmac_fixture *f = *state;

	enable_ring(f);
	set(f, DMAC_TAIL, RING);
	assert_int_equal(get(f, DMAC_ERROR_CODE), DMAC_ERROR_TAIL);
	assert_int_equal(get(f, DMAC_ERROR_INDEX), RING);
	set(f, DMAC_CONTROL, DMAC_CONTROL_RESET);

	set(f, DMAC_RING_SIZE, RING);
	set(f, DMAC_TAIL, UINT32_MAX);
	set(f, DMAC_CONTROL, DMAC_CONTROL_ENABLE);
	assert_int_equal(get(f, DMAC_ERROR_CODE), DMAC_ERROR_TAIL);
	assert_int_equal(get(f, DMAC_ERROR_INDEX), UINT32_MAX);
	assert_int_equal(accesses_now(f), 0);
}

/* Whoever rings on and on gets each descriptor once, not a loop. */
static void ring_of_old_descriptors_is_not_walked_again(void **state)
{
	struct dmac_fixture *f = *state;

	enable_ring(f);
	for (unsigned int i = 0; i < RING; i++)
		put(f, i, &small);
	set(f, DMAC_TAIL, RING - 1);
	await(f, DMAC_HEAD, UINT32_MAX, RING - 1);
	set(f, DMAC_TAIL, RING - 2);
	await(f, DMAC_STATUS, UINT32_MAX, DMAC_STATUS_ERROR);
	assert_int_equal(get(f, DMAC_ERROR_CODE), DMAC_ERROR_NOT_PENDING);
	assert_int_equal(get(f, DMAC_ERROR_INDEX), 0);
	assert_int_equal(get(f, DMAC_COMPLETED), RING);
}

/* ---- stopping ---- */

/* In the middle of a gigabyte, after some pieces. */
static void begin_huge(struct dmac_fixture *f)
{
	enable_ring(f);
	close_gate_at(f, 5);
	submit(f, &huge);
	await_gate(f);
}

/* What is on its way at the gate is the last access. */
static void assert_stops_at_the_gate(struct dmac_fixture *f)
{
	unsigned int before = accesses_now(f);

	set_gate(f, false);
	await(f, DMAC_STATUS, UINT32_MAX, 0);
	assert_int_equal(accesses_now(f), before);
}

static void reset_stops_a_gigabyte(void **state)
{
	struct dmac_fixture *f = *state;

	begin_huge(f);
	set(f, DMAC_CONTROL, DMAC_CONTROL_RESET);
	assert_int_equal(get(f, DMAC_CONTROL), DMAC_CONTROL_RESET);
	assert_int_equal(get(f, DMAC_HEAD), 0);
	assert_int_equal(get(f, DMAC_TAIL), 0);
	assert_stops_at_the_gate(f);
	assert_int_equal(status_of(f, 0), 0);
	registers_are_as_after_power_on(state);
	assert_false(line_now(f, DMAC_IRQ_LINE_DONE).rises);
}

static void disabled_engine_begins_anew(void **state)
{
	struct dmac_fixture *f = *state;
	const struct dmac_desc desc = { .src = PLACE, .dst = PLACE + 500000, .length = 300000 };

	scribble(f->place, 300000, 7);
	enable_ring(f);
	set_gate(f, true);
	submit(f, &desc);
	await_gate(f);
	set(f, DMAC_CONTROL, 0);
	assert_int_equal(get(f, DMAC_CONTROL), 0);
	assert_int_equal(get(f, DMAC_STATUS), DMAC_STATUS_BUSY);
	assert_stops_at_the_gate(f);
	assert_int_equal(get(f, DMAC_HEAD), 0);
	assert_int_equal(get(f, DMAC_TAIL), 1);
	assert_int_equal(status_of(f, 0), 0);
	set(f, DMAC_CONTROL, DMAC_CONTROL_ENABLE);
	await(f, DMAC_HEAD, UINT32_MAX, 1);
	assert_memory_equal(f->place + 500000, f->place, 300000);
	assert_int_equal(status_of(f, 0), DONE);
}

static void engine_can_be_used_again_before_a_reset_is_over(void **state)
{
	struct dmac_fixture *f = *state;

	begin_huge(f);
	set(f, DMAC_CONTROL, DMAC_CONTROL_RESET);
	scribble(f->place, 4096, 8);
	enable_ring(f);
	assert_int_equal(get(f, DMAC_CONTROL), DMAC_CONTROL_RESET | DMAC_CONTROL_ENABLE);
	submit(f, &small);
	set_gate(f, false);
	await(f, DMAC_HEAD, UINT32_MAX, 1);
	assert_int_equal(get(f, DMAC_CONTROL), DMAC_CONTROL_ENABLE);
	assert_int_equal(get(f, DMAC_COMPLETED), 1);
	assert_memory_equal(f->place + 0x801, f->place + 3, 1000);
}

static void bad_tail_gives_up_what_is_being_copied(void **state)
{
	struct dmac_fixture *f = *state;

	begin_huge(f);
	set(f, DMAC_TAIL, RING + 1);
	assert_int_equal(get(f, DMAC_STATUS), DMAC_STATUS_ERROR | DMAC_STATUS_BUSY);
	set_gate(f, false);
	await(f, DMAC_STATUS, UINT32_MAX, DMAC_STATUS_ERROR);
	assert_int_equal(status_of(f, 0), 0);
	assert_int_equal(get(f, DMAC_ERROR_CODE), DMAC_ERROR_TAIL);
}

/* Only when the power is going: else all of it may be copied before. */
static void *open_gate_when_disabled(void *arg)
{
	await(arg, DMAC_CONTROL, DMAC_CONTROL_ENABLE, 0);
	set_gate(arg, false);
	return NULL;
}

static void power_off_stops_a_gigabyte(void **state)
{
	struct dmac_fixture *f = *state;
	pthread_t thread;

	begin_huge(f);
	assert_int_equal(pthread_create(&thread, NULL, open_gate_when_disabled, f), 0);
	dmac_engine_finish(&f->engine);
	pthread_join(thread, NULL);
	dmac_engine_init(&f->engine, f->engine.ops, f->memory, sizeof(f->memory));
	assert_int_equal(status_of(f, 0), 0);
}

static unsigned int threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void idle_engine_has_no_thread(void **state)
{
	struct dmac_fixture *f = *state;
	unsigned int before = threads();

	enable_ring(f);
	submit(f, &small);
	await(f, DMAC_HEAD, UINT32_MAX, 1);
	assert_int_equal(threads(), before + 1);
	set(f, DMAC_CONTROL, 0);
	while (threads() != before)
		sched_yield();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, dmac_setup, dmac_teardown)
	const struct CMUnitTest tests[] = {
		TEST(registers_are_as_after_power_on),
		TEST(registers_answer_to_words_only),
		TEST(registers_that_are_read_only_stay),
		TEST(ring_registers_are_locked_while_enabled),
		TEST(memory_is_accessed_in_all_sizes),
		TEST(descriptor_is_copied_and_written_back),
		TEST(nothing_outside_of_the_destination_is_written),
		TEST(long_descriptor_is_copied_in_pieces),
		TEST(filling_repeats_eight_bytes),
		TEST(addresses_reach_to_the_very_end),
		TEST(ring_wraps),
		TEST(one_bell_is_enough_for_many),
		TEST(last_one_disables_the_engine),
		TEST(ring_lies_anywhere_in_the_memory),
		TEST(descriptor_is_fetched_once),
		TEST(done_is_a_level_until_acknowledged),
		TEST(interrupt_waits_until_it_is_enabled),
		TEST(who_does_not_ask_gets_no_interrupt),
		TEST(status_comes_after_the_copy_and_before_the_interrupt),
		TEST(each_bad_descriptor_ends_in_the_error_state),
		TEST(only_a_reset_ends_the_error_state),
		TEST(ring_that_does_not_fit_is_an_error),
		TEST(tail_outside_of_the_ring_is_an_error),
		TEST(ring_of_old_descriptors_is_not_walked_again),
		TEST(reset_stops_a_gigabyte),
		TEST(disabled_engine_begins_anew),
		TEST(engine_can_be_used_again_before_a_reset_is_over),
		TEST(bad_tail_gives_up_what_is_being_copied),
		TEST(power_off_stops_a_gigabyte),
		TEST(idle_engine_has_no_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
