/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Accesses to registers, from who drives a device to its hardware. */
#include "private.h"

/* The hardware that answers there, or NULL. */
static struct platform_hw *find_target(struct platform_device *pdev, unsigned int region,
				       uint64_t offset, unsigned int size)
{
	uint64_t end;

	if (region >= pdev->num_regions)
		return NULL;
	if (size != 1 && size != 2 && size != 4 && size != 8)
		return NULL;
	end = pdev->regions[region].size;
	if (offset % size || offset >= end || size > end - offset)
		return NULL;
	return platform_hw_get(pdev);
}

static uint64_t ones(unsigned int size)
{
	return size < 8 ? (UINT64_C(1) << size * 8) - 1 : UINT64_MAX;
}

uint64_t platform_read(struct platform_device *pdev, unsigned int region, uint64_t offset,
		       unsigned int size)
{
	struct platform_hw *hw = find_target(pdev, region, offset, size);

	if (!hw || !hw->ops->read)
		return ones(size);
	return hw->ops->read(hw, region, offset, size) & ones(size);
}

void platform_write(struct platform_device *pdev, unsigned int region, uint64_t offset,
		    uint64_t value, unsigned int size)
{
	struct platform_hw *hw = find_target(pdev, region, offset, size);

	if (hw && hw->ops->write)
		hw->ops->write(hw, region, offset, value & ones(size), size);
}
