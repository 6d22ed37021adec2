/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Says what it depends on more than once, and not always with commas in between. */
#include "hook.h"

static int repeats_init(void)
{
	return hook("init");
}

static void repeats_exit(void)
{
	hook("exit");
}

module_init(repeats_init);
module_exit(repeats_exit);
MODULE_LICENSE("LGPL");
MODULE_DEPENDS("bottom bottom bottom bottom bottom bottom bottom bottom,,bottom middle");
