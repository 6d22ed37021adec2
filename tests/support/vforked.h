/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A child that has its parent's memory and its own descriptors.
 */
#ifndef TESTS_SUPPORT_VFORKED_H
#define TESTS_SUPPORT_VFORKED_H

/**
 * vforked - do @work in a child as vfork() makes them
 *
 * This thread waits meanwhile. It is not vfork() because ThreadSanitizer makes a fork() of that.
 * Return: what @work returned, the child's exit status; -1: there was no child, or it crashed.
 */
int vforked(int (*work)(void *data), void *data);

#endif
