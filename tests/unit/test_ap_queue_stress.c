/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many threads send, cancel and flush, while others reset, checkstop, deconfigure, unplug, unbind
 * and poll: every request that a queue took was received once or cancelled, and not both.
 */
#include "cmocka_umdev.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "ap_queue_fixture.h"
#include "support/outside.h"

#define CARDS	"04:CEX8P,05:CEX8C"
#define DOMAINS "4,5"
#define QUEUES	4
#define SENDERS 4
#define IN_HAND 24
#define ROUNDS	1500 /* of each sender, each sends IN_HAND requests */
#define PSMID	UINT64_C(1000000)

static const ap_qid_t qids[QUEUES] = {
	AP_MKQID(4, 4),
	AP_MKQID(4, 5),
	AP_MKQID(5, 4),
	AP_MKQID(5, 5),
};

/* The queues as the bus has them: a reference is taken under the lock. NULL while unplugged. */
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ap_queue *table[QUEUES];

static atomic_uint senders_left;
static atomic_ullong taken_in_all, answered, sent_away, cancelled;

/**
 * struct shot - one request
 * @msg:    as it is sent
 * @taken:  the queue took it
 * @received: how often; whoever reads 1 may free it
 */
struct shot {
	struct ap_message msg;
	uint8_t buf[256];
	bool taken;
	bool cancelled;
	atomic_uint received;
};

static struct ap_queue *get_queue(unsigned int i)
{
	struct ap_queue *aq;

	pthread_mutex_lock(&table_lock);
	aq = table[i];
	if (aq)
		get_device(&aq->ap_dev.device);
	pthread_mutex_unlock(&table_lock);
	return aq;
}

static void put_queue(struct ap_queue *aq)
{
	put_device(&aq->ap_dev.device);
}

/* ---- who sends ---- */

static unsigned int next(unsigned int *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16;
}

static void receive(struct ap_device *queue, struct ap_message *msg)
{
	struct shot *shot = container_of(msg, struct shot, msg);

	if (msg->rc == 0)
		atomic_fetch_add(&answered, 1);
	else if (msg->rc == -EAGAIN)
		atomic_fetch_add(&sent_away, 1);
	else
		fprintf(stderr, "unexpected: %d\n", msg->rc), abort();
	atomic_fetch_add(&shot->received, 1);
}

static void load(struct shot *shot, uint64_t psmid)
{
	struct ap_msg m;

	memset(shot, 0, sizeof(*shot));
	ap_msg_begin(&m, shot->buf, sizeof(shot->buf), AP_MSG_REQUEST, AP_MSG_OP_RANDOM, 0, 64);
	shot->msg.psmid = psmid;
	shot->msg.msg = shot->buf;
	shot->msg.len = m.len;
	shot->msg.bufsize = sizeof(shot->buf);
	shot->msg.receive = receive;
}

static bool is_over(struct shot *shot)
{
	return !shot->taken || shot->cancelled || atomic_load(&shot->received);
}

static void pause_a_little(void)
{
	nanosleep(&(struct timespec) { 0, 100000 }, NULL);
}

static void volley(struct ap_queue *aq, struct shot *shots, uint64_t psmid, unsigned int *seed)
{
	unsigned int i;
	uint64_t end;

	for (i = 0; i < IN_HAND; i++) {
		load(&shots[i], psmid + i);
		shots[i].taken = !ap_queue_message(&aq->ap_dev, &shots[i].msg);
	}
	for (i = 0; i < IN_HAND; i++)
		if (shots[i].taken && next(seed) % 8 == 0)
			shots[i].cancelled = ap_cancel_message(&aq->ap_dev, &shots[i].msg);
	if (next(seed) % 32 == 0)
		ap_flush_queue(&aq->ap_dev);
	end = ap_now() + 120 * AP_NSEC_PER_SEC;
	for (i = 0; i < IN_HAND; i++)
		while (!is_over(&shots[i])) {
			if (ap_now() > end)
				fprintf(stderr, "a request was lost\n"), abort();
			pause_a_little();
		}
}

/* Nobody touches them any more: they may be looked at, and freed. */
static void count(const struct shot *shots)
{
	for (unsigned int i = 0; i < IN_HAND; i++) {
		unsigned int received = atomic_load(&shots[i].received);

		if (received + shots[i].cancelled != shots[i].taken)
			fprintf(stderr, "taken %d received %u cancelled %d\n", shots[i].taken,
				received, shots[i].cancelled),
				abort();
		atomic_fetch_add(&taken_in_all, shots[i].taken);
		atomic_fetch_add(&cancelled, shots[i].cancelled);
	}
}

static void *send(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	uint64_t psmid = seed * PSMID * PSMID;
	struct ap_queue *aq;
	struct shot *shots;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		aq = get_queue(next(&seed) % QUEUES);
		if (!aq) {
			pause_a_little();
			continue;
		}
		/* Memory of its own, so that a late receive() is one into freed memory. */
		shots = malloc(IN_HAND * sizeof(*shots));
		volley(aq, shots, psmid, &seed);
		count(shots);
		free(shots);
		psmid += IN_HAND;
		put_queue(aq);
	}
	atomic_fetch_sub(&senders_left, 1);
	return NULL;
}

/* ---- what happens meanwhile ---- */

