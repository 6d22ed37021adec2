/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The highest of a chain: comes up only if it can call down to the lowest. */
#include <errno.h>

#include "hook.h"

extern int middle_answer(void);

static int top_init(void)
{
	return middle_answer() == 43 ? hook("init") : -EPROTO;
}

static void top_exit(void)
{
	hook("exit");
}

module_init(top_init);
module_exit(top_exit);
MODULE_LICENSE("LGPL");
MODULE_DEPENDS("bottom,middle");
