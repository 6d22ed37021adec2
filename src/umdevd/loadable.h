/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What "modprobe" in a view has to know: the modules that this daemon has or finds.
 */
#ifndef UMDEVD_LOADABLE_H
#define UMDEVD_LOADABLE_H

#include <json-c/json.h>

/**
 * loadable_modules - by what names which modules can be loaded
 *
 * Pairs of texts: [["mtty", "mtty"], ["some:alias*", "mtty"], ...]. First the modules that are
 * there already or built in, then those of the module path, in its order; no pair comes twice. What
 * does not fit into a message of the control socket is left out, with a line in the log.
 *
 * Return: an array, to json_object_put(); NULL without memory.
 */
struct json_object *loadable_modules(void);

#endif
