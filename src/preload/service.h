/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library's own thread: it waits for descriptors and calls who asked for it. One per process,
 * started when it is first needed, with all signals blocked.
 *
 * It is not inherited: a child of fork() begins without the thread and without anything watched,
 * and gets its own as soon as it needs one. A program that closes what the thread waits with, by
 * system calls that nobody here sees, is as badly off, and gets another one in the same way; locks
 * that the old one held are then those of a thread that has ended.
 */
#ifndef UMDEV_PRELOAD_SERVICE_H
#define UMDEV_PRELOAD_SERVICE_H

#include <stdint.h>

/**
 * service_watch - have @fn called by the thread whenever something has come on @fd
 * @fd:     hidden; stays the caller's, and open until service_unwatch(). One may be watched once
 * @events: EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLET; EPOLLHUP and EPOLLERR always count
 * @fn:     gets what has come of these. Must not block for long, all devices of the program share
 *          the thread; may watch, unwatch and call client_shutdown(), not client_call(). It is
 *          called again as long as there is something: take it, or unwatch (a peer that has hung up
 *          stays that)
 * @data:   for @fn
 *
 * Context: no lock that a function of the thread's takes. Return: 0, -ENOMEM, -EMFILE, -EAGAIN (no
 * thread), -EEXIST (it is watched), -EBADF (it is not the library's any more).
 */
int service_watch(int fd, uint32_t events, void (*fn)(void *data, uint32_t events), void *data);

/** service_rewatch - other events from now on. Only from the thread itself. Return: 0, -ENOENT. */
int service_rewatch(int fd, uint32_t events);

/**
 * service_unwatch - the reverse: when it returns, @fn does not run and will not
 *
 * @fd that nobody watches in this process: nothing. Context: as above. A function of the thread's
 * may unwatch any, its own too.
 */
void service_unwatch(int fd);

/**
 * service_run - have @fn called once by the thread, and wait for it
 * Context: as above. Return: 0, -ENOMEM, -EMFILE, -EAGAIN.
 */
int service_run(void (*fn)(void *data), void *data);

/**
 * service_instance - which thread serves this process: a number that no other one of this process
 * or its parents has had, 0 while there is none
 */
uint64_t service_instance(void);

#endif
