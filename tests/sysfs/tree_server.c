/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A tree of known shape at a mount point, for tests that look at it from outside.
 *
 * usage: tree_server MOUNTPOINT
 *
 * Says "ready" when it is mounted, then takes a command per line from its standard input and
 * answers each with a line. It unmounts and ends with "quit" or the end of the input.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <umdev/kobject.h>
#include <umdev/publish.h>
#include <umdev/sysfs.h>

#define MANY	      1000
#define AWAIT_SECONDS 20

struct object {
	struct kobject kobj;
	char value[SYSFS_PAGE_SIZE + 1]; /* lock */
	size_t stored;			 /* lock; length of the last store() */
	bool terminated;		 /* lock; it had a NUL behind it */
	unsigned int shows;		 /* lock */
	unsigned int stores;		 /* lock */
	char blob[300];			 /* lock */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned int hanging;   /* lock; calls that wait for "release" */
static unsigned long released; /* lock; how often that came */

static struct object *object_of(struct kobject *kobj)
{
	return container_of(kobj, struct object, kobj);
}

static void object_release(struct kobject *kobj)
{
	free(object_of(kobj));
}

static ssize_t value_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	struct object *obj = object_of(kobj);
	ssize_t len;

	pthread_mutex_lock(&lock);
	len = sysfs_emit(buf, "%s", obj->value);
	pthread_mutex_unlock(&lock);
	return len;
}

static ssize_t value_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			   size_t count)
{
	struct object *obj = object_of(kobj);

	pthread_mutex_lock(&lock);
	memcpy(obj->value, buf, count);
	obj->value[count] = '\0';
	obj->stored = count;
	obj->terminated = !buf[count];
	obj->stores++;
	pthread_mutex_unlock(&lock);
	return count;
}

/* What the last store() of value got. */
static ssize_t stored_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	struct object *obj = object_of(kobj);
	ssize_t len;

	pthread_mutex_lock(&lock);
	len = sysfs_emit(buf, "count=%zu terminated=%d stores=%u\n", obj->stored, obj->terminated,
			 obj->stores);
	pthread_mutex_unlock(&lock);
	return len;
}

static ssize_t counter_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	struct object *obj = object_of(kobj);
	ssize_t len;

	pthread_mutex_lock(&lock);
	len = sysfs_emit(buf, "shown %u\n", ++obj->shows);
	pthread_mutex_unlock(&lock);
	return len;
}

static ssize_t full_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	memset(buf, 'f', SYSFS_PAGE_SIZE - 1);
	return SYSFS_PAGE_SIZE - 1;
}

static ssize_t empty_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return 0;
}

static ssize_t broken_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return -EBUSY;
}

static ssize_t broken_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			    size_t count)
{
	return -ERANGE;
}

/* An errno that the kernel keeps to itself. */
static ssize_t secret_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			    size_t count)
{
	return -517;
}

static ssize_t greedy_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			    size_t count)
{
	return count + 100;
}

static ssize_t half_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			  size_t count)
{
	return (count + 1) / 2;
}

static void hang(void)
{
	unsigned long seen;

	pthread_mutex_lock(&lock);
	seen = released;
	hanging++;
	pthread_cond_broadcast(&changed);
	while (released == seen)
		pthread_cond_wait(&changed, &lock);
	hanging--;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static ssize_t hang_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	hang();
	return sysfs_emit(buf, "back\n");
}

static ssize_t hang_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			  size_t count)
{
	struct object *obj = object_of(kobj);

	/* Not every writer hangs: the word says so. */
	if (strncmp(buf, "hang", 4) == 0)
		hang();
	pthread_mutex_lock(&lock);
	obj->stores++;
	pthread_mutex_unlock(&lock);
	return count;
}

static ssize_t suicide_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			     size_t count)
{
	if (!sysfs_remove_file_self(kobj, &attr->attr))
		return -ENODEV;
	kobject_del(kobj);
	kobject_put(kobj);
	return count;
}

static ssize_t blob_read(struct kobject *kobj, struct bin_attribute *attr, char *buf, off_t off,
			 size_t count)
{
	struct object *obj = object_of(kobj);

	if (off >= (off_t)sizeof(obj->blob))
		return 0;
	if (count > sizeof(obj->blob) - off)
		count = sizeof(obj->blob) - off;
	pthread_mutex_lock(&lock);
	memcpy(buf, obj->blob + off, count);
	pthread_mutex_unlock(&lock);
	return count;
}

static ssize_t blob_write(struct kobject *kobj, struct bin_attribute *attr, char *buf, off_t off,
			  size_t count)
{
	struct object *obj = object_of(kobj);

	if (off >= (off_t)sizeof(obj->blob))
		return -ENOSPC;
	if (count > sizeof(obj->blob) - off)
		count = sizeof(obj->blob) - off;
	pthread_mutex_lock(&lock);
	memcpy(obj->blob + off, buf, count);
	pthread_mutex_unlock(&lock);
	return count;
}

