/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <umdev/log.h>
#include <umdev/module.h>
#include <umdev/uevent.h>

#include "umdevd/autoload.h"

static const char *event_alias(const struct uevent *ev)
{
	char *const *var;

	for (var = ev->envp; *var; var++)
		/* What a device tree says must not become the path of a file. */
		if (strncmp(*var, "MODALIAS=", 9) == 0 && (*var)[9] && !strchr(*var, '/'))
			return *var + 9;
	return NULL;
}

/* A listener must not load anything itself: that sends events. */
static void autoload_event(struct uevent_listener *listener, const struct uevent *ev)
{
	const char *alias = strcmp(ev->action, "add") == 0 ? event_alias(ev) : NULL;

	if (alias && request_module_nowait(alias))
		pr_warn("no module is loaded for %s", ev->devpath);
}

static struct uevent_listener listener = { .event = autoload_event };

void autoload_start(void)
{
	uevent_listener_register(&listener);
}

void autoload_stop(void)
{
	uevent_listener_unregister(&listener);
}
