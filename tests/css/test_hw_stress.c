/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything at once: programs, all instructions, attention, paths, plugging and unplugging. What
 * was accepted ends once: its memory is given back once and not used after that, and there is one
 * final status of it, or none because somebody cancelled, cleared or unplugged.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>
#include <umdev/thread.h>

#include "../../drivers/css/hw.h"
#include "../unit/cmocka_umdev.h"

#define UNITS	 3
#define STARTERS 3
#define ROUNDS	 4000

/** struct start - one START SUBCHANNEL with its memory */
struct start {
	struct channel_memory mem;
	atomic_uint ended;
	bool accepted;
};

/** struct counts - what has happened to a subchannel's starts */
struct counts {
	atomic_uint accepted;
	atomic_uint final;
	atomic_uint cancelled;
	atomic_uint lost; /* at most so many: each clear and each unplug takes one away */
};

static struct counts counts[UNITS];
static struct start starts[STARTERS][ROUNDS];
static atomic_uint stray, wrong, busy, programs, interrupts;

/* ---- memory: a program with all kinds of CCWs; its data goes nowhere ---- */

static const struct ccw1 program[] = {
	{ CCW_CMD_WRITE, CCW_FLAG_CC, 64, 0x10000 },
	{ CCW_CMD_NOOP, CCW_FLAG_CC | CCW_FLAG_SLI | CCW_FLAG_PCI, 1, 0 },
	{ CCW_CMD_READ, CCW_FLAG_DC, 100, 0x10000 },
	{ 0, CCW_FLAG_CC | CCW_FLAG_IDA, 3000, 0x20000 },
	{ CCW_CMD_TIC, 0, 0, 5 * CCW_SIZE },
	{ CCW_CMD_SENSE_ID, CCW_FLAG_SLI, 32, 0x10000 },
	/* Those that begin here are refused. */
	{ 0x0f, CCW_FLAG_CC, 1, 0 },
	{ 0, 0, 0, 0 },
};

static void use(struct channel_memory *mem)
{
	if (container_of(mem, struct start, mem)->ended)
		stray++;
}

static int fetch_ccw(struct channel_memory *mem, uint32_t addr, bool fmt1, struct ccw1 *ccw)
{
	use(mem);
	if (addr / CCW_SIZE >= ARRAY_SIZE(program))
		return -14;
	*ccw = program[addr / CCW_SIZE];
	return 0;
}

static int fetch_idaw(struct channel_memory *mem, uint64_t addr, bool c64, uint64_t *idaw)
{
	use(mem);
	*idaw = 0x30000;
	return 0;
}

static int read_data(struct channel_memory *mem, uint64_t addr, void *buf, size_t len)
{
	use(mem);
	memset(buf, 0, len);
	return 0;
}

static int write_data(struct channel_memory *mem, uint64_t addr, const void *buf, size_t len)
{
	use(mem);
	return 0;
}

static void end(struct channel_memory *mem)
{
	if (container_of(mem, struct start, mem)->ended++)
		wrong++;
}

static const struct channel_memory_ops ops = { .fetch_ccw = fetch_ccw,
					       .fetch_idaw = fetch_idaw,
					       .read = read_data,
					       .write = write_data,
					       .end = end };

/* ---- interrupts ---- */

static void take_crw(const struct crw *crw, uint8_t ssid)
{
}

static void take_status(struct hw_sch *hw, struct counts *c)
{
	struct irb irb;

	if (hw_tsch(hw, &irb))
		return;
	interrupts++;
	if (irb.scsw.ctrl & SCSW_FCTL_START &&
	    (irb.scsw.ctrl & SCSW_STCTL) != (SCSW_STCTL_INTER | SCSW_STCTL_STATUS))
		c->final++;
	if (irb.scsw.dstat == (DEV_STAT_CHN_END | DEV_STAT_DEV_END) && !irb.scsw.cstat)
		programs++;
}

static void interrupt(struct hw_sch *hw, void *data)
{
	if (data)
		take_status(hw, data);
}

/* ---- what goes on ---- */

static struct hw_sch *pick(unsigned int *seed, unsigned int *unit)
{
	*unit = (unsigned int)rand_r(seed) % UNITS;
	return hw_sch_get(0, (uint16_t)*unit);
}

static void *start_programs(void *data)
{
	unsigned int seed = 1 + (unsigned int)((uintptr_t)data);
	struct start *s = starts[(uintptr_t)data];
	struct orb orb = { .word1 = ORB_FMT | 0xff00 };
	struct hw_sch *hw;
	unsigned int unit;

	for (unsigned int i = 0; i < ROUNDS; i++, s++) {
		s->mem.ops = &ops;
		hw = pick(&seed, &unit);
		if (!hw)
			continue;
		orb.cpa = CCW_SIZE * ((unsigned int)rand_r(&seed) % 8 ? 0 : 6);
		/* Before it ends, which may be before ssch returns. */
		counts[unit].accepted++;
		s->accepted = !hw_ssch(hw, &orb, &s->mem);
		if (!s->accepted) {
			counts[unit].accepted--;
			busy++;
			usleep(20);
		}
		hw_sch_put(hw);
	}
	return NULL;
}

