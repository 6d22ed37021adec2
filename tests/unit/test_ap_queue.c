/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A queue of the AP bus: its states, its requests, and what they come to, whatever happens. */
#include "cmocka_umdev.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "ap_queue_fixture.h"
#include "support/outside.h"

#define QID   AP_MKQID(4, 4)
#define OTHER AP_MKQID(4, 0x47)
#define AQ    QUEUES_DIR "/04.0004"
#define MANY  100
#define LONG  600000 /* ms: a reset that is not over within a test */

static struct test_request requests[MANY];

static void up(unsigned int reset_ms)
{
	queues_up("04:CEX8P,05:CEX8A", "4,0x47", true, reset_ms);
}

static void up_without_interrupts(unsigned int reset_ms)
{
	queues_up("04:CEX8P,05:CEX8A", "4,0x47", false, reset_ms);
}

/* Send @nr for @bytes each. */
static void send_many(struct ap_queue *aq, unsigned int nr, uint32_t bytes)
{
	for (unsigned int i = 0; i < nr; i++) {
		request_random(&requests[i], bytes);
		assert_int_equal(request_send(aq, &requests[i]), 0);
	}
}

static void assert_all(unsigned int nr, int rc)
{
	for (unsigned int i = 0; i < nr; i++) {
		assert_int_equal(atomic_load(&requests[i].received), 1);
		assert_int_equal(atomic_load(&requests[i].rc), rc);
	}
}

static void assert_attr(const char *name, const char *text)
{
	assert_string_equal(outside_read(AQ "/%s", name), text);
}

/* A request whose receive() does not end, so that nobody takes replies until release_thread(). */
static struct test_request holder;

static void hold_thread(struct ap_queue *aq)
{
	request_random(&holder, 1);
	atomic_store(&holder.hold, true);
	atomic_store(&holder.rc, 1);
	assert_int_equal(request_send(aq, &holder), 0);
	wait_for(atomic_load(&holder.rc) == 0);
}

static void release_thread(void)
{
	atomic_store(&holder.hold, false);
	assert_int_equal(request_wait(&holder, 1), 0);
}

/* ---- states ---- */

static void a_queue_is_nobodys_at_first(void **state)
{
	struct ap_queue *aq;

	up(0);
	aq = queue_added(QID);
	assert_true(is_queue_dev(&aq->ap_dev.device));
	assert_int_equal(ap_queue_qid(&aq->ap_dev), QID);
	assert_ptr_equal(ap_queue_card(&aq->ap_dev), &aq->card->ap_dev);
	assert_int_equal(aq->ap_dev.device_type, AP_DEVICE_TYPE_CEX8);
	assert_attr("request_count", "-\n");
	assert_attr("requestq_count", "0\n");
	assert_attr("pendingq_count", "0\n");
	assert_attr("reset", "Reset in progress.\n");
	assert_attr("interrupt", "Interrupts disabled.\n");
	assert_attr("config", "1\n");
	assert_attr("chkstop", "0\n");
	assert_attr("ap_functions", "0x86000000\n");
	assert_false(ap_queue_usable(&aq->ap_dev));
	request_random(&requests[0], 1);
	assert_int_equal(request_send(aq, &requests[0]), -ENODEV);
	assert_false(ap_cancel_message(&aq->ap_dev, &requests[0].msg));
	device_unregister(&aq->ap_dev.device);
	queues_down();
}

static void a_driver_gets_it_reset_and_with_interrupts(void **state)
{
	struct ap_queue *aq;

	up(1);
	aq = queue_bound(QID);
	assert_true(ap_queue_usable(&aq->ap_dev));
	assert_attr("request_count", "0\n");
	queue_ready(aq);
	assert_attr("reset", "No Reset Timer set.\n");
	assert_attr("interrupt", "Interrupts enabled.\n");
	queue_unbind(aq);
	assert_false(ap_queue_usable(&aq->ap_dev));
	assert_attr("request_count", "-\n");
	wait_for(!strcmp(outside_read(AQ "/interrupt"), "Interrupts disabled.\n"));
	ap_queue_init_state(&aq->ap_dev);
	queue_ready(aq);
	queue_gone(aq);
	assert_false(outside_exists(AQ));
	queues_down();
}

