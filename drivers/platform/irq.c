/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interrupt lines: from the hardware, which sets their levels, to who listens or handles.
 *
 * Each line has a lock of its own, under which its level changes and listeners are called, so that
 * they hear of all changes in their order. A thread that handles interrupts is a listener that
 * counts edges, or looks at the level.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/thread.h>

#include "private.h"

/**
 * struct irq_thread - handles the interrupts of one line
 * @edges:  not handled yet; under the line's lock, as @ends
 * @wakeup: one of them has changed, or the level
 */
struct irq_thread {
	pthread_t thread;
	pthread_cond_t wakeup;
	struct platform_irq_line *line;
	unsigned int irq;
	bool by_edges;
	unsigned long edges;
	bool ends;
	void (*handler)(void *data, unsigned int irq);
	void *data;
};

static struct platform_irq_line *find_line(struct platform_device *pdev, unsigned int irq)
{
	return irq < pdev->num_irqs ? &pdev->p->lines[irq] : NULL;
}

void platform_hw_set_irq(struct platform_hw *hw, unsigned int irq, bool level)
{
	struct platform_irq_line *line = find_line(hw->pdev, irq);

	if (!line)
		return;
	pthread_mutex_lock(&line->lock);
	if (line->level != level) {
		line->level = level;
		if (line->fn)
			line->fn(line->data, irq, level);
	}
	pthread_mutex_unlock(&line->lock);
}

int platform_listen_irq(struct platform_device *pdev, unsigned int irq,
			void (*fn)(void *data, unsigned int irq, bool level), void *data)
{
	struct platform_irq_line *line = find_line(pdev, irq);
	int err = 0;

	if (!line || !fn)
		return -EINVAL;
	pthread_mutex_lock(&line->lock);
	if (line->fn) {
		err = -EBUSY;
	} else {
		line->fn = fn;
		line->data = data;
		if (line->level)
			fn(data, irq, true);
	}
	pthread_mutex_unlock(&line->lock);
	return err;
}

/* ---- handled by a thread ---- */

static bool is_pending(const struct irq_thread *t)
{
	return t->by_edges ? t->edges > 0 : t->line->level;
}

static void *handle_interrupts(void *arg)
{
	struct irq_thread *t = arg;

	pthread_mutex_lock(&t->line->lock);
	while (!t->ends) {
		if (!is_pending(t)) {
			pthread_cond_wait(&t->wakeup, &t->line->lock);
			continue;
		}
		if (t->by_edges)
			t->edges--;
		pthread_mutex_unlock(&t->line->lock);
		t->handler(t->data, t->irq);
		pthread_mutex_lock(&t->line->lock);
	}
	pthread_mutex_unlock(&t->line->lock);
	return NULL;
}

/* A listener, under the line's lock. */
static void wake_thread(void *data, unsigned int irq, bool level)
{
	struct irq_thread *t = data;

	if (!level)
		return;
	t->edges++;
	pthread_cond_signal(&t->wakeup);
}

int platform_request_threaded_irq(struct platform_device *pdev, unsigned int irq,
				  void (*handler)(void *data, unsigned int irq), void *data)
{
	struct platform_irq_line *line = find_line(pdev, irq);
	struct irq_thread *t;
	int err;

	if (!line || !handler)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	pthread_cond_init(&t->wakeup, NULL);
	t->line = line;
	t->irq = irq;
	t->by_edges = pdev->irqs[irq].type &
		      (PLATFORM_IRQ_TYPE_EDGE_RISING | PLATFORM_IRQ_TYPE_EDGE_FALLING);
	t->handler = handler;
	t->data = data;
	pthread_mutex_lock(&line->lock);
	if (line->fn)
		err = -EBUSY;
	else
		err = umdev_thread_start(&t->thread, NULL, handle_interrupts, t);
	if (!err) {
		line->fn = wake_thread;
		line->data = t;
		line->thread = t;
	}
	pthread_mutex_unlock(&line->lock);
	if (err) {
		pthread_cond_destroy(&t->wakeup);
		free(t);
	}
	return err;
}

void platform_free_irq(struct platform_device *pdev, unsigned int irq)
{
	struct platform_irq_line *line = find_line(pdev, irq);
	struct irq_thread *t;

	if (!line)
		return;
	pthread_mutex_lock(&line->lock);
	t = line->thread;
	line->thread = NULL;
	line->fn = NULL;
	line->data = NULL;
	if (t) {
		t->ends = true;
		pthread_cond_signal(&t->wakeup);
	}
	pthread_mutex_unlock(&line->lock);
	if (!t)
		return;
	pthread_join(t->thread, NULL);
	pthread_cond_destroy(&t->wakeup);
	free(t);
}

/* ---- the bus's ---- */

void platform_irq_cleanup(struct platform_device *pdev)
{
	unsigned int i;
	bool taken;

	for (i = 0; i < pdev->num_irqs; i++) {
		pthread_mutex_lock(&pdev->p->lines[i].lock);
		taken = pdev->p->lines[i].fn;
		pthread_mutex_unlock(&pdev->p->lines[i].lock);
		if (!taken)
			continue;
		dev_warn(&pdev->dev, "the driver has not freed interrupt %u", i);
		platform_free_irq(pdev, i);
	}
}

void platform_irq_lower(struct platform_device *pdev)
{
	unsigned int i;

	for (i = 0; i < pdev->num_irqs; i++) {
		pthread_mutex_lock(&pdev->p->lines[i].lock);
		pdev->p->lines[i].level = false;
		pthread_mutex_unlock(&pdev->p->lines[i].lock);
	}
}

int platform_irq_init(struct platform_device_private *p)
{
	unsigned int i;

	p->lines = calloc(p->pdev.num_irqs + 1, sizeof(*p->lines));
	if (!p->lines)
		return -ENOMEM;
	for (i = 0; i < p->pdev.num_irqs; i++)
		pthread_mutex_init(&p->lines[i].lock, NULL);
	return 0;
}

void platform_irq_finish(struct platform_device_private *p)
{
	unsigned int i;

	for (i = 0; p->lines && i < p->pdev.num_irqs; i++)
		pthread_mutex_destroy(&p->lines[i].lock);
	free(p->lines);
}
