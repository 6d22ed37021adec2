/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine's console: /sys/firmware/css. What is written there is done when the write returns,
 * and the bus has seen to it.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "css_bus.h"

#define REFUSALS 8 /* that can be read */

/* The last ones, oldest first, "COMMAND TEXT: why" each; under the lock. */
static char *refusals[REFUSALS];
static pthread_mutex_t refusals_lock = PTHREAD_MUTEX_INITIALIZER;

/* Return: @err. */
static int keep_refusal(const char *command, const char *text, const char *why, int err)
{
	char *line;

	pr_warn("css: %s: %s", command, why);
	if (asprintf(&line, "%s %s: %s", command, text, why) < 0)
		return err;
	pthread_mutex_lock(&refusals_lock);
	free(refusals[0]);
	memmove(&refusals[0], &refusals[1], sizeof(refusals) - sizeof(refusals[0]));
	refusals[REFUSALS - 1] = line;
	pthread_mutex_unlock(&refusals_lock);
	return err;
}

static void print_reason(struct hw_error *error, const char *fmt, va_list args)
{
	char *c;

	vsnprintf(error->text, sizeof(error->text), fmt, args);
	/* It may have been anything, and goes into the log. */
	for (c = error->text; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
}

static int refuse(const char *command, const char *text, int err, const char *fmt, ...)
	__umdev_printf(4, 5);

static int refuse(const char *command, const char *text, int err, const char *fmt, ...)
{
	struct hw_error error;
	va_list args;

	va_start(args, fmt);
	print_reason(&error, fmt, args);
	va_end(args);
	return keep_refusal(command, text, error.text, err);
}

/* ---- what is written ---- */

/*
 * The text without white space around it, to free(). A line is one command, and says so in the log;
 * so there is nothing in it that is none. Return: 0, -EINVAL, -ENOMEM.
 */
static int get_line(const char *command, const char *buf, size_t count, char **out)
{
	size_t i, len = count;

	while (len && isspace((unsigned char)buf[len - 1]))
		len--;
	while (len && isspace((unsigned char)*buf)) {
		buf++;
		len--;
	}
	for (i = 0; i < len; i++)
		if (iscntrl((unsigned char)buf[i]) && buf[i] != '\t') {
			refuse(command, "", -EINVAL,
			       "there is a control character at %zu: expected one line", i);
			return -EINVAL;
		}
	*out = strndup(buf, len);
	return *out ? 0 : -ENOMEM;
}

/* Cut @text behind its first word. Return: the second, which may be empty. */
static char *cut(char *text)
{
	char *end = text + strcspn(text, " \t");

	if (!*end)
		return end;
	*end++ = '\0';
	return end + strspn(end, " \t");
}

/* "XX" or "0.XX". Return: 0, -EINVAL. */
static int parse_chpid(const char *text, uint8_t *chpid)
{
	char *end;
	unsigned long value;

	if (text[0] == '0' && text[1] == '.')
		text += 2;
	value = strtoul(text, &end, 16);
	if (!isxdigit((unsigned char)*text) || *end || end - text > 2)
		return -EINVAL;
	*chpid = (uint8_t)value;
	return 0;
}

static int do_plug(char *text)
{
	struct hw_error error = { .text = "" };
	int err = hw_plug(text, &error);

	return err ? keep_refusal("plug", text, error.text, err) : 0;
}

static int do_unplug(char *text)
{
	struct hw_error error = { .text = "" };
	int err = hw_unplug(text, &error);

	return err ? keep_refusal("unplug", text, error.text, err) : 0;
}

/* "C.S.DEVNO [DSTAT]" */
static int do_attention(char *text)
{
	struct hw_error error = { .text = "" };
	unsigned long dstat = DEV_STAT_ATTENTION;
	char *whole = strdup(text), *arg = cut(text), *end = arg;
	int err;

	if (!whole)
		return -ENOMEM;
	if (*arg)
		dstat = strtoul(arg, &end, 16);
	if (*end || (*arg && !isxdigit((unsigned char)*arg)) || !dstat || dstat > 0xff) {
		err = refuse("attention", whole, -EINVAL,
			     "\"%s\": expected a device status in hexadecimal, 1 to ff", arg);
	} else {
		err = hw_attention(text, (uint8_t)dstat, &error);
		if (err)
			keep_refusal("attention", whole, error.text, err);
	}
	free(whole);
	return err;
}

/* "XX on|off|configure|deconfigure" */
static int change_path(uint8_t chpid, const char *how)
{
	if (!strcmp(how, "on") || !strcmp(how, "off"))
		return hw_path_set(chpid, !strcmp(how, "on"));
	if (!strcmp(how, "configure") || !strcmp(how, "deconfigure"))
		return hw_path_configure(chpid, !strcmp(how, "configure"));
	return -EINVAL;
}

static int do_path(char *text)
{
	char *whole = strdup(text), *how = cut(text);
	uint8_t chpid;
	int err;

	if (!whole)
		return -ENOMEM;
	err = parse_chpid(text, &chpid);
	if (err) {
		refuse("path", whole, err, "\"%s\": expected a channel path, 00 to ff", text);
		goto out;
	}
	err = change_path(chpid, how);
	if (err == -EINVAL)
		refuse("path", whole, err, "\"%s\": expected on, off, configure or deconfigure",
		       how);
	else if (err)
		refuse("path", whole, err, "there is no channel path %02x", chpid);
out:
	free(whole);
	return err;
}

static int settle(void)
{
	int err = css_wait_for_slow_path();

	if (!err)
		css_settle_drivers();
	return err;
}

static ssize_t store(const char *command, int (*run)(char *text), const char *buf, size_t count)
{
	char *text;
	int err;

	err = get_line(command, buf, count, &text);
	if (err)
		return err;
	err = run(text);
	free(text);
	if (!err)
		err = settle();
	return err ? err : (ssize_t)count;
}

static ssize_t plug_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			  size_t count)
{
	return store("plug", do_plug, buf, count);
}
static KOBJ_ATTR_WO(plug);

