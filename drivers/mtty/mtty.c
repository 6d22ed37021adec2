/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mtty: PCI serial cards with one or two 16550A ports, each connected to something on the host.
 *
 * The driver to learn from. From the bottom: uart.c is the chip, and uart_port.c connects it
 * to what ../common has: port.c moves characters between a chip and the host, end_*.c are what a
 * port can be connected to, loop.c is the thread that waits for all of them. This file makes a PCI
 * device of it and offers it as a mediated device.
 *
 * What it shows in sysfs, its ids and its numbers are those of Linux 6.1 samples/vfio-mdev/mtty.c.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/mdev.h>
#include <umdev/module.h>
#include <umdev/vfio_pci.h>
#include "../common/end.h"
#include "uart_port.h"

#define MTTY_MAX_PORTS 2
#define MTTY_NAME_SIZE sizeof("00000000-0000-0000-0000-000000000000-port0")

static unsigned int ports = 24;
module_param(ports, uint, 0444);
MODULE_PARM_DESC(ports, "how many ports all devices together may have");

static char default_backend[] = "pty";
static char *backend = default_backend;
module_param(backend, charp, 0444);
MODULE_PARM_DESC(backend, "what a new port is connected to: pty, unix or loop");

static char default_socket_dir[] = "/run/umdev/mtty";
module_param_named(socket_dir, unix_socket_dir, charp, 0444);
MODULE_PARM_DESC(socket_dir, "directory of the sockets of ports connected to unix");

/**
 * struct mtty_port - a port of a card
 * @uart_port: the port
 * @mtty: its card
 * @name: UUID-portN
 */
struct mtty_port {
	struct uart_port uart_port;
	struct mtty *mtty;
	char name[MTTY_NAME_SIZE];
};

/**
 * struct mtty - a card: the state of one mediated device, from probe to remove
 * @pdev:     as the guest sees it
 * @nr_ports: how many of @ports it has
 * @ports:    under @lock
 * @lock:     guards the chips and their host ends: the guest's thread and the module's use them
 * @backend_lock: one change of a backend at a time
 */
struct mtty {
	struct vfio_pci_device pdev;
	unsigned int nr_ports;
	struct mtty_port ports[MTTY_MAX_PORTS];
	pthread_mutex_t lock;
	pthread_mutex_t backend_lock;
};

static struct mtty *to_mtty(struct vfio_pci_device *pdev)
{
	return container_of(pdev, struct mtty, pdev);
}

/* ---- interrupts ---- */

/*
 * All ports share the card's interrupt, which is a level as INTx. As MSI it is a message, to be
 * sent for each new cause; @again sends it for old ones as well. What the guest has not switched on
 * is not heard.
 */
static void update_interrupt(struct mtty *mtty, bool again)
{
	bool level = false;

	for (unsigned int i = 0; i < mtty->nr_ports; i++) {
		struct uart *uart = &mtty->ports[i].uart_port.uart;

		level |= uart_irq(uart);
		again |= uart_take_edge(uart);
	}
	vfio_pci_set_intx_level(&mtty->pdev, level);
	if (level && again)
		vfio_pci_msi_trigger(&mtty->pdev, 0);
}

static void mtty_port_changed(struct port *port)
{
	update_interrupt(container_of(port, struct mtty_port, uart_port.port)->mtty, false);
}

/* ---- what the guest does ---- */

static ssize_t mtty_bar_read(struct vfio_pci_device *pdev, unsigned int bar, void *buf,
			     size_t count, uint64_t offset)
{
	struct mtty *mtty = to_mtty(pdev);
	struct uart_port *port = &mtty->ports[bar].uart_port;
	uint8_t *values = buf;

	pthread_mutex_lock(&mtty->lock);
	for (size_t i = 0; i < count; i++)
		values[i] = uart_read(&port->uart, offset + i);
	port_kick(&port->port);
	pthread_mutex_unlock(&mtty->lock);
	return count;
}

