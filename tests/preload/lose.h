/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a program does to the library's descriptors that calls the kernel without the C library.
 */
#ifndef TESTS_PRELOAD_LOSE_H
#define TESTS_PRELOAD_LOSE_H

#include <stdbool.h>

struct client;

/**
 * lose - close some of them
 * @what: "all", "service" (what its thread waits with), "sockets" (@client's)
 * @how:  "gone"; "kept" (under other numbers); "taken" (the numbers are sockets, with something to
 *        read); "epoll" (they are one, with an event)
 */
void lose(const char *what, const char *how, const struct client *client);

/**
 * lose_end - close what lose() has left
 * Return: is all of it as it was left?
 */
bool lose_end(void);

#endif
