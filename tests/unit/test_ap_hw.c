/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The machine's queues, by its instructions and its console. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <umdev/ap_message.h>
#include <unistd.h>

#include "../../drivers/ap/hw.h"
#include "ap_machine.h"

#define QID AP_MKQID(4, 0x47)

static int start(void **state)
{
	machine_start("04:CEX8P,05:CEX8A:off,06:CEX7C:checkstop", "4,0x47", 0);
	return 0;
}

static uint8_t tapq(ap_qid_t qid)
{
	return ap_tapq(qid, NULL).response_code;
}

static void wait_for_replies(ap_qid_t qid, unsigned int nr)
{
	struct ap_queue_status status;
	struct hw_adapter *adapter = &hw_adapters[AP_QID_CARD(qid)];
	unsigned int there;

	do {
		pthread_mutex_lock(&adapter->lock);
		there = adapter->card->queues[AP_QID_QUEUE(qid)].replies.nr;
		pthread_mutex_unlock(&adapter->lock);
		status = ap_tapq(qid, NULL);
		assert_int_equal(status.response_code, AP_RESPONSE_NORMAL);
	} while (there < nr);
}

/* ---- looking ---- */

static void each_queue_says_how_it_is(void **state)
{
	assert_int_equal(tapq(QID), AP_RESPONSE_NORMAL);
	assert_int_equal(tapq(AP_MKQID(5, 4)), AP_RESPONSE_DECONFIGURED);
	assert_int_equal(tapq(AP_MKQID(6, 4)), AP_RESPONSE_CHECKSTOPPED);
	assert_int_equal(tapq(AP_MKQID(4, 5)), AP_RESPONSE_Q_NOT_AVAIL);
	assert_int_equal(tapq(AP_MKQID(7, 4)), AP_RESPONSE_Q_NOT_AVAIL);
}

static void tapq_tells_of_the_hardware(void **state)
{
	struct ap_tapq_hwinfo info;

	ap_tapq(QID, &info);
	assert_int_equal(info.at, AP_DEVICE_TYPE_CEX8);
	assert_int_equal(info.fac, AP_FAC_APSC | AP_FAC_EP11 | AP_FAC_APXA);
	assert_int_equal(info.nd, 255);
	assert_int_equal(info.qd, 7);
	ap_tapq(AP_MKQID(5, 4), &info);
	assert_int_equal(info.fac, 0xea000000);
	ap_tapq(AP_MKQID(9, 4), &info);
	assert_int_equal(info.at, 0);
}

static void qci_has_all_cards_that_are_plugged(void **state)
{
	struct ap_config_info info;

	assert_int_equal(ap_qci(&info), 0);
	assert_int_equal(info.apm.word[0], UINT64_C(0x0e00000000000000));
	assert_int_equal(info.aqm.word[0], UINT64_C(0x0800000000000000));
	assert_int_equal(info.aqm.word[1], UINT64_C(0x0100000000000000));
	assert_true(ap_mask_equal(&info.aqm, &info.adm));
	assert_true(info.apxa);
	assert_int_equal(info.na, 255);
}

/* ---- requests ---- */

static void request_is_answered_with_its_number(void **state)
{
	struct ap_msg_parsed reply;
	uint8_t buf[1024];
	uint64_t psmid;
	size_t len;

	assert_int_equal(send_random(QID, 0x1234567890abcdef, 300), AP_RESPONSE_NORMAL);
	len = receive_reply(QID, &psmid, buf, sizeof(buf));
	assert_int_equal(psmid, 0x1234567890abcdef);
	assert_true(ap_msg_parse(&reply, AP_MSG_REPLY, buf, len));
	assert_int_equal(reply.status, AP_MSG_OK);
	assert_int_equal(reply.field[AP_MSG_FIELD_DATA].len, 300);
	assert_true(ap_tapq(QID, NULL).queue_empty);
}

static void queue_takes_eight_and_no_more(void **state)
{
	struct ap_queue_status status;
	uint8_t buf[64];
	uint64_t psmid;

	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(send_random(QID, i, 8), AP_RESPONSE_NORMAL);
	assert_int_equal(send_random(QID, 8, 8), AP_RESPONSE_Q_FULL);
	status = ap_tapq(QID, NULL);
	assert_true(status.queue_full);
	assert_false(status.queue_empty);
	for (unsigned int i = 0; i < 8; i++) {
		receive_reply(QID, &psmid, buf, sizeof(buf));
		assert_int_equal(psmid, i);
	}
	status = ap_tapq(QID, NULL);
	assert_true(status.queue_empty);
	assert_false(status.queue_full);
}

