/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Directories are found by path, in an array that is sorted so that a node comes before those below
 * it. A change first adds all that is new, hidden, which can fail; then it takes away what is gone
 * and gives files that stay their new value, which cannot.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/log.h>
#include <umdev/publish.h>

#include "of_sysfs.h"

/**
 * struct of_file - a property
 * @attr:   its size says when it was made, its name is @own or the property's
 * @list:   in of_dir.files
 * @prop:   what it shows; under values
 * @next:   what it is to show with the tree that is on its way; NULL: it will be gone
 * @before: what it showed, if it has been made anew on that way
 * @own:    another name than the property's, which was taken; or NULL
 * @fresh:  made for the tree that is on its way
 */
struct of_file {
	struct bin_attribute attr;
	struct list_head list;
	const struct property *prop;
	const struct property *next;
	const struct property *before;
	char *own;
	bool fresh;
};

/**
 * struct of_dir - a node
 * @path:  the node's; in the tree that is shown, or that is on its way
 * @next:  the node in the tree that is on its way; NULL: it will be gone
 * @files: struct of_file
 * @fresh: as above
 */
struct of_dir {
	struct kobject kobj;
	const char *path;
	const struct device_node *next;
	struct list_head files;
	bool fresh;
};

/** struct of_dirs - all directories of a tree, sorted by path */
struct of_dirs {
	struct of_dir **all;
	unsigned int nr;
};

/* Guards what files show against the change of it: a file is read while its tree goes. A leaf. */
static pthread_rwlock_t values = PTHREAD_RWLOCK_INITIALIZER;

/* The rest is whose who changes it; one at a time. */
static struct kobject devicetree;
static struct dt_tree *shown;
static struct of_dirs dirs;

/* ---- files ---- */

static ssize_t property_read(struct kobject *kobj, struct bin_attribute *attr, char *buf, off_t off,
			     size_t count)
{
	struct of_file *file = container_of(attr, struct of_file, attr);
	size_t length;

	pthread_rwlock_rdlock(&values);
	length = file->prop->length;
	if ((size_t)off >= length)
		count = 0;
	else if (count > length - off)
		count = length - off;
	memcpy(buf, (const char *)file->prop->value + off, count);
	pthread_rwlock_unlock(&values);
	return count;
}

static bool is_secret(const struct property *prop)
{
	return !strncmp(prop->name, "security-", strlen("security-"));
}

/* What a file shows and is called from now on. */
static void set_value(struct of_file *file, const struct property *prop)
{
	pthread_rwlock_wrlock(&values);
	file->prop = prop;
	file->attr.attr.name = file->own ? file->own : prop->name;
	pthread_rwlock_unlock(&values);
}

static int show_file(struct of_dir *dir, struct of_file *file)
{
	file->attr.attr.mode = is_secret(file->prop) ? 0400 : 0444;
	/* How long a secret is is one, too. */
	file->attr.size = is_secret(file->prop) ? 0 : file->prop->length;
	file->attr.read = property_read;
	return sysfs_create_bin_file(&dir->kobj, &file->attr);
}

static void drop_file(struct of_dir *dir, struct of_file *file)
{
	sysfs_remove_bin_file(&dir->kobj, &file->attr);
	list_del_init(&file->list);
	free(file->own);
	free(file);
}

static struct of_file *find_file(const struct of_dir *dir, const char *name)
{
	struct of_file *file;

	list_for_each_entry (file, &dir->files, list)
		if (!strcmp(file->attr.attr.name, name))
			return file;
	return NULL;
}

static struct of_file *find_property(const struct of_dir *dir, const char *name)
{
	struct of_file *file;

	list_for_each_entry (file, &dir->files, list)
		if (!strcmp(file->prop->name, name))
			return file;
	return NULL;
}

/* ---- names ---- */

