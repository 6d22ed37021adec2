/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A subchannel, and the instructions that reach it: Principles of Operation, chapter 14. What they
 * ask for, the subchannel's thread does (hw_thread.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "hw_machine.h"

/* What MODIFY SUBCHANNEL changes. */
#define PMCW_FLAGS_CHANGE (PMCW_ISC | PMCW_ENA | PMCW_MP)
#define PMCW_WORD6_CHANGE PMCW_CSENSE

/* What of the ORB is shown in the status; shifted. */
#define SCSW_FLAGS_ORB                                                                           \
	(SCSW_FLAGS_KEY | SCSW_FLAGS_SCTL | SCSW_FLAGS_FMT | SCSW_FLAGS_PFCH | SCSW_FLAGS_ISIC | \
	 SCSW_FLAGS_ALCC | SCSW_FLAGS_SSI)

struct hw_sch *hw_sch_create(struct schid id, uint16_t devno)
{
	struct hw_sch *hw = calloc(1, sizeof(*hw));
	struct pmcw *pmcw;

	if (!hw)
		return NULL;
	atomic_init(&hw->refs, 1);
	hw->id = id;
	hw->devno = devno;
	pthread_mutex_init(&hw->lock, NULL);
	pthread_cond_init(&hw->wake, NULL);
	pthread_cond_init(&hw->quiet, NULL);
	channel_init(&hw->channel, hw);
	pmcw = &hw->schib.pmcw;
	pmcw->flags = PMCW_DNV;
	pmcw->dev = devno;
	pmcw->lpm = 0xff;
	pmcw->pom = 0xff;
	return hw;
}

void hw_sch_put(struct hw_sch *hw)
{
	if (!hw || atomic_fetch_sub(&hw->refs, 1) != 1)
		return;
	channel_finish(&hw->channel);
	pthread_cond_destroy(&hw->quiet);
	pthread_cond_destroy(&hw->wake);
	pthread_mutex_destroy(&hw->lock);
	free(hw->options);
	free(hw);
}

struct schid hw_sch_id(const struct hw_sch *hw)
{
	return hw->id;
}

/* ---- ending what runs ---- */

void hw_sch_stop(struct hw_sch *hw, unsigned int why)
{
	struct cu_device *dev = hw->dev;
	uint64_t one = 1;

	if (!hw->running)
		return;
	if (!atomic_fetch_or(&hw->stop, why) && write(dev->stop_fd, &one, sizeof(one)) < 0) {
		/* Only a counter that is full would refuse; and that is readable, too. */
	}
	if (!dev->ops->stop)
		return;
	hw->stoppers++;
	pthread_mutex_unlock(&hw->lock);
	dev->ops->stop(dev);
	pthread_mutex_lock(&hw->lock);
	hw->stoppers--;
	pthread_cond_broadcast(&hw->quiet);
}

/* A start that has not reached the device is not going to. Locked. */
static void drop_start(struct hw_sch *hw)
{
	if (!hw->mem)
		return;
	hw->mem->next = hw->ended;
	hw->ended = hw->mem;
	hw->mem = NULL;
	hw->schib.scsw.ctrl &= (uint16_t)~SCSW_ACTL_START_PEND;
}

void hw_sch_remove(struct hw_sch *hw)
{
	struct cu_device *dev = hw->dev;

	pthread_mutex_lock(&hw->lock);
	hw->gone = true;
	drop_start(hw);
	hw->schib.pmcw.flags &= (uint16_t) ~(PMCW_ENA | PMCW_DNV);
	hw->schib.scsw = (struct scsw) { 0 };
	hw_sch_stop(hw, HW_STOP_GONE);
	pthread_cond_signal(&hw->wake);
	pthread_mutex_unlock(&hw->lock);
	hw_thread_join(hw);

	pthread_mutex_lock(&hw->lock);
	while (hw->stoppers)
		pthread_cond_wait(&hw->quiet, &hw->lock);
	hw->dev = NULL;
	pthread_mutex_unlock(&hw->lock);
	close(dev->stop_fd);
	dev->ops->destroy(dev);
}

/* ---- what is there ---- */

void hw_sch_set_data(struct hw_sch *hw, void *data)
{
	pthread_mutex_lock(&hw->lock);
	hw->data = data;
	while (hw->in_interrupt && !pthread_equal(hw->thread, pthread_self()))
		pthread_cond_wait(&hw->quiet, &hw->lock);
	pthread_mutex_unlock(&hw->lock);
}

