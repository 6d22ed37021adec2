/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The window: registers that a guest executes AP instructions through (umdev/vfio_ap.h). */
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/vfio_ap.h>

#include "private.h"

/** struct ap_window - the region as the guest sees it: little-endian registers, then the message */
struct ap_window {
	uint8_t bytes[VFIO_AP_WINDOW_SIZE];
};

/** struct writable - registers of which bytes can be written: [@from, @to) of the region */
struct writable {
	size_t from;
	size_t to;
};

static const struct writable writable[] = {
	{ VFIO_AP_WINDOW_EXECUTE, VFIO_AP_WINDOW_CC },
	{ VFIO_AP_WINDOW_GR0, VFIO_AP_WINDOW_LENGTH + 8 },
	{ VFIO_AP_WINDOW_MESSAGE, VFIO_AP_WINDOW_SIZE },
};

static uint64_t get64(const struct ap_window *window, size_t reg)
{
	uint64_t value;

	memcpy(&value, window->bytes + reg, sizeof(value));
	return le64toh(value);
}

static void set64(struct ap_window *window, size_t reg, uint64_t value)
{
	value = htole64(value);
	memcpy(window->bytes + reg, &value, sizeof(value));
}

static uint32_t get32(const struct ap_window *window, size_t reg)
{
	uint32_t value;

	memcpy(&value, window->bytes + reg, sizeof(value));
	return le32toh(value);
}

static void set32(struct ap_window *window, size_t reg, uint32_t value)
{
	value = htole32(value);
	memcpy(window->bytes + reg, &value, sizeof(value));
}

/* ---- instructions; each returns VFIO_AP_INTERRUPTION_* ---- */

static void set_status(struct ap_window *window, struct ap_queue_status status)
{
	uint32_t value = (uint32_t)status.response_code << 16;

	if (status.queue_empty)
		value |= VFIO_AP_STATUS_QUEUE_EMPTY;
	if (status.replies_waiting)
		value |= VFIO_AP_STATUS_REPLIES_WAITING;
	if (status.queue_full)
		value |= VFIO_AP_STATUS_QUEUE_FULL;
	if (status.irq_enabled)
		value |= VFIO_AP_STATUS_IRQ_ENABLED;
	set64(window, VFIO_AP_WINDOW_GR1, value);
	set32(window, VFIO_AP_WINDOW_CC, status.response_code ? 3 : 0);
}

/* May the guest reach it? Under apcb_lock. */
static bool guest_has(const struct ap_matrix_mdev *m, ap_qid_t qid)
{
	return !m->revoked && ap_matrix_has(&m->shadow, qid);
}

static ap_qid_t get_qid(const struct ap_window *window)
{
	return get64(window, VFIO_AP_WINDOW_GR0) & 0xffff;
}

static uint64_t hwinfo_word(const struct ap_tapq_hwinfo *info)
{
	return (uint64_t)info->fac << 32 | (uint64_t)info->at << 24 | (uint64_t)info->nd << 16 |
	       (uint64_t)(info->ml & 0xf) << 8 | (info->qd & 0x1f);
}

static struct ap_queue_status tapq(struct ap_window *window, ap_qid_t qid)
{
	struct ap_tapq_hwinfo info = { 0 };
	struct ap_queue_status status = ap_tapq(qid, &info);

	set64(window, VFIO_AP_WINDOW_GR2, hwinfo_word(&info));
	return status;
}

static struct ap_queue_status nqap(struct ap_window *window, ap_qid_t qid)
{
	return ap_nqap(qid, get64(window, VFIO_AP_WINDOW_PSMID),
		       window->bytes + VFIO_AP_WINDOW_MESSAGE,
		       get64(window, VFIO_AP_WINDOW_LENGTH));
}

static struct ap_queue_status dqap(struct ap_window *window, ap_qid_t qid)
{
	uint64_t psmid = get64(window, VFIO_AP_WINDOW_PSMID), lost = 0;
	size_t len = 0;
	struct ap_queue_status status = ap_dqap(qid, &psmid, window->bytes + VFIO_AP_WINDOW_MESSAGE,
						get64(window, VFIO_AP_WINDOW_LENGTH), &len);

	switch (status.response_code) {
	case AP_RESPONSE_NORMAL:
		break;
	case AP_RESPONSE_MESSAGE_TOO_BIG:
		lost = len;
		len = 0;
		break;
	default:
		return status;
	}
	set64(window, VFIO_AP_WINDOW_PSMID, psmid);
	set64(window, VFIO_AP_WINDOW_LENGTH, len);
	set64(window, VFIO_AP_WINDOW_GR2, lost);
	return status;
}

/* On a queue that the guest has as long as this takes. */
static uint32_t on_queue(struct ap_matrix_mdev *m,
			 struct ap_queue_status (*fn)(struct ap_window *window, ap_qid_t qid))
{
	struct ap_queue_status status = { .response_code = AP_RESPONSE_Q_NOT_AVAIL };
	ap_qid_t qid = get_qid(m->window);

	pthread_mutex_lock(&m->apcb_lock);
	if (guest_has(m, qid))
		status = fn(m->window, qid);
	pthread_mutex_unlock(&m->apcb_lock);
	set_status(m->window, status);
	return VFIO_AP_INTERRUPTION_NONE;
}

static struct ap_queue_status rapq(struct ap_window *window, ap_qid_t qid)
{
	return ap_rapq(qid);
}

