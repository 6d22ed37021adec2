/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A parameter of each type, one without a file, and an init() that fails when told. */
#include "hook.h"

static int number = -1;
module_param(number, int, 0644);
MODULE_PARM_DESC(number, "a number");

static unsigned int count = 1;
module_param(count, uint, 0444);

static bool flag;
module_param(flag, bool, 0644);

static char *text;
module_param(text, charp, 0644);

static char *with_dash = (char *)"initial";
module_param_named(with_dash, with_dash, charp, 0444);

static int hidden;
module_param(hidden, int, 0);

static int fail;
module_param(fail, int, 0444);

static int params_init(void)
{
	return fail ? -fail : hook("init");
}

static void params_exit(void)
{
	hook("exit");
}

module_init(params_init);
module_exit(params_exit);
MODULE_LICENSE("LGPL");
MODULE_DESCRIPTION("parameters for tests");
