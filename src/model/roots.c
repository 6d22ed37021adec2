/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "model/base.h"

struct model_roots model_roots;

/* Guards the making and unmaking of model_roots; what is in there is constant in between. */
static pthread_mutex_t roots_lock = PTHREAD_MUTEX_INITIALIZER;
static bool roots_made; /* atomic; written under roots_lock */

/* In the order in which they are made; a parent comes before what is in it. */
static const struct {
	const char *name;
	struct kobject **kobj;
	struct kobject **parent;
} roots[] = {
	{ "bus", &model_roots.bus, NULL },
	{ "class", &model_roots.class, NULL },
	{ "devices", &model_roots.devices, NULL },
	{ "virtual", &model_roots.virtual, &model_roots.devices },
	{ "dev", &model_roots.dev, NULL },
	{ "block", &model_roots.dev_block, &model_roots.dev },
	{ "char", &model_roots.dev_char, &model_roots.dev },
	{ "module", &model_roots.module, NULL },
	{ "kernel", &model_roots.kernel, NULL },
};

static void roots_unmake(size_t made)
{
	while (made--) {
		kobject_del(*roots[made].kobj);
		kobject_put(*roots[made].kobj);
		*roots[made].kobj = NULL;
	}
}

static int roots_make(void)
{
	struct kobject *parent;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(roots); i++) {
		parent = roots[i].parent ? *roots[i].parent : NULL;
		*roots[i].kobj = kobject_create_and_add(roots[i].name, parent);
		if (!*roots[i].kobj) {
			roots_unmake(i);
			return -ENOMEM;
		}
	}
	return 0;
}

int model_init(void)
{
	int err = 0;

	if (__atomic_load_n(&roots_made, __ATOMIC_ACQUIRE))
		return 0;

	pthread_mutex_lock(&roots_lock);
	if (!roots_made) {
		publish_suspend();
		err = roots_make();
		publish_resume();
		if (!err)
			__atomic_store_n(&roots_made, true, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&roots_lock);
	return err;
}

void model_exit(void)
{
	deferred_exit();

	pthread_mutex_lock(&roots_lock);
	if (roots_made) {
		__atomic_store_n(&roots_made, false, __ATOMIC_RELEASE);
		roots_unmake(ARRAY_SIZE(roots));
	}
	pthread_mutex_unlock(&roots_lock);
}
