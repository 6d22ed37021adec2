/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What somebody writes to describe a device. One who made a mistake is told which value, and what
 * was expected.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw_machine.h"

#define DEFAULT_CHPID 0x10

static void say(struct hw_error *error, const char *fmt, va_list args)
{
	vsnprintf(error->text, sizeof(error->text), fmt, args);
	/* It may have been anything. */
	for (char *c = error->text; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
}

int hw_refuse(struct hw_error *error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(error, fmt, args);
	va_end(args);
	return -EINVAL;
}

/* ---- numbers ---- */

/* Hexadecimal digits, @min to @max of them. Return: how many, or 0. */
static unsigned int read_hex(const char *p, unsigned int min, unsigned int max, unsigned int *value)
{
	unsigned int n = 0;
	int c;

	for (*value = 0; isxdigit((unsigned char)p[n]); n++) {
		if (n == max)
			return 0;
		c = tolower((unsigned char)p[n]);
		*value = *value << 4 | (unsigned int)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return n < min ? 0 : n;
}

/* "C.S.DEVNO" or "DEVNO", up to @end or one of its characters. Return: its length, or 0. */
static unsigned int read_busid(const char *p, const char *end, uint8_t *ssid, uint16_t *devno)
{
	unsigned int value, set = 0, at = 0;

	if (p[0] == '0' && p[1] == '.') {
		if (!read_hex(p + 2, 1, 1, &set) || set > HW_SSID_MAX || p[3] != '.')
			return 0;
		at = 4;
	}
	value = 0;
	at += read_hex(p + at, 1, 4, &value);
	if (!at || !isxdigit((unsigned char)p[at - 1]) || (p[at] && !strchr(end, p[at])))
		return 0;
	*ssid = (uint8_t)set;
	*devno = (uint16_t)value;
	return at;
}

int hw_spec_busid(const char *text, uint8_t *ssid, uint16_t *devno, struct hw_error *error)
{
	if (!read_busid(text, "\n", ssid, devno))
		return hw_refuse(error, "\"%.32s\": expected the number of a device, as 0.0.1000",
				 text);
	return 0;
}

/* ---- options ---- */

/* Copy up to one of @ends, without backslashes. Return: where that is, or NULL: no more room. */
static const char *copy_word(const char *p, const char *ends, char **to, const char *limit)
{
	while (*p && !strchr(ends, *p)) {
		if (*p == '\\' && p[1])
			p++;
		if (*to + 1 >= limit)
			return NULL;
		*(*to)++ = *p++;
	}
	*(*to)++ = '\0';
	return p;
}

static int add_option(struct cu_options *options, const char *name, const char *value)
{
	struct hw_option *o = &options->option[options->nr];

	if (!*name)
		return hw_refuse(options->error, "expected an option behind each \",\"");
	for (unsigned int i = 0; i < options->nr; i++)
		if (!strcmp(options->option[i].name, name))
			return hw_refuse(options->error, "%.64s=: expected once", name);
	if (options->nr == HW_OPTIONS_MAX)
		return hw_refuse(options->error, "expected at most %d options", HW_OPTIONS_MAX);
	*o = (struct hw_option) { .name = name, .value = value };
	options->nr++;
	return 0;
}

/* "TYPE[,OPTION[=VALUE]]..." */
static int split(const char *p, struct hw_spec *spec)
{
	struct cu_options *options = &spec->options;
	const char *limit = options->text + sizeof(options->text);
	const char *name, *value;
	char *to = options->text;
	int err;

	spec->type = to;
	p = copy_word(p, ",", &to, limit);
	while (p && *p == ',') {
		name = to;
		value = NULL;
		p = copy_word(p + 1, ",=", &to, limit);
		if (p && *p == '=') {
			value = to;
			p = copy_word(p + 1, ",", &to, limit);
		}
		if (!p)
			break;
		err = add_option(options, name, value);
		if (err)
			return err;
	}
	if (!p)
		return hw_refuse(options->error, "expected less than %d characters", HW_SPEC_MAX);
	return 0;
}

/* ---- options of every type ---- */

static int take_chpids(struct hw_spec *spec)
{
	const char *text = cu_option_string(&spec->options, "chpids");
	unsigned int chpid, n;
	const char *p = text;

	spec->nr_chpids = 0;
	if (!text) {
		spec->chpid[spec->nr_chpids++] = DEFAULT_CHPID;
		return 0;
	}
	do {
		n = read_hex(p, 1, 2, &chpid);
		if (!n || spec->nr_chpids == 8 || memchr(spec->chpid, (int)chpid, spec->nr_chpids))
			break;
		spec->chpid[spec->nr_chpids++] = (uint8_t)chpid;
		p += n;
		if (!*p)
			return 0;
	} while (*p++ == '.');
	return hw_refuse(spec->options.error,
			 "chpids=%.64s: expected one to eight different numbers of channel paths, "
			 "as 10.11",
			 text);
}

static int take_sch(struct hw_spec *spec)
{
	const char *text = cu_option_string(&spec->options, "sch");
	uint16_t number;
	uint8_t ssid;

	spec->sch_no = -1;
	if (!text)
		return 0;
	/* Written as in the name of a subchannel, with or without the number of the subsystem. */
	if (isdigit((unsigned char)text[0]) && text[1] == '.' && isxdigit((unsigned char)text[2]) &&
	    !strchr(text + 2, '.')) {
		unsigned int value;

		ssid = (uint8_t)(text[0] - '0');
		if (read_hex(text + 2, 1, 4, &value) != strlen(text + 2))
			goto refuse;
		number = (uint16_t)value;
	} else if (!read_busid(text, "", &ssid, &number)) {
		goto refuse;
	}
	if (ssid != spec->ssid)
		return hw_refuse(spec->options.error,
				 "sch=%.32s: expected one of the device's subchannel set, %d", text,
				 spec->ssid);
	spec->sch_no = number;
	return 0;
refuse:
	return hw_refuse(spec->options.error,
			 "sch=%.32s: expected set and number of a subchannel, as 0.0001", text);
}

int hw_spec_parse(const char *text, struct hw_spec *spec, struct hw_error *error)
{
	unsigned int n;
	int err;

	memset(spec, 0, sizeof(*spec));
	spec->options.error = error;
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return hw_refuse(error, "expected no control characters");
	n = read_busid(text, ":", &spec->ssid, &spec->devno);
	if (!n || text[n] != ':')
		return hw_refuse(error,
				 "\"%.32s\": expected the number of a device, \":\" and a type, as "
				 "0.0.1000:null",
				 text);
	err = split(text + n + 1, spec);
	if (err)
		return err;
	err = take_chpids(spec);
	return err ? err : take_sch(spec);
}

const char *hw_spec_unused(const struct cu_options *options)
{
	for (unsigned int i = 0; i < options->nr; i++)
		if (!options->option[i].used)
			return options->option[i].name;
	return NULL;
}

/* Append @text; what would end a word gets a backslash. */
static char *put_word(char *to, const char *text)
{
	for (; *text; text++) {
		if (strchr(",=\\; ", *text))
			*to++ = '\\';
		*to++ = *text;
	}
	return to;
}

static bool is_common(const char *name)
{
	return !strcmp(name, "chpids") || !strcmp(name, "sch");
}

char *hw_spec_options(const struct cu_options *options)
{
	/* Each character may need a backslash. */
	char *text = malloc(2 * HW_SPEC_MAX);
	char *to = text;

	for (unsigned int i = 0; text && i < options->nr; i++) {
		if (is_common(options->option[i].name))
			continue;
		if (to > text)
			*to++ = ',';
		to = put_word(to, options->option[i].name);
		if (!options->option[i].value)
			continue;
		*to++ = '=';
		to = put_word(to, options->option[i].value);
	}
	if (text)
		*to = '\0';
	return text;
}

/* ---- for control units ---- */

static const struct hw_option *find(struct cu_options *options, const char *name)
{
	for (unsigned int i = 0; i < options->nr; i++) {
		if (strcmp(options->option[i].name, name))
			continue;
		options->option[i].used = true;
		return &options->option[i];
	}
	return NULL;
}

const char *cu_option_string(struct cu_options *options, const char *name)
{
	const struct hw_option *o = find(options, name);

	if (!o)
		return NULL;
	return o->value ? o->value : "";
}

int cu_option_number(struct cu_options *options, const char *name, uint64_t min, uint64_t max,
		     uint64_t *value)
{
	const char *text = cu_option_string(options, name);
	unsigned long long v;
	char *end;

	if (!text)
		return 0;
	errno = 0;
	v = strtoull(text, &end, 0);
	if (!isdigit((unsigned char)*text) || *end || errno || v < min || v > max) {
		cu_error(options, "%s=%.64s: expected a number, %llu to %llu", name, text,
			 (unsigned long long)min, (unsigned long long)max);
		return -EINVAL;
	}
	*value = v;
	return 1;
}

int cu_option_flag(struct cu_options *options, const char *name)
{
	const struct hw_option *o = find(options, name);

	if (!o)
		return 0;
	if (!o->value || !strcmp(o->value, "1"))
		return 1;
	if (!strcmp(o->value, "0"))
		return 0;
	cu_error(options, "%s=%.64s: expected no value, or 0 or 1", name, o->value);
	return -EINVAL;
}

void cu_error(struct cu_options *options, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(options->error, fmt, args);
	va_end(args);
}
