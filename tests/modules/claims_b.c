/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Claims a part of what claims_a claims. */
#include "hook.h"

static int claims_b_init(void)
{
	return hook("init");
}

static void claims_b_exit(void)
{
	hook("exit");
}

module_init(claims_b_init);
module_exit(claims_b_exit);
MODULE_LICENSE("LGPL");
MODULE_ALIAS("test:v[1-2]d*-x");
