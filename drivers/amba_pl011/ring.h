/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Characters that wait between a UART and its terminal. Plain data; who has one says what guards
 * it.
 */
#ifndef AMBA_PL011_RING_H
#define AMBA_PL011_RING_H

#include <stdint.h>

#define RING_SIZE 4096 /* as a kernel's tty has; a power of 2 */

/**
 * struct ring - them
 * @data:  the characters
 * @head:  where the oldest one is
 * @count: how many
 */
struct ring {
	uint8_t data[RING_SIZE];
	unsigned int head;
	unsigned int count;
};

static inline unsigned int ring_room(const struct ring *ring)
{
	return RING_SIZE - ring->count;
}

/* There is room. */
static inline void ring_put(struct ring *ring, uint8_t value)
{
	ring->data[(ring->head + ring->count++) % RING_SIZE] = value;
}

/* There are at least @count. */
static inline void ring_drop(struct ring *ring, unsigned int count)
{
	ring->head = (ring->head + count) % RING_SIZE;
	ring->count -= count;
}

/* There is one. */
static inline uint8_t ring_get(struct ring *ring)
{
	uint8_t value = ring->data[ring->head];

	ring_drop(ring, 1);
	return value;
}

/* Copy the oldest, at most @size. Return: how many. */
static inline unsigned int ring_peek(const struct ring *ring, uint8_t *buf, unsigned int size)
{
	unsigned int count = ring->count < size ? ring->count : size;

	for (unsigned int i = 0; i < count; i++)
		buf[i] = ring->data[(ring->head + i) % RING_SIZE];
	return count;
}

#endif
