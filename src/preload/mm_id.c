/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "preload/mm_id.h"
#include "preload/shared.h"

/* How many were given out: of this process, its parents and their children. */
static _Atomic(uint64_t) *given;
/* Ours, in a page that the kernel wipes in a child; 0: not given yet. */
static _Atomic(uint64_t) *own;
static int init_err;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *mem;

	init_err = -ENOMEM;
	given = shared_alloc(page);
	if (!given)
		return;
	mem = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		goto free;
	if (madvise(mem, page, MADV_WIPEONFORK)) {
		init_err = -EINVAL;
		goto unmap;
	}
	own = mem;
	init_err = 0;
	return;
unmap:
	munmap(mem, page);
free:
	shared_free(given, page);
}

int mm_id_init(void)
{
	pthread_once(&once, init);
	return init_err;
}

uint64_t unique_id(void)
{
	return atomic_fetch_add(given, 1) + 1;
}

uint64_t mm_id(void)
{
	uint64_t id = atomic_load_explicit(own, memory_order_relaxed), fresh;

	if (id)
		return id;
	fresh = unique_id();
	/* Another thread may have been faster; then its number counts. */
	return atomic_compare_exchange_strong(own, &id, fresh) ? fresh : id;
}
