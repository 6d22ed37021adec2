/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Publications: several changes of the tree that the outside sees as one.
 *
 * What the calling thread adds to sysfs between publish_begin() and publish_commit() cannot be seen
 * from outside (no lookup, no listing, no link leads there), and the events that it causes wait.
 * The commit shows all of it at one moment and then sends the events in their order.
 * publish_abort() forgets the events: whoever began has taken everything down again, and nobody
 * ever knew.
 *
 * This is how rule "created before visible" is kept: device_add() uses it for a device with all its
 * attributes and links, the mdev core for a device with its driver bound.
 */
#ifndef UMDEV_PUBLISH_H
#define UMDEV_PUBLISH_H

#include <umdev/util.h>

/**
 * publish_begin - hide what this thread adds from now on
 *
 * Nests: an inner publication becomes part of the outer one, and only the outermost commit shows
 * things. An inner abort forgets only the events since its own begin. Cannot fail.
 */
UMDEV_API void publish_begin(void);

/** publish_commit - show what was hidden and send the events that waited. Cannot fail. */
UMDEV_API void publish_commit(void);

/**
 * publish_abort - forget the events that waited
 *
 * Call it after everything that was added since publish_begin() has been removed again. What was
 * not removed is shown with the outer publication, or at once if there is none.
 */
UMDEV_API void publish_abort(void);

#endif
