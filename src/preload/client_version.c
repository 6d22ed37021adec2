/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VERSION: what both sides can do.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/client_private.h"
#include "preload/file.h"
#include "preload/json.h"
#include "preload/next.h"

#define REPLY_MAX 4096
/* A mapping's address and size are multiples of it. */
#define PAGE_SIZES 4096u

/* The sizes are VFIO_USER_MAX_...'s, and BOUNCE_SIZE and struct dma_message have room for them. */
static const char proposal[] =
	"{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":1048576,"
	"\"max_dma_maps\":65535,\"pgsizes\":4096,\"twin_socket\":{\"supported\":true}}}";

/* A number that need not be there. Return: 0, -EPROTO. */
static int get_number(const struct json *caps, const char *name, uint64_t min, uint64_t *number)
{
	struct json member;
	int found = json_member(caps, name, &member);

	if (found == 0)
		return 0;
	if (found < 0 || json_uint64(&member, number) || *number < min)
		return -EPROTO;
	return 0;
}

/* There may be no descriptor but the one that the answer speaks of. */
static int parse_twin(const struct json *caps, unsigned int nr_fds, int *index)
{
	bool supported = false;
	struct json twin, member;
	uint64_t n;
	int found = json_member(caps, "twin_socket", &twin);

	if (found > 0) {
		found = json_member(&twin, "supported", &member);
		if (found < 0 || (found && json_bool(&member, &supported)))
			return -EPROTO;
	}
	if (found < 0)
		return -EPROTO;
	*index = -1;
	if (!supported)
		return nr_fds ? -EPROTO : 0;
	if (nr_fds != 1 || json_member(&twin, "fd_index", &member) != 1 ||
	    json_uint64(&member, &n) || n >= nr_fds)
		return -EPROTO;
	*index = (int)n;
	return 0;
}

static int parse_capabilities(const struct json *caps, unsigned int nr_fds,
			      struct version_terms *terms)
{
	uint64_t max_fds = terms->max_fds, max_xfer = terms->max_xfer;
	uint64_t max_maps = 0, pgsizes = PAGE_SIZES;

	if (get_number(caps, "max_msg_fds", 0, &max_fds) ||
	    get_number(caps, "max_data_xfer_size", 1, &max_xfer) ||
	    get_number(caps, "max_dma_maps", 0, &max_maps) ||
	    get_number(caps, "pgsizes", PAGE_SIZES, &pgsizes) || pgsizes % PAGE_SIZES)
		return -EPROTO;
	/* More than was proposed is no use, and no harm. */
	terms->max_fds = max_fds < CLIENT_MAX_FDS ? max_fds : CLIENT_MAX_FDS;
	if (max_xfer < terms->max_xfer)
		terms->max_xfer = max_xfer;
	return parse_twin(caps, nr_fds, &terms->twin);
}

int version_parse(const void *payload, size_t size, unsigned int nr_fds,
		  struct version_terms *terms)
{
	struct vfio_user_version version;
	struct json root, caps;
	const char *text;
	int found;

	*terms = (struct version_terms) { .max_xfer = VFIO_USER_MAX_DATA_XFER,
					  .max_fds = VFIO_USER_DEFAULT_FDS,
					  .twin = -1 };
	if (size < sizeof(version))
		return -EPROTO;
	memcpy(&version, payload, sizeof(version));
	if (version.major != VFIO_USER_MAJOR || version.minor > VFIO_USER_MINOR)
		return -EPROTO;
	text = (const char *)payload + sizeof(version);
	size -= sizeof(version);
	if (size == 0)
		return nr_fds ? -EPROTO : 0;
	/* The string's NUL is the last byte, and no other. */
	if (memchr(text, '\0', size) != text + size - 1)
		return -EPROTO;
	if (json_parse(text, size - 1, &root))
		return -EPROTO;
	found = json_member(&root, "capabilities", &caps);
	if (found < 0 || (found && !json_is_object(&caps)))
		return -EPROTO;
	if (found == 0)
		return nr_fds ? -EPROTO : 0;
	return parse_capabilities(&caps, nr_fds, terms);
}

static bool is_stream_socket(int fd)
{
	int domain = 0, type = 0;
	socklen_t size = sizeof(int);

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) && domain == AF_UNIX &&
	       !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) && type == SOCK_STREAM;
}

int version_agree(struct client *client)
{
	struct vfio_user_version version = { VFIO_USER_MAJOR, VFIO_USER_MINOR };
	struct version_terms terms;
	char reply[REPLY_MAX];
	int fds[CLIENT_MAX_FDS];
	struct client_call call = {
		.command = VFIO_USER_VERSION,
		.out = { { &version, sizeof(version) }, { (void *)proposal, sizeof(proposal) } },
		.nr_out = 2,
		.in = { { reply, sizeof(reply) } },
		.nr_in = 1,
		.in_fds = fds,
	};
	int err = client_call(client, &call);

	if (err == -ENODEV)
		return client->shared->answered ? -EPROTO : -EBUSY;
	if (err)
		return err;
	err = version_parse(reply, call.in_size, call.nr_in_fds, &terms);
	if (!err && terms.twin >= 0 && !is_stream_socket(fds[terms.twin]))
		err = -EPROTO;
	if (err) {
		for (unsigned int i = 0; i < call.nr_in_fds; i++)
			NEXT(close)(fds[i]);
		return err;
	}
	client->max_fds = terms.max_fds;
	client->max_xfer = terms.max_xfer;
	if (terms.twin >= 0) {
		/* The only one. */
		client->twin = hidden_fd(fds[terms.twin]);
		if (client->twin < 0)
			return client->twin;
	}
	return 0;
}
