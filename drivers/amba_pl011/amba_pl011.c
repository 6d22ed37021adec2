/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * uart-pl011: the ordinary driver of PL011 UARTs, and sbsa-uart, that of the generic ones.
 *
 * Each UART gets a terminal, a pseudo-terminal of the host's: what is typed there goes through the
 * registers to the UART's wire, and back. Nothing is lost when one side is slow: the terminal is
 * not read while the transmitter is full, and the receiver's interrupts are off while the terminal
 * takes nothing, so that the UART fills and its wire's other end waits.
 *
 * Behaviour: PrimeCell UART (PL011) Technical Reference Manual, ARM DDI 0183; names and what is
 * left behind at the end are those of Linux 6.1 drivers/tty/serial/amba-pl011.c.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <umdev/module.h>
#include <umdev/platform.h>
#include "../common/end.h"
#include "../common/pl011_regs.h"
#include "../common/port.h"
#include "ring.h"

#define PRIMECELL_ID  0xb105f00d
#define PL011_PART    0x41011 /* ARM's, 0x011 */
#define PART_MASK     0xfffff
#define DEFAULT_CLOCK 24000000
#define DEFAULT_BAUD  115200
#define RX_INTERRUPTS (PL011_INT_RX | PL011_INT_RT)

/**
 * struct pl011_port - a UART in use, from probe to remove
 * @port: the terminal; to it this driver is the chip
 * @pdev: the UART
 * @rx:   received from the UART, for the terminal; under @lock, as all below
 * @tx:   typed at the terminal, for the UART
 * @imsc: what the register of that name was last set to
 * @lock: guards the rings and the UART's registers: the handler's thread and the terminal's use
 *        them
 */
struct pl011_port {
	struct port port;
	struct platform_device *pdev;
	struct ring rx;
	struct ring tx;
	uint16_t imsc;
	pthread_mutex_t lock;
};

static struct pl011_port *to_pl011(const struct port *port)
{
	return container_of((struct port *)port, struct pl011_port, port);
}

static uint32_t in(struct pl011_port *pl011, unsigned int reg)
{
	return platform_readl(pl011->pdev, 0, reg);
}

static void out(struct pl011_port *pl011, unsigned int reg, uint32_t value)
{
	platform_writel(pl011->pdev, 0, reg, value);
}

/* ---- between the UART and the rings; under the lock ---- */

static void receive_chars(struct pl011_port *pl011)
{
	while (ring_room(&pl011->rx) && !(in(pl011, PL011_FR) & PL011_FR_RXFE)) {
		uint32_t c = in(pl011, PL011_DR);

		/* A break and what did not arrive whole are nothing that was said. */
		if (!(c & (PL011_DR_BE | PL011_DR_PE | PL011_DR_FE)))
			ring_put(&pl011->rx, (uint8_t)c);
	}
}

static void transmit_chars(struct pl011_port *pl011)
{
	while (pl011->tx.count && !(in(pl011, PL011_FR) & PL011_FR_TXFF))
		out(pl011, PL011_DR, ring_get(&pl011->tx));
}

/*
 * Interrupts are wanted for what can be done when they come. The terminal may have more to say than
 * was taken at once; that it is readable is not told again.
 */
static void set_interrupts(struct pl011_port *pl011)
{
	uint16_t imsc = 0;

	if (ring_room(&pl011->rx))
		imsc |= RX_INTERRUPTS;
	if (pl011->tx.count || pl011->port.end->readable)
		imsc |= PL011_INT_TX;
	if (imsc == pl011->imsc)
		return;
	pl011->imsc = imsc;
	out(pl011, PL011_IMSC, imsc);
}

/* The terminal has been moved what could be. */
static void terminal_changed(struct port *port)
{
	struct pl011_port *pl011 = to_pl011(port);

	transmit_chars(pl011);
	set_interrupts(pl011);
}

static void pl011_interrupt(void *data, unsigned int irq)
{
	struct pl011_port *pl011 = data;

	pthread_mutex_lock(&pl011->lock);
	receive_chars(pl011);
	transmit_chars(pl011);
	/* Ends in terminal_changed(). */
	port_kick(&pl011->port);
	pthread_mutex_unlock(&pl011->lock);
}