static void interrupts_are_pending_until_the_hardware_says_so(void **state)
{
	struct ap_queue *aq;

	up(0);
	/* Nobody drives it, so it stays as it is. */
	aq = queue_added(QID);
	pthread_mutex_lock(&aq->lock);
	aq->sm_state = AP_SM_STATE_SETIRQ_WAIT;
	aq->dev_state = AP_DEV_STATE_OPERATING;
	pthread_mutex_unlock(&aq->lock);
	assert_attr("interrupt", "Enable Interrupt pending.\n");
	assert_attr("reset", "No Reset Timer set.\n");
	/* Whoever has it no more does not wait for them. */
	pthread_mutex_lock(&aq->lock);
	aq->dev_state = AP_DEV_STATE_UNINITIATED;
	pthread_mutex_unlock(&aq->lock);
	assert_attr("interrupt", "Interrupts disabled.\n");
	device_unregister(&aq->ap_dev.device);
	queues_down();
}

static void requests_wait_for_a_reset(void **state)
{
	struct ap_queue *aq;

	up(LONG);
	aq = queue_bound(QID);
	send_many(aq, 3, 16);
	assert_attr("reset", "Reset in progress.\n");
	assert_attr("request_count", "3\n");
	assert_attr("requestq_count", "3\n");
	assert_attr("pendingq_count", "0\n");
	queue_gone(aq);
	assert_all(3, -EAGAIN);
	queues_down();
}

/* What the hardware has forgotten is sent again. */
static void requests_outlive_a_reset(void **state)
{
	struct ap_queue *aq;

	up(1);
	aq = queue_bound(QID);
	queue_ready(aq);
	hold_thread(aq);
	send_many(aq, 20, 16);
	ap_queue_init_state(&aq->ap_dev);
	assert_attr("requestq_count", "20\n");
	assert_attr("pendingq_count", "0\n");
	release_thread();
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(request_wait(&requests[i], 1), 0);
	queue_gone(aq);
	queues_down();
}

/* ---- requests ---- */

static void request_a_random_number(void)
{
	struct ap_msg_parsed reply;
	struct ap_queue *aq = queue_bound(QID);
	uint64_t before = atomic_load(&aq->card->request_count);

	request_random(&requests[0], 32);
	assert_int_equal(request_send(aq, &requests[0]), 0);
	assert_int_equal(request_wait(&requests[0], 1), 0);
	assert_true(ap_msg_parse(&reply, AP_MSG_REPLY, requests[0].buf, requests[0].msg.len));
	assert_int_equal(reply.status, AP_MSG_OK);
	assert_int_equal(reply.field[AP_MSG_FIELD_DATA].len, 32);
	assert_attr("request_count", "1\n");
	assert_int_equal(atomic_load(&aq->card->request_count), before + 1);
	assert_int_equal(outside_write("anything", AQ "/request_count"), 0);
	assert_attr("request_count", "0\n");
	assert_int_equal(atomic_load(&aq->card->request_count), before + 1);
	wait_for(!strcmp(outside_read(AQ "/reset"), "No Reset Timer set.\n"));
	queue_gone(aq);
}

static void a_request_is_answered(void **state)
{
	up(1);
	request_a_random_number();
	queues_down();
}

static void a_request_is_answered_without_interrupts(void **state)
{
	up_without_interrupts(1);
	ap_poll_thread_set(false);
	request_a_random_number();
	ap_poll_thread_set(true);
	assert_true(ap_poll_thread_get());
	request_a_random_number();
	queues_down();
}

static void polling_is_needless_with_interrupts(void **state)
{
	up(0);
	assert_int_equal(ap_poll_thread_set(true), 0);
	assert_false(ap_poll_thread_get());
	queues_down();
}

static void a_new_poll_timeout_counts_at_once(void **state)
{
	struct ap_queue *aq;

	up_without_interrupts(0);
	assert_int_equal(ap_poll_timeout_get(), 250000);
	aq = queue_bound(QID);
	queue_ready(aq);
	ap_poll_timeout_set(120000000000);
	request_random(&requests[0], 32);
	assert_int_equal(request_send(aq, &requests[0]), 0);
	ap_poll_timeout_set(1000);
	assert_int_equal(request_wait(&requests[0], 1), 0);
	queue_gone(aq);
	queues_down();
}

