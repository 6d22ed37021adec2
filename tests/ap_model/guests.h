/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests of mediated matrices in the same process: each opens the VFIO device of one, hears its
 * interrupts, and executes AP instructions through its window.
 */
#ifndef TESTS_AP_MODEL_GUESTS_H
#define TESTS_AP_MODEL_GUESTS_H

#include <umdev/ap.h>
#include <umdev/vfio_file.h>

/* Where a guest's memory is, as its device sees it. */
#define GUEST_IOVA 0x100000
#define GUEST_SIZE 0x2000

/**
 * struct guest - who holds a device open, from guest_open() to guest_close()
 * @file:    the open device
 * @cfg_chg: eventfd that counts CFG_CHG, not blocking
 * @req:     the same of REQ: the guest is asked to let go
 */
struct guest {
	struct vfio_file *file;
	int cfg_chg;
	int req;
};

/**
 * guest_open - hold the mediated device with this UUID, and ask for CFG_CHG
 * Return: as vfio_file_open(); -ENODEV if there is none.
 */
int guest_open(struct guest *guest, const char *uuid);
/** guest_close - let go. */
void guest_close(struct guest *guest);
/** guest_signals - how many CFG_CHG came since the last call. */
uint64_t guest_signals(struct guest *guest);
/** guest_asked - is it to let go? */
bool guest_asked(struct guest *guest);

/**
 * struct guest_regs - the registers of the window, as they lie in it from EXECUTE on
 *
 * As umdev/vfio_ap.h says; @message comes with NQAP and goes with DQAP, @length bytes.
 */
struct guest_regs {
	uint32_t execute;
	uint32_t cc;
	uint32_t interruption;
	uint64_t gr0;
	uint64_t gr1;
	uint64_t gr2;
	uint64_t psmid;
	uint64_t length;
	uint64_t reserved;
	unsigned char message[256];
} __attribute__((packed));

/** guest_execute - carry out an instruction; @regs gets what came of it. Aborts on an error. */
void guest_execute(struct guest *guest, struct guest_regs *regs);
/** guest_tapq - PQAP(TAPQ). Return: the response code. */
unsigned int guest_tapq(struct guest *guest, ap_qid_t qid);
/** guest_nqap - NQAP of @len bytes. Return: the response code. */
unsigned int guest_nqap(struct guest *guest, ap_qid_t qid, uint64_t psmid, const void *msg,
			size_t len);
/** guest_reset_queue - PQAP(RAPQ), or with @zero PQAP(ZAPQ). Return: the response code. */
unsigned int guest_reset_queue(struct guest *guest, ap_qid_t qid, bool zero);
/** guest_lend - have memory at GUEST_IOVA, for indicator bytes. Aborts. */
void guest_lend(struct guest *guest);
/** guest_take_back - the reverse: the device uses it no more. Aborts. */
void guest_take_back(struct guest *guest);
/**
 * guest_aqic - PQAP(AQIC): have replies indicated at @iova; 0: no longer
 * Return: the response code.
 */
unsigned int guest_aqic(struct guest *guest, ap_qid_t qid, uint64_t iova);
/** guest_dqap - DQAP; the reply itself is lost. Return: the response code. */
unsigned int guest_dqap(struct guest *guest, ap_qid_t qid, uint64_t *psmid);

#endif
