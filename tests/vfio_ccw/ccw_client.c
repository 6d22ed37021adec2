/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vfio_ccw/ccw_client.h"

#define HANG_LIMIT_MS 30000
#define READ_WRITE    (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

/* ---- memory and events, which all transports share ---- */

static void finish_shared(struct ccw_client *client)
{
	unsigned int i;

	for (i = 0; i < CCW_NUM_IRQS; i++) {
		if (client->events[i] >= 0)
			close(client->events[i]);
	}
	if (client->memory)
		munmap(client->memory, client->size);
	if (client->memory_fd >= 0)
		close(client->memory_fd);
}

static int init_shared(struct ccw_client *client)
{
	unsigned int i;
	void *memory;

	for (i = 0; i < CCW_NUM_IRQS; i++) {
		client->events[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (client->events[i] < 0)
			return -errno;
	}
	client->memory_fd = memfd_create("guest", MFD_CLOEXEC);
	if (client->memory_fd < 0 || ftruncate(client->memory_fd, (off_t)client->size))
		return -errno;
	memory = mmap(NULL, client->size, PROT_READ | PROT_WRITE, MAP_SHARED, client->memory_fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	client->memory = memory;
	return 0;
}

static int connect_shared(struct ccw_client *client)
{
	unsigned int i;
	int err = client->transport->map(client, 0, client->size, 0, READ_WRITE);

	for (i = 0; !err && i < CCW_NUM_IRQS; i++)
		err = client->transport->arm(client, i, client->events[i]);
	return err;
}

int ccw_open(struct ccw_client *client, const struct ccw_transport *transport, const char *where,
	     size_t size)
{
	int err;

	*client = (struct ccw_client) {
		.transport = transport,
		.size = size,
		.memory_fd = -1,
		.events = { -1, -1, -1 },
		.fds = { -1, -1, -1 },
	};
	err = init_shared(client);
	if (err)
		goto finish;
	err = transport->open(client, where);
	if (err)
		goto finish;
	err = connect_shared(client);
	if (err)
		goto close;
	return 0;

close:
	transport->close(client);
finish:
	finish_shared(client);
	return err;
}

void ccw_close(struct ccw_client *client)
{
	client->transport->close(client);
	finish_shared(client);
}

/* ---- in guest memory ---- */

uint32_t ccw_put(struct ccw_client *client, uint32_t addr, bool fmt1, struct ccw1 ccw)
{
	uint8_t *b = client->memory + addr;

	if (fmt1) {
		b[0] = ccw.cmd_code;
		b[1] = ccw.flags;
		cio_put16(b + 2, ccw.count);
		cio_put32(b + 4, ccw.cda);
	} else {
		cio_put32(b, ccw.cda);
		b[0] = ccw.cmd_code;
		b[4] = ccw.flags;
		b[5] = 0;
		cio_put16(b + 6, ccw.count);
	}
	return addr + CCW_SIZE;
}

uint32_t ccw_put_idaw(struct ccw_client *client, uint32_t addr, bool c64, uint64_t idaw)
{
	if (c64)
		cio_put64(client->memory + addr, idaw);
	else
		cio_put32(client->memory + addr, (uint32_t)idaw);
	return addr + (c64 ? 8 : 4);
}

/* ---- instructions ---- */

int ccw_ssch(struct ccw_client *client, const struct orb *orb)
{
	const struct scsw scsw = { .ctrl = SCSW_FCTL_START | SCSW_ACTL_START_PEND };
	uint8_t io[sizeof(struct ccw_io_region)] = { 0 };
	uint8_t *area = io + offsetof(struct ccw_io_region, orb_area);

	cio_put32(area, orb->intparm);
	cio_put32(area + 4, orb->word1);
	cio_put32(area + 8, orb->cpa);
	scsw_to_bytes(&scsw, io + offsetof(struct ccw_io_region, scsw_area));
	return client->transport->write(client, CCW_IO_REGION, io, sizeof(io), 0);
}

int ccw_command(struct ccw_client *client, uint32_t command)
{
	struct ccw_cmd_region region = { .command = command };

	if (!client->transport->host_order)
		cio_put32((uint8_t *)&region.command, command);
	return client->transport->write(client, CCW_CMD_REGION, &region, sizeof(region), 0);
}

int ccw_schib(struct ccw_client *client, uint8_t schib[SCHIB_SIZE])
{
	return client->transport->read(client, CCW_SCHIB_REGION, schib, SCHIB_SIZE, 0);
}

int ccw_crw(struct ccw_client *client, struct crw *crw)
{
	uint8_t bytes[sizeof(struct ccw_crw_region)] = { 0 };
	int err = client->transport->read(client, CCW_CRW_REGION, bytes, sizeof(bytes), 0);

	*crw = (struct crw) { .flags = cio_get16(bytes), .rsid = cio_get16(bytes + 2) };
	return err;
}

/* ---- interrupts ---- */

int ccw_wait(struct ccw_client *client, unsigned int index, int ms)
{
	struct pollfd event = { .fd = client->events[index], .events = POLLIN };
	eventfd_t n;
	int ready;

	do {
		ready = poll(&event, 1, ms);
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return -errno;
	if (!ready)
		return -ETIMEDOUT;
	return eventfd_read(event.fd, &n) ? -errno : (int)n;
}

int ccw_irb(struct ccw_client *client, struct irb *irb)
{
	uint8_t b[IRB_SIZE];
	unsigned int i;
	int err = client->transport->read(client, CCW_IO_REGION, b, sizeof(b),
					  offsetof(struct ccw_io_region, irb_area));

	if (err)
		return err;
	irb->scsw = scsw_from_bytes(b);
	for (i = 0; i < 5; i++)
		irb->esw[i] = cio_get32(b + SCSW_SIZE + 4 * i);
	memcpy(irb->ecw, b + SCSW_SIZE + sizeof(irb->esw), sizeof(irb->ecw));
	return 0;
}

int ccw_run(struct ccw_client *client, const struct orb *orb, struct irb *irb)
{
	int ret = ccw_ssch(client, orb);

	if (ret)
		return ret;
	do {
		ret = ccw_wait(client, VFIO_CCW_IO_IRQ_INDEX, HANG_LIMIT_MS);
		if (ret >= 0)
			ret = ccw_irb(client, irb);
	} while (!ret && !ccw_irb_is_final(irb));
	return ret;
}