static void more_than_the_hardware_holds_are_answered(void **state)
{
	struct ap_queue *aq;

	up(1);
	aq = queue_bound(QID);
	queue_ready(aq);
	hold_thread(aq);
	send_many(aq, MANY, 16);
	/* The slot of the one that is held is free again. */
	assert_int_equal(aq->pendingq_count, aq->card->hwinfo.qd + 1);
	assert_attr("reset", "Reset Timer armed.\n");
	release_thread();
	for (unsigned int i = 0; i < MANY; i++)
		assert_int_equal(request_wait(&requests[i], 1), 0);
	assert_attr("requestq_count", "0\n");
	assert_attr("pendingq_count", "0\n");
	assert_attr("request_count", "101\n");
	queue_gone(aq);
	queues_down();
}

static void a_reply_that_does_not_fit_is_lost(void **state)
{
	struct ap_queue *aq;

	up(0);
	aq = queue_bound(QID);
	request_random(&requests[0], 64);
	requests[0].msg.bufsize = 63;
	request_random(&requests[1], 64);
	assert_int_equal(request_send(aq, &requests[0]), 0);
	assert_int_equal(request_send(aq, &requests[1]), 0);
	assert_int_equal(request_wait(&requests[0], 1), -EMSGSIZE);
	assert_int_equal(request_wait(&requests[1], 1), 0);
	queue_gone(aq);
	queues_down();
}

static void a_request_that_is_too_long_is_refused(void **state)
{
	struct ap_queue *aq;
	void *big;

	up(0);
	aq = queue_bound(QID);
	big = calloc(1, aq->card->maxmsgsize + 1);
	assert_non_null(big);
	request_random(&requests[0], 1);
	requests[0].msg.msg = big;
	requests[0].msg.len = requests[0].msg.bufsize = aq->card->maxmsgsize + 1;
	assert_int_equal(request_send(aq, &requests[0]), 0);
	assert_int_equal(request_wait(&requests[0], 1), -EINVAL);
	free(big);
	queue_gone(aq);
	queues_down();
}

static void receive_may_send_again(void **state)
{
	struct ap_queue *aq;

	up(0);
	aq = queue_bound(QID);
	request_random(&requests[0], 8);
	/* A reply is a request that nobody understands, which is answered, too. */
	requests[0].again = 10;
	assert_int_equal(request_send(aq, &requests[0]), 0);
	assert_int_equal(request_wait(&requests[0], 11), 0);
	assert_attr("request_count", "11\n");
	queue_gone(aq);
	queues_down();
}

/* ---- taking them back ---- */

static void a_cancelled_request_is_not_received(void **state)
{
	struct ap_queue *aq;

	up(0);
	aq = queue_bound(QID);
	queue_ready(aq);
	hold_thread(aq);
	send_many(aq, 20, 16);
	assert_true(aq->requestq_count > 2);
	/* One that the hardware has, one that it has not. */
	assert_true(ap_cancel_message(&aq->ap_dev, &requests[0].msg));
	assert_true(ap_cancel_message(&aq->ap_dev, &requests[19].msg));
	assert_false(ap_cancel_message(&aq->ap_dev, &requests[0].msg));
	assert_int_equal(aq->pendingq_count + aq->requestq_count, 18);
	release_thread();
	for (unsigned int i = 1; i < 19; i++)
		assert_int_equal(request_wait(&requests[i], 1), 0);
	assert_false(ap_cancel_message(&aq->ap_dev, &requests[1].msg));
	queue_gone(aq);
	assert_int_equal(atomic_load(&requests[0].received), 0);
	assert_int_equal(atomic_load(&requests[19].received), 0);
	queues_down();
}

static void one_that_is_over_can_be_cancelled(void **state)
{
	struct ap_queue *aq;
	struct test_request *r = &requests[0];

	up(0);
	aq = queue_bound(QID);
	queue_ready(aq);
	hold_thread(aq);
	request_random(r, 1);
	r->msg.len = aq->card->maxmsgsize + 1;
	r->msg.msg = calloc(1, r->msg.len);
	assert_int_equal(request_send(aq, r), 0);
	assert_true(ap_cancel_message(&aq->ap_dev, &r->msg));
	release_thread();
	queue_gone(aq);
	assert_int_equal(atomic_load(&r->received), 0);
	free(r->msg.msg);
	queues_down();
}

/* What somebody does while a receive() runs, and has to wait for it. */
static bool (*does)(struct ap_queue *aq);
static atomic_bool runs;

