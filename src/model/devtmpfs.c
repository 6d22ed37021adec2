/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/devtmpfs.h"

#include <errno.h>
#include <pthread.h>
#include <sys/sysmacros.h>

#include "model/alloc.h"
#include "model/base.h"
#include "model/kernfs_internal.h"

/* Guards which directories there are. Outside of the tree's lock, inside all others. */
static pthread_mutex_t dirs_lock = PTHREAD_MUTEX_INITIALIZER;

static bool is_empty(const struct kernfs_node *dir)
{
	bool empty;

	pthread_rwlock_rdlock(&kernfs_lock);
	empty = !kernfs_dir_first(dir->dir);
	pthread_rwlock_unlock(&kernfs_lock);
	return empty;
}

/* Called with dirs_lock held: remove @dir if it is empty, then those above it. */
static void prune(struct kernfs_node *dir)
{
	struct kernfs_node *parent;

	for (; dir != kernfs_dev_root() && is_empty(dir); dir = parent) {
		parent = dir->parent;
		kernfs_remove(dir);
	}
}

/* Called with dirs_lock held. What is there may be no directory: nothing goes into it then. */
static int enter_dir(struct kernfs_node **dir, const char *name)
{
	struct kernfs_node *next = kernfs_find_and_get(*dir, name);
	int err;

	if (next) {
		kernfs_put(next); /* the tree's reference keeps it: see prune() */
	} else {
		err = kernfs_create_dir(*dir, name, 0755, NULL, &next);
		if (err)
			return err;
	}
	*dir = next;
	return 0;
}

/*
 * Called with dirs_lock held. Make the directories of "a/b/c", whose slashes are overwritten.
 * @dir is how far it got, also on an error.
 */
static int make_dirs(char *path, struct kernfs_node **dir, char **base)
{
	char *slash;
	int err;

	for (*base = path; (slash = strchr(*base, '/')); *base = slash + 1) {
		*slash = '\0';
		err = enter_dir(dir, *base);
		if (err)
			return err;
	}
	return 0;
}

/* Called with dirs_lock held. */
static int make_node(char *path, const struct stat *st, struct kernfs_node **out)
{
	struct kernfs_node *dir = kernfs_dev_root();
	char *base;
	int err;

	/* Another device's node may come into them before this one is shown. */
	publish_suspend();
	err = make_dirs(path, &dir, &base);
	publish_resume();
	if (!err)
		err = kernfs_create_devnode(dir, base, st, out);
	if (err && kernfs_type(dir) == KERNFS_DIR)
		prune(dir);
	return err;
}

int devtmpfs_create_node(struct device *dev)
{
	bool block = dev->class && !strcmp(dev->class->name, "block");
	struct stat st = { .st_size = 0 };
	char *name;
	int err;

	name = device_get_devnode(dev, &st.st_mode, &st.st_uid, &st.st_gid);
	if (!name)
		return -ENOMEM;
	st.st_mode = (st.st_mode ? st.st_mode & 07777 : 0600) | (block ? S_IFBLK : S_IFCHR);
	st.st_rdev = makedev(DEVNUM_MAJOR(dev->devt), DEVNUM_MINOR(dev->devt));

	pthread_mutex_lock(&dirs_lock);
	err = make_node(name, &st, &dev->p->node);
	pthread_mutex_unlock(&dirs_lock);
	free(name);
	if (!err || err == -ENOMEM)
		return err;
	dev->p->node = NULL;
	dev_warn(dev, "no device node: %s", strerror(-err));
	return 0;
}

int devtmpfs_stat_node(struct device *dev, struct stat *st)
{
	if (!dev->p->node)
		return -ENOENT;
	kernfs_getattr(dev->p->node, st);
	return 0;
}

void devtmpfs_delete_node(struct device *dev)
{
	struct kernfs_node *node = dev->p->node, *dir;

	if (!node)
		return;
	dev->p->node = NULL;
	pthread_mutex_lock(&dirs_lock);
	dir = node->parent; /* stays: it is removed under this lock only */
	kernfs_remove(node);
	prune(dir);
	pthread_mutex_unlock(&dirs_lock);
}
