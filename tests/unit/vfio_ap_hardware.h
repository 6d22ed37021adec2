/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hardware for a test of vfio_ap: one queue that answers as it is told, and counts. */
#ifndef UMDEV_TEST_VFIO_AP_HARDWARE_H
#define UMDEV_TEST_VFIO_AP_HARDWARE_H

#include <umdev/ap.h>
#include <umdev/vfio_ap.h>

/* The only queue that may be asked. */
#define MINE AP_MKQID(0x04, 0x0047)

struct hardware {
	unsigned int asked, aqics, resets;
	ap_qid_t last;
	struct ap_queue_status status; /* of the next instruction */
	bool early;		       /* AQIC has something to indicate at once */
	unsigned int busy;	       /* so many AQIC come too early */
	struct ap_indicator *indicator;
	uint64_t psmid;
	uint8_t msg[VFIO_AP_WINDOW_SIZE];
	size_t len;
	bool no_qci;
};

extern struct hardware hw;

/** hw_answers - what the next instructions are answered with, and nothing else. */
void hw_answers(uint8_t response_code);

#endif