static void message_has_a_longest_length(void **state)
{
	uint8_t *msg = calloc(1, 9 * 4096 + 1), reply[64];
	uint64_t psmid;

	assert_int_equal(ap_nqap(QID, 1, msg, 9 * 4096 + 1).response_code,
			 AP_RESPONSE_MESSAGE_TOO_BIG);
	assert_int_equal(ap_nqap(QID, 1, msg, 9 * 4096).response_code, AP_RESPONSE_NORMAL);
	assert_int_equal(receive_reply(QID, &psmid, reply, sizeof(reply)), 8);
	assert_int_equal(reply[1], AP_MSG_ERROR);
	hw_set_config(5, true);
	assert_int_equal(ap_nqap(AP_MKQID(5, 4), 1, msg, 12289).response_code,
			 AP_RESPONSE_MESSAGE_TOO_BIG);
	assert_int_equal(ap_nqap(AP_MKQID(5, 4), 1, msg, 12288).response_code, AP_RESPONSE_NORMAL);
	assert_int_equal(ap_nqap(AP_MKQID(5, 4), 1, NULL, 0).response_code, AP_RESPONSE_NORMAL);
	free(msg);
}

static void reply_that_does_not_fit_is_lost(void **state)
{
	uint8_t buf[64];
	uint64_t psmid = 0;
	size_t len = 0;

	send_random(QID, 77, 100);
	wait_for_replies(QID, 1);
	assert_int_equal(ap_dqap(QID, &psmid, buf, sizeof(buf), &len).response_code,
			 AP_RESPONSE_MESSAGE_TOO_BIG);
	assert_int_equal(psmid, 77);
	assert_int_equal(len, AP_MSG_HEADER_SIZE + AP_MSG_FIELD_SIZE + 100);
	assert_true(ap_tapq(QID, NULL).queue_empty);
}

static enum hw_thread engine_state(unsigned int id)
{
	enum hw_thread state;

	pthread_mutex_lock(&hw_adapters[id].lock);
	state = hw_adapters[id].card->engine.state;
	pthread_mutex_unlock(&hw_adapters[id].lock);
	return state;
}

static void idle_card_has_no_thread(void **state)
{
	uint8_t buf[64];
	uint64_t psmid;

	assert_int_equal(engine_state(4), HW_THREAD_NONE);
	for (unsigned int i = 0; i < 2; i++) {
		send_random(QID, i, 8);
		assert_int_equal(engine_state(4), HW_THREAD_RUNS);
		receive_reply(QID, &psmid, buf, sizeof(buf));
		assert_int_equal(psmid, i);
		assert_int_equal(engine_state(6), HW_THREAD_NONE);
		while (engine_state(4) == HW_THREAD_RUNS)
			usleep(10000);
	}
}

/* ---- resets ---- */

static void reset_takes_its_time_and_everything_with_it(void **state)
{
	struct ap_queue_status status;
	uint8_t buf[64];
	uint64_t psmid;
	size_t len;

	hw_machine_exit();
	machine_start("04:CEX8P", "0x47", 200);
	for (unsigned int i = 0; i < 5; i++)
		send_random(QID, i, 8);
	status = ap_rapq(QID);
	assert_int_equal(status.response_code, AP_RESPONSE_NORMAL);
	assert_true(status.queue_empty);
	assert_int_equal(tapq(QID), AP_RESPONSE_RESET_IN_PROGRESS);
	assert_int_equal(send_random(QID, 1, 8), AP_RESPONSE_RESET_IN_PROGRESS);
	assert_int_equal(ap_rapq(QID).response_code, AP_RESPONSE_RESET_IN_PROGRESS);
	assert_int_equal(ap_dqap(QID, &psmid, buf, sizeof(buf), &len).response_code,
			 AP_RESPONSE_RESET_IN_PROGRESS);
	status = settled(QID);
	assert_int_equal(status.response_code, AP_RESPONSE_NORMAL);
	assert_true(status.queue_empty);
	assert_int_equal(ap_dqap(QID, &psmid, buf, sizeof(buf), &len).response_code,
			 AP_RESPONSE_NO_PENDING_REPLY);
	assert_int_equal(send_random(QID, 99, 8), AP_RESPONSE_NORMAL);
	receive_reply(QID, &psmid, buf, sizeof(buf));
	assert_int_equal(psmid, 99);
}

