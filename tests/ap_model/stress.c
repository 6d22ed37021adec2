/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All at once: matrices are assigned, masks and overrides changed, adapters plugged, unplugged,
 * configured and stopped, queues and mediated devices bound, unbound, made and removed, the bus
 * scanned, modules loaded and unloaded, while guests and the host send requests. What must never be
 * is watched all the time (watch.h); in the end nothing is left.
 *
 *     stress [--rounds N] [--seed N] MODULES
 */
#include <dlfcn.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <umdev/ap_message.h>
#include <umdev/log.h>
#include <umdev/module.h>
#include <umdev/umdev.h>
#include <umdev/zcrypt.h>
#include "ap_model/guests.h"
#include "support/inside.h"
#include "ap_model/watch.h"
#include "support/outside.h"
#include "support/tree.h"

#define MATRICES 4
#define GUESTS	 3
#define HOSTS	 2

#define MANY_HALVES 40 /* after which something should have happened */

static const unsigned int cards[] = { 0x04, 0x05, 0x0a, 0xff };
static const unsigned int domains[] = { 4, 6, 0x47 };
static const char *const kinds[] = { "CEX3C", "CEX5C", "CEX7P", "CEX8A", "CEX8P", "CEX8P" };

static const char *modules;
static unsigned int rounds = 300, first_seed = 1;
static atomic_bool over;
static bool by_overrides; /* the masks are left alone, and overrides say who has what */
static char runtime_dir[] = "/tmp/umdev-ap-stress-XXXXXX";
static atomic_uint sessions = WATCH_HOST; /* numbers of users: each open device is one */

/* Held for reading: vfio_ap is loaded and stays. */
static pthread_rwlock_t loading = PTHREAD_RWLOCK_INITIALIZER;

/* What happened, to show that something did. */
static struct {
	atomic_ulong assigned, configured, masked, overridden, plugged, rebound, scanned, made,
		removed, loaded, opened, requests, replies, gone, watched, reachable, served,
		indicated;
} tally;

/* ---- doing something that may fail in some ways ---- */

struct actor {
	pthread_t thread;
	unsigned int role;
	unsigned int seed;
};

static unsigned int pick(struct actor *a, unsigned int n)
{
	return rand_r(&a->seed) / 7 % n;
}

static bool one_in(struct actor *a, unsigned int n)
{
	return !pick(a, n);
}

static const char *uuid(unsigned int n)
{
	static const char *const uuids[MATRICES] = {
		"62177883-f1bb-47f0-914d-32a22e3a8804",
		"cef03c3c-903d-4ecc-9a83-40694cb8aee4",
		"83b8f4f2-509f-382f-3c1e-e6bfe0fa1001",
		"83b8f4f2-509f-382f-3c1e-e6bfe0fa1002",
	};

	return uuids[n];
}

static void fail(const char *what, const char *text, long err)
{
	fprintf(stderr, "stress: %s: \"%s\": unexpected %s\n", what, text, strerror(-err));
	abort();
}

/* What is not there (any more) is fine; else it works, or is one of two other errors. */
static bool try_write(int may, int may_too, const char *text, const char *fmt, ...)
	__umdev_printf(4, 5);
static bool try_write(int may, int may_too, const char *text, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list args;
	ssize_t ret;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	ret = tree_write(path, text);
	if (ret < 0 && ret != -ENOENT && ret != -ENODEV && ret != -may && ret != -may_too)
		fail(path, text, ret);
	return ret >= 0;
}

/* ---- actors: each does something again and again ---- */

