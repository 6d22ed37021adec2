/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A shared object that is no module. */
#include <umdev/util.h>

UMDEV_API int nothing(void);
int nothing(void)
{
	return 0;
}
