/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * I/O of io_subchannel's own: short programs that are tried until a path answers. Whoever runs one
 * waits for it; the subchannel's lock is given up meanwhile.
 *
 * Behaviour: Linux 7.3 drivers/s390/cio/ccwreq.c.
 */
#include <errno.h>
#include <string.h>
#include <umdev/control_unit.h>

#include "ccw.h"

/* What Linux waits for an answer, */
unsigned int ccw_request_timeout = 10000;
/* and how often it tries the same path. */
#define RETRIES 256
/* A subchannel that does not even say that it is clear is no good. */
#define CLEAR_MS 10000

/* Two CCWs, then the data of the first, then a place for what the second brings. */
#define DATA_AT	    (2 * CCW_SIZE)
#define SECOND_SIZE 32

enum io_status {
	IO_DONE,
	IO_STATUS_ERROR,
	IO_PATH_ERROR,
	IO_REJECTED,
	IO_KILLED,
	IO_GONE,
};

/* ---- paths ---- */

/* The first path of @mask, or further right, that is one of @lpm; 0: there is none any more. */
static unsigned int adjust_mask(unsigned int mask, uint8_t lpm)
{
	while (mask && !(mask & lpm))
		mask >>= 1;
	return mask;
}

static void first_path(struct ccw_request *req)
{
	/* Each path twice, should one just be coming. */
	req->retries = RETRIES;
	req->mask = adjust_mask(req->singlepath ? 0x8080 : req->lpm, req->lpm);
}

static void next_path(struct ccw_request *req)
{
	req->retries = RETRIES;
	req->mask = req->singlepath ? adjust_mask(req->mask >> 1, req->lpm) : 0;
}

/* ---- the program ---- */

static int build(struct ccw_request *req)
{
	struct ccw1 ccw = { .cmd_code = req->cmd[0],
			    .flags = CCW_FLAG_SLI,
			    .count = (uint16_t)req->len,
			    .cda = DATA_AT };

	req->memory = ccw_memory_alloc(DATA_AT + req->len + SECOND_SIZE);
	if (!req->memory)
		return -ENOMEM;
	if (req->cmd[1])
		ccw.flags |= CCW_FLAG_CC;
	ccw_to_bytes(&ccw, req->memory->bytes);
	ccw = (struct ccw1) { .cmd_code = req->cmd[1],
			      .flags = CCW_FLAG_SLI,
			      .count = SECOND_SIZE,
			      .cda = (uint32_t)(DATA_AT + req->len) };
	ccw_to_bytes(&ccw, req->memory->bytes + CCW_SIZE);
	if (req->len)
		memcpy(req->memory->bytes + DATA_AT, req->buf, req->len);
	return 0;
}

static bool is_over(const struct io_subchannel *ios, const struct ccw_request *req)
{
	return req->arrived || ios->gone;
}

/* Wait for the status. Return: 0, -ETIMEDOUT, -ECANCELED. */
static int wait_for(struct io_subchannel *ios, struct ccw_request *req, unsigned int ms)
{
	struct timespec deadline = io_sch_after(ms);
	int err = 0;

	while (!is_over(ios, req) && !ios->cancel && !err)
		err = io_sch_wait(ios, &deadline);
	if (is_over(ios, req))
		return 0;
	return ios->cancel ? -ECANCELED : err;
}

/* Bring the subchannel to rest, whatever is under way there. */
static enum io_status clear(struct io_subchannel *ios, struct ccw_request *req)
{
	struct timespec deadline = io_sch_after(CLEAR_MS);

	req->arrived = false;
	memset(&req->irb, 0, sizeof(req->irb));
	if (cio_clear(ios->sch))
		return IO_GONE;
	/* What was pending when it was cleared may come before; also who cancels waits for that. */
	while (!(req->arrived && req->irb.scsw.ctrl & SCSW_FCTL_CLEAR) && !ios->gone)
		if (io_sch_wait(ios, &deadline))
			return IO_GONE;
	return ios->gone ? IO_GONE : IO_KILLED;
}

