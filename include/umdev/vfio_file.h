/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VFIO devices, the user's side: what a transport (the vfio-user server, or a program in the same
 * process) does with a device that a driver has registered.
 *
 * Behaviour: Linux 6.1 Documentation/driver-api/vfio.rst,
 * drivers/vfio/{vfio_main,vfio_iommu_type1}.c.
 */
#ifndef UMDEV_VFIO_FILE_H
#define UMDEV_VFIO_FILE_H

#include <umdev/vfio.h>

struct stat;
struct vfio_claim;
struct vfio_file;

/**
 * struct vfio_user_ops - what the core asks of the user of a device
 * @request:   the device is being taken away; please close. Comes from another thread; must not
 *             block, nor take a lock under which vfio_file_close() is called. Optional
 * @dma_read:  read the user's memory that has no descriptor; 0 or -errno. From any thread of the
 *             driver's, without locks of umdev's. A vfio_file_dma_unmap() of that memory waits for
 *             it, so the answer must be able to arrive while the user's thread is in there.
 *             Optional: without it such memory is not accessible (-EFAULT)
 * @dma_write: the same for writing
 * @disconnect: somebody with the right to say so wants the user gone: end its connection, so that
 *             it is closed soon, also if the user does nothing for it. Like @request. Optional:
 *             without it only the user can end the use
 * @describe:  who it is, as "pid 4711 (qemu-system-x86)", into @buf. Like @request. Optional
 */
struct vfio_user_ops {
	void (*request)(struct vfio_file *file, unsigned int count);
	int (*dma_read)(struct vfio_file *file, uint64_t iova, void *data, size_t len);
	int (*dma_write)(struct vfio_file *file, uint64_t iova, const void *data, size_t len);
	void (*disconnect)(struct vfio_file *file);
	void (*describe)(struct vfio_file *file, char *buf, size_t size);
};

/**
 * vfio_file_open - become the one user of a device
 * @vdev: registered; the caller is a transport between its start and stop, or holds the device
 *        otherwise
 * @ops:  the user's callbacks
 * @data: for vfio_file_data()
 * @out:  the open device; closed with vfio_file_close()
 *
 * Keeps the driver's module from unloading. Calls open_device(). @ops->describe and @ops->request
 * may be called before this returns.
 * Return: 0, -EBUSY (somebody has it, or its group), -ENODEV (being unregistered), -ENOMEM, or what
 * open_device() says.
 */
UMDEV_API int vfio_file_open(struct vfio_device *vdev, const struct vfio_user_ops *ops, void *data,
			     struct vfio_file **out);

/**
 * vfio_file_open_claimed - the same for who has the group, while everybody else is refused
 * @claim: of the device's group; NULL: without one
 * Return: as vfio_file_open(), and -ENODEV if @claim has ended.
 */
UMDEV_API int vfio_file_open_claimed(struct vfio_device *vdev, struct vfio_claim *claim,
				     const struct vfio_user_ops *ops, void *data,
				     struct vfio_file **out);

/**
 * vfio_file_close - let go of the device
 *
 * Disarms interrupts, calls close_device(), waits for copies in flight, drops pins and mappings.
 * @file is freed.
 * Context: no other call on @file runs; not from a callback of the device or of @file.
 */
UMDEV_API void vfio_file_close(struct vfio_file *file);

/** vfio_file_data - the pointer given to vfio_file_open(). */
UMDEV_API void *vfio_file_data(const struct vfio_file *file);
/** vfio_file_device - the device. */
UMDEV_API struct vfio_device *vfio_file_device(const struct vfio_file *file);

/*
 * The calls below that reach the driver (read, write, set_irqs, reset, dma_unmap) are made by one
 * thread at a time. None of them allocates memory but set_irqs, dma_map and dma_unmap.
 */

/** vfio_file_get_info - VFIO_DEVICE_GET_INFO: flags, num_regions, num_irqs are filled. */
UMDEV_API void vfio_file_get_info(struct vfio_file *file, struct vfio_device_info *info);

/**
 * vfio_file_get_region_info - VFIO_DEVICE_GET_REGION_INFO
 * @index: which region
 * @info:  room for @size bytes, at least sizeof(*info); filled with the information and, if there
 *         is room, its capabilities (SPARSE_MMAP, TYPE). info->argsz says how much room all of it
 *         needs; FLAG_CAPS and cap_offset are set only when they are there
 * @size:  of the buffer at @info
 * @fd:    the descriptor behind a mappable region (the driver's, do not close), else -1; may be
 *         NULL
 *
 * info->offset is where the region begins in @fd (0 without one).
 * Return: 0, -EINVAL (@index or @size).
 */
UMDEV_API int vfio_file_get_region_info(struct vfio_file *file, unsigned int index,
					struct vfio_region_info *info, size_t size, int *fd);

