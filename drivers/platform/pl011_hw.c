/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../common/port.h"
#include "apb.h"
#include "hw_host.h"
#include "pl011.h"
#include "pl011_hw.h"

/* Up to the receive timeout's: what a driver that never looks at the ids needs. */
#define REGION_MIN (PL011_DMACR + 4)

/**
 * struct pl011_hw - the UART behind one device
 * @port: its wire
 * @uart: the chip; under @lock
 * @hw:   the bus's
 * @name: of its socket, if its wire ends in one
 * @lock: guards chip and wire
 * @backend_lock: one change of the backend at a time
 */
struct pl011_hw {
	struct port port;
	struct pl011 uart;
	struct platform_hw *hw;
	char *name;
	pthread_mutex_t lock;
	pthread_mutex_t backend_lock;
};

static struct pl011_hw *to_pl011_hw(const struct port *port)
{
	return container_of((struct port *)port, struct pl011_hw, port);
}

/* ---- interrupts ---- */

/* What an interrupt line tells of. */
static uint16_t causes_of(const struct platform_irq *irq)
{
	static const struct {
		const char *name;
		uint16_t causes;
	} separate[] = {
		{ "tx", PL011_INT_TX },
		{ "rx", PL011_INT_RX },
		{ "ms", PL011_INT_RI | PL011_INT_CTS | PL011_INT_DCD | PL011_INT_DSR },
		{ "rt", PL011_INT_RT },
		{ "error", PL011_INT_OE | PL011_INT_BE | PL011_INT_PE | PL011_INT_FE },
	};

	for (size_t i = 0; irq->name && i < ARRAY_SIZE(separate); i++)
		if (!strcmp(irq->name, separate[i].name))
			return separate[i].causes;
	return PL011_INT_ALL;
}

static void pl011_changed(struct port *port)
{
	struct pl011_hw *pl011 = to_pl011_hw(port);
	const struct platform_device *pdev = pl011->hw->pdev;
	uint16_t mis = pl011_mis(&pl011->uart);

	for (unsigned int i = 0; i < pdev->num_irqs; i++)
		platform_hw_set_irq(pl011->hw, i, mis & causes_of(&pdev->irqs[i]));
}

/* ---- the wire ---- */

/* Filled when it is empty: one system call for a FIFO full of characters, not for each. */
static unsigned int rx_wanted(const struct port *port)
{
	const struct pl011 *uart = &to_pl011_hw(port)->uart;

	return uart->rx.count ? 0 : pl011_rx_wanted(uart);
}

static unsigned int rx_room(const struct port *port)
{
	return pl011_rx_room(&to_pl011_hw(port)->uart);
}

static void receive(struct port *port, const uint8_t *data, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		pl011_receive(&to_pl011_hw(port)->uart, data[i]);
}

static void receive_break(struct port *port)
{
	pl011_receive_errors(&to_pl011_hw(port)->uart, 0, PL011_DR_BE);
}

static void rx_idle(struct port *port)
{
	pl011_rx_idle(&to_pl011_hw(port)->uart);
}

static unsigned int tx_peek(const struct port *port, uint8_t *buf, unsigned int size)
{
	return pl011_tx_peek(&to_pl011_hw(port)->uart, buf, size);
}

static void tx_done(struct port *port, unsigned int count)
{
	pl011_tx_done(&to_pl011_hw(port)->uart, count);
}

static bool take_break(struct port *port)
{
	return pl011_take_break(&to_pl011_hw(port)->uart);
}

static void set_lines(struct port *port, uint8_t lines)
{
	uint16_t flags = 0;

	if (lines & UART_MSR_CTS)
		flags |= PL011_FR_CTS;
	if (lines & UART_MSR_DSR)
		flags |= PL011_FR_DSR;
	if (lines & UART_MSR_DCD)
		flags |= PL011_FR_DCD;
	if (lines & UART_MSR_RI)
		flags |= PL011_FR_RI;
	pl011_set_lines(&to_pl011_hw(port)->uart, flags);
}

static uint8_t outputs(const struct port *port)
{
	uint16_t cr = pl011_outputs(&to_pl011_hw(port)->uart);

	return (cr & PL011_CR_RTS ? UART_MCR_RTS : 0) | (cr & PL011_CR_DTR ? UART_MCR_DTR : 0);
}

static const struct port_ops pl011_port_ops = {
	.rx_wanted = rx_wanted,
	.rx_room = rx_room,
	.receive = receive,
	.receive_break = receive_break,
	.rx_idle = rx_idle,
	.tx_peek = tx_peek,
	.tx_done = tx_done,
	.take_break = take_break,
	.set_lines = set_lines,
	.outputs = outputs,
};

/* ---- registers ---- */

static uint32_t read_word(void *uart, uint64_t offset)
{
	return offset < PL011_SIZE ? pl011_read(uart, offset) : 0;
}

