/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Queues on a simulated machine and a bus of the test's, which plays their driver and the scan; and
 * requests that remember what became of them.
 */
#ifndef UMDEV_TESTS_AP_QUEUE_FIXTURE_H
#define UMDEV_TESTS_AP_QUEUE_FIXTURE_H

#include <stdatomic.h>
#include <umdev/ap_message.h>

#include "../../drivers/ap/ap_queue.h"
#include "ap_machine.h"

#define QUEUES_DIR "/devices/ap/card04"

/** queues_up - bus, root and cards of a machine; resets take @reset_ms. Fails the test. */
void queues_up(const char *cards, const char *domains, bool useirq, unsigned int reset_ms);
/** queues_down - the reverse; queues are gone. Fails the test if anything is left. */
void queues_down(void);
/** queue_added - a queue as the scan makes it. @qid: of a card of the machine's. */
struct ap_queue *queue_added(ap_qid_t qid);
/** queue_bound - the same, a driver has it. Not waited for its reset. */
struct ap_queue *queue_bound(ap_qid_t qid);
/** queue_unbind - the driver leaves, as the bus does it. */
void queue_unbind(struct ap_queue *aq);
/** queue_gone - the driver leaves, and then the device. */
void queue_gone(struct ap_queue *aq);
/** queue_ready - wait until it is in no reset. */
void queue_ready(struct ap_queue *aq);

/** config_events - CONFIG= as they were sent, "04.0004=0 ". */
const char *config_events(void);

/**
 * struct test_request - a request and what became of it
 * @msg:      as it is sent
 * @buf:      its memory
 * @received: how often; atomic
 * @rc:       of the last time
 * @hold:     its receive() waits until this is false; atomic
 * @over:     its receive() has been left; atomic
 * @again:    receive() sends it once more, so often
 */
struct test_request {
	struct ap_message msg;
	uint8_t buf[4096];
	atomic_uint received;
	_Atomic int rc;
	atomic_bool hold;
	atomic_bool over;
	unsigned int again;
};

/** request_random - one for @bytes of DATA. */
void request_random(struct test_request *r, uint32_t bytes);
/** request_slow - one that takes the hardware long: RSA with 4096 bits, for any adapter. */
void request_slow(struct test_request *r);
/** request_send - send it. Return: as ap_queue_message(). */
int request_send(struct ap_queue *aq, struct test_request *r);
/** request_wait - wait until it was received @times. Fails the test. Return: rc. */
int request_wait(struct test_request *r, unsigned int times);

/** wait_for - wait until it is so, for a long time; fails the test after that. */
#define wait_for(condition)                                                 \
	do {                                                                \
		uint64_t end_ = ap_now() + 60 * AP_NSEC_PER_SEC;            \
		while (!(condition)) {                                      \
			if (ap_now() > end_)                                \
				fail_msg("never: %s", #condition);          \
			nanosleep(&(struct timespec) { 0, 1000000 }, NULL); \
		}                                                           \
	} while (0)

#endif