static void *do_it(void *arg)
{
	bool right;

	atomic_store(&runs, true);
	right = does(arg);
	return right && atomic_load(&holder.over) ? NULL : arg;
}

/* With @nr requests, most of which the hardware has not. */
static void while_one_is_received(struct ap_queue *aq, unsigned int nr,
				  bool (*fn)(struct ap_queue *aq))
{
	pthread_t thread;
	void *wrong;

	queue_ready(aq);
	hold_thread(aq);
	send_many(aq, nr, 16);
	does = fn;
	atomic_store(&runs, false);
	assert_int_equal(pthread_create(&thread, NULL, do_it, aq), 0);
	wait_for(atomic_load(&runs));
	/* It has time to come back too early. */
	nanosleep(&(struct timespec) { 0, 20000000 }, NULL);
	release_thread();
	pthread_join(thread, &wrong);
	assert_null(wrong);
}

static bool cancel_held(struct ap_queue *aq)
{
	return !ap_cancel_message(&aq->ap_dev, &holder.msg);
}

static void cancel_waits_for_a_receive_that_runs(void **state)
{
	struct ap_queue *aq;

	up(0);
	aq = queue_bound(QID);
	while_one_is_received(aq, 0, cancel_held);
	queue_gone(aq);
	queues_down();
}

static void a_flush_ends_all_requests(void **state)
{
	struct ap_queue *aq;

	up(LONG);
	aq = queue_bound(QID);
	send_many(aq, MANY, 16);
	ap_flush_queue(&aq->ap_dev);
	assert_all(MANY, -EAGAIN);
	assert_true(ap_queue_usable(&aq->ap_dev));
	assert_attr("requestq_count", "0\n");
	queue_gone(aq);
	queues_down();
}

static bool flush(struct ap_queue *aq)
{
	ap_flush_queue(&aq->ap_dev);
	return true;
}

static void a_flush_of_what_the_hardware_has_leaves_nothing_behind(void **state)
{
	struct ap_queue *aq;

	up(0);
	aq = queue_bound(QID);
	while_one_is_received(aq, 20, flush);
	assert_all(20, -EAGAIN);
	/* Their replies are nobody's, and are out of the way. */
	wait_for(ap_tapq(QID, NULL).queue_empty);
	send_many(aq, MANY, 16);
	for (unsigned int i = 0; i < MANY; i++)
		assert_int_equal(request_wait(&requests[i], 1), 0);
	queue_gone(aq);
	queues_down();
}

static bool write_reset(struct ap_queue *aq)
{
	return outside_write("1", AQ "/reset") == 0;
}

static void writing_to_reset_resets(void **state)
{
	struct ap_queue *aq;

	up(0);
	aq = queue_bound(QID);
	while_one_is_received(aq, 20, write_reset);
	assert_all(20, -EAGAIN);
	send_many(aq, 1, 16);
	assert_int_equal(request_wait(&requests[0], 1), 0);
	assert_attr("interrupt", "Interrupts enabled.\n");
	queue_gone(aq);
	queues_down();
}

static bool unbind(struct ap_queue *aq)
{
	queue_unbind(aq);
	return true;
}

static void no_receive_runs_after_the_driver_has_left(void **state)
{
	struct ap_queue *aq;

	up(0);
	aq = queue_bound(QID);
	while_one_is_received(aq, 20, unbind);
	assert_all(20, -EAGAIN);
	queue_gone(aq);
	queues_down();
}

static void a_scan_leaves_a_queue_alone_whose_driver_leaves(void **state)
{
	struct ap_queue *aq;

	up(0);
	aq = queue_bound(QID);
	queue_ready(aq);
	ap_queue_prepare_remove(aq);
	hw_set_config(4, false);
	ap_queue_scanned(aq, false, false);
	hw_set_config(4, true);
	ap_queue_scanned(aq, true, false);
	assert_int_equal(aq->dev_state, AP_DEV_STATE_SHUTDOWN);
	assert_int_equal(ap_tapq(QID, NULL).response_code, AP_RESPONSE_NORMAL);
	assert_false(ap_tapq(QID, NULL).irq_enabled);
	request_random(&requests[0], 1);
	assert_int_equal(request_send(aq, &requests[0]), -ENODEV);
	ap_queue_remove(aq);
	device_unregister(&aq->ap_dev.device);
	queues_down();
}

