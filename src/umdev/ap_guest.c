/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the guest does all day: it shows its matrix, follows changes, does what its input says, and
 * lets go when it is asked to.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "umdev/ap_guest.h"
#include "umdev/client.h"
#include "umdev/tree.h"

#define LINE_SIZE 256
#define WORDS_MAX 4

/**
 * struct guest - the guest
 * @name:    of its device
 * @matrix:  as it was shown last
 * @daemon:  a connection on which nothing is said: it ends with the daemon
 * @input:   of @line, so many bytes are there
 * @cut:     the rest of a line that is too long is still to come
 * @failed:  a request was not done
 * @done:    it is over
 */
struct guest {
	const struct cli *cli;
	const char *name;
	struct guest_device device;
	struct guest_matrix matrix;
	int daemon;
	char line[LINE_SIZE];
	size_t input;
	bool cut;
	bool failed;
	bool done;
};

/* ---- what it says: a line, or an object ---- */

static struct json_object *begin_event(const char *event)
{
	struct json_object *obj = json_object_new_object();

	json_add_text(obj, "event", event);
	return obj;
}

/* Print the object, or the text. The object is given away. */
static void say(const struct guest *g, struct json_object *obj, const char *fmt, ...)
{
	va_list args;

	if (g->cli->json) {
		puts(json_object_to_json_string_ext(obj, JSON_C_TO_STRING_SPACED |
								 JSON_C_TO_STRING_NOSLASHESCAPE));
	} else {
		va_start(args, fmt);
		vprintf(fmt, args);
		va_end(args);
		putchar('\n');
	}
	json_object_put(obj);
	fflush(stdout);
}

static void say_wrong(const struct guest *g, const char *text)
{
	struct json_object *obj = begin_event("error");

	json_add_text(obj, "text", text);
	say(g, obj, "error: %s", text);
}

static void add_name(struct json_object *array, const char *fmt, unsigned int a, unsigned int b)
{
	char name[16];

	snprintf(name, sizeof(name), fmt, a, b);
	json_object_array_add(array, json_object_new_string(name));
}

/* The queues that are in @matrix and not in @without. */
static struct json_object *list_queues(const struct guest_matrix *matrix,
				       const struct guest_matrix *without)
{
	struct json_object *array = json_object_new_array();
	unsigned int card, domain;

	ap_for_each_bit (card, &matrix->apm)
		ap_for_each_bit (domain, &matrix->aqm)
			if (!guest_matrix_has(without, AP_MKQID(card, domain)))
				add_name(array, "%02x.%04x", card, domain);
	return array;
}

static struct json_object *list_control_domains(const struct guest_matrix *matrix,
						const struct guest_matrix *without)
{
	struct json_object *array = json_object_new_array();
	struct ap_mask left;
	unsigned int domain;

	ap_mask_andnot(&left, &matrix->adm, &without->adm);
	ap_for_each_bit (domain, &left)
		add_name(array, "%04x", domain, 0);
	return array;
}

/* What the host shows as the guest's, for comparison. */
static struct json_object *list_host(const struct guest *g)
{
	struct json_object *array = json_object_new_array();
	char *path, *text, *line, *rest = NULL;

	if (asprintf(&path, "/sys/bus/mdev/devices/%s/guest_matrix", g->name) < 0)
		return array;
	text = tree_read(path);
	for (line = text ? strtok_r(text, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest))
		json_object_array_add(array, json_object_new_string(line));
	free(text);
	free(path);
	return array;
}

/* The names in an array with a blank before each, to free(). */
static char *join(struct json_object *array)
{
	char *text = strdup(""), *longer;

	for (size_t i = 0; text && i < json_object_array_length(array); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(array, (int)i));

		if (asprintf(&longer, "%s %s", text, name) < 0)
			longer = NULL;
		free(text);
		text = longer;
	}
	return text;
}

/* Add a list to the object, and to the text @title with its names, if there are any. */
static void add_list(struct json_object *obj, const char *key, struct json_object *array,
		     char **text, const char *title)
{
	char *names = join(array), *longer;

	json_object_object_add(obj, key, array);
	if (*text && names && *names) {
		if (asprintf(&longer, "%s%s%s%s", *text, **text ? "; " : "", title, names) < 0)
			longer = NULL;
		free(*text);
		*text = longer;
	}
	free(names);
}

