/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How vfio_platform resets the UART "arm,pl011".
 */
#include <umdev/vfio_platform.h>

#include "../common/pl011_regs.h"

/* All registers as after power-on. */
static int pl011_reset(struct platform_device *pdev)
{
	platform_writel(pdev, 0, PL011_CR, 0);
	platform_writel(pdev, 0, PL011_IMSC, 0);
	platform_writel(pdev, 0, PL011_DMACR, 0);
	platform_writel(pdev, 0, PL011_LCR_H, 0); /* empties the FIFOs */
	platform_writel(pdev, 0, PL011_ILPR, 0);
	platform_writel(pdev, 0, PL011_IBRD, 0);
	platform_writel(pdev, 0, PL011_FBRD, 0);
	platform_writel(pdev, 0, PL011_IFLS, PL011_IFLS_TX(2) | PL011_IFLS_RX(2));
	platform_writel(pdev, 0, PL011_RSR_ECR, 0);
	platform_writel(pdev, 0, PL011_ICR, PL011_INT_ALL);
	platform_writel(pdev, 0, PL011_CR, PL011_CR_TXE | PL011_CR_RXE);
	return 0;
}

static struct vfio_platform_reset reset = {
	.compatible = "arm,pl011",
	.owner = THIS_MODULE,
	.reset = pl011_reset,
};

static int reset_pl011_init(void)
{
	return vfio_platform_register_reset(&reset);
}

static void reset_pl011_exit(void)
{
	vfio_platform_unregister_reset(&reset);
}

module_init(reset_pl011_init);
module_exit(reset_pl011_exit);

MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("Resets the UART arm,pl011 for vfio_platform");
MODULE_DEPENDS("vfio_platform_base");
MODULE_ALIAS("vfio-reset:arm,pl011");
