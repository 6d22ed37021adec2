/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <umdev/thread.h>

#include "hw_machine.h"

#define IDLE_SECONDS 1 /* until a thread without work ends: it costs more than a request */

int hw_engine_init(struct hw_engine *engine)
{
	pthread_condattr_t attr;
	int err;

	memset(engine, 0, sizeof(*engine));
	INIT_LIST_HEAD(&engine->ready);
	err = pthread_condattr_init(&attr);
	if (err)
		return -err;
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	err = pthread_cond_init(&engine->wake, &attr);
	pthread_condattr_destroy(&attr);
	return -err;
}

void hw_engine_finish(struct hw_engine *engine)
{
	pthread_cond_destroy(&engine->wake);
	free(engine->request);
	free(engine->reply);
}

/* Locked. Return: is there work? */
static bool wait_for_work(struct hw_engine *engine, pthread_mutex_t *lock)
{
	struct timespec end;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += IDLE_SECONDS;
	while (!engine->stop && list_empty(&engine->ready) && !err)
		err = pthread_cond_timedwait(&engine->wake, lock, &end);
	return !engine->stop && !list_empty(&engine->ready);
}

static void swap(uint8_t **a, uint8_t **b)
{
	uint8_t *t = *a;

	*a = *b;
	*b = t;
}

/*
 * Locked, but not meanwhile: the queue may be reset, and its slots be used for other requests. The
 * card stays, because who takes it away waits for this thread.
 */
static void work(struct hw_card *card, pthread_mutex_t *lock)
{
	struct hw_engine *engine = &card->engine;
	struct hw_queue *q = list_first_entry(&engine->ready, struct hw_queue, ready);
	struct hw_slot *slot = hw_queue_take(q);
	uint64_t generation = q->generation;
	size_t len = slot->len, reply_len;

	list_del_init(&q->ready);
	if (q->waiting.nr)
		list_add_tail(&q->ready, &engine->ready);
	swap(&slot->buf, &engine->request);
	pthread_mutex_unlock(lock);
	reply_len = hw_message(card->fac, engine->request, len, engine->reply, card->max_msg);
	/* This goes to somebody else's slot: with nothing in it, of this request or ones before. */
	explicit_bzero(engine->request, card->max_msg);
	pthread_mutex_lock(lock);
	q->held = false;
	if (q->generation == generation) {
		swap(&slot->buf, &engine->reply);
		slot->len = reply_len;
		hw_queue_reply(q);
	} else {
		explicit_bzero(engine->reply, reply_len);
	}
}

static void *run(void *arg)
{
	struct hw_card *card = arg;
	pthread_mutex_t *lock = &hw_adapters[card->id].lock;

	pthread_mutex_lock(lock);
	while (wait_for_work(&card->engine, lock))
		work(card, lock);
	card->engine.state = HW_THREAD_ENDED;
	pthread_mutex_unlock(lock);
	return NULL;
}

static int get_memory(struct hw_engine *engine, size_t size)
{
	if (!engine->request)
		engine->request = malloc(size);
	if (!engine->reply)
		engine->reply = malloc(size);
	return engine->request && engine->reply ? 0 : -ENOMEM;
}

int hw_engine_start(struct hw_card *card)
{
	struct hw_engine *engine = &card->engine;
	char name[16];
	int err;

	if (engine->state == HW_THREAD_RUNS) {
		pthread_cond_signal(&engine->wake);
		return 0;
	}
	err = get_memory(engine, card->max_msg);
	if (err)
		return err;
	/* A thread that has ended has nothing left to wait for. */
	if (engine->state == HW_THREAD_ENDED)
		pthread_join(engine->thread, NULL);
	engine->state = HW_THREAD_NONE;
	snprintf(name, sizeof(name), "ap-card%02x", card->id & 0xff);
	err = umdev_thread_start(&engine->thread, name, run, card);
	if (!err)
		engine->state = HW_THREAD_RUNS;
	return err;
}

bool hw_engine_stop(struct hw_engine *engine)
{
	engine->stop = true;
	pthread_cond_signal(&engine->wake);
	return engine->state != HW_THREAD_NONE;
}

void hw_engine_join(struct hw_engine *engine)
{
	pthread_join(engine->thread, NULL);
	engine->state = HW_THREAD_NONE;
}
