/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/caller.h>
#include <umdev/device.h>

#include "overlay.h"
#include "tree.h"

#define OVERLAYS_MAX	   256
#define OVERLAY_NAME_MAX   64 /* with the NUL */
#define OVERLAY_ERRORS_MAX 4  /* which a page has room for */

/** struct overlay - one that lies over the tree */
struct overlay {
	struct list_head list;
	char name[OVERLAY_NAME_MAX];
	struct dt_blob blob;
};

/** struct overlay_error - why the last change with this name was refused */
struct overlay_error {
	char name[OVERLAY_NAME_MAX];
	struct dt_error error;
};

/*
 * One change at a time, which may wait for users of devices. Whoever waits for it may leave.
 */
static pthread_mutex_t change_lock = PTHREAD_MUTEX_INITIALIZER;
static struct dt_blob base;  /* all of these under change_lock */
static struct dt_blob whole; /* with all overlays */
static bool open_for_changes;

/* For those who only look. Inside the other one. */
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(overlays); /* in their order; written under both locks */
static struct overlay_error errors[OVERLAY_ERRORS_MAX]; /* the newest first; under list_lock */

/* ---- what went wrong ---- */

/* Under list_lock. */
static void drop_error(const char *name)
{
	unsigned int i;

	for (i = 0; i < OVERLAY_ERRORS_MAX; i++) {
		if (strcmp(errors[i].name, name) != 0)
			continue;
		memmove(&errors[i], &errors[i + 1], (OVERLAY_ERRORS_MAX - 1 - i) * sizeof(*errors));
		errors[OVERLAY_ERRORS_MAX - 1].name[0] = '\0';
		return;
	}
}

static void note_result(const char *name, int err, const struct dt_error *error)
{
	pthread_mutex_lock(&list_lock);
	drop_error(name);
	if (err) {
		memmove(&errors[1], &errors[0], (OVERLAY_ERRORS_MAX - 1) * sizeof(*errors));
		snprintf(errors[0].name, sizeof(errors[0].name), "%s", name);
		errors[0].error = *error;
	}
	pthread_mutex_unlock(&list_lock);
	if (err)
		pr_err("overlay %s: %s", name, error->text);
}

static int refuse(struct dt_error *error, int err, const char *text)
{
	snprintf(error->text, sizeof(error->text), "%s", text);
	return err;
}

/* ---- blobs ---- */

static struct overlay *find_overlay(const char *name)
{
	struct overlay *ov;

	list_for_each_entry (ov, &overlays, list)
		if (strcmp(ov->name, name) == 0)
			return ov;
	return NULL;
}

static unsigned int count_overlays(void)
{
	struct overlay *ov;
	unsigned int n = 0;

	list_for_each_entry (ov, &overlays, list)
		n++;
	return n;
}

static int copy_blob(const struct dt_blob *blob, struct dt_blob *out)
{
	out->data = malloc(blob->size);
	if (!out->data)
		return -ENOMEM;
	memcpy(out->data, blob->data, blob->size);
	out->size = blob->size;
	return 0;
}

/* The tree that was first with all overlays but one. */
static int lay_over(const struct overlay *without, struct dt_blob *out, struct dt_error *error)
{
	struct dt_blob next;
	struct overlay *ov;
	int err;

	err = copy_blob(&base, out);
	if (err)
		return err;
	list_for_each_entry (ov, &overlays, list) {
		if (ov == without)
			continue;
		err = dt_blob_overlay(out, &ov->blob, ov->name, &next, error);
		dt_blob_free(out);
		if (err)
			return err;
		*out = next;
	}
	return 0;
}

/* From now on it is @blob; that becomes ours, or is freed. */
static int change_to(struct dt_blob *blob, bool grows, struct dt_error *error)
{
	struct dt_tree *tree;
	int err;

	err = dt_tree_create(blob, &tree, error);
	if (err)
		goto free_blob;
	err = tree_change(tree, grows, error);
	dt_tree_put(tree);
	if (err)
		goto free_blob;
	dt_blob_free(&whole);
	whole = *blob;
	return 0;

free_blob:
	dt_blob_free(blob);
	return err;
}

/* ---- changes ---- */

/* Return: 0 with change_lock, -EINTR (the caller has left), -ENODEV. */
static int begin_change(void)
{
	bool stays = true;

	if (pthread_mutex_trylock(&change_lock)) {
		caller_may_leave();
		pthread_mutex_lock(&change_lock);
		stays = caller_stays();
	}
	if (stays && open_for_changes)
		return 0;
	pthread_mutex_unlock(&change_lock);
	return stays ? -ENODEV : -EINTR;
}

static int add_blob(struct overlay *ov, struct dt_error *error)
{
	struct dt_blob blob;
	int err;

	err = dt_blob_overlay(&whole, &ov->blob, ov->name, &blob, error);
	if (!err)
		err = change_to(&blob, true, error);
	if (err)
		return err;
	pthread_mutex_lock(&list_lock);
	list_add_tail(&ov->list, &overlays);
	pthread_mutex_unlock(&list_lock);
	return 0;
}

static int overlay_add(const char *name, const char *path, struct dt_error *error)
{
	struct overlay *ov;
	int err;

	if (find_overlay(name))
		return refuse(error, -EEXIST, "an overlay of this name is there already");
	if (count_overlays() >= OVERLAYS_MAX)
		return refuse(error, -ENOSPC, "there are 256 overlays already");
	ov = calloc(1, sizeof(*ov));
	if (!ov)
		return -ENOMEM;
	INIT_LIST_HEAD(&ov->list);
	snprintf(ov->name, sizeof(ov->name), "%s", name);
	err = dt_blob_read(path, &ov->blob, error);
	if (!err)
		err = add_blob(ov, error);
	if (err) {
		dt_blob_free(&ov->blob);
		free(ov);
	}
	return err;
}

