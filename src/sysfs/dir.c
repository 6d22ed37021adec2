/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "model/alloc.h"
#include "sysfs/window.h"

struct listed {
	uint64_t ino;
	size_t name; /* offset in names */
	mode_t type; /* S_IFMT bits */
};

/**
 * struct sysfs_listing - an open directory
 *
 * What it lists is fixed when it is read from its beginning, so entries that come and go meanwhile
 * neither hide nor double others. An entry's offset is its number, counted from 1.
 */
struct sysfs_listing {
	struct kernfs_node *kn; /* a reference is held */
	uint64_t dotdot;
	struct list_head list; /* mount->lock */

	pthread_mutex_t lock;
	struct listed *entries; /* lock, as all below */
	size_t count, room;
	char *names; /* NUL-terminated, one behind the other */
	size_t names_used, names_room;
};

/* Return: @array with room for @need elements (moved, perhaps), or NULL and @array is as before. */
static void *grow(void *array, size_t *room, size_t need, size_t size)
{
	size_t want = *room ? *room : 64;
	void *bigger;

	if (need <= *room)
		return array;
	while (want < need)
		want *= 2;
	bigger = fault_point() ? NULL : reallocarray(array, want, size);
	if (bigger)
		*room = want;
	return bigger;
}

static int list_entry_add(struct sysfs_listing *listing, const char *name, uint64_t ino,
			  mode_t type)
{
	size_t len = strlen(name) + 1;
	void *array;

	array = grow(listing->entries, &listing->room, listing->count + 1, sizeof(struct listed));
	if (!array)
		return -ENOMEM;
	listing->entries = array;
	array = grow(listing->names, &listing->names_room, listing->names_used + len, 1);
	if (!array)
		return -ENOMEM;
	listing->names = array;

	memcpy(listing->names + listing->names_used, name, len);
	listing->entries[listing->count++] = (struct listed) {
		.ino = ino,
		.name = listing->names_used,
		.type = type,
	};
	listing->names_used += len;
	return 0;
}

static int list_node(struct kernfs_node *kn, void *data)
{
	return list_entry_add(data, kernfs_name(kn), kernfs_ino(kn), kernfs_format(kn));
}

/* Called with listing->lock held. A directory that was removed has nothing in it. */
static int listing_fill(struct sysfs_listing *listing)
{
	int err;

	listing->count = 0;
	listing->names_used = 0;
	err = list_entry_add(listing, ".", kernfs_ino(listing->kn), S_IFDIR);
	if (!err)
		err = list_entry_add(listing, "..", listing->dotdot, S_IFDIR);
	if (!err)
		err = kernfs_readdir(listing->kn, list_node, listing);
	return err == -ENODEV ? 0 : err;
}

static void listing_free(struct sysfs_listing *listing)
{
	kernfs_put(listing->kn);
	free(listing->entries);
	free(listing->names);
	pthread_mutex_destroy(&listing->lock);
	free(listing);
}

static struct sysfs_listing *listing_of(struct fuse_file_info *fi)
{
	return (struct sysfs_listing *)(uintptr_t)fi->fh;
}

static void listing_close(struct sysfs_mount *mount, struct sysfs_listing *listing)
{
	pthread_mutex_lock(&mount->lock);
	list_del_init(&listing->list);
	pthread_mutex_unlock(&mount->lock);
	listing_free(listing);
}

void sysfs_listings_finish(struct sysfs_mount *mount)
{
	struct sysfs_listing *listing, *next;

	list_for_each_entry_safe (listing, next, &mount->listings, list)
		listing_free(listing);
	INIT_LIST_HEAD(&mount->listings);
}

void sysfs_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct sysfs_mount *mount = sysfs_mount_of(req);
	struct sysfs_inode *inode = sysfs_inode_of(mount, ino);
	struct kernfs_node *kn = inode->kn;
	struct sysfs_listing *listing;

	if (kernfs_type(kn) != KERNFS_DIR) {
		fuse_reply_err(req, ENOTDIR);
		return;
	}
	listing = zalloc(sizeof(*listing));
	if (!listing) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	listing->kn = kernfs_get(kn);
	listing->dotdot = inode->dotdot;
	pthread_mutex_init(&listing->lock, NULL);
	pthread_mutex_lock(&mount->lock);
	list_add_tail(&listing->list, &mount->listings);
	pthread_mutex_unlock(&mount->lock);

	fi->fh = (uintptr_t)listing;
	/* A caller that was interrupted meanwhile will not close it. */
	if (fuse_reply_open(req, fi) == -ENOENT)
		listing_close(mount, listing);
}

/* Called with listing->lock held. Return: how much of @buf entries from number @first on fill. */
static size_t listing_print(fuse_req_t req, struct sysfs_listing *listing, char *buf, size_t size,
			    size_t first)
{
	size_t used = 0;

	for (size_t i = first; i < listing->count; i++) {
		struct stat st = {
			.st_ino = listing->entries[i].ino,
			.st_mode = listing->entries[i].type,
		};
		size_t len =
			fuse_add_direntry(req, buf + used, size - used,
					  listing->names + listing->entries[i].name, &st, i + 1);

		if (len > size - used)
			break;
		used += len;
	}
	return used;
}

void sysfs_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		      struct fuse_file_info *fi)
{
	struct sysfs_listing *listing = listing_of(fi);
	size_t used = 0;
	int err = 0;
	char *buf;

	buf = zalloc(size);
	if (!buf) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	pthread_mutex_lock(&listing->lock);
	if (!off)
		err = listing_fill(listing);
	if (!err && off >= 0)
		used = listing_print(req, listing, buf, size, off);
	pthread_mutex_unlock(&listing->lock);
	if (err)
		sysfs_reply_err(req, err);
	else
		fuse_reply_buf(req, buf, used);
	free(buf);
}

void sysfs_op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	listing_close(sysfs_mount_of(req), listing_of(fi));
	fuse_reply_err(req, 0);
}

void sysfs_op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	fuse_reply_err(req, EINVAL);
}