static ssize_t mtty_bar_write(struct vfio_pci_device *pdev, unsigned int bar, const void *buf,
			      size_t count, uint64_t offset)
{
	struct mtty *mtty = to_mtty(pdev);
	struct uart_port *port = &mtty->ports[bar].uart_port;
	const uint8_t *values = buf;

	pthread_mutex_lock(&mtty->lock);
	for (size_t i = 0; i < count; i++)
		uart_write(&port->uart, offset + i, values[i]);
	port_kick(&port->port);
	pthread_mutex_unlock(&mtty->lock);
	return count;
}

/* The guest may have switched MSI on while a cause was pending. */
static void mtty_config_written(struct vfio_pci_device *pdev, unsigned int offset,
				unsigned int count)
{
	struct mtty *mtty = to_mtty(pdev);

	pthread_mutex_lock(&mtty->lock);
	update_interrupt(mtty, true);
	pthread_mutex_unlock(&mtty->lock);
}

static int mtty_reset(struct vfio_pci_device *pdev)
{
	struct mtty *mtty = to_mtty(pdev);

	pthread_mutex_lock(&mtty->lock);
	for (unsigned int i = 0; i < mtty->nr_ports; i++) {
		uart_reset(&mtty->ports[i].uart_port.uart);
		port_kick(&mtty->ports[i].uart_port.port);
	}
	pthread_mutex_unlock(&mtty->lock);
	return 0;
}

/* The guest has gone: nobody asks for characters any more. What it has sent still goes out. */
static void mtty_close(struct vfio_pci_device *pdev)
{
	struct mtty *mtty = to_mtty(pdev);

	pthread_mutex_lock(&mtty->lock);
	for (unsigned int i = 0; i < mtty->nr_ports; i++) {
		struct uart *uart = &mtty->ports[i].uart_port.uart;

		uart_write(uart, UART_LCR, 0);
		uart_write(uart, UART_IER, 0);
		uart_write(uart, UART_MCR, 0);
		port_kick(&mtty->ports[i].uart_port.port);
	}
	pthread_mutex_unlock(&mtty->lock);
}

static const struct vfio_pci_ops mtty_pci_ops = {
	.bar_read = mtty_bar_read,
	.bar_write = mtty_bar_write,
	.config_written = mtty_config_written,
	.open = mtty_reset,
	.close = mtty_close,
	.reset = mtty_reset,
};

static const struct vfio_pci_id mtty_pci_id = {
	.vendor = 0x4348,
	.device = 0x3253,
	.subsystem_vendor = 0x4348,
	.subsystem_device = 0x3253,
	.class = 0x070002, /* serial controller, 16550-compatible */
	.revision = 0x10,
};

/* ---- attributes ---- */

static ssize_t sample_mdev_dev_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "This is MDEV %s\n", dev_name(dev));
}
static DEVICE_ATTR_RO(sample_mdev_dev);

static struct attribute *vendor_attrs[] = { &dev_attr_sample_mdev_dev.attr, NULL };
static const struct attribute_group vendor_group = { .name = "vendor", .attrs = vendor_attrs };
static const struct attribute_group *mtty_groups[] = { &vendor_group, NULL };

/** struct port_attribute - an attribute of port number @port, in the directory portN */
struct port_attribute {
	struct device_attribute attr;
	unsigned int port;
};

static struct port *attr_to_port(struct device *dev, struct device_attribute *attr)
{
	struct mtty *mtty = dev_get_drvdata(dev);

	return &mtty->ports[container_of(attr, struct port_attribute, attr)->port].uart_port.port;
}

static ssize_t backend_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return port_backend_show(attr_to_port(dev, attr), buf);
}

static ssize_t backend_store(struct device *dev, struct device_attribute *attr, const char *buf,
			     size_t count)
{
	struct mtty *mtty = dev_get_drvdata(dev);

	return port_backend_store(attr_to_port(dev, attr), buf, count, &mtty->backend_lock);
}

static ssize_t path_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return port_path_show(attr_to_port(dev, attr), buf);
}

#define PORT_GROUP(n)                                                                     \
	static struct port_attribute port##n##_backend = { __ATTR_RW(backend), n };       \
	static struct port_attribute port##n##_path = { __ATTR_RO(path), n };             \
	static struct attribute *port##n##_attrs[] = { &port##n##_backend.attr.attr,      \
						       &port##n##_path.attr.attr, NULL }; \
	static const struct attribute_group port##n##_group = { .name = "port" #n,        \
								.attrs = port##n##_attrs }

