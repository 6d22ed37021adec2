/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "umdev ap guest": a guest that has a mediated matrix, as a hypervisor would have it, by VFIO's
 * own API. It runs in the view, with the library that makes VFIO's calls work.
 *
 * Functions that return int return 0 or -errno, unless they say otherwise.
 */
#ifndef UMDEV_AP_GUEST_H
#define UMDEV_AP_GUEST_H

#include <umdev/ap.h>

#include "umdev/ap_request.h"
#include "umdev/cli.h"

/* ---- ap_guest_vfio.c: the device ---- */

/* Where the device sees the guest's memory: queue N has the byte at this address plus N. */
#define GUEST_MEMORY_IOVA 0x10000

/** struct guest_matrix - what a guest has: masks as in struct ap_config_info */
struct guest_matrix {
	struct ap_mask apm;
	struct ap_mask aqm;
	struct ap_mask adm;
};

static inline bool guest_matrix_has(const struct guest_matrix *matrix, ap_qid_t qid)
{
	return ap_mask_test(&matrix->apm, AP_QID_CARD(qid)) &&
	       ap_mask_test(&matrix->aqm, AP_QID_QUEUE(qid));
}

/**
 * struct guest_regs - what an instruction takes, and what it leaves
 * @interruption: VFIO_AP_INTERRUPTION_*
 */
struct guest_regs {
	uint64_t gr0;
	uint64_t gr1;
	uint64_t gr2;
	uint64_t psmid;
	uint64_t length;
	uint32_t interruption;
};

/**
 * struct guest_device - the open device; descriptors are -1 if they are not there
 * @group_id: number of its group
 * @window:   offset of the window in @device, if @has_window
 * @memory:   the guest's memory, of one byte for each queue, at GUEST_MEMORY_IOVA
 * @asked:    eventfd: to let go
 * @changed:  eventfd: the matrix has changed
 * @replies:  eventfd: there are replies; only with @has_window
 */
struct guest_device {
	unsigned int group_id;
	int container;
	int group;
	int device;
	bool has_window;
	off_t window;
	uint8_t *memory;
	int asked;
	int changed;
	int replies;
};

/**
 * guest_device_open - group, container, device, interrupts, memory
 * @name: of the device on the bus mdev
 * Return: 0, or EXIT_FAILURE after saying what is wrong; then it is closed.
 */
int guest_device_open(struct guest_device *g, const char *name);
/** guest_device_close - the reverse. */
void guest_device_close(struct guest_device *g);
/** guest_device_reset - VFIO_DEVICE_RESET. */
int guest_device_reset(const struct guest_device *g);
/**
 * guest_execute - carry out an instruction
 * @msg:  goes with it, @regs->length bytes for NQAP
 * @back: gets so many bytes that the instruction has left in the window, of @size at most
 */
int guest_execute(const struct guest_device *g, uint32_t opcode, struct guest_regs *regs,
		  const void *msg, size_t len, void *back, size_t size);
/** guest_configuration - PQAP(QCI). Return: also -EOPNOTSUPP. */
int guest_configuration(const struct guest_device *g, struct guest_matrix *matrix);

/* ---- ap_guest_request.c: a request to a queue ---- */

/**
 * guest_request - have a queue do something
 * @result: gets "queue", and what ap_request_judge() adds, or "refused"
 * Return: was it done, and right?
 */
bool guest_request(const struct guest_device *g, ap_qid_t qid, const struct ap_request *req,
		   struct json_object *result);

/* ---- ap_guest.c: what the guest does all day ---- */

/**
 * struct guest_options - how it is to run
 * @requests: @nr_requests commands to begin with
 * @once:     end when they are done
 */
struct guest_options {
	char **requests;
	unsigned int nr_requests;
	bool once;
};

/** guest_run - to the end. Return: the exit status. */
int guest_run(const struct cli *cli, const char *name, const struct guest_options *options);

#endif