static ssize_t endless_read(struct kobject *kobj, struct bin_attribute *attr, char *buf, off_t off,
			    size_t count)
{
	memset(buf, 'e', count);
	return count;
}

static ssize_t endless_write(struct kobject *kobj, struct bin_attribute *attr, char *buf, off_t off,
			     size_t count)
{
	return count;
}

#define FILE_ATTR(_name, _mode, _show, _store) \
	static struct kobj_attribute attr_##_name = __ATTR(_name, _mode, _show, _store)

FILE_ATTR(ro, 0444, value_show, NULL);
FILE_ATTR(wo, 0200, value_show, value_store);
FILE_ATTR(rw, 0644, value_show, value_store);
FILE_ATTR(private, 0600, value_show, value_store);
FILE_ATTR(everybody, 0664, value_show, value_store);
FILE_ATTR(nobody, 0000, value_show, value_store);
FILE_ATTR(stored, 0444, stored_show, NULL);
FILE_ATTR(counter, 0644, counter_show, value_store);
FILE_ATTR(full, 0444, full_show, NULL);
FILE_ATTR(empty, 0444, empty_show, NULL);
FILE_ATTR(broken, 0644, broken_show, broken_store);
FILE_ATTR(without, 0644, NULL, NULL);
FILE_ATTR(secret, 0200, NULL, secret_store);
FILE_ATTR(greedy, 0200, NULL, greedy_store);
FILE_ATTR(half, 0200, NULL, half_store);
FILE_ATTR(notified, 0444, counter_show, NULL);
FILE_ATTR(suicide, 0200, NULL, suicide_store);
FILE_ATTR(hang, 0644, hang_show, hang_store);
FILE_ATTR(quick, 0644, value_show, value_store);

static struct attribute *object_attrs[] = {
	&attr_ro.attr,	    &attr_wo.attr,	  &attr_rw.attr,
	&attr_private.attr, &attr_nobody.attr,	  &attr_stored.attr,
	&attr_counter.attr, &attr_full.attr,	  &attr_empty.attr,
	&attr_broken.attr,  &attr_without.attr,	  &attr_secret.attr,
	&attr_greedy.attr,  &attr_half.attr,	  &attr_notified.attr,
	&attr_suicide.attr, &attr_everybody.attr, NULL,
};

static struct bin_attribute attr_blob = {
	.attr = { .name = "blob", .mode = 0600 },
	.size = 256,
	.read = blob_read,
	.write = blob_write,
};

static struct bin_attribute attr_endless = {
	.attr = { .name = "endless", .mode = 0600 },
	.read = endless_read,
	.write = endless_write,
};

static struct bin_attribute attr_readonly_blob = {
	.attr = { .name = "readonly_blob", .mode = 0600 },
	.size = 256,
	.read = blob_read,
};

static struct bin_attribute *object_bin_attrs[] = {
	&attr_blob,
	&attr_endless,
	&attr_readonly_blob,
	NULL,
};

static const struct attribute_group object_group = {
	.attrs = object_attrs,
	.bin_attrs = object_bin_attrs,
};

static struct attribute *named_attrs[] = { &attr_rw.attr, &attr_ro.attr, NULL };
static const struct attribute_group named_group = { .name = "group", .attrs = named_attrs };

static const struct attribute_group *object_groups[] = { &object_group, &named_group, NULL };

static const struct kobj_type object_type = {
	.release = object_release,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = object_groups,
};

/* Files that do not end by themselves; apart, so that the fuzzer finds none of them elsewhere. */
static struct attribute *hang_attrs[] = { &attr_hang.attr, &attr_quick.attr, NULL };
static const struct attribute_group hang_group = { .attrs = hang_attrs };
static const struct attribute_group *hang_groups[] = { &hang_group, NULL };

static const struct kobj_type hang_type = {
	.release = object_release,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = hang_groups,
};

static const struct kobj_type small_type = {
	.release = object_release,
	.sysfs_ops = &kobj_sysfs_ops,
};

/* The object stays until it is removed by name; NULL is a failure that was printed. */
static struct object *object_add(const struct kobj_type *type, struct kobject *parent,
				 const char *name)
{
	struct object *obj = calloc(1, sizeof(*obj));
	int err;

	if (!obj)
		return NULL;
	strcpy(obj->value, "value\n");
	kobject_init(&obj->kobj, type);
	err = kobject_add(&obj->kobj, parent, "%s", name);
	if (err) {
		fprintf(stderr, "tree_server: cannot add %s: %s\n", name, strerror(-err));
		kobject_put(&obj->kobj);
		return NULL;
	}
	return obj;
}