/* ---- between the rings and the terminal ---- */

static unsigned int typed_room(const struct port *port)
{
	return ring_room(&to_pl011(port)->tx);
}

/*
 * Read when the last of it was sent: one system call for much, not for each character. What is read
 * at once is a piece, so that the other way gets its turn.
 */
static unsigned int typed_wanted(const struct port *port)
{
	const struct ring *tx = &to_pl011(port)->tx;

	return tx->count ? 0 : ring_room(tx);
}

static void typed(struct port *port, const uint8_t *data, unsigned int count)
{
	struct pl011_port *pl011 = to_pl011(port);

	for (unsigned int i = 0; i < count; i++)
		ring_put(&pl011->tx, data[i]);
}

static unsigned int to_show(const struct port *port, uint8_t *buf, unsigned int size)
{
	return ring_peek(&to_pl011(port)->rx, buf, size);
}

static void shown(struct port *port, unsigned int count)
{
	struct pl011_port *pl011 = to_pl011(port);

	ring_drop(&pl011->rx, count);
}

static const struct port_ops terminal_ops = {
	.rx_wanted = typed_wanted,
	.rx_room = typed_room,
	.receive = typed,
	.tx_peek = to_show,
	.tx_done = shown,
};

/* ---- setting up and leaving ---- */

static uint32_t read_id(struct pl011_port *pl011, unsigned int first)
{
	uint32_t id = 0;

	for (unsigned int i = 0; i < 4; i++)
		id |= (in(pl011, PL011_ID + 4 * (first + i)) & 0xff) << 8 * i;
	return id;
}

/* The divisor has 6 bits after the point. */
static void set_baud_rate(struct pl011_port *pl011)
{
	const struct device_node *node = pl011->pdev->of_node;
	uint32_t clock = DEFAULT_CLOCK, baud = DEFAULT_BAUD;
	uint64_t divisor;

	if (node) {
		of_property_read_u32(node, "clock-frequency", &clock);
		of_property_read_u32(node, "current-speed", &baud);
	}
	if (!baud || clock / 16 < baud)
		baud = clock / 16 ? clock / 16 : 1;
	divisor = ((uint64_t)clock * 4 + baud / 2) / baud;
	if (divisor > 0xffff * 64)
		divisor = 0xffff * 64;
	out(pl011, PL011_IBRD, divisor / 64);
	out(pl011, PL011_FBRD, divisor % 64);
}

/* 8 bits, no parity, one stop bit, FIFOs; nothing is heard of it yet. */
static void set_up(struct pl011_port *pl011, bool generic)
{
	out(pl011, PL011_IMSC, 0);
	out(pl011, PL011_ICR, PL011_INT_ALL);
	if (generic)
		return;
	/* LCR_H comes last of these: writing it is what makes them count. */
	set_baud_rate(pl011);
	out(pl011, PL011_LCR_H, PL011_LCR_H_FEN | PL011_LCR_H_WLEN_8);
	out(pl011, PL011_IFLS, PL011_IFLS_RX(2) | PL011_IFLS_TX(2));
	out(pl011, PL011_CR,
	    PL011_CR_UARTEN | PL011_CR_TXE | PL011_CR_RXE | PL011_CR_RTS | PL011_CR_DTR);
}

/* What was written still goes out; nothing comes in. */
static void leave_quiet(struct pl011_port *pl011, bool generic)
{
	out(pl011, PL011_IMSC, 0);
	out(pl011, PL011_ICR, PL011_INT_ALL);
	if (!generic)
		out(pl011, PL011_CR, PL011_CR_UARTEN | PL011_CR_TXE);
}

static int check_id(struct pl011_port *pl011)
{
	if (read_id(pl011, 4) == PRIMECELL_ID && (read_id(pl011, 0) & PART_MASK) == PL011_PART)
		return 0;
	dev_err(&pl011->pdev->dev, "its ids are not a PL011's");
	return -ENODEV;
}

static bool is_generic(const struct platform_device *pdev);

