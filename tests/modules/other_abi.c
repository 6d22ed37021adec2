/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiled for another version of umdev. */
#include "hook.h"

#undef UMDEV_MODULE_ABI
#define UMDEV_MODULE_ABI "other"

static int other_abi_init(void)
{
	return hook("init");
}

module_init(other_abi_init);
