/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stddef.h>

#include "model/caller.h"

static __thread struct caller *the_caller;

void caller_set(struct caller *caller)
{
	the_caller = caller;
}

void caller_may_leave(void)
{
	if (the_caller)
		the_caller->may_leave(the_caller);
}

bool caller_stays(void)
{
	return !the_caller || the_caller->stays(the_caller);
}
