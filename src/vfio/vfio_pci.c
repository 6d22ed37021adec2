/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A PCI device as VFIO sees it: nine regions, five interrupt indexes.
 * Behaviour: Linux 6.1 drivers/vfio/pci/vfio_pci_core.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vfio/pci.h"

static struct vfio_pci_device *to_pdev(struct vfio_device *vdev)
{
	return container_of(vdev, struct vfio_pci_device, vdev);
}

static int pci_open_device(struct vfio_device *vdev)
{
	struct vfio_pci_device *pdev = to_pdev(vdev);

	return pdev->ops->open ? pdev->ops->open(pdev) : 0;
}

static void pci_close_device(struct vfio_device *vdev)
{
	struct vfio_pci_device *pdev = to_pdev(vdev);

	vfio_pci_irqs_changed(pdev, VFIO_PCI_MSI_IRQ_INDEX);
	vfio_pci_irqs_changed(pdev, VFIO_PCI_MSIX_IRQ_INDEX);
	if (pdev->ops->close)
		pdev->ops->close(pdev);
}

static int pci_get_region(struct vfio_device *vdev, unsigned int index, struct vfio_region *region)
{
	struct vfio_pci_device *pdev = to_pdev(vdev);
	const struct vfio_pci_bar *bar;

	if (index == VFIO_PCI_CONFIG_REGION_INDEX) {
		region->size = pdev->express ? PCI_CFG_SPACE_EXP_SIZE : PCI_CFG_SPACE_SIZE;
		region->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	}
	if (index >= VFIO_PCI_NUM_BARS || !pdev->bars[index].size)
		return 0;
	bar = &pdev->bars[index];
	region->size = bar->size;
	region->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	if (bar->nr_areas) {
		region->flags |= VFIO_REGION_INFO_FLAG_MMAP;
		region->fd = bar->mmap_fd;
		region->areas = bar->areas;
		region->nr_areas = bar->nr_areas;
	}
	return 0;
}

static int pci_get_irq(struct vfio_device *vdev, unsigned int index, struct vfio_irq *irq)
{
	struct vfio_pci_device *pdev = to_pdev(vdev);

	irq->flags = VFIO_IRQ_INFO_EVENTFD;
	switch (index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		irq->count = pdev->initial[PCI_INTERRUPT_PIN] ? 1 : 0;
		irq->flags |= VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
		break;
	case VFIO_PCI_MSI_IRQ_INDEX:
		irq->count = pdev->msi_vectors;
		break;
	case VFIO_PCI_MSIX_IRQ_INDEX:
		irq->count = pdev->msix_vectors;
		break;
	case VFIO_PCI_ERR_IRQ_INDEX:
	case VFIO_PCI_REQ_IRQ_INDEX:
		irq->count = 1;
		break;
	}
	return 0;
}

static ssize_t pci_read(struct vfio_device *vdev, unsigned int index, void *buf, size_t count,
			uint64_t offset)
{
	struct vfio_pci_device *pdev = to_pdev(vdev);

	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		return vfio_pci_config_read(pdev, buf, count, offset);
	if (pdev->msix && pdev->msix->bar == index)
		return vfio_pci_msix_read(pdev, buf, count, offset);
	return pdev->ops->bar_read(pdev, index, buf, count, offset);
}

static ssize_t pci_write(struct vfio_device *vdev, unsigned int index, const void *buf,
			 size_t count, uint64_t offset)
{
	struct vfio_pci_device *pdev = to_pdev(vdev);

	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		return vfio_pci_config_write(pdev, buf, count, offset);
	if (pdev->msix && pdev->msix->bar == index)
		return vfio_pci_msix_write(pdev, buf, count, offset);
	return pdev->ops->bar_write(pdev, index, buf, count, offset);
}

static void pci_irqs_changed(struct vfio_device *vdev, unsigned int index)
{
	vfio_pci_irqs_changed(to_pdev(vdev), index);
}

