/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <umdev/util.h>

#include "umdevd/descriptors.h"

static const char *const names[DESCRIPTORS] = {
	[DESCRIPTOR_SYS] = "sys",	  [DESCRIPTOR_VFIO] = "vfio", [DESCRIPTOR_LOWER] = "lower",
	[DESCRIPTOR_NETLINK] = "netlink", [DESCRIPTOR_USER] = "user", [DESCRIPTOR_NET] = "net",
	[DESCRIPTOR_MNT] = "mnt",
};

void descriptors_init(struct descriptors *desc)
{
	size_t i;

	for (i = 0; i < DESCRIPTORS; i++)
		desc->fd[i] = -1;
}

void descriptors_close(struct descriptors *desc)
{
	size_t i;

	for (i = 0; i < DESCRIPTORS; i++)
		if (desc->fd[i] >= 0)
			close(desc->fd[i]);
	descriptors_init(desc);
}

/* Room for all kinds, aligned for its header. */
union ancillary {
	struct cmsghdr header;
	char space[CMSG_SPACE(DESCRIPTORS * sizeof(int))];
};

static int send_with(int sock, const char *text, size_t len, const int *fds, size_t nr)
{
	union ancillary control = { 0 };
	struct iovec iov = { .iov_base = (char *)text, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (nr) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(nr * sizeof(*fds));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(nr * sizeof(*fds));
		memcpy(CMSG_DATA(cmsg), fds, nr * sizeof(*fds));
	}
	while (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int descriptors_send(int sock, struct json_object *obj, const struct descriptors *desc)
{
	struct json_object *list = json_object_new_array();
	const char *text;
	int fds[DESCRIPTORS];
	size_t i, nr = 0, len;

	for (i = 0; i < DESCRIPTORS; i++) {
		if (desc->fd[i] < 0)
			continue;
		fds[nr++] = desc->fd[i];
		json_object_array_add(list, json_object_new_string(names[i]));
	}
	json_object_object_add(obj, "descriptors", list);
	text = json_object_to_json_string_length(
		obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	return text ? send_with(sock, text, len, fds, nr) : -ENOMEM;
}

void received_close(struct received *in)
{
	while (in->nr)
		close(in->fd[--in->nr]);
}

static void take_descriptors(struct msghdr *msg, struct received *in)
{
	struct cmsghdr *cmsg;
	size_t n;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		/* There was room for no more than one of each kind. */
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(in->fd + in->nr, CMSG_DATA(cmsg), n * sizeof(int));
		in->nr += n;
	}
}

ssize_t descriptors_receive(int sock, void *buf, size_t size, struct received *in)
{
	union ancillary control;
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_LEN(DESCRIPTORS * sizeof(int)),
	};
	ssize_t len;

	in->nr = 0;
	do {
		len = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_TRUNC);
	} while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;
	take_descriptors(&msg, in);
	if (len == 0 || (msg.msg_flags & MSG_CTRUNC)) {
		received_close(in);
		return len == 0 ? 0 : -EMSGSIZE;
	}
	return len;
}

static int find_name(const char *name)
{
	int i;

	for (i = 0; i < DESCRIPTORS; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

int descriptors_name(struct json_object *obj, struct received *in, struct descriptors *desc)
{
	struct json_object *list, *name;
	size_t i, nr = 0;
	int kind;

	descriptors_init(desc);
	if (json_object_object_get_ex(obj, "descriptors", &list)) {
		if (!json_object_is_type(list, json_type_array))
			goto refuse;
		nr = json_object_array_length(list);
	}
	if (nr != in->nr)
		goto refuse;
	for (i = 0; i < nr; i++) {
		name = json_object_array_get_idx(list, i);
		if (!json_object_is_type(name, json_type_string))
			goto refuse;
		kind = find_name(json_object_get_string(name));
		if (kind < 0 || desc->fd[kind] >= 0)
			goto refuse;
		desc->fd[kind] = in->fd[i];
	}
	in->nr = 0;
	return 0;
refuse:
	descriptors_init(desc);
	received_close(in);
	return -EINVAL;
}
