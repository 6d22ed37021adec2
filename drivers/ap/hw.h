/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine: adapters with their domains, what they do, and how somebody at the machine's console
 * changes them. The instructions (umdev/ap.h) are the only way to it; it knows no bus.
 */
#ifndef UMDEV_AP_HW_H
#define UMDEV_AP_HW_H

#include <stdbool.h>

/**
 * hw_init - build the machine that the module's parameters describe, and /sys/firmware/ap
 * Return: 0, -EINVAL (a parameter; module_init_error() has said which value, where, and what was
 * expected), -ENOMEM. After an error nothing is left.
 */
int hw_init(void);
/** hw_exit - the reverse; nobody has interrupts enabled any more, instructions are over. */
void hw_exit(void);

/**
 * hw_configure - have the machine configure an adapter, or deconfigure it; the console's "config"
 *
 * What writes to a card's attribute config do, as the service element does it (SCLP).
 * Context: no locks of the machine's. Return: 0 (also if it is so already), -EIO (no such adapter).
 */
int hw_configure(unsigned int id, bool on);

/**
 * hw_set_announce - who is told that the configuration (QCI) has changed
 * @fn: called on a thread that changes the machine, without locks; must not wait for a scan. NULL:
 *      nobody; when this returns, the one before is not running any more
 */
void hw_set_announce(void (*fn)(void));

#endif
