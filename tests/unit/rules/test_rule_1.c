/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Created before visible: when a device can be seen at all, the vendor's part of it is complete,
 * and all its attributes and links are there.
 */
#include <stdio.h>

#include "unit/rules/rule.h"

/* What must be there, below any place where the name of a device turns up. */
static const char *const parts[] = {
	"driver/bind", "mdev_type/create", "iommu_group/devices", "subsystem/drivers", "remove",
	"uevent",      "vendor/note",	   "vendor/knob",	  "vfio-dev",
};

static void assert_complete(const char *uuid)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(parts); i++)
		if (!tree_exists(DEVICES "/%s/%s", uuid, parts[i]))
			fail_msg("%s is seen without %s", uuid, parts[i]);
	assert_true(tree_exists(TYPES "/acme-2/devices/%s", uuid));
	assert_true(tree_exists(DRIVER "/%s", uuid));
	assert_true(tree_exists(PARENT "/%s", uuid));
}

/* ---- while the vendor's probe runs ---- */

struct glance {
	char *tree;
	char *events;
	ssize_t unbind, bind, probe;
	struct mdev_device *found;
};

static void *glance(void *data)
{
	struct glance *glance = data;
	uint8_t uuid[16];

	uuid_n(1, uuid);
	glance->tree = everything();
	glance->events = events_take(&heard);
	glance->found = mdev_find(uuid);
	glance->unbind = tree_write(DRIVER "/unbind", uuid_text(1));
	glance->bind = tree_write(DRIVER "/bind", uuid_text(1));
	glance->probe = tree_write("/bus/mdev/drivers_probe", uuid_text(1));
	return NULL;
}

static int glance_at_probe(struct vendor *vendor, struct vendor_dev *vd)
{
	as_outsider(glance, vendor->data);
	return 0;
}

static void nobody_sees_a_device_in_its_probe(void **state)
{
	struct glance seen = { 0 };
	char *before;

	/* Directories that devices share come with the first of them. */
	assert_int_equal(vendor_create(&acme, 1, 0), 0);
	acme.probing = glance_at_probe;
	acme.data = &seen;
	free(events_take(&heard));
	before = everything();
	assert_int_equal(tree_write(TYPES "/acme-2/create", uuid_text(1)), 36);

	/* But for the instance that is taken already, nothing has changed. */
	*strstr(before, "available_instances: 99") = '\0';
	*strstr(seen.tree, "available_instances: 98") = '\0';
	assert_same(seen.tree, before);
	assert_string_equal(seen.events, "");
	assert_null(seen.found);
	assert_complete(uuid_text(1));
	free(before);
	free(seen.tree);
	free(seen.events);
}

static void nobody_binds_or_unbinds_a_device_in_its_probe(void **state)
{
	struct glance seen = { 0 };

	acme.probing = glance_at_probe;
	acme.data = &seen;
	free(events_take(&heard));
	assert_int_equal(tree_write(TYPES "/acme-2/create", uuid_text(1)), 36);
	assert_int_equal(seen.unbind, -ENODEV);
	assert_int_equal(seen.bind, -ENODEV);
	assert_int_equal(seen.probe, -ENODEV);
	assert_true(tree_exists(DRIVER "/%s", uuid_text(1)));
	free(seen.tree);
	free(seen.events);
}

/* ---- at its events ---- */

static void look_at_add(struct events *events, const struct uevent *ev)
{
	const char *name = strrchr(ev->devpath, '/') + 1;

	if (!strcmp(ev->action, "add") && !strcmp(ev->subsystem, "mdev"))
		assert_complete(name);
}

