/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A machine with crypto adapters for tests, and what one does with its queues.
 */
#ifndef UMDEV_TESTS_AP_MACHINE_H
#define UMDEV_TESTS_AP_MACHINE_H

#include "../../drivers/ap/hw_machine.h"

/** machine_start - with these cards and domains; resets take @reset_ms. Fails the test. */
void machine_start(const char *cards, const char *domains, unsigned int reset_ms);
/** machine_config - what machine_start() starts from, for who wants something else of it. */
void machine_config(struct hw_config *config, const char *cards, const char *domains);
/** machine_stop - a cmocka teardown. */
int machine_stop(void **state);

/** send_random - a request for @bytes. Return: the response code. */
uint8_t send_random(ap_qid_t qid, uint64_t psmid, uint32_t bytes);
/** receive_reply - wait for a reply. Fails the test. Return: its length. */
size_t receive_reply(ap_qid_t qid, uint64_t *psmid, void *reply, size_t size);
/** settled - wait until a queue is in no reset, and its interrupts as they were asked to be. */
struct ap_queue_status settled(ap_qid_t qid);

#endif