static bool goes_on(void)
{
	nanosleep(&(struct timespec) { 0, 2000000 }, NULL);
	return atomic_load(&senders_left);
}

static void *reset(void *arg)
{
	unsigned int seed = 1;

	while (goes_on()) {
		ap_qid_t qid = qids[next(&seed) % QUEUES];

		outside_write("1", "/devices/ap/card%02x/%02x.%04x/reset", AP_QID_CARD(qid),
			      AP_QID_CARD(qid), AP_QID_QUEUE(qid));
		outside_read("/devices/ap/card%02x/%02x.%04x/interrupt", AP_QID_CARD(qid),
			     AP_QID_CARD(qid), AP_QID_QUEUE(qid));
		outside_read("/devices/ap/card%02x/%02x.%04x/pendingq_count", AP_QID_CARD(qid),
			     AP_QID_CARD(qid), AP_QID_QUEUE(qid));
	}
	return NULL;
}

/* One card or queue fails, and works again; the scan sees it or comes too late. */
static void *break_hardware(void *arg)
{
	unsigned int seed = 2;

	while (goes_on()) {
		unsigned int card = AP_QID_CARD(qids[next(&seed) % QUEUES]);

		switch (next(&seed) % 4) {
		case 0:
			hw_set_checkstop(card, 4, true);
			goes_on();
			hw_set_checkstop(card, 4, false);
			break;
		case 1:
			hw_set_checkstop(card, -1, true);
			goes_on();
			hw_set_checkstop(card, -1, false);
			break;
		case 2:
			hw_set_config(card, false);
			goes_on();
			hw_set_config(card, true);
			break;
		default:
			break;
		}
	}
	return NULL;
}

/* Also after all the others, so that each queue works again. */
static void scan_once(void)
{
	for (unsigned int i = 0; i < QUEUES; i++) {
		struct ap_queue *aq = get_queue(i);
		uint8_t code = ap_tapq(qids[i], NULL).response_code;

		if (!aq)
			continue;
		ap_queue_scanned(aq, code != AP_RESPONSE_DECONFIGURED,
				 code == AP_RESPONSE_CHECKSTOPPED);
		put_queue(aq);
	}
}

static void *scan(void *arg)
{
	while (goes_on())
		scan_once();
	return NULL;
}

/* Only this thread binds, unbinds, plugs and unplugs, as if all had one lock. */
static void *rebind(void *arg)
{
	unsigned int seed = 3, i;

	while (goes_on()) {
		i = next(&seed) % QUEUES;
		if (next(&seed) % 2) {
			queue_unbind(table[i]);
			ap_queue_init_state(&table[i]->ap_dev);
		} else {
			struct ap_queue *aq = table[i];

			pthread_mutex_lock(&table_lock);
			table[i] = NULL;
			pthread_mutex_unlock(&table_lock);
			queue_gone(aq);
			aq = queue_bound(qids[i]);
			pthread_mutex_lock(&table_lock);
			table[i] = aq;
			pthread_mutex_unlock(&table_lock);
		}
	}
	return NULL;
}

static void *change_polling(void *arg)
{
	bool on = false;

	while (goes_on()) {
		ap_poll_timeout_set(on ? 1000000 : 1000);
		on = !on;
		ap_poll_thread_set(on);
	}
	ap_poll_thread_set(false);
	return NULL;
}

static void *(*const trouble[])(void *) = { reset, break_hardware, scan, rebind, change_polling };

static void endure(bool useirq)
{
	pthread_t senders[SENDERS], others[ARRAY_SIZE(trouble)];
	unsigned int i;

	queues_up(CARDS, DOMAINS, useirq, 1);
	log_set_sink(discard_line);
	for (i = 0; i < QUEUES; i++)
		table[i] = queue_bound(qids[i]);
	atomic_store(&senders_left, SENDERS);
	for (i = 0; i < SENDERS; i++)
		pthread_create(&senders[i], NULL, send, (void *)(uintptr_t)(i + 1));
	for (i = 0; i < ARRAY_SIZE(trouble); i++)
		pthread_create(&others[i], NULL, trouble[i], NULL);
	for (i = 0; i < SENDERS; i++)
		pthread_join(senders[i], NULL);
	for (i = 0; i < ARRAY_SIZE(trouble); i++)
		pthread_join(others[i], NULL);
	for (i = 0; i < QUEUES; i++) {
		struct test_request last;

		/* A config and a checkstop may have to be seen one after the other. */
		scan_once();
		scan_once();
		request_random(&last, 8);
		assert_int_equal(request_send(table[i], &last), 0);
		assert_int_equal(request_wait(&last, 1), 0);
		assert_int_equal(table[i]->pendingq_count + table[i]->requestq_count, 0);
		queue_gone(table[i]);
		table[i] = NULL;
	}
	queues_down();
	/* It was no walkover. */
	assert_true(atomic_load(&answered) && atomic_load(&sent_away) && atomic_load(&cancelled));
	assert_int_equal(atomic_load(&taken_in_all), atomic_load(&answered) +
							     atomic_load(&sent_away) +
							     atomic_load(&cancelled));
}

static void each_request_is_received_once_or_cancelled(void **state)
{
	endure(true);
}

static void so_it_is_without_interrupts(void **state)
{
	endure(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_request_is_received_once_or_cancelled),
		cmocka_unit_test(so_it_is_without_interrupts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
