/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine's modprobe and the daemon's modules: /run/modprobe.d/umdev.conf of a view.
 *
 * A module NAME is an alias of umdev_NAME here, which has a command in place of a file. Said of
 * NAME itself, the command would be run behind the insertion of all that a module of this name of
 * the machine's kernel depends on, into that kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "umdev/view.h"

#define CONFIG "/run/modprobe.d/umdev.conf"

/* ---- words ---- */

static bool is_one_of(const char *text, const char *chars)
{
	return *text && text[strspn(text, chars)] == '\0';
}

/* Nothing that modprobe or a shell takes for something else. */
static bool is_name(const char *text)
{
	return is_one_of(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
}

/* One word of a line. A backslash would have to be one of a pattern's, which modprobe drops. */
static bool is_alias(const char *text)
{
	const char *p;

	for (p = text; *p > ' ' && *p < 0x7f && *p != '\\'; p++)
		;
	return p != text && !*p;
}

/* Absolute, and on one line. */
static bool is_path(const char *text)
{
	const char *p;

	for (p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return text[0] == '/';
}

/*
 * A path as one word of a shell's, on a line of modprobe's. That drops a backslash, and puts
 * arguments where it finds "$CMDLINE_OPTS", whatever the quotes.
 */
static void put_path(FILE *f, const char *path)
{
	putc('\'', f);
	for (; *path; path++) {
		switch (*path) {
		case '\'':
			fputs("'\"'\"'", f);
			break;
		case '\\':
			fputs("\\\\", f);
			break;
		case '$':
			fputs("$''", f);
			break;
		default:
			putc(*path, f);
		}
	}
	putc('\'', f);
}

/* ---- lines ---- */

/**
 * struct command - what modprobe runs
 * @program: this one
 * @runtime_dir: of the daemon
 */
struct command {
	char program[PATH_MAX];
	const char *runtime_dir;
};

static void put_command(FILE *f, const struct command *cmd, const char *verb, const char *module)
{
	put_path(f, cmd->program);
	fputs(" --runtime-dir ", f);
	put_path(f, cmd->runtime_dir);
	fprintf(f, " %s -- %s", verb, module);
}

static void put_module(FILE *f, const struct command *cmd, const char *module)
{
	fprintf(f, "install umdev_%s ", module);
	put_command(f, cmd, "modprobe", module);
	/* As modprobe has it, to remove what is not there is no failure. */
	fprintf(f, " $CMDLINE_OPTS\nremove umdev_%s test ! -d /sys/module/%s || ", module, module);
	put_command(f, cmd, "rmmod", module);
	putc('\n', f);
}

static const char *text_at(struct json_object *pair, size_t i)
{
	struct json_object *text = json_object_array_get_idx(pair, i);

	return json_object_is_type(text, json_type_string) ? json_object_get_string(text) : "";
}

/* Of several lines about the same thing modprobe takes the first one. */
static void put_pair(FILE *f, const struct command *cmd, struct json_object *pair)
{
	const char *alias, *module;

	if (!json_object_is_type(pair, json_type_array))
		return;
	alias = text_at(pair, 0);
	module = text_at(pair, 1);
	if (!is_name(module) || !is_alias(alias))
		return;
	if (strcmp(alias, module) == 0)
		put_module(f, cmd, module);
	fprintf(f, "alias %s umdev_%s\n", alias, module);
}

static int write_config(const struct command *cmd, struct json_object *modules)
{
	FILE *f;
	size_t i;
	mode_t mask;
	int fd, err;

	/* One of the host's, of this name, is about another view. */
	if (unlink(CONFIG) && errno != ENOENT)
		return cli_fail("can't write " CONFIG " in the view: %s", strerror(errno));
	mask = umask(022);
	fd = open(CONFIG, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	umask(mask);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		err = errno;
		if (fd >= 0)
			close(fd);
		return cli_fail("can't write " CONFIG " in the view: %s", strerror(err));
	}
	fputs("# The modules of umdevd's, in this view of the machine. See umdev(1).\n", f);
	for (i = 0; i < json_object_array_length(modules); i++)
		put_pair(f, cmd, json_object_array_get_idx(modules, i));
	err = ferror(f);
	if (fclose(f) || err)
		return cli_fail("can't write " CONFIG " in the view: %s", strerror(errno));
	return 0;
}

static int do_without(const char *why)
{
	fprintf(stderr, "umdev: modprobe in the view does not know umdevd's modules: %s\n", why);
	return 0;
}

int view_modprobe_make(struct json_object *answer)
{
	struct json_object *modules, *runtime_dir;
	struct command cmd;
	ssize_t len;

	if (!json_object_object_get_ex(answer, "modules", &modules) ||
	    !json_object_is_type(modules, json_type_array))
		return do_without("it does not say which it has");
	if (!json_object_object_get_ex(answer, "runtime_dir", &runtime_dir) ||
	    !json_object_is_type(runtime_dir, json_type_string))
		return cli_fail("umdevd gave an answer that is not understood");
	cmd.runtime_dir = json_object_get_string(runtime_dir);
	len = readlink("/proc/self/exe", cmd.program, sizeof(cmd.program) - 1);
	if (len < 0)
		return do_without("/proc/self/exe can't be read");
	cmd.program[len] = '\0';
	if (!is_path(cmd.program) || !is_path(cmd.runtime_dir))
		return do_without("a path to them has a line break or the like in it");
	return write_config(&cmd, modules);
}
