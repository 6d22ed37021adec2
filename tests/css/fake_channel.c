/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The instructions of a subchannel whose device a test has written. */
#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "fake_channel.h"

#include "../../drivers/css/hw.h"

struct io_subchannel fake_ios;
struct subchannel fake_sch;

/* All under the subchannel's lock. */
static struct {
	const struct fake_device *device;
	struct schib schib;
	bool gone;
	unsigned int starts;
	unsigned int clears;
	uint8_t paths[FAKE_STARTS];
	struct fake_answer answer;
	bool cleared;
	pthread_t thread;
	bool thread_there;
} fake;

/* ---- interrupts: as the subchannel's thread brings them ---- */

static void interrupt(const struct irb *irb)
{
	pthread_mutex_lock(&fake_sch.lock);
	fake.schib.scsw = irb->scsw;
	if (fake_ios.req)
		ccw_request_irq(&fake_ios, irb);
	pthread_cond_broadcast(&fake_ios.changed);
	pthread_mutex_unlock(&fake_sch.lock);
}

static void interrupt_stray(void)
{
	struct irb irb = { .scsw = { .ctrl = SCSW_STCTL_ALERT | SCSW_STCTL_STATUS,
				     .dstat = DEV_STAT_ATTENTION } };

	interrupt(&irb);
}

static void interrupt_pieces(struct irb irb)
{
	struct irb first = irb;

	first.scsw.dstat = DEV_STAT_CHN_END;
	first.scsw.ctrl = (uint16_t)((irb.scsw.ctrl & ~SCSW_STCTL_SEC) | SCSW_ACTL_DEVACT);
	interrupt(&first);
	irb.scsw.ctrl = (uint16_t)(irb.scsw.ctrl & ~SCSW_STCTL_PRIM);
	irb.scsw.dstat = DEV_STAT_DEV_END;
	irb.scsw.count = 0;
	interrupt(&irb);
}

static void *deliver(void *data)
{
	struct irb clear = { .scsw = { .ctrl = SCSW_FCTL_CLEAR | SCSW_STCTL_STATUS } };

	if (fake.cleared) {
		interrupt(&clear);
		return NULL;
	}
	if (fake.answer.stray)
		interrupt_stray();
	if (fake.answer.pieces)
		interrupt_pieces(fake.answer.irb);
	else if (!fake.answer.silent)
		interrupt(&fake.answer.irb);
	return NULL;
}

/* The one before has delivered what it had, but for its last breath. */
static void start_thread(void)
{
	if (fake.thread_there)
		pthread_join(fake.thread, NULL);
	fake.thread_there = !pthread_create(&fake.thread, NULL, deliver, NULL);
	assert(fake.thread_there);
}

/* ---- instructions ---- */

int hw_stsch(struct hw_sch *hw, struct schib *schib)
{
	if (fake.gone)
		return 3;
	*schib = fake.schib;
	return 0;
}

int hw_msch(struct hw_sch *hw, const struct schib *schib)
{
	if (fake.gone)
		return 3;
	fake.schib.pmcw.flags = schib->pmcw.flags;
	fake.schib.pmcw.intparm = schib->pmcw.intparm;
	return 0;
}

static uint8_t leftmost(uint8_t mask)
{
	uint8_t path = 0x80;

	while (path && !(path & mask))
		path >>= 1;
	return path;
}

int hw_ssch(struct hw_sch *hw, const struct orb *orb, struct channel_memory *mem)
{
	uint8_t path = leftmost(ORB_LPM(orb->word1) & fake.schib.pmcw.pam);
	uint8_t data[64] = { 0 };
	struct ccw1 ccw;

	if (fake.gone || !path)
		return 3;
	assert(fake.starts < FAKE_STARTS);
	assert(!mem->ops->fetch_ccw(mem, orb->cpa, true, &ccw) && ccw.count <= sizeof(data));
	if (ccw.count)
		assert(!mem->ops->read(mem, ccw.cda, data, ccw.count));
	fake.paths[fake.starts] = path;
	fake.answer = fake.device->answer(fake.starts++, path, ccw.cmd_code, data, ccw.count);
	if (fake.answer.cc)
		return fake.answer.cc;
	if (ccw.count)
		assert(!mem->ops->write(mem, ccw.cda, data, ccw.count));
	mem->ops->end(mem);
	fake.cleared = false;
	start_thread();
	return 0;
}

