/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the machine reports, and the thread that sees to it: subchannels come and go, drivers hear
 * of what has changed.
 *
 * Reports of subchannels are a set: it is looked up what has become of them. Reports of paths keep
 * their order; before each of them the set is empty. A subchannel whose driver lets go of it only
 * when its users do has a thread of its own for that, so it holds up no other one.
 *
 * Behaviour: Linux 7.3 drivers/s390/cio/{css,crw}.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <umdev/caller.h>
#include <umdev/thread.h>

#include "css_bus.h"

#define SET_WORDS  ((HW_SSID_MAX + 1) * (HW_SCH_NO_MAX + 1) / 64)
#define RETRY_NSEC 20000000 /* until a driver is asked again that said -EAGAIN */
#define REPORTS	   64	    /* of paths, that are kept */

/** struct schid_set - subchannels */
struct schid_set {
	uint64_t words[SET_WORDS];
	unsigned int count;
};

/**
 * struct queue - what there is to do; all under the lock
 * @lock:    a leaf but for the machine's
 * @wake:    the thread's
 * @changed: something was done: for those who wait
 * @thread:  it runs while @running
 * @stops:   nothing is begun any more
 * @busy:    the thread does something
 * @eval:    subchannels to look at, when there are no @collectors
 * @retry:   the same, at @retry_at
 * @reports: of paths, a ring: @nr_reports from @first on
 * @lost:    there were more than that
 * @gone:    subchannels that are to leave
 * @leaving: those for whom a thread waits
 * @left:    those of them whose thread has ended
 */
static struct queue {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_cond_t changed;
	pthread_t thread;
	bool running;
	bool stops;
	bool busy;
	struct schid_set eval;
	unsigned int collectors;
	struct schid_set retry;
	struct timespec retry_at;
	struct crw reports[REPORTS];
	unsigned int first;
	unsigned int nr_reports;
	bool lost;
	struct list_head gone;
	struct list_head leaving;
	struct list_head left;
} queue = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.gone = LIST_HEAD_INIT(queue.gone),
	.leaving = LIST_HEAD_INIT(queue.leaving),
	.left = LIST_HEAD_INIT(queue.left),
};

/* ---- sets; under the lock ---- */

static void set_add(struct schid_set *set, struct schid id)
{
	size_t bit = (size_t)id.ssid << 16 | id.sch_no;
	uint64_t mask = UINT64_C(1) << bit % 64;

	if (set->words[bit / 64] & mask)
		return;
	set->words[bit / 64] |= mask;
	set->count++;
}

/* The lowest of @set, which is not empty, and out of it. */
static struct schid set_take(struct schid_set *set)
{
	struct schid id = { .cssid = CSS_ID };
	unsigned int i = 0, bit;

	while (!set->words[i])
		i++;
	bit = (unsigned int)__builtin_ctzll(set->words[i]);
	set->words[i] &= set->words[i] - 1;
	set->count--;
	bit += i * 64;
	id.ssid = (uint8_t)(bit >> 16);
	id.sch_no = (uint16_t)bit;
	return id;
}

static void set_move(struct schid_set *to, struct schid_set *from)
{
	while (from->count)
		set_add(to, set_take(from));
}

/* ---- what others ask for ---- */

void css_schedule_eval(struct schid schid)
{
	pthread_mutex_lock(&queue.lock);
	if (!queue.stops) {
		set_add(&queue.eval, schid);
		pthread_cond_signal(&queue.wake);
	}
	pthread_mutex_unlock(&queue.lock);
}

static int schedule_device(struct device *dev, void *data)
{
	css_schedule_eval(to_subchannel(dev)->schid);
	return 0;
}

static int schedule_pathless(struct device *dev, void *data)
{
	struct subchannel *sch = to_subchannel(dev);
	bool works;

	pthread_mutex_lock(&sch->lock);
	works = sch->st == SUBCHANNEL_TYPE_IO &&
		sch->opm & sch->schib.pmcw.pam & sch->schib.pmcw.pom;
	pthread_mutex_unlock(&sch->lock);
	if (!works)
		css_schedule_eval(sch->schid);
	return 0;
}

static struct css_subchannel *find_subchannel(struct schid id)
{
	struct device *dev;
	char name[16];