/** vfio_file_get_irq_info - VFIO_DEVICE_GET_IRQ_INFO for @index. Return: 0, -EINVAL. */
UMDEV_API int vfio_file_get_irq_info(struct vfio_file *file, unsigned int index,
				     struct vfio_irq_info *info);

/**
 * vfio_file_set_irqs - VFIO_DEVICE_SET_IRQS
 * @flags: one VFIO_IRQ_SET_DATA_* and one VFIO_IRQ_SET_ACTION_*
 * @index: which index
 * @start: first vector
 * @count: how many; 0 with DATA_NONE and ACTION_TRIGGER disables all of @index
 * @data:  DATA_BOOL: @count bytes; DATA_EVENTFD: @count ints, negative for "none". The core
 *         duplicates descriptors that it keeps
 *
 * ACTION_TRIGGER with eventfds arms, with DATA_NONE or _BOOL it signals what is armed (a loopback
 * test). ACTION_UNMASK with an eventfd makes writing to that a way to unmask (resampling).
 *
 * A platform device (VFIO_DEVICE_FLAGS_PLATFORM) answers as the kernel's do: masking is independent
 * of arming and lasts until the device is closed, ACTION_MASK takes an eventfd, too (and both say
 * -EBUSY to a second one), a signal by DATA_NONE or _BOOL masks what is AUTOMASKED, arming with
 * what is no eventfd disarms, an action that is not one is -ENOTTY.
 *
 * A device of vfio_ap's (VFIO_DEVICE_FLAGS_AP) takes DATA_EVENTFD alone, as the kernel's: an
 * interrupt is disarmed by a negative one. The interrupts of vfio_ccw's (VFIO_DEVICE_FLAGS_CCW) are
 * enabled from the beginning: one that nobody has armed may be signalled, and nothing happens.
 *
 * All or nothing. Return: 0, -EINVAL (any number out of range, a combination that the index does
 * not offer, or that needs an index enabled before), -EBADF (not an eventfd), -ENOMEM, -EMFILE.
 */
UMDEV_API int vfio_file_set_irqs(struct vfio_file *file, uint32_t flags, unsigned int index,
				 unsigned int start, unsigned int count, const void *data);

/**
 * vfio_file_read - read from a region
 * Return: how many bytes, or -EINVAL (no such region, or beyond its end), -EACCES (not readable),
 * or what the driver says.
 * Context: hot path: no allocation, no lock that devices share.
 */
UMDEV_API ssize_t vfio_file_read(struct vfio_file *file, unsigned int index, void *buf,
				 size_t count, uint64_t offset);
/** vfio_file_write - the same for writing. */
UMDEV_API ssize_t vfio_file_write(struct vfio_file *file, unsigned int index, const void *buf,
				  size_t count, uint64_t offset);

/** vfio_file_reset - VFIO_DEVICE_RESET. Return: 0, -ENOTTY (there is none), or what it says. */
UMDEV_API int vfio_file_reset(struct vfio_file *file);

/* How many mappings one user may have, as the kernel's. */
#define VFIO_DMA_MAPS_MAX 65535

/**
 * vfio_file_dma_map - let the device use a piece of the user's memory
 * @iova:   where the device sees it
 * @size:   in bytes
 * @flags:  VFIO_DMA_MAP_FLAG_READ and/or _WRITE
 * @fd:     the memory's descriptor, -1 if it has none (then dma_read and dma_write are used). The
 *          core duplicates nothing: it maps it here and the caller may close it at once. A
 *          descriptor that can't be mapped with the rights asked for is treated as none if the user
 *          has dma_read and dma_write. Only regular files are mapped (a memfd is one), not those
 *          that another process or host pages in (FUSE, NFS, ...): such memory could hang the
 *          device. If the user truncates the file later, copies of all that is mapped of it fail
 *          (-EFAULT) until it is mapped anew
 * @offset: where in @fd it begins
 *
 * Return: 0, -EINVAL (size 0, no or unknown flag, not aligned to 4096, wraps around, @offset +
 * @size overflows), -EEXIST (overlaps a mapping), -ENOSPC (VFIO_DMA_MAPS_MAX mappings), -ENOMEM;
 * without dma_read and dma_write also -EACCES (rights), -EOPNOTSUPP (what kind of file), -ENXIO
 * (beyond its end), -ENOSPC (more files or bytes than one user may take of the process's address
 * space) and what mmap() says.
 */
UMDEV_API int vfio_file_dma_map(struct vfio_file *file, uint64_t iova, uint64_t size,
				uint32_t flags, int fd, uint64_t offset);

