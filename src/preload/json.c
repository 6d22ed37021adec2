/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A strict scanner for JSON. Each scan_...() takes the text from @at on and returns where the thing
 * ends, or NULL if it is not there.
 */
#include "preload/json.h"

#include <errno.h>
#include <string.h>

#define MAX_DEPTH 16

static const char *scan_value(const char *at, const char *end, unsigned int depth);

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static const char *skip_space(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;
	return at;
}

static const char *scan_word(const char *at, const char *end, const char *word)
{
	size_t size = strlen(word);

	return (size_t)(end - at) >= size && !memcmp(at, word, size) ? at + size : NULL;
}

/* What follows a backslash. */
static const char *scan_escape(const char *at, const char *end)
{
	if (at == end || *at == '\0' || !strchr("\"\\/bfnrtu", *at))
		return NULL;
	if (*at++ != 'u')
		return at;
	if (end - at < 4)
		return NULL;
	for (int i = 0; i < 4; i++)
		if (!is_hex(*at++))
			return NULL;
	return at;
}

static const char *scan_string(const char *at, const char *end)
{
	if (at == end || *at++ != '"')
		return NULL;
	while (at && at < end) {
		unsigned char c = *at++;

		if (c == '"')
			return at;
		if (c < 0x20)
			return NULL;
		if (c == '\\')
			at = scan_escape(at, end);
	}
	return NULL;
}

static const char *scan_digits(const char *at, const char *end)
{
	const char *first = at;

	while (at < end && is_digit(*at))
		at++;
	return at == first ? NULL : at;
}

static const char *scan_number(const char *at, const char *end)
{
	if (at < end && *at == '-')
		at++;
	if (at < end && *at == '0')
		at++;
	else
		at = scan_digits(at, end);
	if (at && at < end && *at == '.')
		at = scan_digits(at + 1, end);
	if (at && at < end && (*at == 'e' || *at == 'E')) {
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		at = scan_digits(at, end);
	}
	return at;
}

/* "name" : */
static const char *scan_name(const char *at, const char *end)
{
	at = scan_string(at, end);
	if (!at)
		return NULL;
	at = skip_space(at, end);
	return at < end && *at == ':' ? at + 1 : NULL;
}

/* An object or an array, from its bracket on. */
static const char *scan_container(const char *at, const char *end, unsigned int depth)
{
	bool object = *at == '{';
	char close = object ? '}' : ']';

	if (depth == MAX_DEPTH)
		return NULL;
	at = skip_space(at + 1, end);
	if (at < end && *at == close)
		return at + 1;
	for (;;) {
		if (object) {
			at = scan_name(skip_space(at, end), end);
			if (!at)
				return NULL;
		}
		at = scan_value(at, end, depth + 1);
		if (!at || at == end)
			return NULL;
		if (*at == close)
			return at + 1;
		if (*at++ != ',')
			return NULL;
	}
}

/* A value with the space around it. */
static const char *scan_value(const char *at, const char *end, unsigned int depth)
{
	at = skip_space(at, end);
	if (at == end)
		return NULL;
	switch (*at) {
	case '{':
	case '[':
		at = scan_container(at, end, depth);
		break;
	case '"':
		at = scan_string(at, end);
		break;
	case 't':
		at = scan_word(at, end, "true");
		break;
	case 'f':
		at = scan_word(at, end, "false");
		break;
	case 'n':
		at = scan_word(at, end, "null");
		break;
	default:
		at = scan_number(at, end);
		break;
	}
	return at ? skip_space(at, end) : NULL;
}

/* A value without the space around it. */
static struct json trim(const char *at, const char *end)
{
	at = skip_space(at, end);
	while (end > at && strchr(" \t\n\r", end[-1]))
		end--;
	return (struct json) { at, end - at };
}

int json_parse(const char *text, size_t size, struct json *value)
{
	const char *end = text + size;

	if (scan_value(text, end, 0) != end)
		return -EINVAL;
	*value = trim(text, end);
	return 0;
}

bool json_is_object(const struct json *value)
{
	return value->size && *value->text == '{';
}

int json_member(const struct json *object, const char *name, struct json *member)
{
	const char *at, *end = object->text + object->size;
	size_t size = strlen(name);
	int found = 0;

	if (!json_is_object(object))
		return -EINVAL;
	at = skip_space(object->text + 1, end);
	/* It has been parsed, so only its end has to be looked for. */
	while (at && at < end && *at == '"') {
		const char *after = scan_string(at, end);
		bool same =
			after && (size_t)(after - at) == size + 2 && !memcmp(at + 1, name, size);
		const char *value = scan_name(at, end);

		at = value ? scan_value(value, end, 1) : NULL;
		if (!at)
			return -EINVAL;
		if (same && found++)
			return -EINVAL;
		if (same)
			*member = trim(value, at);
		if (at < end && *at == ',')
			at = skip_space(at + 1, end);
	}
	return found;
}

int json_uint64(const struct json *value, uint64_t *number)
{
	uint64_t n = 0;

	if (value->size == 0)
		return -EINVAL;
	for (size_t i = 0; i < value->size; i++)
		if (!is_digit(value->text[i]))
			return -EINVAL;
	for (size_t i = 0; i < value->size; i++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(value->text[i] - '0'), &n))
			return -ERANGE;
	*number = n;
	return 0;
}

int json_bool(const struct json *value, bool *is_true)
{
	*is_true = value->size == 4 && !memcmp(value->text, "true", 4);
	if (*is_true || (value->size == 5 && !memcmp(value->text, "false", 5)))
		return 0;
	return -EINVAL;
}
