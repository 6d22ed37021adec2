/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Instructions, as errors. Behaviour: Linux 7.3 drivers/s390/cio/cio.c. */
#include <errno.h>

#include "ccw.h"

/* The paths of @lpm (0: all that there were) are not operational. */
static int start_not_operational(struct subchannel *sch, uint8_t lpm)
{
	sch->lpm &= (uint8_t) ~(lpm ? lpm : 0xff);
	if (cio_update_schib(sch))
		return -ENODEV;
	return sch->lpm ? -EACCES : -ENODEV;
}

int cio_start(struct subchannel *sch, struct channel_memory *mem, uint32_t cpa, uint8_t lpm,
	      unsigned long flags)
{
	struct orb orb = { .intparm = sch->schid.sch_no, .cpa = cpa };

	orb.word1 = ORB_FMT | ORB_C64 | (uint32_t)(lpm ? lpm : sch->lpm) << 8;
	if (!(flags & DOIO_DENY_PREFETCH))
		orb.word1 |= ORB_PFCH;
	switch (ssch(sch, &orb, mem)) {
	case 0:
		return 0;
	case 1:
	case 2:
		return -EBUSY;
	default:
		return start_not_operational(sch, lpm);
	}
}

int cio_clear(struct subchannel *sch)
{
	return csch(sch) ? -ENODEV : 0;
}

int cio_halt(struct subchannel *sch)
{
	switch (hsch(sch)) {
	case 0:
		return 0;
	case 1:
	case 2:
		return -EBUSY;
	default:
		return -ENODEV;
	}
}