int hw_stsch(struct hw_sch *hw, struct schib *schib)
{
	int cc = 0;

	pthread_mutex_lock(&hw->lock);
	if (hw->gone)
		cc = 3;
	else
		*schib = hw->schib;
	pthread_mutex_unlock(&hw->lock);
	return cc;
}

/* The subchannel is to be enabled, or disabled, as it is not yet. Locked. Return: 0, or -errno. */
static int enable(struct hw_sch *hw, bool on)
{
	int err;

	if (on) {
		err = hw_thread_start(hw);
		if (err)
			return err;
		hw->schib.pmcw.flags |= PMCW_ENA;
	} else {
		hw->schib.pmcw.flags &= (uint16_t)~PMCW_ENA;
		hw->reset_due = true;
	}
	pthread_cond_signal(&hw->wake);
	return 0;
}

int hw_msch(struct hw_sch *hw, const struct schib *schib)
{
	const struct pmcw *new = &schib->pmcw;
	struct pmcw *pmcw = &hw->schib.pmcw;
	int cc = 0;

	pthread_mutex_lock(&hw->lock);
	if (hw->gone)
		cc = 3;
	else if (hw->schib.scsw.ctrl & SCSW_STCTL_STATUS)
		cc = 1;
	else if (hw->schib.scsw.ctrl & SCSW_FCTL)
		cc = 2;
	else if ((new->flags ^ pmcw->flags) & PMCW_ENA && enable(hw, new->flags &PMCW_ENA))
		cc = 2;
	if (!cc) {
		pmcw->flags = (uint16_t)((pmcw->flags & ~PMCW_FLAGS_CHANGE) |
					 (new->flags &PMCW_FLAGS_CHANGE));
		pmcw->word6 = (pmcw->word6 & ~PMCW_WORD6_CHANGE) | (new->word6 &PMCW_WORD6_CHANGE);
		pmcw->intparm = new->intparm;
		pmcw->lpm = new->lpm;
	}
	pthread_mutex_unlock(&hw->lock);
	return cc;
}

/* ---- functions ---- */

static bool is_operational(const struct hw_sch *hw)
{
	return !hw->gone && hw->schib.pmcw.flags & PMCW_ENA;
}

/* Locked. */
static int start_cc(const struct hw_sch *hw, uint8_t lpm)
{
	const struct pmcw *pmcw = &hw->schib.pmcw;
	uint16_t ctrl = hw->schib.scsw.ctrl;

	if (!is_operational(hw))
		return 3;
	if (ctrl & SCSW_STCTL_STATUS)
		return 1;
	if (ctrl & SCSW_FCTL)
		return 2;
	return lpm & pmcw->lpm & pmcw->pam ? 0 : 3;
}

int hw_ssch(struct hw_sch *hw, const struct orb *orb, struct channel_memory *mem)
{
	struct scsw *scsw = &hw->schib.scsw;
	int cc;

	pthread_mutex_lock(&hw->lock);
	cc = start_cc(hw, ORB_LPM(orb->word1));
	if (!cc) {
		hw->orb = *orb;
		hw->mem = mem;
		hw->candidates = ORB_LPM(orb->word1) & hw->schib.pmcw.lpm & hw->schib.pmcw.pam;
		hw->schib.pmcw.intparm = orb->intparm;
		hw->schib.pmcw.pnom = 0;
		scsw->flags = (uint16_t)(orb->word1 >> 16) & SCSW_FLAGS_ORB;
		scsw->ctrl =
			(scsw->ctrl & SCSW_ACTL_DEVACT) | SCSW_FCTL_START | SCSW_ACTL_START_PEND;
		scsw->cpa = 0;
		scsw->dstat = scsw->cstat = 0;
		scsw->count = 0;
	}
	pthread_mutex_unlock(&hw->lock);
	if (!cc)
		pthread_cond_signal(&hw->wake);
	return cc;
}

/* Locked. */
static int halt_cc(const struct hw_sch *hw)
{
	uint16_t ctrl = hw->schib.scsw.ctrl;
	uint16_t stctl = ctrl & SCSW_STCTL;

	if (!is_operational(hw))
		return 3;
	/* Intermediate status alone does not hinder it. */
	if (stctl & SCSW_STCTL_STATUS && stctl != (SCSW_STCTL_STATUS | SCSW_STCTL_INTER))
		return 1;
	return ctrl & (SCSW_FCTL_HALT | SCSW_FCTL_CLEAR) ? 2 : 0;
}