	snprintf(name, sizeof(name), "%x.%x.%04x", id.cssid, id.ssid, id.sch_no);
	dev = bus_find_device_by_name(&css_bus_type, name);
	return dev ? to_css_subchannel(to_subchannel(dev)) : NULL;
}

/* Those of the machine's: all, or those that the bus does not know. */
static void schedule_machine(bool all)
{
	struct schid id = { .cssid = CSS_ID };
	struct css_subchannel *known;
	uint32_t next = 0;
	struct hw_sch *hw;

	while ((hw = hw_sch_next(id.ssid, next))) {
		id = hw_sch_id(hw);
		next = id.sch_no + UINT32_C(1);
		hw_sch_put(hw);
		known = all ? NULL : find_subchannel(id);
		if (!known)
			css_schedule_eval(id);
		else
			put_device(&known->sch.dev);
	}
}

/* What is scheduled in between is looked at behind it, so that each comes once. */
static void begin_collecting(void)
{
	pthread_mutex_lock(&queue.lock);
	queue.collectors++;
	pthread_mutex_unlock(&queue.lock);
}

static void end_collecting(void)
{
	pthread_mutex_lock(&queue.lock);
	queue.collectors--;
	pthread_cond_signal(&queue.wake);
	pthread_mutex_unlock(&queue.lock);
}

void css_schedule_eval_all(void)
{
	begin_collecting();
	bus_for_each_dev(&css_bus_type, NULL, schedule_device);
	schedule_machine(true);
	end_collecting();
}

void css_schedule_reprobe(void)
{
	begin_collecting();
	bus_for_each_dev(&css_bus_type, NULL, schedule_pathless);
	schedule_machine(false);
	end_collecting();
}

void css_sch_unregister_later(struct subchannel *sch)
{
	struct css_subchannel *csch = to_css_subchannel(sch);

	pthread_mutex_lock(&queue.lock);
	if (!csch->gone && !queue.stops) {
		csch->gone = true;
		get_device(&sch->dev);
		list_add_tail(&csch->link, &queue.gone);
		pthread_cond_signal(&queue.wake);
	}
	pthread_mutex_unlock(&queue.lock);
}

void css_crw(const struct crw *crw, uint8_t ssid)
{
	struct schid id = { .cssid = CSS_ID, .ssid = ssid, .sch_no = crw->rsid };

	if (CRW_RSC(crw->flags) == CRW_RSC_SCH) {
		css_schedule_eval(id);
		return;
	}
	if (CRW_RSC(crw->flags) != CRW_RSC_CPATH || crw->flags & CRW_FLAG_SOLICITED)
		return;
	pthread_mutex_lock(&queue.lock);
	if (queue.nr_reports == REPORTS)
		queue.lost = true;
	else if (!queue.stops)
		queue.reports[(queue.first + queue.nr_reports++) % REPORTS] = *crw;
	pthread_cond_signal(&queue.wake);
	pthread_mutex_unlock(&queue.lock);
}

/* ---- leaving ---- */

static void *leave(void *data)
{
	struct css_subchannel *csch = data;

	css_subchannel_del(csch);
	pthread_mutex_lock(&queue.lock);
	list_del_init(&csch->link);
	list_add_tail(&csch->link, &queue.left);
	pthread_cond_signal(&queue.wake);
	pthread_mutex_unlock(&queue.lock);
	return NULL;
}

/* The number may have another device by now, which had to wait. */
static void forget(struct css_subchannel *csch)
{
	css_schedule_eval(csch->sch.schid);
	put_device(&csch->sch.dev);
}

/* With the lock, which is given up meanwhile. */
static void begin_leaving(void)
{
	struct css_subchannel *csch = list_first_entry(&queue.gone, struct css_subchannel, link);
	int err;

	list_del_init(&csch->link);
	list_add_tail(&csch->link, &queue.leaving);
	pthread_mutex_unlock(&queue.lock);
	err = umdev_thread_start(&csch->leaver, "cssleave", leave, csch);
	if (err) {
		css_subchannel_del(csch);
		pthread_mutex_lock(&queue.lock);
		list_del_init(&csch->link);
		pthread_mutex_unlock(&queue.lock);
		forget(csch);
	}
	pthread_mutex_lock(&queue.lock);
}

