/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What somebody writes to describe the machine. One who made a mistake is told which value, where
 * in it, and what was expected there.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "digit.h"
#include "hw_machine.h"

/** struct scan - a text and how far it has been read */
struct scan {
	const char *what;
	const char *text;
	const char *p;
	struct hw_error *error;
};

/* The word at @at, as a person sees it. */
static int word_length(const char *at)
{
	int n = 0;

	while (at[n] && !strchr(",:\n", at[n]) && n < 32)
		n++;
	return n ? n : (*at && *at != '\n');
}

static int __umdev_printf(3, 4) refuse(struct scan *s, const char *at, const char *expected, ...)
{
	char wanted[160];
	va_list args;

	va_start(args, expected);
	vsnprintf(wanted, sizeof(wanted), expected, args);
	va_end(args);
	if (*at && *at != '\n')
		snprintf(s->error->text, sizeof(s->error->text),
			 "%s: \"%.*s\" at character %zu: expected %s", s->what, word_length(at), at,
			 (size_t)(at - s->text) + 1, wanted);
	else
		snprintf(s->error->text, sizeof(s->error->text),
			 "%s: ends at character %zu: expected %s", s->what,
			 (size_t)(at - s->text) + 1, wanted);
	/* It may have been anything. */
	for (char *c = s->error->text; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	return -EINVAL;
}

static bool at_end(const struct scan *s)
{
	return !*s->p || (*s->p == '\n' && !s->p[1]);
}

static int expect_end(struct scan *s)
{
	return at_end(s) ? 0 : refuse(s, s->p, "nothing more");
}

/* ---- numbers ---- */

static bool has_prefix(const char *p)
{
	return p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
}

/* Digits of @base, at least one. A number over @max stays over it. */
static bool read_digits(struct scan *s, unsigned int base, unsigned int max, unsigned int *value)
{
	const char *start = s->p;

	for (*value = 0; isxdigit((unsigned char)*s->p) && digit(*s->p) < base; s->p++)
		if (*value <= max)
			*value = *value * base + digit(*s->p);
	return s->p > start && !isalnum((unsigned char)*s->p);
}

/* As names of devices have it: hexadecimal. */
static int read_hex(struct scan *s, const char *name, unsigned int max, unsigned int *value)
{
	const char *start = s->p;

	if (has_prefix(s->p))
		s->p += 2;
	if (!read_digits(s, 16, max, value) || *value > max)
		return refuse(s, start, "%s in hexadecimal, 00 to %02x", name, max);
	return 0;
}

/* Decimal, or hexadecimal with 0x. A 0 before other digits might be meant as anything. */
static int read_number(struct scan *s, const char *name, unsigned int max, unsigned int *value)
{
	const char *start = s->p;
	unsigned int base = 10;

	if (has_prefix(s->p)) {
		s->p += 2;
		base = 16;
	}
	if ((base == 10 && *s->p == '0' && isdigit((unsigned char)s->p[1])) ||
	    !read_digits(s, base, max, value) || *value > max)
		return refuse(s, start, "%s, 0 to %u, or in hexadecimal 0x0 to 0x%x", name, max,
			      max);
	return 0;
}

/* ---- cards ---- */

static bool take_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(s->p, word, len) || isalnum((unsigned char)s->p[len]))
		return false;
	s->p += len;
	return true;
}

static int read_card(struct scan *s, unsigned int max_adapter, struct hw_card_spec *spec)
{
	size_t len = 0;
	int err;

	err = read_hex(s, "the number of an adapter", max_adapter, &spec->id);
	if (err)
		return err;
	if (*s->p != ':')
		return refuse(s, s->p, "\":\" and a type, as in 04:CEX8P");
	s->p++;
	while (isalnum((unsigned char)s->p[len]))
		len++;
	spec->type = hw_type_find(s->p, len);
	if (!spec->type)
		return refuse(s, s->p, "a type: CEX3 with A or C, CEX4 to CEX8 with A, C or P");
	s->p += len;
	spec->config = true;
	spec->chkstop = false;
	while (*s->p == ':') {
		s->p++;
		if (take_word(s, "off"))
			spec->config = false;
		else if (take_word(s, "checkstop"))
			spec->chkstop = true;
		else
			return refuse(s, s->p, "\"off\" or \"checkstop\"");
	}
	return 0;
}

