/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How vfio_platform resets the clock "arm,pl031".
 */
#include <umdev/vfio_platform.h>

#include "../common/pl031_regs.h"

/* No alarm any more. What time it is outlives its users. */
static int pl031_reset(struct platform_device *pdev)
{
	platform_writel(pdev, 0, PL031_IMSC, 0);
	platform_writel(pdev, 0, PL031_ICR, PL031_INT);
	return 0;
}

static struct vfio_platform_reset reset = {
	.compatible = "arm,pl031",
	.owner = THIS_MODULE,
	.reset = pl031_reset,
};

static int reset_pl031_init(void)
{
	return vfio_platform_register_reset(&reset);
}

static void reset_pl031_exit(void)
{
	vfio_platform_unregister_reset(&reset);
}

module_init(reset_pl031_init);
module_exit(reset_pl031_exit);

MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("Resets the clock arm,pl031 for vfio_platform");
MODULE_DEPENDS("vfio_platform_base");
MODULE_ALIAS("vfio-reset:arm,pl031");