/* The same. */
static void end_leaving(void)
{
	struct css_subchannel *csch = list_first_entry(&queue.left, struct css_subchannel, link);

	list_del_init(&csch->link);
	pthread_mutex_unlock(&queue.lock);
	pthread_join(csch->leaver, NULL);
	/* For css_complete_work() it is gone with the device's directory, which it is. */
	forget(csch);
	pthread_mutex_lock(&queue.lock);
}

static bool list_has(const struct list_head *list, struct schid id)
{
	const struct css_subchannel *csch;

	list_for_each_entry (csch, list, link)
		if (csch->sch.schid.ssid == id.ssid && csch->sch.schid.sch_no == id.sch_no)
			return true;
	return false;
}

static bool is_leaving(struct schid id)
{
	bool leaving;

	pthread_mutex_lock(&queue.lock);
	leaving = list_has(&queue.gone, id) || list_has(&queue.leaving, id) ||
		  list_has(&queue.left, id);
	pthread_mutex_unlock(&queue.lock);
	return leaving;
}

/* ---- the thread's work; without the lock ---- */

static void schedule_retry(struct schid id)
{
	pthread_mutex_lock(&queue.lock);
	if (!queue.retry.count) {
		clock_gettime(CLOCK_MONOTONIC, &queue.retry_at);
		queue.retry_at.tv_nsec += RETRY_NSEC;
		if (queue.retry_at.tv_nsec >= 1000000000) {
			queue.retry_at.tv_nsec -= 1000000000;
			queue.retry_at.tv_sec++;
		}
	}
	set_add(&queue.retry, id);
	pthread_mutex_unlock(&queue.lock);
}

static void evaluate_new(struct schid id)
{
	struct hw_sch *hw = hw_sch_get(id.ssid, id.sch_no);
	int err;

	if (!hw)
		return;
	err = css_subchannel_add(hw);
	if (err && err != -ENODEV)
		pr_err("css: subchannel %x.%x.%04x can't be added: %d", id.cssid, id.ssid,
		       id.sch_no, err);
}

static void evaluate(struct schid id)
{
	struct css_subchannel *csch;
	int err;

	if (is_leaving(id))
		return;
	csch = find_subchannel(id);
	if (!csch) {
		evaluate_new(id);
		return;
	}
	err = css_sch_event(csch);
	if (err == -EAGAIN)
		schedule_retry(id);
	else if (err)
		css_sch_unregister_later(&csch->sch);
	put_device(&csch->sch.dev);
}

/* One that has come can be gone again, or be of no use yet: then another report follows. */
static bool is_usable(uint8_t chpid)
{
	struct hw_path_state state = hw_path_get(chpid);

	return state.configured && state.operational;
}

static void process_report(const struct crw *crw)
{
	uint8_t chpid = (uint8_t)crw->rsid;

	switch (CRW_ERC(crw->flags)) {
	case CRW_ERC_IPARM:
	case CRW_ERC_INIT:
		chp_new(chpid);
		if (is_usable(chpid))
			chp_online(chpid);
		break;
	case CRW_ERC_PERRI:
	case CRW_ERC_PERRN:
		chp_offline(chpid);
		break;
	default:
		pr_debug("css: report %x of channel path %02x means nothing", CRW_ERC(crw->flags),
			 chpid);
	}
}

static void recover(void)
{
	css_schedule_eval_all();
	chp_refresh_all();
}

/* ---- the thread ---- */

/* One step, with the lock, which is given up meanwhile. Return: was there any? */
static bool step(void)
{
	struct schid id;
	struct crw crw;

	if (!list_empty(&queue.left)) {
		end_leaving();
	} else if (!list_empty(&queue.gone)) {
		begin_leaving();
	} else if (queue.eval.count && !queue.collectors) {
		id = set_take(&queue.eval);
		pthread_mutex_unlock(&queue.lock);
		evaluate(id);
		pthread_mutex_lock(&queue.lock);
	} else if (queue.eval.count) {
		return false;
	} else if (queue.nr_reports) {
		crw = queue.reports[queue.first];
		queue.first = (queue.first + 1) % REPORTS;
		queue.nr_reports--;
		pthread_mutex_unlock(&queue.lock);
		process_report(&crw);
		pthread_mutex_lock(&queue.lock);
	} else if (queue.lost) {
		queue.lost = false;
		pthread_mutex_unlock(&queue.lock);
		recover();
		pthread_mutex_lock(&queue.lock);
	} else {
		return false;
	}
	return true;
}