static void some_hex(struct actor *a, char *text, size_t size)
{
	struct ap_mask apm = { 0 }, aqm = { 0 }, adm = { 0 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cards); i++)
		if (one_in(a, 3))
			ap_mask_set(&apm, cards[i]);
	for (i = 0; i < ARRAY_SIZE(domains); i++) {
		if (one_in(a, 2))
			ap_mask_set(&aqm, domains[i]);
		if (one_in(a, 2))
			ap_mask_set(&adm, domains[i]);
	}
	snprintf(text, size, AP_MASK_FMT "," AP_MASK_FMT "," AP_MASK_FMT "\n", AP_MASK_ARGS(&apm),
		 AP_MASK_ARGS(&aqm), AP_MASK_ARGS(&adm));
}

static void assign(struct actor *a)
{
	static const char *const whats[] = { "adapter", "domain", "control_domain" };
	unsigned int n = pick(a, MATRICES), what = pick(a, 3);
	char text[256];

	if (one_in(a, 4)) {
		some_hex(a, text, sizeof(text));
		tally.configured += try_write(EADDRNOTAVAIL, EADDRINUSE, text,
					      "/bus/mdev/devices/%s/ap_config", uuid(n));
		return;
	}
	snprintf(text, sizeof(text), "%u",
		 what ? domains[pick(a, ARRAY_SIZE(domains))] : cards[pick(a, ARRAY_SIZE(cards))]);
	tally.assigned +=
		try_write(EADDRNOTAVAIL, EADDRINUSE, text, "/bus/mdev/devices/%s/%sassign_%s",
			  uuid(n), one_in(a, 3) ? "un" : "", whats[what]);
}

static void change_masks(struct actor *a)
{
	bool ap = one_in(a, 2);
	char text[32];

	if (by_overrides || one_in(a, 40))
		snprintf(text, sizeof(text), "+0-255");
	else
		snprintf(text, sizeof(text), "%c%u", one_in(a, 3) ? '+' : '-',
			 ap ? cards[pick(a, ARRAY_SIZE(cards))]
			    : domains[pick(a, ARRAY_SIZE(domains))]);
	tally.masked += try_write(EBUSY, EINVAL, text, "/bus/ap/%s", ap ? "apmask" : "aqmask");
}

static void override(struct actor *a)
{
	static const char *const names[] = { "vfio_ap\n", "cex4queue\n", "\n", "\n", "\n" };
	unsigned int card = cards[pick(a, ARRAY_SIZE(cards))];

	tally.overridden += try_write(EINVAL, 0, names[pick(a, ARRAY_SIZE(names))],
				      "/devices/ap/card%02x/%02x.%04x/driver_override", card, card,
				      domains[pick(a, ARRAY_SIZE(domains))]);
}

static void plug(struct actor *a)
{
	unsigned int card = cards[pick(a, ARRAY_SIZE(cards))];
	char text[32];

	snprintf(text, sizeof(text), "%02x", card);
	try_write(0, 0, text, "/firmware/ap/unplug");
	watch_replaced(card, -1);
	if (one_in(a, 3))
		try_write(0, 0, "1", "/bus/ap/scans");
	snprintf(text, sizeof(text), "%02x:%s", card, kinds[pick(a, ARRAY_SIZE(kinds))]);
	tally.plugged += try_write(EEXIST, 0, text, "/firmware/ap/plug");
}

static void set_domains(struct actor *a)
{
	unsigned int i, gone = pick(a, ARRAY_SIZE(domains));
	char text[64] = "";

	for (i = 0; i < ARRAY_SIZE(domains); i++)
		if (i != gone)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u",
				 *text ? "," : "", domains[i]);
	try_write(0, 0, text, "/firmware/ap/%s", one_in(a, 3) ? "control_domains" : "domains");
	watch_replaced(-1, domains[gone]);
	if (one_in(a, 2))
		try_write(0, 0, "1", "/bus/ap/scans");
	try_write(0, 0, "4,6,0x47", "/firmware/ap/domains");
}

