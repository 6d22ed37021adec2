/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices on the platform bus: of a tree, or registered by a module.
 *
 * Behaviour: Linux 6.1 drivers/base/platform.c, drivers/of/platform.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/caller.h>

#include "of_sysfs.h"
#include "private.h"

struct device *platform_root;

static pthread_mutex_t devices_lock = PTHREAD_MUTEX_INITIALIZER;
/* From before they are added until they are deleted, in order of arrival. Under devices_lock. */
static LIST_HEAD(devices);
static uint64_t last_nr; /* under devices_lock */

/* ---- the list ---- */

/* The device after number *@nr with a reference, or NULL. */
static struct platform_device *next_device(uint64_t *nr)
{
	struct platform_device_private *p;
	struct platform_device *next = NULL;

	pthread_mutex_lock(&devices_lock);
	list_for_each_entry (p, &devices, list) {
		if (p->nr > *nr) {
			*nr = p->nr;
			next = &p->pdev;
			get_device(&next->dev);
			break;
		}
	}
	pthread_mutex_unlock(&devices_lock);
	return next;
}

int platform_devices_each(int (*fn)(struct platform_device *pdev, void *data), void *data)
{
	struct platform_device *pdev;
	uint64_t nr = 0;
	int ret = 0;

	while (!ret && (pdev = next_device(&nr))) {
		ret = fn(pdev, data);
		put_device(&pdev->dev);
	}
	return ret;
}

static bool overlap(const struct platform_region *a, const struct platform_region *b)
{
	return a->start <= b->start + (b->size - 1) && b->start <= a->start + (a->size - 1);
}

static bool is_above(const struct platform_device *upper, const struct platform_device *pdev)
{
	const struct device *dev;

	for (dev = pdev->dev.parent; dev; dev = dev->parent)
		if (dev == &upper->dev)
			return true;
	return false;
}

/*
 * The device that has one of @pdev's registers, or NULL. Those of one tree don't, or it would have
 * been refused, and what goes with an old tree leaves after the new has come. Under devices_lock.
 */
static const struct platform_device *find_overlap(const struct platform_device *pdev)
{
	const struct platform_device_private *other;
	unsigned int i, k;

	list_for_each_entry (other, &devices, list) {
		if ((pdev->p->tree && other->tree) || is_above(&other->pdev, pdev))
			continue;
		for (i = 0; i < pdev->num_regions; i++)
			for (k = 0; k < other->pdev.num_regions; k++)
				if (overlap(&pdev->regions[i], &other->pdev.regions[k]))
					return &other->pdev;
	}
	return NULL;
}

/* The lowest number that no "name.N.auto" has. Under devices_lock. */
static int lowest_auto_id(void)
{
	const struct platform_device_private *p;
	int id = 0;

restart:
	list_for_each_entry (p, &devices, list) {
		if (p->auto_id == id) {
			id++;
			goto restart;
		}
	}
	return id;
}

static int enter_list(struct platform_device_private *p, bool wants_id, struct dt_error *error)
{
	const struct platform_device *other;
	int err = 0;

	pthread_mutex_lock(&devices_lock);
	other = find_overlap(&p->pdev);
	if (other) {
		snprintf(error->text, sizeof(error->text), "its registers overlap those of %s",
			 dev_name(&other->dev));
		err = -EBUSY;
	} else {
		if (wants_id)
			p->auto_id = lowest_auto_id();
		p->nr = ++last_nr;
		list_add_tail(&p->list, &devices);
	}
	pthread_mutex_unlock(&devices_lock);
	return err;
}

static void leave_list(struct platform_device_private *p)
{
	pthread_mutex_lock(&devices_lock);
	list_del_init(&p->list);
	pthread_mutex_unlock(&devices_lock);
}

/* ---- attributes and events ---- */

/*
 * As the kernel's of_device_get_modalias(): "(null)" for a node without type, a '_' for each blank
 * in a compatible. Return: 0, -ENOMEM where @size is too small.
 */
