/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A vfio-ccw device by its vfio-user socket. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vfio_ccw/ccw_client.h"
#include "vfio_user/protocol.h"

#define ROOM_MAX 512 /* of a payload */

static int send_message(int sock, const struct iovec *iov, size_t nr, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS,
				  .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = nr };

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int receive(int sock, void *buf, size_t size)
{
	/* To receive nothing would wait for something. */
	ssize_t n = size ? recv(sock, buf, size, MSG_WAITALL) : 0;

	return n < 0 ? -errno : n == (ssize_t)size ? 0 : -ECONNRESET;
}

/*
 * A request of two parts and its reply, whose first @size bytes come into @reply. The device has no
 * region with a descriptor and all memory has one, so nothing but the reply comes.
 */
static int call(struct ccw_client *client, uint16_t command, const struct iovec parts[2], int fd,
		void *reply, size_t size)
{
	struct vfio_user_header header = { .id = 1, .command = command };
	struct iovec iov[3] = { { &header, sizeof(header) }, parts[0], parts[1] };
	uint8_t room[ROOM_MAX];
	size_t len;
	int err;

	header.size = (uint32_t)(sizeof(header) + parts[0].iov_len + parts[1].iov_len);
	err = send_message(client->fds[0], iov, 3, fd);
	if (!err)
		err = receive(client->fds[0], &header, sizeof(header));
	if (err)
		return err;
	len = header.size - sizeof(header);
	if (header.size < sizeof(header) || len > sizeof(room))
		return -EPROTO;
	err = receive(client->fds[0], room, len);
	if (err || header.flags & VFIO_USER_F_ERROR)
		return err ? err : -(int)header.error;
	if (len < size)
		return -EPROTO;
	if (size)
		memcpy(reply, room, size);
	return 0;
}

static int simple_call(struct ccw_client *client, uint16_t command, void *payload, size_t size,
		       int fd)
{
	const struct iovec parts[2] = { { payload, size }, { NULL, 0 } };

	return call(client, command, parts, fd, payload, size);
}

static int negotiate(struct ccw_client *client)
{
	struct {
		struct vfio_user_version version;
		char text[20];
	} hello = { .text = "{\"capabilities\":{}}" };
	const struct iovec parts[2] = { { &hello, sizeof(hello) }, { NULL, 0 } };
	struct vfio_user_version version;

	return call(client, VFIO_USER_VERSION, parts, -1, &version, sizeof(version));
}

static void socket_close(struct ccw_client *client)
{
	if (client->fds[0] >= 0)
		close(client->fds[0]);
	client->fds[0] = -1;
}

static int socket_open(struct ccw_client *client, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct vfio_region_info info;
	unsigned int i;
	int err;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path));
	client->fds[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fds[0] < 0)
		return -errno;
	err = connect(client->fds[0], (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
	if (!err)
		err = negotiate(client);
	for (i = 0; !err && i < CCW_NUM_REGIONS; i++) {
		info = (struct vfio_region_info) { .argsz = sizeof(info), .index = i };
		err = simple_call(client, VFIO_USER_DEVICE_GET_REGION_INFO, &info, sizeof(info),
				  -1);
		client->regions[i].size = info.size;
	}
	if (err)
		socket_close(client);
	return err;
}

static int socket_read(struct ccw_client *client, unsigned int index, void *buf, size_t size,
		       uint64_t offset)
{
	struct vfio_user_region_access access = { .offset = offset,
						  .region = index,
						  .count = (uint32_t)size };
	const struct iovec parts[2] = { { &access, sizeof(access) }, { NULL, 0 } };
	uint8_t reply[ROOM_MAX];
	int err;

	if (sizeof(access) + size > sizeof(reply))
		return -EMSGSIZE;
	err = call(client, VFIO_USER_REGION_READ, parts, -1, reply, sizeof(access) + size);
	if (!err)
		memcpy(buf, reply + sizeof(access), size);
	return err;
}

static int socket_write(struct ccw_client *client, unsigned int index, const void *buf, size_t size,
			uint64_t offset)
{
	struct vfio_user_region_access access = { .offset = offset,
						  .region = index,
						  .count = (uint32_t)size };
	const struct iovec parts[2] = { { &access, sizeof(access) }, { (void *)buf, size } };

	return call(client, VFIO_USER_REGION_WRITE, parts, -1, &access, sizeof(access));
}

static int socket_map(struct ccw_client *client, uint64_t iova, uint64_t size, uint64_t offset,
		      uint32_t prot)
{
	struct vfio_user_dma_map map = {
		.argsz = sizeof(map),
		.flags = (prot & VFIO_DMA_MAP_FLAG_READ ? VFIO_USER_DMA_F_READ : 0) |
			 (prot & VFIO_DMA_MAP_FLAG_WRITE ? VFIO_USER_DMA_F_WRITE : 0),
		.offset = offset,
		.address = iova,
		.size = size,
	};
	const struct iovec parts[2] = { { &map, sizeof(map) }, { NULL, 0 } };

	return call(client, VFIO_USER_DMA_MAP, parts, client->memory_fd, NULL, 0);
}

static int socket_unmap(struct ccw_client *client, uint64_t iova, uint64_t size)
{
	struct vfio_user_dma_unmap unmap = { .argsz = sizeof(unmap),
					     .address = iova,
					     .size = size };

	return simple_call(client, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap), -1);
}

static int socket_arm(struct ccw_client *client, unsigned int index, int fd)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD,
		.index = index,
		.count = 1,
	};
	const struct iovec parts[2] = { { &set, sizeof(set) }, { NULL, 0 } };

	return call(client, VFIO_USER_DEVICE_SET_IRQS, parts, fd, NULL, 0);
}

static int socket_reset(struct ccw_client *client)
{
	return simple_call(client, VFIO_USER_DEVICE_RESET, NULL, 0, -1);
}

const struct ccw_transport ccw_socket = {
	.open = socket_open,
	.close = socket_close,
	.read = socket_read,
	.write = socket_write,
	.map = socket_map,
	.unmap = socket_unmap,
	.arm = socket_arm,
	.reset = socket_reset,
};
