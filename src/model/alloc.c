/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "model/alloc.h"

__thread unsigned long fault_countdown;

char *vasprintf_f(const char *fmt, va_list args)
{
	char *s;

	if (fault_point() || vasprintf(&s, fmt, args) < 0)
		return NULL;
	return s;
}

char *asprintf_f(const char *fmt, ...)
{
	va_list args;
	char *s;

	va_start(args, fmt);
	s = vasprintf_f(fmt, args);
	va_end(args);
	return s;
}
