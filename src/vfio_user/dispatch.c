/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a message to its handler and its reply.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vfio_user/connection.h"

/* Longest JSON of a VERSION, longest list of booleans of a SET_IRQS. */
#define VERSION_MAX  4096
#define SET_IRQS_MAX (sizeof(struct vfio_irq_set) + 4096)
#define DATA_MAX     (sizeof(struct vfio_user_region_access) + VFIO_USER_MAX_DATA_XFER)

#define DMA_MAP_SIZE	 sizeof(struct vfio_user_dma_map)
#define DMA_UNMAP_SIZE	 sizeof(struct vfio_user_dma_unmap)
#define DEVICE_INFO_SIZE offsetof(struct vfio_device_info, cap_offset)

static const struct command commands[] = {
	[VFIO_USER_VERSION] = { "version", version_handle, sizeof(struct vfio_user_version),
				VERSION_MAX },
	[VFIO_USER_DMA_MAP] = { "dma map", dma_map_handle, DMA_MAP_SIZE, DMA_MAP_SIZE, 1, true,
				true },
	[VFIO_USER_DMA_UNMAP] = { "dma unmap", dma_unmap_handle, DMA_UNMAP_SIZE, DMA_UNMAP_SIZE, 0,
				  true, true },
	[VFIO_USER_DEVICE_GET_INFO] = { "get info", device_info_handle, DEVICE_INFO_SIZE,
					sizeof(struct vfio_device_info), 0, true },
	[VFIO_USER_DEVICE_GET_REGION_INFO] = { "get region info", region_info_handle,
					       sizeof(struct vfio_region_info), RX_INITIAL, 0,
					       true },
	[VFIO_USER_DEVICE_GET_REGION_IO_FDS] = { "get region io fds", region_io_fds_handle,
						 sizeof(struct vfio_user_region_io_fds), RX_INITIAL,
						 0, true },
	[VFIO_USER_DEVICE_GET_IRQ_INFO] = { "get irq info", irq_info_handle,
					    sizeof(struct vfio_irq_info),
					    sizeof(struct vfio_irq_info), 0, true },
	[VFIO_USER_DEVICE_SET_IRQS] = { "set irqs", set_irqs_handle, sizeof(struct vfio_irq_set),
					SET_IRQS_MAX, VFIO_USER_MAX_FDS, true, true },
	[VFIO_USER_REGION_READ] = { "read", region_read_handle,
				    sizeof(struct vfio_user_region_access),
				    sizeof(struct vfio_user_region_access), 0, true },
	[VFIO_USER_REGION_WRITE] = { "write", region_write_handle,
				     sizeof(struct vfio_user_region_access), DATA_MAX, 0, true },
	[VFIO_USER_DEVICE_RESET] = { "reset", reset_handle, 0, 0, 0, true, true },
	[VFIO_USER_REGION_WRITE_MULTI] = { "write multi", region_write_multi_handle,
					   sizeof(struct vfio_user_write_multi), DATA_MAX, 0,
					   true },
	[VFIO_USER_DEVICE_FEATURE] = { "device feature", device_feature_handle,
				       sizeof(struct vfio_user_device_feature), RX_INITIAL, 0,
				       true },
};

const struct command *command_find(uint16_t number)
{
	if (number >= ARRAY_SIZE(commands) || !commands[number].handle)
		return NULL;
	return &commands[number];
}

int request_check(const struct connection *c, const struct command *cmd, const struct request *req)
{
	if (req->hdr.error)
		return -(int)req->hdr.error;
	if ((req->hdr.flags & VFIO_USER_F_TYPE) != VFIO_USER_F_COMMAND)
		return -EINVAL;
	if (!cmd)
		return c->negotiated ? -ENOSYS : -EINVAL;
	/* VERSION comes first, and once. */
	if (c->negotiated != cmd->needs_version)
		return -EINVAL;
	if (req->size < cmd->min_size || req->size > cmd->max_size)
		return -EINVAL;
	if (req->bad_fds || req->nr_fds > cmd->max_fds)
		return -EINVAL;
	return 0;
}

void request_describe(const struct request *req, char *buf, size_t size)
{
	const struct command *cmd = command_find(req->hdr.command);
	struct vfio_user_region_access access;

	if ((req->hdr.command == VFIO_USER_REGION_READ ||
	     req->hdr.command == VFIO_USER_REGION_WRITE) &&
	    req->size >= sizeof(access)) {
		memcpy(&access, req->payload, sizeof(access));
		snprintf(buf, size, "%s of %u bytes at 0x%" PRIx64 " of region %u", cmd->name,
			 access.count, access.offset, access.region);
	} else if (req->hdr.command == VFIO_USER_VERSION) {
		snprintf(buf, size, "open");
	} else {
		snprintf(buf, size, "%s", cmd ? cmd->name : "unknown command");
	}
}

/* Answer without the driver, because it has been too slow for requests before this one. */
static void answer_late(struct connection *c, struct request *req)
{
	uint8_t head[24];
	size_t head_size, size;
	struct reply reply;
	int error;

	reply_begin(c, &reply);
	error = stand_in(c, req, head, &head_size, &size);
	if (!error && reply_room(c, &reply, size))
		error = ENOMEM;
	if (!error) {
		memset(reply.payload, 0xff, size);
		memcpy(reply.payload, head, head_size);
		reply.size = size;
	}
	reply_commit(c, req, &reply, error);
	req->hdr.flags |= VFIO_USER_F_NO_REPLY;
}

/*
 * The driver took long: see what has come meanwhile, so that it is known how long that has been
 * waiting.
 */
static void note_arrivals(struct connection *c)
{
	pthread_mutex_lock(&c->lock);
	/* The second look is for seeing that the socket is empty. */
	if (!c->reader && rx_poll(c))
		rx_poll(c);
	pthread_mutex_unlock(&c->lock);
}

void request_run(struct connection *c, struct request *req)
{
	const struct command *cmd = command_find(req->hdr.command);
	uint64_t now = clock_coarse();
	struct reply reply;
	uint64_t deadline;
	int err;

	err = request_check(c, cmd, req);
	deadline = deadline_of(c, req, now);
	if (!err && request_wants_reply(req) && now >= deadline) {
		answer_late(c, req);
		if (!cmd->keeps) {
			request_close_fds(req);
			return;
		}
		deadline = deadline_of(c, req, now);
	}
	reply_begin(c, &reply);
	if (!err) {
		deadline_begin(c, deadline);
		err = cmd->handle(c, req, &reply);
		if (!deadline_end(c)) {
			if (!deadline_reclaim(c))
				answer_late(c, req);
			request_close_fds(req);
			reply_drop_fd(&reply);
			return;
		}
	}
	request_close_fds(req);
	if (err && req->hdr.command == VFIO_USER_VERSION && !c->negotiated)
		c->refused = true;
	if (clock_coarse() - now > c->server->timeout_ns / 16)
		note_arrivals(c);
	if (request_wants_reply(req))
		reply_commit(c, req, &reply, -err);
	reply_drop_fd(&reply);
}
