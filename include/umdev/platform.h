/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The platform bus: devices that a device tree describes, the simulated hardware behind them, and
 * their drivers. The module "platform" offers all of this; who uses it says
 * MODULE_DEPENDS("platform").
 *
 * Three parties meet in a struct platform_device. The tree (or platform_device_register_full())
 * says where its registers are and which interrupts it has. The hardware (struct platform_hw_ops)
 * makes them live, from the device's appearing to its leaving, whoever drives it. A driver (struct
 * platform_driver) uses them while it is bound: one for the kind of device, or vfio_platform, which
 * hands them to a user.
 *
 * Behaviour: Linux 6.1 drivers/base/platform.c, drivers/of/{platform,device,irq,address}.c.
 */
#ifndef UMDEV_PLATFORM_H
#define UMDEV_PLATFORM_H

#include <umdev/device.h>
#include <umdev/module.h>
#include <umdev/of.h>

struct platform_device_private;
struct platform_hw;
struct vfio_mmap_area;

extern UMDEV_API struct bus_type platform_bus_type;

/* How an interrupt line tells (IRQ_TYPE_* of the kernel and of device trees). */
#define PLATFORM_IRQ_TYPE_NONE	       0
#define PLATFORM_IRQ_TYPE_EDGE_RISING  1
#define PLATFORM_IRQ_TYPE_EDGE_FALLING 2
#define PLATFORM_IRQ_TYPE_LEVEL_HIGH   4
#define PLATFORM_IRQ_TYPE_LEVEL_LOW    8
#define PLATFORM_IRQ_TYPE_LEVEL_MASK   12

/**
 * struct platform_region - registers of a device
 * @start: where they are in the machine's address space, for names and addresses shown
 * @size:  in bytes, not 0
 * @name:  of reg-names, or NULL
 */
struct platform_region {
	uint64_t start;
	uint64_t size;
	const char *name;
};

/**
 * struct platform_irq - an interrupt line of a device
 * @type: PLATFORM_IRQ_TYPE_*
 * @name: of interrupt-names, or NULL
 */
struct platform_irq {
	unsigned int type;
	const char *name;
};

/**
 * struct platform_device - a device on the platform bus
 * @dev:         its name is the tree's ("9000000.serial", "soc:timer"), or @name with an id
 * @name:        to match drivers by: "pcspkr"; with an @of_node that of @dev
 * @of_node:     its node, or NULL
 * @regions:     constant, as all that follows
 * @irqs:        the same
 * @p:           the bus's
 */
struct platform_device {
	struct device dev;
	const char *name;
	const struct device_node *of_node;
	const struct platform_region *regions;
	unsigned int num_regions;
	const struct platform_irq *irqs;
	unsigned int num_irqs;
	struct platform_device_private *p;
};

static inline struct platform_device *to_platform_device(struct device *dev)
{
	return container_of(dev, struct platform_device, dev);
}

static inline void *platform_get_drvdata(const struct platform_device *pdev)
{
	return dev_get_drvdata(&pdev->dev);
}

static inline void platform_set_drvdata(struct platform_device *pdev, void *data)
{
	dev_set_drvdata(&pdev->dev, data);
}

/* ---- devices that no tree describes ---- */

#define PLATFORM_DEVID_NONE -1 /* the name alone: "pcspkr" */
#define PLATFORM_DEVID_AUTO -2 /* the lowest free one: "reg-dummy.0.auto" */

/**
 * struct platform_device_info - such a device
 * @parent: or NULL: /sys/devices/platform
 * @name:   without '/'
 * @id:     "name.7" for 7, or one of the above
 * The rest as in struct platform_device; copied, like @name.
 */
struct platform_device_info {
	struct device *parent;
	const char *name;
	int id;
	const struct platform_region *regions;
	unsigned int num_regions;
	const struct platform_irq *irqs;
	unsigned int num_irqs;
};

