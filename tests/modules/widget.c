/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver of widgets: counts interrupts, if there are some, and clears the level one. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <umdev/platform.h>

/** struct widget - one that is bound */
struct widget {
	struct platform_device *pdev;
	atomic_uint handled;
};

static void handle_level(void *data, unsigned int irq)
{
	struct widget *w = data;

	atomic_fetch_add(&w->handled, 1);
	platform_write(w->pdev, 0, 0, 0, 8);
}

static int widget_probe(struct platform_device *pdev)
{
	struct widget *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->pdev = pdev;
	err = pdev->num_irqs ? platform_request_threaded_irq(pdev, 0, handle_level, w) : 0;
	if (err) {
		free(w);
		return err;
	}
	platform_set_drvdata(pdev, w);
	return 0;
}

static void widget_remove(struct platform_device *pdev)
{
	struct widget *w = platform_get_drvdata(pdev);

	platform_free_irq(pdev, 0);
	free(w);
}

static ssize_t handled_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct widget *w = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", atomic_load(&w->handled));
}
static DEVICE_ATTR_RO(handled);

static struct attribute *widget_attrs[] = { &dev_attr_handled.attr, NULL };
ATTRIBUTE_GROUPS(widget);

static const struct of_device_id widget_of_match[] = { { "test,widget", NULL }, { NULL, NULL } };
static struct platform_driver widget_driver = {
	.probe = widget_probe,
	.remove = widget_remove,
	.of_match_table = widget_of_match,
	.driver = { .name = "widget", .owner = THIS_MODULE, .dev_groups = widget_groups },
};

static int widget_init(void)
{
	return platform_driver_register(&widget_driver);
}

static void widget_exit(void)
{
	platform_driver_unregister(&widget_driver);
}

module_init(widget_init);
module_exit(widget_exit);
MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DEPENDS("platform");
MODULE_ALIAS("of:N*T*Ctest,widget*");
