/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory for the control plane, and the points where a test can make a step fail.
 *
 * Every step of umdev's that can fail for a reason outside of the program (memory, descriptors,
 * sockets) passes fault_point(). A test sets fault_countdown to n and so makes the n-th such step
 * of its thread fail; with n = 1, 2, 3, ... each step of an operation is seen to undo what the
 * steps before it did.
 */
#ifndef UMDEV_MODEL_ALLOC_H
#define UMDEV_MODEL_ALLOC_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/util.h>

/* This thread's steps until one fails; 0: none does. The hit leaves it at 0. */
extern __thread unsigned long fault_countdown;

/**
 * fault_point - does this step have to fail? True at most once for each time that fault_countdown
 * is set.
 */
static inline bool fault_point(void)
{
	return __builtin_expect(fault_countdown != 0, 0) && --fault_countdown == 0;
}

/** zalloc - zeroed memory to free(), or NULL. */
static inline void *zalloc(size_t size)
{
	return fault_point() ? NULL : calloc(1, size);
}

/** zalloc_array - zeroed memory for @n elements, checked for overflow. */
static inline void *zalloc_array(size_t n, size_t size)
{
	return fault_point() ? NULL : calloc(n, size);
}

/** strdup_f - strdup() with a point to fail. */
static inline char *strdup_f(const char *s)
{
	return fault_point() ? NULL : strdup(s);
}

/** asprintf_f, vasprintf_f - a string to free(), or NULL. */
char *asprintf_f(const char *fmt, ...) __umdev_printf(1, 2);
char *vasprintf_f(const char *fmt, va_list args) __umdev_printf(1, 0);

#endif
