/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Needs loop_a, which needs this one. */
#include "hook.h"

static int loop_b_init(void)
{
	return hook("init");
}

static void loop_b_exit(void)
{
	hook("exit");
}

module_init(loop_b_init);
module_exit(loop_b_exit);
MODULE_LICENSE("LGPL");
MODULE_DEPENDS("loop_a");
