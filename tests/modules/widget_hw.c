/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The simulated hardware of a widget: one register that keeps what is written to it, a line that
 * is high while that is not 0, and a line that tells each write. A widget whose registers are too
 * small for that is refused.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <umdev/platform.h>

/** struct widget - one of them */
struct widget {
	pthread_mutex_t lock;
	uint64_t value; /* under lock */
};

static int widget_create(struct platform_hw *hw)
{
	struct widget *w;

	if (hw->pdev->num_regions != 1 || hw->pdev->regions[0].size < 8) {
		dev_err(&hw->pdev->dev, "a widget has one region of 8 bytes");
		return -EINVAL;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	pthread_mutex_init(&w->lock, NULL);
	hw->data = w;
	return 0;
}

static void widget_destroy(struct platform_hw *hw)
{
	struct widget *w = hw->data;

	pthread_mutex_destroy(&w->lock);
	free(w);
}

static uint64_t widget_read(struct platform_hw *hw, unsigned int region, uint64_t offset,
			    unsigned int size)
{
	struct widget *w = hw->data;
	uint64_t value;

	pthread_mutex_lock(&w->lock);
	value = w->value;
	pthread_mutex_unlock(&w->lock);
	return offset ? 0 : value;
}

static void widget_write(struct platform_hw *hw, unsigned int region, uint64_t offset,
			 uint64_t value, unsigned int size)
{
	struct widget *w = hw->data;

	pthread_mutex_lock(&w->lock);
	w->value = value;
	platform_hw_set_irq(hw, 0, value);
	platform_hw_set_irq(hw, 1, true);
	platform_hw_set_irq(hw, 1, false);
	pthread_mutex_unlock(&w->lock);
}

static ssize_t value_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct platform_device *pdev = to_platform_device(dev);

	return sysfs_emit(buf, "%llu\n", (unsigned long long)platform_read(pdev, 0, 0, 8));
}

static ssize_t value_store(struct device *dev, struct device_attribute *attr, const char *buf,
			   size_t count)
{
	unsigned long value;
	int err = kstrtoul(buf, 0, &value);

	if (err)
		return err;
	platform_write(to_platform_device(dev), 0, 0, value, 8);
	return (ssize_t)count;
}
static DEVICE_ATTR_RW(value);

static struct attribute *widget_attrs[] = { &dev_attr_value.attr, NULL };
ATTRIBUTE_GROUPS(widget);

static const char *const widget_compatible[] = { "test,widget", NULL };
static const struct platform_hw_ops widget_ops = {
	.name = "widget",
	.owner = THIS_MODULE,
	.compatible = widget_compatible,
	.create = widget_create,
	.destroy = widget_destroy,
	.read = widget_read,
	.write = widget_write,
	.groups = widget_groups,
};

static int widget_hw_init(void)
{
	return platform_hw_register(&widget_ops);
}

static void widget_hw_exit(void)
{
	platform_hw_unregister(&widget_ops);
}

module_init(widget_hw_init);
module_exit(widget_hw_exit);
MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DEPENDS("platform");
MODULE_ALIAS("platform-hw:test,widget");
