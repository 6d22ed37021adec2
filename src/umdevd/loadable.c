/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdbool.h>
#include <string.h>
#include <umdev/log.h>
#include <umdev/module.h>

#include "umdevd/loadable.h"

/* Bytes of names and aliases: a socket takes a message of 200 KiB, with what JSON adds to them. */
#define TEXT_MAX (64 << 10)
/* Quotes, commas, brackets. */
#define PER_PAIR 8

struct list {
	struct json_object *array;
	size_t text;
	size_t left_out;
};

static bool has_text(struct json_object *pair, size_t i, const char *text)
{
	return strcmp(json_object_get_string(json_object_array_get_idx(pair, i)), text) == 0;
}

/* modprobe would do what is said twice twice. */
static bool has_pair(struct json_object *array, const char *alias, const char *name)
{
	struct json_object *pair;
	size_t i;

	for (i = 0; i < json_object_array_length(array); i++) {
		pair = json_object_array_get_idx(array, i);
		if (has_text(pair, 0, alias) && has_text(pair, 1, name))
			return true;
	}
	return false;
}

static int add_pair(struct list *list, const char *alias, const char *name)
{
	struct json_object *pair;
	size_t len = strlen(alias) + strlen(name) + PER_PAIR;

	if (has_pair(list->array, alias, name))
		return 0;
	if (len > TEXT_MAX - list->text) {
		list->left_out++;
		return 0;
	}
	list->text += len;
	pair = json_object_new_array();
	json_object_array_add(pair, json_object_new_string(alias));
	json_object_array_add(pair, json_object_new_string(name));
	return json_object_array_add(list->array, pair);
}

static int add_known(const struct module_state *state, void *data)
{
	return add_pair(data, state->name, state->name);
}

static int add_file(const char *name, const char *alias, void *data)
{
	return add_pair(data, alias ? alias : name, name);
}

struct json_object *loadable_modules(void)
{
	struct list list = { .array = json_object_new_array() };

	if (module_for_each(add_known, &list) || module_for_each_file(add_file, &list)) {
		json_object_put(list.array);
		return NULL;
	}
	if (list.left_out)
		pr_warn("modprobe in a view will not know %zu names or aliases of modules: there "
			"are too many",
			list.left_out);
	return list.array;
}
