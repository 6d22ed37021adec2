/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A subchannel's thread: the channel's and the control unit's side of what the instructions ask
 * for. It is there while the subchannel is enabled, and ends when it has nothing left to do.
 */
#include <stdio.h>
#include <string.h>
#include <umdev/thread.h>
#include <unistd.h>

#include "hw_machine.h"

#define LPUM_SHIFT 16 /* in the first word of extended status */
/* In that of a logout: the path in it is right. */
#define ESW0_LPUM_VALID UINT32_C(0x00004000)
#define SCSW_CC_1	0x0100 /* deferred condition code 1 */

/* ---- interrupts ---- */

/* Tell the host that status is pending. Locked; without the lock for the call. */
static void interrupt(struct hw_sch *hw)
{
	void *data = hw->data;

	hw->in_interrupt = true;
	pthread_mutex_unlock(&hw->lock);
	hw_host()->interrupt(hw, data);
	pthread_mutex_lock(&hw->lock);
	hw->in_interrupt = false;
	pthread_cond_broadcast(&hw->quiet);
}

/* Sense for the program, with the status, if it was asked for; else the device keeps it. Locked. */
static void concurrent_sense(struct hw_sch *hw, const uint8_t *sense, unsigned int len)
{
	struct cu_device *dev = hw->dev;

	if (!(hw->schib.pmcw.word6 & PMCW_CSENSE)) {
		if (sense != dev->sense) {
			memset(dev->sense, 0, SENSE_SIZE);
			memcpy(dev->sense, sense, len);
			dev->sense_len = len;
		}
		return;
	}
	memset(hw->ecw, 0, SENSE_SIZE);
	memcpy(hw->ecw, sense, len);
	hw->erw = ERW_CONS | (uint32_t)SENSE_SIZE << ERW_SCNT_SHIFT;
	hw->schib.scsw.flags |= SCSW_FLAGS_ECTL;
	dev->sense_len = 0;
}

void hw_thread_intermediate(struct hw_sch *hw, uint8_t cstat, uint32_t cpa)
{
	struct scsw *scsw = &hw->schib.scsw;

	pthread_mutex_lock(&hw->lock);
	/* Whoever stops it wants no more of that. */
	if (hw->stop) {
		pthread_mutex_unlock(&hw->lock);
		return;
	}
	scsw->ctrl |= SCSW_STCTL_INTER | SCSW_STCTL_STATUS;
	scsw->cstat |= cstat;
	scsw->cpa = cpa;
	if (!cstat)
		scsw->flags |= SCSW_FLAGS_ZCC;
	hw->esw0 = (uint32_t)hw->path << LPUM_SHIFT;
	interrupt(hw);
	pthread_mutex_unlock(&hw->lock);
}

uint8_t hw_thread_device_end(struct hw_sch *hw)
{
	uint8_t dstat;

	pthread_mutex_lock(&hw->lock);
	while (!(hw->unsolicited & DEV_STAT_DEV_END) && !hw->stop)
		pthread_cond_wait(&hw->wake, &hw->lock);
	dstat = hw->stop ? 0 : DEV_STAT_DEV_END;
	hw->unsolicited &= (uint8_t)~dstat;
	pthread_mutex_unlock(&hw->lock);
	return dstat;
}

/* ---- the start function ---- */

/* The first path that it may use and that still works, or 0. Locked. */
static uint8_t choose_path(struct hw_sch *hw)
{
	struct pmcw *pmcw = &hw->schib.pmcw;
	uint8_t path;

	for (path = 0x80; path; path >>= 1) {
		if (!(hw->candidates & path))
			continue;
		if (pmcw->pam & path)
			return path;
		pmcw->pnom |= path;
	}
	return 0;
}

/* The memory of a start that will not use it. Locked; without the lock for the call. */
static void give_back(struct hw_sch *hw, struct channel_memory *mem)
{
	pthread_mutex_unlock(&hw->lock);
	if (mem->ops->end)
		mem->ops->end(mem);
	pthread_mutex_lock(&hw->lock);
}

/* Locked, but see give_back(). */
static void present_no_path(struct hw_sch *hw, struct channel_memory *mem)
{
	struct scsw *scsw = &hw->schib.scsw;

	scsw->ctrl &= (uint16_t)~SCSW_ACTL_START_PEND;
	give_back(hw, mem);
	/* Somebody may have halted, cleared or unplugged it meanwhile. */
	if (hw->gone || scsw->ctrl & (SCSW_FCTL_HALT | SCSW_FCTL_CLEAR))
		return;
	scsw->flags |= SCSW_FLAGS_CC | SCSW_FLAGS_PNO;
	scsw->ctrl = SCSW_FCTL_START | SCSW_STCTL_ALERT | SCSW_STCTL_PRIM | SCSW_STCTL_SEC |
		     SCSW_STCTL_STATUS;
	hw->esw0 = 0;
	interrupt(hw);
}

