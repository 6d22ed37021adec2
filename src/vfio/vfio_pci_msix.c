/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MSI-X: its table and pending bits, which live in a BAR of the driver's.
 */
#include <errno.h>
#include <string.h>

#include "model/alloc.h"
#include "vfio/pci.h"

#define PBA_SIZE(vectors) (((vectors) + 63) / 64 * 8)

static uint16_t control(const struct vfio_pci_device *pdev)
{
	return pci_get16(pdev->config + pdev->msix_cap + PCI_MSIX_FLAGS);
}

bool vfio_pci_msix_is_on(const struct vfio_pci_device *pdev)
{
	return pdev->msix_cap && control(pdev) & PCI_MSIX_FLAGS_ENABLE;
}

/* A table that the user keeps to itself masks nothing here: it gives eventfds to what it wants. */
static bool is_masked(const struct vfio_pci_device *pdev, unsigned int vector)
{
	const uint8_t *entries = pdev->msix->entries;

	if (control(pdev) & PCI_MSIX_FLAGS_MASKALL)
		return true;
	return entries && entries[vector * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL] &
				  PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

static void signal_or_keep(struct vfio_pci_device *pdev, unsigned int vector)
{
	uint64_t *word = &pdev->msix->pending[vector / 64], bit = UINT64_C(1) << vector % 64;

	if (is_masked(pdev, vector) ||
	    !vfio_irq_is_armed(&pdev->vdev, VFIO_PCI_MSIX_IRQ_INDEX, vector)) {
		*word |= bit;
		return;
	}
	*word &= ~bit;
	vfio_irq_trigger(&pdev->vdev, VFIO_PCI_MSIX_IRQ_INDEX, vector);
}

void vfio_pci_msix_trigger(struct vfio_pci_device *pdev, unsigned int vector)
{
	pthread_mutex_lock(&pdev->irq_lock);
	if (vfio_pci_msix_is_on(pdev) && vector < pdev->msix_vectors)
		signal_or_keep(pdev, vector);
	pthread_mutex_unlock(&pdev->irq_lock);
}

bool vfio_pci_msix_enabled(struct vfio_pci_device *pdev)
{
	bool on;

	pthread_mutex_lock(&pdev->irq_lock);
	on = vfio_pci_msix_is_on(pdev);
	pthread_mutex_unlock(&pdev->irq_lock);
	return on;
}

void vfio_pci_msix_flush(struct vfio_pci_device *pdev)
{
	unsigned int i;

	if (!vfio_pci_msix_is_on(pdev))
		return;
	for (i = 0; i < (pdev->msix->vectors + 63) / 64; i++) {
		uint64_t left = pdev->msix->pending[i];

		for (; left; left &= left - 1)
			signal_or_keep(pdev, i * 64 + (unsigned int)__builtin_ctzll(left));
	}
}

void vfio_pci_msix_reset(struct vfio_pci_device *pdev)
{
	if (!pdev->msix)
		return;
	free(pdev->msix->entries);
	pdev->msix->entries = NULL;
	memset(pdev->msix->pending, 0, PBA_SIZE(pdev->msix->vectors));
}

/* ---- in the BAR ---- */

static size_t table_size(const struct vfio_pci_msix *msix)
{
	return (size_t)msix->vectors * PCI_MSIX_ENTRY_SIZE;
}

/* A fresh table: no message, all masked. */
static uint8_t fresh_byte(size_t at)
{
	return at % PCI_MSIX_ENTRY_SIZE == PCI_MSIX_ENTRY_VECTOR_CTRL ? PCI_MSIX_ENTRY_CTRL_MASKBIT
								      : 0;
}

static void read_table(struct vfio_pci_device *pdev, uint8_t *buf, size_t count, size_t at)
{
	const struct vfio_pci_msix *msix = pdev->msix;
	size_t i;

	pthread_mutex_lock(&pdev->irq_lock);
	for (i = 0; i < count; i++)
		buf[i] = msix->entries ? msix->entries[at + i] : fresh_byte(at + i);
	pthread_mutex_unlock(&pdev->irq_lock);
}

static int write_table(struct vfio_pci_device *pdev, const uint8_t *buf, size_t count, size_t at)
{
	struct vfio_pci_msix *msix = pdev->msix;
	uint8_t *fresh = NULL;
	size_t i;

	/* Only the user's thread, which this is, makes and frees it. */
	if (!msix->entries) {
		fresh = zalloc(table_size(msix));
		if (!fresh)
			return -ENOMEM;
		for (i = 0; i < table_size(msix); i++)
			fresh[i] = fresh_byte(i);
	}
	pthread_mutex_lock(&pdev->irq_lock);
	if (fresh)
		msix->entries = fresh;
	for (i = 0; i < count; i++) {
		size_t in_entry = (at + i) % PCI_MSIX_ENTRY_SIZE;
		uint8_t mask = 0xff;

		if (in_entry == PCI_MSIX_ENTRY_VECTOR_CTRL)
			mask = PCI_MSIX_ENTRY_CTRL_MASKBIT;
		else if (in_entry > PCI_MSIX_ENTRY_VECTOR_CTRL)
			mask = 0;
		msix->entries[at + i] = buf[i] & mask;
	}
	vfio_pci_msix_flush(pdev);
	pthread_mutex_unlock(&pdev->irq_lock);
	return 0;
}

static void read_pba(struct vfio_pci_device *pdev, uint8_t *buf, size_t count, size_t at)
{
	size_t i;

	pthread_mutex_lock(&pdev->irq_lock);
	for (i = 0; i < count; i++)
		buf[i] = (uint8_t)(pdev->msix->pending[(at + i) / 8] >> (at + i) % 8 * 8);
	pthread_mutex_unlock(&pdev->irq_lock);
}

enum part {
	PART_DRIVER,
	PART_TABLE,
	PART_PBA
};

/* Whose is the byte at @offset, and how many after it, up to *@count, are too? */
static enum part part_at(const struct vfio_pci_msix *msix, uint64_t offset, size_t *count)
{
	const struct {
		enum part part;
		uint64_t begin, end;
	} ours[] = {
		{ PART_TABLE, msix->table, msix->table + table_size(msix) },
		{ PART_PBA, msix->pba, msix->pba + PBA_SIZE(msix->vectors) },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ours); i++) {
		uint64_t until = offset < ours[i].begin ? ours[i].begin : ours[i].end;

		if (offset<until && * count> until - offset)
			*count = (size_t)(until - offset);
		if (offset >= ours[i].begin && offset < ours[i].end)
			return ours[i].part;
	}
	return PART_DRIVER;
}