static int pl011_start(struct pl011_port *pl011)
{
	bool generic = is_generic(pl011->pdev);
	int err;

	err = generic ? 0 : check_id(pl011);
	if (err)
		return err;
	set_up(pl011, generic);
	err = port_init(&pl011->port, "pty");
	if (err)
		goto quiet;
	err = platform_request_threaded_irq(pl011->pdev, 0, pl011_interrupt, pl011);
	if (err)
		goto finish;
	/* Nothing of what waits in the receiver makes a transition that could be heard. */
	pl011_interrupt(pl011, 0);
	return 0;

finish:
	port_finish(&pl011->port);
quiet:
	leave_quiet(pl011, generic);
	return err;
}

static void pl011_free(struct pl011_port *pl011)
{
	pthread_mutex_destroy(&pl011->lock);
	free(pl011);
}

static int pl011_probe(struct platform_device *pdev)
{
	struct pl011_port *pl011 = calloc(1, sizeof(*pl011));
	int err;

	if (!pl011)
		return -ENOMEM;
	pthread_mutex_init(&pl011->lock, NULL);
	pl011->pdev = pdev;
	pl011->port.ops = &terminal_ops;
	pl011->port.lock = &pl011->lock;
	pl011->port.changed = terminal_changed;
	pl011->port.name = dev_name(&pdev->dev);
	err = pl011_start(pl011);
	if (err) {
		pl011_free(pl011);
		return err;
	}
	platform_set_drvdata(pdev, pl011);
	return 0;
}

static void pl011_remove(struct platform_device *pdev)
{
	struct pl011_port *pl011 = platform_get_drvdata(pdev);

	platform_free_irq(pdev, 0);
	port_finish(&pl011->port);
	leave_quiet(pl011, is_generic(pdev));
	pl011_free(pl011);
}

/* ---- attributes ---- */

static ssize_t tty_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct pl011_port *pl011 = dev_get_drvdata(dev);

	return port_path_show(&pl011->port, buf);
}
static DEVICE_ATTR_RO(tty);

static struct attribute *pl011_attrs[] = { &dev_attr_tty.attr, NULL };
ATTRIBUTE_GROUPS(pl011);

/* ---- the drivers ---- */

static const struct of_device_id pl011_of_match[] = { { .compatible = "arm,pl011" }, { NULL } };

static struct platform_driver pl011_driver = {
	.probe = pl011_probe,
	.remove = pl011_remove,
	.of_match_table = pl011_of_match,
	.driver = {
		.name = "uart-pl011",
		.owner = THIS_MODULE,
		.dev_groups = pl011_groups,
	},
};

static const struct of_device_id sbsa_of_match[] = { { .compatible = "arm,sbsa-uart" }, { NULL } };

static struct platform_driver sbsa_driver = {
	.probe = pl011_probe,
	.remove = pl011_remove,
	.of_match_table = sbsa_of_match,
	.driver = {
		.name = "sbsa-uart",
		.owner = THIS_MODULE,
		.dev_groups = pl011_groups,
	},
};

static bool is_generic(const struct platform_device *pdev)
{
	return pdev->dev.driver == &sbsa_driver.driver;
}

static int terminals_start(void)
{
	int err = loop_start("amba_pl011");

	if (err)
		return err;
	err = pty_start();
	if (err)
		loop_stop();
	return err;
}

static void terminals_stop(void)
{
	pty_stop();
	loop_stop();
}

static int amba_pl011_init(void)
{
	int err = terminals_start();

	if (err)
		return err;
	err = platform_driver_register(&sbsa_driver);
	if (err)
		goto stop;
	err = platform_driver_register(&pl011_driver);
	if (err)
		goto unregister;
	return 0;

unregister:
	platform_driver_unregister(&sbsa_driver);
stop:
	terminals_stop();
	return err;
}

static void amba_pl011_exit(void)
{
	platform_driver_unregister(&pl011_driver);
	platform_driver_unregister(&sbsa_driver);
	terminals_stop();
}

module_init(amba_pl011_init);
module_exit(amba_pl011_exit);

MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("PL011 UARTs, each with a terminal");
MODULE_DEPENDS("platform");
MODULE_ALIAS("of:N*T*Carm,pl011");
MODULE_ALIAS("of:N*T*Carm,pl011C*");
MODULE_ALIAS("of:N*T*Carm,sbsa-uart");
MODULE_ALIAS("of:N*T*Carm,sbsa-uartC*");
