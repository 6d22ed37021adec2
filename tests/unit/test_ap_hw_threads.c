/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everybody at once: users of queues, resets, interrupts, and somebody at the console. A reply is
 * that to the request with its number on its queue, or there is none; an indicator that is gone is
 * not called.
 */
#include "cmocka_umdev.h"

#include <pthread.h>
#include <stdio.h>
#include <umdev/ap_message.h>
#include <unistd.h>

#include "ap_machine.h"

#define NR_USERS  4
#define NR_CARDS  3
#define NR_QUEUES 4 /* of each */
#define ROUNDS	  3000

static _Atomic unsigned long replies, indicated;
static _Atomic unsigned int running;

static unsigned int draw(uint64_t *state, unsigned int n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (unsigned int)(*state % n);
}

static ap_qid_t draw_queue(uint64_t *state)
{
	return AP_MKQID(draw(state, NR_CARDS), draw(state, NR_QUEUES));
}

/* ---- users ---- */

/* To the power of one, modulo more than it is: the reply is the number itself. */
static void send_number(ap_qid_t qid, uint64_t number)
{
	static const uint8_t modulus[16] = { 0x80, [15] = 1 };
	uint8_t buf[128], data[8];
	struct ap_msg m;

	ap_msg_put(data, 4, (uint32_t)(number >> 32));
	ap_msg_put(data + 4, 4, (uint32_t)number);
	ap_msg_begin(&m, buf, sizeof(buf), AP_MSG_REQUEST, AP_MSG_OP_RSA_MODEXP, 0, 0);
	ap_msg_add(&m, AP_MSG_FIELD_MODULUS, modulus, sizeof(modulus));
	ap_msg_add(&m, AP_MSG_FIELD_EXPONENT, "\1", 1);
	ap_msg_add(&m, AP_MSG_FIELD_DATA, data, sizeof(data));
	ap_nqap(qid, number, buf, m.len);
}

static void check_reply(ap_qid_t qid, uint64_t psmid, const uint8_t *reply, size_t len)
{
	const struct ap_msg_value *data;
	struct ap_msg_parsed parsed;
	uint64_t number;

	assert_true(ap_msg_parse(&parsed, AP_MSG_REPLY, reply, len));
	assert_int_equal(parsed.status, AP_MSG_OK);
	data = &parsed.field[AP_MSG_FIELD_DATA];
	assert_int_equal(data->len, 16);
	number = (uint64_t)ap_msg_get(data->data + 8, 4) << 32 | ap_msg_get(data->data + 12, 4);
	assert_int_equal(number, psmid);
	assert_int_equal(psmid >> 40, qid);
	replies++;
}

static void *user(void *arg)
{
	uint64_t state = 0x9e3779b97f4a7c15 * ((uintptr_t)arg + 1), psmid;
	uint8_t reply[64];
	size_t len;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		ap_qid_t qid = draw_queue(&state);
		uint64_t number = (uint64_t)qid << 40 | (uint64_t)(uintptr_t)arg << 32 | i;

		send_number(qid, number);
		/* Somebody else's replies, too. */
		if (draw(&state, 2))
			qid = draw_queue(&state);
		else
			usleep(20);
		if (ap_dqap(qid, &psmid, reply, sizeof(reply), &len).response_code ==
		    AP_RESPONSE_NORMAL)
			check_reply(qid, psmid, reply, len);
	}
	running--;
	return NULL;
}

static void *resetter(void *arg)
{
	uint64_t state = 77;

	while (running) {
		ap_qid_t qid = draw_queue(&state);

		if (draw(&state, 2))
			ap_rapq(qid);
		else
			ap_zapq(qid);
		settled(qid);
		usleep(200);
	}
	return NULL;
}

/* ---- interrupts ---- */

static void count(struct ap_indicator *indicator, ap_qid_t qid)
{
	indicated++;
}

/* Memory that is gone when interrupts are: a call that is too late is one into it. */
static void *interrupted(void *arg)
{
	uint64_t state = 4711;

	while (running) {
		struct ap_indicator *indicator = malloc(sizeof(*indicator));
		ap_qid_t qid = draw_queue(&state);

		indicator->fn = count;
		if (ap_aqic(qid, indicator).response_code == AP_RESPONSE_NORMAL) {
			settled(qid);
			while (ap_aqic(qid, NULL).response_code == AP_RESPONSE_BUSY)
				;
			while (settled(qid).irq_enabled)
				;
		}
		free(indicator);
	}
	return NULL;
}

/* ---- the console ---- */

static void change(uint64_t *state)
{
	unsigned int id = draw(state, NR_CARDS);
	struct hw_card_spec spec = { id, hw_type_find("CEX8C", 5), true, false };
	struct hw_card_state card;
	struct ap_config_info info;
	struct ap_mask aqm = { { 0 } };

	switch (draw(state, 8)) {
	case 0:
		hw_unplug(id);
		break;
	case 1:
		hw_set_config(id, false);
		hw_set_config(id, true);
		break;
	case 2:
		hw_set_checkstop(id, -1, true);
		hw_set_checkstop(id, -1, false);
		break;
	case 3:
		hw_set_checkstop(id, (int)draw(state, NR_QUEUES), true);
		break;
	case 4:
		for (unsigned int i = 0; i < NR_QUEUES; i++)
			hw_set_checkstop(id, (int)i, false);
		break;
	case 5:
		ap_mask_set(&aqm, draw(state, NR_QUEUES));
		hw_set_domains(&aqm);
		break;
	case 6:
		aqm.word[0] = UINT64_C(0xf) << 60;
		hw_set_domains(&aqm);
		break;
	default:
		hw_plug(&spec);
		hw_card_state(id, &card);
		ap_qci(&info);
	}
}

static void *console(void *arg)
{
	uint64_t state = 12345;

	while (running) {
		change(&state);
		usleep(200);
		ap_tapq(draw_queue(&state), NULL);
	}
	return NULL;
}

static void everybody_at_once(void **state)
{
	static void *(*const others[])(void *) = { resetter, interrupted, console, console };
	pthread_t threads[NR_USERS + ARRAY_SIZE(others)];
	unsigned int nr = 0;

	machine_start("00:CEX8A,01:CEX8C,02:CEX8P", "0-3", 0);
	running = NR_USERS;
	for (; nr < NR_USERS; nr++)
		assert_int_equal(pthread_create(&threads[nr], NULL, user, (void *)(uintptr_t)nr),
				 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++)
		assert_int_equal(pthread_create(&threads[nr++], NULL, others[i], NULL), 0);
	while (nr)
		pthread_join(threads[--nr], NULL);
	printf("%lu replies, %lu of them indicated\n", replies, indicated);
	assert_true(replies > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(everybody_at_once, machine_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