ssize_t vfio_pci_msix_read(struct vfio_pci_device *pdev, uint8_t *buf, size_t count,
			   uint64_t offset)
{
	const struct vfio_pci_msix *msix = pdev->msix;
	size_t done, n;
	ssize_t ret;

	for (done = 0; done < count; done += n, offset += n) {
		n = count - done;
		switch (part_at(msix, offset, &n)) {
		case PART_TABLE:
			read_table(pdev, buf + done, n, (size_t)(offset - msix->table));
			break;
		case PART_PBA:
			read_pba(pdev, buf + done, n, (size_t)(offset - msix->pba));
			break;
		case PART_DRIVER:
			ret = pdev->ops->bar_read(pdev, msix->bar, buf + done, n, offset);
			if (ret < 0)
				return ret;
			break;
		}
	}
	return (ssize_t)count;
}

ssize_t vfio_pci_msix_write(struct vfio_pci_device *pdev, const uint8_t *buf, size_t count,
			    uint64_t offset)
{
	const struct vfio_pci_msix *msix = pdev->msix;
	size_t done, n;
	ssize_t ret;

	for (done = 0; done < count; done += n, offset += n) {
		n = count - done;
		ret = 0;
		switch (part_at(msix, offset, &n)) {
		case PART_TABLE:
			ret = write_table(pdev, buf + done, n, (size_t)(offset - msix->table));
			break;
		case PART_PBA: /* read-only */
			break;
		case PART_DRIVER:
			ret = pdev->ops->bar_write(pdev, msix->bar, buf + done, n, offset);
			break;
		}
		if (ret < 0)
			return ret;
	}
	return (ssize_t)count;
}