PORT_GROUP(0);
PORT_GROUP(1);

static const struct attribute_group *one_port_groups[] = { &port0_group, NULL };
static const struct attribute_group *two_ports_groups[] = { &port0_group, &port1_group, NULL };

/* ---- types ---- */

/** struct mtty_type - a model of card: how many ports it has, and their attributes */
struct mtty_type {
	struct mdev_type type;
	unsigned int nr_ports;
	const struct attribute_group **port_groups;
};

static struct mtty_type single = {
	.type = { .sysfs_name = "1", .pretty_name = "Single port serial" },
	.nr_ports = 1,
	.port_groups = one_port_groups,
};

static struct mtty_type dual = {
	.type = { .sysfs_name = "2", .pretty_name = "Dual port serial" },
	.nr_ports = 2,
	.port_groups = two_ports_groups,
};

static struct mdev_type *mtty_types[] = { &single.type, &dual.type };

static struct mtty_type *to_mtty_type(struct mdev_type *type)
{
	return container_of(type, struct mtty_type, type);
}

/* Both types take their ports from here. */
static atomic_uint free_ports;

static bool take_ports(unsigned int count)
{
	unsigned int left = atomic_load(&free_ports);

	do {
		if (left < count)
			return false;
	} while (!atomic_compare_exchange_weak(&free_ports, &left, left - count));
	return true;
}

static void give_ports_back(unsigned int count)
{
	atomic_fetch_add(&free_ports, count);
}

static unsigned int mtty_get_available(struct mdev_type *type)
{
	return atomic_load(&free_ports) / to_mtty_type(type)->nr_ports;
}

/* ---- a card from create to remove ---- */

static int mtty_init_pci(struct mtty *mtty, struct device *dev)
{
	const struct vfio_pci_bar bar = { .size = UART_NR_REGS,
					  .flags = PCI_BASE_ADDRESS_SPACE_IO };
	int err;

	vfio_pci_init(&mtty->pdev, dev, &mtty_pci_ops, &mtty_pci_id);
	for (unsigned int i = 0; i < mtty->nr_ports; i++) {
		err = vfio_pci_set_bar(&mtty->pdev, i, &bar);
		if (err)
			goto finish;
	}
	err = vfio_pci_set_intx(&mtty->pdev, 1);
	if (err)
		goto finish;
	err = vfio_pci_add_msi(&mtty->pdev, 1);
	if (err)
		goto finish;
	return 0;

finish:
	vfio_pci_finish(&mtty->pdev);
	return err;
}

/* The first @count of them. */
static void mtty_finish_ports(struct mtty *mtty, unsigned int count)
{
	while (count--)
		port_finish(&mtty->ports[count].uart_port.port);
}

static int mtty_init_ports(struct mtty *mtty, const char *uuid)
{
	unsigned int i;
	int err;

	for (i = 0; i < mtty->nr_ports; i++) {
		struct mtty_port *port = &mtty->ports[i];

		snprintf(port->name, sizeof(port->name), "%s-port%u", uuid, i);
		port->mtty = mtty;
		port->uart_port.port.lock = &mtty->lock;
		port->uart_port.port.changed = mtty_port_changed;
		port->uart_port.port.name = port->name;
		err = uart_port_init(&port->uart_port, backend);
		if (err)
			goto finish;
	}
	return 0;

finish:
	mtty_finish_ports(mtty, i);
	return err;
}

static struct mtty *mtty_alloc(unsigned int nr_ports)
{
	struct mtty *mtty = calloc(1, sizeof(*mtty));

	if (!mtty)
		return NULL;
	mtty->nr_ports = nr_ports;
	pthread_mutex_init(&mtty->lock, NULL);
	pthread_mutex_init(&mtty->backend_lock, NULL);
	return mtty;
}

static void mtty_free(struct mtty *mtty)
{
	pthread_mutex_destroy(&mtty->backend_lock);
	pthread_mutex_destroy(&mtty->lock);
	free(mtty);
}

