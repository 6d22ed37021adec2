/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A user of a vfio-ccw device: guest memory, the four regions, the three interrupts. It speaks as a
 * mainframe does: all that it writes and reads is big-endian, decoded by <umdev/cio.h>.
 *
 * Three ways lead to a device: VFIO's own calls (for a program that has the preloaded library, or
 * Linux on a mainframe), a vfio-user socket, and the process that has the device itself.
 */
#ifndef UMDEV_TESTS_VFIO_CCW_CLIENT_H
#define UMDEV_TESTS_VFIO_CCW_CLIENT_H

#include <linux/vfio.h>
#include <linux/vfio_ccw.h>
#include <stddef.h>
#include <umdev/cio.h>

struct ccw_client;

/** struct ccw_region - where a region of the device is, 0 bytes: nowhere */
struct ccw_region {
	uint64_t offset;
	uint64_t size;
};

/**
 * struct ccw_transport - a way to a device. All return 0 or -errno
 * @open:  connect to @where, fill @client->regions
 * @close: the reverse; as if the program had died, if it is one that has a connection
 * @read:  @size bytes at @offset of region @index
 * @write: the reverse
 * @map:   let the device use [@iova, @iova + @size), which is @offset in @client->memory_fd. A
 *         @prot of VFIO_DMA_MAP_FLAG_*
 * @unmap: the reverse
 * @arm:   signal interrupt @index by @fd; -1: not at all
 * @reset: VFIO_DEVICE_RESET
 * @host_order: the number of a command is in the host's byte order, as <linux/vfio_ccw.h> has it
 */
struct ccw_transport {
	int (*open)(struct ccw_client *client, const char *where);
	void (*close)(struct ccw_client *client);
	int (*read)(struct ccw_client *client, unsigned int index, void *buf, size_t size,
		    uint64_t offset);
	int (*write)(struct ccw_client *client, unsigned int index, const void *buf, size_t size,
		     uint64_t offset);
	int (*map)(struct ccw_client *client, uint64_t iova, uint64_t size, uint64_t offset,
		   uint32_t prot);
	int (*unmap)(struct ccw_client *client, uint64_t iova, uint64_t size);
	int (*arm)(struct ccw_client *client, unsigned int index, int fd);
	int (*reset)(struct ccw_client *client);
	bool host_order;
};

extern const struct ccw_transport ccw_vfio;   /* @where: the UUID of a mediated device */
extern const struct ccw_transport ccw_socket; /* the path of a vfio-user socket */

/* The regions, in the order in which the device has them. */
enum ccw_region_index {
	CCW_IO_REGION,
	CCW_CMD_REGION,
	CCW_SCHIB_REGION,
	CCW_CRW_REGION,
	CCW_NUM_REGIONS,
};

#define CCW_NUM_IRQS (VFIO_CCW_REQ_IRQ_INDEX + 1)

/**
 * struct ccw_client - a user of one device; one thread's
 * @memory: the guest's, from address 0 on, @size bytes, shared with the device as @memory_fd
 * @events: eventfds of the interrupts; not blocking
 * @fds:    the transport's
 * @data:   the transport's
 */
struct ccw_client {
	const struct ccw_transport *transport;
	uint8_t *memory;
	size_t size;
	int memory_fd;
	int events[CCW_NUM_IRQS];
	struct ccw_region regions[CCW_NUM_REGIONS];
	int fds[3];
	void *data;
};

/**
 * ccw_open - become the user of a device, with all interrupts armed
 * @size: how much memory to have, all of it mapped for the device at address 0; a multiple of 4096
 * Return: 0, -errno.
 */
int ccw_open(struct ccw_client *client, const struct ccw_transport *transport, const char *where,
	     size_t size);
/** ccw_close - let go of it. */
void ccw_close(struct ccw_client *client);

/* ---- in guest memory ---- */

/** ccw_put - a CCW at @addr; @fmt1: of which format. Return: the address behind it. */
uint32_t ccw_put(struct ccw_client *client, uint32_t addr, bool fmt1, struct ccw1 ccw);
/** ccw_put_idaw - a word of a list: 8 bytes with @c64, else 4. Return: the address behind it. */
uint32_t ccw_put_idaw(struct ccw_client *client, uint32_t addr, bool c64, uint64_t idaw);

/* ---- instructions ---- */

/** ccw_ssch - START SUBCHANNEL. Return: what the write says, 0: an interrupt will tell. */
int ccw_ssch(struct ccw_client *client, const struct orb *orb);
/** ccw_command - VFIO_CCW_ASYNC_CMD_HSCH, _CSCH. Return: likewise. */
int ccw_command(struct ccw_client *client, uint32_t command);
/** ccw_schib - the subchannel's information block. Return: 0, -errno. */
int ccw_schib(struct ccw_client *client, uint8_t schib[SCHIB_SIZE]);
/** ccw_crw - the next report word; flags 0: there is none. Return: 0, -errno. */
int ccw_crw(struct ccw_client *client, struct crw *crw);

/* ---- interrupts ---- */

/** ccw_wait - wait for interrupt @index. @ms: at most, -1: for ever. Return: how often it was
 * signalled, -ETIMEDOUT, -errno. */
int ccw_wait(struct ccw_client *client, unsigned int index, int ms);
/** ccw_irb - the status that the last interrupt brought. Return: 0, -errno. */
int ccw_irb(struct ccw_client *client, struct irb *irb);
/**
 * ccw_run - start a program, and wait until it has ended
 * @irb: its final status
 * Return: 0, -errno of ccw_ssch(), -ETIMEDOUT: it has not ended within half a minute.
 */
int ccw_run(struct ccw_client *client, const struct orb *orb, struct irb *irb);

/** ccw_irb_is_final - has the subchannel nothing more to do for this start? */
static inline bool ccw_irb_is_final(const struct irb *irb)
{
	return !(irb->scsw.ctrl & (SCSW_ACTL_DEVACT | SCSW_ACTL_SCHACT | SCSW_ACTL_START_PEND));
}

#endif
