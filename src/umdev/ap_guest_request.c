/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A request of the guest's to one of its queues: NQAP, and DQAP until the reply is there. AQIC has
 * the queue say when that is worth trying.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <umdev/vfio_ap.h>

#include "umdev/ap_guest.h"

/* Of a request, until it is given up: the kernel's drivers wait as long. */
#define PATIENCE_MS 60000
/* Where nobody says when to look: the queue is busy, or has no interrupts. */
#define LOOK_MS 10

/* Not a response code: somebody asks the guest to let go. */
#define INTERRUPTED_BY_REQUEST 0x100

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static const char *explain(unsigned int response)
{
	switch (response) {
	case AP_RESPONSE_Q_NOT_AVAIL:
		return "the guest does not have this queue";
	case AP_RESPONSE_RESET_IN_PROGRESS:
		return "the queue is being reset";
	case AP_RESPONSE_DECONFIGURED:
		return "the adapter is deconfigured";
	case AP_RESPONSE_CHECKSTOPPED:
		return "the adapter is checkstopped";
	case AP_RESPONSE_BUSY:
	case AP_RESPONSE_Q_FULL:
		return "the queue is busy";
	case AP_RESPONSE_MESSAGE_TOO_BIG:
		return "the request or its reply is too long for the queue";
	case INTERRUPTED_BY_REQUEST:
		return "somebody asks the guest to let go";
	default:
		return NULL;
	}
}

/* Return: false, for the caller. */
static bool refuse(struct json_object *result, const char *text)
{
	json_add_text(result, "refused", text);
	return false;
}

static bool refuse_response(struct json_object *result, unsigned int response)
{
	const char *text = explain(response);
	char number[48];

	snprintf(number, sizeof(number), "the queue answers with response code %02x", response);
	return refuse(result, text ? text : number);
}

static bool is_worth_another_try(unsigned int response)
{
	return response == AP_RESPONSE_BUSY || response == AP_RESPONSE_Q_FULL ||
	       response == AP_RESPONSE_RESET_IN_PROGRESS;
}

/* Until there is a reply, or it is time to look again. Return: false: asked to let go. */
static bool wait_for_reply(const struct guest_device *g, int64_t ms)
{
	struct pollfd fds[] = { { .fd = g->asked, .events = POLLIN },
				{ .fd = g->replies, .events = POLLIN } };
	eventfd_t count;

	poll(fds, ARRAY_SIZE(fds), ms < LOOK_MS ? (int)ms : LOOK_MS);
	if (fds[0].revents)
		return false;
	if (fds[1].revents)
		eventfd_read(g->replies, &count);
	return true;
}

/* Whether it does or not: looking now and then is enough. */
static void have_replies_indicated(const struct guest_device *g, ap_qid_t qid)
{
	struct guest_regs regs = { .gr0 = VFIO_AP_PQAP_AQIC | qid,
				   .gr1 = VFIO_AP_AQIC_IR,
				   .gr2 = GUEST_MEMORY_IOVA + qid };

	guest_execute(g, VFIO_AP_PQAP, &regs, NULL, 0, NULL, 0);
}

/* Return: AP_RESPONSE_*, INTERRUPTED_BY_REQUEST, -errno. */
static int send_request(const struct guest_device *g, ap_qid_t qid, uint64_t psmid,
			const struct ap_request *req, int64_t end)
{
	struct guest_regs regs;
	unsigned int response;
	int err;

	for (;;) {
		regs = (struct guest_regs) { .gr0 = VFIO_AP_NQAP_LAST | qid,
					     .psmid = psmid,
					     .length = req->len };
		err = guest_execute(g, VFIO_AP_NQAP, &regs, req->msg, req->len, NULL, 0);
		if (err || regs.interruption)
			return err ? err : -EPROTO;
		response = VFIO_AP_STATUS_RC(regs.gr1);
		if (!is_worth_another_try(response) || now_ms() >= end)
			return (int)response;
		if (!wait_for_reply(g, end - now_ms()))
			return INTERRUPTED_BY_REQUEST;
	}
}

/*
 * @len: gets the reply's
 * Return: as send_request(); -EAGAIN: it is lost, -ETIMEDOUT.
 */
static int receive_reply(const struct guest_device *g, ap_qid_t qid, uint64_t psmid, uint8_t *reply,
			 size_t *len, int64_t end)
{
	struct guest_regs regs;
	int err;

	for (;;) {
		regs = (struct guest_regs) { .gr0 = VFIO_AP_DQAP_GR0 | qid,
					     .length = VFIO_AP_WINDOW_MESSAGE_SIZE };
		err = guest_execute(g, VFIO_AP_DQAP, &regs, NULL, 0, reply,
				    VFIO_AP_WINDOW_MESSAGE_SIZE);
		if (err || regs.interruption)
			return err ? err : -EPROTO;
		*len = regs.length;
		if (VFIO_AP_STATUS_RC(regs.gr1) == AP_RESPONSE_NORMAL) {
			/* Of a request that was given up. */
			if (regs.psmid != psmid)
				continue;
			return 0;
		}
		if (VFIO_AP_STATUS_RC(regs.gr1) == AP_RESPONSE_NO_PENDING_REPLY) {
			if (regs.gr1 & VFIO_AP_STATUS_QUEUE_EMPTY)
				return -EAGAIN;
		} else if (!is_worth_another_try(VFIO_AP_STATUS_RC(regs.gr1))) {
			return (int)VFIO_AP_STATUS_RC(regs.gr1);
		}
		if (now_ms() >= end)
			return -ETIMEDOUT;
		if (!wait_for_reply(g, end - now_ms()))
			return INTERRUPTED_BY_REQUEST;
	}
}

static bool refuse_error(struct json_object *result, int err)
{
	switch (err) {
	case -EAGAIN:
		return refuse(result, "the queue was reset, and the request is lost");
	case -ETIMEDOUT:
		return refuse(result, "there is no reply");
	case -EOPNOTSUPP:
		return refuse(result, "this guest executes no instructions: the module vfio_ap was "
				      "loaded with window=0");
	case -ENODEV:
		return refuse(result, "the device has gone");
	default:
		return refuse(result, strerror(-err));
	}
}

bool guest_request(const struct guest_device *g, ap_qid_t qid, const struct ap_request *req,
		   struct json_object *result)
{
	static uint8_t reply[VFIO_AP_WINDOW_MESSAGE_SIZE];
	static uint64_t psmid;
	int64_t end = now_ms() + PATIENCE_MS;
	size_t len = 0;
	char name[16];
	int ret;

	snprintf(name, sizeof(name), "%02x.%04x", AP_QID_CARD(qid), AP_QID_QUEUE(qid));
	json_add_text(result, "queue", name);
	json_add_text(result, "request", req->text);
	have_replies_indicated(g, qid);
	psmid++;
	ret = send_request(g, qid, psmid, req, end);
	if (!ret)
		ret = receive_reply(g, qid, psmid, reply, &len, end);
	if (ret < 0)
		return refuse_error(result, ret);
	if (ret)
		return refuse_response(result, (unsigned int)ret);
	return ap_request_judge(req, reply, len, result);
}