/* All that the machine's operator does is done by one thread, so that it knows what is new. */
static void operate(struct actor *a)
{
	static const char *const files[] = { "config", "checkstop", "checkstop" };
	unsigned int card = cards[pick(a, ARRAY_SIZE(cards))], what = pick(a, 3);
	char text[32];

	if (one_in(a, 6)) {
		plug(a);
	} else if (one_in(a, 10)) {
		set_domains(a);
	} else {
		if (what == 2)
			snprintf(text, sizeof(text), "%02x.%04x ", card,
				 domains[pick(a, ARRAY_SIZE(domains))]);
		else
			snprintf(text, sizeof(text), "%02x ", card);
		strcat(text, one_in(a, 5) == (what == 0) ? "off" : "on");
		try_write(0, 0, text, "/firmware/ap/%s", files[what]);
	}
}

static void scan(struct actor *a)
{
	unsigned int card = cards[pick(a, ARRAY_SIZE(cards))];

	tally.scanned += try_write(0, 0, "1", "/bus/ap/scans");
	try_write(EIO, 0, one_in(a, 3) ? "0" : "1", "/devices/ap/card%02x/config", card);
	try_write(0, 0, "5", "/bus/ap/config_time");
}

static void rebind(struct actor *a)
{
	static const char *const drivers[] = { "vfio_ap", "cex4queue" };
	const char *driver = drivers[pick(a, 2)];
	char text[32];

	snprintf(text, sizeof(text), "%02x.%04x", cards[pick(a, ARRAY_SIZE(cards))],
		 domains[pick(a, ARRAY_SIZE(domains))]);
	if (one_in(a, 8))
		tally.rebound += try_write(EBUSY, 0, driver, "/bus/ap/devices/%s/rebind", text);
	else if (one_in(a, 2))
		tally.rebound += try_write(0, 0, text, "/bus/ap/drivers/%s/unbind", driver);
	else if (one_in(a, 2))
		try_write(0, 0, text, "/bus/ap/drivers_probe");
	else
		try_write(EBUSY, 0, text, "/bus/ap/drivers/%s/bind", driver);
}

static void make(struct actor *a)
{
	static const char type[] =
		"/devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/create";
	const char *name = uuid(pick(a, MATRICES));

	if (one_in(a, 20))
		tally.removed += try_write(0, 0, "1", "/bus/mdev/devices/%s/remove", name);
	else if (one_in(a, 20))
		try_write(0, 0, name, "/bus/mdev/drivers/vfio_ap_mdev/unbind");
	else if (one_in(a, 3))
		try_write(EBUSY, 0, name, "/bus/mdev/drivers/vfio_ap_mdev/bind");
	else
		tally.made += try_write(EEXIST, 0, name, type);
}

static void load(struct actor *a)
{
	const char *module = one_in(a, 2) ? "vfio_ap" : "zcrypt_cex4";
	int err;

	pthread_rwlock_wrlock(&loading);
	err = module_unload(module);
	if (err && err != -EBUSY)
		fail("unload", module, err);
	if (!err) {
		usleep(pick(a, 2000));
		err = module_load(module, NULL);
		if (err)
			fail("load", module_error(), err);
		tally.loaded++;
	}
	pthread_rwlock_unlock(&loading);
}

static void read_all(struct actor *a)
{
	unsigned int i;

	for (i = 0; i < MATRICES; i++) {
		outside_read("/bus/mdev/devices/%s/guest_matrix", uuid(i));
		outside_read("/bus/mdev/devices/%s/matrix", uuid(i));
		outside_read("/bus/mdev/devices/%s/ap_config", uuid(i));
	}
	outside_read("/bus/ap/bindings");
	outside_read("/bus/ap/apmask");
	for (i = 0; i < ARRAY_SIZE(cards); i++)
		outside_read("/bus/ap/devices/%02x.%04x/status", cards[i],
			     domains[pick(a, ARRAY_SIZE(domains))]);
}

/* ---- those that go on until the others have done their rounds ---- */

static size_t make_request(void *buf, size_t size)
{
	struct ap_msg m;

	ap_msg_begin(&m, buf, size, AP_MSG_REQUEST, AP_MSG_OP_RANDOM, 0, 32);
	return m.len;
}

