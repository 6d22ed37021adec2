/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Publications as the model itself needs them: to know when one is over, and to show something
 * early.
 */
#ifndef UMDEV_MODEL_PUBLISH_WORK_H
#define UMDEV_MODEL_PUBLISH_WORK_H

#include <umdev/publish.h>

/**
 * struct publish_work - somebody who wants to know when a publication is over
 * @fn:    see publish_on_end()
 * @level: the publication's depth; the publishing thread's
 * @list:  the publishing thread's
 */
struct publish_work {
	void (*fn)(struct publish_work *work, bool shown);
	unsigned int level;
	struct list_head list;
};

/**
 * publish_on_end - have @work->fn called when the calling thread's publication is over
 * @work: embedded in what it is about; in use until its call
 *
 * @shown is true after the outermost commit, when all is shown and its events are sent; false when
 * a publish_abort() has ended the publication, inner or outermost, in which this was called.
 * Without an open publication the call comes at once, with true.
 *
 * Context: the call comes in this thread, in the order of registration; it may sleep and publish.
 */
void publish_on_end(struct publish_work *work);

/**
 * publish_suspend - show at once what this thread adds until publish_resume()
 *
 * For what is not part of the thing that is published: directories that others will share. Does not
 * nest. Below a directory that is hidden nothing can be seen, suspended or not.
 */
void publish_suspend(void);
/** publish_resume - the reverse. */
void publish_resume(void);

#endif
