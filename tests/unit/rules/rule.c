/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "model/host.h"
#include "unit/rules/rule.h"

struct vendor acme;
struct events heard;

void as_outsider(void *(*fn)(void *), void *data)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, fn, data), 0);
	pthread_join(thread, NULL);
}

static void print_contents(FILE *f, const char *path)
{
	char sub[4096], buf[SYSFS_PAGE_SIZE], *names, *name, *rest;
	ssize_t len;

	len = tree_read(path, buf);
	if (len >= 0)
		fprintf(f, "%s: %.*s", path, (int)len, buf);
	names = tree_list(path);
	if (!names)
		return;
	for (name = strtok_r(names, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
		/* Links would lead round in circles. */
		snprintf(sub, sizeof(sub), "%s/%s", path, name);
		if (strcmp(name, "subsystem") && strcmp(name, "driver") &&
		    strcmp(name, "mdev_type") && strcmp(name, "device") &&
		    strcmp(name, "iommu_group") && strcmp(name, "devices"))
			print_contents(f, sub);
	}
	free(names);
}

char *everything(void)
{
	char *tree = tree_snapshot("/"), *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	fputs(tree, f);
	print_contents(f, PARENT);
	fclose(f);
	free(tree);
	return text;
}

void assert_same(const char *is, const char *was)
{
	size_t i = 0, line = 0;

	for (; is[i] && is[i] == was[i]; i++)
		if (is[i] == '\n')
			line = i + 1;
	if (is[i] != was[i])
		fail_msg("it was: %.*s; it is: %.*s", (int)strcspn(was + line, "\n"), was + line,
			 (int)strcspn(is + line, "\n"), is + line);
}

void assert_list(const char *path, const char *expected)
{
	char *text = tree_list(path);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

void assert_contents(const char *path, const char *expected)
{
	char buf[SYSFS_PAGE_SIZE];
	ssize_t len = tree_read(path, buf);

	assert_int_equal(len, strlen(expected));
	assert_string_equal(buf, expected);
}

void assert_heard(const char *expected)
{
	char *text = events_take(&heard);

	assert_string_equal(text, expected);
	free(text);
}

int start_model(void **state)
{
	host_root = "/nowhere"; /* numbers are the same on each machine */
	return umdev_start();
}

int stop_model(void **state)
{
	umdev_stop();
	return 0;
}

int start_acme(void **state)
{
	int err;

	acme = (struct vendor) { .name = "acme", .vfio = *state };
	acme.driver.max_instances = 100;
	err = vendor_start(&acme);
	if (err)
		return err;
	heard = (struct events) { 0 };
	events_start(&heard);
	return 0;
}

int stop_acme(void **state)
{
	events_stop(&heard);
	vendor_stop(&acme);
	return 0;
}