static void modify(struct hw_sch *hw, bool on)
{
	struct schib schib;

	if (hw_stsch(hw, &schib))
		return;
	schib.pmcw.flags = (uint16_t)((schib.pmcw.flags & ~PMCW_ENA) | (on ? PMCW_ENA : 0));
	schib.pmcw.word6 ^= PMCW_CSENSE;
	hw_msch(hw, &schib);
}

static void *instruct(void *data)
{
	unsigned int seed = 77, unit;
	struct hw_sch *hw;
	int cc;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		hw = pick(&seed, &unit);
		if (!hw)
			continue;
		switch ((unsigned int)rand_r(&seed) % 12) {
		case 0:
			hw_hsch(hw);
			break;
		case 1:
			/* Counted before it can take something away. */
			counts[unit].lost++;
			cc = hw_csch(hw);
			if (cc)
				counts[unit].lost--;
			break;
		case 2:
		case 3:
		case 4:
			if (!hw_xsch(hw))
				counts[unit].cancelled++;
			break;
		case 5:
		case 6:
			take_status(hw, &counts[unit]);
			break;
		case 7:
			modify(hw, false);
			break;
		default:
			modify(hw, true);
		}
		hw_sch_put(hw);
		usleep(10);
	}
	return NULL;
}

static void plug(unsigned int unit)
{
	static const char *const how[UNITS] = { "", ",delay_us=30", ",length=3100" };
	struct hw_error error;
	struct hw_sch *hw;
	char text[128];

	snprintf(text, sizeof(text), "0.0.%04x:null,chpids=10.11,sch=0.%04x%s", 0x1000 + unit, unit,
		 how[unit]);
	if (hw_plug(text, &error))
		wrong++;
	hw = hw_sch_get(0, (uint16_t)unit);
	hw_sch_set_data(hw, &counts[unit]);
	modify(hw, true);
	hw_sch_put(hw);
}

static void unplug(unsigned int unit)
{
	struct hw_error error;
	char text[16];

	counts[unit].lost++;
	snprintf(text, sizeof(text), "0.0.%04x", 0x1000 + unit);
	if (hw_unplug(text, &error))
		wrong++;
}

static void *operate(void *data)
{
	unsigned int seed = 99, unit;
	struct hw_error error;
	char text[16];

	for (unsigned int i = 0; i < ROUNDS / 4; i++) {
		unit = (unsigned int)rand_r(&seed) % UNITS;
		switch ((unsigned int)rand_r(&seed) % 8) {
		case 0:
			unplug(unit);
			plug(unit);
			break;
		case 1:
			hw_path_set(0x10, false);
			usleep(50);
			hw_path_set(0x10, true);
			break;
		case 2:
			hw_path_configure(0x11, rand_r(&seed) & 1);
			break;
		default:
			snprintf(text, sizeof(text), "0.0.%04x", 0x1000 + unit);
			hw_attention(text, DEV_STAT_ATTENTION, &error);
		}
		usleep(50);
	}
	return NULL;
}

static void everything_at_once(void **state)
{
	static const struct hw_host host = { .crw = take_crw, .interrupt = interrupt };
	pthread_t thread[STARTERS + 2];
	unsigned int accounted;

	assert_int_equal(hw_init(&host), 0);
	for (unsigned int i = 0; i < UNITS; i++)
		plug(i);
	for (uintptr_t i = 0; i < STARTERS; i++)
		assert_int_equal(umdev_thread_start(&thread[i], NULL, start_programs, (void *)i),
				 0);
	assert_int_equal(umdev_thread_start(&thread[STARTERS], NULL, instruct, NULL), 0);
	assert_int_equal(umdev_thread_start(&thread[STARTERS + 1], NULL, operate, NULL), 0);
	for (unsigned int i = 0; i < STARTERS + 2; i++)
		pthread_join(thread[i], NULL);
	for (unsigned int i = 0; i < UNITS; i++)
		unplug(i);
	hw_exit();

	assert_int_equal(stray, 0);
	assert_int_equal(wrong, 0);
	for (unsigned int t = 0; t < STARTERS; t++)
		for (unsigned int i = 0; i < ROUNDS; i++)
			assert_int_equal(starts[t][i].ended, starts[t][i].accepted ? 1 : 0);
	for (unsigned int i = 0; i < UNITS; i++) {
		accounted = counts[i].final + counts[i].cancelled;
		print_message("%u accepted, %u final, %u cancelled, up to %u lost\n",
			      counts[i].accepted, counts[i].final, counts[i].cancelled,
			      counts[i].lost);
		assert_in_range(counts[i].accepted, accounted, accounted + counts[i].lost);
		assert_true(counts[i].accepted);
	}
	print_message("%u interrupts, %u programs without fault, %u starts refused\n", interrupts,
		      programs, busy);
	assert_true(programs);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(everything_at_once) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
