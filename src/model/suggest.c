/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "model/suggest.h"

/* Longer words are not compared: nobody mistypes them by hand. */
#define SUGGEST_MAX 64

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Insertions, deletions, replacements and swaps of neighbours that make @b of @a. */
static size_t edit_distance(const char *a, size_t la, const char *b, size_t lb)
{
	size_t rows[3][SUGGEST_MAX + 1];
	size_t *before = rows[0], *prev = rows[1], *cur = rows[2], *spare;
	size_t i, j;

	for (j = 0; j <= lb; j++)
		prev[j] = j;
	for (i = 1; i <= la; i++) {
		cur[0] = i;
		for (j = 1; j <= lb; j++) {
			cur[j] = min3(prev[j] + 1, cur[j - 1] + 1,
				      prev[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < cur[j])
				cur[j] = before[j - 2] + 1;
		}
		spare = before;
		before = prev;
		prev = cur;
		cur = spare;
	}
	return prev[lb];
}

void suggestion_init(struct suggestion *s, const char *word)
{
	size_t len = strlen(word);

	s->word = word;
	s->best = NULL;
	/* One slip in a short word, more in a longer one; a cost must stay below this. */
	s->cost = len > SUGGEST_MAX ? 0 : 2 + len / 4;
}

void suggestion_offer(struct suggestion *s, const char *candidate)
{
	size_t la = strlen(s->word), lb = strlen(candidate), cost;

	if (la > SUGGEST_MAX || lb > SUGGEST_MAX)
		return;
	cost = edit_distance(s->word, la, candidate, lb);
	/* A word of which nothing is left is not what was meant. */
	if (cost < s->cost && cost < la && cost < lb) {
		s->best = candidate;
		s->cost = cost;
	}
}
