/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module that only is there. */
#include "hook.h"

static int plain_init(void)
{
	return hook("init");
}

static void plain_exit(void)
{
	hook("exit");
}

module_init(plain_init);
module_exit(plain_exit);
MODULE_LICENSE("LGPL");
MODULE_VERSION("1.2-test");
