/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the benches have in common: clocks, what a row of figures comes to, giving up. */
#ifndef UMDEV_BENCH_STATS_H
#define UMDEV_BENCH_STATS_H

#include <stddef.h>
#include <time.h>

/** now - the time by a clock, in seconds. */
double now(clockid_t clock);

/** median - the middle one of @n values, which it sorts. */
double median(double *values, size_t n);

/**
 * typical - what it takes when nothing else is in the way
 *
 * Of @n values, which it sorts, the one that a tenth are not above.
 */
double typical(double *values, size_t n);

/** bench_check - end the program with a line if @ret is a negative errno. */
void bench_check(const char *what, long ret);

#endif
