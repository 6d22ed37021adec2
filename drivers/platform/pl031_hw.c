/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "../common/loop.h"
#include "apb.h"
#include "pl031.h"
#include "pl031_hw.h"

#define NSEC_PER_SEC UINT64_C(1000000000)
/* Up to the last register but the ids: what a driver that never looks at those needs. */
#define REGION_MIN (PL031_ICR + 4)

/**
 * struct pl031_hw - the clock behind one device
 * @rtc:   the chip; under @lock
 * @hw:    the bus's
 * @watch: of @timer
 * @timer: a timerfd, set to when the chip wants to be looked at; set under @lock
 * @due:   what it is set to, UINT64_MAX: not at all; under @lock
 * @now:   the time of the access that runs; under @lock
 */
struct pl031_hw {
	struct pl031 rtc;
	struct platform_hw *hw;
	struct watch watch;
	int timer;
	uint64_t due;
	uint64_t now;
	pthread_mutex_t lock;
};

/* It never goes back, and goes on while the host sleeps. */
static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

/* ---- the alarm ---- */

/* After anything that may have changed it. Under the lock. */
static void update(struct pl031_hw *pl031)
{
	uint64_t due = pl031_next(&pl031->rtc, pl031->now);
	struct itimerspec when = { 0 };

	platform_hw_set_irq(pl031->hw, 0, pl031_irq(&pl031->rtc));
	if (due == pl031->due)
		return;
	pl031->due = due;
	if (due != UINT64_MAX) {
		when.it_value.tv_sec = (time_t)(due / NSEC_PER_SEC);
		when.it_value.tv_nsec = (long)(due % NSEC_PER_SEC);
	}
	/* Can't fail: it is a timer, and the time is well-formed. */
	timerfd_settime(pl031->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void timer_ready(struct watch *watch)
{
	struct pl031_hw *pl031 = container_of(watch, struct pl031_hw, watch);
	uint64_t expirations;

	pthread_mutex_lock(&pl031->lock);
	/* Only so that it can become ready again; how often it was makes no difference. */
	if (read(pl031->timer, &expirations, sizeof(expirations)) > 0)
		pl031->due = UINT64_MAX;
	pl031->now = now_ns();
	pl031_tick(&pl031->rtc, pl031->now);
	update(pl031);
	pthread_mutex_unlock(&pl031->lock);
}

/* ---- registers ---- */

static uint32_t read_word(void *data, uint64_t offset)
{
	struct pl031_hw *pl031 = data;

	return offset < PL031_SIZE ? pl031_read(&pl031->rtc, pl031->now, offset) : 0;
}

static void write_word(void *data, uint64_t offset, uint32_t value)
{
	struct pl031_hw *pl031 = data;

	if (offset < PL031_SIZE)
		pl031_write(&pl031->rtc, pl031->now, offset, value);
}

static uint64_t pl031_hw_read(struct platform_hw *hw, unsigned int region, uint64_t offset,
			      unsigned int size)
{
	struct pl031_hw *pl031 = hw->data;
	uint64_t value;

	if (region)
		return 0;
	pthread_mutex_lock(&pl031->lock);
	pl031->now = now_ns();
	value = apb_read(pl031, read_word, offset, size);
	update(pl031);
	pthread_mutex_unlock(&pl031->lock);
	return value;
}

static void pl031_hw_write(struct platform_hw *hw, unsigned int region, uint64_t offset,
			   uint64_t value, unsigned int size)
{
	struct pl031_hw *pl031 = hw->data;

	if (region)
		return;
	pthread_mutex_lock(&pl031->lock);
	pl031->now = now_ns();
	apb_write(pl031, write_word, offset, value, size);
	update(pl031);
	pthread_mutex_unlock(&pl031->lock);
}

/* ---- from power-on to the end ---- */

static int check_device(const struct platform_device *pdev)
{
	if (!pdev->num_regions || pdev->regions[0].size < REGION_MIN) {
		dev_err(&pdev->dev, "a PL031 has registers of %#x bytes at least", REGION_MIN);
		return -EINVAL;
	}
	if (!pdev->num_irqs) {
		dev_err(&pdev->dev, "a PL031 has an interrupt");
		return -EINVAL;
	}
	return 0;
}

/* As its battery has kept it: its seconds begin when the host's do. */
static void power_on(struct pl031_hw *pl031)
{
	struct timespec host;
	uint64_t begun;

	clock_gettime(CLOCK_REALTIME, &host);
	pl031->now = now_ns();
	begun = pl031->now - (uint64_t)host.tv_nsec;
	pl031_reset(&pl031->rtc);
	pl031_write(&pl031->rtc, begun, PL031_LR, (uint32_t)host.tv_sec);
	pl031_write(&pl031->rtc, begun, PL031_CR, PL031_CR_START);
}

static int pl031_create(struct platform_hw *hw)
{
	struct pl031_hw *pl031;
	int err = check_device(hw->pdev);

	if (err)
		return err;
	pl031 = calloc(1, sizeof(*pl031));
	if (!pl031)
		return -ENOMEM;
	pl031->hw = hw;
	pl031->due = UINT64_MAX;
	pl031->watch.ready = timer_ready;
	pthread_mutex_init(&pl031->lock, NULL);
	pl031->timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (pl031->timer < 0) {
		err = -errno;
		goto free;
	}
	power_on(pl031);
	hw->data = pl031;
	err = loop_add(&pl031->watch, pl031->timer);
	if (err)
		goto close;
	return 0;

close:
	hw->data = NULL;
	close(pl031->timer);
free:
	pthread_mutex_destroy(&pl031->lock);
	free(pl031);
	return err;
}

static void pl031_destroy(struct platform_hw *hw)
{
	struct pl031_hw *pl031 = hw->data;

	loop_remove(pl031->timer);
	close(pl031->timer);
	pthread_mutex_destroy(&pl031->lock);
	free(pl031);
}

static const char *const compatible[] = { "arm,pl031", NULL };

const struct platform_hw_ops pl031_hw_ops = {
	.name = "pl031",
	.owner = THIS_MODULE,
	.compatible = compatible,
	.create = pl031_create,
	.destroy = pl031_destroy,
	.read = pl031_hw_read,
	.write = pl031_hw_write,
};
