/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VFIO devices, the driver's side: what a device offers (regions, interrupts), and how it reaches
 * its user (interrupts, guest memory).
 *
 * A driver fills struct vfio_device_ops; umdev/vfio_pci.h does most of it for PCI devices. The
 * user's side is umdev/vfio_file.h. Numbers and flags (VFIO_PCI_*, VFIO_REGION_INFO_FLAG_*,
 * VFIO_IRQ_*) are <linux/vfio.h>'s.
 *
 * Behaviour: Linux 6.1 drivers/vfio/{vfio_main,vfio_iommu_type1}.c, include/linux/vfio.h.
 */
#ifndef UMDEV_VFIO_H
#define UMDEV_VFIO_H

#include <pthread.h>
#include <linux/vfio.h>
#include <umdev/device.h>

struct vfio_device;
struct vfio_device_private;
struct vfio_dma;
struct vfio_irq_index;

/**
 * struct vfio_mmap_area - a part of a region that the user may map
 * @offset: in the region, a multiple of the page size
 * @size:   in bytes, the same
 */
struct vfio_mmap_area {
	uint64_t offset;
	uint64_t size;
};

/**
 * struct vfio_region - what a driver says of one region
 * @size:      in bytes; 0: the region is not there
 * @flags:     VFIO_REGION_INFO_FLAG_READ, _WRITE; _MMAP with @fd
 * @fd:        memfd behind the mappable areas; stays the driver's, open as long as the device is
 *             registered. Ignored without _MMAP. It has all of the region already, and was made
 *             with MFD_ALLOW_SEALING: the user gets this very file, so registering seals it against
 *             being truncated (F_SEAL_SHRINK) and against other seals. What of it is not in @areas
 *             the user can reach as well, and a user who keeps a mapping can when another one has
 *             the device. So a driver may put another file behind the region in close_device() or
 *             open_device(), and close the one before
 * @fd_offset: where in @fd the region begins, a multiple of the page size
 * @areas:     what of it may be mapped; none with _MMAP: all of it
 * @nr_areas:  how many
 * @type:      VFIO_REGION_INFO_CAP_TYPE: type and subtype, 0 for none
 */
struct vfio_region {
	uint64_t size;
	uint32_t flags;
	int fd;
	uint64_t fd_offset;
	const struct vfio_mmap_area *areas;
	unsigned int nr_areas;
	uint32_t type;
	uint32_t subtype;
};

/**
 * struct vfio_irq - what a driver says of one interrupt index
 * @count: how many interrupts; 0: the index is not there. Always 1 in a platform device
 * @flags: VFIO_IRQ_INFO_EVENTFD, _MASKABLE, _AUTOMASKED (which needs _MASKABLE), _NORESIZE. An
 *         index that is MASKABLE has at most 64 interrupts
 */
struct vfio_irq {
	uint32_t count;
	uint32_t flags;
};

/**
 * struct vfio_device_ops - a VFIO driver's callbacks
 * @name:         of the driver, for log lines
 * @open_device:  the one user has come; 0 or -errno to refuse. Optional
 * @close_device: the user has gone and interrupts are disarmed; mappings and pins are dropped after
 *                this. Device state is kept or reset as the driver likes. Optional
 * @get_region:   describe region @index (< num_regions); the core zeroed *@region
 * @get_irq:      describe interrupt index @index (< num_irqs); the core zeroed *@irq
 * @read:         @count bytes (never 0, inside the region, region readable) from @offset of region
 *                @index into @buf; return @count, less at an odd end, or -errno
 * @write:        the same for writing
 * @irqs_changed: the user has armed, disarmed, masked or unmasked interrupts of @index. Optional
 * @reset:        bring the device into the state after power-on; optional: without it
 *                VFIO_DEVICE_FLAGS_RESET is not offered
 * @has_reset:    is it offered? For a driver whose @reset is there to refuse in its own way. May
 *                be called at any time, must say the same every time. Optional: if there is @reset
 * @request:      the device is being unregistered and somebody uses it: ask them to let go. Called
 *                again every ten seconds, @count times so far. Optional
 * @dma_unmap:    the user takes back [@iova, @iova + @length), of which something is pinned: unpin
 *                it with vfio_unpin_pages() before returning, and stop using it. Mandatory for
 *                drivers that pin
 * @connect:      the device is in another program, which serves it over vfio-user: connect to that.
 *                Return a stream socket, which becomes the caller's, or -errno. For a device that
 *                has a user already; must not block. A driver with this callback has no regions,
 *                no interrupts, and neither open_device nor close_device. Optional
 * @socket:       the path of that program's socket, good as long as the device is registered.
 *                Mandatory with @connect
 *
 * Context of open_device, close_device, read, write, irqs_changed, reset, dma_unmap: one at a time
 * per device, on the user's thread, without locks of umdev's; they may call everything below but
 * vfio_unregister_group_dev(). They should return soon: a client gives up after five seconds, so
 * the server answers in their place before that, and what they return then is dropped. @request
 * comes from the unregistering thread, at the same time as the others. @get_region and @get_irq may
 * be called at any time between registering and unregistering, must not block, and say the same
 * every time, but for the descriptor behind a region. @get_region is not called at the same time as
 * open_device and close_device.
 */