int hw_hsch(struct hw_sch *hw)
{
	struct scsw *scsw = &hw->schib.scsw;
	int cc;

	pthread_mutex_lock(&hw->lock);
	cc = halt_cc(hw);
	if (!cc) {
		/* Intermediate status that nobody has taken goes. */
		scsw->ctrl &= (uint16_t)~SCSW_STCTL;
		scsw->flags &= (uint16_t)~SCSW_FLAGS_ZCC;
		scsw->cstat &= (uint8_t)~SCHN_STAT_PCI;
		scsw->ctrl |= SCSW_FCTL_HALT | SCSW_ACTL_HALT_PEND;
		drop_start(hw);
		hw_sch_stop(hw, HW_STOP_HALT);
		pthread_cond_signal(&hw->wake);
	}
	pthread_mutex_unlock(&hw->lock);
	return cc;
}

int hw_csch(struct hw_sch *hw)
{
	struct scsw *scsw = &hw->schib.scsw;
	int cc = 0;

	pthread_mutex_lock(&hw->lock);
	if (!is_operational(hw)) {
		cc = 3;
	} else {
		drop_start(hw);
		*scsw = (struct scsw) { .ctrl = SCSW_FCTL_CLEAR | SCSW_ACTL_CLEAR_PEND };
		hw_sch_stop(hw, HW_STOP_CLEAR);
		pthread_cond_signal(&hw->wake);
	}
	pthread_mutex_unlock(&hw->lock);
	return cc;
}

int hw_xsch(struct hw_sch *hw)
{
	struct scsw *scsw = &hw->schib.scsw;
	int cc = 0;

	pthread_mutex_lock(&hw->lock);
	if (!is_operational(hw)) {
		cc = 3;
	} else if (scsw->ctrl & SCSW_STCTL_STATUS) {
		cc = 1;
	} else if (!(scsw->ctrl & SCSW_ACTL_START_PEND) ||
		   scsw->ctrl & (SCSW_FCTL_HALT | SCSW_FCTL_CLEAR)) {
		cc = 2;
	} else {
		drop_start(hw);
		scsw->ctrl &= (uint16_t)~SCSW_FCTL_START;
		pthread_cond_signal(&hw->wake);
	}
	pthread_mutex_unlock(&hw->lock);
	return cc;
}

/* ---- status ---- */

/* Locked. */
static void fill_irb(const struct hw_sch *hw, struct irb *irb)
{
	memset(irb, 0, sizeof(*irb));
	irb->scsw = hw->schib.scsw;
	if (!(irb->scsw.ctrl & SCSW_STCTL_STATUS))
		return;
	irb->esw[0] = hw->esw0;
	irb->esw[1] = hw->erw;
	if (irb->scsw.flags & SCSW_FLAGS_ECTL)
		memcpy(irb->ecw, hw->ecw, SENSE_SIZE);
}

/* The status was taken: what it told is over. Locked. */
static void clear_status(struct hw_sch *hw)
{
	struct scsw *scsw = &hw->schib.scsw;
	uint16_t stctl = scsw->ctrl & SCSW_STCTL;

	scsw->ctrl &= (uint16_t)~SCSW_STCTL;
	scsw->flags &= (uint16_t) ~(SCSW_FLAGS_ZCC | SCSW_FLAGS_ECTL | SCSW_FLAGS_ESWF);
	hw->erw = 0;
	scsw->cstat &= (uint8_t)~SCHN_STAT_PCI;
	if (stctl == (SCSW_STCTL_INTER | SCSW_STCTL_STATUS))
		return;
	scsw->flags &= (uint16_t)~SCSW_FLAGS_PNO;
	scsw->ctrl &= SCSW_ACTL_DEVACT | SCSW_ACTL_SCHACT;
	/* News that waited for it. */
	if (hw->unsolicited)
		pthread_cond_signal(&hw->wake);
}

int hw_tsch(struct hw_sch *hw, struct irb *irb)
{
	int cc;

	pthread_mutex_lock(&hw->lock);
	if (!is_operational(hw)) {
		cc = 3;
	} else {
		fill_irb(hw, irb);
		cc = irb->scsw.ctrl & SCSW_STCTL_STATUS ? 0 : 1;
		if (!cc)
			clear_status(hw);
	}
	pthread_mutex_unlock(&hw->lock);
	return cc;
}
