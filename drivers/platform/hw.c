/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Simulated hardware, and how it gets behind the devices that it is for: whichever comes first.
 *
 * Hardware is put behind a device and taken from it under the device's lock, and only while it is
 * not bound. A module that brings hardware is held by the bindings of the devices that it is
 * behind; when it goes, the free ones wait for hardware again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <umdev/publish.h>

#include "private.h"

/**
 * struct platform_hw_kind - a kind that was registered
 * @ops:    its owner's
 * @behind: how many devices it is behind; under kinds_lock, as @going
 * @going:  in platform_hw_unregister(): it gets behind no more of them
 */
struct platform_hw_kind {
	struct list_head list;
	const struct platform_hw_ops *ops;
	unsigned int behind;
	bool going;
};

static pthread_mutex_t kinds_lock = PTHREAD_MUTEX_INITIALIZER;
/* One of them is behind no device any more. */
static pthread_cond_t kinds_changed = PTHREAD_COND_INITIALIZER;
static LIST_HEAD(kinds); /* under kinds_lock */

/* ---- kinds ---- */

/* Under kinds_lock. */
static struct platform_hw_kind *find_kind(const char *compatible)
{
	struct platform_hw_kind *kind;
	const char *const *c;

	list_for_each_entry (kind, &kinds, list)
		for (c = kind->ops->compatible; *c; c++)
			if (strcasecmp(*c, compatible) == 0)
				return kind;
	return NULL;
}

/* The kind for the first of a device's compatibles that has one; without a node, for its name. */
static struct platform_hw_kind *find_kind_for(const struct platform_device *pdev)
{
	struct platform_hw_kind *kind = NULL;
	const char *compatible;
	unsigned int i;

	if (!pdev->of_node)
		return find_kind(pdev->name);
	for (i = 0; !kind; i++) {
		if (of_property_read_string_index(pdev->of_node, "compatible", i, &compatible))
			break;
		kind = find_kind(compatible);
	}
	return kind;
}

static struct platform_hw_kind *use_kind_for(struct platform_device *pdev)
{
	struct platform_hw_kind *kind;

	pthread_mutex_lock(&kinds_lock);
	kind = find_kind_for(pdev);
	if (kind)
		kind->behind++;
	pdev->p->kind = kind;
	pthread_mutex_unlock(&kinds_lock);
	return kind;
}

static void unuse_kind(struct platform_device *pdev)
{
	pthread_mutex_lock(&kinds_lock);
	if (!--pdev->p->kind->behind)
		pthread_cond_broadcast(&kinds_changed);
	pdev->p->kind = NULL;
	pthread_mutex_unlock(&kinds_lock);
}

/* ---- behind a device ---- */

struct platform_hw *platform_hw_of_device(struct platform_device *pdev)
{
	return platform_hw_get(pdev);
}

static void set_hardware(struct platform_device *pdev, struct platform_hw *hw)
{
	__atomic_store_n(&pdev->p->hw, hw, __ATOMIC_RELEASE);
}

static void destroy_hardware(struct platform_device *pdev)
{
	struct platform_hw *hw = pdev->p->hw;

	hw->ops->destroy(hw);
	set_hardware(pdev, NULL);
	platform_irq_lower(pdev);
	memset(hw, 0, sizeof(*hw));
	unuse_kind(pdev);
}

static int create_hardware(struct platform_device *pdev)
{
	struct platform_hw_kind *kind = use_kind_for(pdev);
	struct platform_hw *hw = &pdev->p->behind;
	int err;

	if (!kind)
		return -ENOENT;
	hw->pdev = pdev;
	hw->ops = kind->ops;
	err = kind->ops->create(hw);
	if (err) {
		dev_err(&pdev->dev, "its hardware (%s) refuses it: %s", kind->ops->name,
			strerrordesc_np(-err));
		memset(hw, 0, sizeof(*hw));
		unuse_kind(pdev);
		return err == -ENOENT ? -EINVAL : err;
	}
	set_hardware(pdev, hw);
	return 0;
}

int platform_hw_attach_hidden(struct platform_device *pdev)
{
	int err = create_hardware(pdev);

	if (err)
		return err == -ENOENT ? 0 : err;
	pdev->dev.groups = pdev->p->hw->ops->groups;
	return 0;
}

int platform_hw_attach(struct platform_device *pdev)
{
	int err;

	if (pdev->p->hw || pdev->p->leaving)
		return 0;
	err = create_hardware(pdev);
	if (err)
		return err == -ENOENT ? 0 : err;
	publish_begin();
	err = device_add_groups(&pdev->dev, pdev->p->hw->ops->groups);
	if (err) {
		publish_abort();
		destroy_hardware(pdev);
		return err;
	}
	if (kobject_uevent(&pdev->dev.kobj, KOBJ_CHANGE))
		dev_warn(&pdev->dev, "no event tells of its hardware");
	publish_commit();
	return 0;
}