static int mtty_probe(struct mdev_device *mdev)
{
	const struct mtty_type *type = to_mtty_type(mdev->type);
	struct device *dev = &mdev->dev;
	struct mtty *mtty;
	int err;

	if (!take_ports(type->nr_ports))
		return -ENOSPC;
	mtty = mtty_alloc(type->nr_ports);
	if (!mtty) {
		err = -ENOMEM;
		goto give_back;
	}
	err = mtty_init_pci(mtty, dev);
	if (err)
		goto free;
	err = mtty_init_ports(mtty, dev_name(dev));
	if (err)
		goto finish_pci;
	dev_set_drvdata(dev, mtty);
	err = device_add_groups(dev, type->port_groups);
	if (err)
		goto finish_ports;
	/* Last: from here on a guest may come. */
	err = vfio_pci_register(&mtty->pdev);
	if (err)
		goto remove_groups;
	return 0;

remove_groups:
	device_remove_groups(dev, type->port_groups);
finish_ports:
	mtty_finish_ports(mtty, mtty->nr_ports);
finish_pci:
	vfio_pci_finish(&mtty->pdev);
free:
	mtty_free(mtty);
give_back:
	give_ports_back(type->nr_ports);
	return err;
}

/* When this returns the guest is gone. */
static void mtty_quiesce(struct mdev_device *mdev)
{
	struct mtty *mtty = dev_get_drvdata(&mdev->dev);

	vfio_pci_unregister(&mtty->pdev);
}

static void mtty_remove(struct mdev_device *mdev)
{
	const struct mtty_type *type = to_mtty_type(mdev->type);
	struct mtty *mtty = dev_get_drvdata(&mdev->dev);

	device_remove_groups(&mdev->dev, type->port_groups);
	mtty_finish_ports(mtty, mtty->nr_ports);
	vfio_pci_finish(&mtty->pdev);
	mtty_free(mtty);
	give_ports_back(type->nr_ports);
}

static struct mdev_driver mtty_driver = {
	.device_api = VFIO_DEVICE_API_PCI_STRING,
	.probe = mtty_probe,
	.quiesce = mtty_quiesce,
	.remove = mtty_remove,
	.get_available = mtty_get_available,
	.driver = {
		.name = "mtty",
		.owner = THIS_MODULE,
		.dev_groups = mtty_groups,
	},
};

/* ---- the module ---- */

static struct class mtty_class = {
	.name = "mtty",
	.owner = THIS_MODULE,
};

static struct device *mtty_dev;
static struct mdev_parent mtty_parent;

static int mtty_start_host_side(void)
{
	int err;

	if (!port_knows_backend(backend)) {
		pr_err("mtty: backend \"%s\" is none of pty, unix, loop", backend);
		return -EINVAL;
	}
	if (!unix_socket_dir)
		unix_socket_dir = default_socket_dir;
	err = loop_start("mtty");
	if (err)
		return err;
	err = pty_start();
	if (err)
		loop_stop();
	return err;
}

static void mtty_stop_host_side(void)
{
	pty_stop();
	loop_stop();
}

static int mtty_init(void)
{
	int err;

	atomic_store(&free_ports, ports);
	err = mtty_start_host_side();
	if (err)
		return err;
	err = mdev_register_driver(&mtty_driver);
	if (err)
		goto stop;
	err = class_register(&mtty_class);
	if (err)
		goto unregister_driver;
	err = device_create(&mtty_class, NULL, 0, NULL, &mtty_dev, "mtty");
	if (err)
		goto unregister_class;
	err = mdev_register_parent(&mtty_parent, mtty_dev, &mtty_driver, mtty_types,
				   ARRAY_SIZE(mtty_types));
	if (err)
		goto unregister_device;
	return 0;

unregister_device:
	device_unregister(mtty_dev);
unregister_class:
	class_unregister(&mtty_class);
unregister_driver:
	mdev_unregister_driver(&mtty_driver);
stop:
	mtty_stop_host_side();
	return err;
}

static void mtty_exit(void)
{
	mdev_unregister_parent(&mtty_parent);
	device_unregister(mtty_dev);
	/* The driver before the class: the order of the events of the kernel's sample. */
	mdev_unregister_driver(&mtty_driver);
	class_unregister(&mtty_class);
	mtty_stop_host_side();
}

module_init(mtty_init);
module_exit(mtty_exit);

MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("PCI serial cards, connected to pseudo-terminals or sockets of the host");
