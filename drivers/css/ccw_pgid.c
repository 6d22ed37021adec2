/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Path groups: a device is told that several of its paths are the same system's.
 *
 * Behaviour: Linux 7.3 drivers/s390/cio/device_pgid.c; ESA/390 Common I/O-Device Commands, "Sense
 * Path Group ID", "Set Path Group ID".
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "ccw.h"

#define CMD_SENSE_PGID 0x34
#define CMD_SET_PGID   0xaf

/* The first byte of what is set: what to do with the path. */
#define SPID_MULTI_PATH 0x80
#define SPID_ESTABLISH	0x00
#define SPID_RESIGN	0x40
#define SPID_DISBAND	0x20

/* The first byte of what is sensed: the path's state. */
#define SNID_STATE1(b)	  ((b) >> 6)
#define SNID_UNGROUPED	  2
#define SNID_GROUPED	  3
#define SNID_STATE2(b)	  ((b) >> 4 & 3)
#define SNID_RESVD_ELSE	  2
#define SNID_MULTIPATH(b) (!!((b)&0x08))

/*
 * The name of this system, behind the state of the path and the number of a processor: the program,
 * and the moment when it was first asked for.
 */
static const uint8_t *own_pgid(void)
{
	static uint8_t own[PGID_SIZE] = { 0, 0, 0, 'u', 'm', 'd', 'e', 'v' };
	static bool named;
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct timespec now;

	pthread_mutex_lock(&lock);
	if (!named) {
		named = true;
		clock_gettime(CLOCK_REALTIME, &now);
		cio_put32(own + 8, (uint32_t)now.tv_sec ^ (uint32_t)now.tv_nsec);
	}
	pthread_mutex_unlock(&lock);
	return own;
}

static unsigned int position(uint8_t path)
{
	unsigned int i = 0;

	while (path && !(path & 0x80 >> i))
		i++;
	return i;
}

/* What becomes of a path, from a request's return. Return: 0, or what ends the verification. */
static int note_path(struct ccw_device_private *priv, uint8_t path, int err)
{
	if (err == -ETIME)
		priv->path_noirq_mask |= path;
	return err == -ETIME || err == -EACCES ? 0 : err;
}

/* ---- sensing ---- */

static int sense_paths(struct ccw_device_private *priv)
{
	struct subchannel *sch = priv->ios->sch;
	struct ccw_request req;
	uint8_t path;
	int err;

	memset(priv->pgid, 0, sizeof(priv->pgid));
	priv->pgid_valid_mask = 0;
	for (path = 0x80; path; path >>= 1) {
		if (!(path & sch->schib.pmcw.pam & (uint8_t)~priv->path_noirq_mask))
			continue;
		req = (struct ccw_request) { .cmd = { CMD_SENSE_PGID },
					     .buf = priv->pgid[position(path)],
					     .len = PGID_SIZE,
					     .lpm = path,
					     .singlepath = true };
		err = ccw_request_run(priv->ios, &req);
		if (!err)
			priv->pgid_valid_mask |= path;
		err = note_path(priv, path, err);
		if (err)
			return err;
	}
	if (priv->pgid_valid_mask)
		return 0;
	return priv->path_noirq_mask ? -ETIME : -EACCES;
}

static bool is_reset(const uint8_t pgid[PGID_SIZE])
{
	static const uint8_t none[PGID_SIZE];

	return !memcmp(pgid + 1, none, PGID_SIZE - 1);
}

/*
 * What the paths say of themselves. Return: 0 with the name of the group in @group, -EUSERS
 * (reserved by another system), -EOPNOTSUPP (they are in different groups).
 */
static int analyze(struct ccw_device_private *priv, uint8_t group[PGID_SIZE])
{
	const uint8_t *first = NULL;
	uint8_t reserved = 0, reset = 0;
	bool mismatch = false;
	unsigned int i;
	uint8_t path;

	for (i = 0, path = 0x80; i < 8; i++, path >>= 1) {
		if (!(priv->pgid_valid_mask & path))
			continue;
		if (SNID_STATE2(priv->pgid[i][0]) == SNID_RESVD_ELSE)
			reserved |= path;
		if (is_reset(priv->pgid[i]))
			reset |= path;
		else if (!first)
			first = priv->pgid[i];
		else if (memcmp(first + 1, priv->pgid[i] + 1, PGID_SIZE - 1))
			mismatch = true;
	}
	if (reserved == priv->pgid_valid_mask)
		return -EUSERS;
	if (mismatch)
		return -EOPNOTSUPP;
	memcpy(group, first ? first : own_pgid(), PGID_SIZE);
	priv->pgid_reset_mask |= reset;
	return 0;
}