/* What is seldom done: resets, and indicator bytes whose memory comes and goes. */
static void do_rare_things(struct actor *a, struct guest *guest, ap_qid_t qid)
{
	int err;

	switch (pick(a, 40)) {
	case 0:
		err = vfio_file_reset(guest->file);
		if (err && err != -EIO)
			fail("reset", "", err);
		break;
	case 1:
		guest_reset_queue(guest, qid, one_in(a, 2));
		break;
	case 2:
		guest_take_back(guest);
		guest_aqic(guest, qid, GUEST_IOVA + pick(a, GUEST_SIZE));
		guest_lend(guest);
		break;
	case 3:
		guest_aqic(guest, qid, 0);
		break;
	case 4:
	case 5:
	case 6:
		tally.indicated += guest_aqic(guest, qid, GUEST_IOVA + pick(a, GUEST_SIZE)) ==
				   AP_RESPONSE_NORMAL;
		break;
	default:
		break;
	}
}

static void use(struct actor *a, struct guest *guest)
{
	char request[AP_MSG_HEADER_SIZE];
	size_t len = make_request(request, sizeof(request));
	ap_qid_t qid =
		AP_MKQID(cards[pick(a, ARRAY_SIZE(cards))], domains[pick(a, ARRAY_SIZE(domains))]);
	uint64_t psmid;
	unsigned int i;

	for (i = pick(a, 6); i; i--) {
		if (guest_nqap(guest, qid, watch_psmid(), request, one_in(a, 3) ? 3 : len) !=
		    AP_RESPONSE_NORMAL)
			break;
		tally.requests++;
	}
	for (i = pick(a, 6); i; i--)
		tally.replies += guest_dqap(guest, qid, &psmid) == AP_RESPONSE_NORMAL;
	tally.reachable += guest_tapq(guest, qid) == AP_RESPONSE_NORMAL;
	do_rare_things(a, guest, qid);
}

static void *be_guests(void *data)
{
	struct actor *a = data;
	struct guest guest;
	unsigned int left;
	int err;

	while (!over) {
		err = guest_open(&guest, uuid(pick(a, MATRICES)));
		if (err) {
			if (err != -ENODEV && err != -EBUSY)
				fail("open", "", err);
			usleep(1000);
			continue;
		}
		guest_lend(&guest);
		watch_user(++sessions);
		tally.opened++;
		for (left = pick(a, 3000); left && !over && !guest_asked(&guest); left--)
			use(a, &guest);
		tally.gone += guest_asked(&guest);
		guest_close(&guest);
	}
	return NULL;
}

/* One request of the host's. Return: was there somebody to ask? */
static bool ask_host(struct actor *a, int fd)
{
	struct {
		struct zcrypt_request_header header;
		char request[AP_MSG_HEADER_SIZE];
	} ask = { .header = { ZCRYPT_VERSION, ZCRYPT_ANY, ZCRYPT_ANY, 0, pick(a, 1000) } };
	struct {
		struct zcrypt_reply_header header;
		char reply[256];
	} answer;
	ssize_t n;

	if (one_in(a, 2))
		ask.header.card = cards[pick(a, ARRAY_SIZE(cards))];
	make_request(ask.request, sizeof(ask.request));
	if (send(fd, &ask, sizeof(ask), MSG_NOSIGNAL) != sizeof(ask))
		return false;
	/* A queue that has stopped tells when the next scan finds that. */
	do
		n = recv(fd, &answer, sizeof(answer), 0);
	while (n < 0 && errno == EAGAIN && !over);
	if (n < (ssize_t)sizeof(answer.header))
		return false;
	if (answer.header.tag != ask.header.tag)
		fail("a reply to another request", "", -EPROTO);
	tally.served += !answer.header.error;
	return true;
}

