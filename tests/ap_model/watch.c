/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "ap_model/watch.h"

/* What is known of a queue; under lock, which is a leaf but for what the machine itself takes. */
struct watched {
	pthread_mutex_t lock;
	uint32_t user; /* who used it last, 0: nobody */
	bool fresh;    /* it was reset since then, or is another one */
};

static struct watched queues[AP_DEVICES * AP_DOMAINS];
static unsigned long uses, changes, resets; /* atomic */

static __thread uint32_t this_user = WATCH_HOST;
static __thread uint32_t next_psmid;

/* The machine's own. Written before there are users. */
static __typeof__(ap_rapq) *real_rapq;
static __typeof__(ap_zapq) *real_zapq;
static __typeof__(ap_nqap) *real_nqap;
static __typeof__(ap_dqap) *real_dqap;

static void *find(void *handle, const char *name)
{
	void *fn = dlsym(handle, name);

	if (!fn) {
		fprintf(stderr, "watch: %s\n", dlerror());
		abort();
	}
	return fn;
}

/* Called by modules from the beginning on, of which nothing is watched yet. */
static void *machine;

static void resolve(void)
{
	real_rapq = find(machine, "ap_rapq");
	real_zapq = find(machine, "ap_zapq");
	real_nqap = find(machine, "ap_nqap");
	real_dqap = find(machine, "ap_dqap");
}

void watch_start(const char *modules)
{
	char path[PATH_MAX];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(queues); i++) {
		pthread_mutex_init(&queues[i].lock, NULL);
		queues[i].fresh = true;
	}
	snprintf(path, sizeof(path), "%s/ap.so", modules);
	/* The module itself is loaded when its time comes. */
	machine = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!machine) {
		fprintf(stderr, "watch: %s\n", dlerror());
		abort();
	}
	resolve();
}

void watch_user(uint32_t user)
{
	this_user = user;
	next_psmid = 0;
}

uint64_t watch_psmid(void)
{
	return (uint64_t)this_user << 32 | ++next_psmid;
}

void watch_replaced(int card, int domain)
{
	unsigned int qid;

	for (qid = 0; qid < ARRAY_SIZE(queues); qid++) {
		if ((card >= 0 && AP_QID_CARD(qid) != (unsigned int)card) ||
		    (domain >= 0 && AP_QID_QUEUE(qid) != (unsigned int)domain))
			continue;
		pthread_mutex_lock(&queues[qid].lock);
		queues[qid].fresh = true;
		pthread_mutex_unlock(&queues[qid].lock);
	}
}

void watch_counts(unsigned long *u, unsigned long *c, unsigned long *r)
{
	*u = __atomic_load_n(&uses, __ATOMIC_RELAXED);
	*c = __atomic_load_n(&changes, __ATOMIC_RELAXED);
	*r = __atomic_load_n(&resets, __ATOMIC_RELAXED);
}

static void wrong(const char *what, ap_qid_t qid, uint32_t user, uint32_t other)
{
	fprintf(stderr, "watch: %02x.%04x: %s: user %u, before %u\n", AP_QID_CARD(qid),
		AP_QID_QUEUE(qid), what, user, other);
	abort();
}

/* Under the queue's lock. */
static void used(struct watched *w, ap_qid_t qid)
{
	__atomic_add_fetch(&uses, 1, __ATOMIC_RELAXED);
	if (w->user != this_user) {
		if (!w->fresh)
			wrong("used without a reset in between", qid, this_user, w->user);
		__atomic_add_fetch(&changes, 1, __ATOMIC_RELAXED);
		w->user = this_user;
	}
	w->fresh = false;
}

/* A queue that does not work is empty: requests and replies are gone with what has stopped it. */
static bool is_empty(struct ap_queue_status status)
{
	return status.response_code == AP_RESPONSE_Q_NOT_AVAIL ||
	       status.response_code == AP_RESPONSE_DECONFIGURED ||
	       status.response_code == AP_RESPONSE_CHECKSTOPPED;
}

static struct ap_queue_status reset(ap_qid_t qid, __typeof__(ap_rapq) *how)
{
	struct watched *w = &queues[qid];
	struct ap_queue_status status;

	pthread_mutex_lock(&w->lock);
	status = how(qid);
	if (status.response_code == AP_RESPONSE_NORMAL) {
		w->fresh = true;
		__atomic_add_fetch(&resets, 1, __ATOMIC_RELAXED);
	}
	w->fresh |= is_empty(status);
	pthread_mutex_unlock(&w->lock);
	return status;
}

/* ---- in front of the machine's ---- */

struct ap_queue_status ap_rapq(ap_qid_t qid)
{
	return reset(qid, real_rapq);
}

struct ap_queue_status ap_zapq(ap_qid_t qid)
{
	return reset(qid, real_zapq);
}

struct ap_queue_status ap_nqap(ap_qid_t qid, uint64_t psmid, const void *msg, size_t len)
{
	struct watched *w = &queues[qid];
	struct ap_queue_status status;

	pthread_mutex_lock(&w->lock);
	status = real_nqap(qid, psmid, msg, len);
	if (status.response_code == AP_RESPONSE_NORMAL)
		used(w, qid);
	w->fresh |= is_empty(status);
	pthread_mutex_unlock(&w->lock);
	return status;
}

struct ap_queue_status ap_dqap(ap_qid_t qid, uint64_t *psmid, void *msg, size_t size, size_t *len)
{
	struct watched *w = &queues[qid];
	struct ap_queue_status status;
	uint32_t asker;

	pthread_mutex_lock(&w->lock);
	status = real_dqap(qid, psmid, msg, size, len);
	if (status.response_code == AP_RESPONSE_NORMAL) {
		used(w, qid);
		asker = *psmid >> 32;
		/* The host's drivers count as they like, but not so far. */
		if (asker != (this_user == WATCH_HOST ? 0 : this_user))
			wrong("a reply to another's request", qid, this_user, asker);
	}
	pthread_mutex_unlock(&w->lock);
	return status;
}