static void write_word(void *uart, uint64_t offset, uint32_t value)
{
	if (offset < PL011_SIZE)
		pl011_write(uart, offset, value);
}

static uint64_t pl011_hw_read(struct platform_hw *hw, unsigned int region, uint64_t offset,
			      unsigned int size)
{
	struct pl011_hw *pl011 = hw->data;
	uint64_t value;

	if (region)
		return 0;
	pthread_mutex_lock(&pl011->lock);
	value = apb_read(&pl011->uart, read_word, offset, size);
	port_kick(&pl011->port);
	pthread_mutex_unlock(&pl011->lock);
	return value;
}

static void pl011_hw_write(struct platform_hw *hw, unsigned int region, uint64_t offset,
			   uint64_t value, unsigned int size)
{
	struct pl011_hw *pl011 = hw->data;

	if (region)
		return;
	pthread_mutex_lock(&pl011->lock);
	apb_write(&pl011->uart, write_word, offset, value, size);
	port_kick(&pl011->port);
	pthread_mutex_unlock(&pl011->lock);
}

/* ---- from power-on to the end ---- */

static int check_device(const struct platform_device *pdev)
{
	if (!pdev->num_regions || pdev->regions[0].size < REGION_MIN) {
		dev_err(&pdev->dev, "a PL011 has registers of %#x bytes at least", REGION_MIN);
		return -EINVAL;
	}
	if (!pdev->num_irqs) {
		dev_err(&pdev->dev, "a PL011 has an interrupt");
		return -EINVAL;
	}
	return 0;
}

static bool is_generic(const struct platform_device *pdev)
{
	return pdev->of_node && of_device_is_compatible(pdev->of_node, "arm,sbsa-uart") &&
	       !of_device_is_compatible(pdev->of_node, "arm,pl011");
}

static void pl011_free(struct pl011_hw *pl011)
{
	pthread_mutex_destroy(&pl011->backend_lock);
	pthread_mutex_destroy(&pl011->lock);
	free(pl011->name);
	free(pl011);
}

static struct pl011_hw *pl011_alloc(struct platform_hw *hw)
{
	struct pl011_hw *pl011 = calloc(1, sizeof(*pl011));

	if (!pl011)
		return NULL;
	pthread_mutex_init(&pl011->lock, NULL);
	pthread_mutex_init(&pl011->backend_lock, NULL);
	pl011->hw = hw;
	if (asprintf(&pl011->name, "%s-port0", dev_name(&hw->pdev->dev)) < 0) {
		pl011->name = NULL;
		pl011_free(pl011);
		return NULL;
	}
	pl011->port.ops = &pl011_port_ops;
	pl011->port.lock = &pl011->lock;
	pl011->port.changed = pl011_changed;
	pl011->port.name = pl011->name;
	pl011_reset(&pl011->uart, is_generic(hw->pdev));
	return pl011;
}

static int pl011_create(struct platform_hw *hw)
{
	struct pl011_hw *pl011;
	int err = check_device(hw->pdev);

	if (err)
		return err;
	pl011 = pl011_alloc(hw);
	if (!pl011)
		return -ENOMEM;
	hw->data = pl011;
	err = port_init(&pl011->port, hw_host_backend());
	if (err)
		goto free;
	return 0;

free:
	hw->data = NULL;
	pl011_free(pl011);
	return err;
}

static void pl011_destroy(struct platform_hw *hw)
{
	struct pl011_hw *pl011 = hw->data;

	port_finish(&pl011->port);
	pl011_free(pl011);
}

/* ---- attributes ---- */

static struct pl011_hw *hw_of_dev(struct device *dev)
{
	return platform_hw_of_device(to_platform_device(dev))->data;
}

static ssize_t backend_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return port_backend_show(&hw_of_dev(dev)->port, buf);
}

static ssize_t backend_store(struct device *dev, struct device_attribute *attr, const char *buf,
			     size_t count)
{
	struct pl011_hw *pl011 = hw_of_dev(dev);

	return port_backend_store(&pl011->port, buf, count, &pl011->backend_lock);
}

static ssize_t path_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return port_path_show(&hw_of_dev(dev)->port, buf);
}

static DEVICE_ATTR_RW(backend);
static DEVICE_ATTR_RO(path);

static struct attribute *port_attrs[] = { &dev_attr_backend.attr, &dev_attr_path.attr, NULL };
static const struct attribute_group port_group = { .name = "port0", .attrs = port_attrs };
static const struct attribute_group *pl011_groups[] = { &port_group, NULL };

static const char *const compatible[] = { "arm,pl011", "arm,sbsa-uart", NULL };

const struct platform_hw_ops pl011_hw_ops = {
	.name = "pl011",
	.owner = THIS_MODULE,
	.compatible = compatible,
	.create = pl011_create,
	.destroy = pl011_destroy,
	.read = pl011_hw_read,
	.write = pl011_hw_write,
	.groups = pl011_groups,
};
