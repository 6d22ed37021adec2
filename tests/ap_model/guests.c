/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <umdev/vfio_ap.h>
#include "ap_model/guests.h"
#include "support/inside.h"

static int arm(struct guest *guest, unsigned int index, int *fd)
{
	return vfio_file_set_irqs(guest->file,
				  VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, index, 0,
				  1, fd);
}

int guest_open(struct guest *guest, const char *uuid)
{
	int err;

	guest->cfg_chg = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (guest->cfg_chg < 0)
		return -errno;
	guest->req = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (guest->req < 0) {
		err = -errno;
		goto close_cfg_chg;
	}
	err = inside_open(uuid, guest, &guest->file);
	if (err)
		goto close_req;
	err = arm(guest, VFIO_AP_CFG_CHG_IRQ_INDEX, &guest->cfg_chg);
	if (!err)
		err = arm(guest, VFIO_AP_REQ_IRQ_INDEX, &guest->req);
	if (err)
		goto close_device;
	return 0;

close_device:
	vfio_file_close(guest->file);
close_req:
	close(guest->req);
close_cfg_chg:
	close(guest->cfg_chg);
	return err;
}

void guest_close(struct guest *guest)
{
	vfio_file_close(guest->file);
	close(guest->req);
	close(guest->cfg_chg);
}

uint64_t guest_signals(struct guest *guest)
{
	uint64_t n;

	return read(guest->cfg_chg, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

bool guest_asked(struct guest *guest)
{
	return poll(&(struct pollfd) { .fd = guest->req, .events = POLLIN }, 1, 0) == 1;
}

static void check_access(const char *what, ssize_t ret, size_t count)
{
	if (ret == (ssize_t)count)
		return;
	fprintf(stderr, "guest: %s the window: %zd\n", what, ret);
	abort();
}

/* One write brings all and executes, one read has all that came of it. */
void guest_execute(struct guest *guest, struct guest_regs *regs)
{
	size_t head = offsetof(struct guest_regs, message), count = head;

	if (regs->execute == VFIO_AP_NQAP)
		count += regs->length;
	check_access("write",
		     vfio_file_write(guest->file, VFIO_AP_WINDOW_REGION, regs, count,
				     VFIO_AP_WINDOW_EXECUTE),
		     count);
	count = regs->execute == VFIO_AP_DQAP ? sizeof(*regs) : head;
	check_access("read",
		     vfio_file_read(guest->file, VFIO_AP_WINDOW_REGION, regs, count,
				    VFIO_AP_WINDOW_EXECUTE),
		     count);
	if (regs->interruption == VFIO_AP_INTERRUPTION_NONE)
		return;
	fprintf(stderr, "guest: interruption %u\n", regs->interruption);
	abort();
}

unsigned int guest_tapq(struct guest *guest, ap_qid_t qid)
{
	struct guest_regs regs = { .execute = VFIO_AP_PQAP, .gr0 = VFIO_AP_PQAP_TAPQ | qid };

	guest_execute(guest, &regs);
	return VFIO_AP_STATUS_RC(regs.gr1);
}

unsigned int guest_reset_queue(struct guest *guest, ap_qid_t qid, bool zero)
{
	struct guest_regs regs = { .execute = VFIO_AP_PQAP,
				   .gr0 = (zero ? VFIO_AP_PQAP_ZAPQ : VFIO_AP_PQAP_RAPQ) | qid };

	guest_execute(guest, &regs);
	return VFIO_AP_STATUS_RC(regs.gr1);
}

void guest_lend(struct guest *guest)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);

	check_access("lend memory to", fd < 0 ? -errno : ftruncate(fd, GUEST_SIZE), 0);
	check_access("lend memory to",
		     vfio_file_dma_map(guest->file, GUEST_IOVA, GUEST_SIZE,
				       VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE, fd, 0),
		     0);
	close(fd);
}

void guest_take_back(struct guest *guest)
{
	check_access("take memory from",
		     vfio_file_dma_unmap(guest->file, GUEST_IOVA, GUEST_SIZE, NULL), 0);
}

unsigned int guest_aqic(struct guest *guest, ap_qid_t qid, uint64_t iova)
{
	struct guest_regs regs = { .execute = VFIO_AP_PQAP,
				   .gr0 = VFIO_AP_PQAP_AQIC | qid,
				   .gr1 = iova ? VFIO_AP_AQIC_IR : 0,
				   .gr2 = iova };

	guest_execute(guest, &regs);
	return VFIO_AP_STATUS_RC(regs.gr1);
}

unsigned int guest_nqap(struct guest *guest, ap_qid_t qid, uint64_t psmid, const void *msg,
			size_t len)
{
	struct guest_regs regs = { .execute = VFIO_AP_NQAP,
				   .gr0 = VFIO_AP_NQAP_LAST | qid,
				   .psmid = psmid,
				   .length = len };

	memcpy(regs.message, msg, len);
	guest_execute(guest, &regs);
	return VFIO_AP_STATUS_RC(regs.gr1);
}

unsigned int guest_dqap(struct guest *guest, ap_qid_t qid, uint64_t *psmid)
{
	struct guest_regs regs = { .execute = VFIO_AP_DQAP,
				   .gr0 = VFIO_AP_DQAP_GR0 | qid,
				   .length = sizeof(regs.message) };

	guest_execute(guest, &regs);
	*psmid = regs.psmid;
	return VFIO_AP_STATUS_RC(regs.gr1);
}
