/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VERSION: who speaks what. The reply has to be short: QEMU takes none that is longer than its own
 * message (214 bytes).
 */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "vfio_user/connection.h"

#define JSON_DEPTH 8
#define PAGE_SIZES (~(uint64_t)4095)

/* What the client proposed; what it did not say has the protocol's default. */
struct proposal {
	uint64_t max_fds;
	uint64_t max_xfer;
	uint64_t max_dma_maps;
	uint64_t pgsizes;
	bool write_multi;
	bool twin;
	bool has_dma_maps;
	bool has_pgsizes;
};

/* Return: 1 it is there, 0 it is not, -EINVAL it is no number from 0 to @max. */
static int get_number(struct json_object *caps, const char *name, uint64_t max, uint64_t *value)
{
	struct json_object *obj;
	int64_t n;

	if (!json_object_object_get_ex(caps, name, &obj))
		return 0;
	if (!json_object_is_type(obj, json_type_int))
		return -EINVAL;
	n = json_object_get_int64(obj);
	if (n < 0)
		return -EINVAL;
	*value = (uint64_t)n < max ? (uint64_t)n : max;
	return 1;
}

/* Return: 0, -EINVAL. */
static int get_flag(struct json_object *obj, const char *name, bool *value)
{
	struct json_object *flag;

	if (!json_object_object_get_ex(obj, name, &flag))
		return 0;
	if (!json_object_is_type(flag, json_type_boolean))
		return -EINVAL;
	*value = json_object_get_boolean(flag);
	return 0;
}

/* "twin_socket": { "supported": true } */
static int get_twin(struct json_object *caps, bool *value)
{
	struct json_object *obj;

	if (!json_object_object_get_ex(caps, "twin_socket", &obj))
		return 0;
	if (!json_object_is_type(obj, json_type_object))
		return -EINVAL;
	return get_flag(obj, "supported", value);
}

static int parse_capabilities(struct json_object *caps, struct proposal *p)
{
	int ret;

	if (!json_object_is_type(caps, json_type_object))
		return -EINVAL;
	if (get_number(caps, "max_msg_fds", VFIO_USER_MAX_FDS, &p->max_fds) < 0)
		return -EINVAL;
	if (get_number(caps, "max_data_xfer_size", VFIO_USER_MAX_DATA_XFER, &p->max_xfer) < 0 ||
	    p->max_xfer == 0)
		return -EINVAL;
	ret = get_number(caps, "max_dma_maps", VFIO_USER_MAX_DMA_MAPS, &p->max_dma_maps);
	if (ret < 0)
		return ret;
	p->has_dma_maps = ret;
	ret = get_number(caps, "pgsizes", INT64_MAX, &p->pgsizes);
	if (ret < 0)
		return ret;
	p->has_pgsizes = ret;
	p->pgsizes &= PAGE_SIZES;
	if (p->pgsizes == 0)
		return -EINVAL;
	ret = get_flag(caps, "write_multiple", &p->write_multi);
	return ret ? ret : get_twin(caps, &p->twin);
}

static int parse_json(const char *text, size_t size, struct proposal *p)
{
	struct json_tokener *tok;
	struct json_object *root, *caps;
	int ret = 0;

	/* The string's NUL is the last byte, and no other. */
	if (memchr(text, '\0', size) != text + size - 1)
		return -EINVAL;
	if (size == 1)
		return 0;
	tok = json_tokener_new_ex(JSON_DEPTH);
	if (!tok)
		return -ENOMEM;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tok, text, size);
	if (json_tokener_get_error(tok) != json_tokener_success ||
	    !json_object_is_type(root, json_type_object))
		ret = -EINVAL;
	else if (json_object_object_get_ex(root, "capabilities", &caps))
		ret = parse_capabilities(caps, p);
	json_object_put(root);
	json_tokener_free(tok);
	return ret;
}

/* What this server offers of what was proposed. Return: its length with the NUL. */
static size_t print_capabilities(const struct proposal *p, char *buf, size_t size)
{
	int n = snprintf(buf, size,
			 "{\"capabilities\":{\"max_msg_fds\":%u,\"max_data_xfer_size\":%llu",
			 VFIO_USER_MAX_FDS, (unsigned long long)p->max_xfer);

	if (p->has_dma_maps)
		n += snprintf(buf + n, size - n, ",\"max_dma_maps\":%llu",
			      (unsigned long long)p->max_dma_maps);
	if (p->has_pgsizes)
		n += snprintf(buf + n, size - n, ",\"pgsizes\":%llu",
			      (unsigned long long)p->pgsizes);
	if (p->write_multi)
		n += snprintf(buf + n, size - n, ",\"write_multiple\":true");
	if (p->twin)
		n += snprintf(buf + n, size - n,
			      ",\"twin_socket\":{\"supported\":true,\"fd_index\":0}");
	n += snprintf(buf + n, size - n, "}}");
	return n + 1;
}

/* A client that gets none has its memory asked for on the socket that there is. */
static void offer_twin(struct connection *c, const struct request *req, struct proposal *p,
		       struct reply *reply)
{
	if (p->twin && p->max_fds && request_wants_reply(req)) {
		reply->fd = twin_create(c);
		reply->give_fd = true;
	}
	p->twin = reply->fd >= 0;
}

int version_handle(struct connection *c, struct request *req, struct reply *reply)
{
	struct proposal p = { .max_fds = VFIO_USER_DEFAULT_FDS,
			      .max_xfer = VFIO_USER_MAX_DATA_XFER,
			      .pgsizes = 4096 };
	struct vfio_user_version version;
	int err = 0;

	memcpy(&version, req->payload, sizeof(version));
	if (version.major != VFIO_USER_MAJOR)
		return -EINVAL;
	if (req->size > sizeof(version))
		err = parse_json((const char *)req->payload + sizeof(version),
				 req->size - sizeof(version), &p);
	if (err)
		return err;
	offer_twin(c, req, &p, reply);
	err = connection_open_device(c);
	if (err)
		return err;
	c->max_fds = p.max_fds;
	c->max_xfer = p.max_xfer;
	c->write_multi = p.write_multi;
	c->negotiated = true;

	version.minor = VFIO_USER_MINOR;
	memcpy(reply->payload, &version, sizeof(version));
	reply->size = sizeof(version);
	reply->size += print_capabilities(&p, (char *)reply->payload + sizeof(version),
					  REPLY_SMALL - sizeof(version));
	return 0;
}
