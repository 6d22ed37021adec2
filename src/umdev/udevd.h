/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A udevd in a view, for commands that want devices to be handled as on a whole machine.
 *
 * There is one per view. A process of its own, the keeper, starts it and stays: it has a connection
 * to the daemon, through which the daemon knows of the udevd and gets its log. When the daemon ends
 * the connection does, and the keeper ends the udevd; when the udevd ends the keeper does, and the
 * daemon lets the next one who wants a udevd start it.
 */
#ifndef UMDEV_UDEVD_H
#define UMDEV_UDEVD_H

#include "umdev/cli.h"
#include "umdev/udev_rules.h"

/**
 * struct udevd_options - what --udev is about
 * @wanted:  somebody wants one
 * @program: of --udevd; NULL for the machine's own
 * @rules:   of --rules
 */
struct udevd_options {
	bool wanted;
	const char *program;
	struct udev_rules rules;
};

/**
 * udevd_start - see to it that a udevd runs, that it knows the rules, and umdev's devices
 * @runtime_dir: of the daemon
 *
 * Context: in the view, with the environment that commands get there. Forks, but leaves no child.
 * Return: 0 when all events of what is there are handled; EXIT_FAILURE after saying what is wrong.
 */
int udevd_start(const struct cli *cli, const char *runtime_dir, const struct udevd_options *opt);

/**
 * udevadm_control - say something to the udevd of this view, through udevadm
 * @what: an option of "udevadm control"
 *
 * A udevd hears one at a time, and refuses others: then it is tried again for some seconds.
 * Return: 0 when udevd has done it, -errno.
 */
int udevadm_control(const char *udevadm, const char *what);

/**
 * struct keeper_config - what a keeper needs
 * @udevd, @udevadm: programs, absolute paths
 * @tree:    umdev's devices alone
 * @control: connection to the daemon, which expects "ready" and "log"
 * @report:  a line that says what went wrong is written here, or an empty one: all is ready; then
 *           it is closed
 */
struct keeper_config {
	const char *udevd;
	const char *udevadm;
	const char *tree;
	int control;
	int report;
};

/** keeper_run - be a keeper until the end, in a child without threads. Does not return. */
void keeper_run(const struct keeper_config *config) __attribute__((noreturn));

#endif
