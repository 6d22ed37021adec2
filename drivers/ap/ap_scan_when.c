/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When the bus is scanned: at the beginning, every config_time seconds, when the machine says that
 * its configuration has changed, and when somebody asks for it. One scan at a time.
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/ap_bus.c. There the first scan is a worker's, and
 * begins after the bus is there; here its devices are there when the module is.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <umdev/thread.h>

#include "ap_bus.h"
#include "ap_scan.h"
#include "hw.h"

/**
 * struct scanner - the scans and their thread
 * @running: the scan's lock: held by who scans
 * @changed: what the last scan came to; under @running
 * @lock:    for all that follows; a leaf
 * @wake:    the thread's
 * @begun:   scans that have begun
 * @done:    scans that are done
 * @next:    when the next one is due
 * @seconds: between two: config_time
 * @announced: the machine has changed since the last one began
 * @stopped: no scan begins any more
 * @scans:   one is under way, in the thread @who
 */
static struct scanner {
	pthread_mutex_t running;
	bool changed;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	uint64_t begun;
	uint64_t done;
	struct timespec next;
	unsigned int seconds;
	bool announced;
	bool stopped;
	bool scans;
	pthread_t who;
	pthread_t thread;
} scanner = {
	.running = PTHREAD_MUTEX_INITIALIZER,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.wake = PTHREAD_COND_INITIALIZER,
};

void ap_scan_when_init(void)
{
	scanner.begun = 0;
	scanner.done = 0;
	scanner.seconds = AP_CONFIG_TIME;
	scanner.announced = false;
	scanner.stopped = false;
}

/* Under the scanner's lock. */
static void set_next(void)
{
	clock_gettime(CLOCK_MONOTONIC, &scanner.next);
	scanner.next.tv_sec += scanner.seconds;
}

uint64_t ap_scan_count(void)
{
	uint64_t count;

	pthread_mutex_lock(&scanner.lock);
	count = scanner.done;
	pthread_mutex_unlock(&scanner.lock);
	return count;
}

unsigned int ap_config_time_get(void)
{
	unsigned int seconds;

	pthread_mutex_lock(&scanner.lock);
	seconds = scanner.seconds;
	pthread_mutex_unlock(&scanner.lock);
	return seconds;
}

void ap_config_time_set(unsigned int seconds)
{
	pthread_mutex_lock(&scanner.lock);
	scanner.seconds = seconds;
	set_next();
	pthread_cond_signal(&scanner.wake);
	pthread_mutex_unlock(&scanner.lock);
}

/* ---- scanning ---- */

/* The lock is held. Return: false if there is no scan any more. */
static bool begin(void)
{
	bool may;

	pthread_mutex_lock(&scanner.lock);
	may = !scanner.stopped;
	if (may) {
		scanner.begun++;
		scanner.announced = false;
		scanner.scans = true;
		scanner.who = pthread_self();
	}
	pthread_mutex_unlock(&scanner.lock);
	return may;
}

static uint64_t end(void)
{
	uint64_t done;

	pthread_mutex_lock(&scanner.lock);
	done = ++scanner.done;
	set_next();
	pthread_mutex_unlock(&scanner.lock);
	return done;
}

/* Under the scan's lock. */
static void scan(void)
{
	char what[] = "INITSCAN=done";
	char *first[] = { what, NULL };

	if (!begin())
		return;
	scanner.changed = ap_scan_bus();
	if (end() == 1)
		ap_root_uevent(first);
	ap_bindings_check();
	pthread_mutex_lock(&scanner.lock);
	scanner.scans = false;
	pthread_mutex_unlock(&scanner.lock);
}

/*
 * How many scans had begun; 0: none may be asked for, before the first one and by a driver that a
 * scan calls.
 */
static uint64_t scans_begun(void)
{
	bool inside;
	uint64_t begun;

	pthread_mutex_lock(&scanner.lock);
	inside = scanner.scans && pthread_equal(scanner.who, pthread_self());
	begun = scanner.done && !scanner.stopped && !inside ? scanner.begun : 0;
	pthread_mutex_unlock(&scanner.lock);
	return begun;
}

/* A scan that had begun before it was asked for may have missed what is asked for. */
bool ap_bus_force_rescan(void)
{
	uint64_t before;
	bool changed = false;

	before = scans_begun();
	if (!before)
		return false;
	pthread_mutex_lock(&scanner.running);
	if (scans_begun() == before)
		scan();
	if (scans_begun())
		changed = scanner.changed;
	pthread_mutex_unlock(&scanner.running);
	return changed;
}

/* ---- the thread ---- */

static bool is_due(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec != scanner.next.tv_sec)
		return now.tv_sec > scanner.next.tv_sec;
	return now.tv_nsec >= scanner.next.tv_nsec;
}

/* Return: false when there is none any more. */
static bool wait_until_wanted(void)
{
	bool wanted;

	pthread_mutex_lock(&scanner.lock);
	while (!scanner.stopped && !scanner.announced && !is_due())
		pthread_cond_clockwait(&scanner.wake, &scanner.lock, CLOCK_MONOTONIC,
				       &scanner.next);
	wanted = !scanner.stopped;
	pthread_mutex_unlock(&scanner.lock);
	return wanted;
}

static bool still_wanted(void)
{
	bool wanted;

	pthread_mutex_lock(&scanner.lock);
	wanted = scanner.announced || is_due();
	pthread_mutex_unlock(&scanner.lock);
	return wanted;
}

static void *run(void *arg)
{
	while (wait_until_wanted()) {
		pthread_mutex_lock(&scanner.running);
		/* Somebody else may have done it. */
		if (still_wanted())
			scan();
		pthread_mutex_unlock(&scanner.running);
	}
	return NULL;
}

static void announced(void)
{
	pthread_mutex_lock(&scanner.lock);
	scanner.announced = true;
	pthread_cond_signal(&scanner.wake);
	pthread_mutex_unlock(&scanner.lock);
}

static int start_thread(void)
{
	return umdev_thread_start(&scanner.thread, "apscan", run, NULL);
}

/* No scan begins any more, and none is under way. */
static void end_scans(void)
{
	pthread_mutex_lock(&scanner.lock);
	scanner.stopped = true;
	pthread_cond_signal(&scanner.wake);
	pthread_mutex_unlock(&scanner.lock);
	pthread_mutex_lock(&scanner.running);
	ap_scan_remove_all();
	pthread_mutex_unlock(&scanner.running);
}

int ap_scan_start(void)
{
	int err;

	/* What changes while the first scan runs is another's. */
	hw_set_announce(announced);
	pthread_mutex_lock(&scanner.running);
	scan();
	pthread_mutex_unlock(&scanner.running);
	err = start_thread();
	if (!err)
		return 0;

	pr_err("ap: no thread for scans: %s", strerror(-err));
	hw_set_announce(NULL);
	end_scans();
	return err;
}

void ap_scan_stop(void)
{
	hw_set_announce(NULL);
	end_scans();
	pthread_join(scanner.thread, NULL);
}