/**
 * platform_device_register_full - add a device
 * @out: the device; taken away with platform_device_unregister()
 * Return: 0, -EINVAL (name, a region of size 0 or that wraps around), -EBUSY (a region overlaps
 * another device's), -EEXIST, -ENOMEM.
 */
UMDEV_API int platform_device_register_full(const struct platform_device_info *info,
					    struct platform_device **out);
/** platform_device_unregister - the reverse; its user is asked to let go and waited for. */
UMDEV_API void platform_device_unregister(struct platform_device *pdev);

/* ---- drivers ---- */

/** struct of_device_id - what a driver is for; a table of them ends with a NULL @compatible */
struct of_device_id {
	const char *compatible;
	const void *data;
};

/** struct platform_device_id - the same by name; a table ends with a NULL @name */
struct platform_device_id {
	const char *name;
	uintptr_t driver_data;
};

/**
 * struct platform_driver - a driver on this bus
 * @probe:          as device_driver.probe
 * @remove:         as device_driver.remove
 * @of_match_table: or NULL
 * @id_table:       or NULL
 * @driver:         name, owner, explicit_bind_only, match_any, groups, dev_groups
 *
 * A device is for the driver that its driver_override names; else, in this order, for one whose
 * of_match_table has one of its compatibles, one that was told its compatible or name through
 * new_id, one whose id_table has its name, one of its name. As in the kernel, the name of a driver
 * that has an id_table does not count.
 *
 * The probe() of a driver that has registers to use is not called before there is hardware behind
 * the device (-ENXIO); when that comes the device is offered again. Interrupts, dma_ops and
 * coherent memory that are left after remove() are taken back, with a line in the log.
 */
struct platform_driver {
	int (*probe)(struct platform_device *pdev);
	void (*remove)(struct platform_device *pdev);
	const struct of_device_id *of_match_table;
	const struct platform_device_id *id_table;
	struct device_driver driver;
};

static inline struct platform_driver *to_platform_driver(struct device_driver *drv)
{
	return container_of(drv, struct platform_driver, driver);
}

/** platform_driver_register - Return: as driver_register(), -EINVAL without probe. */
UMDEV_API int platform_driver_register(struct platform_driver *drv);
/** platform_driver_unregister - the reverse. */
UMDEV_API void platform_driver_unregister(struct platform_driver *drv);

/**
 * of_match_device - the entry of @table that fits @pdev best (its most specific compatible), or
 * NULL.
 */
UMDEV_API const struct of_device_id *of_match_device(const struct of_device_id *table,
						     const struct platform_device *pdev);

/**
 * platform_read - read registers
 * @region: which of the device's regions
 * @offset: in it, a multiple of @size
 * @size:   1, 2, 4 or 8 bytes
 *
 * Where nothing answers (outside of the region, no hardware) all bits are 1, as on many a machine's
 * bus. Context: bound; any thread, not under a lock that the hardware's callbacks take.
 */
UMDEV_API uint64_t platform_read(struct platform_device *pdev, unsigned int region, uint64_t offset,
				 unsigned int size);
/** platform_write - the same for writing; where nothing answers it is lost. */
UMDEV_API void platform_write(struct platform_device *pdev, unsigned int region, uint64_t offset,
			      uint64_t value, unsigned int size);

static inline uint32_t platform_readl(struct platform_device *pdev, unsigned int region,
				      uint64_t offset)
{
	return (uint32_t)platform_read(pdev, region, offset, 4);
}

static inline void platform_writel(struct platform_device *pdev, unsigned int region,
				   uint64_t offset, uint32_t value)
{
	platform_write(pdev, region, offset, value, 4);
}

/**
 * platform_listen_irq - hear of changes of an interrupt line, at once
 * @irq:  which of the device's
 * @fn:   called for each change of the line, in order, and at once if it is high now. Comes under a
 *        lock of the bus's that is a leaf, from any thread: it must not sleep nor call anything of
 *        this header
 *
 * For who handles interrupts itself (vfio_platform). Return: 0, -EINVAL (no such line), -EBUSY
 * (taken).
 */
