/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Takes commands from the console, a line each, and ends its answer to each with a line "ok" or
 * "error: WHY". Numbers are hexadecimal. "ready" is said at the start, and at each start again.
 *
 *     tree                                   the devices on QEMU's platform bus
 *     read ADDRESS [SIZE]                    of 1, 2, 4 (if not said) or 8 bytes
 *     write ADDRESS VALUE [SIZE]
 *     on NUMBER LEVEL|EDGE ACK VALUE [LOOK]  enable an interrupt; when it comes, read LOOK if it is
 *                                            not 0, then write VALUE to ACK, then count it
 *     off NUMBER                             disable it
 *     counts NUMBER                          how often it came
 *     raise ADDRESS VALUE TIMES NUMBER...    write, and wait until each of these interrupts came at
 *                                            least once more; this so many times
 *     await NUMBER TIMES                     wait until it came this often
 *     strays                                 interrupts that were none, and that nobody enabled
 *     fill ADDRESS LENGTH SEED               with bytes that depend on SEED
 *     same ADDRESS ADDRESS LENGTH            are both alike?
 *     poweroff
 */
#include "firmware.h"

#define MAX_WORDS 12

/* One command, cut into its words. */
struct command {
	unsigned int words;
	char *word[MAX_WORDS];
};

static const void *tree;

void firmware_main(const void *fdt);
void firmware_fault(uint64_t esr, uint64_t elr, uint64_t far);

static bool is(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static void split(struct command *c, char *line)
{
	c->words = 0;
	while (c->words < MAX_WORDS) {
		while (*line == ' ')
			*line++ = '\0';
		if (!*line)
			return;
		c->word[c->words++] = line;
		while (*line && *line != ' ')
			line++;
	}
}

/* The word as a number; 0 if it is not there. */
static uint64_t argument(const struct command *c, unsigned int word)
{
	uint64_t value = 0;

	if (word >= c->words)
		return 0;
	for (const char *p = c->word[word]; *p; p++) {
		unsigned int digit = (unsigned int)(*p <= '9' ? *p - '0' : *p - 'a' + 10);

		value = value << 4 | (digit & 15);
	}
	return value;
}

static const char *do_tree(const struct command *c)
{
	return tree_print_platform_bus(tree) ? NULL : "no device tree";
}

static const char *do_read(const struct command *c)
{
	uintptr_t address = argument(c, 1);
	uint64_t size = c->words > 2 ? argument(c, 2) : 4;

	if (address % (size ? size : 1))
		return "not aligned";
	if (size == 1)
		console_hex(*(volatile uint8_t *)address);
	else if (size == 2)
		console_hex(*(volatile uint16_t *)address);
	else if (size == 4)
		console_hex(mmio_read(address));
	else if (size == 8)
		console_hex(*(volatile uint64_t *)address);
	else
		return "what size?";
	console_text("\n");
	return NULL;
}

static const char *do_write(const struct command *c)
{
	uintptr_t address = argument(c, 1);
	uint64_t value = argument(c, 2);
	uint64_t size = c->words > 3 ? argument(c, 3) : 4;

	if (address % (size ? size : 1))
		return "not aligned";
	if (size == 1)
		*(volatile uint8_t *)address = (uint8_t)value;
	else if (size == 2)
		*(volatile uint16_t *)address = (uint16_t)value;
	else if (size == 4)
		mmio_write(address, (uint32_t)value);
	else if (size == 8)
		*(volatile uint64_t *)address = value;
	else
		return "what size?";
	return NULL;
}

static const char *do_on(const struct command *c)
{
	unsigned int number = (unsigned int)argument(c, 1);
	struct interrupt_plan *plan = gic_plan(number);

	if (!plan || c->words < 5)
		return "which interrupt, and how to answer it?";
	gic_disable(number);
	plan->ack = argument(c, 3);
	plan->value = (uint32_t)argument(c, 4);
	plan->look = argument(c, 5);
	plan->count = 0;
	gic_enable(number, is(c->word[2], "edge"));
	return NULL;
}

static const char *do_off(const struct command *c)
{
	if (!gic_plan((unsigned int)argument(c, 1)))
		return "which interrupt?";
	gic_disable((unsigned int)argument(c, 1));
	return NULL;
}

static const char *do_counts(const struct command *c)
{
	const struct interrupt_plan *plan = gic_plan((unsigned int)argument(c, 1));

	if (!plan)
		return "which interrupt?";
	console_decimal(plan->count);
	console_text("\n");
	return NULL;
}

static void wait_beyond(const struct interrupt_plan *plan, uint32_t count)
{
	cpu_mask_interrupts();
	while (plan->count == count) {
		cpu_wait();
		cpu_unmask_interrupts();
		cpu_mask_interrupts();
	}
	cpu_unmask_interrupts();
}

static const char *do_raise(const struct command *c)
{
	uint64_t times = argument(c, 3);
	uint32_t before[MAX_WORDS];

	for (unsigned int i = 4; i < c->words; i++)
		if (!gic_plan((unsigned int)argument(c, i)))
			return "which interrupt?";
	while (times--) {
		for (unsigned int i = 4; i < c->words; i++)
			before[i] = gic_plan((unsigned int)argument(c, i))->count;
		mmio_write(argument(c, 1), (uint32_t)argument(c, 2));
		for (unsigned int i = 4; i < c->words; i++)
			wait_beyond(gic_plan((unsigned int)argument(c, i)), before[i]);
	}
	return NULL;
}

static const char *do_await(const struct command *c)
{
	const struct interrupt_plan *plan = gic_plan((unsigned int)argument(c, 1));
	uint32_t count;

	if (!plan)
		return "which interrupt?";
	while ((count = plan->count) < argument(c, 2))
		wait_beyond(plan, count);
	return NULL;
}

static const char *do_strays(const struct command *c)
{
	console_decimal(gic_spurious());
	console_text(" ");
	console_decimal(gic_unplanned());
	console_text("\n");
	return NULL;
}

static const char *do_fill(const struct command *c)
{
	volatile uint8_t *at = (volatile uint8_t *)argument(c, 1);
	uint64_t state = argument(c, 3);

	for (uint64_t left = argument(c, 2); left; left--) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		*at++ = (uint8_t)(state >> 56);
	}
	return NULL;
}