static int overlay_remove(const char *name, struct dt_error *error)
{
	struct overlay *ov = find_overlay(name);
	struct dt_blob blob;
	int err;

	if (!ov)
		return refuse(error, -ENOENT, "no overlay of this name is there");
	err = lay_over(ov, &blob, error);
	if (!err)
		err = change_to(&blob, false, error);
	if (err)
		return err;
	pthread_mutex_lock(&list_lock);
	list_del_init(&ov->list);
	pthread_mutex_unlock(&list_lock);
	dt_blob_free(&ov->blob);
	free(ov);
	return 0;
}

/* ---- attributes of the bus ---- */

/* The name at the beginning of what was written. Return: what is behind it, or NULL. */
static const char *parse_name(const char *buf, char *name)
{
	size_t i;

	for (i = 0; isalnum((unsigned char)buf[i]) || (i && buf[i] && strchr("_-.+", buf[i]));
	     i++) {
		if (i == OVERLAY_NAME_MAX - 1)
			return NULL;
		name[i] = buf[i];
	}
	name[i] = '\0';
	return i ? buf + i : NULL;
}

static ssize_t add_overlay_store(struct bus_type *bus, const char *buf, size_t count)
{
	char name[OVERLAY_NAME_MAX], *path;
	const char *rest = parse_name(buf, name);
	struct dt_error error = { "" };
	int err;

	if (!rest || rest[0] != ' ' || rest[1] != '/' || strlen(buf) != count)
		return -EINVAL;
	path = strdup(rest + 1);
	if (!path)
		return -ENOMEM;
	path[strcspn(path, "\n")] = '\0';
	err = begin_change();
	if (!err) {
		err = overlay_add(name, path, &error);
		if (err && !error.text[0])
			refuse(&error, err, strerror(-err));
		note_result(name, err, &error);
		pthread_mutex_unlock(&change_lock);
	}
	free(path);
	return err ? err : (ssize_t)count;
}
static BUS_ATTR_WO(add_overlay);

static ssize_t remove_overlay_store(struct bus_type *bus, const char *buf, size_t count)
{
	char name[OVERLAY_NAME_MAX];
	const char *rest = parse_name(buf, name);
	struct dt_error error = { "" };
	int err;

	if (!rest || !sysfs_streq(rest, "") || strlen(buf) != count)
		return -EINVAL;
	err = begin_change();
	if (err)
		return err;
	err = overlay_remove(name, &error);
	if (err && !error.text[0])
		refuse(&error, err, strerror(-err));
	note_result(name, err, &error);
	pthread_mutex_unlock(&change_lock);
	return err ? err : (ssize_t)count;
}
static BUS_ATTR_WO(remove_overlay);

static ssize_t overlays_show(struct bus_type *bus, char *buf)
{
	struct overlay *ov;
	int len = 0;

	pthread_mutex_lock(&list_lock);
	list_for_each_entry (ov, &overlays, list)
		len += sysfs_emit_at(buf, len, "%s\n", ov->name);
	pthread_mutex_unlock(&list_lock);
	return len;
}
static BUS_ATTR_RO(overlays);

static ssize_t overlay_error_show(struct bus_type *bus, char *buf)
{
	unsigned int i;
	int len = 0;

	pthread_mutex_lock(&list_lock);
	for (i = 0; i < OVERLAY_ERRORS_MAX && errors[i].name[0]; i++)
		len += sysfs_emit_at(buf, len, "%s: %s\n", errors[i].name, errors[i].error.text);
	pthread_mutex_unlock(&list_lock);
	return len;
}
static BUS_ATTR_RO(overlay_error);

static struct attribute *overlay_attrs[] = {
	&bus_attr_add_overlay.attr,
	&bus_attr_remove_overlay.attr,
	&bus_attr_overlays.attr,
	&bus_attr_overlay_error.attr,
	NULL,
};
static const struct attribute_group overlay_group = { .attrs = overlay_attrs };
const struct attribute_group *overlay_groups[] = { &overlay_group, NULL };

/* ---- up and down ---- */

int overlays_init(struct dt_blob *first, struct dt_tree *tree, struct dt_error *error)
{
	struct dt_blob copy;
	int err;

	err = copy_blob(first, &copy);
	if (err)
		return err;
	pthread_mutex_lock(&change_lock);
	err = tree_change(tree, true, error);
	if (!err) {
		base = *first;
		whole = copy;
		open_for_changes = true;
	}
	pthread_mutex_unlock(&change_lock);
	if (err)
		dt_blob_free(&copy);
	return err;
}

void overlays_exit(void)
{
	struct overlay *ov, *next;

	pthread_mutex_lock(&change_lock);
	open_for_changes = false;
	tree_clear();
	pthread_mutex_lock(&list_lock);
	list_for_each_entry_safe (ov, next, &overlays, list) {
		list_del_init(&ov->list);
		dt_blob_free(&ov->blob);
		free(ov);
	}
	memset(errors, 0, sizeof(errors));
	pthread_mutex_unlock(&list_lock);
	dt_blob_free(&base);
	dt_blob_free(&whole);
	pthread_mutex_unlock(&change_lock);
}
