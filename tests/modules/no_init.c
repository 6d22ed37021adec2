/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Says what it is, but has no module_init(). */
#include <umdev/module.h>

MODULE_LICENSE("LGPL");
