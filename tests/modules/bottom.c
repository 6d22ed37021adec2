/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lowest of a chain: offers a function. */
#include "hook.h"

UMDEV_API int bottom_answer(void);
int bottom_answer(void)
{
	return 42;
}

static int bottom_init(void)
{
	return hook("init");
}

static void bottom_exit(void)
{
	hook("exit");
}

module_init(bottom_init);
module_exit(bottom_exit);
MODULE_LICENSE("LGPL");
