/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "model/alloc.h"
#include "sysfs/lower.h"
#include "sysfs/window.h"

struct listed {
	uint64_t ino;
	size_t name; /* offset in names */
	mode_t type; /* S_IFMT bits */
};

/**
 * struct sysfs_listing - an open directory
 *
 * What it lists is fixed when it is read from its beginning, or where the kernel's copy of
 * another's listing ended, so entries that come and go meanwhile neither hide nor double others: an
 * offset is an entry's inode number and a bit, and entries are listed in the order of these.
 */
struct sysfs_listing {
	struct kernfs_node *kn; /* a reference is held; NULL for a directory of the layer below */
	char *lower_path;	/* in the layer below; NULL if that has no such directory */
	uint64_t dot, dotdot;
	struct sysfs_inode *remembered; /* pinned: its listing is; NULL if this one is not */
	struct list_head list;		/* mount->lock */

	pthread_mutex_t lock;
	struct listed *entries; /* lock, as all below */
	size_t count, room;	/* count is 0 until it is filled */
	char *names;		/* NUL-terminated, one behind the other */
	size_t names_used, names_room;
	size_t upper; /* while it is filled: entries up to here are of the tree, by name */
};

/* A name that is looked for in a listing. */
struct named {
	const struct sysfs_listing *listing;
	const char *name;
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

static int by_name(const void *key, const void *member)
{
	const struct sysfs_listing *listing = ((const struct named *)key)->listing;
	const struct listed *entry = member;

	return strcmp(((const struct named *)key)->name, listing->names + entry->name);
}

/* What the tree has hides what is below. */
static int list_lower(const char *name, uint64_t ino, mode_t format, void *data)
{
	struct sysfs_listing *listing = data;
	struct named key = { .listing = listing, .name = name };

	if (listing->upper > 2 &&
	    bsearch(&key, listing->entries + 2, listing->upper - 2, sizeof(struct listed), by_name))
		return 0;
	return list_entry_add(listing, name, ino, format);
}

/* 1 and 2 are those of "." and "..". */
static off_t offset_of(const struct sysfs_listing *listing, size_t i)
{
	return i < 2 ? (off_t)i + 1 : (off_t)listing->entries[i].ino + 2;
}

static int by_age(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

/* Called with listing->lock held. Return: the number of the first entry behind @off. */
static size_t first_behind(const struct sysfs_listing *listing, off_t off)
{
	size_t low = 0, high = listing->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (offset_of(listing, middle) > off)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Called with listing->lock held. A directory that was removed has nothing in it. */
static int list_both(struct sysfs_mount *mount, struct sysfs_listing *listing)
{
	int err = 0;

	if (listing->kn)
		err = kernfs_readdir(listing->kn, list_node, listing);
	if (err)
		return err == -ENODEV ? 0 : err;
	listing->upper = listing->count;
	if (!listing->lower_path)
		return 0;
	err = lower_list(mount->lower, listing->lower_path, list_lower, listing);
	return err == -ENOENT || err == -ENODEV ? 0 : err;
}

/* Called with listing->lock held. */
static int listing_fill(struct sysfs_mount *mount, struct sysfs_listing *listing)
{
	int err;

	listing->count = 0;
	listing->names_used = 0;
	err = list_entry_add(listing, ".", listing->dot, S_IFDIR);
	if (!err)
		err = list_entry_add(listing, "..", listing->dotdot, S_IFDIR);
	if (!err)
		err = list_both(mount, listing);
	if (err) {
		listing->count = 0;
		return err;
	}
	qsort(listing->entries + 2, listing->count - 2, sizeof(struct listed), by_age);
	return 0;
}

static void listing_free(struct sysfs_listing *listing)
{
	kernfs_put(listing->kn);
	free(listing->lower_path);
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
	if (listing->remembered)
		listing->remembered->listed = false;
	pthread_mutex_unlock(&mount->lock);
	if (listing->remembered)
		sysfs_inode_unpin(mount, listing->remembered);
	listing_free(listing);
}

void sysfs_listings_finish(struct sysfs_mount *mount)
{
	struct sysfs_listing *listing, *next;

	list_for_each_entry_safe (listing, next, &mount->listings, list)
		listing_free(listing);
	INIT_LIST_HEAD(&mount->listings);
}

static bool is_dir(const struct sysfs_inode *inode)
{
	return inode->kn ? kernfs_type(inode->kn) == KERNFS_DIR : S_ISDIR(inode->lower->format);
}

/* Find out whether the layer below has something to add to what is in a directory. */
static int find_lower(struct sysfs_mount *mount, const struct sysfs_inode *inode, char **out)
{
	char path[PATH_MAX];
	int fd, err;

	*out = NULL;
	if (sysfs_union_path(mount, inode, NULL, path, sizeof(path)))
		return inode->kn ? 0 : -ENOENT;
	fd = lower_open(mount->lower, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return inode->kn ? 0 : fd;
	err = inode->kn || lower_fd_is(inode->lower, fd) ? 0 : -ENOENT;
	close(fd);
	if (err)
		return err;
	*out = strdup_f(path);
	return *out ? 0 : -ENOMEM;
}

static struct sysfs_listing *listing_create(const struct sysfs_inode *inode, char *lower_path)
{
	struct sysfs_listing *listing = zalloc(sizeof(*listing));

	if (!listing)
		return NULL;
	listing->kn = kernfs_get(inode->kn);
	listing->lower_path = lower_path;
	listing->dot = sysfs_inode_nr(inode);
	listing->dotdot = inode->dotdot;
	pthread_mutex_init(&listing->lock, NULL);
	return listing;
}

/*
 * Called with mount->lock held. The kernel notes a directory's time when a reader starts to fill
 * its copy. A second reader may start before the first one's answer is in, and what is older than
 * its change gets a newer time: so there is one at a time, and others are answered by us. Nobody
 * tells of changes in the layer below: what has something from there is not remembered.
 */
static void remember(struct sysfs_mount *mount, struct sysfs_listing *listing,
		     struct sysfs_inode *inode)
{
	if (listing->lower_path || inode->listed)
		return;
	inode->listed = true;
	inode->opens += inode != &mount->root;
	listing->remembered = inode;
}

void sysfs_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct sysfs_mount *mount = sysfs_mount_of(req);
	struct sysfs_inode *inode = sysfs_inode_of(mount, ino);
	struct sysfs_listing *listing = NULL;
	char *lower_path;
	int err = -ENOTDIR;

	if (is_dir(inode))
		err = find_lower(mount, inode, &lower_path);
	if (!err) {
		listing = listing_create(inode, lower_path);
		if (!listing) {
			free(lower_path);
			err = -ENOMEM;
		}
	}
	if (err) {
		sysfs_reply_err(req, err);
		return;
	}
	pthread_mutex_lock(&mount->lock);
	list_add_tail(&listing->list, &mount->listings);
	remember(mount, listing, inode);
	pthread_mutex_unlock(&mount->lock);

	worker_pool_hand_out(&mount->pool);
	fi->fh = (uintptr_t)listing;
	fi->cache_readdir = listing->remembered != NULL;
	fi->keep_cache = !lower_path;
	/* A caller that was interrupted meanwhile will not close it. */
	if (fuse_reply_open(req, fi) == -ENOENT)
		listing_close(mount, listing);
}

/**
 * struct page - a piece of a listing on its way to the kernel
 * @plus:  with what a lookup of each entry would say
 * @given: the nodeids that it has a lookup of, if plus
 */
struct page {
	fuse_req_t req;
	bool plus;
	char *buf;
	size_t size, used;
	fuse_ino_t *given;
	size_t nr_given;
};

/* An entry that is not there any more, or is another by now, is listed without more. */
static void page_look_up(struct page *page, struct sysfs_listing *listing, const char *name,
			 struct fuse_entry_param *entry)
{
	struct kernfs_node *kn = listing->kn ? kernfs_lookup(listing->kn, name) : NULL;
	struct fuse_entry_param found = { 0 };

	if (kn && kernfs_ino(kn) != entry->attr.st_ino) {
		kernfs_put(kn);
		kn = NULL;
	}
	if (!kn ||
	    !sysfs_inode_list(sysfs_mount_of(page->req), kn, kernfs_ino(listing->kn), &found))
		return;
	*entry = found;
	page->given[page->nr_given++] = found.ino;
}

/* Called with listing->lock held. Return: false if there is no room. */
static bool page_add(struct page *page, struct sysfs_listing *listing, size_t i)
{
	const char *name = listing->names + listing->entries[i].name;
	off_t off = offset_of(listing, i);
	struct fuse_entry_param entry = {
		.attr.st_ino = listing->entries[i].ino,
		.attr.st_mode = listing->entries[i].type,
	};
	size_t room = page->size - page->used, len;

	if (!page->plus) {
		len = fuse_add_direntry(page->req, page->buf + page->used, room, name, &entry.attr,
					off);
	} else {
		len = fuse_add_direntry_plus(page->req, NULL, 0, name, NULL, 0);
		if (len <= room) {
			if (i >= 2)
				page_look_up(page, listing, name, &entry);
			fuse_add_direntry_plus(page->req, page->buf + page->used, room, name,
					       &entry, off);
		}
	}
	if (len > room)
		return false;
	page->used += len;
	return true;
}

/* A caller that was interrupted has not got the page: nobody will forget what is in it. */
static void page_reply(struct page *page)
{
	struct sysfs_mount *mount = sysfs_mount_of(page->req);

	if (fuse_reply_buf(page->req, page->buf, page->used) != -ENOENT)
		return;
	for (size_t i = 0; i < page->nr_given; i++)
		sysfs_inode_forget(mount, page->given[i], 1);
}

static int page_alloc(struct page *page)
{
	/* As many as there are entries of the shortest name. */
	size_t max = page->size / fuse_add_direntry_plus(page->req, NULL, 0, "x", NULL, 0) + 1;

	page->buf = zalloc(page->size);
	page->given = page->plus ? zalloc_array(max, sizeof(fuse_ino_t)) : NULL;
	return page->buf && (page->given || !page->plus) ? 0 : -ENOMEM;
}

static void read_dir(struct page *page, struct sysfs_listing *listing, off_t off)
{
	int err = page_alloc(page);

	if (!err) {
		pthread_mutex_lock(&listing->lock);
		if (!off || !listing->count)
			err = listing_fill(sysfs_mount_of(page->req), listing);
		if (!err && off >= 0)
			for (size_t i = first_behind(listing, off); i < listing->count; i++)
				if (!page_add(page, listing, i))
					break;
		pthread_mutex_unlock(&listing->lock);
	}
	if (err)
		sysfs_reply_err(page->req, err);
	else
		page_reply(page);
	free(page->given);
	free(page->buf);
}

void sysfs_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		      struct fuse_file_info *fi)
{
	struct page page = { .req = req, .size = size };

	read_dir(&page, listing_of(fi), off);
}

void sysfs_op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
			  struct fuse_file_info *fi)
{
	struct page page = { .req = req, .size = size, .plus = true };

	read_dir(&page, listing_of(fi), off);
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
