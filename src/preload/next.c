/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "preload/next.h"

_Atomic(void *) next_functions[NEXT_NR];

static const char *const names[NEXT_NR] = {
#define NEXT_NAME(name) #name,
	NEXT_FUNCTIONS(NEXT_NAME)
#undef NEXT_NAME
};

static void say(const char *text)
{
	/* Not by a function that may be the one that is missing. */
	syscall(SYS_write, STDERR_FILENO, text, strlen(text));
}

void *next_find(enum next_function which)
{
	int saved = errno;
	void *function = dlsym(RTLD_NEXT, names[which]);

	if (!function) {
		say("libumdev-vfio: the C library has no ");
		say(names[which]);
		say("()\n");
		abort();
	}
	errno = saved;
	atomic_store_explicit(&next_functions[which], function, memory_order_relaxed);
	return function;
}

/*
 * All at once, so that none is looked up in a signal handler later: the loader's lock may be held
 * by what it interrupts.
 */
__attribute__((constructor)) static void find_all(void)
{
	int saved = errno;
	size_t i;

	for (i = 0; i < NEXT_NR; i++)
		atomic_store_explicit(&next_functions[i], dlsym(RTLD_NEXT, names[i]),
				      memory_order_relaxed);
	errno = saved;
}
