/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a PCI device consists of: BARs, interrupt pin, capabilities. All of it is said before
 * registering.
 */
#include <errno.h>
#include <string.h>

#include "model/alloc.h"
#include "vfio/pci.h"

/* Version 2 of the Express capability, with the registers of links and root ports. */
#define EXPRESS_SIZE 0x3c

static bool is_registered(const struct vfio_pci_device *pdev)
{
	return pdev->vdev.p;
}

/* ---- BARs ---- */

static bool is_power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

static bool is_io(const struct vfio_pci_bar *bar)
{
	return bar->flags & PCI_BASE_ADDRESS_SPACE_IO;
}

static bool is_64bit(const struct vfio_pci_bar *bar)
{
	return bar->size && !is_io(bar) && bar->flags & PCI_BASE_ADDRESS_MEM_TYPE_64;
}

static int check_bar(unsigned int index, const struct vfio_pci_bar *bar)
{
	const uint32_t mem_flags = PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH;
	uint64_t max = UINT64_C(1) << 31;

	if (index >= VFIO_PCI_NUM_BARS || !is_power_of_two(bar->size))
		return -EINVAL;
	if (is_io(bar)) {
		if (bar->flags != PCI_BASE_ADDRESS_SPACE_IO || bar->nr_areas)
			return -EINVAL;
		return bar->size < 4 || bar->size > max ? -EINVAL : 0;
	}
	if (bar->flags & ~mem_flags || (bar->nr_areas && (!bar->areas || bar->mmap_fd < 0)))
		return -EINVAL;
	if (is_64bit(bar)) {
		max = UINT64_C(1) << 62;
		if (index + 1 >= VFIO_PCI_NUM_BARS)
			return -EINVAL;
	}
	return bar->size < 16 || bar->size > max ? -EINVAL : 0;
}

static bool is_taken(const struct vfio_pci_device *pdev, unsigned int index)
{
	return pdev->bars[index].size || (index && is_64bit(&pdev->bars[index - 1]));
}

int vfio_pci_set_bar(struct vfio_pci_device *pdev, unsigned int index,
		     const struct vfio_pci_bar *bar)
{
	unsigned int at = PCI_BASE_ADDRESS_0 + index * 4;
	uint64_t mask;
	int err;

	if (is_registered(pdev))
		return -EBUSY;
	err = check_bar(index, bar);
	if (err)
		return err;
	if (is_taken(pdev, index) || (is_64bit(bar) && is_taken(pdev, index + 1)))
		return -EBUSY;
	pdev->bars[index] = *bar;
	/* The address bits below the size can't be written: this is how a guest learns it. */
	mask = ~(bar->size - 1) & ~UINT64_C(3);
	pci_put32(pdev->initial + at, bar->flags);
	pci_put32(pdev->wmask + at, (uint32_t)mask);
	if (is_64bit(bar))
		pci_put32(pdev->wmask + at + 4, (uint32_t)(mask >> 32));
	return 0;
}

int vfio_pci_set_intx(struct vfio_pci_device *pdev, uint8_t pin)
{
	if (is_registered(pdev))
		return -EBUSY;
	if (pin < 1 || pin > 4)
		return -EINVAL;
	pdev->initial[PCI_INTERRUPT_PIN] = pin;
	return 0;
}

/* ---- capabilities ---- */