static enum io_status judge(const struct ccw_request *req)
{
	const struct scsw *scsw = &req->irb.scsw;

	if (scsw->ctrl & (SCSW_FCTL_HALT | SCSW_FCTL_CLEAR))
		return IO_KILLED;
	if ((scsw->flags & SCSW_FLAGS_CC) == SCSW_FLAGS_CC || scsw->flags & SCSW_FLAGS_PNO)
		return IO_PATH_ERROR;
	if (req->irb.esw[1] & ERW_CONS && scsw->dstat & DEV_STAT_UNIT_CHECK)
		return req->irb.ecw[0] & SENSE_COMMAND_REJECT ? IO_REJECTED : IO_STATUS_ERROR;
	if (scsw->cstat || scsw->dstat & (uint8_t) ~(DEV_STAT_CHN_END | DEV_STAT_DEV_END) ||
	    scsw->flags & SCSW_FLAGS_CC)
		return IO_STATUS_ERROR;
	return IO_DONE;
}

void ccw_request_irq(struct io_subchannel *ios, const struct irb *irb)
{
	struct ccw_request *req = ios->req;

	if (!ccw_status_is_solicited(irb))
		return;
	ccw_status_accumulate(&req->irb, irb);
	if (!ccw_status_is_final(&req->irb) ||
	    irb->scsw.ctrl & (SCSW_ACTL_SCHACT | SCSW_ACTL_DEVACT))
		return;
	req->arrived = true;
	pthread_cond_broadcast(&ios->changed);
}

/*
 * One start. *@rc: what the request comes to if that was its last one; -ETIME stays, whatever comes
 * of other paths later.
 */
static enum io_status try_once(struct io_subchannel *ios, struct ccw_request *req, int *rc)
{
	enum io_status status;
	int err;

	req->arrived = false;
	memset(&req->irb, 0, sizeof(req->irb));
	err = cio_start(ios->sch, &ccw_memory_get(req->memory)->mem, 0, (uint8_t)req->mask, 0);
	if (err)
		ccw_memory_put(req->memory);
	if (err == -ENODEV)
		return IO_GONE;
	if (err == -EACCES)
		return IO_PATH_ERROR;
	if (err)
		return clear(ios, req);
	err = wait_for(ios, req, ccw_request_timeout);
	if (!err)
		return ios->gone ? IO_GONE : judge(req);
	status = clear(ios, req);
	if (err == -ETIMEDOUT && status == IO_KILLED) {
		dev_warn(&ios->sch->dev, "no answer to command %02x (paths %02x)", req->cmd[0],
			 req->mask & 0xff);
		next_path(req);
		if (!req->mask)
			*rc = -ETIME;
	}
	return status;
}

static int run(struct io_subchannel *ios, struct ccw_request *req)
{
	int rc = -EACCES;

	for (first_path(req); req->mask;) {
		if (ios->cancel)
			return -EIO;
		if (!req->retries--) {
			next_path(req);
			continue;
		}
		switch (try_once(ios, req, &rc)) {
		case IO_DONE:
			return 0;
		case IO_STATUS_ERROR:
			if (req->any_status && !req->irb.scsw.cstat)
				return 0;
			break;
		case IO_PATH_ERROR:
			next_path(req);
			break;
		case IO_REJECTED:
			return -EOPNOTSUPP;
		case IO_KILLED:
			break;
		case IO_GONE:
			return -ENODEV;
		}
	}
	return rc;
}

int ccw_request_run(struct io_subchannel *ios, struct ccw_request *req)
{
	int err = build(req);

	if (err)
		return err;
	ios->req = req;
	err = run(ios, req);
	ios->req = NULL;
	if (!err && req->len)
		memcpy(req->buf, req->memory->bytes + DATA_AT, req->len);
	ccw_memory_put(req->memory);
	return err;
}