/* What the status of a program that has ended is called. */
static uint16_t status_control(const struct scsw *scsw)
{
	uint16_t stctl = SCSW_STCTL_PRIM | SCSW_STCTL_STATUS;

	/* What made it end, or would have if more had been chained. */
	if (scsw->cstat & ~SCHN_STAT_PCI ||
	    scsw->dstat & ~(DEV_STAT_CHN_END | DEV_STAT_DEV_END | DEV_STAT_STAT_MOD))
		stctl |= SCSW_STCTL_ALERT;
	if (scsw->dstat & DEV_STAT_DEV_END || stctl & SCSW_STCTL_ALERT)
		stctl |= SCSW_STCTL_SEC;
	return stctl;
}

/* Locked. */
static void present_end(struct hw_sch *hw)
{
	const struct channel *ch = &hw->channel;
	struct scsw *scsw = &hw->schib.scsw;
	uint16_t stctl;

	scsw->cpa = ch->last + CCW_SIZE;
	scsw->dstat = ch->dstat;
	scsw->cstat |= ch->cstat & (uint8_t)~SCHN_STAT_PCI;
	scsw->count = ch->count;
	if (ch->stopped && hw->stop & HW_STOP_PATH)
		scsw->cstat |= SCHN_STAT_INTF_CTRL;
	stctl = status_control(scsw);
	/* The device was not reached. */
	if (!ch->dstat) {
		if (stctl & SCSW_STCTL_ALERT)
			scsw->flags |= SCSW_CC_1;
		else
			stctl = SCSW_STCTL_STATUS;
	}
	scsw->ctrl &= SCSW_FCTL | SCSW_STCTL_INTER;
	scsw->ctrl |= stctl;
	if ((stctl & (SCSW_STCTL_PRIM | SCSW_STCTL_SEC)) == SCSW_STCTL_PRIM)
		scsw->ctrl |= SCSW_ACTL_DEVACT;
	hw->esw0 = (uint32_t)hw->path << LPUM_SHIFT;
	if (scsw->cstat & (SCHN_STAT_CHN_DATA | SCHN_STAT_CHN_CTRL | SCHN_STAT_INTF_CTRL)) {
		scsw->flags |= SCSW_FLAGS_ESWF;
		hw->esw0 |= ESW0_LPUM_VALID;
	}
	if (scsw->dstat & DEV_STAT_UNIT_CHECK)
		concurrent_sense(hw, hw->dev->sense, hw->dev->sense_len);
}

/* Forget why it had to end. Locked. */
static void unstop(struct hw_sch *hw)
{
	uint64_t count;

	hw->running = false;
	if (atomic_exchange(&hw->stop, 0) && read(hw->dev->stop_fd, &count, sizeof(count)) < 0) {
		/* It was written to before @stop had anything in it. */
	}
}

/* Locked; without the lock while the program runs. */
static void do_start(struct hw_sch *hw)
{
	struct channel_memory *mem = hw->mem;
	struct cu_device *dev = hw->dev;
	struct orb orb = hw->orb;

	hw->path = choose_path(hw);
	hw->mem = NULL;
	if (!hw->path) {
		present_no_path(hw, mem);
		return;
	}
	hw->schib.pmcw.lpum = hw->path;
	if (hw->schib.pmcw.pnom)
		hw->schib.scsw.flags |= SCSW_FLAGS_PNO;
	hw->schib.scsw.ctrl = SCSW_FCTL_START | SCSW_ACTL_SCHACT | SCSW_ACTL_DEVACT;
	hw->running = true;
	pthread_mutex_unlock(&hw->lock);

	if (dev->ops->begin)
		dev->ops->begin(dev, hw->path);
	channel_run(&hw->channel, &orb, mem, hw->path);
	if (dev->ops->end)
		dev->ops->end(dev);
	if (mem->ops->end)
		mem->ops->end(mem);

	pthread_mutex_lock(&hw->lock);
	if (!hw->gone && hw->schib.scsw.ctrl & SCSW_FCTL_START) {
		present_end(hw);
		unstop(hw);
		interrupt(hw);
	} else {
		unstop(hw);
	}
}

/* ---- the others ---- */

/* Nothing was under way, or has ended. Locked. */
static void do_halt(struct hw_sch *hw)
{
	struct scsw *scsw = &hw->schib.scsw;

	scsw->ctrl = (scsw->ctrl & SCSW_FCTL) | SCSW_STCTL_STATUS;
	if (!(scsw->ctrl & SCSW_FCTL_START))
		scsw->flags = 0;
	scsw->dstat = scsw->cstat = 0;
	scsw->count = 0;
	hw->esw0 = 0;
	interrupt(hw);
}

/* Locked; without the lock while the device is reset. */
static void do_reset(struct hw_sch *hw, enum cu_reset why)
{
	struct cu_device *dev = hw->dev;

	if (why == CU_RESET_SYSTEM)
		hw->reset_due = false;
	pthread_mutex_unlock(&hw->lock);
	if (dev->ops->reset)
		dev->ops->reset(dev, why);
	dev->sense_len = 0;
	pthread_mutex_lock(&hw->lock);
}

