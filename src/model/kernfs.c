/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <time.h>

#include "model/alloc.h"
#include "model/kernfs_internal.h"

/* Writers first: readers that follow each other closely must not keep a device from appearing. */
pthread_rwlock_t kernfs_lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

/* A device has dozens of nodes, a host thousands of devices. */
_Static_assert(sizeof(struct kernfs_node) <= 104, "nodes are small");

static struct kernfs_dir root_dir = { .children = LIST_HEAD_INIT(root_dir.children) };

static struct kernfs_node root = {
	.count = 1,
	.ino = 1,
	.mode = 0555,
	.type = KERNFS_DIR,
	.flags = KN_LINKED,
	.dir = &root_dir,
};

static struct kernfs_dir dev_dir = { .children = LIST_HEAD_INIT(dev_dir.children) };

static struct kernfs_node dev_root = {
	.count = 1,
	.ino = 2,
	.mode = 0755,
	.type = KERNFS_DIR,
	.flags = KN_LINKED,
	.dir = &dev_dir,
};

static uint64_t last_ino = 2; /* under kernfs_lock */

/* Where this thread's new nodes are kept back; NULL: they are shown at once. */
static __thread struct kernfs_hidden *hiding;

struct kernfs_node *kernfs_root(void)
{
	return &root;
}

struct kernfs_node *kernfs_dev_root(void)
{
	return &dev_root;
}

static bool valid_name(const char *name)
{
	size_t len = strlen(name);

	return len && len <= NAME_MAX && !strchr(name, '/') && strcmp(name, ".") &&
	       strcmp(name, "..");
}

struct kernfs_node *kernfs_new(struct kernfs_node *parent, const char *name, enum kernfs_type type,
			       mode_t mode, void *priv)
{
	size_t len = strlen(name);
	struct kernfs_node *kn;
	struct timespec now;

	kn = zalloc(sizeof(*kn) + len + 1);
	if (!kn)
		return NULL;
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	kn->born = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
	atomic_init(&kn->count, 1);
	kn->parent = kernfs_get(parent);
	kn->type = type;
	kn->mode = mode & 07777;
	kn->priv = priv;
	kn->hash = kernfs_hash(name);
	memcpy(kn->name, name, len + 1);
	return kn;
}

/* Make room for one node more. */
static int hidden_reserve(struct kernfs_hidden *hidden)
{
	size_t capacity = hidden->capacity ? 2 * hidden->capacity : 16;
	struct kernfs_node **nodes;

	if (hidden->count < hidden->capacity)
		return 0;
	if (fault_point())
		return -ENOMEM;
	nodes = reallocarray(hidden->nodes, capacity, sizeof(struct kernfs_node *));
	if (!nodes)
		return -ENOMEM;
	hidden->nodes = nodes;
	hidden->capacity = capacity;
	return 0;
}

static void hide_new(struct kernfs_node *kn, struct kernfs_hidden *hidden)
{
	hidden->nodes[hidden->count++] = kernfs_get(kn);
	kn->hidden_by = hidden;
	atomic_fetch_or(&kn->flags, KN_HIDDEN);
}

static void show(struct kernfs_node *kn)
{
	kn->hidden_by = NULL;
	atomic_fetch_and(&kn->flags, (uint8_t)~KN_HIDDEN);
	if (kn->type == KERNFS_DIR)
		atomic_fetch_add(&kn->parent->subdirs, 1);
}

/* Context: kernfs_lock held for writing. */
static int insert(struct kernfs_node *kn)
{
	struct kernfs_node *parent = kn->parent;

	if (parent->type != KERNFS_DIR || !valid_name(kn->name))
		return -EINVAL;
	if (kernfs_has(parent, KN_REMOVING))
		return -ENOENT;
	if (kernfs_dir_find(parent->dir, kn->name, kn->hash))
		return -EEXIST;
	kernfs_dir_insert(parent->dir, kn);
	kn->ino = ++last_ino;
	atomic_fetch_or(&kn->flags, KN_LINKED);
	if (hiding) {
		hide_new(kn, hiding);
		return 0;
	}
	if (kn->type == KERNFS_DIR)
		atomic_fetch_add(&parent->subdirs, 1);
	kernfs_touch(parent);
	return 0;
}

