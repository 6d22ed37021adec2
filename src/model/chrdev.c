/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <umdev/chrdev.h>
#include "model/host.h"

#define MAJOR_MAX 512
#define MINORS	  (1U << 20)

/* Where dynamic numbers are looked for, from the first down to the last. */
static const struct {
	unsigned int first, last;
} dynamic[] = { { 254, 234 }, { 511, 384 } };

static pthread_mutex_t majors_lock = PTHREAD_MUTEX_INITIALIZER;
static bool majors[MAJOR_MAX]; /* given away here; under majors_lock */

/* Called with majors_lock held. */
static int find_free(const bool *taken)
{
	for (size_t i = 0; i < ARRAY_SIZE(dynamic); i++)
		for (unsigned int major = dynamic[i].first; major >= dynamic[i].last; major--)
			if (!majors[major] && !taken[major])
				return (int)major;
	return -EBUSY;
}

int alloc_chrdev_region(devnum_t *dev, unsigned int baseminor, unsigned int count, const char *name)
{
	bool taken[MAJOR_MAX] = { false };
	int major;

	if (!count || baseminor >= MINORS || count > MINORS - baseminor)
		return -EINVAL;
	major = host_chrdev_majors(taken, MAJOR_MAX);
	if (major)
		return major;
	pthread_mutex_lock(&majors_lock);
	major = find_free(taken);
	if (major >= 0)
		majors[major] = true;
	pthread_mutex_unlock(&majors_lock);
	if (major < 0) {
		pr_err("CHRDEV \"%s\": no major number is left", name);
		return major;
	}
	*dev = DEVNUM((unsigned int)major, baseminor);
	return 0;
}

void unregister_chrdev_region(devnum_t from, unsigned int count)
{
	if (!count || DEVNUM_MAJOR(from) >= MAJOR_MAX)
		return;
	pthread_mutex_lock(&majors_lock);
	majors[DEVNUM_MAJOR(from)] = false;
	pthread_mutex_unlock(&majors_lock);
}
