/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "umdev/cli.h"
#include "umdev/view.h"

int cli_fail(const char *fmt, ...)
{
	va_list args;

	fputs("umdev: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_FAILURE;
}

int cli_say_no_daemon(const struct cli *cli)
{
	if (view_is_stale())
		return cli_fail("the umdevd of this view has ended: leave this shell");
	return cli_fail("no umdevd is running at %s (start one with: umdevd --load mtty)",
			cli->runtime_dir);
}

int cli_flush(void)
{
	if (fflush(stdout) || ferror(stdout))
		return cli_fail("can't write the output");
	return EXIT_SUCCESS;
}

void json_add_text(struct json_object *obj, const char *key, const char *text)
{
	json_object_object_add(obj, key, text ? json_object_new_string(text) : NULL);
}

static int print_json(struct json_object *obj)
{
	puts(json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
							 JSON_C_TO_STRING_NOSLASHESCAPE));
	return cli_flush();
}

/* What a cell shows; what is not there is a dash, so that columns can be counted. */
static const char *cell(struct json_object *obj, const char *key)
{
	struct json_object *value;
	const char *text;

	if (!json_object_object_get_ex(obj, key, &value) || !value)
		return "-";
	text = json_object_get_string(value);
	return *text ? text : "-";
}

/* Bytes that a terminal acts on are not passed on: names come from drivers. */
static void print_cell(const char *text, size_t width)
{
	const char *p;

	for (p = text; *p; p++)
		putchar((unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p);
	for (; width > (size_t)(p - text); width--)
		putchar(' ');
}

int cli_print_list(const struct cli *cli, struct json_object *list, const struct column *columns)
{
	size_t i, n = json_object_array_length(list), len;
	const struct column *col;
	size_t width[16] = { 0 };

	if (cli->json)
		return print_json(list);
	for (col = columns; col->key; col++) {
		width[col - columns] = strlen(col->title);
		for (i = 0; i < n; i++) {
			len = strlen(cell(json_object_array_get_idx(list, i), col->key));
			if (len > width[col - columns])
				width[col - columns] = len;
		}
	}
	for (col = columns; col->key; col++)
		print_cell(col->title, col[1].key ? width[col - columns] + 2 : 0);
	putchar('\n');
	for (i = 0; i < n; i++) {
		for (col = columns; col->key; col++)
			print_cell(cell(json_object_array_get_idx(list, i), col->key),
				   col[1].key ? width[col - columns] + 2 : 0);
		putchar('\n');
	}
	return cli_flush();
}

int cli_print_object(const struct cli *cli, struct json_object *obj, const struct column *columns)
{
	const struct column *col;
	size_t width = 0;

	if (cli->json)
		return print_json(obj);
	for (col = columns; col->key; col++)
		if (strlen(col->title) > width)
			width = strlen(col->title);
	for (col = columns; col->key; col++) {
		print_cell(col->title, width + 2);
		print_cell(cell(obj, col->key), 0);
		putchar('\n');
	}
	return cli_flush();
}
