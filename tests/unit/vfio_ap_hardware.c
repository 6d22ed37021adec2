/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmocka_umdev.h"

#include <errno.h>
#include <string.h>

#include "vfio_ap_hardware.h"

struct hardware hw;

/* What a guest is not to reach is not asked, whatever it writes. */
static struct ap_queue_status asked(ap_qid_t qid)
{
	assert_true(qid == MINE);
	hw.asked++;
	hw.last = qid;
	return hw.status;
}

bool ap_config_info_equal(const struct ap_config_info *a, const struct ap_config_info *b)
{
	return false;
}

int ap_qci(struct ap_config_info *info)
{
	if (hw.no_qci)
		return -EOPNOTSUPP;
	*info = (struct ap_config_info) {
		.apsc = true, .apxa = true, .qact = true, .apsb = true, .na = 63, .nd = 84
	};
	memset(&info->apm, 0xff, sizeof(info->apm));
	return 0;
}

struct ap_queue_status ap_tapq(ap_qid_t qid, struct ap_tapq_hwinfo *info)
{
	*info = (struct ap_tapq_hwinfo) {
		.fac = AP_FAC_EP11 | AP_FAC_APXA, .at = 14, .nd = 84, .ml = 15, .qd = 31
	};
	return asked(qid);
}

struct ap_queue_status ap_rapq(ap_qid_t qid)
{
	hw.resets++;
	return asked(qid);
}

struct ap_queue_status ap_zapq(ap_qid_t qid)
{
	hw.resets += 100;
	return asked(qid);
}

struct ap_queue_status ap_aqic(ap_qid_t qid, struct ap_indicator *indicator)
{
	struct ap_queue_status status = asked(qid);

	hw.aqics++;
	if (hw.busy) {
		hw.busy--;
		status.response_code = AP_RESPONSE_BUSY;
	}
	if (status.response_code == AP_RESPONSE_NORMAL) {
		hw.indicator = indicator;
		if (indicator && hw.early)
			indicator->fn(indicator, qid);
	}
	return status;
}

struct ap_queue_status ap_nqap(ap_qid_t qid, uint64_t psmid, const void *msg, size_t len)
{
	assert_true(len <= VFIO_AP_WINDOW_MESSAGE_SIZE);
	hw.psmid = psmid;
	hw.len = len;
	memcpy(hw.msg, msg, len);
	return asked(qid);
}

struct ap_queue_status ap_dqap(ap_qid_t qid, uint64_t *psmid, void *msg, size_t size, size_t *len)
{
	struct ap_queue_status status = asked(qid);

	assert_true(size <= VFIO_AP_WINDOW_MESSAGE_SIZE);
	*psmid = hw.psmid;
	*len = hw.len;
	if (status.response_code == AP_RESPONSE_NORMAL && hw.len > size)
		status.response_code = AP_RESPONSE_MESSAGE_TOO_BIG;
	if (status.response_code == AP_RESPONSE_NORMAL)
		memcpy(msg, hw.msg, hw.len);
	return status;
}

void hw_answers(uint8_t response_code)
{
	hw.status = (struct ap_queue_status) { .response_code = response_code };
}