static ssize_t unplug_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			    size_t count)
{
	return store("unplug", do_unplug, buf, count);
}
static KOBJ_ATTR_WO(unplug);

static ssize_t attention_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			       size_t count)
{
	return store("attention", do_attention, buf, count);
}
static KOBJ_ATTR_WO(attention);

static ssize_t path_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			  size_t count)
{
	return store("path", do_path, buf, count);
}
static KOBJ_ATTR_WO(path);

/* As /proc/cio_settle: also until the users of what was unplugged have left. */
static ssize_t settle_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			    size_t count)
{
	return css_complete_work() ? -EINTR : (ssize_t)count;
}
static KOBJ_ATTR_WO(settle);

/* ---- what is read; it may be more than what a show() can tell ---- */

static ssize_t read_text(const char *text, size_t len, char *buf, off_t off, size_t count)
{
	if ((size_t)off >= len)
		return 0;
	if (count > len - (size_t)off)
		count = len - (size_t)off;
	memcpy(buf, text + off, count);
	return (ssize_t)count;
}

static ssize_t read_machine(size_t (*show)(char *buf, size_t size), char *buf, off_t off,
			    size_t count)
{
	size_t size = SYSFS_PAGE_SIZE, len = size;
	char *text = NULL, *more;
	ssize_t ret;

	/* It tells what there was room for; with some to spare it was enough. */
	while (len + 1 >= size) {
		size *= 4;
		more = realloc(text, size);
		if (!more) {
			free(text);
			return -ENOMEM;
		}
		text = more;
		len = show(text, size);
	}
	ret = read_text(text, len, buf, off, count);
	free(text);
	return ret;
}

static ssize_t devices_read(struct kobject *kobj, struct bin_attribute *attr, char *buf, off_t off,
			    size_t count)
{
	return read_machine(hw_show, buf, off, count);
}

static ssize_t types_read(struct kobject *kobj, struct bin_attribute *attr, char *buf, off_t off,
			  size_t count)
{
	return read_machine(hw_show_types, buf, off, count);
}

static ssize_t errors_read(struct kobject *kobj, struct bin_attribute *attr, char *buf, off_t off,
			   size_t count)
{
	char *text = NULL;
	size_t len = 0, i;
	FILE *f = open_memstream(&text, &len);
	ssize_t ret;

	if (!f)
		return -ENOMEM;
	pthread_mutex_lock(&refusals_lock);
	for (i = 0; i < REFUSALS; i++)
		if (refusals[i])
			fprintf(f, "%s\n", refusals[i]);
	pthread_mutex_unlock(&refusals_lock);
	ret = fclose(f) ? -ENOMEM : read_text(text, len, buf, off, count);
	free(text);
	return ret;
}

static struct bin_attribute bin_attr_devices = {
	.attr = { .name = "devices", .mode = 0444 },
	.read = devices_read,
};
static struct bin_attribute bin_attr_types = {
	.attr = { .name = "types", .mode = 0444 },
	.read = types_read,
};
static struct bin_attribute bin_attr_errors = {
	.attr = { .name = "errors", .mode = 0444 },
	.read = errors_read,
};

/* ---- the directory ---- */

static struct attribute *console_attrs[] = {
	&kobj_attr_plug.attr, &kobj_attr_unplug.attr, &kobj_attr_attention.attr,
	&kobj_attr_path.attr, &kobj_attr_settle.attr, NULL,
};
static struct bin_attribute *console_bin_attrs[] = {
	&bin_attr_devices,
	&bin_attr_types,
	&bin_attr_errors,
	NULL,
};
static const struct attribute_group console_group = {
	.attrs = console_attrs,
	.bin_attrs = console_bin_attrs,
};

static struct kobject *console;

int console_init(void)
{
	return firmware_create_dir("css", &console_group, &console);
}

void console_exit(void)
{
	size_t i;

	firmware_remove_dir(console);
	for (i = 0; i < REFUSALS; i++) {
		free(refusals[i]);
		refusals[i] = NULL;
	}
}

/* ---- the parameter ---- */

static bool is_separator(char c)
{
	return c == ';' || isspace((unsigned char)c);
}

/* A text as hw_plug() takes it: a backslash takes what follows as it is, also a separator. */
static size_t spec_length(const char *text)
{
	size_t len = 0;

	while (text[len] && !is_separator(text[len]))
		len += text[len] == '\\' && text[len + 1] ? 2 : 1;
	return len;
}

int console_plug_all(const char *specs, struct hw_error *error)
{
	char *text;
	size_t len;
	int err = 0;

	for (; *specs && !err; specs += len) {
		if (is_separator(*specs)) {
			len = 1;
			continue;
		}
		len = spec_length(specs);
		text = strndup(specs, len);
		if (!text) {
			snprintf(error->text, sizeof(error->text), "out of memory");
			return -ENOMEM;
		}
		err = hw_plug(text, error);
		free(text);
	}
	return err;
}