struct vfio_device_ops {
	const char *name;
	int (*open_device)(struct vfio_device *vdev);
	void (*close_device)(struct vfio_device *vdev);
	int (*get_region)(struct vfio_device *vdev, unsigned int index, struct vfio_region *region);
	int (*get_irq)(struct vfio_device *vdev, unsigned int index, struct vfio_irq *irq);
	ssize_t (*read)(struct vfio_device *vdev, unsigned int index, void *buf, size_t count,
			uint64_t offset);
	ssize_t (*write)(struct vfio_device *vdev, unsigned int index, const void *buf,
			 size_t count, uint64_t offset);
	void (*irqs_changed)(struct vfio_device *vdev, unsigned int index);
	int (*reset)(struct vfio_device *vdev);
	bool (*has_reset)(struct vfio_device *vdev);
	void (*request)(struct vfio_device *vdev, unsigned int count);
	void (*dma_unmap)(struct vfio_device *vdev, uint64_t iova, uint64_t length);
	int (*connect)(struct vfio_device *vdev);
	const char *(*socket)(struct vfio_device *vdev);
};

/**
 * struct vfio_device - a device that can be given to a user
 * @dev:         the device it belongs to, bound to the driver that registers it
 * @ops:         its callbacks
 * @flags:       VFIO_DEVICE_FLAGS_PCI, _CCW, _AP, _PLATFORM; _RESET is added by the core
 * @num_regions: how many region indexes
 * @num_irqs:    how many interrupt indexes
 * @device:      the class device vfio-dev/vfioN below @dev, umdev's
 * @p:           umdev's, NULL while not registered
 * @irq_lock:    umdev's; the innermost of all locks but for those of the log
 * @irqs:        umdev's, one per index, NULL while not registered; under @irq_lock
 * @dma_lock:    umdev's; nothing is called under it
 * @dma:         umdev's, the user's memory, NULL without user; under @dma_lock
 *
 * Embed it into the driver's state, made in probe() and freed in remove() (rule 6). Zeroed memory
 * is a device that is not registered: interrupts that a thread of the driver's raises before or
 * after are dropped, and its vfio_dma_rw() says -ENODEV.
 */
struct vfio_device {
	struct device *dev;
	const struct vfio_device_ops *ops;
	uint32_t flags;
	unsigned int num_regions;
	unsigned int num_irqs;
	struct device *device;
	struct vfio_device_private *p;
	pthread_mutex_t irq_lock;
	struct vfio_irq_index *irqs;
	pthread_mutex_t dma_lock;
	struct vfio_dma *dma;
};

/**
 * vfio_register_emulated_iommu_dev - offer a device whose memory accesses are made in software
 * @vdev: zeroed but for dev, ops, flags, num_regions, num_irqs; storage of the caller's until
 *        unregistered
 *
 * Makes a group with the lowest free number, /sys/kernel/iommu_groups/N, the link iommu_group, the
 * class devices vfio/N and vfio-dev/vfioN, and tells the transports (umdev/vfio_file.h), so that a
 * user may come. Call it last in probe(), when the device can be used.
 *
 * Context: may sleep; from probe(), usually.
 * Return: 0, -EINVAL (missing callback, a region or interrupt whose numbers don't fit, a region's
 * descriptor that can't be sealed), -EEXIST (registered already), -ENOSPC (2^20 devices), -ENOMEM,
 * or what get_region(), get_irq() or a transport says. After an error nothing is left.
 */
UMDEV_API int vfio_register_emulated_iommu_dev(struct vfio_device *vdev);

/**
 * vfio_unregister_group_dev - take a device back
 *
 * No user can come any more (-ENODEV). One that is there is asked to let go (@request, and the
 * transport's way), and waited for; the log says who it is, at once and every ten seconds. When it
 * returns no callback of @vdev runs or will run. Call it first in remove(). Cannot fail. A device
 * that is not registered is left alone.
 */
UMDEV_API void vfio_unregister_group_dev(struct vfio_device *vdev);

/**
 * vfio_request_users - ask the users of a driver's devices to let go
 * @owner: the driver's module
 * @count: how often they were asked before
 *
 * As vfio_unregister_group_dev() asks one (@request, the transport's way, a line in the log), but
 * nothing is waited for or taken back. For module_unload_wait().
 */
