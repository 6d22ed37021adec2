/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A lamp on the platform bus: the simulated hardware, and the driver for it. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <umdev/platform.h>

/* Its registers: how bright it is; has its fuse blown? Writing to that puts in a new one. */
#define LAMP_LEVEL 0x0
#define LAMP_FUSE  0x4
#define LAMP_SIZE  0x8
/* It bears no more. */
#define LAMP_LEVEL_MAX 100

/* ---- the hardware: there as long as the device is ---- */

struct lamp_hw {
	pthread_mutex_t lock;
	uint32_t level;
	bool blown;
};

static int lamp_hw_create(struct platform_hw *hw)
{
	const struct platform_device *pdev = hw->pdev;
	struct lamp_hw *lamp;

	if (pdev->num_regions != 1 || pdev->regions[0].size < LAMP_SIZE || pdev->num_irqs != 1) {
		dev_err(&pdev->dev, "a lamp has 8 bytes of registers and one interrupt");
		return -EINVAL;
	}
	lamp = calloc(1, sizeof(*lamp));
	if (!lamp)
		return -ENOMEM;
	pthread_mutex_init(&lamp->lock, NULL);
	hw->data = lamp;
	return 0;
}

static void lamp_hw_destroy(struct platform_hw *hw)
{
	struct lamp_hw *lamp = hw->data;

	pthread_mutex_destroy(&lamp->lock);
	free(lamp);
}

static uint64_t lamp_hw_read(struct platform_hw *hw, unsigned int region, uint64_t offset,
			     unsigned int size)
{
	struct lamp_hw *lamp = hw->data;
	uint64_t value = 0;

	pthread_mutex_lock(&lamp->lock);
	if (offset == LAMP_LEVEL)
		value = lamp->level;
	else if (offset == LAMP_FUSE)
		value = lamp->blown;
	pthread_mutex_unlock(&lamp->lock);
	return value;
}

static void lamp_hw_write(struct platform_hw *hw, unsigned int region, uint64_t offset,
			  uint64_t value, unsigned int size)
{
	struct lamp_hw *lamp = hw->data;

	pthread_mutex_lock(&lamp->lock);
	if (offset == LAMP_FUSE)
		lamp->blown = false;
	else if (offset == LAMP_LEVEL && value > LAMP_LEVEL_MAX)
		lamp->blown = true;
	if (offset == LAMP_LEVEL)
		lamp->level = lamp->blown ? 0 : value;
	platform_hw_set_irq(hw, 0, lamp->blown);
	pthread_mutex_unlock(&lamp->lock);
}

static const char *const lamp_hw_compatible[] = { "example,lamp", NULL };

static const struct platform_hw_ops lamp_hw_ops = {
	.name = "lamp",
	.owner = THIS_MODULE,
	.compatible = lamp_hw_compatible,
	.create = lamp_hw_create,
	.destroy = lamp_hw_destroy,
	.read = lamp_hw_read,
	.write = lamp_hw_write,
};

/* ---- the driver: there as long as it is bound ---- */

/* Called as long as the line is high. */
static void lamp_interrupt(void *data, unsigned int irq)
{
	struct platform_device *pdev = data;

	dev_info(&pdev->dev, "a new fuse");
	platform_writel(pdev, 0, LAMP_FUSE, 1);
}

static int lamp_probe(struct platform_device *pdev)
{
	return platform_request_threaded_irq(pdev, 0, lamp_interrupt, pdev);
}

static void lamp_remove(struct platform_device *pdev)
{
	platform_free_irq(pdev, 0);
	platform_writel(pdev, 0, LAMP_LEVEL, 0);
}

static ssize_t level_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", platform_readl(to_platform_device(dev), 0, LAMP_LEVEL));
}

static ssize_t level_store(struct device *dev, struct device_attribute *attr, const char *buf,
			   size_t count)
{
	unsigned int level;
	int err = kstrtouint(buf, 0, &level);

	if (err)
		return err;
	platform_writel(to_platform_device(dev), 0, LAMP_LEVEL, level);
	return count;
}
static DEVICE_ATTR_RW(level);

static struct attribute *lamp_attrs[] = { &dev_attr_level.attr, NULL };
ATTRIBUTE_GROUPS(lamp);

static const struct of_device_id lamp_of_match[] = { { "example,lamp", NULL }, { NULL, NULL } };

static struct platform_driver lamp_driver = {
	.probe = lamp_probe,
	.remove = lamp_remove,
	.of_match_table = lamp_of_match,
	.driver = { .name = "lamp", .owner = THIS_MODULE, .dev_groups = lamp_groups },
};

/* ---- the module ---- */

static int lamp_init(void)
{
	int err;

	err = platform_hw_register(&lamp_hw_ops);
	if (err)
		return err;
	err = platform_driver_register(&lamp_driver);
	if (err)
		platform_hw_unregister(&lamp_hw_ops);
	return err;
}

static void lamp_exit(void)
{
	platform_driver_unregister(&lamp_driver);
	platform_hw_unregister(&lamp_hw_ops);
}

module_init(lamp_init);
module_exit(lamp_exit);
MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("A lamp: simulated platform hardware and its driver");
MODULE_DEPENDS("platform");
MODULE_ALIAS("platform-hw:example,lamp");
MODULE_ALIAS("of:N*T*Cexample,lamp*");