static int compare_dirs(const void *a, const void *b)
{
	const struct of_dir *const *x = a, *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

static struct of_dir *find_dir(const struct of_dirs *in, const char *path)
{
	struct of_dir key = { .path = path }, *of_key = &key, **found;

	if (!in->nr)
		return NULL;
	found = bsearch(&of_key, in->all, in->nr, sizeof(of_key), compare_dirs);
	return found ? *found : NULL;
}

/* Is a node of that name below @dir among @in? */
static bool is_node(const struct of_dirs *in, const struct of_dir *dir, const char *name)
{
	char path[DT_PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/%s", dir->path[1] ? dir->path : "", name);
	return find_dir(in, path);
}

/*
 * A name that is free in @dir: @name, or with a number behind it as Linux does.
 * @nodes: whose names count, beside those of the files
 * @out: NULL: @name is free; else to free()
 */
static int free_name(const struct of_dir *dir, const char *name, const struct of_dirs *nodes,
		     bool is_file, char **out)
{
	int number = 0;

	*out = NULL;
	while (find_file(dir, *out ? *out : name) ||
	       ((is_file || *out) && is_node(nodes, dir, *out ? *out : name))) {
		free(*out);
		*out = NULL;
		if (asprintf(out, "%s#%d", name, ++number) < 0) {
			*out = NULL;
			return -ENOMEM;
		}
	}
	if (*out)
		pr_warn("OF: Duplicate name in %s, renamed to \"%s\"", kobject_name(&dir->kobj),
			*out);
	return 0;
}

/* ---- directories ---- */

static void dir_release(struct kobject *kobj)
{
	free(container_of(kobj, struct of_dir, kobj));
}

static const struct kobj_type dir_ktype = { .release = dir_release };

static void nothing_release(struct kobject *kobj)
{
}

static const struct kobj_type root_ktype = { .release = nothing_release };

static void drop_dir(struct of_dir *dir)
{
	struct of_file *file, *next;

	list_for_each_entry_safe (file, next, &dir->files, list)
		drop_file(dir, file);
	kobject_del(&dir->kobj);
	kobject_put(&dir->kobj);
}

static int show_dir(struct of_dir *dir, const struct of_dirs *in)
{
	const struct device_node *node = dir->next;
	struct of_dir *parent;
	char *other;
	int err;

	if (!node->parent)
		return kobject_add(&dir->kobj, &devicetree, "base");
	parent = find_dir(in, node->parent->path);
	err = free_name(parent, node->full_name, in, false, &other);
	if (err)
		return err;
	err = kobject_add(&dir->kobj, &parent->kobj, "%s", other ? other : node->full_name);
	free(other);
	return err;
}

static int add_file(struct of_dir *dir, const struct property *prop)
{
	struct of_file *file = calloc(1, sizeof(*file));
	int err = 0;

	if (!file)
		return -ENOMEM;
	/* In a new directory properties are before nodes, and take their names. */
	if (!dir->fresh)
		err = free_name(dir, prop->name, &dirs, true, &file->own);
	if (!err) {
		file->fresh = true;
		file->next = prop;
		set_value(file, prop);
		err = show_file(dir, file);
	}
	if (err) {
		free(file->own);
		free(file);
		return err;
	}
	list_add_tail(&file->list, &dir->files);
	return 0;
}

static int add_files(struct of_dir *dir)
{
	const struct property *prop = dir->next->properties;
	struct of_file *file;
	int err;

	for (; prop; prop = prop->next) {
		file = dir->fresh ? NULL : find_property(dir, prop->name);
		if (file) {
			file->next = prop;
			continue;
		}
		err = add_file(dir, prop);
		if (err)
			return err;
	}
	return 0;
}

/* ---- the tree on its way ---- */

static unsigned int count_nodes(const struct device_node *node)
{
	unsigned int nr = 1;

	/* No deeper than DT_DEPTH_MAX. */
	for (node = node->child; node; node = node->sibling)
		nr += count_nodes(node);
	return nr;
}

static struct of_dir *new_dir(const struct device_node *node)
{
	struct of_dir *dir = calloc(1, sizeof(*dir));

	if (!dir)
		return NULL;
	kobject_init(&dir->kobj, &dir_ktype);
	INIT_LIST_HEAD(&dir->files);
	dir->path = node->path;
	dir->fresh = true;
	return dir;
}

static int collect(struct of_dirs *to, const struct device_node *node)
{
	struct of_dir *dir = find_dir(&dirs, node->path);
	int err = 0;

	if (!dir)
		dir = new_dir(node);
	if (!dir)
		return -ENOMEM;
	dir->next = node;
	to->all[to->nr++] = dir;
	for (node = node->child; node && !err; node = node->sibling)
		err = collect(to, node);
	return err;
}

/* A file of another size is another file. */
static int replace_file(struct of_dir *dir, struct of_file *file)
{
	const struct property *before = file->prop;
	int err;

	sysfs_remove_bin_file(&dir->kobj, &file->attr);
	set_value(file, file->next);
	err = show_file(dir, file);
	file->before = before;
	return err;
}

static int replace_files(struct of_dir *dir)
{
	struct of_file *file;
	int err;

	list_for_each_entry (file, &dir->files, list) {
		if (!file->next || file->fresh || file->next->length == file->prop->length)
			continue;
		err = replace_file(dir, file);
		if (err)
			return err;
	}
	return 0;
}

static int add_all(const struct of_dirs *to)
{
	int err = 0;

	for (unsigned int i = 0; i < to->nr && !err; i++) {
		if (to->all[i]->fresh)
			err = show_dir(to->all[i], to);
		if (!err)
			err = add_files(to->all[i]);
	}
	for (unsigned int i = 0; i < to->nr && !err; i++)
		err = replace_files(to->all[i]);
	return err;
}

/* ---- and back ---- */

static void restore_file(struct of_dir *dir, struct of_file *file)
{
	sysfs_remove_bin_file(&dir->kobj, &file->attr);
	set_value(file, file->before);
	file->before = NULL;
	if (show_file(dir, file))
		pr_err("OF: %s: %s is not shown any more: no memory", dir->path, file->prop->name);
}

static void restore_dir(struct of_dir *dir)
{
	struct of_file *file, *next;

	dir->next = NULL;
	list_for_each_entry_safe (file, next, &dir->files, list) {
		file->next = NULL;
		if (file->fresh)
			drop_file(dir, file);
		else if (file->before)
			restore_file(dir, file);
	}
}

static void take_back(const struct of_dirs *to)
{
	for (unsigned int i = to->nr; i-- > 0;) {
		if (to->all[i]->fresh)
			drop_dir(to->all[i]);
		else
			restore_dir(to->all[i]);
	}
}

/* ---- and on ---- */

static void settle_dir(struct of_dir *dir)
{
	struct of_file *file, *next;

	dir->path = dir->next->path;
	dir->next = NULL;
	dir->fresh = false;
	list_for_each_entry_safe (file, next, &dir->files, list) {
		if (!file->next) {
			drop_file(dir, file);
			continue;
		}
		set_value(file, file->next);
		file->next = file->before = NULL;
		file->fresh = false;
	}
}

static void settle(const struct of_dirs *to)
{
	/* Those below go before what they are in. */
	for (unsigned int i = dirs.nr; i-- > 0;)
		if (!dirs.all[i]->next)
			drop_dir(dirs.all[i]);
	for (unsigned int i = 0; i < to->nr; i++)
		settle_dir(to->all[i]);
}

int of_sysfs_change(struct dt_tree *tree)
{
	struct of_dirs to = { 0 };
	int err = 0;

	to.all = calloc(tree ? count_nodes(tree->root) : 1, sizeof(struct of_dir *));
	if (!to.all)
		return -ENOMEM;
	publish_begin();
	if (tree)
		err = collect(&to, tree->root);
	if (!err) {
		if (to.nr)
			qsort(to.all, to.nr, sizeof(struct of_dir *), compare_dirs);
		err = add_all(&to);
	}
	if (err) {
		take_back(&to);
		publish_abort();
		free(to.all);
		return err;
	}
	settle(&to);
	publish_commit();
	free(dirs.all);
	dirs = to;
	if (tree)
		dt_tree_get(tree);
	dt_tree_put(shown);
	shown = tree;
	return 0;
}

struct kobject *of_sysfs_node(const char *path)
{
	struct of_dir *dir = find_dir(&dirs, path);

	return dir ? &dir->kobj : NULL;
}

/* ---- the beginning and the end ---- */

int of_sysfs_init(void)
{
	struct kobject *firmware = firmware_kobj_get();
	int err;

	if (!firmware)
		return -ENOMEM;
	memset(&devicetree, 0, sizeof(devicetree));
	kobject_init(&devicetree, &root_ktype);
	err = kobject_add(&devicetree, firmware, "devicetree");
	if (err) {
		kobject_put(&devicetree);
		firmware_kobj_put();
	}
	return err;
}

void of_sysfs_exit(void)
{
	free(dirs.all);
	memset(&dirs, 0, sizeof(dirs));
	kobject_del(&devicetree);
	kobject_put(&devicetree);
	firmware_kobj_put();
}
