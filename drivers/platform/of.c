/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Behaviour: Linux 6.1 drivers/of/{base,property}.c. A value's end is looked at before its NUL is,
 * so that strings without one are no strings.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <umdev/of.h>

const struct property *of_find_property(const struct device_node *node, const char *name)
{
	const struct property *prop = node ? node->properties : NULL;

	while (prop && strcmp(prop->name, name) != 0)
		prop = prop->next;
	return prop;
}

bool of_property_read_bool(const struct device_node *node, const char *name)
{
	return of_find_property(node, name);
}

/* The @nr cells from the @index-th on. Return: 0 or an error as in umdev/of.h. */
static int find_cells(const struct device_node *node, const char *name, unsigned int index,
		      unsigned int nr, const uint32_t **cells)
{
	const struct property *prop = of_find_property(node, name);

	if (!prop)
		return -EINVAL;
	if (!prop->length)
		return -ENODATA;
	if (prop->length / 4 < nr || index > prop->length / 4 - nr)
		return -EOVERFLOW;
	*cells = (const uint32_t *)prop->value + index;
	return 0;
}

int of_property_read_u32_index(const struct device_node *node, const char *name, unsigned int index,
			       uint32_t *value)
{
	const uint32_t *cells;
	int err = find_cells(node, name, index, 1, &cells);

	if (!err)
		*value = be32toh(cells[0]);
	return err;
}

int of_property_read_u32(const struct device_node *node, const char *name, uint32_t *value)
{
	return of_property_read_u32_index(node, name, 0, value);
}

int of_property_read_u64(const struct device_node *node, const char *name, uint64_t *value)
{
	const uint32_t *cells;
	int err = find_cells(node, name, 0, 2, &cells);

	if (!err)
		*value = (uint64_t)be32toh(cells[0]) << 32 | be32toh(cells[1]);
	return err;
}

/* The string that begins at @at, or NULL if no NUL ends it. */
static const char *string_at(const struct property *prop, uint32_t at)
{
	const char *string = (const char *)prop->value + at;

	return memchr(string, '\0', prop->length - at) ? string : NULL;
}

/* Walk strings up to number @index. Return: how many there were before the end, or an error. */
static int walk_strings(const struct device_node *node, const char *name, unsigned int index,
			const char **value)
{
	const struct property *prop = of_find_property(node, name);
	const char *string;
	uint32_t at = 0;
	int nr = 0;

	if (!prop)
		return -EINVAL;
	while (at < prop->length) {
		string = string_at(prop, at);
		if (!string)
			return -EILSEQ;
		if (value && (unsigned int)nr == index) {
			*value = string;
			return 0;
		}
		at += strlen(string) + 1;
		nr++;
	}
	return nr && !value ? nr : -ENODATA;
}

int of_property_read_string_index(const struct device_node *node, const char *name,
				  unsigned int index, const char **value)
{
	return walk_strings(node, name, index, value);
}

int of_property_read_string(const struct device_node *node, const char *name, const char **value)
{
	return of_property_read_string_index(node, name, 0, value);
}

int of_property_count_strings(const struct device_node *node, const char *name)
{
	return walk_strings(node, name, 0, NULL);
}

bool of_device_is_compatible(const struct device_node *node, const char *compatible)
{
	const struct property *prop = of_find_property(node, "compatible");
	const char *string;

	for (uint32_t at = 0; prop && at < prop->length; at += strlen(string) + 1) {
		string = string_at(prop, at);
		if (!string)
			break;
		if (!strcasecmp(string, compatible))
			return true;
	}
	return false;
}

bool of_device_is_available(const struct device_node *node)
{
	const char *status;

	if (!node)
		return false;
	if (!of_find_property(node, "status"))
		return true;
	return !of_property_read_string(node, "status", &status) &&
	       (!strcmp(status, "okay") || !strcmp(status, "ok"));
}