/**
 * vfio_file_dma_unmap - take back all mappings that lie in a range
 * @unmapped: filled with how many bytes were mapped there; may be NULL
 *
 * When it returns nobody uses that memory: pinned pages are given back through dma_unmap(), copies
 * are waited for.
 * Return: 0 (also when nothing was mapped there), -EINVAL (size 0, not aligned, wraps around, or
 * would cut a mapping in two; nothing is unmapped then).
 */
UMDEV_API int vfio_file_dma_unmap(struct vfio_file *file, uint64_t iova, uint64_t size,
				  uint64_t *unmapped);
/** vfio_file_dma_unmap_all - the same for all mappings. */
UMDEV_API void vfio_file_dma_unmap_all(struct vfio_file *file, uint64_t *unmapped);

/* ---- groups ---- */

/**
 * struct vfio_claim_ops - what the core says to who has claimed a group
 * @gone:     the device has gone and the group with it: the claim has ended, and is still to be
 *            given back with vfio_group_release(). Mandatory
 * @describe: who it is, as "pid 4711 (qemu-system-x86)", into @buf. Optional
 *
 * Both come from any thread, under a lock of the core's: they must not block nor call anything of
 * this header.
 */
struct vfio_claim_ops {
	void (*gone)(void *data);
	void (*describe)(void *data, char *buf, size_t size);
};

/**
 * vfio_group_claim - become the one user of a device's group, as open() of its node does
 * @vdev: as for vfio_file_open()
 * @data: for @ops
 * @out:  the claim; given back with vfio_group_release()
 *
 * Until then only vfio_file_open_claimed() with this claim opens the device. The device that was
 * opened so stays open when the claim ends. A claim keeps nothing from being unregistered.
 * Return: 0, -EBUSY (somebody has the group or the device), -ENODEV (being unregistered), -ENOMEM.
 */
UMDEV_API int vfio_group_claim(struct vfio_device *vdev, const struct vfio_claim_ops *ops,
			       void *data, struct vfio_claim **out);
/**
 * vfio_group_release - end a claim, unless it has ended, and drop the holder's reference
 *
 * When it returns no callback of the claim runs or will run.
 */
UMDEV_API void vfio_group_release(struct vfio_claim *claim);

/**
 * vfio_claim_get - keep a claim's memory, to compare with after it has ended; NULL is passed
 * through. Return: @claim
 */
UMDEV_API struct vfio_claim *vfio_claim_get(struct vfio_claim *claim);
/** vfio_claim_put - the reverse; NULL does nothing. */
UMDEV_API void vfio_claim_put(struct vfio_claim *claim);

/**
 * vfio_group_stat - the node /dev/vfio/N of a device's group: type, rights and owner as they are
 * now
 * @vdev: as for vfio_file_open()
 * Return: 0, -ENOENT (the name was taken: it has none).
 */
UMDEV_API int vfio_group_stat(struct vfio_device *vdev, struct stat *st);

/* ---- transports ---- */

/**
 * struct vfio_transport - a way by which users reach devices
 * @name:       for log lines
 * @start:      a device is being registered and can be used as soon as this is called; 0, or
 *              -errno, which fails the registering
 * @stop:       it is being unregistered: let nobody in any more. Users that are there stay until
 *              they close
 * @dev_groups: attributes of each vfio-dev/vfioN, there from its beginning; NULL-terminated, may be
 *              NULL
 * @group_groups: the same for each group, vfio/N
 * @list:       umdev's
 *
 * start and stop of different devices run at the same time, those of one device one after the
 * other. A transport keeps its state of a device with vfio_device_set_transport_data(), one slot
 * for each device.
 */
struct vfio_transport {
	const char *name;
	int (*start)(struct vfio_transport *transport, struct vfio_device *vdev);
	void (*stop)(struct vfio_transport *transport, struct vfio_device *vdev);
	const struct attribute_group **dev_groups;
	const struct attribute_group **group_groups;
	struct list_head list;
};

/**
 * vfio_transport_register - serve devices from now on; devices that are registered already are
 * started too
 *
 * One transport per process. Return: 0, -EBUSY (there is one), -ENOMEM, or what start() says.
 */
UMDEV_API int vfio_transport_register(struct vfio_transport *transport);
/** vfio_transport_unregister - the reverse; stop() is called for every device that is left. */
UMDEV_API void vfio_transport_unregister(struct vfio_transport *transport);

/** vfio_device_set_transport_data - the transport's own pointer; under the transport's own lock. */
UMDEV_API void vfio_device_set_transport_data(struct vfio_device *vdev, void *data);
/** vfio_device_transport_data - read it. */
UMDEV_API void *vfio_device_transport_data(struct vfio_device *vdev);
/** vfio_device_from_dev - the VFIO device of a vfio-dev/vfioN, to use in its attributes. */
UMDEV_API struct vfio_device *vfio_device_from_dev(struct device *dev);

#endif
