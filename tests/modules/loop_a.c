/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Needs loop_b, which needs this one. */
#include "hook.h"

static int loop_a_init(void)
{
	return hook("init");
}

static void loop_a_exit(void)
{
	hook("exit");
}

module_init(loop_a_init);
module_exit(loop_a_exit);
MODULE_LICENSE("LGPL");
MODULE_DEPENDS("loop_b");