static void *be_host(void *data)
{
	const struct timeval patience = { .tv_usec = 20000 };
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct actor *a = data;
	int fd;

	snprintf(to.sun_path, sizeof(to.sun_path), "%s/" ZCRYPT_SOCKET_NAME, runtime_dir);
	while (!over) {
		fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
		if (fd < 0)
			fail("socket", "", -errno);
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		if (!connect(fd, (struct sockaddr *)&to, sizeof(to)))
			while (!over && ask_host(a, fd))
				usleep(pick(a, 100));
		close(fd);
		usleep(500);
	}
	return NULL;
}

/* The module's function, while it is loaded. */
static unsigned int look_into(const char *path)
{
	__typeof__(watch_matrices) *look;
	void *handle = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
	unsigned int n;

	look = handle ? dlsym(handle, "watch_matrices") : NULL;
	if (!look)
		fail("watch", dlerror(), -ENOENT);
	n = look();
	dlclose(handle);
	return n;
}

static void *watch(void *data)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/vfio_ap.so", modules);
	while (!over) {
		pthread_rwlock_rdlock(&loading);
		tally.watched += look_into(path);
		pthread_rwlock_unlock(&loading);
		usleep(200);
	}
	return NULL;
}

/* ---- all of it ---- */

/* Who does what, and pauses how long in between: up to so many microseconds. */
static const struct {
	void (*act)(struct actor *a);
	unsigned int pause;
	bool leads; /* when these have done their rounds it is over */
} roles[] = {
	{ assign, 200, true },	   { assign, 200, true },    { change_masks, 1500, false },
	{ override, 3000, false }, { operate, 3000, false }, { scan, 3000, false },
	{ rebind, 1500, false },   { make, 1000, false },    { load, 60000, false },
	{ read_all, 500, false },
};

static void *act(void *data)
{
	struct actor *a = data;
	unsigned int i;

	for (i = 0; roles[a->role].leads ? i < rounds : !over; i++) {
		roles[a->role].act(a);
		usleep(pick(a, roles[a->role].pause));
	}
	return NULL;
}

static void begin(struct actor *a, void *(*fn)(void *), unsigned int role)
{
	static unsigned int number;
	int err;

	a->role = role;
	a->seed = first_seed * 1000 + ++number;
	err = pthread_create(&a->thread, NULL, fn, a);
	if (err)
		fail("thread", "", -err);
}

static void run(void)
{
	struct actor doers[ARRAY_SIZE(roles)], guests[GUESTS], hosts[HOSTS], watcher;
	unsigned int i;

	over = false;
	for (i = 0; i < HOSTS; i++)
		begin(&hosts[i], be_host, 0);
	for (i = 0; i < GUESTS; i++)
		begin(&guests[i], be_guests, 0);
	begin(&watcher, watch, 0);
	for (i = 0; i < ARRAY_SIZE(roles); i++)
		begin(&doers[i], act, i);
	for (i = 0; i < ARRAY_SIZE(roles); i++)
		if (roles[i].leads)
			pthread_join(doers[i].thread, NULL);
	over = true;
	for (i = 0; i < ARRAY_SIZE(roles); i++)
		if (!roles[i].leads)
			pthread_join(doers[i].thread, NULL);
	for (i = 0; i < GUESTS; i++)
		pthread_join(guests[i].thread, NULL);
	for (i = 0; i < HOSTS; i++)
		pthread_join(hosts[i].thread, NULL);
	pthread_join(watcher.thread, NULL);
}

static void must(const char *what, int err)
{
	if (err)
		fail(what, module_error(), err);
}