static bool see_checkstop(struct ap_queue *aq)
{
	ap_queue_scanned(aq, true, true);
	return true;
}

static void a_scan_waits_for_what_it_ends(void **state)
{
	struct ap_queue *aq;

	up(0);
	aq = queue_bound(QID);
	while_one_is_received(aq, 20, see_checkstop);
	assert_all(20, -EAGAIN);
	queue_gone(aq);
	queues_down();
}

/* ---- errors ---- */

static void a_checkstop_ends_requests(void **state)
{
	struct ap_queue *aq;

	up(LONG);
	aq = queue_bound(QID);
	send_many(aq, 5, 16);
	hw_set_checkstop(4, -1, true);
	ap_queue_scanned(aq, true, true);
	assert_all(5, -EAGAIN);
	assert_attr("chkstop", "1\n");
	assert_attr("request_count", "5\n");
	assert_false(ap_queue_usable(&aq->ap_dev));
	assert_int_equal(request_send(aq, &requests[0]), -ENODEV);
	hw_set_checkstop(4, -1, false);
	ap_queue_scanned(aq, true, false);
	assert_attr("chkstop", "0\n");
	assert_true(ap_queue_usable(&aq->ap_dev));
	assert_string_equal(config_events(), "");
	queue_gone(aq);
	queues_down();
}

static void a_deconfigured_queue_comes_back(void **state)
{
	struct ap_queue *aq;

	up(0);
	aq = queue_bound(QID);
	hw_set_config(4, false);
	ap_queue_scanned(aq, false, false);
	assert_attr("config", "0\n");
	assert_attr("interrupt", "Interrupts disabled.\n");
	assert_false(ap_queue_usable(&aq->ap_dev));
	assert_string_equal(config_events(), "04.0004=0 ");
	ap_queue_scanned(aq, false, false);
	hw_set_config(4, true);
	ap_queue_scanned(aq, true, false);
	assert_string_equal(config_events(), "04.0004=0 04.0004=1 ");
	assert_true(ap_queue_usable(&aq->ap_dev));
	send_many(aq, 5, 16);
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(request_wait(&requests[i], 1), 0);
	queue_gone(aq);
	queues_down();
}

/* The scan has not come yet. */
static void what_stops_by_itself_is_over_at_once(void **state)
{
	struct ap_queue *aq;

	up(0);
	aq = queue_bound(QID);
	queue_ready(aq);
	hw_set_checkstop(4, 4, true);
	send_many(aq, 1, 16);
	assert_int_equal(request_wait(&requests[0], 1), -EAGAIN);
	assert_false(ap_queue_usable(&aq->ap_dev));
	assert_int_equal(aq->last_err_rc, AP_RESPONSE_CHECKSTOPPED);
	/* It was over before anybody has seen it: an error that the scan mends. */
	hw_set_checkstop(4, 4, false);
	ap_queue_scanned(aq, true, false);
	assert_true(ap_queue_usable(&aq->ap_dev));
	send_many(aq, 1, 16);
	assert_int_equal(request_wait(&requests[0], 1), 0);
	queue_gone(aq);
	queues_down();
}

static void an_unplugged_card_ends_requests(void **state)
{
	struct ap_queue *aq;
	int rc;

	up(0);
	aq = queue_bound(QID);
	queue_ready(aq);
	request_slow(&requests[0]);
	request_slow(&requests[1]);
	assert_int_equal(request_send(aq, &requests[0]), 0);
	assert_int_equal(request_send(aq, &requests[1]), 0);
	hw_unplug(4);
	queue_gone(aq);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(atomic_load(&requests[i].received), 1);
		rc = atomic_load(&requests[i].rc);
		assert_true(rc == -EAGAIN || rc == 0);
	}
	queues_down();
}

static void set_timeout(struct ap_queue *aq, uint64_t ns)
{
	pthread_mutex_lock(&aq->lock);
	aq->request_timeout = ns;
	pthread_mutex_unlock(&aq->lock);
}