static int modalias(const struct platform_device *pdev, char *buf, size_t size)
{
	const char *text = "(null)";
	unsigned int i;
	size_t len;
	char *blank;

	if (!pdev->of_node)
		return snprintf(buf, size, "platform:%s", pdev->name) < (int)size ? 0 : -ENOMEM;
	of_property_read_string(pdev->of_node, "device_type", &text);
	len = (size_t)snprintf(buf, size, "of:N%sT%s", pdev->of_node->name, text);
	for (i = 0; len < size; i++) {
		if (of_property_read_string_index(pdev->of_node, "compatible", i, &text))
			return 0;
		blank = buf + len;
		len += (size_t)snprintf(buf + len, size - len, "C%s", text);
		while ((blank = strchr(blank, ' ')))
			*blank = '_';
	}
	return -ENOMEM;
}

static ssize_t modalias_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	int err = modalias(to_platform_device(dev), buf, SYSFS_PAGE_SIZE - 1);

	if (err)
		return err;
	strcat(buf, "\n");
	return (ssize_t)strlen(buf);
}
static DEVICE_ATTR_RO(modalias);

static struct attribute *platform_dev_attrs[] = { &dev_attr_modalias.attr, NULL };
static const struct attribute_group platform_dev_group = { .attrs = platform_dev_attrs };
const struct attribute_group *platform_dev_groups[] = { &platform_dev_group, NULL };

static int add_aliases(const struct platform_device *pdev, struct kobj_uevent_env *env)
{
	const struct device_node *aliases;
	const struct property *prop;
	unsigned int n = 0;
	int err = 0;

	aliases = dt_find_node_by_path(pdev->p->tree, "/aliases");
	for (prop = aliases ? aliases->properties : NULL; prop && !err; prop = prop->next) {
		if (!prop->length || ((const char *)prop->value)[prop->length - 1] ||
		    strcmp(prop->value, pdev->of_node->path) != 0)
			continue;
		err = add_uevent_var(env, "OF_ALIAS_%u=%s", n++, prop->name);
	}
	return err;
}

/* As the kernel's of_device_uevent(). */
static int add_node(const struct platform_device *pdev, struct kobj_uevent_env *env)
{
	const struct device_node *node = pdev->of_node;
	const char *text;
	unsigned int i;
	int err;

	err = add_uevent_var(env, "OF_NAME=%s", node->name);
	if (!err)
		err = add_uevent_var(env, "OF_FULLNAME=%s", node->path);
	if (!err && !of_property_read_string(node, "device_type", &text))
		err = add_uevent_var(env, "OF_TYPE=%s", text);
	for (i = 0; !err && !of_property_read_string_index(node, "compatible", i, &text); i++)
		err = add_uevent_var(env, "OF_COMPATIBLE_%u=%s", i, text);
	if (!err)
		err = add_uevent_var(env, "OF_COMPATIBLE_N=%u", i);
	return err ? err : add_aliases(pdev, env);
}

int platform_uevent(struct device *dev, struct kobj_uevent_env *env)
{
	const struct platform_device *pdev = to_platform_device(dev);
	char alias[UEVENT_BUFFER_SIZE];
	int err = 0;

	if (pdev->of_node)
		err = add_node(pdev, env);
	if (!err)
		err = modalias(pdev, alias, sizeof(alias));
	return err ? err : add_uevent_var(env, "MODALIAS=%s", alias);
}

/* What an event's other keys need: ACTION, SUBSYSTEM, SEQNUM, DRIVER, and the line before them. */
#define OTHER_KEYS	5
#define OTHER_KEYS_SIZE 160

static size_t devpath_length(const struct device *dev)
{
	size_t len = strlen("/devices");

	for (; dev; dev = dev->parent)
		len += 1 + strlen(dev_name(dev));
	return len;
}

/* A device whose events can't be sent can't be added, bound or removed either. */
static int check_event(struct platform_device *pdev, struct dt_error *error)
{
	struct kobj_uevent_env *env = calloc(1, sizeof(*env));
	size_t others = OTHER_KEYS_SIZE + 2 * devpath_length(&pdev->dev);
	int err;

	if (!env)
		return -ENOMEM;
	err = platform_uevent(&pdev->dev, env);
	if (err || env->buflen + others > UEVENT_PAYLOAD_MAX ||
	    env->envp_idx + OTHER_KEYS > UEVENT_NUM_ENVP) {
		snprintf(error->text, sizeof(error->text),
			 "its names and compatibles are too long or too many for an event");
		err = -EINVAL;
	}
	free(env);
	return err;
}

