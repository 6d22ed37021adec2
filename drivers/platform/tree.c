/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Behaviour: Linux 6.1 drivers/of/{platform,overlay,dynamic}.c, which change a tree in place and
 * may stop half-way; here another tree takes the place of the one before.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/publish.h>

#include "of_sysfs.h"
#include "private.h"
#include "tree.h"

/**
 * struct made_tree - a tree and its devices
 * @pdevs:  of each of tree->devices the platform device, or NULL
 * @sorted: tree->devices by path
 */
struct made_tree {
	struct dt_tree *tree;
	struct platform_device **pdevs;
	const struct dt_device **sorted;
};

static struct made_tree current;

/* ---- devices by path ---- */

static int compare_paths(const void *a, const void *b)
{
	const struct dt_device *const *x = a, *const *y = b;

	return strcmp((*x)->node->path, (*y)->node->path);
}

static void made_finish(struct made_tree *made)
{
	free(made->pdevs);
	free(made->sorted);
	dt_tree_put(made->tree);
	memset(made, 0, sizeof(*made));
}

static int made_init(struct made_tree *made, struct dt_tree *tree)
{
	unsigned int i;

	made->tree = dt_tree_get(tree);
	made->pdevs = calloc(tree->num_devices + 1, sizeof(*made->pdevs));
	made->sorted = calloc(tree->num_devices + 1, sizeof(*made->sorted));
	if (!made->pdevs || !made->sorted) {
		made_finish(made);
		return -ENOMEM;
	}
	for (i = 0; i < tree->num_devices; i++)
		made->sorted[i] = &tree->devices[i];
	qsort(made->sorted, tree->num_devices, sizeof(*made->sorted), compare_paths);
	return 0;
}

static const struct dt_device *made_find(const struct made_tree *made, const struct dt_device *dev)
{
	const struct dt_device **found;

	if (!made->tree)
		return NULL;
	found = bsearch(&dev, made->sorted, made->tree->num_devices, sizeof(*made->sorted),
			compare_paths);
	return found ? *found : NULL;
}

static struct platform_device **made_pdev(const struct made_tree *made, const struct dt_device *dev)
{
	return &made->pdevs[dev - made->tree->devices];
}

/* ---- what both trees have ---- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_regions(const struct platform_device *pdev, const struct dt_device *dev)
{
	unsigned int i;

	if (pdev->num_regions != dev->num_regions)
		return false;
	for (i = 0; i < dev->num_regions; i++)
		if (pdev->regions[i].start != dev->regions[i].start ||
		    pdev->regions[i].size != dev->regions[i].size ||
		    !same_text(pdev->regions[i].name, dev->regions[i].name))
			return false;
	return true;
}

static bool same_irqs(const struct platform_device *pdev, const struct dt_device *dev)
{
	unsigned int i;

	if (pdev->num_irqs != dev->num_irqs)
		return false;
	for (i = 0; i < dev->num_irqs; i++)
		if (pdev->irqs[i].type != dev->irqs[i].type ||
		    !same_text(pdev->irqs[i].name, dev->irqs[i].name))
			return false;
	return true;
}

static bool same_property(const struct device_node *a, const struct device_node *b,
			  const char *name)
{
	const struct property *x = of_find_property(a, name), *y = of_find_property(b, name);

	if (!x || !y)
		return x == y;
	return x->length == y->length && memcmp(x->value, y->value, x->length) == 0;
}

/* What a device that stays would have to be told and can't, or NULL. */
static const char *find_change(const struct platform_device *pdev, const struct dt_device *dev)
{
	if (!same_property(pdev->of_node, dev->node, "compatible"))
		return "compatible";
	if (!same_property(pdev->of_node, dev->node, "device_type"))
		return "device_type";
	if (!same_regions(pdev, dev))
		return "reg";
	if (!same_irqs(pdev, dev))
		return "interrupts";
	if (strcmp(dev_name(&pdev->dev), dev->name) != 0)
		return "name";
	return NULL;
}

static int keep_devices(struct made_tree *new, struct dt_error *error)
{
	const struct dt_device *dev, *before;
	struct platform_device *pdev;
	const char *what;
	unsigned int i;

	for (i = 0; i < new->tree->num_devices; i++) {
		dev = &new->tree->devices[i];
		before = made_find(&current, dev);
		if (!before)
			continue;
		pdev = *made_pdev(&current, before);
		what = find_change(pdev, dev);
		if (what) {
			snprintf(error->text, sizeof(error->text),
				 "%.400s: %s would change while its device is there",
				 dev->node->path, what);
			return -EINVAL;
		}
		new->pdevs[i] = pdev;
	}
	return 0;
}

