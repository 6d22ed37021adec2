/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "dmac_engine.h"
#include "dmac_hw.h"

#define MEMORY_MIN 4096u
#define MEMORY_MAX 65536u

/**
 * struct dmac_hw - an engine behind a device, from create() to destroy()
 * @engine: the engine
 * @hw:     the device's side of it
 * @memory: the descriptor memory
 */
struct dmac_hw {
	struct dmac_engine engine;
	struct platform_hw *hw;
	struct platform_hw_memory memory;
};

static struct dmac_hw *to_dmac_hw(struct dmac_engine *engine)
{
	return container_of(engine, struct dmac_hw, engine);
}

static int dmac_rw(struct dmac_engine *engine, uint64_t addr, void *buf, size_t len, bool write)
{
	return platform_hw_dma_rw(to_dmac_hw(engine)->hw, addr, buf, len, write);
}

static void dmac_set_irq(struct dmac_engine *engine, unsigned int line, bool level)
{
	platform_hw_set_irq(to_dmac_hw(engine)->hw, line, level);
}

static const struct dmac_engine_ops dmac_engine_ops = {
	.rw = dmac_rw,
	.set_irq = dmac_set_irq,
};

static int check_resources(const struct platform_device *pdev)
{
	uint64_t size;

	if (pdev->num_regions != DMAC_NR_REGIONS || pdev->num_irqs != DMAC_NR_IRQS) {
		dev_err(&pdev->dev, "dmac: %u regions and %u interrupts expected, not %u and %u",
			DMAC_NR_REGIONS, DMAC_NR_IRQS, pdev->num_regions, pdev->num_irqs);
		return -EINVAL;
	}
	if (pdev->regions[DMAC_REGION_REGISTERS].size < DMAC_REGISTERS_SIZE) {
		dev_err(&pdev->dev, "dmac: registers of %u bytes expected", DMAC_REGISTERS_SIZE);
		return -EINVAL;
	}
	size = pdev->regions[DMAC_REGION_MEMORY].size;
	if (size < MEMORY_MIN || size > MEMORY_MAX || size % (uint64_t)sysconf(_SC_PAGESIZE)) {
		dev_err(&pdev->dev,
			"dmac: descriptor memory of %u to %u bytes in whole pages expected",
			MEMORY_MIN, MEMORY_MAX);
		return -EINVAL;
	}
	return 0;
}

static int dmac_create(struct platform_hw *hw)
{
	struct dmac_hw *dmac;
	size_t size;
	int err = check_resources(hw->pdev);

	if (err)
		return err;
	dmac = calloc(1, sizeof(*dmac));
	if (!dmac)
		return -ENOMEM;
	size = hw->pdev->regions[DMAC_REGION_MEMORY].size;
	err = platform_hw_memory_create(&dmac->memory, "dmac", size);
	if (err) {
		dev_err(&hw->pdev->dev, "dmac: no descriptor memory: error %d", err);
		free(dmac);
		return err;
	}
	dmac->hw = hw;
	dmac_engine_init(&dmac->engine, &dmac_engine_ops, dmac->memory.addr, size);
	hw->data = dmac;
	return 0;
}

static void dmac_destroy(struct platform_hw *hw)
{
	struct dmac_hw *dmac = hw->data;

	dmac_engine_finish(&dmac->engine);
	platform_hw_memory_destroy(&dmac->memory);
	free(dmac);
}

static uint64_t dmac_read(struct platform_hw *hw, unsigned int region, uint64_t offset,
			  unsigned int size)
{
	struct dmac_hw *dmac = hw->data;

	if (region == DMAC_REGION_REGISTERS)
		return dmac_engine_read(&dmac->engine, offset, size);
	return dmac_engine_memory_read(&dmac->engine, offset, size);
}

static void dmac_write(struct platform_hw *hw, unsigned int region, uint64_t offset, uint64_t value,
		       unsigned int size)
{
	struct dmac_hw *dmac = hw->data;

	if (region == DMAC_REGION_REGISTERS)
		dmac_engine_write(&dmac->engine, offset, value, size);
	else
		dmac_engine_memory_write(&dmac->engine, offset, value, size);
}

static int dmac_get_map(struct platform_hw *hw, unsigned int region, struct platform_hw_map *map)
{
	struct dmac_hw *dmac = hw->data;

	if (region != DMAC_REGION_MEMORY)
		return -EOPNOTSUPP;
	map->memory = &dmac->memory;
	map->offset = 0;
	map->areas = NULL;
	map->nr_areas = 0;
	return 0;
}

static const char *const compatible[] = { "umdev,dmac-1.0", NULL };

const struct platform_hw_ops dmac_hw_ops = {
	.name = "dmac",
	.owner = THIS_MODULE,
	.compatible = compatible,
	.create = dmac_create,
	.destroy = dmac_destroy,
	.read = dmac_read,
	.write = dmac_write,
	.get_map = dmac_get_map,
};
