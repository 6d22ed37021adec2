/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dt_internal.h"

/* The first version whose nodes have names without their paths; Linux takes no older one. */
#define OLDEST_VERSION 16

/* Every error of a file's in one form. Return: @err. */
static int file_error(struct dt_error *error, const char *path, int err)
{
	dt_say(error, "%s: %s", path, strerror(-err));
	return err;
}

/* What libfdt says about a tree, for people. */
static const char *fault_of(int err)
{
	switch (-err) {
	case FDT_ERR_TRUNCATED:
		return "the device tree is cut off";
	case FDT_ERR_BADMAGIC:
		return "not a flattened device tree";
	case FDT_ERR_BADVERSION:
		return "a device tree of a version that is not known";
	case FDT_ERR_BADSTRUCTURE:
		return "the device tree's structure is damaged";
	case FDT_ERR_BADSTATE:
		return "an unfinished device tree";
	case FDT_ERR_BADLAYOUT:
		return "the device tree's parts overlap or are out of order";
	default:
		return fdt_strerror(err);
	}
}

/**
 * struct walk - the structure of a tree, token by token
 * @at:    the next one
 * @left:  bytes from there on
 * @depth: nodes that are open
 */
struct walk {
	const char *at;
	size_t left;
	unsigned int depth;
};

/* Go on by @size bytes and to the next cell. Return: are they there? */
static bool skip(struct walk *w, size_t size)
{
	if (size > w->left || ((size + 3) & ~(size_t)3) > w->left)
		return false;
	size = (size + 3) & ~(size_t)3;
	w->at += size;
	w->left -= size;
	return true;
}

static uint32_t cell_at(const char *at)
{
	return be32toh(*(const uint32_t *)at);
}

/* What belongs to a token that has been read. Return: is it all there, and in its place? */
static bool walk_token(struct walk *w, uint32_t token)
{
	switch (token) {
	case FDT_BEGIN_NODE:
		w->depth++;
		return skip(w, strnlen(w->at, w->left) + 1);
	case FDT_END_NODE:
		return w->depth-- > 0;
	case FDT_PROP:
		return w->depth && w->left >= 8 && cell_at(w->at) <= w->left - 8 &&
		       skip(w, 8 + (size_t)cell_at(w->at));
	default:
		return token == FDT_NOP;
	}
}

/*
 * Does a structure hold together? libfdt 1.6 adds lengths that wrap around, and goes in a circle
 * then; so it sees none.
 */
static bool check_structure(const void *fdt)
{
	struct walk w = { .at = (const char *)fdt + fdt_off_dt_struct(fdt) };
	uint32_t token;

	w.left = fdt_totalsize(fdt) - fdt_off_dt_struct(fdt);
	if (fdt_version(fdt) >= 17)
		w.left = fdt_size_dt_struct(fdt);
	while (w.left >= 4) {
		token = cell_at(w.at);
		skip(&w, 4);
		if (token == FDT_END)
			return !w.depth;
		if (!walk_token(&w, token))
			return false;
	}
	return false;
}

int dt_blob_check(const struct dt_blob *blob, const char *who, struct dt_error *error)
{
	const char *in = who ? who : "/";
	int err;

	if (blob->size < sizeof(struct fdt_header))
		return dt_refuse(error, "%s: %zu bytes are too few for a device tree", in,
				 blob->size);
	if (blob->size > DT_BLOB_MAX)
		return dt_refuse(error, "%s: %zu bytes, at most %u are allowed", in, blob->size,
				 DT_BLOB_MAX);
	if (fdt_magic(blob->data) != FDT_MAGIC)
		return dt_refuse(error, "%s: %s", in, fault_of(-FDT_ERR_BADMAGIC));
	if (fdt_totalsize(blob->data) > blob->size)
		return dt_refuse(error, "%s: the device tree is cut off: %zu of its %u bytes", in,
				 blob->size, fdt_totalsize(blob->data));
	if (fdt_version(blob->data) < OLDEST_VERSION)
		return dt_refuse(error, "%s: a device tree of version %u, at least %u is expected",
				 in, fdt_version(blob->data), OLDEST_VERSION);
	/* Cells are used where they are. */
	if (fdt_off_dt_struct(blob->data) % 4)
		return dt_refuse(error, "%s: the structure is at %u, a multiple of 4 is expected",
				 in, fdt_off_dt_struct(blob->data));
	/* The parts are within the whole. */
	err = fdt_check_header(blob->data);
	if (!err && !check_structure(blob->data))
		err = -FDT_ERR_BADSTRUCTURE;
	if (!err)
		err = fdt_check_full(blob->data, blob->size);
	if (err)
		return dt_refuse(error, "%s: %s", in, fault_of(err));
	return 0;
}

/* Read what @fd has, up to one byte more than is allowed. Return: how much, or -errno. */
static ssize_t read_all(int fd, char *buf)
{
	size_t have = 0;
	ssize_t n;

	while (have <= DT_BLOB_MAX) {
		n = read(fd, buf + have, DT_BLOB_MAX + 1 - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += n;
	}
	return have;
}

static int read_blob(int fd, const char *path, struct dt_blob *blob, struct dt_error *error)
{
	struct stat st;
	ssize_t size;
	char *buf;

	if (fstat(fd, &st))
		return file_error(error, path, -errno);
	if (!S_ISREG(st.st_mode))
		return dt_refuse(error, "%s: not a regular file", path);
	buf = malloc(DT_BLOB_MAX + 1);
	if (!buf)
		return file_error(error, path, -ENOMEM);
	size = read_all(fd, buf);
	if (size < 0) {
		free(buf);
		return file_error(error, path, (int)size);
	}
	blob->data = buf;
	blob->size = size;
	return 0;
}

int dt_blob_read(const char *path, struct dt_blob *blob, struct dt_error *error)
{
	struct dt_blob whole = { 0 };
	int fd, err;
	void *fit;

	/* A FIFO without a writer must not hold up the one who asks. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return file_error(error, path, -errno);
	err = read_blob(fd, path, &whole, error);
	close(fd);
	if (err)
		return err;
	err = dt_blob_check(&whole, path, error);
	if (err) {
		dt_blob_free(&whole);
		return err;
	}
	blob->size = fdt_totalsize(whole.data);
	fit = realloc(whole.data, blob->size);
	blob->data = fit ? fit : whole.data;
	return 0;
}

int dt_blob_empty(struct dt_blob *blob)
{
	const size_t room = 256;
	void *data = malloc(room);

	if (!data)
		return -ENOMEM;
	if (fdt_create_empty_tree(data, room) || fdt_pack(data)) {
		free(data);
		return -ENOMEM;
	}
	blob->data = data;
	blob->size = fdt_totalsize(data);
	return 0;
}

void dt_blob_free(struct dt_blob *blob)
{
	free(blob->data);
	blob->data = NULL;
	blob->size = 0;
}
