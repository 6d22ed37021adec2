/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking into a JSON text without changing or copying it.
 *
 * The library needs nothing but libc, and reads one short text per connection. libjsmn (a header
 * in Debian) would fit in, but it only cuts a text into pieces: it takes "{"a" 1}", "01" and "tru"
 * for JSON, so everything below would still be needed, on top of it. So this is a scanner of its
 * own, strict (RFC 8259) and without allocation.
 */
#ifndef UMDEV_PRELOAD_JSON_H
#define UMDEV_PRELOAD_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** struct json - a value in a text that json_parse() has found good; lives as long as the text. */
struct json {
	const char *text;
	size_t size;
};

/**
 * json_parse - is all of @text one JSON value?
 *
 * Containers may be nested 16 deep. What is in strings need not be UTF-8. Return: 0, -EINVAL.
 */
int json_parse(const char *text, size_t size, struct json *value);

/** json_is_object - "{...}"? */
bool json_is_object(const struct json *value);

/**
 * json_member - the member @name of an object
 *
 * Names are compared as they are written: one with escapes is none of ours.
 * Return: 1, 0 if there is none, -EINVAL if there are two or @object is no object.
 */
int json_member(const struct json *object, const char *name, struct json *member);

/** json_uint64 - a number without sign, fraction and exponent. Return: 0, -EINVAL, -ERANGE. */
int json_uint64(const struct json *value, uint64_t *number);

/** json_bool - true or false. Return: 0, -EINVAL. */
int json_bool(const struct json *value, bool *is_true);

#endif
