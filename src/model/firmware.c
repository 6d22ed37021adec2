/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <umdev/kobject.h>

#include "model/publish_work.h"

/* Guards both; held while the directory comes and goes. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kobject *firmware;
static unsigned int users;

struct kobject *firmware_kobj_get(void)
{
	struct kobject *kobj;

	pthread_mutex_lock(&lock);
	if (!users) {
		/* The first user's publication is not the next one's. */
		publish_suspend();
		firmware = kobject_create_and_add("firmware", NULL);
		publish_resume();
	}
	kobj = firmware;
	if (kobj)
		users++;
	pthread_mutex_unlock(&lock);
	return kobj;
}

void firmware_kobj_put(void)
{
	pthread_mutex_lock(&lock);
	if (!--users) {
		kobject_del(firmware);
		kobject_put(firmware);
		firmware = NULL;
	}
	pthread_mutex_unlock(&lock);
}
