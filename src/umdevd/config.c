/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/suggest.h"
#include "umdevd/config.h"
#include "umdevd/params.h"
#include "umdevd/settings.h"

#define CONFIG_SYSTEM "/etc/umdev/umdevd.conf"
#define CONFIG_IN_DIR "umdev/umdevd.conf"

/* No file that a person writes is longer, and no line. */
#define CONFIG_SIZE_MAX (1 << 20)
#define CONFIG_LINE_MAX 4096
/* Whoever has made more mistakes has given us something else than a configuration. */
#define CONFIG_ERRORS_MAX 10
/* Of a value in a message. */
#define SHOWN 80

#define BLANKS " \t"

/**
 * struct config - a file that is being read
 * @path:   its name
 * @line:   the number of the line, 0: the file as a whole
 * @errors: so many so far
 * @seen:   in which line each setting was, 0: in none
 */
struct config {
	const char *path;
	unsigned int line;
	unsigned int errors;
	unsigned int seen[SETTINGS_COUNT];
	struct options *opt;
};

/* Values are shown so that they can't do anything to a terminal or a log. */
static void print_escaped(const char *text)
{
	for (; *text; text++) {
		if (*text >= ' ' && *text < 0x7f)
			fputc(*text, stderr);
		else
			fprintf(stderr, "\\x%02x", (unsigned char)*text);
	}
	fputc('\n', stderr);
}

static int __umdev_printf(3, 4) complain(struct config *c, int err, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (c->line)
		fprintf(stderr, "umdevd: %s:%u: ", c->path, c->line);
	else
		fprintf(stderr, "umdevd: %s: ", c->path);
	print_escaped(text);
	c->errors++;
	return err;
}

static int out_of_memory(struct config *c)
{
	return complain(c, -ENOMEM, "out of memory");
}

/* ---- words ---- */

/*
 * The next word of a line, which ends at a blank that is not between double quotes. They stay.
 * NULL at the end and at a comment.
 */
static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, BLANKS), *p;
	bool quoted = false;

	*rest = word;
	if (!*word || *word == '#')
		return NULL;
	for (p = word; *p && (quoted || !strchr(BLANKS, *p)); p++)
		if (*p == '"')
			quoted = !quoted;
	*rest = *p ? p + 1 : p;
	*p = '\0';
	return word;
}

/* The next word as a value of its own: what is in quotes as a whole loses them. */
static char *next_value(char **rest)
{
	char *word = next_word(rest);
	size_t len = word ? strlen(word) : 0;

	if (len < 2 || word[0] != '"' || word[len - 1] != '"')
		return word;
	word[len - 1] = '\0';
	return word + 1;
}

/* Is there a '"' without its second one, comments apart? */
static bool has_open_quote(const char *line)
{
	bool quoted = false, between = true;

	for (; *line && (quoted || !between || *line != '#'); line++) {
		if (*line == '"')
			quoted = !quoted;
		between = strchr(BLANKS, *line);
	}
	return quoted;
}

/* ---- what lines say ---- */

static int take_load(struct config *c, char *rest)
{
	const char *name = next_value(&rest);
	struct load_option *load;
	char *param;
	int err;

	if (!name || !*name)
		return complain(c, -EINVAL, "load needs the name of a module");
	if (strchr(name, '/') && *name != '/')
		return complain(c, -EINVAL,
				"load \"%.*s\": expected the name of a module or an absolute path",
				SHOWN, name);
	load = options_add_load(c->opt, name);
	if (!load || asprintf(&load->origin, "%s:%u", c->path, c->line) < 0) {
		if (load)
			load->origin = NULL;
		return out_of_memory(c);
	}
	while ((param = next_word(&rest))) {
		params_unquote(param);
		err = params_append(&load->params, param);
		if (err == -ENOMEM)
			return out_of_memory(c);
		if (err)
			return complain(c, err,
					"load %.*s: \"%.*s\" is no parameter: expected NAME=VALUE",
					SHOWN, name, SHOWN, param);
	}
	return 0;
}

