/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmocka_umdev.h"

#include <time.h>
#include <umdev/ap_message.h>
#include <unistd.h>

#include "ap_machine.h"

#define PATIENCE 30000000000 /* nanoseconds, of a machine under a sanitizer */

void machine_config(struct hw_config *config, const char *cards, const char *domains)
{
	struct hw_error error;

	memset(config, 0, sizeof(*config));
	config->max_adapter = config->max_domain = 255;
	config->apxa = config->qci = config->useirq = config->announce = true;
	if (hw_parse_cards("cards", cards, config, &error) ||
	    hw_parse_domains("domains", domains, 255, &config->aqm, &error))
		fail_msg("%s", error.text);
}

void machine_start(const char *cards, const char *domains, unsigned int reset_ms)
{
	struct hw_config config;

	machine_config(&config, cards, domains);
	config.reset_ms = reset_ms;
	assert_int_equal(hw_machine_init(&config), 0);
}

int machine_stop(void **state)
{
	hw_machine_exit();
	return 0;
}

uint8_t send_random(ap_qid_t qid, uint64_t psmid, uint32_t bytes)
{
	uint8_t buf[AP_MSG_HEADER_SIZE];
	struct ap_msg m;

	ap_msg_begin(&m, buf, sizeof(buf), AP_MSG_REQUEST, AP_MSG_OP_RANDOM, 0, bytes);
	return ap_nqap(qid, psmid, buf, m.len).response_code;
}

size_t receive_reply(ap_qid_t qid, uint64_t *psmid, void *reply, size_t size)
{
	uint64_t end = hw_now() + PATIENCE;
	struct ap_queue_status status;
	size_t len = 0;

	do {
		status = ap_dqap(qid, psmid, reply, size, &len);
		if (status.response_code != AP_RESPONSE_NO_PENDING_REPLY)
			break;
		usleep(100);
	} while (hw_now() < end);
	assert_int_equal(status.response_code, AP_RESPONSE_NORMAL);
	return len;
}

struct ap_queue_status settled(ap_qid_t qid)
{
	uint64_t end = hw_now() + PATIENCE;
	struct ap_queue_status status, before;

	do {
		before = ap_tapq(qid, NULL);
		usleep(1000);
		status = ap_tapq(qid, NULL);
	} while ((status.response_code == AP_RESPONSE_RESET_IN_PROGRESS ||
		  status.irq_enabled != before.irq_enabled) &&
		 hw_now() < end);
	return status;
}