/* The longest numbers that there are. */
static void send_long_work(ap_qid_t qid)
{
	static uint8_t buf[4096], ones[AP_MSG_RSA_MAX];
	struct ap_msg m;

	memset(ones, 0xff, sizeof(ones));
	ap_msg_begin(&m, buf, sizeof(buf), AP_MSG_REQUEST, AP_MSG_OP_RSA_MODEXP, 0, 0);
	ap_msg_add(&m, AP_MSG_FIELD_MODULUS, ones, sizeof(ones));
	ap_msg_add(&m, AP_MSG_FIELD_EXPONENT, ones, sizeof(ones));
	ap_msg_add(&m, AP_MSG_FIELD_DATA, ones + 1, sizeof(ones) - 1);
	assert_int_equal(ap_nqap(qid, 1, buf, m.len).response_code, AP_RESPONSE_NORMAL);
}

static bool is_held(ap_qid_t qid)
{
	struct hw_adapter *adapter = &hw_adapters[AP_QID_CARD(qid)];
	bool held;

	pthread_mutex_lock(&adapter->lock);
	held = adapter->card->queues[AP_QID_QUEUE(qid)].held;
	pthread_mutex_unlock(&adapter->lock);
	return held;
}

static void reset_waits_for_the_engine(void **state)
{
	bool held;

	/* Until once the reset comes while it works. */
	do {
		send_long_work(QID);
		while (!is_held(QID) && !ap_tapq(QID, NULL).replies_waiting)
			;
		assert_int_equal(ap_rapq(QID).response_code, AP_RESPONSE_NORMAL);
		held = is_held(QID);
		while (tapq(QID) == AP_RESPONSE_RESET_IN_PROGRESS)
			;
		assert_false(is_held(QID));
		assert_true(ap_tapq(QID, NULL).queue_empty);
	} while (!held);
}

static void zapq_leaves_no_bytes(void **state)
{
	struct hw_queue *q = &hw_adapters[4].card->queues[0x47];
	static const uint8_t zeros[64];
	uint8_t buf[64];
	uint64_t psmid;

	send_random(QID, 1, 40);
	receive_reply(QID, &psmid, buf, sizeof(buf));
	assert_memory_not_equal(q->slots[0].buf, zeros, sizeof(zeros));
	assert_int_equal(ap_zapq(QID).response_code, AP_RESPONSE_NORMAL);
	for (unsigned int i = 0; i < HW_DEPTH_MAX; i++)
		if (q->slots[i].buf)
			assert_memory_equal(q->slots[i].buf, zeros, sizeof(zeros));
}

/* ---- interrupts ---- */

/** struct heard - an indicator that counts */
struct heard {
	struct ap_indicator indicator;
	_Atomic unsigned int times;
	_Atomic ap_qid_t qid;
};

static void hear(struct ap_indicator *indicator, ap_qid_t qid)
{
	struct heard *heard = container_of(indicator, struct heard, indicator);

	heard->times++;
	heard->qid = qid;
}

static void reply_is_indicated_until_that_is_disabled(void **state)
{
	struct heard heard = { .indicator = { hear } };

	assert_int_equal(ap_aqic(QID, NULL).response_code, AP_RESPONSE_OTHERWISE_CHANGED);
	assert_int_equal(ap_aqic(QID, &heard.indicator).response_code, AP_RESPONSE_NORMAL);
	assert_true(settled(QID).irq_enabled);
	assert_int_equal(ap_aqic(QID, &heard.indicator).response_code,
			 AP_RESPONSE_OTHERWISE_CHANGED);
	send_random(QID, 1, 8);
	wait_for_replies(QID, 1);
	assert_int_equal(heard.times, 1);
	assert_int_equal(heard.qid, QID);
	assert_int_equal(ap_aqic(QID, NULL).response_code, AP_RESPONSE_NORMAL);
	assert_false(settled(QID).irq_enabled);
	send_random(QID, 2, 8);
	wait_for_replies(QID, 2);
	assert_int_equal(heard.times, 1);
}

static void reset_disables_interrupts(void **state)
{
	struct heard heard = { .indicator = { hear } };

	ap_aqic(QID, &heard.indicator);
	assert_true(settled(QID).irq_enabled);
	ap_rapq(QID);
	assert_false(settled(QID).irq_enabled);
	send_random(QID, 1, 8);
	wait_for_replies(QID, 1);
	assert_int_equal(heard.times, 0);
}

static void machine_without_interrupts_has_no_aqic(void **state)
{
	struct heard heard = { .indicator = { hear } };
	struct hw_config config;

	hw_machine_exit();
	machine_config(&config, "04:CEX8P", "0x47");
	config.useirq = false;
	assert_int_equal(hw_machine_init(&config), 0);
	assert_false(ap_interrupts_available());
	assert_int_equal(ap_aqic(QID, &heard.indicator).response_code,
			 AP_RESPONSE_REQ_FAC_NOT_INST);
}

/* ---- the console ---- */