static const char *do_same(const struct command *c)
{
	const volatile uint8_t *a = (const volatile uint8_t *)argument(c, 1);
	const volatile uint8_t *b = (const volatile uint8_t *)argument(c, 2);
	uint64_t length = argument(c, 3);

	for (uint64_t i = 0; i < length; i++)
		if (a[i] != b[i])
			return "they differ";
	return NULL;
}

static const char *do_poweroff(const struct command *c)
{
	register uint64_t function __asm__("x0") = 0x84000008; /* PSCI's SYSTEM_OFF */

	__asm__ volatile("hvc #0" : "+r"(function)::"memory");
	return "still there";
}

static const struct {
	const char *name;
	const char *(*run)(const struct command *c);
} commands[] = {
	{ "tree", do_tree },   { "read", do_read },   { "write", do_write },
	{ "on", do_on },       { "off", do_off },     { "counts", do_counts },
	{ "raise", do_raise }, { "await", do_await }, { "strays", do_strays },
	{ "fill", do_fill },   { "same", do_same },   { "poweroff", do_poweroff },
};

static const char *run(char *line)
{
	struct command c;

	split(&c, line);
	for (size_t i = 0; c.words && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (is(c.word[0], commands[i].name))
			return commands[i].run(&c);
	return "what?";
}

void firmware_main(const void *fdt)
{
	char line[160];

	tree = fdt;
	gic_init();
	console_init();
	cpu_unmask_interrupts();
	console_text("ready\n");
	for (;;) {
		const char *error;

		console_read_line(line, sizeof(line));
		error = run(line);
		if (error) {
			console_text("error: ");
			console_text(error);
			console_text("\n");
		} else {
			console_text("ok\n");
		}
	}
}

void firmware_fault(uint64_t esr, uint64_t elr, uint64_t far)
{
	console_text("fault: esr ");
	console_hex(esr);
	console_text(" elr ");
	console_hex(elr);
	console_text(" far ");
	console_hex(far);
	console_text("\n");
}
