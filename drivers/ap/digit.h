/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef UMDEV_AP_DIGIT_H
#define UMDEV_AP_DIGIT_H

#include <ctype.h>

/** digit - the value of a character for which isxdigit() is true. */
static inline unsigned int digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

#endif
