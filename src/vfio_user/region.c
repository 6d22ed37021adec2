/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Region access and reset.
 *
 * A message that asks for what is not there gets an error. When the driver refuses a sound request
 * the guest sees what it would see of hardware: all ones, or a write that has no effect. Cloud
 * Hypervisor would wait for ever behind an error reply. A program that uses VFIO's own API, which
 * comes with a claim, is told what the driver says, as the kernel tells it. So is every user of a
 * channel I/O device, for which the error is what counts.
 */
#include <string.h>

#include "vfio_user/connection.h"

/* The core checks this too, but its error could not be told from the driver's. */
static int check_access(const struct connection *c, uint32_t region, uint64_t offset,
			uint32_t count, uint32_t max)
{
	uint64_t size = region < c->nr_regions ? c->region_sizes[region] : 0;

	if (count == 0 || count > max || offset > size || count > size - offset)
		return -EINVAL;
	return 0;
}

int region_read_handle(struct connection *c, struct request *req, struct reply *reply)
{
	struct vfio_user_region_access access;
	uint8_t *data;
	ssize_t n;
	int err;

	memcpy(&access, req->payload, sizeof(access));
	err = check_access(c, access.region, access.offset, access.count, c->max_xfer);
	if (!err)
		err = reply_room(c, reply, sizeof(access) + access.count);
	if (err)
		return err;
	data = reply->payload + sizeof(access);
	n = vfio_file_read(c->file, access.region, data, access.count, access.offset);
	if (c->tell_errors) {
		if (n < 0)
			return (int)n;
		access.count = (uint32_t)n;
	}
	if (n < 0)
		n = 0;
	if ((size_t)n < access.count)
		memset(data + n, 0xff, access.count - n);
	memcpy(reply->payload, &access, sizeof(access));
	reply->size = sizeof(access) + access.count;
	return 0;
}

int region_write_handle(struct connection *c, struct request *req, struct reply *reply)
{
	struct vfio_user_region_access access;
	ssize_t n;
	int err;

	memcpy(&access, req->payload, sizeof(access));
	err = check_access(c, access.region, access.offset, access.count, c->max_xfer);
	if (!err && access.count != req->size - sizeof(access))
		err = -EINVAL;
	if (err)
		return err;
	n = vfio_file_write(c->file, access.region, req->payload + sizeof(access), access.count,
			    access.offset);
	if (c->tell_errors) {
		if (n < 0)
			return (int)n;
		access.count = (uint32_t)n;
	}
	memcpy(reply->payload, &access, sizeof(access));
	reply->size = sizeof(access);
	return 0;
}

int region_write_multi_handle(struct connection *c, struct request *req, struct reply *reply)
{
	const uint8_t *writes = req->payload + sizeof(struct vfio_user_write_multi);
	size_t room = req->size - sizeof(struct vfio_user_write_multi);
	struct vfio_user_write_multi multi;
	struct vfio_user_small_write write;

	memcpy(&multi, req->payload, sizeof(multi));
	if (!c->write_multi || multi.count == 0 || multi.count > room / sizeof(write) ||
	    multi.count * sizeof(write) != room)
		return -EINVAL;
	for (uint64_t i = 0; i < multi.count; i++) {
		memcpy(&write, writes + i * sizeof(write), sizeof(write));
		if (check_access(c, write.region, write.offset, write.count, sizeof(write.data)))
			return -EINVAL;
	}
	for (uint64_t i = 0; i < multi.count; i++) {
		memcpy(&write, writes + i * sizeof(write), sizeof(write));
		vfio_file_write(c->file, write.region, write.data, write.count, write.offset);
	}
	memcpy(reply->payload, &multi, sizeof(multi));
	reply->size = sizeof(multi);
	return 0;
}

int reset_handle(struct connection *c, struct request *req, struct reply *reply)
{
	return vfio_file_reset(c->file);
}
