/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The machine's PL011. */
#include "firmware.h"

#define UART 0x09000000
#define DR   (UART + 0x00)
#define FR   (UART + 0x18)
#define LCRH (UART + 0x2c)
#define CR   (UART + 0x30)
#define IMSC (UART + 0x38)

#define FR_RX_EMPTY 0x10
#define FR_TX_FULL  0x20
#define INT_RX	    0x10

#define UART_INTERRUPT (32 + 1)

void console_init(void)
{
	mmio_write(LCRH, 0x70); /* eight bits, with queues */
	mmio_write(CR, 0x301);	/* on, both ways */
	gic_enable(UART_INTERRUPT, false);
	/* Whoever waits enables it again. */
	gic_plan(UART_INTERRUPT)->ack = IMSC;
}

static char read_character(void)
{
	cpu_mask_interrupts();
	while (mmio_read(FR) & FR_RX_EMPTY) {
		mmio_write(IMSC, INT_RX);
		cpu_wait();
		cpu_unmask_interrupts();
		cpu_mask_interrupts();
	}
	cpu_unmask_interrupts();
	return (char)mmio_read(DR);
}

void console_read_line(char *line, size_t size)
{
	size_t length = 0;
	char c;

	while ((c = read_character()) != '\n')
		if (length + 1 < size)
			line[length++] = c;
	line[length] = '\0';
}

static void write_character(char c)
{
	while (mmio_read(FR) & FR_TX_FULL)
		;
	mmio_write(DR, (uint8_t)c);
}

void console_text(const char *text)
{
	while (*text)
		write_character(*text++);
}

static void number(uint64_t value, unsigned int base)
{
	char text[21];
	size_t at = sizeof(text) - 1;

	text[at] = '\0';
	do
		text[--at] = "0123456789abcdef"[value % base];
	while (value /= base);
	console_text(text + at);
}

void console_hex(uint64_t value)
{
	number(value, 16);
}

void console_decimal(uint64_t value)
{
	number(value, 10);
}