static int pci_reset(struct vfio_device *vdev)
{
	return vfio_pci_reset(to_pdev(vdev));
}

static void pci_request(struct vfio_device *vdev, unsigned int count)
{
	struct vfio_pci_device *pdev = to_pdev(vdev);

	vfio_irq_trigger(vdev, VFIO_PCI_REQ_IRQ_INDEX, 0);
	if (pdev->ops->request)
		pdev->ops->request(pdev, count);
}

static void pci_dma_unmap(struct vfio_device *vdev, uint64_t iova, uint64_t length)
{
	struct vfio_pci_device *pdev = to_pdev(vdev);

	pdev->ops->dma_unmap(pdev, iova, length);
}

#define PCI_OPS                                                                               \
	.name = "vfio-pci", .open_device = pci_open_device, .close_device = pci_close_device, \
	.get_region = pci_get_region, .get_irq = pci_get_irq, .read = pci_read,               \
	.write = pci_write, .irqs_changed = pci_irqs_changed, .reset = pci_reset,             \
	.request = pci_request

/* Two tables, because having no dma_unmap means that nothing may be pinned. */
static const struct vfio_device_ops pci_ops = { PCI_OPS };
static const struct vfio_device_ops pci_pinning_ops = { PCI_OPS, .dma_unmap = pci_dma_unmap };

void vfio_pci_init(struct vfio_pci_device *pdev, struct device *dev, const struct vfio_pci_ops *ops,
		   const struct vfio_pci_id *id)
{
	uint8_t *c = pdev->initial, *w = pdev->wmask;

	pdev->vdev.dev = dev;
	pdev->vdev.ops = ops->dma_unmap ? &pci_pinning_ops : &pci_ops;
	pdev->vdev.flags = VFIO_DEVICE_FLAGS_PCI;
	pdev->vdev.num_regions = VFIO_PCI_NUM_REGIONS;
	pdev->vdev.num_irqs = VFIO_PCI_NUM_IRQS;
	pdev->ops = ops;
	pthread_mutex_init(&pdev->irq_lock, NULL);
	pdev->next_cap = PCI_STD_HEADER_SIZEOF;
	pdev->last_cap = PCI_CAPABILITY_LIST;

	pci_put16(c + PCI_VENDOR_ID, id->vendor);
	pci_put16(c + PCI_DEVICE_ID, id->device);
	c[PCI_REVISION_ID] = id->revision;
	c[PCI_CLASS_PROG] = (uint8_t)id->class;
	pci_put16(c + PCI_CLASS_DEVICE, (uint16_t)(id->class >> 8));
	pci_put16(c + PCI_SUBSYSTEM_VENDOR_ID, id->subsystem_vendor);
	pci_put16(c + PCI_SUBSYSTEM_ID, id->subsystem_device);

	pci_put16(w + PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
					   PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
					   PCI_COMMAND_INTX_DISABLE);
	w[PCI_CACHE_LINE_SIZE] = 0xff;
	w[PCI_LATENCY_TIMER] = 0xff;
	w[PCI_INTERRUPT_LINE] = 0xff;
}

void vfio_pci_finish(struct vfio_pci_device *pdev)
{
	if (pdev->msix)
		free(pdev->msix->entries);
	free(pdev->msix);
	pdev->msix = NULL;
}

int vfio_pci_register(struct vfio_pci_device *pdev)
{
	unsigned int i;

	for (i = 0; i < VFIO_PCI_NUM_BARS; i++) {
		if (pdev->bars[i].size && (!pdev->ops->bar_read || !pdev->ops->bar_write))
			return -EINVAL;
	}
	if (!pdev->vdev.p)
		memcpy(pdev->config, pdev->initial, sizeof(pdev->config));
	return vfio_register_emulated_iommu_dev(&pdev->vdev);
}

void vfio_pci_unregister(struct vfio_pci_device *pdev)
{
	vfio_unregister_group_dev(&pdev->vdev);
}
