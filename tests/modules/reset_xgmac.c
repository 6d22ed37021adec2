/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How vfio_platform resets what is behind xgmac.c: no interrupt is raised any more. */
#include <umdev/vfio_platform.h>

#include "xgmac.h"

static int reset(struct platform_device *pdev)
{
	platform_writel(pdev, 0, XGMAC_CONTROL, 0);
	platform_writel(pdev, 0, XGMAC_TEST_ACK, UINT32_MAX);
	return 0;
}

static struct vfio_platform_reset xgmac_reset = {
	.compatible = "calxeda,hb-xgmac",
	.owner = THIS_MODULE,
	.reset = reset,
};

static int reset_xgmac_init(void)
{
	return vfio_platform_register_reset(&xgmac_reset);
}

static void reset_xgmac_exit(void)
{
	vfio_platform_unregister_reset(&xgmac_reset);
}

module_init(reset_xgmac_init);
module_exit(reset_xgmac_exit);
MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("Resets the network card of the tests");
MODULE_DEPENDS("vfio_platform_base");
MODULE_ALIAS("vfio-reset:calxeda,hb-xgmac");
