/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Drivers on the platform bus: what they are for, and what is around their probe() and remove().
 *
 * Behaviour: Linux 6.1 drivers/base/platform.c, drivers/of/device.c; new_id and remove_id:
 * drivers/pci/pci-driver.c.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "private.h"

/* ---- ids that a driver was told at run time ---- */

/**
 * struct dynamic_id - a compatible or a name that a driver is for, too
 * @list: in the list of all, in order of arrival
 */
struct dynamic_id {
	struct list_head list;
	const struct platform_driver *drv;
	char id[];
};

static pthread_mutex_t ids_lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(ids); /* under ids_lock */

/* Compatibles are compared without regard to case, names are not. */
static bool is_name_of(const struct platform_device *pdev, const char *name)
{
	return strcmp(pdev->name, name) == 0;
}

static bool has_dynamic_id(const struct platform_driver *drv, const struct platform_device *pdev)
{
	struct dynamic_id *d;
	bool has = false;

	pthread_mutex_lock(&ids_lock);
	list_for_each_entry (d, &ids, list) {
		if (d->drv == drv &&
		    (is_name_of(pdev, d->id) || of_device_is_compatible(pdev->of_node, d->id))) {
			has = true;
			break;
		}
	}
	pthread_mutex_unlock(&ids_lock);
	return has;
}

static bool has_static_id(const struct platform_driver *drv, const char *text)
{
	const struct platform_device_id *id;
	const struct of_device_id *of;

	for (of = drv->of_match_table; of && of->compatible; of++)
		if (strcasecmp(of->compatible, text) == 0)
			return true;
	for (id = drv->id_table; id && id->name; id++)
		if (strcmp(id->name, text) == 0)
			return true;
	return !drv->id_table && strcmp(drv->driver.name, text) == 0;
}

/* Under ids_lock. */
static struct dynamic_id *find_id(const struct platform_driver *drv, const char *text)
{
	struct dynamic_id *d;

	list_for_each_entry (d, &ids, list)
		if (d->drv == drv && strcmp(d->id, text) == 0)
			return d;
	return NULL;
}

static void forget_ids(const struct platform_driver *drv)
{
	struct dynamic_id *d, *next;

	pthread_mutex_lock(&ids_lock);
	list_for_each_entry_safe (d, next, &ids, list) {
		if (d->drv == drv) {
			list_del_init(&d->list);
			free(d);
		}
	}
	pthread_mutex_unlock(&ids_lock);
}

/* What was written, without the newline: one word. Return: its length, or -EINVAL. */
static ssize_t parse_id(const char *buf, size_t count)
{
	size_t i, len = count;

	if (len && buf[len - 1] == '\n')
		len--;
	if (!len || len > 127)
		return -EINVAL;
	for (i = 0; i < len; i++)
		if (!isgraph((unsigned char)buf[i]))
			return -EINVAL;
	return (ssize_t)len;
}

static ssize_t new_id_store(struct device_driver *driver, const char *buf, size_t count)
{
	const struct platform_driver *drv = to_platform_driver(driver);
	ssize_t len = parse_id(buf, count);
	struct dynamic_id *d;
	int err = 0;

	if (len < 0)
		return len;
	d = calloc(1, sizeof(*d) + (size_t)len + 1);
	if (!d)
		return -ENOMEM;
	d->drv = drv;
	memcpy(d->id, buf, (size_t)len);
	pthread_mutex_lock(&ids_lock);
	if (has_static_id(drv, d->id) || find_id(drv, d->id))
		err = -EEXIST;
	else
		list_add_tail(&d->list, &ids);
	pthread_mutex_unlock(&ids_lock);
	if (err) {
		free(d);
		return err;
	}
	driver_attach(driver);
	return (ssize_t)count;
}
static DRIVER_ATTR_WO(new_id);

static ssize_t remove_id_store(struct device_driver *driver, const char *buf, size_t count)
{
	ssize_t len = parse_id(buf, count);
	struct dynamic_id *d;
	char text[128];

	if (len < 0)
		return len;
	memcpy(text, buf, (size_t)len);
	text[len] = '\0';
	pthread_mutex_lock(&ids_lock);
	d = find_id(to_platform_driver(driver), text);
	if (d)
		list_del_init(&d->list);
	pthread_mutex_unlock(&ids_lock);
	if (!d)
		return -ENODEV;
	free(d);
	return (ssize_t)count;
}
static DRIVER_ATTR_WO(remove_id);

