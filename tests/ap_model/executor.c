/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does the steps of a sequence to the real modules, and says after each what came of it and what is
 * to be seen, in a line, for somebody who knows what it should be:
 *
 *     executor MODULES PARAMETERS CARDS QUEUES UUIDS    (lists with commas)
 *
 *     w PATH TEXT     write to an attribute; \n in TEXT is a newline
 *     load MODULE, unload MODULE
 *     open N, close N, reset N    the guest of the N-th device
 *     ask N QUEUE COUNT    its guest sends so many requests to a queue, or until one is refused
 *     drop N          remove the N-th device from under its guest, who lets go when asked
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <umdev/log.h>
#include <umdev/module.h>
#include <umdev/umdev.h>
#include "ap_model/guests.h"
#include "support/inside.h"
#include "support/outside.h"
#include "support/tree.h"

#define MAX_NAMES    64
#define MAX_MATRICES 4
#define ANSWERED     0x100 /* what a step returns has a response code in the lower byte */

struct names {
	char *name[MAX_NAMES];
	unsigned int n;
};

static struct names cards, queues, uuids;
static ap_qid_t qids[MAX_NAMES]; /* of the queues */
static struct guest guests[MAX_MATRICES];
static bool opened[MAX_MATRICES];
static uint64_t signals[MAX_MATRICES];
static unsigned long completions; /* before the first step */
static __typeof__(ap_tapq) *tapq; /* the machine's, which is in the module ap */

static void die(const char *what, long err)
{
	fprintf(stderr, "executor: %s: %s\n", what, strerror(-err));
	abort();
}

/* ---- what is to be seen ---- */

static void show_text(const char *text)
{
	for (; *text; text++)
		putchar(*text == '\n' ? ',' : *text);
}

/* The contents of a file, without the newline at the end; "?" if there is none. */
static const char *look(const char *fmt, ...) __umdev_printf(1, 2);
static const char *look(const char *fmt, ...)
{
	static char buf[SYSFS_PAGE_SIZE + 1];
	char path[PATH_MAX];
	va_list args;
	ssize_t n;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	n = tree_read(path, buf);
	if (n < 0)
		return "?";
	if (n && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return buf;
}

static unsigned long number(const char *path)
{
	return strtoul(look("%s", path), NULL, 10);
}

static void show_driver(const char *device)
{
	char path[PATH_MAX], text[PATH_MAX];
	struct kernfs_node *kn;
	const char *name = "-";

	snprintf(path, sizeof(path), "%s/driver", device);
	kn = tree_find_itself(path);
	if (kn && kernfs_link_text(kn, text, sizeof(text)) >= 0)
		name = strrchr(text, '/') + 1;
	kernfs_put(kn);
	printf("%s", name);
}

static void show_card(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/devices/ap/card%s", name);
	if (!tree_exists("%s", path)) {
		printf("|-");
		return;
	}
	putchar('|');
	show_driver(path);
	printf(" %s", look("%s/config", path));
	printf("%s", look("%s/chkstop", path));
}

static void show_queue(const char *name)
{
	char path[PATH_MAX];
	const char *status;

	snprintf(path, sizeof(path), "/devices/ap/card%.2s/%s", name, name);
	if (!tree_exists("%s", path)) {
		printf("|-");
		return;
	}
	putchar('|');
	show_driver(path);
	status = look("%s/status", path);
	printf(" %s", *status == '?' ? "-" : status);
	printf(" %s", look("%s/config", path));
	printf("%s", look("%s/chkstop", path));
	printf(" %s", look("%s/driver_override", path));
}

static void show_matrix(const char *uuid)
{
	static const char *const files[] = { "matrix", "control_domains", "guest_matrix",
					     "ap_config" };
	char path[PATH_MAX], buf[SYSFS_PAGE_SIZE];
	size_t i;

	putchar('|');
	if (!tree_exists("/devices/vfio_ap/matrix/%s", uuid)) {
		putchar('-');
		return;
	}
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "/devices/vfio_ap/matrix/%s/%s", uuid, files[i]);
		if (tree_read(path, buf) < 0) {
			printf("unbound");
			return;
		}
		if (i)
			putchar(';');
		show_text(buf);
	}
}

/* Some resets are not waited for. They have emptied the queue, and it will work. */
static unsigned int settled(unsigned int code)
{
	return code == AP_RESPONSE_RESET_IN_PROGRESS ? AP_RESPONSE_NORMAL : code;
}

/* What the machine says of its queues. */
static void show_machine(void)
{
	struct ap_queue_status status;
	unsigned int i;

	putchar('|');
	for (i = 0; i < queues.n; i++) {
		status = tapq(qids[i], NULL);
		if (status.response_code == AP_RESPONSE_Q_NOT_AVAIL)
			printf("--");
		else
			printf("%x%c", settled(status.response_code),
			       status.queue_empty ? 'e' : 'f');
	}
}

static void show_guest(unsigned int n)
{
	unsigned int i;

	if (!opened[n]) {
		printf("|-");
		return;
	}
	signals[n] += guest_signals(&guests[n]);
	printf("|%lu ", (unsigned long)signals[n]);
	for (i = 0; i < queues.n; i++)
		printf("%x", settled(guest_tapq(&guests[n], qids[i])));
}

static void show(void)
{
	unsigned int i;

	printf("|%s", look("/bus/ap/apmask"));
	printf("|%s", look("/bus/ap/aqmask"));
	printf("|%s", look("/bus/ap/bindings"));
	printf("|%lu", number("/bus/ap/bindings_complete_count") - completions);
	show_machine();
	for (i = 0; i < cards.n; i++)
		show_card(cards.name[i]);
	for (i = 0; i < queues.n; i++)
		show_queue(queues.name[i]);
	for (i = 0; i < uuids.n; i++) {
		show_matrix(uuids.name[i]);
		show_guest(i);
	}
}