/* Locked, but see do_reset(). */
static void do_clear(struct hw_sch *hw)
{
	struct scsw *scsw = &hw->schib.scsw;
	struct pmcw *pmcw = &hw->schib.pmcw;

	do_reset(hw, CU_RESET_SELECTIVE);
	if (hw->gone)
		return;
	pmcw->lpum = pmcw->pnom = 0;
	hw_path_update(hw);
	scsw->ctrl = SCSW_FCTL_CLEAR | SCSW_STCTL_STATUS;
	hw->esw0 = 0;
	interrupt(hw);
}

/* Status that nobody asked for. Locked. */
static void do_unsolicited(struct hw_sch *hw)
{
	struct scsw *scsw = &hw->schib.scsw;
	uint16_t stctl = SCSW_STCTL_ALERT | SCSW_STCTL_STATUS;
	uint8_t dstat = hw->unsolicited;

	hw->unsolicited = 0;
	/* The end that a program left open. */
	if (scsw->ctrl & SCSW_ACTL_DEVACT && dstat & DEV_STAT_DEV_END) {
		stctl = SCSW_STCTL_SEC | SCSW_STCTL_STATUS;
		if (dstat != DEV_STAT_DEV_END)
			stctl |= SCSW_STCTL_ALERT;
	}
	*scsw = (struct scsw) { .ctrl = stctl, .dstat = dstat };
	hw->path = hw->schib.pmcw.lpum;
	hw->esw0 = (uint32_t)hw->path << LPUM_SHIFT;
	if (dstat & DEV_STAT_UNIT_CHECK)
		concurrent_sense(hw, hw->un_sense, hw->un_sense_len);
	interrupt(hw);
}

/* Locked, but see give_back(). */
static void do_ended(struct hw_sch *hw)
{
	struct channel_memory *mem = hw->ended;

	hw->ended = mem->next;
	give_back(hw, mem);
}

/* ---- the thread ---- */

/* Do one thing. Locked. Return: was there one? */
static bool work(struct hw_sch *hw)
{
	uint16_t *ctrl = &hw->schib.scsw.ctrl;

	if (hw->ended)
		do_ended(hw);
	else if (*ctrl & SCSW_ACTL_CLEAR_PEND)
		do_clear(hw);
	else if (*ctrl & SCSW_ACTL_HALT_PEND)
		do_halt(hw);
	else if (hw->reset_due && !hw->gone)
		do_reset(hw, CU_RESET_SYSTEM);
	else if (*ctrl & SCSW_ACTL_START_PEND && *ctrl & SCSW_ACTL_DEVACT &&
		 hw->unsolicited & DEV_STAT_DEV_END) {
		/* The device is done with what was before; that it begins anew tells enough. */
		hw->unsolicited &= (uint8_t)~DEV_STAT_DEV_END;
		*ctrl &= (uint16_t)~SCSW_ACTL_DEVACT;
	} else if (*ctrl & SCSW_ACTL_START_PEND && !(*ctrl & SCSW_ACTL_DEVACT))
		do_start(hw);
	else if (hw->unsolicited && hw->schib.pmcw.flags & PMCW_ENA &&
		 !(*ctrl & (SCSW_FCTL | SCSW_STCTL)))
		do_unsolicited(hw);
	else
		return false;
	return true;
}

static void *channel_thread(void *data)
{
	struct hw_sch *hw = data;

	pthread_mutex_lock(&hw->lock);
	for (;;) {
		if (work(hw))
			continue;
		if (!(hw->schib.pmcw.flags & PMCW_ENA))
			break;
		pthread_cond_wait(&hw->wake, &hw->lock);
	}
	hw->thread_state = HW_THREAD_ENDED;
	pthread_cond_broadcast(&hw->quiet);
	pthread_mutex_unlock(&hw->lock);
	return NULL;
}

int hw_thread_start(struct hw_sch *hw)
{
	char name[16];
	int err;

	if (hw->thread_state == HW_THREAD_RUNS)
		return 0;
	if (hw->thread_state == HW_THREAD_ENDED)
		pthread_join(hw->thread, NULL);
	hw->thread_state = HW_THREAD_NONE;
	snprintf(name, sizeof(name), "ch %x.%x.%04x", hw->id.cssid, hw->id.ssid, hw->id.sch_no);
	err = umdev_thread_start(&hw->thread, name, channel_thread, hw);
	if (!err)
		hw->thread_state = HW_THREAD_RUNS;
	return err;
}

void hw_thread_join(struct hw_sch *hw)
{
	pthread_mutex_lock(&hw->lock);
	while (hw->thread_state == HW_THREAD_RUNS)
		pthread_cond_wait(&hw->quiet, &hw->lock);
	if (hw->thread_state == HW_THREAD_ENDED)
		pthread_join(hw->thread, NULL);
	hw->thread_state = HW_THREAD_NONE;
	pthread_mutex_unlock(&hw->lock);
}
