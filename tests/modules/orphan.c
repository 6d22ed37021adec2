/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Needs a module that does not exist. */
#include "hook.h"

static int orphan_init(void)
{
	return hook("init");
}

static void orphan_exit(void)
{
	hook("exit");
}

module_init(orphan_init);
module_exit(orphan_exit);
MODULE_LICENSE("LGPL");
MODULE_DEPENDS("nowhere");
