/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PCI devices made of software: configuration space, BARs, INTx, MSI and MSI-X, so that a driver
 * says what its device is and handles its own registers only.
 *
 * Behaviour: PCI Local Bus Specification 3.0 chapter 6, PCI Express Base Specification 3.0 chapter
 * 7, as far as a VMM and a guest use them; numbers of regions and interrupts as Linux 6.1
 * drivers/vfio/pci/.
 */
#ifndef UMDEV_VFIO_PCI_H
#define UMDEV_VFIO_PCI_H

#include <pthread.h>
#include <linux/pci_regs.h>
#include <umdev/vfio.h>

#define VFIO_PCI_NUM_BARS 6

struct vfio_pci_device;
struct vfio_pci_msix;

/**
 * struct vfio_pci_ops - the driver's side of a PCI device
 * @bar_read:       @count bytes from @offset of BAR @bar; always inside the BAR. Return @count or
 *                  -errno (the guest reads ones)
 * @bar_write:      the same for writing
 * @config_written: the guest has changed bytes of the configuration space; optional
 * @open:           as open_device in struct vfio_device_ops; optional
 * @close:          as close_device there; optional
 * @reset:          the configuration space is already as after power-on, and no interrupt is
 *                  asserted; optional. The guest causes it through the VMM, by a Function Level
 *                  Reset, or by coming back from D3hot
 * @request:        as in struct vfio_device_ops; optional: the user's REQ interrupt is signalled
 *                  anyway
 * @dma_unmap:      as in struct vfio_device_ops; optional
 */
struct vfio_pci_ops {
	ssize_t (*bar_read)(struct vfio_pci_device *pdev, unsigned int bar, void *buf, size_t count,
			    uint64_t offset);
	ssize_t (*bar_write)(struct vfio_pci_device *pdev, unsigned int bar, const void *buf,
			     size_t count, uint64_t offset);
	void (*config_written)(struct vfio_pci_device *pdev, unsigned int offset,
			       unsigned int count);
	int (*open)(struct vfio_pci_device *pdev);
	void (*close)(struct vfio_pci_device *pdev);
	int (*reset)(struct vfio_pci_device *pdev);
	void (*request)(struct vfio_pci_device *pdev, unsigned int count);
	void (*dma_unmap)(struct vfio_pci_device *pdev, uint64_t iova, uint64_t length);
};

/** struct vfio_pci_id - who the device says it is */
struct vfio_pci_id {
	uint16_t vendor, device, subsystem_vendor, subsystem_device;
	uint32_t class; /* 24 bits: base class, subclass, programming interface */
	uint8_t revision;
};

/**
 * struct vfio_pci_bar - one BAR
 * @size:     bytes, a power of two, at least 4 (I/O) or 16 (memory); 0: no BAR here
 * @flags:    PCI_BASE_ADDRESS_SPACE_IO, or PCI_BASE_ADDRESS_MEM_TYPE_64,
 *            PCI_BASE_ADDRESS_MEM_PREFETCH
 * @mmap_fd:  memfd whose areas the user may map, if nr_areas > 0; the BAR begins at its offset 0.
 *            As in struct vfio_region: of full size, made with MFD_ALLOW_SEALING
 * @areas:    which; must outlive the device
 * @nr_areas: how many
 */
struct vfio_pci_bar {
	uint64_t size;
	uint32_t flags;
	int mmap_fd;
	const struct vfio_mmap_area *areas;
	unsigned int nr_areas;
};

/**
 * struct vfio_pci_device - a PCI device; embed it into the driver's state
 * @vdev:    the VFIO device
 * @ops:     the driver's callbacks
 * @bars:    as set, constant once registered
 * @config:  the space as the guest reads it; under @irq_lock. What is behind it in a PCI Express
 *           device's 4096 bytes reads as zeroes, which means no extended capabilities
 * @initial: what a reset brings back; constant once registered
 * @wmask:   which bits the guest may write; the same
 * @next_cap: where the next capability goes
 * @last_cap: the byte that will point to it
 * @msi_cap, @msix_cap, @exp_cap, @pm_cap: offsets, 0 for none
 * @msi_vectors, @msix_vectors: how many, 0 for none
 * @msi_pending: MSI vectors that wait for their mask bit or their eventfd; under @irq_lock
 * @intx_level: what the driver asserts; under @irq_lock
 * @express: configuration space of 4096 bytes
 * @msix:    NULL without MSI-X
 * @irq_lock: inside of any lock of the driver's
 *
 * All but @vdev and @ops is umdev's.
 */
struct vfio_pci_device {
	struct vfio_device vdev;
	const struct vfio_pci_ops *ops;
	struct vfio_pci_bar bars[VFIO_PCI_NUM_BARS];
	uint8_t config[PCI_CFG_SPACE_SIZE];
	uint8_t initial[PCI_CFG_SPACE_SIZE];
	uint8_t wmask[PCI_CFG_SPACE_SIZE];
	uint16_t next_cap;
	uint8_t last_cap;
	uint8_t msi_cap, msix_cap, exp_cap, pm_cap;
	uint16_t msi_vectors, msix_vectors;
	uint32_t msi_pending;
	bool intx_level;
	bool express;
	struct vfio_pci_msix *msix;
	pthread_mutex_t irq_lock;
};

/**
 * vfio_pci_init - begin a PCI device
 * @pdev: zeroed storage in the driver's state
 * @dev:  the device that probe() got
 * @ops:  the driver's callbacks, which must outlive it
 * @id:   who it is
 *
 * Then BARs and capabilities are added, then vfio_pci_register(). Undone by vfio_pci_finish().
 */