static void object_remove(struct object *obj)
{
	if (!obj)
		return;
	kobject_del(&obj->kobj);
	kobject_put(&obj->kobj);
}

static struct object *top, *plain, *hangs, *many, *entries[MANY];

static bool tree_build(void)
{
	char name[32];

	top = object_add(&small_type, NULL, "top");
	plain = top ? object_add(&object_type, &top->kobj, "plain") : NULL;
	hangs = top ? object_add(&hang_type, &top->kobj, "hangs") : NULL;
	many = top ? object_add(&small_type, &top->kobj, "many") : NULL;
	if (!plain || !hangs || !many)
		return false;
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "entry%d", i);
		entries[i] = object_add(&small_type, &many->kobj, name);
		if (!entries[i])
			return false;
	}
	return !sysfs_create_link(&plain->kobj, &many->kobj, "link");
}

static void tree_remove(void)
{
	for (int i = 0; i < MANY; i++)
		object_remove(entries[i]);
	object_remove(many);
	object_remove(hangs);
	object_remove(plain);
	object_remove(top);
}

/* An object that its own attribute removes; no reference is kept here. */
static bool command_victim(const char *name)
{
	return object_add(&object_type, &top->kobj, name) != NULL;
}

/* The same, removed by a command. */
static struct object *spare;

static bool command_spare(const char *name)
{
	object_remove(spare);
	spare = *name ? object_add(&object_type, &top->kobj, name) : NULL;
	return !*name || spare;
}

/* Half of @many's entries go and come back under new names. */
static bool command_churn(void)
{
	static unsigned int generation;
	char name[32];

	generation++;
	for (int i = 0; i < MANY; i += 2) {
		object_remove(entries[i]);
		snprintf(name, sizeof(name), "new%u-%d", generation, i);
		entries[i] = object_add(&small_type, &many->kobj, name);
		if (!entries[i])
			return false;
	}
	return true;
}

static bool command_release(void)
{
	pthread_mutex_lock(&lock);
	released++;
	pthread_cond_broadcast(&changed);
	while (hanging)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	return true;
}

/* Wait until @n calls hang, but not for ever. */
static bool command_await(unsigned int n)
{
	struct timespec end;
	bool reached;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += AWAIT_SECONDS;
	pthread_mutex_lock(&lock);
	while (hanging < n)
		if (pthread_cond_timedwait(&changed, &lock, &end))
			break;
	reached = hanging >= n;
	pthread_mutex_unlock(&lock);
	return reached;
}

static struct object *hidden;

static bool command_hide(void)
{
	publish_begin();
	hidden = object_add(&object_type, &top->kobj, "hidden");
	return hidden;
}

static bool command_show(void)
{
	publish_commit();
	return true;
}

static struct sysfs_mount *mount;
static pthread_t unmounting;
static bool unmounts;

static void *unmount_main(void *data)
{
	sysfs_unmount(mount);
	return NULL;
}

/* Begin to unmount while commands can still be given. */
static bool command_unmount(void)
{
	unmounts = !pthread_create(&unmounting, NULL, unmount_main, NULL);
	return unmounts;
}

static void unmount(void)
{
	if (unmounts)
		pthread_join(unmounting, NULL);
	else
		sysfs_unmount(mount);
}

static bool command(char *line)
{
	char *arg = strchr(line, ' ');

	if (arg)
		*arg++ = '\0';
	else
		arg = line + strlen(line);
	if (!strcmp(line, "notify")) {
		sysfs_notify(&plain->kobj, NULL, "notified");
		return true;
	}
	if (!strcmp(line, "victim"))
		return command_victim(arg);
	if (!strcmp(line, "spare"))
		return command_spare(arg);
	if (!strcmp(line, "churn"))
		return command_churn();
	if (!strcmp(line, "release"))
		return command_release();
	if (!strcmp(line, "await"))
		return command_await(atoi(arg));
	if (!strcmp(line, "unmount"))
		return command_unmount();
	if (!strcmp(line, "hide"))
		return command_hide();
	if (!strcmp(line, "show"))
		return command_show();
	return false;
}

int main(int argc, char **argv)
{
	char line[128];
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: tree_server MOUNTPOINT\n");
		return 2;
	}
	if (!tree_build())
		return 1;
	err = sysfs_mount(argv[1], &mount);
	if (err) {
		printf("failed %d\n", -err);
	} else {
		printf("ready\n");
		fflush(stdout);
		while (fgets(line, sizeof(line), stdin)) {
			line[strcspn(line, "\n")] = '\0';
			if (!strcmp(line, "quit"))
				break;
			printf("%s\n", command(line) ? "ok" : "failed");
			fflush(stdout);
		}
		unmount();
	}
	object_remove(hidden);
	object_remove(spare);
	tree_remove();
	printf("gone\n");
	return err ? 1 : 0;
}
