/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stands on bottom and is stood upon by top. */
#include "hook.h"

extern int bottom_answer(void);
UMDEV_API int middle_answer(void);
int middle_answer(void)
{
	return bottom_answer() + 1;
}

static int middle_init(void)
{
	return hook("init");
}

static void middle_exit(void)
{
	hook("exit");
}

module_init(middle_init);
module_exit(middle_exit);
MODULE_LICENSE("LGPL");
MODULE_DEPENDS("bottom");