static void a_device_is_complete_at_its_add_event(void **state)
{
	free(events_take(&heard));
	heard.seen = look_at_add;
	assert_int_equal(vendor_create(&acme, 1, 1), 0);
	assert_heard("add " PARENT "/83b8f4f2-509f-382f-3c1e-e6bf00000001 SUBSYSTEM=mdev\n"
		     "add /devices/virtual/vfio/0 SUBSYSTEM=vfio MAJOR=254 MINOR=0 DEVNAME=vfio/0\n"
		     "add " PARENT "/83b8f4f2-509f-382f-3c1e-e6bf00000001/vfio-dev/vfio0"
		     " SUBSYSTEM=vfio-dev\n"
		     "bind " PARENT
		     "/83b8f4f2-509f-382f-3c1e-e6bf00000001 SUBSYSTEM=mdev DRIVER=acme\n");
}

/* ---- for whoever looks on ---- */

#define ROUNDS	    40
#define PER_ROUND   25
#define ONLOOKERS   2
#define DIRECTORIES 3

static const char *const directories[DIRECTORIES] = { DEVICES, TYPES "/acme-2/devices", DRIVER };

static unsigned int looking; /* atomic */

static void *look_on(void *data)
{
	char *names, *name, *rest;
	unsigned int i;

	while (__atomic_load_n(&looking, __ATOMIC_ACQUIRE)) {
		for (i = 0; i < DIRECTORIES; i++) {
			names = tree_list(directories[i]);
			name = strtok_r(names, "\n", &rest);
			for (; name; name = strtok_r(NULL, "\n", &rest))
				if (strlen(name) == 36)
					assert_complete(name);
			free(names);
		}
	}
	return NULL;
}

static void whoever_finds_a_device_finds_all_of_it(void **state)
{
	pthread_t onlookers[ONLOOKERS];
	unsigned int round, i;

	for (round = 0; round < ROUNDS; round++) {
		__atomic_store_n(&looking, 1, __ATOMIC_RELEASE);
		for (i = 0; i < ONLOOKERS; i++)
			pthread_create(&onlookers[i], NULL, look_on, NULL);
		for (i = 0; i < PER_ROUND; i++)
			assert_int_equal(vendor_create(&acme, 1, i), 0);
		__atomic_store_n(&looking, 0, __ATOMIC_RELEASE);
		for (i = 0; i < ONLOOKERS; i++)
			pthread_join(onlookers[i], NULL);
		for (i = 0; i < PER_ROUND; i++)
			assert_int_equal(vendor_remove(&acme, i), 0);
	}
}

/* ---- when it goes again at once ---- */

static char story[256]; /* under the uevents' lock */

static void tell_story(struct events *events, const struct uevent *ev)
{
	if (strcmp(ev->subsystem, "mdev"))
		return;
	strncat(story, ev->action, sizeof(story) - strlen(story) - 1);
	strncat(story, " ", sizeof(story) - strlen(story) - 1);
}

static void *remove_as_soon_as_seen(void *data)
{
	char path[128];
	ssize_t ret;

	snprintf(path, sizeof(path), DEVICES "/%s/remove", uuid_text(1));
	do {
		ret = tree_write(path, "1");
	} while (ret == -ENOENT);
	assert_int_equal(ret, 1);
	return NULL;
}

static void a_device_that_is_removed_at_once_still_has_its_events_in_order(void **state)
{
	pthread_t remover;
	int round;

	heard.seen = tell_story;
	for (round = 0; round < 300; round++) {
		story[0] = '\0';
		pthread_create(&remover, NULL, remove_as_soon_as_seen, NULL);
		assert_int_equal(vendor_create(&acme, 1, 1), 0);
		pthread_join(remover, NULL);
		assert_string_equal(story, "add bind unbind remove ");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_ACME_VFIO(nobody_sees_a_device_in_its_probe),
		WITH_ACME_VFIO(nobody_binds_or_unbinds_a_device_in_its_probe),
		WITH_ACME_VFIO(a_device_is_complete_at_its_add_event),
		WITH_ACME_VFIO(whoever_finds_a_device_finds_all_of_it),
		WITH_ACME_VFIO(a_device_that_is_removed_at_once_still_has_its_events_in_order),
	};

	return cmocka_run_group_tests_name("rule 1: created before visible", tests, start_model,
					   stop_model);
}
