/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The instructions, and what drivers make of them.
 *
 * Behaviour: Linux 7.3 drivers/s390/cio/{ioasm,cio}.c.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "css_bus.h"

#define COMMIT_RETRIES 5
#define BUSY_NSEC      100000

int stsch(struct subchannel *sch, struct schib *schib)
{
	return hw_stsch(sch->hw, schib);
}

int msch(struct subchannel *sch, const struct schib *schib)
{
	return hw_msch(sch->hw, schib);
}

int ssch(struct subchannel *sch, const struct orb *orb, struct channel_memory *mem)
{
	return hw_ssch(sch->hw, orb, mem);
}

int hsch(struct subchannel *sch)
{
	return hw_hsch(sch->hw);
}

int csch(struct subchannel *sch)
{
	return hw_csch(sch->hw);
}

int xsch(struct subchannel *sch)
{
	return hw_xsch(sch->hw);
}

int tsch(struct subchannel *sch, struct irb *irb)
{
	return hw_tsch(sch->hw, irb);
}

bool css_sch_is_valid(const struct schib *schib)
{
	switch (PMCW_ST(schib->pmcw.word6)) {
	case SUBCHANNEL_TYPE_IO:
		return schib->pmcw.flags & PMCW_DNV;
	case SUBCHANNEL_TYPE_MSG:
		return schib->pmcw.flags & PMCW_W;
	default:
		return true;
	}
}

int cio_update_schib(struct subchannel *sch)
{
	struct schib schib;

	if (stsch(sch, &schib))
		return -ENODEV;
	if (!css_sch_is_valid(&schib)) {
		memset(&sch->schib, 0, sizeof(sch->schib));
		return -ENODEV;
	}
	sch->schib = schib;
	return 0;
}

/* ---- enabling ---- */

struct config {
	uint32_t intparm;
	bool enabled;
};

static void apply_config(struct schib *schib, const struct config *config)
{
	struct pmcw *pmcw = &schib->pmcw;

	pmcw->intparm = config->intparm;
	pmcw->flags &= (uint16_t)~PMCW_ENA;
	if (config->enabled)
		pmcw->flags |= PMCW_ENA;
	pmcw->word6 |= PMCW_CSENSE;
}

static bool has_config(const struct schib *schib, const struct config *config)
{
	return schib->pmcw.intparm == config->intparm &&
	       !(schib->pmcw.flags & PMCW_ENA) == !config->enabled;
}

/* One try. Return: 0, -EAGAIN (it did not take it all), -EBUSY, -ENODEV. */
static int try_commit(struct subchannel *sch, const struct config *config)
{
	static const struct timespec moment = { .tv_nsec = BUSY_NSEC };
	struct schib schib = sch->schib;
	struct irb irb;

	apply_config(&schib, config);
	switch (msch(sch, &schib)) {
	case 0:
		if (cio_update_schib(sch))
			return -ENODEV;
		return has_config(&sch->schib, config) ? 0 : -EAGAIN;
	case 1:
		tsch(sch, &irb);
		return -EBUSY;
	case 2:
		nanosleep(&moment, NULL);
		return -EBUSY;
	default:
		return -ENODEV;
	}
}

static int commit_config(struct subchannel *sch, const struct config *config)
{
	int i, err = -EBUSY;

	if (cio_update_schib(sch))
		return -ENODEV;
	for (i = 0; i < COMMIT_RETRIES && (err == -EBUSY || err == -EAGAIN); i++)
		err = try_commit(sch, config);
	return err == -EAGAIN ? -EBUSY : err;
}

int cio_enable_subchannel(struct subchannel *sch, uint32_t intparm)
{
	const struct config config = { .intparm = intparm, .enabled = true };

	return commit_config(sch, &config);
}

int cio_disable_subchannel(struct subchannel *sch)
{
	const struct config config = { .enabled = false };

	return commit_config(sch, &config);
}

/* ---- ending what is under way ---- */

#define HALT_RETRIES  3
#define CLEAR_RETRIES 255

/* As the kernel's cio_cancel(). */
static int cancel(struct subchannel *sch)
{
	switch (xsch(sch)) {
	case 0:
		return cio_update_schib(sch);
	case 1:
		return -EBUSY;
	case 2:
		return -EINVAL;
	default:
		return -ENODEV;
	}
}

static int halt(struct subchannel *sch)
{
	switch (hsch(sch)) {
	case 0:
		sch->schib.scsw.ctrl |= SCSW_ACTL_HALT_PEND;
		return 0;
	case 1:
	case 2:
		return -EBUSY;
	default:
		return -ENODEV;
	}
}

static int clear(struct subchannel *sch)
{
	if (csch(sch))
		return -ENODEV;
	sch->schib.scsw.ctrl |= SCSW_ACTL_CLEAR_PEND;
	return 0;
}

/* An end that has been asked for comes with an interrupt. */
static int wait_for_it(int err)
{
	return err ? err : -EBUSY;
}

int cio_cancel_halt_clear(struct subchannel *sch, int *retries)
{
	int err;

	if (cio_update_schib(sch))
		return -ENODEV;
	if (!(sch->schib.pmcw.flags & PMCW_ENA))
		return 0;
	if (!(sch->schib.scsw.ctrl & (SCSW_ACTL_HALT_PEND | SCSW_ACTL_CLEAR_PEND))) {
		err = cancel(sch);
		if (err != -EINVAL)
			return err;
		*retries = HALT_RETRIES;
	}
	if (!(sch->schib.scsw.ctrl & SCSW_ACTL_CLEAR_PEND)) {
		if (*retries > 0) {
			--*retries;
			err = halt(sch);
			if (err != -EBUSY)
				return wait_for_it(err);
		}
		*retries = CLEAR_RETRIES;
	}
	if (*retries <= 0)
		return -EIO;
	--*retries;
	return wait_for_it(clear(sch));
}