/* ---- what is new ---- */

/* Outside of the publication: modules are for all to see. */
static void load_hardware(const struct made_tree *new)
{
	const struct dt_device *dev;
	unsigned int i;

	for (i = 0; i < new->tree->num_devices; i++) {
		dev = &new->tree->devices[i];
		if (!new->pdevs[i] && dev->num_regions)
			platform_hw_load(dev->node, NULL);
	}
}

static int create_device(struct made_tree *new, unsigned int i, struct dt_error *error)
{
	const struct dt_device *dev = &new->tree->devices[i];
	struct device *parent = dev->parent < 0 ? NULL : &new->pdevs[dev->parent]->dev;
	struct dt_error why;
	int err;

	err = platform_device_create(new->tree, dev, parent, &new->pdevs[i], &why);
	if (err)
		snprintf(error->text, sizeof(error->text), "%.300s: %.200s", dev->node->path,
			 why.text[0] ? why.text : strerror(-err));
	return err;
}

/* All those that the tree before does not have, or none. */
static int create_devices(struct made_tree *new, struct dt_error *error)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < new->tree->num_devices; i++) {
		if (made_find(&current, &new->tree->devices[i]))
			continue;
		err = create_device(new, i, error);
		if (err)
			break;
	}
	while (err && i-- > 0)
		if (!made_find(&current, &new->tree->devices[i]))
			platform_device_unregister(new->pdevs[i]);
	return err;
}

static int show_new(struct made_tree *new, bool grows, struct dt_error *error)
{
	int err = 0;

	publish_begin();
	if (grows)
		err = of_sysfs_change(new->tree);
	if (err)
		goto abort;
	err = create_devices(new, error);
	if (err)
		goto nodes;
	publish_commit();
	return 0;

nodes:
	if (grows && of_sysfs_change(current.tree))
		pr_err("platform: no memory to take nodes out of /sys/firmware/devicetree again");
abort:
	publish_abort();
	return err;
}

/* ---- what is gone ---- */

static int compare_ages(const void *a, const void *b)
{
	const struct platform_device *const *x = a, *const *y = b;

	return (*x)->p->nr < (*y)->p->nr ? 1 : -1;
}

/* Those of the tree before that are not in the new one, the youngest first. Return: how many. */
static unsigned int find_gone(const struct made_tree *new, struct platform_device **gone)
{
	unsigned int i, n = 0;

	for (i = 0; current.tree && i < current.tree->num_devices; i++)
		if (!made_find(new, &current.tree->devices[i]))
			gone[n++] = current.pdevs[i];
	qsort(gone, n, sizeof(*gone), compare_ages);
	return n;
}

int tree_change(struct dt_tree *tree, bool grows, struct dt_error *error)
{
	unsigned int i, n = current.tree ? current.tree->num_devices : 0;
	struct platform_device **gone = calloc(n + 1, sizeof(*gone));
	struct made_tree new = { 0 };
	int err = -ENOMEM;

	error->text[0] = '\0';
	if (!gone || made_init(&new, tree))
		goto free_gone;
	err = keep_devices(&new, error);
	if (err)
		goto finish;
	load_hardware(&new);
	err = show_new(&new, grows, error);
	if (err)
		goto finish;
	n = find_gone(&new, gone);
	for (i = 0; i < n; i++)
		platform_device_unregister(gone[i]);
	if (!grows && of_sysfs_change(tree))
		pr_err("platform: no memory to take nodes out of /sys/firmware/devicetree");
	free(gone);
	made_finish(&current);
	current = new;
	return 0;

finish:
	made_finish(&new);
free_gone:
	free(gone);
	if (!error->text[0])
		snprintf(error->text, sizeof(error->text), "%s", strerror(-err));
	return err;
}

void tree_clear(void)
{
	unsigned int i;

	if (!current.tree)
		return;
	qsort(current.pdevs, current.tree->num_devices, sizeof(*current.pdevs), compare_ages);
	for (i = 0; i < current.tree->num_devices; i++)
		platform_device_unregister(current.pdevs[i]);
	if (of_sysfs_change(NULL))
		pr_err("platform: no memory to take nodes out of /sys/firmware/devicetree");
	made_finish(&current);
}
