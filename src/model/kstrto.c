/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values as text: what show() prints and store() parses.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <umdev/kobject.h>

static int emit(char *buf, size_t room, const char *fmt, va_list args)
{
	int len = vsnprintf(buf, room, fmt, args);

	if (len < 0)
		return 0;
	return (size_t)len < room ? len : (int)room - 1;
}

int sysfs_emit(char *buf, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = emit(buf, SYSFS_PAGE_SIZE, fmt, args);
	va_end(args);
	return len;
}

int sysfs_emit_at(char *buf, int at, const char *fmt, ...)
{
	va_list args;
	int len;

	if (at < 0 || at >= SYSFS_PAGE_SIZE)
		return 0;
	va_start(args, fmt);
	len = emit(buf + at, SYSFS_PAGE_SIZE - at, fmt, args);
	va_end(args);
	return len;
}

bool sysfs_streq(const char *a, const char *b)
{
	size_t len_a = strlen(a), len_b = strlen(b);

	if (len_a && a[len_a - 1] == '\n' && len_a > len_b)
		len_a--;
	else if (len_b && b[len_b - 1] == '\n' && len_b > len_a)
		len_b--;
	return len_a == len_b && !memcmp(a, b, len_a);
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	return INT_MAX;
}

/* Skip "0x" and find the base where the text decides it. */
static unsigned int parse_base(const char **s, unsigned int base)
{
	bool hex =
		(*s)[0] == '0' && ((*s)[1] == 'x' || (*s)[1] == 'X') && digit_value((*s)[2]) < 16;

	if (base == 0)
		base = hex ? 16 : (*s)[0] == '0' ? 8 : 10;
	if (base == 16 && hex)
		*s += 2;
	return base;
}

int kstrtoul(const char *s, unsigned int base, unsigned long *res)
{
	unsigned long value = 0;
	const char *first;
	bool over = false;

	if (*s == '+')
		s++;
	base = parse_base(&s, base);
	for (first = s; digit_value(*s) < (int)base; s++) {
		over = over || __builtin_mul_overflow(value, base, &value) ||
		       __builtin_add_overflow(value, digit_value(*s), &value);
	}
	if (s == first)
		return -EINVAL;
	if (over)
		return -ERANGE;
	if (*s == '\n')
		s++;
	if (*s)
		return -EINVAL;
	*res = value;
	return 0;
}

int kstrtouint(const char *s, unsigned int base, unsigned int *res)
{
	unsigned long value;
	int err;

	err = kstrtoul(s, base, &value);
	if (err)
		return err;
	if (value > UINT_MAX)
		return -ERANGE;
	*res = value;
	return 0;
}

int kstrtobool(const char *s, bool *res)
{
	if (!s)
		return -EINVAL;
	switch (s[0]) {
	case 'y':
	case 'Y':
	case 't':
	case 'T':
	case '1':
		*res = true;
		return 0;
	case 'n':
	case 'N':
	case 'f':
	case 'F':
	case '0':
		*res = false;
		return 0;
	case 'o':
	case 'O':
		if (s[1] != 'n' && s[1] != 'N' && s[1] != 'f' && s[1] != 'F')
			return -EINVAL;
		*res = s[1] == 'n' || s[1] == 'N';
		return 0;
	default:
		return -EINVAL;
	}
}
