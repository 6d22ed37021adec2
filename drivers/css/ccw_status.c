/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Status of a subchannel, which may come in pieces.
 *
 * Behaviour: Linux 7.3 drivers/s390/cio/device_status.c. The subchannel has concurrent sense, so
 * that sense comes with its unit check and never has to be fetched.
 */
#include <string.h>

#include "ccw.h"

#define STCTL_UNSOLICITED (SCSW_STCTL_STATUS | SCSW_STCTL_ALERT)

bool ccw_status_is_solicited(const struct irb *irb)
{
	return irb->scsw.flags & SCSW_FLAGS_CC ||
	       (irb->scsw.ctrl & SCSW_STCTL) != STCTL_UNSOLICITED;
}

bool ccw_status_is_final(const struct irb *irb)
{
	unsigned int stctl = irb->scsw.ctrl & SCSW_STCTL;

	return stctl & SCSW_STCTL_SEC || stctl == STCTL_UNSOLICITED || stctl == SCSW_STCTL_STATUS;
}

/* Is the address of the CCW that of where the program is, or was? */
static bool has_cpa(const struct scsw *scsw)
{
	unsigned int active = SCSW_ACTL_DEVACT | SCSW_ACTL_SCHACT;

	if (scsw->ctrl & (SCSW_STCTL_PRIM | SCSW_ACTL_SUSPENDED))
		return true;
	return (scsw->ctrl & SCSW_STCTL) == (SCSW_STCTL_INTER | SCSW_STCTL_STATUS) &&
	       (scsw->ctrl & active) == active;
}

static bool has_count(const struct scsw *scsw)
{
	return scsw->ctrl & SCSW_STCTL_PRIM &&
	       !(scsw->cstat & ~(SCHN_STAT_PCI | SCHN_STAT_INCORR_LEN));
}

static void add_extended(struct irb *sum, const struct irb *irb)
{
	sum->esw[0] = irb->esw[0];
	if (!(irb->scsw.flags & SCSW_FLAGS_ECTL) || !(irb->esw[1] & ERW_CONS))
		return;
	sum->scsw.flags |= SCSW_FLAGS_ECTL;
	sum->esw[1] = irb->esw[1];
	memcpy(sum->ecw, irb->ecw, sizeof(sum->ecw));
}

void ccw_status_accumulate(struct irb *sum, const struct irb *irb)
{
	const struct scsw *scsw = &irb->scsw;

	/* A clear has forgotten what was pending before. */
	if (scsw->ctrl & SCSW_FCTL_CLEAR)
		memset(sum, 0, sizeof(*sum));
	if (scsw->ctrl & SCSW_FCTL_START)
		sum->scsw.flags |= scsw->flags & (uint16_t) ~(SCSW_FLAGS_ECTL | SCSW_FLAGS_PNO);
	sum->scsw.flags |= scsw->flags & SCSW_FLAGS_PNO;
	add_extended(sum, irb);
	sum->scsw.ctrl = (uint16_t)((sum->scsw.ctrl & ~SCSW_ACTL) | scsw->ctrl);
	if (has_cpa(scsw))
		sum->scsw.cpa = scsw->cpa;
	sum->scsw.dstat &= (uint8_t)~DEV_STAT_BUSY;
	sum->scsw.dstat |= scsw->dstat;
	sum->scsw.cstat |= scsw->cstat;
	if (has_count(scsw))
		sum->scsw.count = scsw->count;
}
