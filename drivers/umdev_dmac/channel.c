/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stddef.h>
#include <time.h>
#include "channel.h"

/* A reset waits for the piece that is being copied; our memory is always there. */
#define RESET_LOOKS	 10000
#define RESET_PAUSE_NSEC 100000

/**
 * struct channel_request - what a thread waits for
 * @len:    of the copy
 * @done:   the rest is valid
 * @status: dmac_desc.status, or 0 when the engine had to be reset
 */
struct channel_request {
	uint32_t len;
	bool done;
	uint32_t status;
};

static uint32_t get(struct channel *channel, uint64_t reg)
{
	return platform_readl(channel->pdev, DMAC_REGION_REGISTERS, reg);
}

static void set(struct channel *channel, uint64_t reg, uint32_t value)
{
	platform_writel(channel->pdev, DMAC_REGION_REGISTERS, reg, value);
}

/* ---- up and down ---- */

static int reset(struct channel *channel)
{
	const struct timespec pause = { .tv_nsec = RESET_PAUSE_NSEC };

	set(channel, DMAC_CONTROL, DMAC_CONTROL_RESET);
	for (unsigned int i = 0; i < RESET_LOOKS; i++) {
		if (!(get(channel, DMAC_CONTROL) & DMAC_CONTROL_RESET))
			return 0;
		nanosleep(&pause, NULL);
	}
	return -EIO;
}

static int bring_up(struct channel *channel)
{
	int err = reset(channel);

	if (err)
		return err;
	channel->oldest = 0;
	channel->tail = 0;
	set(channel, DMAC_RING_BASE, 0);
	set(channel, DMAC_RING_SIZE, CHANNEL_RING);
	set(channel, DMAC_IRQ_ENABLE, DMAC_IRQ_DONE | DMAC_IRQ_ERROR);
	set(channel, DMAC_CONTROL, DMAC_CONTROL_ENABLE);
	return get(channel, DMAC_CONTROL) == DMAC_CONTROL_ENABLE ? 0 : -EIO;
}

/* ---- requests; under the lock ---- */

static uint64_t place(uint32_t index, size_t member)
{
	return (uint64_t)index * sizeof(struct dmac_desc) + member;
}

static uint32_t after(uint32_t index)
{
	return (index + 1) % CHANNEL_RING;
}

static void finish(struct channel *channel, uint32_t status)
{
	struct channel_request *request = channel->requests[channel->oldest];

	channel->requests[channel->oldest] = NULL;
	channel->oldest = after(channel->oldest);
	if (status == DMAC_DESC_FINISHED) {
		channel->memcpy_count++;
		channel->bytes += request->len;
	}
	request->status = status;
	request->done = true;
	pthread_cond_broadcast(&channel->changed);
}

static void finish_completed(struct channel *channel)
{
	while (channel->oldest != channel->tail) {
		uint32_t status =
			platform_readl(channel->pdev, DMAC_REGION_MEMORY,
				       place(channel->oldest, offsetof(struct dmac_desc, status)));

		if (!(status & DMAC_DESC_FINISHED))
			break;
		finish(channel, status);
	}
}

static void submit(struct channel *channel, uint64_t dst, uint64_t src,
		   struct channel_request *request)
{
	struct platform_device *pdev = channel->pdev;
	uint32_t index = channel->tail;

	platform_write(pdev, DMAC_REGION_MEMORY, place(index, offsetof(struct dmac_desc, src)), src,
		       8);
	platform_write(pdev, DMAC_REGION_MEMORY, place(index, offsetof(struct dmac_desc, dst)), dst,
		       8);
	platform_writel(pdev, DMAC_REGION_MEMORY, place(index, offsetof(struct dmac_desc, length)),
			request->len);
	platform_writel(pdev, DMAC_REGION_MEMORY, place(index, offsetof(struct dmac_desc, flags)),
			DMAC_DESC_IRQ);
	platform_writel(pdev, DMAC_REGION_MEMORY, place(index, offsetof(struct dmac_desc, status)),
			0);
	channel->requests[index] = request;
	channel->tail = after(index);
	set(channel, DMAC_TAIL, channel->tail);
}

int channel_memcpy(struct channel *channel, uint64_t dst, uint64_t src, uint32_t len)
{
	struct channel_request request = { .len = len };

	pthread_mutex_lock(&channel->lock);
	while (!channel->dead && after(channel->tail) == channel->oldest)
		pthread_cond_wait(&channel->changed, &channel->lock);
	if (!channel->dead) {
		submit(channel, dst, src, &request);
		while (!request.done)
			pthread_cond_wait(&channel->changed, &channel->lock);
	}
	pthread_mutex_unlock(&channel->lock);
	return request.status == DMAC_DESC_FINISHED ? 0 : -EIO;
}

/* ---- interrupts ---- */

/* Acknowledged before looking: what is completed after the look raises it again. */
static void handle_done(void *data, unsigned int irq)
{
	struct channel *channel = data;

	set(channel, DMAC_IRQ_ACK, DMAC_IRQ_DONE);
	pthread_mutex_lock(&channel->lock);
	finish_completed(channel);
	pthread_mutex_unlock(&channel->lock);
}

/* The engine has stopped. What it has not got to fails with what it did not like. */
static void handle_error(void *data, unsigned int irq)
{
	struct channel *channel = data;

	pthread_mutex_lock(&channel->lock);
	if (get(channel, DMAC_STATUS) & DMAC_STATUS_ERROR) {
		dev_err(&channel->pdev->dev, "error %u at descriptor %u",
			get(channel, DMAC_ERROR_CODE), get(channel, DMAC_ERROR_INDEX));
		finish_completed(channel);
		while (channel->oldest != channel->tail)
			finish(channel, 0);
		channel->dead = bring_up(channel) != 0;
		if (channel->dead)
			dev_err(&channel->pdev->dev, "it can't be reset");
		pthread_cond_broadcast(&channel->changed);
	}
	pthread_mutex_unlock(&channel->lock);
}

int channel_start(struct channel *channel, struct platform_device *pdev)
{
	int err;

	channel->pdev = pdev;
	if (get(channel, DMAC_ID) != DMAC_ID_VALUE ||
	    get(channel, DMAC_VERSION) >> 16 != DMAC_VERSION_VALUE >> 16)
		return -ENODEV;
	pthread_mutex_init(&channel->lock, NULL);
	pthread_cond_init(&channel->changed, NULL);
	err = platform_request_threaded_irq(pdev, DMAC_IRQ_LINE_DONE, handle_done, channel);
	if (err)
		goto destroy;
	err = platform_request_threaded_irq(pdev, DMAC_IRQ_LINE_ERROR, handle_error, channel);
	if (err)
		goto free_done;
	pthread_mutex_lock(&channel->lock);
	err = bring_up(channel);
	pthread_mutex_unlock(&channel->lock);
	if (err)
		goto free_error;
	return 0;

free_error:
	platform_free_irq(pdev, DMAC_IRQ_LINE_ERROR);
free_done:
	platform_free_irq(pdev, DMAC_IRQ_LINE_DONE);
destroy:
	pthread_cond_destroy(&channel->changed);
	pthread_mutex_destroy(&channel->lock);
	return err;
}

void channel_stop(struct channel *channel)
{
	platform_free_irq(channel->pdev, DMAC_IRQ_LINE_ERROR);
	platform_free_irq(channel->pdev, DMAC_IRQ_LINE_DONE);
	if (reset(channel))
		dev_err(&channel->pdev->dev, "it can't be reset");
	pthread_cond_destroy(&channel->changed);
	pthread_mutex_destroy(&channel->lock);
}
