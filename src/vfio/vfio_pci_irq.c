/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * INTx and MSI: what the registers of a guest allow to be signalled.
 */
#include "vfio/pci.h"

static uint16_t command(const struct vfio_pci_device *pdev)
{
	return pci_get16(pdev->config + PCI_COMMAND);
}

static uint16_t msi_control(const struct vfio_pci_device *pdev)
{
	return pci_get16(pdev->config + pdev->msi_cap + PCI_MSI_FLAGS);
}

static bool msi_is_on(const struct vfio_pci_device *pdev)
{
	return pdev->msi_cap && msi_control(pdev) & PCI_MSI_FLAGS_ENABLE;
}

/* ---- INTx ---- */

static void sync_intx(struct vfio_pci_device *pdev)
{
	bool signal = pdev->intx_level && !(command(pdev) & PCI_COMMAND_INTX_DISABLE) &&
		      !msi_is_on(pdev) && !vfio_pci_msix_is_on(pdev);

	if (pdev->intx_level)
		pdev->config[PCI_STATUS] |= PCI_STATUS_INTERRUPT;
	else
		pdev->config[PCI_STATUS] &= (uint8_t)~PCI_STATUS_INTERRUPT;
	vfio_irq_set_level(&pdev->vdev, VFIO_PCI_INTX_IRQ_INDEX, 0, signal);
}

void vfio_pci_set_intx_level(struct vfio_pci_device *pdev, bool level)
{
	pthread_mutex_lock(&pdev->irq_lock);
	if (pdev->intx_level != level) {
		pdev->intx_level = level;
		sync_intx(pdev);
	}
	pthread_mutex_unlock(&pdev->irq_lock);
}

/* ---- MSI ---- */

static uint32_t msi_masked(const struct vfio_pci_device *pdev)
{
	uint16_t control = msi_control(pdev);
	unsigned int at = control & PCI_MSI_FLAGS_64BIT ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32;

	if (!(control & PCI_MSI_FLAGS_MASKBIT))
		return 0;
	return pci_get32(pdev->config + pdev->msi_cap + at);
}

static void set_msi_pending(struct vfio_pci_device *pdev, uint32_t pending)
{
	uint16_t control = msi_control(pdev);
	unsigned int at = control & PCI_MSI_FLAGS_64BIT ? PCI_MSI_PENDING_64 : PCI_MSI_PENDING_32;

	pdev->msi_pending = pending;
	if (control & PCI_MSI_FLAGS_MASKBIT)
		pci_put32(pdev->config + pdev->msi_cap + at, pending);
}

/* How many messages the guest allows: a power of two, no more than there are. */
static unsigned int msi_allowed(const struct vfio_pci_device *pdev)
{
	unsigned int n = 1u << ((msi_control(pdev) & PCI_MSI_FLAGS_QSIZE) >> 4);

	return n < pdev->msi_vectors ? n : pdev->msi_vectors;
}

static void flush_msi(struct vfio_pci_device *pdev)
{
	uint32_t ready = pdev->msi_pending & ~msi_masked(pdev);

	if (!msi_is_on(pdev))
		return;
	for (; ready; ready &= ready - 1) {
		unsigned int vector = (unsigned int)__builtin_ctz(ready);

		/* VMMs write the enable bit before they give the eventfds. */
		if (!vfio_irq_is_armed(&pdev->vdev, VFIO_PCI_MSI_IRQ_INDEX, vector))
			continue;
		set_msi_pending(pdev, pdev->msi_pending & ~(UINT32_C(1) << vector));
		vfio_irq_trigger(&pdev->vdev, VFIO_PCI_MSI_IRQ_INDEX, vector);
	}
}

void vfio_pci_msi_trigger(struct vfio_pci_device *pdev, unsigned int vector)
{
	pthread_mutex_lock(&pdev->irq_lock);
	if (msi_is_on(pdev) && vector < pdev->msi_vectors) {
		/* A user that has armed it by itself allows it, whatever the register says. */
		if (!vfio_irq_is_armed(&pdev->vdev, VFIO_PCI_MSI_IRQ_INDEX, vector))
			vector &= msi_allowed(pdev) - 1;
		set_msi_pending(pdev, pdev->msi_pending | UINT32_C(1) << vector);
		flush_msi(pdev);
	}
	pthread_mutex_unlock(&pdev->irq_lock);
}

bool vfio_pci_msi_enabled(struct vfio_pci_device *pdev)
{
	bool on;

	pthread_mutex_lock(&pdev->irq_lock);
	on = msi_is_on(pdev);
	pthread_mutex_unlock(&pdev->irq_lock);
	return on;
}

/* ---- all together ---- */

void vfio_pci_fatal_error(struct vfio_pci_device *pdev)
{
	vfio_irq_trigger(&pdev->vdev, VFIO_PCI_ERR_IRQ_INDEX, 0);
}

void vfio_pci_sync_irqs(struct vfio_pci_device *pdev)
{
	if (pdev->msi_cap)
		flush_msi(pdev);
	vfio_pci_msix_flush(pdev);
	sync_intx(pdev);
}

static void set_enable_bit(struct vfio_pci_device *pdev, unsigned int at, uint16_t bit,
			   unsigned int index)
{
	uint16_t control = pci_get16(pdev->config + at);

	if (vfio_irq_is_enabled(&pdev->vdev, index))
		control |= bit;
	else
		control &= (uint16_t)~bit;
	pci_put16(pdev->config + at, control);
}

void vfio_pci_irqs_changed(struct vfio_pci_device *pdev, unsigned int index)
{
	pthread_mutex_lock(&pdev->irq_lock);
	if (pdev->msi_cap && index == VFIO_PCI_MSI_IRQ_INDEX)
		set_enable_bit(pdev, pdev->msi_cap + PCI_MSI_FLAGS, PCI_MSI_FLAGS_ENABLE,
			       VFIO_PCI_MSI_IRQ_INDEX);
	if (pdev->msix_cap && index == VFIO_PCI_MSIX_IRQ_INDEX)
		set_enable_bit(pdev, pdev->msix_cap + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE,
			       VFIO_PCI_MSIX_IRQ_INDEX);
	vfio_pci_sync_irqs(pdev);
	pthread_mutex_unlock(&pdev->irq_lock);
}

void vfio_pci_reset_irqs(struct vfio_pci_device *pdev)
{
	pdev->intx_level = false;
	pdev->msi_pending = 0;
	vfio_pci_msix_reset(pdev);
	sync_intx(pdev);
}