static struct attribute *platform_drv_attrs[] = {
	&driver_attr_new_id.attr,
	&driver_attr_remove_id.attr,
	NULL,
};
static const struct attribute_group platform_drv_group = { .attrs = platform_drv_attrs };
const struct attribute_group *platform_drv_groups[] = { &platform_drv_group, NULL };

/* ---- which driver for which device ---- */

const struct of_device_id *of_match_device(const struct of_device_id *table,
					   const struct platform_device *pdev)
{
	const struct of_device_id *id;
	const char *compatible;
	unsigned int i;

	for (i = 0; table && pdev->of_node; i++) {
		if (of_property_read_string_index(pdev->of_node, "compatible", i, &compatible))
			break;
		for (id = table; id->compatible; id++)
			if (strcasecmp(id->compatible, compatible) == 0)
				return id;
	}
	return NULL;
}

int platform_match(struct device *dev, struct device_driver *driver)
{
	const struct platform_device *pdev = to_platform_device(dev);
	const struct platform_driver *drv = to_platform_driver(driver);
	const struct platform_device_id *id;

	if (of_match_device(drv->of_match_table, pdev) || has_dynamic_id(drv, pdev))
		return 1;
	if (!drv->id_table)
		return is_name_of(pdev, driver->name);
	for (id = drv->id_table; id->name; id++)
		if (is_name_of(pdev, id->name))
			return 1;
	return 0;
}

/* A driver that takes anything can do nothing with what has no registers to be driven by. */
int platform_accept(struct device *dev, struct device_driver *driver)
{
	struct platform_device *pdev = to_platform_device(dev);

	if (pdev->p->is_bus || (pdev->num_regions && !platform_hw_get(pdev)))
		return -EINVAL;
	return 0;
}

/* ---- binding ---- */

/* A module that brings both takes the driver away first, and must not hold itself. */
static bool is_of_driver(const struct platform_hw *hw, const struct platform_device *pdev)
{
	return hw->ops->owner && hw->ops->owner == pdev->dev.driver->owner;
}

/* Its hardware, which may have come by now; kept from being unloaded as long as it is driven. */
static int get_hardware(struct platform_device *pdev)
{
	struct platform_hw *hw;

	platform_hw_attach(pdev);
	hw = platform_hw_get(pdev);
	if (hw)
		return is_of_driver(hw, pdev) || try_module_get(hw->ops->owner) ? 0 : -ENXIO;
	if (!pdev->num_regions)
		return 0;
	if (!pdev->p->told)
		dev_printk(LOG_LEVEL_NOTICE, &pdev->dev,
			   "no hardware is behind it: drivers have to wait for a module that "
			   "brings some");
	pdev->p->told = true;
	return -ENXIO;
}

static void put_hardware(struct platform_device *pdev)
{
	struct platform_hw *hw = platform_hw_get(pdev);

	platform_irq_cleanup(pdev);
	platform_dma_cleanup(pdev);
	if (hw && !is_of_driver(hw, pdev))
		module_put(hw->ops->owner);
}

int platform_probe(struct device *dev)
{
	const struct platform_driver *drv = to_platform_driver(dev->driver);
	struct platform_device *pdev = to_platform_device(dev);
	int err;

	if (pdev->p->leaving)
		return -ENODEV;
	err = get_hardware(pdev);
	if (err)
		return err;
	err = drv->probe(pdev);
	if (err)
		put_hardware(pdev);
	return err;
}

void platform_remove(struct device *dev)
{
	const struct platform_driver *drv = to_platform_driver(dev->driver);
	struct platform_device *pdev = to_platform_device(dev);

	if (drv->remove)
		drv->remove(pdev);
	put_hardware(pdev);
	platform_hw_unbound(pdev);
}

/* ---- registration ---- */

int platform_driver_register(struct platform_driver *drv)
{
	if (!drv || !drv->probe)
		return -EINVAL;
	drv->driver.bus = &platform_bus_type;
	return driver_register(&drv->driver);
}

void platform_driver_unregister(struct platform_driver *drv)
{
	driver_unregister(&drv->driver);
	forget_ids(drv);
}