static struct ap_queue_status zapq(struct ap_window *window, ap_qid_t qid)
{
	return ap_zapq(qid);
}

static uint32_t aqic(struct ap_matrix_mdev *m)
{
	set_status(m->window,
		   vfio_ap_irq_aqic(m, get_qid(m->window), get64(m->window, VFIO_AP_WINDOW_GR1),
				    get64(m->window, VFIO_AP_WINDOW_GR2)));
	return VFIO_AP_INTERRUPTION_NONE;
}

static void put_mask(uint8_t *to, const struct ap_mask *mask)
{
	for (size_t i = 0; i < 4; i++) {
		uint64_t word = htobe64(mask->word[i]);

		memcpy(to + 8 * i, &word, sizeof(word));
	}
}

static uint32_t qci(struct ap_matrix_mdev *m)
{
	uint8_t *block = m->window->bytes + VFIO_AP_WINDOW_MESSAGE;
	struct ap_config_info info;

	if (ap_qci(&info))
		return VFIO_AP_INTERRUPTION_SPECIFICATION;
	memset(block, 0, VFIO_AP_QCI_SIZE);
	if (info.apsc)
		block[VFIO_AP_QCI_FLAGS] |= VFIO_AP_QCI_APSC;
	if (info.apxa)
		block[VFIO_AP_QCI_FLAGS] |= VFIO_AP_QCI_APXA;
	if (info.rc8a)
		block[VFIO_AP_QCI_FLAGS] |= VFIO_AP_QCI_RC8A;
	block[VFIO_AP_QCI_NA] = info.na;
	block[VFIO_AP_QCI_ND] = info.nd;
	pthread_mutex_lock(&m->apcb_lock);
	if (!m->revoked) {
		put_mask(block + VFIO_AP_QCI_APM, &m->shadow.apm);
		put_mask(block + VFIO_AP_QCI_AQM, &m->shadow.aqm);
		put_mask(block + VFIO_AP_QCI_ADM, &m->shadow.adm);
	}
	pthread_mutex_unlock(&m->apcb_lock);
	set32(m->window, VFIO_AP_WINDOW_CC, 0);
	return VFIO_AP_INTERRUPTION_NONE;
}

static uint32_t pqap(struct ap_matrix_mdev *m)
{
	switch (get64(m->window, VFIO_AP_WINDOW_GR0) & 0xff000000) {
	case VFIO_AP_PQAP_TAPQ:
		set64(m->window, VFIO_AP_WINDOW_GR2, 0);
		return on_queue(m, tapq);
	case VFIO_AP_PQAP_RAPQ:
		return on_queue(m, rapq);
	case VFIO_AP_PQAP_ZAPQ:
		return on_queue(m, zapq);
	case VFIO_AP_PQAP_AQIC:
		return aqic(m);
	case VFIO_AP_PQAP_QCI:
		return qci(m);
	default:
		return VFIO_AP_INTERRUPTION_SPECIFICATION;
	}
}

static uint32_t message(struct ap_matrix_mdev *m, uint32_t opcode)
{
	if (opcode == VFIO_AP_NQAP && !(get64(m->window, VFIO_AP_WINDOW_GR0) & VFIO_AP_NQAP_LAST))
		return VFIO_AP_INTERRUPTION_SPECIFICATION;
	if (get64(m->window, VFIO_AP_WINDOW_LENGTH) > VFIO_AP_WINDOW_MESSAGE_SIZE)
		return VFIO_AP_INTERRUPTION_ADDRESSING;
	return on_queue(m, opcode == VFIO_AP_NQAP ? nqap : dqap);
}

static void execute(struct ap_matrix_mdev *m)
{
	uint32_t opcode = get32(m->window, VFIO_AP_WINDOW_EXECUTE), interruption;

	switch (opcode) {
	case VFIO_AP_PQAP:
		interruption = pqap(m);
		break;
	case VFIO_AP_NQAP:
	case VFIO_AP_DQAP:
		interruption = message(m, opcode);
		break;
	default:
		interruption = VFIO_AP_INTERRUPTION_OPERATION;
	}
	set32(m->window, VFIO_AP_WINDOW_INTERRUPTION, interruption);
	if (interruption)
		set32(m->window, VFIO_AP_WINDOW_CC, 0);
}

/* ---- access ---- */

struct ap_window *ap_window_create(void)
{
	return malloc(sizeof(struct ap_window));
}

void ap_window_destroy(struct ap_window *window)
{
	free(window);
}

void ap_window_reset(struct ap_window *window)
{
	memset(window, 0, sizeof(*window));
	set32(window, VFIO_AP_WINDOW_VERSION, 1);
}

void ap_window_read(const struct ap_window *window, void *buf, size_t count, uint64_t offset)
{
	memcpy(buf, window->bytes + offset, count);
}

void ap_window_write(struct ap_matrix_mdev *m, const void *buf, size_t count, uint64_t offset)
{
	size_t end = offset + count;

	for (size_t i = 0; i < ARRAY_SIZE(writable); i++) {
		size_t from = offset > writable[i].from ? offset : writable[i].from;
		size_t to = end < writable[i].to ? end : writable[i].to;

		if (from < to)
			memcpy(m->window->bytes + from, (const uint8_t *)buf + (from - offset),
			       to - from);
	}
	if (offset <= VFIO_AP_WINDOW_EXECUTE && end >= VFIO_AP_WINDOW_EXECUTE + 4)
		execute(m);
}