UMDEV_API void vfio_pci_init(struct vfio_pci_device *pdev, struct device *dev,
			     const struct vfio_pci_ops *ops, const struct vfio_pci_id *id);
/** vfio_pci_finish - free what vfio_pci_init() and those after it made. Zeroed memory is fine. */
UMDEV_API void vfio_pci_finish(struct vfio_pci_device *pdev);

/*
 * What the device has. All of it is said between vfio_pci_init() and vfio_pci_register(); -EBUSY
 * later.
 */

/**
 * vfio_pci_set_bar - add a BAR; a 64-bit one takes @index + 1 too
 * Return: 0, -EINVAL, -EBUSY (taken).
 */
UMDEV_API int vfio_pci_set_bar(struct vfio_pci_device *pdev, unsigned int index,
			       const struct vfio_pci_bar *bar);
/** vfio_pci_set_intx - give it an interrupt pin: 1 is INTA. Return: 0, -EINVAL (not 1 to 4). */
UMDEV_API int vfio_pci_set_intx(struct vfio_pci_device *pdev, uint8_t pin);
/**
 * vfio_pci_add_msi - give it MSI with 64-bit addresses and without mask bits
 * @vectors: how many at most; a power of two up to 32
 * Return: 0, -EINVAL, -EEXIST, -ENOSPC.
 */
UMDEV_API int vfio_pci_add_msi(struct vfio_pci_device *pdev, unsigned int vectors);
/**
 * vfio_pci_add_msi_flags - give it MSI of another shape
 * @flags: PCI_MSI_FLAGS_64BIT and/or PCI_MSI_FLAGS_MASKBIT
 * Return: as vfio_pci_add_msi().
 */
UMDEV_API int vfio_pci_add_msi_flags(struct vfio_pci_device *pdev, unsigned int vectors,
				     uint16_t flags);
/**
 * vfio_pci_add_msix - give it MSI-X
 * @vectors: at most 2048
 * @bar:     the memory BAR that holds table and pending bits, added before; umdev serves these
 *           parts
 * @table, @pba: their offsets in it, multiples of 8; they must not overlap
 * Return: 0, -EINVAL, -EEXIST, -ENOSPC, -ENOMEM.
 */
UMDEV_API int vfio_pci_add_msix(struct vfio_pci_device *pdev, unsigned int vectors,
				unsigned int bar, uint32_t table, uint32_t pba);
/**
 * vfio_pci_add_capability - add a capability of the driver's own
 * @id:    PCI_CAP_ID_*
 * @data:  what follows its two header bytes
 * @size:  of @data
 * @wmask: which bits of @data the guest may write, NULL for none
 * Return: its offset, -ENOSPC, -EINVAL.
 */
UMDEV_API int vfio_pci_add_capability(struct vfio_pci_device *pdev, uint8_t id, const void *data,
				      size_t size, const void *wmask);
/**
 * vfio_pci_add_express - make it a PCI Express endpoint: 4096 bytes of configuration space, a
 * Function Level Reset
 * Return: 0, -ENOSPC, -EEXIST.
 */
UMDEV_API int vfio_pci_add_express(struct vfio_pci_device *pdev);
/**
 * vfio_pci_add_pm - give it power management: D0 and D3hot, with a reset on the way back
 * Return: 0, -ENOSPC, -EEXIST.
 */
UMDEV_API int vfio_pci_add_pm(struct vfio_pci_device *pdev);

/**
 * vfio_pci_register - fix what it is and register it
 * Return: as vfio_register_emulated_iommu_dev(); -EINVAL also for BARs without bar_read and
 * bar_write.
 */
UMDEV_API int vfio_pci_register(struct vfio_pci_device *pdev);
/** vfio_pci_unregister - vfio_unregister_group_dev(). */
UMDEV_API void vfio_pci_unregister(struct vfio_pci_device *pdev);

/**
 * vfio_pci_set_intx_level - assert or deassert INTx
 *
 * Heeds the guest's Interrupt Disable, shows Interrupt Status; says nothing to a guest that uses
 * MSI or MSI-X.
 * Context: any thread; does not sleep.
 */
UMDEV_API void vfio_pci_set_intx_level(struct vfio_pci_device *pdev, bool level);
/**
 * vfio_pci_msi_trigger - signal an MSI vector, if the guest has enabled MSI
 *
 * One that is masked, or that the user has given no eventfd yet, becomes pending and is signalled
 * when that is over. A guest that allows fewer vectors than the device has gets the high ones as
 * low ones, modulo what it allows. Context: as above.
 */
UMDEV_API void vfio_pci_msi_trigger(struct vfio_pci_device *pdev, unsigned int vector);
/**
 * vfio_pci_msix_trigger - signal an MSI-X vector, if the guest has enabled MSI-X
 *
 * One that is masked, or that the user has given no eventfd yet, becomes pending and is signalled
 * when that is over. Context: as above.
 */
UMDEV_API void vfio_pci_msix_trigger(struct vfio_pci_device *pdev, unsigned int vector);
/** vfio_pci_msi_enabled - has the guest switched MSI on? Context: any. */
UMDEV_API bool vfio_pci_msi_enabled(struct vfio_pci_device *pdev);
/** vfio_pci_msix_enabled - has the guest switched MSI-X on? Context: any. */
UMDEV_API bool vfio_pci_msix_enabled(struct vfio_pci_device *pdev);
/**
 * vfio_pci_fatal_error - tell the user that the device is broken for good
 *
 * Signals the ERR interrupt: QEMU stops the guest. Context: any thread; does not sleep.
 */
UMDEV_API void vfio_pci_fatal_error(struct vfio_pci_device *pdev);

#endif