/* ---- making one ---- */

static void release(struct device *dev)
{
	struct platform_device_private *p = to_platform_device(dev)->p;
	unsigned int i;

	platform_irq_finish(p);
	platform_dma_finish(&p->dma);
	for (i = 0; p->regions && i < p->pdev.num_regions; i++)
		free((char *)p->regions[i].name);
	for (i = 0; p->irqs && i < p->pdev.num_irqs; i++)
		free((char *)p->irqs[i].name);
	free(p->regions);
	free(p->irqs);
	free(p->name);
	dt_tree_put(p->tree);
	free(p);
}

/* A device to be filled, dropped with put_device(). */
static int alloc_device(struct platform_device_private **out, struct device *parent)
{
	struct platform_device_private *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	INIT_LIST_HEAD(&p->list);
	platform_dma_init(&p->dma);
	p->auto_id = -1;
	p->pdev.p = p;
	p->pdev.dev.parent = parent ? parent : platform_root;
	p->pdev.dev.bus = &platform_bus_type;
	p->pdev.dev.release = release;
	err = device_initialize(&p->pdev.dev);
	if (err)
		put_device(&p->pdev.dev);
	else
		*out = p;
	return err;
}

static int copy_regions(struct platform_device_private *p, const struct platform_device_info *info)
{
	unsigned int i;

	p->regions = calloc(info->num_regions + 1, sizeof(*p->regions));
	if (!p->regions)
		return -ENOMEM;
	p->pdev.regions = p->regions;
	p->pdev.num_regions = info->num_regions;
	for (i = 0; i < info->num_regions; i++) {
		p->regions[i] = info->regions[i];
		if (info->regions[i].name) {
			p->regions[i].name = strdup(info->regions[i].name);
			if (!p->regions[i].name)
				return -ENOMEM;
		}
	}
	return 0;
}

static int copy_irqs(struct platform_device_private *p, const struct platform_device_info *info)
{
	unsigned int i;

	p->irqs = calloc(info->num_irqs + 1, sizeof(*p->irqs));
	if (!p->irqs)
		return -ENOMEM;
	p->pdev.irqs = p->irqs;
	p->pdev.num_irqs = info->num_irqs;
	for (i = 0; i < info->num_irqs; i++) {
		p->irqs[i] = info->irqs[i];
		if (info->irqs[i].name) {
			p->irqs[i].name = strdup(info->irqs[i].name);
			if (!p->irqs[i].name)
				return -ENOMEM;
		}
	}
	return 0;
}

/* ---- adding and removing ---- */

/* It is in the tree, maybe not seen yet: hardware that has come or gone meanwhile is late now. */
static void set_shown(struct platform_device *pdev)
{
	bool came = false;

	device_lock(&pdev->dev);
	pdev->p->shown = true;
	if (!pdev->dev.driver) {
		platform_hw_unbound(pdev);
		came = !pdev->p->hw;
		platform_hw_attach(pdev);
		came = came && pdev->p->hw;
	}
	device_unlock(&pdev->dev);
	if (came)
		bus_rescan_devices(&platform_bus_type);
}

/* It is in the list. On an error it is left to the caller. */
static int add_with_hardware(struct platform_device *pdev)
{
	int err;

	device_lock(&pdev->dev);
	err = platform_hw_attach_hidden(pdev);
	device_unlock(&pdev->dev);
	if (err)
		return err;
	err = device_add(&pdev->dev);
	if (err)
		goto detach;
	set_shown(pdev);
	return 0;

detach:
	device_lock(&pdev->dev);
	platform_hw_detach(pdev);
	device_unlock(&pdev->dev);
	return err;
}

void platform_device_unregister(struct platform_device *pdev)
{
	struct platform_device_private *p = pdev->p;

	/* Whoever unbinds it may have to wait for its user. */
	caller_may_leave();
	device_lock(&pdev->dev);
	caller_stays();
	p->leaving = true;
	device_unlock(&pdev->dev);
	/* While its user is waited for it is still whole. */
	device_release_driver(&pdev->dev);
	device_del(&pdev->dev);
	device_lock(&pdev->dev);
	platform_hw_detach(pdev);
	device_unlock(&pdev->dev);
	leave_list(p);
	put_device(&pdev->dev);
}

