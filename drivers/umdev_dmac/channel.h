/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one channel of a DMA engine (umdev/dmac.h): requests of several threads, put into its ring
 * and waited for.
 */
#ifndef UMDEV_DMAC_CHANNEL_H
#define UMDEV_DMAC_CHANNEL_H

#include <pthread.h>
#include <umdev/dmac.h>
#include <umdev/platform.h>

/* How many descriptors the ring has; the smallest descriptor memory has room for twice as many. */
#define CHANNEL_RING 64u

struct channel_request;

/**
 * struct channel - a channel, from channel_start() to channel_stop()
 * @pdev:     its device
 * @lock:     guards what follows; not taken by the hardware
 * @changed:  a request is finished
 * @requests: whose the descriptor is, or NULL; those from @oldest to @tail wait
 * @dead:     the engine could not be brought up again; all requests fail
 * @memcpy_count, @bytes: completed since it was started
 */
struct channel {
	struct platform_device *pdev;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct channel_request *requests[CHANNEL_RING];
	uint32_t oldest;
	uint32_t tail;
	bool dead;
	unsigned long memcpy_count;
	unsigned long bytes;
};

/**
 * channel_start - bring the engine up
 * @channel: zeroed, the caller's
 * Return: 0, -ENODEV (it is none, or of an unknown version), -EIO (it does not reset or start), or
 * what requesting its interrupts says.
 */
int channel_start(struct channel *channel, struct platform_device *pdev);
/** channel_stop - bring it down; nobody waits in channel_memcpy() any more. */
void channel_stop(struct channel *channel);

/**
 * channel_memcpy - have the engine copy, and wait until it has
 * @dst, @src: as the device sees them
 * @len:       1 to DMAC_MAX_LENGTH_VALUE
 * Context: any number of threads. Return: 0, -EIO.
 */
int channel_memcpy(struct channel *channel, uint64_t dst, uint64_t src, uint32_t len);

#endif
