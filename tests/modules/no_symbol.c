/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls what nobody has. */
#include "hook.h"

extern int umdev_test_function_that_nobody_has(void);

static int no_symbol_init(void)
{
	return umdev_test_function_that_nobody_has();
}

module_init(no_symbol_init);
