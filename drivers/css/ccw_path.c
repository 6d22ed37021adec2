/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Path verification: which of a device's paths work. Each is tried alone, by a command that every
 * device has, or by those of path groups.
 *
 * Behaviour: Linux 7.3 drivers/s390/cio/device_pgid.c.
 */
#include <errno.h>

#include "ccw.h"

int ccw_path_set_multipath(struct subchannel *sch, bool on)
{
	struct schib schib = sch->schib;

	if (on == !!(schib.pmcw.flags & PMCW_MP))
		return 0;
	if (on)
		schib.pmcw.flags |= PMCW_MP;
	else
		schib.pmcw.flags &= (uint16_t)~PMCW_MP;
	switch (msch(sch, &schib)) {
	case 0:
		return cio_update_schib(sch);
	case 3:
		return -ENODEV;
	default:
		return -EBUSY;
	}
}

/* Return: 0, or what keeps the device from being used at all. */
static int verify_path(struct ccw_device_private *priv, uint8_t path)
{
	struct io_subchannel *ios = priv->ios;
	struct ccw_request req = {
		.cmd = { CCW_CMD_NOOP }, .lpm = path, .singlepath = true, .any_status = true
	};
	int err = ccw_request_run(ios, &req);

	switch (err) {
	case 0:
		ios->vpm |= path;
		return 0;
	case -ETIME:
		priv->path_noirq_mask |= path;
		return 0;
	case -EACCES:
		return 0;
	default:
		return err;
	}
}

static int verify_by_noop(struct ccw_device_private *priv)
{
	struct subchannel *sch = priv->ios->sch;
	uint8_t path;
	int err;

	priv->ios->vpm = 0;
	sch->lpm = sch->schib.pmcw.pam;
	for (path = 0x80; path; path >>= 1) {
		if (!(path & sch->schib.pmcw.pam & sch->opm & (uint8_t)~priv->path_noirq_mask))
			continue;
		err = verify_path(priv, path);
		if (err)
			return err;
	}
	return priv->ios->vpm ? 0 : -EACCES;
}

int ccw_path_verify(struct ccw_device_private *priv)
{
	int err = -EOPNOTSUPP;

	priv->pgroup = priv->options & CCWDEV_DO_PATHGROUP;
	priv->mpath = priv->options & CCWDEV_DO_MULTIPATH;
	priv->path_noirq_mask = 0;
	if (priv->pgroup)
		err = ccw_pgid_verify(priv);
	if (err == -EOPNOTSUPP) {
		priv->pgroup = false;
		priv->mpath = false;
		err = verify_by_noop(priv);
	}
	if (err)
		return err;
	return ccw_path_set_multipath(priv->ios->sch, priv->mpath);
}
