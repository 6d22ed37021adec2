/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <umdev/ap.h>

#include "digit.h"

int ap_hex2bitmap(const char *str, struct ap_mask *mask)
{
	struct ap_mask m = { { 0 } };
	unsigned int nr = 0;

	if (str[0] == '0' && str[1] == 'x')
		str++;
	if (*str == 'x')
		str++;
	for (; isxdigit((unsigned char)*str) && nr < 64; str++, nr++)
		m.word[nr / 16] |= (uint64_t)digit(*str) << (60 - nr % 16 * 4);
	if (*str == '\n')
		str++;
	if (*str)
		return -EINVAL;
	*mask = m;
	return 0;
}

/* A number of any base; one that is too large stays too large. Return: has it a digit? */
static bool parse_number(const char **str, unsigned int *value)
{
	const char *p = *str;
	unsigned int base = 10, d;

	*value = 0;
	if (!isdigit((unsigned char)*p))
		return false;
	if (*p == '0')
		base = 8;
	if (*p == '0' && (p[1] == 'x' || p[1] == 'X') && isxdigit((unsigned char)p[2])) {
		base = 16;
		p += 2;
	}
	for (; isxdigit((unsigned char)*p) && (d = digit(*p)) < base; p++)
		if (*value < AP_DEVICES)
			*value = *value * base + d;
	*str = p;
	return true;
}

/* One of the changes, behind its sign. */
static int parse_range(const char **str, unsigned int *from, unsigned int *to)
{
	if (!parse_number(str, from) || *from >= AP_DEVICES)
		return -EINVAL;
	*to = *from;
	if (**str != '-')
		return 0;
	++*str;
	if (!parse_number(str, to) || *to >= AP_DEVICES || *from > *to)
		return -EINVAL;
	return 0;
}

int ap_parse_mask_str(const char *str, struct ap_mask *mask)
{
	struct ap_mask m = *mask;
	unsigned int from, to;
	char sign;

	if (*str != '+' && *str != '-')
		return ap_hex2bitmap(str, mask);
	while (*str) {
		sign = *str++;
		if ((sign != '+' && sign != '-') || parse_range(&str, &from, &to))
			return -EINVAL;
		for (; from <= to; from++) {
			if (sign == '+')
				ap_mask_set(&m, from);
			else
				ap_mask_clear(&m, from);
		}
		while (*str == ',' || *str == '\n')
			str++;
	}
	*mask = m;
	return 0;
}

bool ap_config_info_equal(const struct ap_config_info *a, const struct ap_config_info *b)
{
	return a->apsc == b->apsc && a->apxa == b->apxa && a->qact == b->qact &&
	       a->rc8a == b->rc8a && a->apsb == b->apsb && a->na == b->na && a->nd == b->nd &&
	       ap_mask_equal(&a->apm, &b->apm) && ap_mask_equal(&a->aqm, &b->aqm) &&
	       ap_mask_equal(&a->adm, &b->adm);
}
