/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <umdev/kobject.h>
#include <umdev/publish.h>

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

static int add_dir(struct kobject *parent, const char *name, const struct attribute_group *group,
		   struct kobject **out)
{
	struct kobject *dir = kobject_create_and_add(name, parent);
	int err;

	if (!dir)
		return -ENOMEM;
	err = sysfs_create_group(dir, group);
	if (err) {
		kobject_del(dir);
		kobject_put(dir);
		return err;
	}
	*out = dir;
	return 0;
}

int firmware_create_dir(const char *name, const struct attribute_group *group, struct kobject **out)
{
	struct kobject *parent = firmware_kobj_get();
	int err;

	if (!parent)
		return -ENOMEM;
	publish_begin();
	err = add_dir(parent, name, group, out);
	publish_commit();
	if (err)
		firmware_kobj_put();
	return err;
}

void firmware_remove_dir(struct kobject *dir)
{
	kobject_del(dir);
	kobject_put(dir);
	firmware_kobj_put();
}
