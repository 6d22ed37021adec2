/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The platform bus from inside: what its files share.
 *
 * Locks, from the outermost: that of the tree (tree.c), that of a device (device_lock()), the
 * lists' (devices, kinds of hardware, dynamic ids), a device's own (an interrupt line, its memory).
 */
#ifndef UMDEV_PLATFORM_PRIVATE_H
#define UMDEV_PLATFORM_PRIVATE_H

#include <pthread.h>
#include <umdev/platform.h>

#include "dt.h"

struct irq_thread;
struct platform_hw_kind;

/**
 * struct platform_irq_line - where an interrupt of a device's stands
 * @lock:   a leaf: @fn is called under it
 * @level:  under @lock
 * @fn:     who hears of it, or NULL; under @lock
 * @data:   for @fn
 * @thread: who handles it in a thread, or NULL; written under @lock
 */
struct platform_irq_line {
	pthread_mutex_t lock;
	bool level;
	void (*fn)(void *data, unsigned int irq, bool level);
	void *data;
	struct irq_thread *thread;
};

/**
 * struct platform_dma - what a device reaches of memory
 * @lock:    for all of this; held while coherent memory is copied
 * @changed: @running has become 0
 * @ops:     who answers, or NULL
 * @data:    for @ops
 * @turn:    which of @running counts copies that begin now
 * @running: copies by way of ops, those of now and those of before
 * @memory:  dma_alloc_coherent()'s, by address
 */
struct platform_dma {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	const struct platform_dma_ops *ops;
	void *data;
	unsigned int turn;
	unsigned int running[2];
	struct list_head memory;
};

/**
 * struct platform_device_private - a platform device and what the bus knows of it
 * @pdev:    the device; its references keep all of this
 * @list:    in the list of all devices, in order of arrival; under its lock (device.c)
 * @nr:      its place in that order
 * @tree:    the tree that it was made from, with a reference, or NULL. Constant
 * @is_bus:  it stands for a bus, and is nothing to be driven. Constant
 * @auto_id: of PLATFORM_DEVID_AUTO, or -1. Constant
 * @name:    what @pdev's points to, if it is a copy
 * @leaving: no driver and no hardware come any more; under the device's lock
 * @hw:      what stands behind it, or NULL; written under the device's lock, atomic
 * @behind:  what @hw points to
 * @kind:    of which kind that is, or will be; written under the device's lock and the kinds'
 * @shown:   it was added: hardware that comes now is late; under the device's lock
 * @told:    the log says that there is no hardware; under the device's lock
 * @lines:   pdev.num_irqs of them
 */
struct platform_device_private {
	struct platform_device pdev;
	struct list_head list;
	uint64_t nr;
	struct dt_tree *tree;
	bool is_bus;
	int auto_id;
	char *name;
	struct platform_region *regions;
	struct platform_irq *irqs;
	bool leaving;
	struct platform_hw *hw;
	struct platform_hw behind;
	struct platform_hw_kind *kind;
	bool shown;
	bool told;
	struct platform_irq_line *lines;
	struct platform_dma dma;
};

static inline struct platform_hw *platform_hw_get(const struct platform_device *pdev)
{
	return __atomic_load_n(&pdev->p->hw, __ATOMIC_ACQUIRE);
}

/* ---- device.c ---- */

/** platform_root - /sys/devices/platform, which devices without a parent are below. */
extern struct device *platform_root;

/**
 * platform_device_create - add a device of a tree, with its hardware and the link to its node
 * @tree:   gets a reference
 * @dev:    in @tree
 * @parent: the device of dev->parent, or NULL
 * @error:  what is wrong with it
 * Context: the tree's lock; in a publication. Return: as platform_device_register_full(), or what
 * the hardware says.
 */
int platform_device_create(struct dt_tree *tree, const struct dt_device *dev, struct device *parent,
			   struct platform_device **out, struct dt_error *error);

/**
 * platform_devices_each - call @fn for each device, in order of arrival, until it does not return 0
 *
 * @fn runs without locks; the device is kept alive. Return: what the last call returned.
 */
int platform_devices_each(int (*fn)(struct platform_device *pdev, void *data), void *data);

extern const struct attribute_group *platform_dev_groups[];

/** platform_uevent - the keys of the bus. Return: 0, -ENOMEM. */
int platform_uevent(struct device *dev, struct kobj_uevent_env *env);

/* ---- driver.c ---- */

extern const struct attribute_group *platform_drv_groups[];

/** platform_match, platform_accept, platform_probe, platform_remove - struct bus_type's */
int platform_match(struct device *dev, struct device_driver *drv);
int platform_accept(struct device *dev, struct device_driver *drv);
int platform_probe(struct device *dev);
void platform_remove(struct device *dev);

/* ---- hw.c ---- */

/**
 * platform_hw_attach - put its hardware behind a device, if it is there
 * Context: the device's lock; not bound. Return: 0, also if there is none; what create() says, with
 * a line in the log; -ENOMEM.
 */
int platform_hw_attach(struct platform_device *pdev);
/**
 * platform_hw_attach_hidden - the same for a device that will be added
 * Context: the device's lock.
 */
int platform_hw_attach_hidden(struct platform_device *pdev);
/**
 * platform_hw_detach - the reverse of both, for a device that is not bound; nothing without
 * hardware. Context: the device's lock, or it is not added any more.
 */
void platform_hw_detach(struct platform_device *pdev);
/** platform_hw_unbound - it is free: if its hardware is going, this is when. As above. */
void platform_hw_unbound(struct platform_device *pdev);
/**
 * platform_hw_load - load the hardware of a device
 * @node: its node, or NULL
 * @name: if it has no node
 * Context: no lock that the init() of a module may want.
 */
void platform_hw_load(const struct device_node *node, const char *name);
/**
 * platform_hw_load_later - load none at once, for what depends on this module has to wait for it
 * Context: init().
 */
void platform_hw_load_later(bool later);

/* ---- irq.c ---- */

/** platform_irq_init - its lines, all low. Return: 0, -ENOMEM. */
int platform_irq_init(struct platform_device_private *p);
void platform_irq_finish(struct platform_device_private *p);
/** platform_irq_cleanup - free what the driver has left taken. Context: the device's lock. */
void platform_irq_cleanup(struct platform_device *pdev);
/** platform_irq_lower - the hardware is gone: all lines are low. */
void platform_irq_lower(struct platform_device *pdev);

/* ---- dma.c ---- */

void platform_dma_init(struct platform_dma *dma);
void platform_dma_finish(struct platform_dma *dma);
/** platform_dma_cleanup - nobody answers any more; give back what the driver has left. */
void platform_dma_cleanup(struct platform_device *pdev);

#endif
