/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "dt_internal.h"

#define BLOCK_SIZE 65536

/**
 * struct dt_arena_block - a piece of an arena
 * @next:  the one before
 * @used:  of @size bytes of @data
 */
struct dt_arena_block {
	struct dt_arena_block *next;
	size_t used, size;
	_Alignas(8) char data[];
};

void *dt_arena_alloc(struct dt_arena *arena, size_t size)
{
	struct dt_arena_block *block = arena->blocks;
	size_t room;
	void *mem;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + 7) & ~(size_t)7;
	if (!block || block->size - block->used < size) {
		room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
		block = calloc(1, sizeof(*block) + room);
		if (!block)
			return NULL;
		block->size = room;
		block->next = arena->blocks;
		arena->blocks = block;
	}
	mem = block->data + block->used;
	block->used += size;
	return mem;
}

void *dt_arena_alloc_array(struct dt_arena *arena, size_t n, size_t size)
{
	size_t all;

	return __builtin_mul_overflow(n, size, &all) ? NULL : dt_arena_alloc(arena, all);
}

void dt_arena_free(struct dt_arena *arena)
{
	struct dt_arena_block *block;

	while ((block = arena->blocks)) {
		arena->blocks = block->next;
		free(block);
	}
}

void dt_say(struct dt_error *error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(error->text, sizeof(error->text), fmt, args);
	va_end(args);
	/* Names in it are the tree's, which is anybody's; the line goes to terminals and logs. */
	for (char *c = error->text; *c; c++)
		if (!isascii((unsigned char)*c) || !isprint((unsigned char)*c))
			*c = '?';
}