/* A directory more; none of them may be one that is not there, or that has several meanings. */
static int take_module_path(struct config *c, const char *value)
{
	const char *before = c->opt->module_path;
	struct stat st;
	char *longer;

	if (*value != '/' || strchr(value, ':'))
		return complain(c, -EINVAL,
				"module-path \"%.*s\": expected one directory, as an absolute path",
				SHOWN, value);
	if (stat(value, &st))
		return complain(c, -ENOTDIR, "module-path \"%.*s\": %s", SHOWN, value,
				strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return complain(c, -ENOTDIR, "module-path \"%.*s\": this is no directory", SHOWN,
				value);
	if (asprintf(&longer, "%s%s%s", before ? before : "", before ? ":" : "", value) < 0)
		return out_of_memory(c);
	free(c->opt->module_path);
	c->opt->module_path = longer;
	return 0;
}

static int take_setting(struct config *c, const struct setting *setting, char *rest)
{
	bool many = strcmp(setting->name, "module-path") == 0;
	unsigned int *seen = &c->seen[setting - settings];
	const char *value = next_value(&rest), *more;
	int err;

	if (!value || !*value)
		return complain(c, -EINVAL, "%s needs a value: expected %s", setting->name,
				setting->expected);
	more = next_word(&rest);
	if (more)
		return complain(c, -EINVAL,
				"%s takes one value: \"%.*s\" is too much (a value with blanks is "
				"put between double quotes)",
				setting->name, SHOWN, more);
	if (many)
		return take_module_path(c, value);
	if (*seen)
		return complain(c, -EINVAL, "%s is set in line %u already", setting->name, *seen);
	*seen = c->line;
	err = setting->set(c->opt, value);
	if (err == -ENOMEM)
		return out_of_memory(c);
	if (err)
		return complain(c, err, "%s \"%.*s\" is not valid: expected %s", setting->name,
				SHOWN, value, setting->expected);
	return 0;
}

static int refuse_keyword(struct config *c, const char *word)
{
	struct suggestion s;
	size_t i;

	if (strcmp(word, "runtime-dir") == 0)
		return complain(c, -EINVAL,
				"runtime-dir can't be set here, where umdev(1) does not look: "
				"use --runtime-dir or UMDEV_RUNTIME_DIR");
	suggestion_init(&s, word);
	suggestion_offer(&s, "load");
	for (i = 0; i < ARRAY_SIZE(settings); i++)
		suggestion_offer(&s, settings[i].name);
	if (s.best)
		return complain(c, -EINVAL, "unknown keyword \"%.*s\" (did you mean \"%s\"?)",
				SHOWN, word, s.best);
	return complain(c, -EINVAL, "unknown keyword \"%.*s\": see umdevd.conf(5)", SHOWN, word);
}

/* ---- lines ---- */

/* What is neither a printable character nor a blank; bytes of names in any encoding are fine. */
static bool is_control(char byte)
{
	return (byte > 0 && byte < ' ' && byte != '\t') || byte == 0x7f;
}

static int take_line(struct config *c, char *line, size_t len)
{
	const struct setting *setting;
	const char *word;
	size_t i;

	if (len > CONFIG_LINE_MAX)
		return complain(c, -E2BIG, "the line is longer than %d characters",
				CONFIG_LINE_MAX);
	/* The line's end as some editors write it. */
	if (len && line[len - 1] == '\r')
		line[--len] = '\0';
	for (i = 0; i < len; i++)
		if (!line[i] || is_control(line[i]))
			return complain(c, -EINVAL,
					"there is a byte 0x%02x in column %zu: expected text",
					(unsigned char)line[i], i + 1);
	if (has_open_quote(line))
		return complain(c, -EINVAL, "a double quote (\") has no second one");
	word = next_word(&line);
	if (!word)
		return 0;
	if (strcmp(word, "load") == 0)
		return take_load(c, line);
	setting = setting_find(word);
	return setting ? take_setting(c, setting, line) : refuse_keyword(c, word);
}

/* @text has a NUL behind its end. */
static int take_lines(struct config *c, char *text, size_t len)
{
	char *end = text + len, *stop;
	int err, first = 0;

	for (; text < end; text = stop + 1) {
		stop = memchr(text, '\n', (size_t)(end - text));
		if (!stop)
			stop = end;
		*stop = '\0';
		c->line++;
		err = take_line(c, text, (size_t)(stop - text));
		if (!first)
			first = err;
		if (c->errors == CONFIG_ERRORS_MAX) {
			fprintf(stderr, "umdevd: %s: too many mistakes, the rest is not read\n",
				c->path);
			break;
		}
	}
	return first;
}

/* ---- the file ---- */

/* It names code that the daemon runs, so nobody else may have a say in it. */
static int check_file(struct config *c, const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		return complain(c, -EISDIR, "this is a directory: expected a file");
	if (!S_ISREG(st->st_mode))
		return complain(c, -EINVAL, "this is no regular file");
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return complain(c, -EPERM, "the file belongs to another user (uid %u)",
				(unsigned int)st->st_uid);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return complain(c, -EPERM, "the file can be written by others: chmod go-w %s",
				c->path);
	if (st->st_size > CONFIG_SIZE_MAX)
		return complain(c, -EFBIG, "the file is longer than %d bytes", CONFIG_SIZE_MAX);
	return 0;
}

static int take_file(struct config *c, int fd)
{
	struct stat st;
	ssize_t n = 1;
	size_t len = 0;
	char *text;
	int err;

	if (fstat(fd, &st))
		return complain(c, -errno, "%s", strerror(errno));
	err = check_file(c, &st);
	if (err)
		return err;
	text = malloc(CONFIG_SIZE_MAX + 1);
	if (!text)
		return out_of_memory(c);
	while (len < CONFIG_SIZE_MAX && n) {
		n = read(fd, text + len, CONFIG_SIZE_MAX - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err = complain(c, -errno, "%s", strerror(errno));
			goto free;
		}
		len += (size_t)n;
	}
	text[len] = '\0';
	err = take_lines(c, text, len);
free:
	free(text);
	return err;
}

int config_read(const char *path, struct options *opt)
{
	struct config c = { .path = path, .opt = opt };
	int fd, err;

	/* Not to wait for somebody at the other end of a FIFO. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		return complain(&c, -errno, "can't read the file: %s", strerror(errno));
	err = take_file(&c, fd);
	close(fd);
	return err;
}

char *config_default_path(void)
{
	const char *home = getenv("XDG_CONFIG_HOME"), *below = "";
	char *path;

	if (geteuid() == 0)
		return strdup(CONFIG_SYSTEM);
	if (!home || *home != '/') {
		home = getenv("HOME");
		below = ".config/";
	}
	if (!home || *home != '/' || asprintf(&path, "%s/%s" CONFIG_IN_DIR, home, below) < 0)
		return NULL;
	return path;
}