/* The paths that are as they should be already. */
static uint8_t done_paths(const struct ccw_device_private *priv)
{
	const struct subchannel *sch = priv->ios->sch;
	unsigned int i, wanted;
	uint8_t path, done = 0;

	for (i = 0, path = 0x80; i < 8; i++, path >>= 1) {
		wanted = sch->opm & path ? SNID_GROUPED : SNID_UNGROUPED;
		if (priv->pgid_valid_mask & path && SNID_STATE1(priv->pgid[i][0]) == wanted &&
		    SNID_MULTIPATH(priv->pgid[i][0]) == priv->mpath)
			done |= path;
	}
	return done;
}

/* ---- setting ---- */

static uint8_t sch_usable(const struct subchannel *sch)
{
	return sch->schib.pmcw.pam & sch->opm;
}

static int set_pgid(struct ccw_device_private *priv, uint8_t lpm, bool singlepath, uint8_t function,
		    const uint8_t group[PGID_SIZE])
{
	uint8_t data[PGID_SIZE];
	struct ccw_request req = { .cmd = { CMD_SET_PGID },
				   .buf = data,
				   .len = sizeof(data),
				   .lpm = lpm,
				   .singlepath = singlepath };

	memcpy(data, group, sizeof(data));
	data[0] = (uint8_t)(function | (priv->mpath ? SPID_MULTI_PATH : 0));
	return ccw_request_run(priv->ios, &req);
}

static int set_paths(struct ccw_device_private *priv, const uint8_t group[PGID_SIZE])
{
	struct subchannel *sch = priv->ios->sch;
	uint8_t path;
	int err;

	for (path = 0x80; path; path >>= 1) {
		if (!(path & priv->pgid_todo_mask))
			continue;
		err = set_pgid(priv, path, true, path & sch->opm ? SPID_ESTABLISH : SPID_RESIGN,
			       group);
		if (!err)
			priv->ios->vpm |= path & sch->opm;
		err = note_path(priv, path, err);
		if (err)
			return err;
	}
	return priv->ios->vpm ? 0 : -EACCES;
}

static int try_to_group(struct ccw_device_private *priv, uint8_t group[PGID_SIZE])
{
	struct subchannel *sch = priv->ios->sch;
	uint8_t done;
	int err;

	priv->ios->vpm = 0;
	sch->lpm = sch->schib.pmcw.pam;
	err = sense_paths(priv);
	if (!err)
		err = analyze(priv, group);
	if (err)
		return err;
	done = done_paths(priv);
	priv->ios->vpm = done & sch->opm;
	priv->pgid_todo_mask = sch->schib.pmcw.pam & (uint8_t) ~(done | priv->path_noirq_mask);
	return set_paths(priv, group);
}

int ccw_pgid_verify(struct ccw_device_private *priv)
{
	uint8_t group[PGID_SIZE];
	uint8_t silent;
	int err;

	for (;;) {
		silent = priv->path_noirq_mask;
		err = try_to_group(priv, group);
		if (err == -EOPNOTSUPP && priv->mpath) {
			priv->mpath = false;
			continue;
		}
		if (err || priv->path_noirq_mask == silent)
			return err;
		/* A path has not answered, and nobody knows in which group it is: begin anew. */
		err = set_pgid(priv, sch_usable(priv->ios->sch), false, SPID_DISBAND, group);
		if (err)
			return err;
	}
}

int ccw_pgid_disband(struct ccw_device_private *priv)
{
	int err = set_pgid(priv, sch_usable(priv->ios->sch), true, SPID_DISBAND, own_pgid());

	if (err)
		return err;
	priv->mpath = false;
	return ccw_path_set_multipath(priv->ios->sch, false);
}
