/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Views of the machine with our devices in it: what "umdev exec" runs commands in.
 *
 * A view is a mount namespace with what belongs to it, and as long as somebody has a descriptor of
 * it, it is there. The daemon has one, so a view lives as long as the daemon does. It never enters
 * one: the first command that wants a view builds it and hands all descriptors over, the daemon
 * serves what is mounted there, and whoever comes later gets the namespaces to enter.
 */
#ifndef UMDEVD_VIEW_H
#define UMDEVD_VIEW_H

#include <json-c/json.h>
#include <umdev/sysfs.h>

struct views;

/**
 * views_create - no view yet
 * @runtime_dir:  told to those who enter; must live as long as the views
 * @host_uevents: where the events of the view with the host's network go; NULL: nowhere
 * @out:          taken down with views_destroy()
 *
 * Return: 0, -ENOMEM.
 */
int views_create(const char *runtime_dir, struct sysfs_netlink *host_uevents, struct views **out);

/**
 * views_destroy - let go of all views. NULL does nothing
 *
 * What is mounted in them answers ENOTCONN from now on, and nobody hears events there.
 *
 * Context: when no view_run() runs any more.
 */
void views_destroy(struct views *views);

/**
 * view_run - the command "view"
 * @fd:      the connection
 * @request: "net": "own" or "host"
 *
 * If the view is there, the answer brings its namespaces. If not, the answer has "build": true, and
 * this connection shall build it, while others who want the same one wait:
 *
 * - it sends "descriptors", and is answered when what is mounted is being served;
 * - it sends "ready": true, and is answered when the view can be entered by all.
 *
 * If it fails, hangs up before, or says nothing for too long, there is no view and the next one
 * builds.
 *
 * Return: 0 when the next request may come, else the connection is at its end.
 */
int view_run(struct views *views, int fd, struct json_object *request);

#endif