/* Return: the tree without modules, to free(). */
static char *start(void)
{
	char *before;

	if (!mkdtemp(runtime_dir))
		fail("mkdtemp", runtime_dir, -errno);
	umdev_set_runtime_dir(runtime_dir);
	must("path", module_set_path(modules));
	must("umdev", umdev_start());
	must("guests", inside_start());
	before = tree_snapshot("/");
	watch_start(modules);
	must("load", module_load("ap", "cards=04:CEX8P,05:CEX5C,0a:CEX7P domains=4,6,0x47 "
				       "reset_ms=1"));
	must("load", module_load("zcrypt_cex4", NULL));
	must("load", module_load("vfio_ap", NULL));
	return before;
}

/* The host has everything again. */
static void take_back(void)
{
	unsigned int i, j;

	for (i = 0; i < MATRICES; i++)
		try_write(0, 0, "1", "/bus/mdev/devices/%s/remove", uuid(i));
	for (i = 0; i < ARRAY_SIZE(cards); i++)
		for (j = 0; j < ARRAY_SIZE(domains); j++)
			try_write(EINVAL, 0, "\n", "/bus/ap/devices/%02x.%04x/driver_override",
				  cards[i], domains[j]);
	try_write(0, 0, "+0-255", "/bus/ap/apmask");
	try_write(0, 0, "+0-255", "/bus/ap/aqmask");
	try_write(0, 0, "1", "/bus/ap/scans");
}

static void finish(const char *before)
{
	char *after;

	must("unload", module_unload("vfio_ap"));
	must("unload", module_unload("zcrypt_cex4"));
	must("unload", module_unload("ap"));
	after = tree_snapshot("/");
	if (strcmp(before, after)) {
		fprintf(stderr, "the tree was:\n%s\nit is:\n%s\n", before, after);
		abort();
	}
	free(after);
	if (rmdir(runtime_dir))
		fail("rmdir", runtime_dir, -errno);
}

static void print_tally(void)
{
	unsigned long uses, changes, resets;

	watch_counts(&uses, &changes, &resets);
	printf("assigned %lu, configured %lu, masks %lu, overrides %lu, plugged %lu, rebound %lu, "
	       "scans %lu, made %lu, removed %lu, loaded %lu\n"
	       "guests: opened %lu, sent away %lu, requests %lu, replies %lu, reachable %lu, "
	       "indicated %lu; the host's: %lu\n"
	       "watched: queues in matrices %lu, uses %lu, changes of users %lu, resets %lu\n",
	       tally.assigned, tally.configured, tally.masked, tally.overridden, tally.plugged,
	       tally.rebound, tally.scanned, tally.made, tally.removed, tally.loaded, tally.opened,
	       tally.gone, tally.requests, tally.replies, tally.reachable, tally.indicated,
	       tally.served, tally.watched, uses, changes, resets);
	fflush(stdout);
}

static bool all_has_happened(void)
{
	unsigned long uses, changes, resets;

	watch_counts(&uses, &changes, &resets);
	return tally.assigned && tally.configured && tally.masked && tally.overridden &&
	       tally.plugged && tally.rebound && tally.scanned && tally.made && tally.removed &&
	       tally.loaded && tally.opened && tally.gone && tally.requests && tally.replies &&
	       tally.served && tally.indicated && tally.watched && changes && resets;
}

/* One half each by masks and by overrides, which exclude each other; more if little happened. */
static void run_all(void)
{
	unsigned int halves = 0;

	while (halves < 2 || !all_has_happened()) {
		if (halves == MANY_HALVES) {
			print_tally();
			fail("something has never happened", "", -EAGAIN);
		}
		by_overrides = halves++ % 2;
		run();
		take_back();
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 's' },
		{ 0 },
	};
	char *before;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'r')
			rounds = strtoul(optarg, NULL, 10);
		else if (opt == 's')
			first_seed = strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (optind + 1 != argc) {
		fprintf(stderr, "usage: stress [--rounds N] [--seed N] MODULES\n");
		return 2;
	}
	modules = argv[optind];
	log_set_sink(discard_line);
	before = start();
	run_all();
	finish(before);
	umdev_stop();
	inside_stop();
	print_tally();
	free(before);
	return 0;
}
