/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Channel paths: cables that can be pulled, and configured into the machine or out of it. A
 * subchannel keeps what that is for it in its own masks, so a start looks at no path.
 */
#include <errno.h>

#include "hw_machine.h"

#define CHP_TYPE_FICON 0x1b

/* State of a path. */
#define PATH_EXISTS	 1u
#define PATH_CONFIGURED	 2u
#define PATH_OPERATIONAL 4u

/* Written under the console's lock. */
static atomic_uchar paths[HW_CHPIDS];

struct hw_path_state hw_path_get(uint8_t chpid)
{
	unsigned int state = paths[chpid];

	return (struct hw_path_state) { .exists = state & PATH_EXISTS,
					.configured = state & PATH_CONFIGURED,
					.operational = state & PATH_OPERATIONAL,
					.type = CHP_TYPE_FICON };
}

void hw_path_add(const uint8_t *chpid, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		if (!paths[chpid[i]])
			paths[chpid[i]] = PATH_EXISTS | PATH_CONFIGURED | PATH_OPERATIONAL;
}

void hw_path_forget(void)
{
	for (unsigned int i = 0; i < HW_CHPIDS; i++)
		paths[i] = 0;
}

void hw_path_update(struct hw_sch *hw)
{
	struct pmcw *pmcw = &hw->schib.pmcw;
	struct hw_path_state state;
	uint8_t path;

	pmcw->pam = 0;
	pmcw->pom = 0xff;
	for (unsigned int i = 0; i < 8; i++) {
		path = (uint8_t)(0x80 >> i);
		if (!(pmcw->pim & path))
			continue;
		state = hw_path_get(pmcw->chpid[i]);
		if (!state.operational)
			pmcw->pom &= (uint8_t)~path;
		if (state.operational && state.configured)
			pmcw->pam |= path;
	}
}

/* A path may have changed: what runs on one that is gone ends. */
static void update(struct hw_sch *hw, void *data)
{
	uint8_t before;

	pthread_mutex_lock(&hw->lock);
	before = hw->schib.pmcw.pam;
	hw_path_update(hw);
	if (before && !hw->schib.pmcw.pam) {
		hw->reset_due = true;
		pthread_cond_signal(&hw->wake);
	}
	if (hw->running && !(hw->path & hw->schib.pmcw.pam)) {
		hw_sch_stop(hw, HW_STOP_PATH);
		pthread_cond_signal(&hw->wake);
	}
	pthread_mutex_unlock(&hw->lock);
}

static bool is_available(unsigned int state)
{
	return state == (PATH_EXISTS | PATH_CONFIGURED | PATH_OPERATIONAL);
}

static int change(uint8_t chpid, unsigned int what, bool on)
{
	unsigned int before, after;

	hw_console_lock();
	before = paths[chpid];
	after = on ? before | what : before & ~what;
	if (before & PATH_EXISTS && before != after) {
		paths[chpid] = (unsigned char)after;
		hw_for_each(update, NULL);
	}
	hw_console_unlock();
	if (!(before & PATH_EXISTS))
		return -ENODEV;
	/* What a program sees of it is whether it can be used. */
	if (is_available(before) != is_available(after))
		hw_report(CRW_RSC_CPATH, on ? CRW_ERC_INIT : CRW_ERC_PERRN, 0, chpid);
	return 0;
}

int hw_path_set(uint8_t chpid, bool operational)
{
	return change(chpid, PATH_OPERATIONAL, operational);
}

int hw_path_configure(uint8_t chpid, bool on)
{
	return change(chpid, PATH_CONFIGURED, on);
}
