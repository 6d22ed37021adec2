/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VFIO for platform devices: a driver for any of them, when told, that hands it to a user.
 *
 * Behaviour: Linux 6.1 drivers/vfio/platform/{vfio_platform,vfio_platform_common}.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "private.h"

static bool reset_required = true;
module_param(reset_required, bool, 0444);
MODULE_PARM_DESC(reset_required, "only take devices that can be reset");

/* ---- the user's side ---- */

static int call_reset(struct vfio_platform_device *vpdev)
{
	struct platform_device *pdev = vpdev->pdev;

	if (!vpdev->reset) {
		dev_warn(&pdev->dev, VFIO_PLATFORM_LOG "no reset function found!");
		return -EINVAL;
	}
	dev_info(&pdev->dev, VFIO_PLATFORM_LOG "reset");
	return vpdev->reset->reset(pdev);
}

/*
 * Nobody's mappings can be taken away, so registers move away from them. In a kernel a user who is
 * gone has none.
 */
static int leave_behind(struct vfio_platform_device *vpdev)
{
	int err = vpdev->stale ? platform_renew_memory(vpdev->pdev) : 0;

	if (err)
		dev_err(vpdev->vdev.dev,
			VFIO_PLATFORM_LOG "no memory to leave former users behind (%d)", err);
	else
		vpdev->stale = false;
	return err;
}

static int open_device(struct vfio_device *vdev)
{
	struct vfio_platform_device *vpdev = to_vfio_platform(vdev);
	int err = leave_behind(vpdev);

	if (err)
		return err;
	err = vfio_platform_irqs_take(vpdev);
	if (err)
		return err;
	err = call_reset(vpdev);
	if (err && reset_required) {
		dev_warn(vdev->dev,
			 VFIO_PLATFORM_LOG
			 "reset driver is required and reset call failed in open (%d)",
			 err);
		vfio_platform_irqs_free(vpdev);
		return err;
	}
	vpdev->stale = true;
	return 0;
}

static void close_device(struct vfio_device *vdev)
{
	struct vfio_platform_device *vpdev = to_vfio_platform(vdev);
	int err = call_reset(vpdev);

	if (err && reset_required)
		dev_warn(vdev->dev,
			 VFIO_PLATFORM_LOG
			 "reset driver is required and reset call failed in release (%d)",
			 err);
	vfio_platform_irqs_free(vpdev);
	/* What fails here is tried again before somebody else gets the device. */
	leave_behind(vpdev);
}

static int reset_device(struct vfio_device *vdev)
{
	return call_reset(to_vfio_platform(vdev));
}

static bool has_reset(struct vfio_device *vdev)
{
	return to_vfio_platform(vdev)->reset;
}

static const struct vfio_device_ops vfio_platform_ops = {
	.name = "vfio-platform",
	.open_device = open_device,
	.close_device = close_device,
	.get_region = vfio_platform_get_region,
	.get_irq = vfio_platform_get_irq,
	.read = vfio_platform_read,
	.write = vfio_platform_write,
	.reset = reset_device,
	.has_reset = has_reset,
};

/* What the device copies is its user's memory; without a user there is none. */
static int dma_rw(void *data, uint64_t addr, void *buf, size_t len, bool write)
{
	struct vfio_platform_device *vpdev = data;

	return vfio_dma_rw(&vpdev->vdev, addr, buf, len, write);
}

static const struct platform_dma_ops dma_ops = { .rw = dma_rw };

/* ---- the driver ---- */

static int find_compatible(struct vfio_platform_device *vpdev)
{
	const struct platform_device *pdev = vpdev->pdev;
	int err = of_property_read_string(pdev->of_node, "compatible", &vpdev->compat);

	if (err)
		dev_err(&pdev->dev, VFIO_PLATFORM_LOG "Cannot retrieve compat for %s",
			dev_name(&pdev->dev));
	return err;
}

static int find_reset(struct vfio_platform_device *vpdev)
{
	vpdev->reset = vfio_platform_get_reset(vpdev->compat);
	if (vpdev->reset || !reset_required)
		return 0;
	dev_err(&vpdev->pdev->dev, VFIO_PLATFORM_LOG "No reset function found for device %s",
		dev_name(&vpdev->pdev->dev));
	return -ENOENT;
}

static int vfio_platform_probe(struct platform_device *pdev)
{
	struct vfio_platform_device *vpdev = calloc(1, sizeof(*vpdev));
	int err;

	if (!vpdev)
		return -ENOMEM;
	vpdev->pdev = pdev;
	vpdev->vdev.dev = &pdev->dev;
	vpdev->vdev.ops = &vfio_platform_ops;
	vpdev->vdev.flags = VFIO_DEVICE_FLAGS_PLATFORM;
	vpdev->vdev.num_regions = pdev->num_regions;
	vpdev->vdev.num_irqs = pdev->num_irqs;
	err = find_compatible(vpdev);
	if (!err)
		err = find_reset(vpdev);
	if (err)
		goto free;
	platform_set_drvdata(pdev, vpdev);
	platform_set_dma_ops(pdev, &dma_ops, vpdev);
	err = vfio_register_emulated_iommu_dev(&vpdev->vdev);
	if (err)
		goto put;
	return 0;
put:
	platform_set_dma_ops(pdev, NULL, NULL);
	vfio_platform_put_reset(vpdev->reset);
free:
	free(vpdev);
	return err;
}

static void vfio_platform_remove(struct platform_device *pdev)
{
	struct vfio_platform_device *vpdev = platform_get_drvdata(pdev);

	vfio_unregister_group_dev(&vpdev->vdev);
	leave_behind(vpdev);
	platform_set_dma_ops(pdev, NULL, NULL);
	vfio_platform_put_reset(vpdev->reset);
	free(vpdev);
}

static struct platform_driver vfio_platform_driver = {
	.probe = vfio_platform_probe,
	.remove = vfio_platform_remove,
	.driver = {
		.name = "vfio-platform",
		.owner = THIS_MODULE,
		.explicit_bind_only = true,
		.match_any = true,
	},
};

static int vfio_platform_init(void)
{
	return platform_driver_register(&vfio_platform_driver);
}

static void vfio_platform_exit(void)
{
	platform_driver_unregister(&vfio_platform_driver);
}

module_init(vfio_platform_init);
module_exit(vfio_platform_exit);
MODULE_DEPENDS("platform,vfio_platform_base");
MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("VFIO for platform devices");