UMDEV_API int platform_listen_irq(struct platform_device *pdev, unsigned int irq,
				  void (*fn)(void *data, unsigned int irq, bool level), void *data);
/**
 * platform_request_threaded_irq - have interrupts handled by a thread
 * @handler: called without locks, once per edge or (level) as long as the line is high; may use
 *           platform_read() and platform_write()
 *
 * Return: as platform_listen_irq(), -EAGAIN (no thread), -ENOMEM. Context: bound; may sleep.
 */
UMDEV_API int platform_request_threaded_irq(struct platform_device *pdev, unsigned int irq,
					    void (*handler)(void *data, unsigned int irq),
					    void *data);
/**
 * platform_free_irq - the reverse of both. When it returns nothing is called any more. Not from a
 * handler. Nothing if the line is not taken.
 */
UMDEV_API void platform_free_irq(struct platform_device *pdev, unsigned int irq);

/**
 * platform_renew_memory - leave behind those who have mapped registers
 *
 * For a driver that lets users map registers, and whose user has gone: the registers move to other
 * memory with all that is in them, so that who still has the old one mapped neither sees nor
 * changes what the device does from now on. @addr of struct platform_hw_memory stays what it is.
 *
 * Context: bound; may sleep. Return: 0, or -ENOMEM, -EMFILE, -ENFILE: some of it is as before.
 */
UMDEV_API int platform_renew_memory(struct platform_device *pdev);

/**
 * struct platform_dma_ops - the memory that a device reaches, as its driver lets it
 * @rw: copy between @buf and @len bytes at @addr, as the device addresses them; 0 or -errno, all or
 *      nothing is not promised. From any thread of the hardware's; may block for as long as the
 *      user of a VFIO device does
 */
struct platform_dma_ops {
	int (*rw)(void *data, uint64_t addr, void *buf, size_t len, bool write);
};

/**
 * platform_set_dma_ops - say who answers for the device's memory accesses; nobody by default
 * @ops: NULL: nobody. Waits until running copies of those before are over
 * Context: bound; may sleep.
 */
UMDEV_API void platform_set_dma_ops(struct platform_device *pdev,
				    const struct platform_dma_ops *ops, void *data);
/**
 * dma_alloc_coherent - memory that the device may reach while no other dma_ops are set
 * @addr: where the device sees it
 * Return: zeroed memory, aligned to 4096, or NULL. Context: bound; may sleep.
 */
UMDEV_API void *dma_alloc_coherent(struct platform_device *pdev, size_t size, uint64_t *addr);
/** dma_free_coherent - give it back; waits until running copies are over. */
UMDEV_API void dma_free_coherent(struct platform_device *pdev, void *mem);

/* ---- hardware ---- */

/**
 * struct platform_hw_memory - registers that are memory, and may be mapped
 * @addr: where the hardware has them; constant
 * @size: in bytes, whole pages
 * @fd:   the file that they are in now, which users get
 *
 * What users may map is never touched but by atomic accesses, or copied once before it is looked
 * at.
 */
struct platform_hw_memory {
	void *addr;
	size_t size;
	int fd;
};

/**
 * platform_hw_memory_create - make zeroed memory
 * @mem:  storage of the hardware's
 * @name: for /proc/PID/maps
 * Return: 0, -EINVAL (size), -ENOMEM, -EMFILE, -ENFILE.
 */
UMDEV_API int platform_hw_memory_create(struct platform_hw_memory *mem, const char *name,
					size_t size);
/** platform_hw_memory_destroy - the reverse. */
UMDEV_API void platform_hw_memory_destroy(struct platform_hw_memory *mem);

/**
 * struct platform_hw_map - registers that may be mapped
 * @memory: what they are in; the hardware's, from create() to destroy()
 * @offset: where the region begins in it, a multiple of the page size
 * @areas:  what of it may be mapped; none: all (umdev/vfio.h)
 */
struct platform_hw_map {
	struct platform_hw_memory *memory;
	uint64_t offset;
	const struct vfio_mmap_area *areas;
	unsigned int nr_areas;
};