static void say_matrix(const struct guest *g)
{
	static const struct guest_matrix nothing;
	struct json_object *obj = begin_event("matrix");
	char *text = strdup("");

	json_add_text(obj, "device", g->name);
	json_object_object_add(obj, "group", json_object_new_int((int)g->device.group_id));
	json_object_object_add(obj, "window", json_object_new_boolean(g->device.has_window));
	if (g->device.has_window) {
		add_list(obj, "queues", list_queues(&g->matrix, &nothing), &text, "queues");
		add_list(obj, "control_domains", list_control_domains(&g->matrix, &nothing), &text,
			 "control domains");
		json_object_object_add(obj, "guest_matrix", list_host(g));
	} else {
		/* Nobody tells the guest; what it would have is what the host says. */
		add_list(obj, "guest_matrix", list_host(g), &text, "queues");
	}
	say(g, obj, "guest %s: %s", g->name, text && *text ? text : "no queues");
	free(text);
}

static void say_change(const struct guest *g, const struct guest_matrix *before)
{
	struct json_object *obj = begin_event("changed");
	static const struct guest_matrix nothing;
	char *text = strdup("");

	add_list(obj, "came", list_queues(&g->matrix, before), &text, "came");
	add_list(obj, "went", list_queues(before, &g->matrix), &text, "went");
	add_list(obj, "control_domains_came", list_control_domains(&g->matrix, before), &text,
		 "control domains came");
	add_list(obj, "control_domains_went", list_control_domains(before, &g->matrix), &text,
		 "control domains went");
	json_object_object_add(obj, "queues", list_queues(&g->matrix, &nothing));
	say(g, obj, "changed: %s", text && *text ? text : "nothing");
	free(text);
}

/* ---- what happens ---- */

static void stop(struct guest *g, const char *text)
{
	say_wrong(g, text);
	g->failed = true;
	g->done = true;
}

/* One line for each change; none if it is what it was. */
static void follow_change(struct guest *g)
{
	struct guest_matrix before = g->matrix;
	eventfd_t count;
	int err;

	eventfd_read(g->device.changed, &count);
	if (!g->device.has_window) {
		say_matrix(g);
		return;
	}
	err = guest_configuration(&g->device, &g->matrix);
	if (err)
		stop(g, err == -ENODEV ? "the device has gone" : strerror(-err));
	else if (memcmp(&before, &g->matrix, sizeof(before)))
		say_change(g, &before);
}

static void let_go(struct guest *g)
{
	say(g, begin_event("asked"), "asked to let go of %s", g->name);
	g->done = true;
}

/* ---- commands ---- */

static bool parse_queue(const char *text, ap_qid_t *qid)
{
	unsigned int card, domain;
	int end = 0;

	if (sscanf(text, "%2x.%4x%n", &card, &domain, &end) != 2 || text[end] ||
	    domain >= AP_DOMAINS)
		return false;
	*qid = AP_MKQID(card, domain);
	return true;
}

static bool find_first_queue(const struct guest_matrix *matrix, ap_qid_t *qid)
{
	unsigned int card = ap_mask_next(&matrix->apm, 0), domain = ap_mask_next(&matrix->aqm, 0);

	*qid = AP_MKQID(card, domain);
	return card < AP_DEVICES && domain < AP_DOMAINS;
}

static void say_reply(const struct guest *g, struct json_object *result, bool ok)
{
	struct json_object *queue = json_object_object_get(result, "queue");
	struct json_object *request = json_object_object_get(result, "request");
	struct json_object *answer = json_object_object_get(result, "answer");
	struct json_object *refused = json_object_object_get(result, "refused");

	json_add_text(result, "event", "reply");
	if (refused)
		say(g, result, "%s: %s: refused: %s", json_object_get_string(queue),
		    json_object_get_string(request), json_object_get_string(refused));
	else
		say(g, result, "%s: %s: %s (%s)", json_object_get_string(queue),
		    json_object_get_string(request), json_object_get_string(answer),
		    ok ? "verified" : "WRONG");
}

/* [QUEUE] random 16 */
static void do_request(struct guest *g, int argc, char **argv)
{
	struct ap_request req;
	ap_qid_t qid;
	bool ok;

	if (parse_queue(argv[0], &qid)) {
		argc--;
		argv++;
	} else if (!find_first_queue(&g->matrix, &qid)) {
		say_wrong(g, g->device.has_window ? "the guest has no queue"
						  : "this guest executes no instructions: the "
						    "module vfio_ap was loaded with window=0");
		g->failed = true;
		return;
	}
	if (ap_request_make(&req, argc, argv)) {
		g->failed = true;
		return;
	}
	struct json_object *result = json_object_new_object();

	ok = guest_request(&g->device, qid, &req, result);
	say_reply(g, result, ok);
	g->failed |= !ok;
	ap_request_finish(&req);
}

