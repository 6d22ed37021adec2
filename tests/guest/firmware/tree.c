/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The device tree that QEMU makes, read just as far as its platform bus goes. QEMU is trusted to
 * make a whole one.
 */
#include "firmware.h"

#define MAGIC 0xd00dfeed

enum {
	BEGIN_NODE = 1,
	END_NODE = 2,
	PROPERTY = 3,
	NOP = 4,
	END = 9
};

struct walk {
	const uint8_t *at;
	const char *names;
	unsigned int depth;
	bool in_bus;
	uint64_t base; /* of the bus */
};

static uint32_t be32(const void *p)
{
	const uint8_t *b = p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static size_t length(const char *text)
{
	size_t n = 0;

	while (text[n])
		n++;
	return n;
}

static bool begins(const char *text, const char *with)
{
	while (*with)
		if (*text++ != *with++)
			return false;
	return true;
}

static bool same(const char *a, const char *b)
{
	return begins(a, b) && length(a) == length(b);
}

static const uint8_t *align(const uint8_t *p)
{
	return (const uint8_t *)(((uintptr_t)p + 3) & ~(uintptr_t)3);
}

static void print_reg(const struct walk *w, const uint8_t *value, size_t size)
{
	for (size_t i = 0; i + 8 <= size; i += 8) {
		console_text("reg ");
		console_hex(w->base + be32(value + i));
		console_text(" ");
		console_hex(be32(value + i + 4));
		console_text("\n");
	}
}

static void print_interrupts(const uint8_t *value, size_t size)
{
	for (size_t i = 0; i + 12 <= size; i += 12) {
		console_text("interrupt ");
		console_hex(be32(value + i + 4) + 32);
		console_text(" ");
		console_hex(be32(value + i + 8));
		console_text("\n");
	}
}

static void property(struct walk *w)
{
	size_t size = be32(w->at);
	const char *name = w->names + be32(w->at + 4);
	const uint8_t *value = w->at + 8;

	w->at = align(value + size);
	if (!w->in_bus)
		return;
	if (w->depth == 2) {
		/* From 0 on the bus to an address of two cells. */
		if (same(name, "ranges"))
			w->base = (uint64_t)be32(value + 4) << 32 | be32(value + 8);
	} else if (same(name, "compatible")) {
		console_text("compatible ");
		console_text((const char *)value);
		console_text("\n");
	} else if (same(name, "reg")) {
		print_reg(w, value, size);
	} else if (same(name, "interrupts")) {
		print_interrupts(value, size);
	}
}

static void begin_node(struct walk *w)
{
	const char *name = (const char *)w->at;

	w->at = align(w->at + length(name) + 1);
	w->depth++;
	if (w->depth == 2) {
		w->in_bus = begins(name, "platform-bus@");
	} else if (w->depth == 3 && w->in_bus) {
		console_text("device ");
		console_text(name);
		console_text("\n");
	}
}

bool tree_print_platform_bus(const void *fdt)
{
	const uint8_t *header = fdt;
	struct walk w = { 0 };

	if (!fdt || be32(header) != MAGIC)
		return false;
	w.at = header + be32(header + 8);
	w.names = (const char *)header + be32(header + 12);
	for (;;) {
		uint32_t token = be32(w.at);

		w.at += 4;
		if (token == BEGIN_NODE)
			begin_node(&w);
		else if (token == END_NODE)
			w.depth--;
		else if (token == PROPERTY)
			property(&w);
		else if (token != NOP)
			return token == END;
	}
}