int hw_csch(struct hw_sch *hw)
{
	if (fake.gone)
		return 3;
	fake.clears++;
	if (fake.thread_there) {
		pthread_join(fake.thread, NULL);
		fake.thread_there = false;
	}
	fake.cleared = true;
	start_thread();
	return 0;
}

int hw_hsch(struct hw_sch *hw)
{
	return 3;
}

int hw_xsch(struct hw_sch *hw)
{
	return 2;
}

int hw_tsch(struct hw_sch *hw, struct irb *irb)
{
	return 1;
}

/* ---- up and down ---- */

void fake_up(uint8_t paths, const struct fake_device *device)
{
	pthread_condattr_t attr;

	memset(&fake, 0, sizeof(fake));
	memset(&fake_ios, 0, sizeof(fake_ios));
	memset(&fake_sch, 0, sizeof(fake_sch));
	fake.device = device;
	fake.schib.pmcw.flags = PMCW_DNV | PMCW_ENA;
	fake.schib.pmcw.pim = paths;
	fake.schib.pmcw.pam = paths;
	fake.schib.pmcw.pom = 0xff;
	fake_sch.schib = fake.schib;
	fake_sch.opm = 0xff;
	fake_sch.lpm = paths;
	fake_ios.sch = &fake_sch;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&fake_ios.changed, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&fake_sch.lock, NULL);
	pthread_mutex_lock(&fake_sch.lock);
}

void fake_down(void)
{
	pthread_mutex_unlock(&fake_sch.lock);
	if (fake.thread_there)
		pthread_join(fake.thread, NULL);
	pthread_mutex_destroy(&fake_sch.lock);
	pthread_cond_destroy(&fake_ios.changed);
}

void fake_gone(void)
{
	fake.gone = true;
	fake_ios.gone = true;
}

unsigned int fake_starts(void)
{
	return fake.starts;
}

uint8_t fake_path(unsigned int nr)
{
	return fake.paths[nr];
}

unsigned int fake_clears(void)
{
	return fake.clears;
}

/* ---- answers ---- */

#define ENDED (SCSW_FCTL_START | SCSW_STCTL_PRIM | SCSW_STCTL_SEC | SCSW_STCTL_STATUS)

struct fake_answer answer_good(uint16_t residual)
{
	struct fake_answer answer = answer_status(0, DEV_STAT_CHN_END | DEV_STAT_DEV_END, 0);

	answer.irb.scsw.count = residual;
	return answer;
}

struct fake_answer answer_sense(uint8_t sense0)
{
	struct fake_answer answer = answer_status(
		SCSW_FLAGS_ECTL, DEV_STAT_CHN_END | DEV_STAT_DEV_END | DEV_STAT_UNIT_CHECK, 0);

	answer.irb.scsw.ctrl |= SCSW_STCTL_ALERT;
	answer.irb.esw[1] = ERW_CONS | 32 << ERW_SCNT_SHIFT;
	answer.irb.ecw[0] = sense0;
	return answer;
}

struct fake_answer answer_status(uint16_t flags, uint8_t dstat, uint8_t cstat)
{
	return (struct fake_answer) {
		.irb = { .scsw = { .flags = flags, .ctrl = ENDED, .dstat = dstat, .cstat = cstat } }
	};
}

struct fake_answer answer_cc(int cc)
{
	return (struct fake_answer) { .cc = cc };
}