static void do_reset(struct guest *g)
{
	int err = guest_device_reset(&g->device);
	struct json_object *obj = begin_event("reset");

	json_add_text(obj, "error", err ? strerrorname_np(-err) : NULL);
	say(g, obj, "reset: %s", err ? strerror(-err) : "done");
	g->failed |= err != 0;
}

static void do_command(struct guest *g, char *line)
{
	char *words[WORDS_MAX + 1], *rest = NULL, *word;
	int n = 0;

	for (word = strtok_r(line, " \t", &rest); word && n <= WORDS_MAX;
	     word = strtok_r(NULL, " \t", &rest))
		words[n++] = word;
	if (!n)
		return;
	if (n == 1 && strcmp(words[0], "quit") == 0)
		g->done = true;
	else if (n == 1 && strcmp(words[0], "reset") == 0)
		do_reset(g);
	else if (n == 1 && strcmp(words[0], "matrix") == 0)
		say_matrix(g);
	else if (n == 1 && strcmp(words[0], "help") == 0)
		say_wrong(g, "[QUEUE] " AP_REQUEST_ARGS ", matrix, reset, quit");
	else
		do_request(g, n, words);
}

/* Lines as they come; one that is too long is said to be. */
static void read_commands(struct guest *g)
{
	ssize_t n = read(STDIN_FILENO, g->line + g->input, sizeof(g->line) - g->input);
	char *end;

	if (n <= 0) {
		g->done = n == 0 || (errno != EINTR && errno != EAGAIN);
		return;
	}
	g->input += (size_t)n;
	while (!g->done && (end = memchr(g->line, '\n', g->input))) {
		size_t len = (size_t)(end - g->line) + 1;

		*end = '\0';
		if (!g->cut)
			do_command(g, g->line);
		g->cut = false;
		g->input -= len;
		memmove(g->line, g->line + len, g->input);
	}
	if (g->input == sizeof(g->line)) {
		if (!g->cut)
			say_wrong(g, "that line is too long");
		g->cut = true;
		g->input = 0;
	}
}

/* ---- to the end ---- */

/* A shell gives its background jobs /dev/null, which is no order to leave. */
static bool has_commands(void)
{
	struct stat st;

	return !fstat(STDIN_FILENO, &st) && !(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
}

static void wait_and_react(struct guest *g, bool commands)
{
	struct pollfd fds[] = {
		{ .fd = g->device.changed, .events = POLLIN },
		{ .fd = g->device.asked, .events = POLLIN },
		{ .fd = g->daemon, .events = POLLIN },
		{ .fd = commands ? STDIN_FILENO : -1, .events = POLLIN },
	};

	if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
		return;
	if (fds[0].revents)
		follow_change(g);
	if (!g->done && fds[1].revents)
		let_go(g);
	else if (!g->done && fds[2].revents)
		stop(g, "umdevd has ended");
	else if (!g->done && fds[3].revents)
		read_commands(g);
}

static void live(struct guest *g, const struct guest_options *options)
{
	bool commands = has_commands();
	unsigned int i;

	say_matrix(g);
	for (i = 0; i < options->nr_requests && !g->done; i++)
		do_command(g, options->requests[i]);
	while (!g->done && !options->once)
		wait_and_react(g, commands);
}

int guest_run(const struct cli *cli, const char *name, const struct guest_options *options)
{
	struct guest g = { .cli = cli, .name = name };
	int status, err;

	g.daemon = client_open(cli);
	if (g.daemon < 0)
		return EXIT_FAILURE;
	status = guest_device_open(&g.device, name);
	if (status)
		goto close_daemon;
	err = g.device.has_window ? guest_configuration(&g.device, &g.matrix) : 0;
	if (err)
		status = cli_fail("%s: its configuration can't be read: %s", name, strerror(-err));
	else
		live(&g, options);
	guest_device_close(&g.device);
	if (!status) {
		say(&g, begin_event("closed"), "closed");
		status = g.failed ? EXIT_FAILURE : cli_flush();
	}
close_daemon:
	close(g.daemon);
	return status;
}