int kernfs_link_in(struct kernfs_node *kn, struct kernfs_node **out)
{
	struct kernfs_node *known = NULL;
	int err = hiding ? hidden_reserve(hiding) : 0;

	if (!err) {
		pthread_rwlock_wrlock(&kernfs_lock);
		err = insert(kn);
		if (!err && !hiding && kernfs_has(kn->parent, KN_KNOWN))
			known = kernfs_get(kn->parent);
		/* Under the lock: as soon as it is dropped somebody may remove the node. */
		if (out && !err)
			*out = kn;
		pthread_rwlock_unlock(&kernfs_lock);
	}
	if (known)
		kernfs_tell_changed(known);
	kernfs_put(known);
	if (err) {
		if (out)
			*out = NULL;
		kernfs_put(kn);
	}
	return err;
}

int kernfs_create_dir(struct kernfs_node *parent, const char *name, mode_t mode, void *priv,
		      struct kernfs_node **out)
{
	struct kernfs_node *kn = kernfs_new(parent, name, KERNFS_DIR, mode, priv);

	if (!kn)
		return -ENOMEM;
	kn->dir = zalloc(sizeof(*kn->dir));
	if (!kn->dir) {
		kernfs_put(kn);
		if (out)
			*out = NULL;
		return -ENOMEM;
	}
	kernfs_dir_init(kn->dir);
	return kernfs_link_in(kn, out);
}

int kernfs_create_file(struct kernfs_node *parent, const char *name, mode_t mode, size_t size,
		       const struct kernfs_ops *ops, void *priv, struct kernfs_node **out)
{
	struct kernfs_node *kn = kernfs_new(parent, name, KERNFS_FILE, mode, priv);

	if (!kn)
		return -ENOMEM;
	kn->ops = ops;
	kn->size = size;
	return kernfs_link_in(kn, out);
}

int kernfs_create_devnode(struct kernfs_node *parent, const char *name, const struct stat *st,
			  struct kernfs_node **out)
{
	struct kernfs_node *kn = kernfs_new(parent, name, KERNFS_DEVNODE, st->st_mode, NULL);
	unsigned int set;
	int err;

	if (!kn)
		return -ENOMEM;
	kn->rdev = st->st_rdev;
	kn->block = S_ISBLK(st->st_mode);
	set = (st->st_uid ? KERNFS_SET_UID : 0) | (st->st_gid ? KERNFS_SET_GID : 0);
	err = set ? kernfs_setattr(kn, st, set) : 0;
	if (err) {
		kernfs_put(kn);
		return err;
	}
	return kernfs_link_in(kn, out);
}

struct kernfs_node *kernfs_get(struct kernfs_node *kn)
{
	if (kn)
		atomic_fetch_add_explicit(&kn->count, 1, memory_order_relaxed);
	return kn;
}

void kernfs_put(struct kernfs_node *kn)
{
	struct kernfs_node *parent;

	/*
	 * Each node holds its parent, so the last one of a removed subtree frees a chain of them.
	 */
	while (kn && atomic_fetch_sub(&kn->count, 1) == 1) {
		parent = kn->parent;
		if (kn->type == KERNFS_LINK)
			kernfs_put(kn->target); /* no link: goes no deeper */
		if (kn->type == KERNFS_DIR && kn->dir)
			kernfs_dir_finish(kn->dir);
		if (kn->type == KERNFS_DIR)
			free(kn->dir);
		free(atomic_load(&kn->iattr));
		free(kn);
		kn = parent;
	}
}

struct kernfs_node *kernfs_find(struct kernfs_node *parent, const char *name)
{
	if (parent->type != KERNFS_DIR)
		return NULL;
	return kernfs_dir_find(parent->dir, name, kernfs_hash(name));
}