static bool is_described(const struct hw_config *config, unsigned int id)
{
	for (unsigned int i = 0; i < config->nr_cards; i++)
		if (config->cards[i].id == id)
			return true;
	return false;
}

int hw_parse_cards(const char *what, const char *text, struct hw_config *config,
		   struct hw_error *error)
{
	struct scan s = { what, text, text, error };
	struct hw_card_spec spec;
	const char *start;
	int err;

	config->nr_cards = 0;
	while (!at_end(&s)) {
		start = s.p;
		err = read_card(&s, config->max_adapter, &spec);
		if (err)
			return err;
		if (is_described(config, spec.id))
			return refuse(&s, start, "each adapter once");
		config->cards[config->nr_cards++] = spec;
		if (at_end(&s))
			break;
		if (*s.p++ != ',')
			return refuse(&s, s.p - 1, "\",\" and another card, or the end");
		if (at_end(&s))
			return refuse(&s, s.p, "another card behind the \",\"");
	}
	return 0;
}

int hw_parse_card(const char *what, const char *text, unsigned int max_adapter,
		  struct hw_card_spec *spec, struct hw_error *error)
{
	struct scan s = { what, text, text, error };
	int err = read_card(&s, max_adapter, spec);

	return err ? err : expect_end(&s);
}

/* ---- domains ---- */

static int read_domains(struct scan *s, unsigned int max, struct ap_mask *mask)
{
	const char *start = s->p;
	unsigned int from, to;
	int err;

	err = read_number(s, "a domain", max, &from);
	if (err)
		return err;
	to = from;
	if (*s->p == '-') {
		s->p++;
		err = read_number(s, "a domain", max, &to);
		if (err)
			return err;
	}
	if (from > to)
		return refuse(s, start, "the lower domain before the \"-\"");
	for (; from <= to; from++)
		ap_mask_set(mask, from);
	return 0;
}

int hw_parse_domains(const char *what, const char *text, unsigned int max, struct ap_mask *mask,
		     struct hw_error *error)
{
	struct scan s = { what, text, text, error };
	struct ap_mask m = { { 0 } };
	int err;

	while (!at_end(&s)) {
		err = read_domains(&s, max, &m);
		if (err)
			return err;
		if (at_end(&s))
			break;
		if (*s.p++ != ',')
			return refuse(&s, s.p - 1, "\",\" and another domain, or the end");
		if (at_end(&s))
			return refuse(&s, s.p, "another domain behind the \",\"");
	}
	*mask = m;
	return 0;
}

/* ---- the console ---- */

int hw_parse_target(const char *what, const char *text, unsigned int *id, int *domain, bool *on,
		    struct hw_error *error)
{
	struct scan s = { what, text, text, error };
	unsigned int number;
	int err;

	err = read_hex(&s, "the number of an adapter", hw_max_adapter(), id);
	if (err)
		return err;
	if (domain)
		*domain = -1;
	if (domain && *s.p == '.') {
		s.p++;
		err = read_hex(&s, "a domain", hw_max_domain(), &number);
		if (err)
			return err;
		*domain = (int)number;
	}
	if (on) {
		if (*s.p != ' ')
			return refuse(&s, s.p, "a blank, and \"on\" or \"off\"");
		s.p++;
		*on = take_word(&s, "on");
		if (!*on && !take_word(&s, "off"))
			return refuse(&s, s.p, "\"on\" or \"off\"");
	}
	return expect_end(&s);
}