/* Send requests that take long to hardware that has no time. Return: how many were given up. */
static unsigned int overtax(struct ap_queue *aq, unsigned int nr)
{
	unsigned int given_up = 0;
	int rc;

	set_timeout(aq, 1);
	for (unsigned int i = 0; i < nr; i++) {
		request_slow(&requests[i]);
		assert_int_equal(request_send(aq, &requests[i]), 0);
	}
	wait_for(atomic_load(&requests[0].received));
	set_timeout(aq, AP_REQUEST_TIMEOUT);
	for (unsigned int i = 0; i < nr; i++) {
		/* Those that are not to blame are sent again after the reset. */
		rc = request_wait(&requests[i], 1);
		assert_true(rc == 0 || rc == -EIO);
		assert_true(rc || requests[i].msg.len > AP_MSG_RSA_MAX);
		given_up += rc == -EIO;
	}
	return given_up;
}

static void hardware_that_does_not_answer_is_reset(void **state)
{
	unsigned int given_up = 0;
	struct ap_queue *aq;

	up(0);
	aq = queue_bound(QID);
	queue_ready(aq);
	/* On a busy machine the thread may be late, and find an answer. */
	for (unsigned int tries = 0; tries < 100 && !given_up; tries++)
		given_up = overtax(aq, 8);
	assert_true(given_up);
	assert_non_null(strstr(log_taken(), "no reply in time, reset"));
	send_many(aq, 1, 16);
	assert_int_equal(request_wait(&requests[0], 1), 0);
	queue_gone(aq);
	queues_down();
}

/* ---- the thread ---- */

static unsigned int poll_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned int n = 0;
	struct dirent *entry;
	char path[300], name[32];
	FILE *file;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fgets(name, sizeof(name), file) && !strcmp(name, "appoll\n"))
			n++;
		fclose(file);
	}
	closedir(dir);
	return n;
}

static void an_idle_bus_has_no_thread(void **state)
{
	struct ap_queue *aq, *other;

	up(0);
	assert_int_equal(poll_threads(), 0);
	aq = queue_added(QID);
	other = queue_added(OTHER);
	assert_int_equal(poll_threads(), 0);
	ap_queue_init_state(&aq->ap_dev);
	ap_queue_init_state(&other->ap_dev);
	assert_int_equal(poll_threads(), 1);
	wait_for(!poll_threads());
	for (unsigned int i = 0; i < 3; i++) {
		hold_thread(i % 2 ? aq : other);
		assert_int_equal(poll_threads(), 1);
		release_thread();
		wait_for(!poll_threads());
	}
	queue_gone(aq);
	queue_gone(other);
	queues_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_is_nobodys_at_first),
		cmocka_unit_test(a_driver_gets_it_reset_and_with_interrupts),
		cmocka_unit_test(interrupts_are_pending_until_the_hardware_says_so),
		cmocka_unit_test(requests_wait_for_a_reset),
		cmocka_unit_test(requests_outlive_a_reset),
		cmocka_unit_test(a_request_is_answered),
		cmocka_unit_test(a_request_is_answered_without_interrupts),
		cmocka_unit_test(polling_is_needless_with_interrupts),
		cmocka_unit_test(a_new_poll_timeout_counts_at_once),
		cmocka_unit_test(more_than_the_hardware_holds_are_answered),
		cmocka_unit_test(a_reply_that_does_not_fit_is_lost),
		cmocka_unit_test(a_request_that_is_too_long_is_refused),
		cmocka_unit_test(receive_may_send_again),
		cmocka_unit_test(a_cancelled_request_is_not_received),
		cmocka_unit_test(one_that_is_over_can_be_cancelled),
		cmocka_unit_test(cancel_waits_for_a_receive_that_runs),
		cmocka_unit_test(a_flush_ends_all_requests),
		cmocka_unit_test(a_flush_of_what_the_hardware_has_leaves_nothing_behind),
		cmocka_unit_test(writing_to_reset_resets),
		cmocka_unit_test(no_receive_runs_after_the_driver_has_left),
		cmocka_unit_test(a_scan_waits_for_what_it_ends),
		cmocka_unit_test(a_scan_leaves_a_queue_alone_whose_driver_leaves),
		cmocka_unit_test(a_checkstop_ends_requests),
		cmocka_unit_test(a_deconfigured_queue_comes_back),
		cmocka_unit_test(what_stops_by_itself_is_over_at_once),
		cmocka_unit_test(an_unplugged_card_ends_requests),
		cmocka_unit_test(hardware_that_does_not_answer_is_reset),
		cmocka_unit_test(an_idle_bus_has_no_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
