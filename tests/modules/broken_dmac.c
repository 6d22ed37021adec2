/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A DMA engine that is broken: whatever it writes has its last bit flipped. Behind devices that are
 * "test,broken-dmac".
 */
#include <errno.h>
#include <stdlib.h>
#include <umdev/platform.h>

#include "../../drivers/platform/dmac_engine.h"

#define MEMORY_SIZE 4096

/* From create() to destroy(). */
struct broken {
	struct dmac_engine engine;
	struct platform_hw *hw;
	uint64_t memory[MEMORY_SIZE / sizeof(uint64_t)];
};

static int broken_rw(struct dmac_engine *engine, uint64_t addr, void *buf, size_t len, bool write)
{
	struct broken *broken = container_of(engine, struct broken, engine);

	if (write)
		((uint8_t *)buf)[len - 1] ^= 0x80;
	return platform_hw_dma_rw(broken->hw, addr, buf, len, write);
}

static void broken_set_irq(struct dmac_engine *engine, unsigned int line, bool level)
{
	platform_hw_set_irq(container_of(engine, struct broken, engine)->hw, line, level);
}

static const struct dmac_engine_ops engine_ops = { .rw = broken_rw, .set_irq = broken_set_irq };

static int broken_create(struct platform_hw *hw)
{
	struct broken *broken;

	if (hw->pdev->num_regions != DMAC_NR_REGIONS || hw->pdev->num_irqs != DMAC_NR_IRQS ||
	    hw->pdev->regions[DMAC_REGION_MEMORY].size != MEMORY_SIZE)
		return -EINVAL;
	broken = calloc(1, sizeof(*broken));
	if (!broken)
		return -ENOMEM;
	broken->hw = hw;
	dmac_engine_init(&broken->engine, &engine_ops, broken->memory, MEMORY_SIZE);
	hw->data = broken;
	return 0;
}

static void broken_destroy(struct platform_hw *hw)
{
	struct broken *broken = hw->data;

	dmac_engine_finish(&broken->engine);
	free(broken);
}

static uint64_t broken_read(struct platform_hw *hw, unsigned int region, uint64_t offset,
			    unsigned int size)
{
	struct broken *broken = hw->data;

	if (region == DMAC_REGION_REGISTERS)
		return dmac_engine_read(&broken->engine, offset, size);
	return dmac_engine_memory_read(&broken->engine, offset, size);
}

static void broken_write(struct platform_hw *hw, unsigned int region, uint64_t offset,
			 uint64_t value, unsigned int size)
{
	struct broken *broken = hw->data;

	if (region == DMAC_REGION_REGISTERS)
		dmac_engine_write(&broken->engine, offset, value, size);
	else
		dmac_engine_memory_write(&broken->engine, offset, value, size);
}

static const char *const compatible[] = { "test,broken-dmac", NULL };

static const struct platform_hw_ops broken_ops = {
	.name = "broken_dmac",
	.owner = THIS_MODULE,
	.compatible = compatible,
	.create = broken_create,
	.destroy = broken_destroy,
	.read = broken_read,
	.write = broken_write,
};

static int broken_init(void)
{
	return platform_hw_register(&broken_ops);
}

static void broken_exit(void)
{
	platform_hw_unregister(&broken_ops);
}

module_init(broken_init);
module_exit(broken_exit);
MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("A DMA engine that copies wrongly");
MODULE_DEPENDS("platform");
MODULE_ALIAS("platform-hw:test,broken-dmac");
