/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reset of "umdev,conformance": counted by the hardware, which says how it ends. */
#include <umdev/module.h>
#include <umdev/vfio_platform.h>

#include "vfio_test.h"

static int reset(struct platform_device *pdev)
{
	platform_writel(pdev, TEST_GPIO, TEST_RESETS, 0);
	return -(int)platform_readl(pdev, TEST_GPIO, TEST_FAIL);
}

static struct vfio_platform_reset vfio_test_reset = {
	.compatible = "umdev,conformance",
	.owner = THIS_MODULE,
	.reset = reset,
};

static int vfio_test_reset_init(void)
{
	return vfio_platform_register_reset(&vfio_test_reset);
}

static void vfio_test_reset_exit(void)
{
	vfio_platform_unregister_reset(&vfio_test_reset);
}

module_init(vfio_test_reset_init);
module_exit(vfio_test_reset_exit);
MODULE_DEPENDS("vfio_platform_base");
MODULE_ALIAS("vfio-reset:umdev,conformance");
MODULE_DESCRIPTION("Reset of hardware for tests of vfio_platform");