static struct kernfs_node *find_and_get(struct kernfs_node *parent, const char *name,
					uint8_t unwanted)
{
	struct kernfs_node *kn;

	pthread_rwlock_rdlock(&kernfs_lock);
	kn = kernfs_find(parent, name);
	if (kn && kernfs_has(kn, unwanted))
		kn = NULL;
	kernfs_get(kn);
	pthread_rwlock_unlock(&kernfs_lock);
	return kn;
}

struct kernfs_node *kernfs_find_and_get(struct kernfs_node *parent, const char *name)
{
	return find_and_get(parent, name, KN_REMOVING);
}

struct kernfs_node *kernfs_lookup(struct kernfs_node *parent, const char *name)
{
	return find_and_get(parent, name, KN_REMOVING | KN_HIDDEN);
}

void kernfs_set_hiding(struct kernfs_hidden *hidden)
{
	hiding = hidden;
}

void kernfs_show_hidden(struct kernfs_hidden *hidden)
{
	struct kernfs_node *kn, *touched = NULL;

	pthread_rwlock_wrlock(&kernfs_lock);
	for (size_t i = 0; i < hidden->count; i++) {
		kn = hidden->nodes[i];
		if (!kn->hidden_by)
			continue;
		show(kn);
		/* Neighbours mostly stand in the same directory. */
		if (kn->parent != touched)
			kernfs_touch(kn->parent);
		touched = kn->parent;
	}
	pthread_rwlock_unlock(&kernfs_lock);

	for (size_t i = 0; i < hidden->count; i++) {
		if (!i || hidden->nodes[i]->parent != hidden->nodes[i - 1]->parent)
			kernfs_tell_changed(hidden->nodes[i]->parent);
	}
	for (size_t i = 0; i < hidden->count; i++)
		kernfs_put(hidden->nodes[i]);
	free(hidden->nodes);
	*hidden = (struct kernfs_hidden) { .nodes = NULL };
}

void kernfs_hide(struct kernfs_node *kn)
{
	bool hidden;

	pthread_rwlock_wrlock(&kernfs_lock);
	hidden = kernfs_has(kn, KN_LINKED) && !kernfs_has(kn, KN_HIDDEN);
	if (hidden) {
		atomic_fetch_or(&kn->flags, KN_HIDDEN);
		if (kn->type == KERNFS_DIR)
			atomic_fetch_sub(&kn->parent->subdirs, 1);
		kernfs_touch(kn->parent);
	}
	pthread_rwlock_unlock(&kernfs_lock);
	if (!hidden)
		return;
	kernfs_tell_gone(kn);
	kernfs_tell_changed(kn->parent);
}

struct kernfs_hidden *kernfs_hidden_by(struct kernfs_node *kn)
{
	struct kernfs_hidden *hidden = NULL;

	pthread_rwlock_rdlock(&kernfs_lock);
	for (; kn && !hidden; kn = kn->parent)
		hidden = kn->hidden_by;
	pthread_rwlock_unlock(&kernfs_lock);
	return hidden;
}

enum kernfs_type kernfs_type(const struct kernfs_node *kn)
{
	return kn->type;
}

struct kernfs_node *kernfs_parent(const struct kernfs_node *kn)
{
	return kn->parent;
}

const char *kernfs_name(const struct kernfs_node *kn)
{
	return kn->name;
}

const struct kernfs_ops *kernfs_file_ops(const struct kernfs_node *kn)
{
	return kn->type == KERNFS_FILE ? kn->ops : NULL;
}

void *kernfs_priv(const struct kernfs_node *kn)
{
	return kn->priv;
}

struct kobject *kernfs_parent_kobj(const struct kernfs_node *kn)
{
	/* The subdirectory of a group has the same kobject as the directory that it is in. */
	return kn->parent->priv;
}

uint64_t kernfs_ino(const struct kernfs_node *kn)
{
	return kn->ino;
}