/* ---- steps ---- */

static int step_write(char *rest)
{
	char *text = strchr(rest, ' '), *from, *to;
	ssize_t ret;

	*text++ = '\0';
	for (from = to = text; *from; from++) {
		if (*from == '\\' && *++from == 'n')
			*to++ = '\n';
		else
			*to++ = *from;
	}
	*to = '\0';
	ret = tree_write(rest, text);
	return ret < 0 ? ret : 0;
}

static void *remover(void *data)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/bus/mdev/devices/%s/remove", (const char *)data);
	return (void *)(intptr_t)tree_write(path, "1");
}

/* The driver takes all queues of the guest, tells it so once, and then asks it. */
static int step_drop(unsigned int n)
{
	uint64_t told = 0;
	pthread_t thread;
	unsigned int i;
	void *ret;
	int err;

	err = pthread_create(&thread, NULL, remover, uuids.name[n]);
	if (err)
		die("a thread", -err);
	while (!guest_asked(&guests[n]) || !(told += guest_signals(&guests[n])))
		usleep(100);
	for (i = 0; i < queues.n; i++)
		if (guest_tapq(&guests[n], qids[i]) != AP_RESPONSE_Q_NOT_AVAIL)
			die("a queue that is still there", -EBUSY);
	if (told + guest_signals(&guests[n]) != 1)
		die("signals", -EPROTO);
	guest_close(&guests[n]);
	opened[n] = false;
	pthread_join(thread, &ret);
	return (intptr_t)ret < 0 ? (intptr_t)ret : 0;
}

static int step_open(unsigned int n)
{
	int err;

	if (opened[n])
		return guest_open(&(struct guest) { 0 }, uuids.name[n]);
	err = guest_open(&guests[n], uuids.name[n]);
	opened[n] = !err;
	signals[n] = 0;
	return err;
}

static int step_close(unsigned int n)
{
	if (!opened[n])
		return -EBADF;
	guest_close(&guests[n]);
	opened[n] = false;
	return 0;
}

static int step_ask(const char *rest)
{
	unsigned int n, card, domain, count, code = AP_RESPONSE_NORMAL;

	if (sscanf(rest, "%u %2x.%4x %u", &n, &card, &domain, &count) != 4)
		die(rest, -EINVAL);
	if (!opened[n])
		return -EBADF;
	while (code == AP_RESPONSE_NORMAL && count--)
		code = guest_nqap(&guests[n], AP_MKQID(card, domain), 1, "no request", 10);
	return (int)code | ANSWERED;
}

static int step(char *line)
{
	char *rest = strchr(line, ' ');

	*rest++ = '\0';
	if (!strcmp(line, "w"))
		return step_write(rest);
	if (!strcmp(line, "load"))
		return module_load(rest, NULL);
	if (!strcmp(line, "unload"))
		return module_unload(rest);
	if (!strcmp(line, "open"))
		return step_open(atoi(rest));
	if (!strcmp(line, "close"))
		return step_close(atoi(rest));
	if (!strcmp(line, "reset"))
		return opened[atoi(rest)] ? vfio_file_reset(guests[atoi(rest)].file) : -EBADF;
	if (!strcmp(line, "ask"))
		return step_ask(rest);
	if (!strcmp(line, "drop"))
		return step_drop(atoi(rest));
	die(line, -EINVAL);
	return 0;
}

static void split(struct names *names, char *list)
{
	char *name, *rest;

	for (name = strtok_r(list, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
		names->name[names->n++] = name;
}

static void start(char **argv)
{
	char path[PATH_MAX];
	unsigned int i;
	void *module;
	int err;

	log_set_sink(discard_line);
	split(&cards, argv[3]);
	split(&queues, argv[4]);
	split(&uuids, argv[5]);
	for (i = 0; i < queues.n; i++)
		qids[i] = AP_MKQID(strtoul(queues.name[i], NULL, 16),
				   strtoul(queues.name[i] + 3, NULL, 16));
	err = module_set_path(argv[1]);
	if (!err)
		err = umdev_start();
	if (!err)
		err = inside_start();
	if (!err)
		err = module_load("ap", argv[2]);
	if (!err)
		err = module_load("zcrypt_cex4", NULL);
	if (!err)
		err = module_load("vfio_ap", NULL);
	if (err)
		die(module_error(), err);
	snprintf(path, sizeof(path), "%s/ap.so", argv[1]);
	module = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
	tapq = module ? dlsym(module, "ap_tapq") : NULL;
	if (!tapq)
		die(dlerror(), -ENOENT);
	/* The first scan is the bus's own, and takes as long as it takes. */
	while (!number("/bus/ap/scans"))
		usleep(100);
	tree_write("/bus/ap/scans", "1");
	completions = number("/bus/ap/bindings_complete_count");
}

static void stop(void)
{
	unsigned int n;

	for (n = 0; n < uuids.n; n++)
		step_close(n);
	umdev_stop();
	inside_stop();
	if (tree_exists("/bus/ap"))
		die("the bus is still there", -EBUSY);
}

int main(int argc, char **argv)
{
	const char *name;
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int err;

	if (argc != 6)
		return 2;
	start(argv);
	while ((n = getline(&line, &size, stdin)) > 0) {
		line[n - 1] = '\0';
		err = step(line);
		name = err < 0 ? strerrorname_np(-err) : "0";
		if (err > 0)
			printf("response %x", err & ~ANSWERED);
		else
			printf("%s", name ? name : "?");
		show();
		putchar('\n');
	}
	free(line);
	stop();
	return 0;
}
