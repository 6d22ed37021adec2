/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How vfio_platform resets the DMA engine "umdev,dmac-1.0".
 */
#include <errno.h>
#include <time.h>
#include <umdev/dmac.h>
#include <umdev/vfio_platform.h>

/*
 * What is being copied may wait for the device's user, who is asked for memory. A user who is there
 * answers; one who has gone is not waited for.
 */
#define LOOKS	   2000
#define PAUSE_NSEC 1000000

static int dmac_reset(struct platform_device *pdev)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NSEC };

	platform_writel(pdev, DMAC_REGION_REGISTERS, DMAC_CONTROL, DMAC_CONTROL_RESET);
	for (unsigned int i = 0; i < LOOKS; i++) {
		if (!platform_readl(pdev, DMAC_REGION_REGISTERS, DMAC_CONTROL))
			return 0;
		nanosleep(&pause, NULL);
	}
	return -ETIMEDOUT;
}

static struct vfio_platform_reset reset = {
	.compatible = "umdev,dmac-1.0",
	.owner = THIS_MODULE,
	.reset = dmac_reset,
};

static int reset_dmac_init(void)
{
	return vfio_platform_register_reset(&reset);
}

static void reset_dmac_exit(void)
{
	vfio_platform_unregister_reset(&reset);
}

module_init(reset_dmac_init);
module_exit(reset_dmac_exit);

MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("Resets the DMA engine umdev,dmac-1.0 for vfio_platform");
MODULE_DEPENDS("vfio_platform_base");
MODULE_ALIAS("vfio-reset:umdev,dmac-1.0");
