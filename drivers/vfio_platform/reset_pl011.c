/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How vfio_platform resets the UARTs "arm,pl011" and "arm,sbsa-uart".
 */
#include <umdev/vfio_platform.h>

#include "../common/pl011_regs.h"

#define SBSA_FIFO_SIZE 32

/* All registers as after power-on. */
static int pl011_reset(struct platform_device *pdev)
{
	platform_writel(pdev, 0, PL011_CR, 0);
	platform_writel(pdev, 0, PL011_IMSC, 0);
	platform_writel(pdev, 0, PL011_DMACR, 0);
	/* Turning the FIFOs off empties them; they hold one character also while they are off. */
	platform_writel(pdev, 0, PL011_LCR_H, PL011_LCR_H_FEN);
	platform_writel(pdev, 0, PL011_LCR_H, 0);
	platform_writel(pdev, 0, PL011_ILPR, 0);
	platform_writel(pdev, 0, PL011_IBRD, 0);
	platform_writel(pdev, 0, PL011_FBRD, 0);
	platform_writel(pdev, 0, PL011_IFLS, PL011_IFLS_TX(2) | PL011_IFLS_RX(2));
	platform_writel(pdev, 0, PL011_RSR_ECR, 0);
	platform_writel(pdev, 0, PL011_ICR, PL011_INT_ALL);
	platform_writel(pdev, 0, PL011_CR, PL011_CR_TXE | PL011_CR_RXE);
	return 0;
}

/*
 * The generic UART's FIFOs can't be turned off, nor can its receiver: what has come is read, and
 * what comes from now on is the next user's. What waits in the transmitter still goes out.
 */
static int sbsa_reset(struct platform_device *pdev)
{
	platform_writel(pdev, 0, PL011_IMSC, 0);
	for (int i = 0; i < SBSA_FIFO_SIZE; i++) {
		if (platform_readl(pdev, 0, PL011_FR) & PL011_FR_RXFE)
			break;
		platform_readl(pdev, 0, PL011_DR);
	}
	platform_writel(pdev, 0, PL011_RSR_ECR, 0);
	platform_writel(pdev, 0, PL011_ICR, PL011_INT_ALL);
	return 0;
}

static struct vfio_platform_reset pl011 = {
	.compatible = "arm,pl011",
	.owner = THIS_MODULE,
	.reset = pl011_reset,
};

static struct vfio_platform_reset sbsa = {
	.compatible = "arm,sbsa-uart",
	.owner = THIS_MODULE,
	.reset = sbsa_reset,
};

static int reset_pl011_init(void)
{
	int err = vfio_platform_register_reset(&pl011);

	if (err)
		return err;
	err = vfio_platform_register_reset(&sbsa);
	if (err)
		vfio_platform_unregister_reset(&pl011);
	return err;
}

static void reset_pl011_exit(void)
{
	vfio_platform_unregister_reset(&sbsa);
	vfio_platform_unregister_reset(&pl011);
}

module_init(reset_pl011_init);
module_exit(reset_pl011_exit);

MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("Resets the UARTs arm,pl011 and arm,sbsa-uart for vfio_platform");
MODULE_DEPENDS("vfio_platform_base");
MODULE_ALIAS("vfio-reset:arm,pl011");
MODULE_ALIAS("vfio-reset:arm,sbsa-uart");