UMDEV_API void vfio_request_users(struct module *owner, unsigned int count);

/** vfio_group_id - a registered device's number in /sys/kernel/iommu_groups/N and /dev/vfio/N. */
UMDEV_API int vfio_group_id(struct vfio_device *vdev);

/* ---- interrupts ---- */

/**
 * vfio_irq_trigger - signal an edge interrupt (MSI, MSI-X, ERR, REQ, ccw's)
 * @index:  VFIO_PCI_MSI_IRQ_INDEX, ...
 * @vector: below the index's count
 *
 * Nothing happens if the user has no eventfd there, but in a platform device, where the eventfd
 * that comes is signalled then. While the vector is masked it becomes pending and is signalled once
 * when it is unmasked. An AUTOMASKED vector is masked by it. Numbers out of
 * range are ignored.
 *
 * Context: any thread, any lock of the driver's; does not sleep.
 */
UMDEV_API void vfio_irq_trigger(struct vfio_device *vdev, unsigned int index, unsigned int vector);

/**
 * vfio_irq_set_level - set the level of a line interrupt (INTx)
 * @level: true while the device asserts it
 *
 * For indexes that are MASKABLE. A rise signals the user's eventfd and, when the index is
 * AUTOMASKED, masks it; when the user unmasks it (or signals the resample eventfd) while the level
 * is still high, it is signalled again. A user who comes while it is high is signalled at once.
 *
 * Context: as vfio_irq_trigger().
 */
UMDEV_API void vfio_irq_set_level(struct vfio_device *vdev, unsigned int index, unsigned int vector,
				  bool level);

/** vfio_irq_is_armed - has the user an eventfd there? Context: any. */
UMDEV_API bool vfio_irq_is_armed(struct vfio_device *vdev, unsigned int index, unsigned int vector);

/**
 * vfio_irq_is_enabled - has the user enabled this index, with eventfds or without?
 *
 * From the first SET_IRQS with eventfds (that may all be -1) to the one that disables the index; in
 * a platform device, and one of vfio_ccw's, as long as there is a user.
 * Context: any.
 */
UMDEV_API bool vfio_irq_is_enabled(struct vfio_device *vdev, unsigned int index);

/* ---- the user's memory ---- */

/**
 * vfio_dma_rw - copy between a buffer and the user's memory
 * @iova:  address as the guest's driver gave it to the device
 * @data:  the buffer
 * @len:   in bytes; may span several mappings
 * @write: true: from @data into the user's memory
 *
 * Mapped memory is copied directly, other memory through messages to the user. No lock is held
 * during either; an unmapping of what is being copied waits for it.
 *
 * Context: a callback of the device, or any thread of the driver's that does not block SIGBUS: the
 * kernel ends a program that blocks it when the user has cut memory off. Sleeps for memory that is
 * not mapped.
 * Return: 0, -EFAULT (an address that is not mapped, or not for this direction, or whose memory the
 * user has cut off; part of it may have been copied), -ENODEV (no user), -EIO (the user did not
 * answer).
 */
UMDEV_API int vfio_dma_rw(struct vfio_device *vdev, uint64_t iova, void *data, size_t len,
			  bool write);

/* How many pages one vfio_pin_pages() may take. */
#define VFIO_PIN_PAGES_MAX 512

/**
 * vfio_pin_pages - get at the user's memory without copying
 * @iova:   need not be aligned
 * @npage:  how many pages of 4096 bytes, from the one that @iova is in
 * @prot:   VFIO_DMA_MAP_FLAG_READ (the device reads) and/or VFIO_DMA_MAP_FLAG_WRITE
 * @pages:  filled with one address per page
 *
 * The addresses are good until vfio_unpin_pages(), which dma_unmap must see to at the latest.
 * Memory that is not shared by the user can't be pinned. If the user cuts the memory off behind a
 * pin (truncates the file), the addresses stay good and show zeroes or what the device writes
 * itself, to threads that do not block SIGBUS.
 *
 * Context: as vfio_dma_rw(); does not sleep for long. All or nothing.
 * Return: @npage, or -EFAULT (not mapped, or not for this direction), -EOPNOTSUPP (not shared),
 * -EINVAL (@npage is 0 or more than VFIO_PIN_PAGES_MAX; no or unknown @prot; no dma_unmap
 * callback), -ENOMEM, -ENODEV (no user).
 */
UMDEV_API int vfio_pin_pages(struct vfio_device *vdev, uint64_t iova, int npage, int prot,
			     void **pages);

/** vfio_unpin_pages - give back what vfio_pin_pages() gave, page by page as often as pinned. */
UMDEV_API void vfio_unpin_pages(struct vfio_device *vdev, uint64_t iova, int npage);

#endif
