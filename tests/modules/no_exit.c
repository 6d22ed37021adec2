/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Can't be unloaded. */
#include "hook.h"

static int no_exit_init(void)
{
	return hook("init");
}

module_init(no_exit_init);
MODULE_LICENSE("LGPL");