void platform_hw_detach(struct platform_device *pdev)
{
	struct platform_hw *hw = pdev->p->hw;

	if (!hw)
		return;
	device_remove_groups(&pdev->dev, hw->ops->groups);
	pdev->dev.groups = NULL;
	pdev->p->told = false;
	destroy_hardware(pdev);
}

void platform_hw_unbound(struct platform_device *pdev)
{
	bool going;

	if (!pdev->p->hw || pdev->p->leaving)
		return;
	pthread_mutex_lock(&kinds_lock);
	going = pdev->p->kind->going;
	pthread_mutex_unlock(&kinds_lock);
	if (going)
		platform_hw_detach(pdev);
}

/* ---- registration ---- */

/*
 * The lock of a device may be held for as long as its user does not let go of it. Who brings or
 * takes hardware waits for none that this hardware is not for.
 */
static bool waits_for_offered(const struct platform_device *pdev)
{
	bool waits;

	pthread_mutex_lock(&kinds_lock);
	waits = !pdev->p->kind && find_kind_for(pdev);
	pthread_mutex_unlock(&kinds_lock);
	return waits;
}

static bool is_of_kind(const struct platform_device *pdev, const struct platform_hw_kind *kind)
{
	bool is;

	pthread_mutex_lock(&kinds_lock);
	is = pdev->p->kind == kind;
	pthread_mutex_unlock(&kinds_lock);
	return is;
}

static int attach_waiting(struct platform_device *pdev, void *data)
{
	if (!waits_for_offered(pdev))
		return 0;
	device_lock(&pdev->dev);
	if (pdev->p->shown && !pdev->dev.driver)
		platform_hw_attach(pdev);
	device_unlock(&pdev->dev);
	return 0;
}

static int detach_free(struct platform_device *pdev, void *data)
{
	const struct platform_hw_kind *kind = data;

	if (!is_of_kind(pdev, kind))
		return 0;
	device_lock(&pdev->dev);
	/* One that is on its way looks for itself when it has arrived. */
	if (pdev->p->kind == kind && pdev->p->shown && !pdev->p->leaving && !pdev->dev.driver)
		platform_hw_detach(pdev);
	device_unlock(&pdev->dev);
	return 0;
}

/* Under kinds_lock. */
static int check_free(const struct platform_hw_ops *ops)
{
	const char *const *c;

	for (c = ops->compatible; *c; c++)
		if (find_kind(*c))
			return -EEXIST;
	return 0;
}

int platform_hw_register(const struct platform_hw_ops *ops)
{
	struct platform_hw_kind *kind;
	int err;

	if (!ops || !ops->name || !ops->compatible || !ops->compatible[0] || !ops->create ||
	    !ops->destroy)
		return -EINVAL;
	kind = calloc(1, sizeof(*kind));
	if (!kind)
		return -ENOMEM;
	kind->ops = ops;
	pthread_mutex_lock(&kinds_lock);
	err = check_free(ops);
	if (!err)
		list_add_tail(&kind->list, &kinds);
	pthread_mutex_unlock(&kinds_lock);
	if (err) {
		free(kind);
		return err;
	}
	platform_devices_each(attach_waiting, NULL);
	bus_rescan_devices(&platform_bus_type);
	return 0;
}

void platform_hw_unregister(const struct platform_hw_ops *ops)
{
	struct platform_hw_kind *kind;

	pthread_mutex_lock(&kinds_lock);
	kind = find_kind(ops->compatible[0]);
	if (!kind || kind->ops != ops) {
		pthread_mutex_unlock(&kinds_lock);
		return;
	}
	list_del_init(&kind->list);
	kind->going = true;
	pthread_mutex_unlock(&kinds_lock);

	platform_devices_each(detach_free, kind);

	pthread_mutex_lock(&kinds_lock);
	while (kind->behind)
		pthread_cond_wait(&kinds_changed, &kinds_lock);
	pthread_mutex_unlock(&kinds_lock);
	free(kind);
}

/* ---- loading ---- */

static bool load_later;

void platform_hw_load_later(bool later)
{
	load_later = later;
}

/* Return: is there something to wait for? */
static void load_alias(const char *compatible)
{
	char *alias;

	/* It would be taken for the path of a file. */
	if (strchr(compatible, '/') || asprintf(&alias, "platform-hw:%s", compatible) < 0)
		return;
	if (load_later)
		request_module_nowait(alias);
	else
		request_module_by(THIS_MODULE, alias);
	free(alias);
}

static bool is_offered(const char *compatible)
{
	bool offered;

	pthread_mutex_lock(&kinds_lock);
	offered = find_kind(compatible);
	pthread_mutex_unlock(&kinds_lock);
	return offered;
}

void platform_hw_load(const struct device_node *node, const char *name)
{
	const char *compatible;
	unsigned int i;

	if (!node) {
		if (!is_offered(name))
			load_alias(name);
		return;
	}
	for (i = 0; !of_property_read_string_index(node, "compatible", i, &compatible); i++) {
		if (is_offered(compatible))
			return;
		load_alias(compatible);
		if (is_offered(compatible))
			return;
	}
}