/**
 * struct platform_hw_ops - a kind of simulated hardware
 * @name:       for log lines
 * @owner:      THIS_MODULE
 * @compatible: what it is, NULL-terminated: the compatibles of nodes that it stands behind, and the
 *              names of devices without a node
 * @create:     bring it to power-on for hw->pdev: check that its regions and interrupts are there
 *              (-EINVAL and a line in the log when not), put its state into hw->data. An error
 *              keeps a device from coming; one that is there already stays without hardware
 * @destroy:    the reverse; when it returns no thread of it runs
 * @read:       read @size bytes (1, 2, 4, 8) at @offset, a multiple of @size, inside the region
 * @write:      the same for writing
 * @get_map:    say what of region @region may be mapped: 0, or -EOPNOTSUPP. Optional: nothing.
 *              Must say the same every time
 * @groups:     attributes in the platform device's directory, as long as the hardware is there.
 *              platform_hw_of_device() finds it. They must not take the device's lock
 *
 * Context of @read, @write: any threads, several at once: the hardware has a lock of its own. They
 * must not wait for a copy (platform_hw_dma_rw()), which takes as long as a user likes: hardware
 * that copies does so in a thread of its own.
 */
struct platform_hw_ops {
	const char *name;
	struct module *owner;
	const char *const *compatible;
	int (*create)(struct platform_hw *hw);
	void (*destroy)(struct platform_hw *hw);
	uint64_t (*read)(struct platform_hw *hw, unsigned int region, uint64_t offset,
			 unsigned int size);
	void (*write)(struct platform_hw *hw, unsigned int region, uint64_t offset, uint64_t value,
		      unsigned int size);
	int (*get_map)(struct platform_hw *hw, unsigned int region, struct platform_hw_map *map);
	const struct attribute_group **groups;
};

/**
 * struct platform_hw - the hardware behind one device
 * @pdev: the device; constant
 * @ops:  its kind; constant
 * @data: the hardware's own
 */
struct platform_hw {
	struct platform_device *pdev;
	const struct platform_hw_ops *ops;
	void *data;
};

/**
 * platform_hw_register - offer a kind of hardware
 *
 * It is put behind the devices that wait for it, and those that come. A device whose hardware is
 * not there has it loaded by the alias "platform-hw:COMPATIBLE" (MODULE_ALIAS) of each of its
 * compatibles in turn. While a device that it is behind is bound, its module can't be unloaded.
 * Return: 0, -EINVAL, -EEXIST (one of its compatibles is offered), -ENOMEM.
 */
UMDEV_API int platform_hw_register(const struct platform_hw_ops *ops);
/**
 * platform_hw_unregister - the reverse: devices that have it wait for hardware again
 *
 * Those that are bound are waited for. Context: may sleep; not under a device's lock.
 */
UMDEV_API void platform_hw_unregister(const struct platform_hw_ops *ops);

/** platform_hw_of_device - the hardware behind @pdev, or NULL; constant while it is bound. */
UMDEV_API struct platform_hw *platform_hw_of_device(struct platform_device *pdev);

/**
 * platform_hw_set_irq - set the level of an interrupt line
 * @level: true: asserted, whatever the line's polarity is. For a line that tells by edges each rise
 *         is an interrupt
 * Context: any thread, any lock of the hardware's; does not sleep. Numbers out of range are
 * ignored.
 */
UMDEV_API void platform_hw_set_irq(struct platform_hw *hw, unsigned int irq, bool level);

/**
 * platform_hw_dma_rw - copy from or to the memory that the driver or its user lets it reach
 * @write: from @buf to memory
 * Context: a thread of the hardware's, no locks; may block for as long as a user of the device
 * does. Return: 0, -EFAULT (not reachable), or what the driver's say.
 */
UMDEV_API int platform_hw_dma_rw(struct platform_hw *hw, uint64_t addr, void *buf, size_t len,
				 bool write);

#endif