static int set_name(struct platform_device_private *p, const struct platform_device_info *info)
{
	struct device *dev = &p->pdev.dev;

	if (info->id == PLATFORM_DEVID_NONE)
		return dev_set_name(dev, "%s", info->name);
	if (info->id == PLATFORM_DEVID_AUTO)
		return dev_set_name(dev, "%s.%d.auto", info->name, p->auto_id);
	return dev_set_name(dev, "%s.%d", info->name, info->id);
}

static int check_info(const struct platform_device_info *info)
{
	unsigned int i;

	if (!info->name || !*info->name || strchr(info->name, '/') ||
	    info->id < PLATFORM_DEVID_AUTO)
		return -EINVAL;
	for (i = 0; i < info->num_regions; i++)
		if (!info->regions[i].size ||
		    info->regions[i].size - 1 > UINT64_MAX - info->regions[i].start)
			return -EINVAL;
	return 0;
}

static int fill_from_info(struct platform_device_private *p,
			  const struct platform_device_info *info)
{
	int err;

	p->name = strdup(info->name);
	if (!p->name)
		return -ENOMEM;
	p->pdev.name = p->name;
	err = copy_regions(p, info);
	if (!err)
		err = copy_irqs(p, info);
	return err ? err : platform_irq_init(p);
}

int platform_device_register_full(const struct platform_device_info *info,
				  struct platform_device **out)
{
	struct platform_device_private *p;
	struct dt_error error;
	int err;

	err = check_info(info);
	if (err)
		return err;
	if (info->num_regions)
		platform_hw_load(NULL, info->name);
	err = alloc_device(&p, info->parent);
	if (err)
		return err;
	err = fill_from_info(p, info);
	if (err)
		goto put;
	err = enter_list(p, info->id == PLATFORM_DEVID_AUTO, &error);
	if (err) {
		pr_err("platform device %s: %s", info->name, error.text);
		goto put;
	}
	err = set_name(p, info);
	if (!err)
		err = add_with_hardware(&p->pdev);
	if (err)
		goto leave;
	*out = &p->pdev;
	return 0;

leave:
	leave_list(p);
put:
	put_device(&p->pdev.dev);
	return err;
}

/* ---- devices of a tree ---- */

static void fill_from_tree(struct platform_device_private *p, struct dt_tree *tree,
			   const struct dt_device *dev)
{
	p->tree = dt_tree_get(tree);
	p->is_bus = dev->is_bus;
	p->pdev.of_node = dev->node;
	p->pdev.name = dev->name;
	p->pdev.regions = dev->regions;
	p->pdev.num_regions = dev->num_regions;
	p->pdev.irqs = dev->irqs;
	p->pdev.num_irqs = dev->num_irqs;
}

static int link_node(struct platform_device *pdev)
{
	struct kobject *node = of_sysfs_node(pdev->of_node->path);

	return node ? sysfs_create_link(&pdev->dev.kobj, node, "of_node") : -ENOENT;
}

int platform_device_create(struct dt_tree *tree, const struct dt_device *dev, struct device *parent,
			   struct platform_device **out, struct dt_error *error)
{
	struct platform_device_private *p;
	int err;

	error->text[0] = '\0';
	err = alloc_device(&p, parent);
	if (err)
		return err;
	fill_from_tree(p, tree, dev);
	err = platform_irq_init(p);
	if (err)
		goto put;
	err = enter_list(p, false, error);
	if (err)
		goto put;
	err = dev_set_name(&p->pdev.dev, "%s", dev->name);
	if (!err)
		err = check_event(&p->pdev, error);
	if (!err)
		err = add_with_hardware(&p->pdev);
	if (err)
		goto leave;
	err = link_node(&p->pdev);
	if (err) {
		platform_device_unregister(&p->pdev);
		return err;
	}
	*out = &p->pdev;
	return 0;

leave:
	leave_list(p);
put:
	put_device(&p->pdev.dev);
	return err;
}
