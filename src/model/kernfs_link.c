/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Links, and paths in the tree.
 */
#include <errno.h>
#include <string.h>

#include "model/kernfs_internal.h"

static unsigned int depth_of(const struct kernfs_node *kn)
{
	unsigned int depth = 0;

	while (kn->parent) {
		kn = kn->parent;
		depth++;
	}
	return depth;
}

static const struct kernfs_node *ancestor_at(const struct kernfs_node *kn, unsigned int depth,
					     unsigned int wanted)
{
	while (depth-- > wanted)
		kn = kn->parent;
	return kn;
}

static const struct kernfs_node *root_of(const struct kernfs_node *kn)
{
	return ancestor_at(kn, depth_of(kn), 0);
}

int kernfs_create_link(struct kernfs_node *parent, const char *name, struct kernfs_node *target,
		       struct kernfs_node **out)
{
	struct kernfs_node *kn;

	if (target->type == KERNFS_LINK || root_of(target) != root_of(parent) || !target->parent)
		return -EINVAL;
	kn = kernfs_new(parent, name, KERNFS_LINK, 0777, NULL);
	if (!kn)
		return -ENOMEM;
	kn->target = kernfs_get(target);
	return kernfs_link_in(kn, out);
}

struct kernfs_node *kernfs_link_target(const struct kernfs_node *link)
{
	return link->target;
}

/* The length of "a/b/c" from below @base, which is above @kn or is it, down to @kn. */
static size_t length_below(const struct kernfs_node *kn, const struct kernfs_node *base)
{
	size_t len = 0;

	for (; kn && kn != base; kn = kn->parent)
		len += strlen(kn->name) + 1;
	return len ? len - 1 : 0;
}

/* Write "a/b/c", from below @base down to @kn, so that it ends before @end. */
static void fill_below(const struct kernfs_node *kn, const struct kernfs_node *base, char *end)
{
	size_t len;

	for (; kn && kn != base; kn = kn->parent) {
		len = strlen(kn->name);
		end -= len;
		memcpy(end, kn->name, len);
		if (kn->parent != base)
			*--end = '/';
	}
}

int kernfs_path(struct kernfs_node *kn, char *buf, size_t size)
{
	const struct kernfs_node *root = root_of(kn);
	size_t len = 1 + length_below(kn, root);

	if (len < size) {
		buf[0] = '/';
		fill_below(kn, root, buf + len);
		buf[len] = '\0';
	} else if (size) {
		buf[0] = '\0';
	}
	return len;
}

int kernfs_link_text(struct kernfs_node *link, char *buf, size_t size)
{
	const struct kernfs_node *from, *to, *target;
	unsigned int from_depth, to_depth, common;
	size_t ups, down;

	if (link->type != KERNFS_LINK)
		return -EINVAL;
	if (kernfs_has(link, KN_REMOVING))
		return -ENOENT;
	from = link->parent;
	target = link->target;
	from_depth = depth_of(from);
	to_depth = depth_of(target);
	/* A link to the directory that it is in goes through the one above, as to any other. */
	common = from_depth < to_depth - 1 ? from_depth : to_depth - 1;
	from = ancestor_at(from, from_depth, common);
	to = ancestor_at(target, to_depth, common);
	while (from != to) {
		from = from->parent;
		to = to->parent;
		common--;
	}
	ups = from_depth - common;
	down = length_below(target, to);
	if (3 * ups + down >= size)
		return -ENAMETOOLONG;
	for (size_t i = 0; i < ups; i++)
		memcpy(buf + 3 * i, "../", 3);
	fill_below(target, to, buf + 3 * ups + down);
	buf[3 * ups + down] = '\0';
	return 3 * ups + down;
}