/* With the lock. */
static void wait_for_work(void)
{
	if (!queue.retry.count)
		pthread_cond_wait(&queue.wake, &queue.lock);
	else if (pthread_cond_timedwait(&queue.wake, &queue.lock, &queue.retry_at) == ETIMEDOUT)
		set_move(&queue.eval, &queue.retry);
}

static void *run(void *arg)
{
	pthread_mutex_lock(&queue.lock);
	while (!queue.stops) {
		queue.busy = true;
		if (step())
			continue;
		queue.busy = false;
		pthread_cond_broadcast(&queue.changed);
		wait_for_work();
	}
	queue.busy = false;
	pthread_cond_broadcast(&queue.changed);
	pthread_mutex_unlock(&queue.lock);
	return NULL;
}

int css_queue_start(void)
{
	pthread_condattr_t attr;
	int err;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&queue.wake, &attr);
	pthread_cond_init(&queue.changed, NULL);
	pthread_condattr_destroy(&attr);
	pthread_mutex_lock(&queue.lock);
	memset(&queue.eval, 0, sizeof(queue.eval));
	memset(&queue.retry, 0, sizeof(queue.retry));
	queue.nr_reports = 0;
	queue.lost = false;
	queue.stops = false;
	err = umdev_thread_start(&queue.thread, "css", run, NULL);
	queue.running = !err;
	queue.stops = err;
	pthread_mutex_unlock(&queue.lock);
	return err;
}

/* Those that nobody has begun to take away are the caller's. */
static void drop_gone(void)
{
	struct css_subchannel *csch;

	while (!list_empty(&queue.gone)) {
		csch = list_first_entry(&queue.gone, struct css_subchannel, link);
		list_del_init(&csch->link);
		pthread_mutex_unlock(&queue.lock);
		put_device(&csch->sch.dev);
		pthread_mutex_lock(&queue.lock);
	}
}

void css_queue_stop(void)
{
	pthread_mutex_lock(&queue.lock);
	queue.stops = true;
	pthread_cond_signal(&queue.wake);
	pthread_mutex_unlock(&queue.lock);
	pthread_join(queue.thread, NULL);

	pthread_mutex_lock(&queue.lock);
	queue.running = false;
	pthread_cond_broadcast(&queue.changed);
	drop_gone();
	while (!list_empty(&queue.leaving) || !list_empty(&queue.left)) {
		if (list_empty(&queue.left))
			pthread_cond_wait(&queue.wake, &queue.lock);
		else
			end_leaving();
	}
	pthread_mutex_unlock(&queue.lock);
}

/* ---- waiting for it ---- */

/* With the lock. */
static bool is_settled(bool left_too)
{
	bool settled = !queue.busy && !queue.eval.count && !queue.collectors &&
		       !queue.retry.count && !queue.nr_reports && !queue.lost &&
		       list_empty(&queue.gone);

	return settled && (!left_too || (list_empty(&queue.leaving) && list_empty(&queue.left)));
}

static int wait_until_settled(bool left_too)
{
	caller_may_leave();
	pthread_mutex_lock(&queue.lock);
	if (!pthread_equal(queue.thread, pthread_self()))
		while (queue.running && !queue.stops && !is_settled(left_too))
			pthread_cond_wait(&queue.changed, &queue.lock);
	pthread_mutex_unlock(&queue.lock);
	return caller_stays() ? 0 : -EINTR;
}

int css_wait_for_slow_path(void)
{
	return wait_until_settled(false);
}

static int settle_driver(struct device_driver *drv, void *data)
{
	if (to_css_driver(drv)->settle)
		to_css_driver(drv)->settle();
	return 0;
}

void css_settle_drivers(void)
{
	bus_for_each_drv(&css_bus_type, NULL, settle_driver);
}

int css_complete_work(void)
{
	int err = wait_until_settled(true);

	if (!err)
		css_settle_drivers();
	return err;
}
