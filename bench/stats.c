/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "stats.h"

double now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(double *values, size_t n)
{
	qsort(values, n, sizeof(values[0]), by_value);
	return values[n / 2];
}

double typical(double *values, size_t n)
{
	qsort(values, n, sizeof(values[0]), by_value);
	return values[n / 10];
}
