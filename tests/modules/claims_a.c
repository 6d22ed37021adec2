/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Claims what claims_b claims, too, and more. */
#include "hook.h"

static int claims_a_init(void)
{
	return hook("init");
}

static void claims_a_exit(void)
{
	hook("exit");
}

module_init(claims_a_init);
module_exit(claims_a_exit);
MODULE_LICENSE("LGPL");
MODULE_ALIAS("test:v[0-9]d*");
MODULE_ALIAS("only-a");