static void stopped_queue_forgets_its_requests(void **state)
{
	for (unsigned int how = 0; how < 3; how++) {
		send_random(QID, 1, 8);
		assert_int_equal(how == 0   ? hw_set_config(4, false)
				 : how == 1 ? hw_set_checkstop(4, -1, true)
					    : hw_set_checkstop(4, 0x47, true),
				 0);
		assert_int_equal(tapq(QID),
				 how == 0 ? AP_RESPONSE_DECONFIGURED : AP_RESPONSE_CHECKSTOPPED);
		assert_int_equal(tapq(AP_MKQID(4, 4)), how == 0	  ? AP_RESPONSE_DECONFIGURED
						       : how == 1 ? AP_RESPONSE_CHECKSTOPPED
								  : AP_RESPONSE_NORMAL);
		assert_int_equal(send_random(QID, 1, 8), tapq(QID));
		hw_set_config(4, true);
		hw_set_checkstop(4, -1, false);
		hw_set_checkstop(4, 0x47, false);
		assert_int_equal(tapq(QID), AP_RESPONSE_NORMAL);
		assert_true(ap_tapq(QID, NULL).queue_empty);
	}
}

static void card_that_is_plugged_again_is_a_new_one(void **state)
{
	struct heard heard = { .indicator = { hear } };
	struct hw_card_spec spec;
	struct hw_error error;

	ap_aqic(QID, &heard.indicator);
	for (unsigned int i = 0; i < 8; i++)
		send_random(QID, i, 8);
	assert_int_equal(hw_unplug(4), 0);
	assert_int_equal(tapq(QID), AP_RESPONSE_Q_NOT_AVAIL);
	assert_int_equal(hw_unplug(4), -ENODEV);
	heard.times = 0;
	assert_int_equal(hw_parse_card("plug", "04:CEX7C\n", 255, &spec, &error), 0);
	assert_int_equal(hw_plug(&spec), 0);
	assert_int_equal(hw_plug(&spec), -EEXIST);
	assert_true(ap_tapq(QID, NULL).queue_empty);
	assert_false(ap_tapq(QID, NULL).irq_enabled);
	send_random(QID, 1, 8);
	wait_for_replies(QID, 1);
	assert_int_equal(heard.times, 0);
}

static void domain_that_goes_takes_its_queue(void **state)
{
	struct ap_mask aqm = { { 0 } };
	struct ap_config_info info;

	send_random(QID, 1, 8);
	ap_mask_set(&aqm, 4);
	hw_set_domains(&aqm);
	assert_int_equal(tapq(QID), AP_RESPONSE_Q_NOT_AVAIL);
	ap_mask_set(&aqm, 0x47);
	hw_set_control_domains(&aqm);
	ap_qci(&info);
	assert_true(ap_mask_equal(&info.adm, &aqm));
	assert_false(ap_mask_test(&info.aqm, 0x47));
	hw_set_domains(&aqm);
	assert_true(ap_tapq(QID, NULL).queue_empty);
	assert_int_equal(tapq(QID), AP_RESPONSE_NORMAL);
}

static _Atomic unsigned int announced;

static void count_announcement(void)
{
	announced++;
}

static void what_qci_says_is_announced(void **state)
{
	struct hw_card_spec spec = { 9, hw_type_find("cex4a", 5), true, false };
	struct ap_mask aqm = { { 0 } };

	announced = 0;
	hw_set_announce(count_announcement);
	assert_int_equal(hw_plug(&spec), 0);
	assert_int_equal(announced, 1);
	hw_set_config(9, false);
	assert_int_equal(announced, 1);
	hw_set_domains(&aqm);
	assert_int_equal(announced, 2);
	hw_set_domains(&aqm);
	assert_int_equal(announced, 2);
	hw_unplug(9);
	assert_int_equal(announced, 3);
	hw_set_announce(NULL);
	hw_unplug(4);
	assert_int_equal(announced, 3);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, machine_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_queue_says_how_it_is),
		T(tapq_tells_of_the_hardware),
		T(qci_has_all_cards_that_are_plugged),
		T(request_is_answered_with_its_number),
		T(queue_takes_eight_and_no_more),
		T(message_has_a_longest_length),
		T(reply_that_does_not_fit_is_lost),
		T(idle_card_has_no_thread),
		T(reset_takes_its_time_and_everything_with_it),
		T(reset_waits_for_the_engine),
		T(zapq_leaves_no_bytes),
		T(reply_is_indicated_until_that_is_disabled),
		T(reset_disables_interrupts),
		T(machine_without_interrupts_has_no_aqic),
		T(stopped_queue_forgets_its_requests),
		T(card_that_is_plugged_again_is_a_new_one),
		T(domain_that_goes_takes_its_queue),
		T(what_qci_says_is_announced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
