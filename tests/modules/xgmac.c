/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What answers behind a "calxeda,hb-xgmac": registers that are kept, three level interrupts that a
 * register raises, and, in a second region if there is one, memory that can be mapped. It sends
 * nothing anywhere; for users that look for this very device.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/platform.h>

#include "xgmac.h"

/* From create() to destroy(). */
struct xgmac {
	pthread_mutex_t lock;
	uint32_t regs[XGMAC_SIZE / 4]; /* under lock, as what follows */
	uint32_t raised;
	uint32_t count;
	uint32_t peek;
	struct platform_hw_memory memory; /* zero without a second region */
};

static bool is_kept(uint64_t offset)
{
	switch (offset) {
	case XGMAC_CONTROL:
	case XGMAC_ADDR_HIGH:
	case XGMAC_ADDR_LOW:
	case XGMAC_DMA_CONTROL:
	case XGMAC_DMA_INTR_ENA:
		return true;
	default:
		return offset >= XGMAC_TEST_SCRATCH && offset < XGMAC_TEST_SCRATCH + 16;
	}
}

/* A user who has mapped the memory changes it at any time. */
static uint32_t peek(const struct xgmac *xgmac)
{
	if (!xgmac->memory.addr || xgmac->peek % 4 || xgmac->peek >= XGMAC_MEMORY_SIZE)
		return UINT32_MAX;
	return __atomic_load_n((uint32_t *)(void *)((char *)xgmac->memory.addr + xgmac->peek),
			       __ATOMIC_ACQUIRE);
}

static uint32_t read_register(const struct xgmac *xgmac, uint64_t offset)
{
	switch (offset) {
	case XGMAC_TEST_PEEK:
		return peek(xgmac);
	case XGMAC_VERSION:
		return XGMAC_VERSION_VALUE;
	case XGMAC_TEST_RAISE:
		return xgmac->raised;
	case XGMAC_TEST_RAISED:
		return xgmac->count;
	default:
		return is_kept(offset) ? xgmac->regs[offset / 4] : 0;
	}
}

static uint64_t xgmac_read(struct platform_hw *hw, unsigned int region, uint64_t offset,
			   unsigned int size)
{
	struct xgmac *xgmac = hw->data;
	uint64_t value = 0;

	if (region) {
		memcpy(&value, (char *)xgmac->memory.addr + offset, size);
		return value;
	}
	/* The bus of the real one knows words only. */
	if (size != 4)
		return UINT64_MAX;
	pthread_mutex_lock(&xgmac->lock);
	value = read_register(xgmac, offset);
	pthread_mutex_unlock(&xgmac->lock);
	return value;
}

/* The lines follow under the lock, so that they end as the last writer has left them. */
static void set_raised(struct platform_hw *hw, uint32_t raised)
{
	struct xgmac *xgmac = hw->data;

	xgmac->raised = raised & ((1u << XGMAC_NR_IRQS) - 1);
	for (unsigned int i = 0; i < XGMAC_NR_IRQS; i++)
		platform_hw_set_irq(hw, i, xgmac->raised & (1u << i));
}

static void xgmac_write(struct platform_hw *hw, unsigned int region, uint64_t offset,
			uint64_t value, unsigned int size)
{
	struct xgmac *xgmac = hw->data;

	if (region) {
		memcpy((char *)xgmac->memory.addr + offset, &value, size);
		return;
	}
	if (size != 4)
		return;
	pthread_mutex_lock(&xgmac->lock);
	switch (offset) {
	case XGMAC_TEST_RAISE:
		xgmac->count++;
		set_raised(hw, xgmac->raised | (uint32_t)value);
		break;
	case XGMAC_TEST_ACK:
		set_raised(hw, xgmac->raised & ~(uint32_t)value);
		break;
	case XGMAC_TEST_RAISED:
		xgmac->count = 0;
		break;
	case XGMAC_TEST_PEEK:
		xgmac->peek = (uint32_t)value;
		break;
	default:
		if (is_kept(offset))
			xgmac->regs[offset / 4] = (uint32_t)value;
	}
	pthread_mutex_unlock(&xgmac->lock);
}

static int xgmac_get_map(struct platform_hw *hw, unsigned int region, struct platform_hw_map *map)
{
	struct xgmac *xgmac = hw->data;

	if (!region)
		return -EOPNOTSUPP;
	map->memory = &xgmac->memory;
	return 0;
}

static bool is_one(const struct platform_device *pdev)
{
	return pdev->num_irqs == XGMAC_NR_IRQS && pdev->num_regions >= 1 &&
	       pdev->num_regions <= 2 && pdev->regions[0].size == XGMAC_SIZE &&
	       (pdev->num_regions == 1 || pdev->regions[1].size == XGMAC_MEMORY_SIZE);
}

static void free_xgmac(struct xgmac *xgmac)
{
	if (xgmac->memory.addr)
		platform_hw_memory_destroy(&xgmac->memory);
	pthread_mutex_destroy(&xgmac->lock);
	free(xgmac);
}

static int xgmac_create(struct platform_hw *hw)
{
	struct platform_device *pdev = hw->pdev;
	struct xgmac *xgmac;
	int err = 0;

	if (!is_one(pdev)) {
		dev_err(&pdev->dev,
			"xgmac: %u interrupts and a region of %u bytes expected, or another one "
			"of %u, too",
			XGMAC_NR_IRQS, XGMAC_SIZE, XGMAC_MEMORY_SIZE);
		return -EINVAL;
	}
	xgmac = calloc(1, sizeof(*xgmac));
	if (!xgmac)
		return -ENOMEM;
	pthread_mutex_init(&xgmac->lock, NULL);
	if (pdev->num_regions > 1)
		err = platform_hw_memory_create(&xgmac->memory, "xgmac", XGMAC_MEMORY_SIZE);
	if (err)
		free_xgmac(xgmac);
	else
		hw->data = xgmac;
	return err;
}

static void xgmac_destroy(struct platform_hw *hw)
{
	free_xgmac(hw->data);
}

static const char *const compatible[] = { "calxeda,hb-xgmac", NULL };

static const struct platform_hw_ops xgmac_ops = {
	.name = "xgmac",
	.owner = THIS_MODULE,
	.compatible = compatible,
	.create = xgmac_create,
	.destroy = xgmac_destroy,
	.read = xgmac_read,
	.write = xgmac_write,
	.get_map = xgmac_get_map,
};

static int xgmac_init(void)
{
	return platform_hw_register(&xgmac_ops);
}

static void xgmac_exit(void)
{
	platform_hw_unregister(&xgmac_ops);
}

module_init(xgmac_init);
module_exit(xgmac_exit);
MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("A network card of a Highbank that knows how to raise interrupts");
MODULE_DEPENDS("platform");
MODULE_ALIAS("platform-hw:calxeda,hb-xgmac");
