/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/mman.h>

#include "preload/shared.h"

void *shared_alloc(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

void shared_free(void *mem, size_t size)
{
	if (mem)
		munmap(mem, size);
}

void shared_mutex_init(struct shared_mutex *lock)
{
	pthread_mutexattr_t attr;

	/* None of these fails on Linux. */
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&lock->mutex, &attr);
	pthread_mutexattr_destroy(&attr);
}

int shared_mutex_lock(struct shared_mutex *lock)
{
	if (pthread_mutex_lock(&lock->mutex) != EOWNERDEAD)
		return 0;
	pthread_mutex_consistent(&lock->mutex);
	return -EOWNERDEAD;
}

int shared_mutex_trylock(struct shared_mutex *lock)
{
	int err = pthread_mutex_trylock(&lock->mutex);

	if (err == EOWNERDEAD)
		pthread_mutex_consistent(&lock->mutex);
	return -err;
}

void shared_mutex_unlock(struct shared_mutex *lock)
{
	pthread_mutex_unlock(&lock->mutex);
}