int vfio_pci_add_capability(struct vfio_pci_device *pdev, uint8_t id, const void *data, size_t size,
			    const void *wmask)
{
	unsigned int at = pdev->next_cap;

	if (is_registered(pdev))
		return -EBUSY;
	if (!id || (size && !data))
		return -EINVAL;
	if (size > PCI_CFG_SPACE_SIZE || at + PCI_CAP_SIZEOF / 2 + size > PCI_CFG_SPACE_SIZE)
		return -ENOSPC;
	pdev->initial[pdev->last_cap] = (uint8_t)at;
	pdev->initial[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	pdev->initial[at + PCI_CAP_LIST_ID] = id;
	if (size)
		memcpy(pdev->initial + at + PCI_CAP_FLAGS, data, size);
	if (size && wmask)
		memcpy(pdev->wmask + at + PCI_CAP_FLAGS, wmask, size);
	pdev->last_cap = (uint8_t)(at + PCI_CAP_LIST_NEXT);
	pdev->next_cap = (uint16_t)((at + PCI_CAP_FLAGS + size + 3) & ~(size_t)3);
	return (int)at;
}

/* A capability of our own, as it would stand in the configuration space: header bytes included. */
static int add_whole(struct vfio_pci_device *pdev, uint8_t id, const uint8_t *cap, size_t size,
		     const uint8_t *wmask, uint8_t *offset)
{
	int at;

	if (is_registered(pdev))
		return -EBUSY;
	if (*offset)
		return -EEXIST;
	at = vfio_pci_add_capability(pdev, id, cap + PCI_CAP_FLAGS, size - PCI_CAP_FLAGS,
				     wmask + PCI_CAP_FLAGS);
	if (at < 0)
		return at;
	*offset = (uint8_t)at;
	return 0;
}

int vfio_pci_add_msi_flags(struct vfio_pci_device *pdev, unsigned int vectors, uint16_t flags)
{
	uint8_t cap[PCI_MSI_PENDING_64 + 4] = { 0 }, wmask[sizeof(cap)] = { 0 };
	bool wide = flags & PCI_MSI_FLAGS_64BIT, masks = flags & PCI_MSI_FLAGS_MASKBIT;
	uint16_t control;
	size_t size;
	int err;

	if (flags & ~(PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT) || vectors > 32 ||
	    !is_power_of_two(vectors))
		return -EINVAL;
	control = (uint16_t)(flags | __builtin_ctz(vectors) << 1);
	pci_put16(cap + PCI_MSI_FLAGS, control);
	pci_put16(wmask + PCI_MSI_FLAGS, PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
	pci_put32(wmask + PCI_MSI_ADDRESS_LO, ~UINT32_C(3));
	if (wide)
		pci_put32(wmask + PCI_MSI_ADDRESS_HI, UINT32_MAX);
	pci_put16(wmask + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32), UINT16_MAX);
	size = (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32) + 2;
	if (masks) {
		pci_put32(wmask + (wide ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32),
			  (uint32_t)((UINT64_C(1) << vectors) - 1));
		size = (wide ? PCI_MSI_PENDING_64 : PCI_MSI_PENDING_32) + 4;
	}
	err = add_whole(pdev, PCI_CAP_ID_MSI, cap, size, wmask, &pdev->msi_cap);
	if (!err)
		pdev->msi_vectors = (uint16_t)vectors;
	return err;
}

int vfio_pci_add_msi(struct vfio_pci_device *pdev, unsigned int vectors)
{
	return vfio_pci_add_msi_flags(pdev, vectors, PCI_MSI_FLAGS_64BIT);
}

static int check_msix(const struct vfio_pci_device *pdev, unsigned int vectors, unsigned int bar,
		      uint32_t table, uint32_t pba)
{
	uint64_t table_end = table + (uint64_t)vectors * PCI_MSIX_ENTRY_SIZE;
	uint64_t pba_end = pba + ((uint64_t)vectors + 63) / 64 * 8;

	if (!vectors || vectors > 2048 || bar >= VFIO_PCI_NUM_BARS || (table | pba) & 7)
		return -EINVAL;
	if (!pdev->bars[bar].size || is_io(&pdev->bars[bar]) || table_end > pdev->bars[bar].size ||
	    pba_end > pdev->bars[bar].size)
		return -EINVAL;
	return table < pba_end && pba < table_end ? -EINVAL : 0;
}

int vfio_pci_add_msix(struct vfio_pci_device *pdev, unsigned int vectors, unsigned int bar,
		      uint32_t table, uint32_t pba)
{
	uint8_t cap[PCI_CAP_MSIX_SIZEOF] = { 0 }, wmask[sizeof(cap)] = { 0 };
	struct vfio_pci_msix *msix;
	int err = check_msix(pdev, vectors, bar, table, pba);

	if (err)
		return err;
	msix = zalloc(sizeof(*msix) + (vectors + 63) / 64 * sizeof(msix->pending[0]));
	if (!msix)
		return -ENOMEM;
	msix->vectors = vectors;
	msix->bar = bar;
	msix->table = table;
	msix->pba = pba;
	pci_put16(cap + PCI_MSIX_FLAGS, (uint16_t)(vectors - 1));
	pci_put32(cap + PCI_MSIX_TABLE, table | bar);
	pci_put32(cap + PCI_MSIX_PBA, pba | bar);
	pci_put16(wmask + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	err = add_whole(pdev, PCI_CAP_ID_MSIX, cap, sizeof(cap), wmask, &pdev->msix_cap);
	if (err) {
		free(msix);
		return err;
	}
	pdev->msix = msix;
	pdev->msix_vectors = (uint16_t)vectors;
	return 0;
}

int vfio_pci_add_express(struct vfio_pci_device *pdev)
{
	const uint16_t link = PCI_EXP_LNKSTA_CLS_2_5GB | PCI_EXP_LNKSTA_NLW_X1;
	uint8_t cap[EXPRESS_SIZE] = { 0 }, wmask[EXPRESS_SIZE] = { 0 };
	int err;

	pci_put16(cap + PCI_EXP_FLAGS, PCI_EXP_TYPE_ENDPOINT << 4 | 2);
	pci_put32(cap + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR);
	pci_put16(cap + PCI_EXP_DEVCTL,
		  PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ_512B);
	pci_put16(wmask + PCI_EXP_DEVCTL,
		  PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE |
			  PCI_EXP_DEVCTL_URRE | PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_PAYLOAD |
			  PCI_EXP_DEVCTL_EXT_TAG | PCI_EXP_DEVCTL_NOSNOOP_EN |
			  PCI_EXP_DEVCTL_READRQ);
	pci_put32(cap + PCI_EXP_LNKCAP, PCI_EXP_LNKCAP_SLS_2_5GB | PCI_EXP_LNKSTA_NLW_X1);
	pci_put16(wmask + PCI_EXP_LNKCTL, PCI_EXP_LNKCTL_ASPMC | PCI_EXP_LNKCTL_RCB |
						  PCI_EXP_LNKCTL_CCC | PCI_EXP_LNKCTL_ES);
	pci_put16(cap + PCI_EXP_LNKSTA, link);
	pci_put32(cap + PCI_EXP_LNKCAP2, PCI_EXP_LNKCAP2_SLS_2_5GB);
	pci_put16(cap + PCI_EXP_LNKCTL2, PCI_EXP_LNKCTL2_TLS_2_5GT);
	err = add_whole(pdev, PCI_CAP_ID_EXP, cap, sizeof(cap), wmask, &pdev->exp_cap);
	if (!err)
		pdev->express = true;
	return err;
}

int vfio_pci_add_pm(struct vfio_pci_device *pdev)
{
	uint8_t cap[PCI_PM_SIZEOF] = { 0 }, wmask[sizeof(cap)] = { 0 };

	pci_put16(cap + PCI_PM_PMC, 3); /* version 1.2 of the specification */
	pci_put16(wmask + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);
	return add_whole(pdev, PCI_CAP_ID_PM, cap, sizeof(cap), wmask, &pdev->pm_cap);
}
