/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "model/alloc.h"
#include "model/ida.h"

#define BITS   64u
#define NR_IDS (BITS * BITS * BITS * BITS)

_Static_assert(IDA_LEVELS == 4, "NR_IDS is 64 to the power of IDA_LEVELS");

/* The lowest number that is free, or one behind what there are words for. */
static unsigned int lowest_free(const struct ida *ida)
{
	unsigned int at = 0;
	int level = IDA_LEVELS - 1;

	if (ida->nr_words[level] && ida->words[level][0] == UINT64_MAX)
		return NR_IDS;
	for (; level >= 0; level--) {
		if (at >= ida->nr_words[level])
			break;
		at = at * BITS + (unsigned int)__builtin_ctzll(~ida->words[level][at]);
	}
	/* No word there: everything below the place is in use, everything behind it is free. */
	for (; level >= 0; level--)
		at *= BITS;
	return at;
}

/* Have words for number @id in all levels. */
static int reserve(struct ida *ida, unsigned int id)
{
	unsigned int index = id / BITS;
	int level;

	for (level = 0; level < IDA_LEVELS; level++, index /= BITS) {
		unsigned int nr = ida->nr_words[level] ? ida->nr_words[level] : 1;
		uint64_t *words;

		if (index < ida->nr_words[level])
			continue;
		while (nr <= index)
			nr *= 2;
		words = fault_point() ? NULL : realloc(ida->words[level], nr * sizeof(*words));
		if (!words)
			return -ENOMEM;
		memset(words + ida->nr_words[level], 0,
		       (nr - ida->nr_words[level]) * sizeof(*words));
		ida->words[level] = words;
		ida->nr_words[level] = nr;
	}
	return 0;
}

static void set_used(struct ida *ida, unsigned int id)
{
	int level;

	for (level = 0; level < IDA_LEVELS; level++) {
		uint64_t *word = &ida->words[level][id / BITS];

		*word |= UINT64_C(1) << (id % BITS);
		if (*word != UINT64_MAX)
			return;
		id /= BITS;
	}
}

int ida_alloc_max(struct ida *ida, unsigned int max)
{
	unsigned int id;
	int err;

	pthread_mutex_lock(&ida->lock);
	id = lowest_free(ida);
	if (id > max || id >= NR_IDS) {
		err = -ENOSPC;
	} else {
		err = reserve(ida, id);
		if (!err) {
			set_used(ida, id);
			err = (int)id;
		}
	}
	pthread_mutex_unlock(&ida->lock);
	return err;
}

void ida_free(struct ida *ida, unsigned int id)
{
	int level;

	pthread_mutex_lock(&ida->lock);
	for (level = 0; level < IDA_LEVELS; level++) {
		if (id / BITS >= ida->nr_words[level])
			break;
		ida->words[level][id / BITS] &= ~(UINT64_C(1) << (id % BITS));
		id /= BITS;
	}
	pthread_mutex_unlock(&ida->lock);
}

void ida_destroy(struct ida *ida)
{
	int level;

	pthread_mutex_lock(&ida->lock);
	for (level = 0; level < IDA_LEVELS; level++) {
		free(ida->words[level]);
		ida->words[level] = NULL;
		ida->nr_words[level] = 0;
	}
	pthread_mutex_unlock(&ida->lock);
}
