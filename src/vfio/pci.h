/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the PCI helper share.
 */
#ifndef UMDEV_VFIO_PCI_INTERNAL_H
#define UMDEV_VFIO_PCI_INTERNAL_H

#include <umdev/vfio_pci.h>

/* Registers of the configuration space, which is little-endian on every host. */
static inline uint16_t pci_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t pci_get32(const uint8_t *p)
{
	return pci_get16(p) | (uint32_t)pci_get16(p + 2) << 16;
}

static inline void pci_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void pci_put32(uint8_t *p, uint32_t v)
{
	pci_put16(p, (uint16_t)v);
	pci_put16(p + 2, (uint16_t)(v >> 16));
}

/**
 * struct vfio_pci_msix - table and pending bits of MSI-X
 * @vectors: how many; constant, as the three after it
 * @bar:     where they are
 * @table, @pba: at which offsets of it
 * @entries: what the user has written into the table; NULL until it writes there, because VMMs keep
 *           the table to themselves. Written under irq_lock
 * @pending: a bit per vector; under irq_lock
 */
struct vfio_pci_msix {
	unsigned int vectors;
	unsigned int bar;
	uint32_t table;
	uint32_t pba;
	uint8_t *entries;
	uint64_t pending[];
};

/* ---- vfio_pci_config.c ---- */

/** vfio_pci_config_read - as struct vfio_device_ops.read, for the configuration space. */
ssize_t vfio_pci_config_read(struct vfio_pci_device *pdev, uint8_t *buf, size_t count,
			     uint64_t offset);
/** vfio_pci_config_write - the same for writing, with all that follows from what is written. */
ssize_t vfio_pci_config_write(struct vfio_pci_device *pdev, const uint8_t *buf, size_t count,
			      uint64_t offset);
/** vfio_pci_reset - back to power-on, the driver too. Return: 0 or what the driver says. */
int vfio_pci_reset(struct vfio_pci_device *pdev);

/* ---- vfio_pci_irq.c ---- */

/** vfio_pci_sync_irqs - signal what may be, now that registers have changed. Under irq_lock. */
void vfio_pci_sync_irqs(struct vfio_pci_device *pdev);
/**
 * vfio_pci_irqs_changed - the user has changed what is armed of @index
 *
 * As with a physical device it is the user's SET_IRQS that switches MSI and MSI-X on and off.
 * Context: the user's thread.
 */
void vfio_pci_irqs_changed(struct vfio_pci_device *pdev, unsigned int index);
/** vfio_pci_reset_irqs - forget what is asserted and pending. Under irq_lock. */
void vfio_pci_reset_irqs(struct vfio_pci_device *pdev);

/* ---- vfio_pci_msix.c ---- */

/** vfio_pci_msix_read - read from the BAR that has table and pending bits. */
ssize_t vfio_pci_msix_read(struct vfio_pci_device *pdev, uint8_t *buf, size_t count,
			   uint64_t offset);
/** vfio_pci_msix_write - the same for writing. */
ssize_t vfio_pci_msix_write(struct vfio_pci_device *pdev, const uint8_t *buf, size_t count,
			    uint64_t offset);
/** vfio_pci_msix_flush - signal what is pending and not masked any more. Under irq_lock. */
void vfio_pci_msix_flush(struct vfio_pci_device *pdev);
/** vfio_pci_msix_reset - all masked, nothing pending. Under irq_lock. */
void vfio_pci_msix_reset(struct vfio_pci_device *pdev);
/** vfio_pci_msix_is_on - has the guest switched it on? Under irq_lock. */
bool vfio_pci_msix_is_on(const struct vfio_pci_device *pdev);

#endif
