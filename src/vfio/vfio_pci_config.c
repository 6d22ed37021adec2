/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration space while a guest uses it.
 */
#include <string.h>

#include "vfio/pci.h"

ssize_t vfio_pci_config_read(struct vfio_pci_device *pdev, uint8_t *buf, size_t count,
			     uint64_t offset)
{
	size_t n = 0;

	if (offset < PCI_CFG_SPACE_SIZE) {
		n = PCI_CFG_SPACE_SIZE - (size_t)offset;
		if (n > count)
			n = count;
		pthread_mutex_lock(&pdev->irq_lock);
		memcpy(buf, pdev->config + offset, n);
		pthread_mutex_unlock(&pdev->irq_lock);
	}
	memset(buf + n, 0, count - n);
	return (ssize_t)count;
}

/* Did a write of @count bytes at @offset include the byte at @at? */
static bool wrote(uint64_t offset, size_t count, unsigned int at)
{
	return at >= offset && at - offset < count;
}

static bool asks_for_flr(const struct vfio_pci_device *pdev, const uint8_t *buf, size_t count,
			 uint64_t offset)
{
	/* The bit is in the upper byte of the register, and always read as 0. */
	unsigned int at = pdev->exp_cap + PCI_EXP_DEVCTL + 1u;

	return pdev->exp_cap && wrote(offset, count, at) &&
	       buf[at - offset] & PCI_EXP_DEVCTL_BCR_FLR >> 8;
}

static unsigned int power_state(const struct vfio_pci_device *pdev)
{
	if (!pdev->pm_cap)
		return 0;
	return pdev->config[pdev->pm_cap + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK;
}

/* States that are not offered leave the old one. */
static void check_power_state(struct vfio_pci_device *pdev, unsigned int before)
{
	unsigned int now = power_state(pdev);

	if (now != 0 && now != 3)
		pdev->config[pdev->pm_cap + PCI_PM_CTRL] ^= (uint8_t)(now ^ before);
}

ssize_t vfio_pci_config_write(struct vfio_pci_device *pdev, const uint8_t *buf, size_t count,
			      uint64_t offset)
{
	unsigned int before;
	bool reset;
	size_t i, n;

	if (offset >= PCI_CFG_SPACE_SIZE)
		return (ssize_t)count;
	n = PCI_CFG_SPACE_SIZE - (size_t)offset;
	if (n > count)
		n = count;

	pthread_mutex_lock(&pdev->irq_lock);
	before = power_state(pdev);
	for (i = 0; i < n; i++) {
		uint8_t mask = pdev->wmask[offset + i], *reg = &pdev->config[offset + i];

		*reg = (uint8_t)((*reg & ~mask) | (buf[i] & mask));
	}
	check_power_state(pdev, before);
	reset = asks_for_flr(pdev, buf, n, offset) || (before == 3 && power_state(pdev) == 0);
	if (!reset)
		vfio_pci_sync_irqs(pdev);
	pthread_mutex_unlock(&pdev->irq_lock);

	if (reset)
		vfio_pci_reset(pdev);
	else if (pdev->ops->config_written)
		pdev->ops->config_written(pdev, (unsigned int)offset, (unsigned int)n);
	return (ssize_t)count;
}

int vfio_pci_reset(struct vfio_pci_device *pdev)
{
	pthread_mutex_lock(&pdev->irq_lock);
	memcpy(pdev->config, pdev->initial, sizeof(pdev->config));
	vfio_pci_reset_irqs(pdev);
	pthread_mutex_unlock(&pdev->irq_lock);
	/* What the user has enabled stays so, as the kernel restores it after a reset. */
	vfio_pci_irqs_changed(pdev, VFIO_PCI_MSI_IRQ_INDEX);
	vfio_pci_irqs_changed(pdev, VFIO_PCI_MSIX_IRQ_INDEX);
	return pdev->ops->reset ? pdev->ops->reset(pdev) : 0;
}
