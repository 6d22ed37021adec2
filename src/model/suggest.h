/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "did you mean ...": the known word that is most like a mistyped one.
 */
#ifndef UMDEV_MODEL_SUGGEST_H
#define UMDEV_MODEL_SUGGEST_H

#include <stddef.h>

/**
 * struct suggestion - the best word so far
 * @word: what was typed
 * @best: the candidate most like it, or NULL; belongs to who offered it
 * @cost: how far @best is from @word
 */
struct suggestion {
	const char *word;
	const char *best;
	size_t cost;
};

/** suggestion_init - begin to look for what @word could have meant. */
void suggestion_init(struct suggestion *s, const char *word);

/**
 * suggestion_offer - take @candidate if it is near, and nearer than those before; must outlive @s.
 */
void suggestion_offer(struct suggestion *s, const char *candidate);

#endif
