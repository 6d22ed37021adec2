/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects that sysfs shows as directories, and the files and links in them.
 *
 * A driver author meets struct attribute_group and sysfs_emit() here; kobjects themselves are for
 * directories that are not devices. Behaviour: Linux 6.1 lib/kobject.c and fs/sysfs/.
 *
 * All functions here may sleep and may be called from any thread, with any lock of the caller's
 * that no show() or store() of the removed files needs: a removal waits for them.
 */
#ifndef UMDEV_KOBJECT_H
#define UMDEV_KOBJECT_H

#include <umdev/util.h>

struct kernfs_node;
struct kobject;
struct module;

/* What one show() may fill and one store() may get: the kernel's PAGE_SIZE. */
#define SYSFS_PAGE_SIZE 4096

/**
 * struct attribute - the name and permission bits of a file in sysfs
 * @name: file name; must live as long as the file
 * @mode: permission bits, as 0444. A direction that has no bit set is refused with EACCES even to
 *        root
 */
struct attribute {
	const char *name;
	mode_t mode;
};

/**
 * struct bin_attribute - a file with binary contents of a known size
 * @attr:    name and mode
 * @size:    size in bytes that stat() shows, 0 if not known; accesses behind it are cut
 * @private: the owner's
 * @read:    fill @buf with up to @count bytes from offset @off; return how many, or a negative
 *           errno
 * @write:   take @count bytes for offset @off; return how many were taken, or a negative errno
 */
struct bin_attribute {
	struct attribute attr;
	size_t size;
	void *private;
	ssize_t (*read)(struct kobject *kobj, struct bin_attribute *attr, char *buf, off_t off,
			size_t count);
	ssize_t (*write)(struct kobject *kobj, struct bin_attribute *attr, char *buf, off_t off,
			 size_t count);
};

/**
 * struct attribute_group - attributes that come and go together
 * @name:           NULL to put them into the object's own directory, else a subdirectory's name
 * @is_visible:     optional; the mode for attribute number @n, 0 to leave it out
 * @is_bin_visible: the same for @bin_attrs
 * @attrs:          NULL-terminated, or NULL
 * @bin_attrs:      NULL-terminated, or NULL
 *
 * The group and all that it points to must live as long as the files.
 */
struct attribute_group {
	const char *name;
	mode_t (*is_visible)(struct kobject *kobj, struct attribute *attr, int n);
	mode_t (*is_bin_visible)(struct kobject *kobj, struct bin_attribute *attr, int n);
	struct attribute **attrs;
	struct bin_attribute **bin_attrs;
};

/**
 * struct sysfs_ops - how the attributes of one type of kobject are read and written
 * @show:  write the value into @buf (SYSFS_PAGE_SIZE bytes, zeroed); return its length or -errno
 * @store: take @count bytes; @buf has a NUL behind them. Return how many were taken (usually
 *         @count) or -errno
 *
 * Context: no lock of umdev's is held. The object stays alive during the call. Files of one object
 * are served by many threads at once.
 */
struct sysfs_ops {
	ssize_t (*show)(struct kobject *kobj, struct attribute *attr, char *buf);
	ssize_t (*store)(struct kobject *kobj, struct attribute *attr, const char *buf,
			 size_t count);
};

struct kobj_uevent_env;

/**
 * struct kobj_type - what kobjects of one kind have in common
 * @release:        called when the last reference is gone; frees the object. Mandatory
 * @sysfs_ops:      how attributes are read and written; NULL if there are none
 * @default_groups: NULL-terminated array of groups added with the object; may be NULL
 */
struct kobj_type {
	void (*release)(struct kobject *kobj);
	const struct sysfs_ops *sysfs_ops;
	const struct attribute_group **default_groups;
};

/**
 * struct kset_uevent_ops - who speaks for the events of a family of objects
 * @filter: return 0 to send no event for this object; optional
 * @name:   the SUBSYSTEM= value; NULL return or no function: no event is sent
 * @uevent: add keys to the environment; optional; a negative errno drops the event
 */
struct kset_uevent_ops {
	int (*filter)(struct kobject *kobj);
	const char *(*name)(struct kobject *kobj);
	int (*uevent)(struct kobject *kobj, struct kobj_uevent_env *env);
};

/**
 * struct kobject - a reference-counted object with a directory in sysfs
 *
 * Embed it; initialise with kobject_init(), name and show it with kobject_add(), hide it with
 * kobject_del(), let go with kobject_put(). Fields are umdev's but readable by the owner.
 */
struct kobject {
	char *name;		/* owned; constant while the object is in sysfs */
	struct kobject *parent; /* a reference is held from kobject_add() to the last put */
	const struct kobj_type *ktype;
	const struct kset_uevent_ops *uevent_ops; /* set before the first event; NULL: no events */
	struct kernfs_node *sd;			  /* the directory; NULL outside of sysfs */
	unsigned int refcount;			  /* atomic */
	bool state_initialized : 1;
	bool state_in_sysfs : 1;	/* written by kobject_add() and kobject_del() only */
	bool state_add_uevent_sent : 1; /* written by who adds and who deletes */
	bool state_remove_uevent_sent : 1;
};

/**
 * kobject_init - make zeroed memory a kobject with one reference
 * @kobj:  storage owned by the caller until the reference count drops to 0
 * @ktype: its type; must outlive the object
 */
UMDEV_API void kobject_init(struct kobject *kobj, const struct kobj_type *ktype);

/**
 * kobject_set_name - name an object that is not in sysfs yet
 * Slashes become '!', as in the kernel.
 * Return: 0 or -ENOMEM, -EINVAL for an empty name.
 */
UMDEV_API int kobject_set_name(struct kobject *kobj, const char *fmt, ...) __umdev_printf(2, 3);

/**
 * kobject_add - name the object and show its directory with its default groups
 * @kobj:   initialised
 * @parent: the directory to be in, NULL for the root of sysfs; a reference is taken
 * @fmt:    its name; NULL to keep the name that it has
 *
 * No event is sent: see kobject_uevent().
 * Return: 0, -EEXIST, -EINVAL (no name), -ENOENT (@parent is not in sysfs), -ENOMEM. After an error
 * the caller still owns its reference and drops it with kobject_put().
 */
UMDEV_API int kobject_add(struct kobject *kobj, struct kobject *parent, const char *fmt, ...)
	__umdev_printf(3, 4);

/**
 * kobject_del - take the object out of sysfs
 *
 * Waits for running show() and store() of its files. Sends the "remove" event if "add" was sent and
 * "remove" was not. Does nothing if the object is not in sysfs.
 */
UMDEV_API void kobject_del(struct kobject *kobj);

/** kobject_get - take a reference; NULL is passed through. Return: @kobj. */
UMDEV_API struct kobject *kobject_get(struct kobject *kobj);

/** kobject_put - drop a reference; the last one calls ktype->release(). NULL does nothing. */
UMDEV_API void kobject_put(struct kobject *kobj);

static inline const char *kobject_name(const struct kobject *kobj)
{
	return kobj->name;
}

/**
 * kobject_create_and_add - a directory that is nothing else
 * @name:   its name
 * @parent: where; NULL for the root of sysfs
 * Return: an object with one reference, freed by its last kobject_put(); NULL if there is no memory
 * or the name is taken.
 */
UMDEV_API struct kobject *kobject_create_and_add(const char *name, struct kobject *parent);

/**
 * firmware_kobj_get - the directory /sys/firmware, for what describes a machine
 *
 * There while somebody has something in it: modules that share it come and go in any order. Each
 * call is for one firmware_kobj_put(). Behaviour: Linux 6.1 drivers/base/firmware.c, where it is
 * always there. Return: the directory, which is not the caller's; NULL without memory.
 */
UMDEV_API struct kobject *firmware_kobj_get(void);
/** firmware_kobj_put - the caller has nothing in there any more. */
UMDEV_API void firmware_kobj_put(void);

/**
 * firmware_create_dir - a directory in /sys/firmware, as the console of a simulated machine
 * @name:  the directory
 * @group: its files; it appears with them
 * @out:   the directory; take it down with firmware_remove_dir()
 * Return: 0, -ENOMEM (or the name is taken), else what sysfs_create_group() says.
 */
UMDEV_API int firmware_create_dir(const char *name, const struct attribute_group *group,
				  struct kobject **out);
/** firmware_remove_dir - the reverse. */
UMDEV_API void firmware_remove_dir(struct kobject *dir);

/**
 * kobject_get_path - the object's path below the mount, as "/devices/virtual/mtty/mtty"
 * Return: a string to free(), or NULL without memory.
 */
UMDEV_API char *kobject_get_path(const struct kobject *kobj);

/** struct kobj_attribute - an attribute of a plain kobject (see kobj_sysfs_ops) */
struct kobj_attribute {
	struct attribute attr;
	ssize_t (*show)(struct kobject *kobj, struct kobj_attribute *attr, char *buf);
	ssize_t (*store)(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			 size_t count);
};

/* For a kobj_type whose attributes are all struct kobj_attribute. */
extern UMDEV_API const struct sysfs_ops kobj_sysfs_ops;

#define __ATTR(_name, _mode, _show, _store)                                                      \
	{                                                                                        \
		.attr = { .name = #_name, .mode = (_mode) }, .show = (_show), .store = (_store), \
	}
#define __ATTR_RO(_name) __ATTR(_name, 0444, _name##_show, NULL)
#define __ATTR_WO(_name) __ATTR(_name, 0200, NULL, _name##_store)
#define __ATTR_RW(_name) __ATTR(_name, 0644, _name##_show, _name##_store)

#define KOBJ_ATTR_RO(_name) struct kobj_attribute kobj_attr_##_name = __ATTR_RO(_name)
#define KOBJ_ATTR_WO(_name) struct kobj_attribute kobj_attr_##_name = __ATTR_WO(_name)
#define KOBJ_ATTR_RW(_name) struct kobj_attribute kobj_attr_##_name = __ATTR_RW(_name)

/* From "static struct attribute *NAME_attrs[]" to "NAME_groups". */
#define ATTRIBUTE_GROUPS(_name)                                                         \
	static const struct attribute_group _name##_group = { .attrs = _name##_attrs }; \
	static const struct attribute_group *_name##_groups[] = { &_name##_group, NULL }

/**
 * sysfs_create_file - add one attribute to an object that is in sysfs
 * Return: 0, -EEXIST, -ENOENT (not in sysfs), -EINVAL (no name), -ENOMEM.
 */
UMDEV_API int sysfs_create_file(struct kobject *kobj, const struct attribute *attr);

/** sysfs_remove_file - remove it; waits for its running show() and store(). Absent is fine. */
UMDEV_API void sysfs_remove_file(struct kobject *kobj, const struct attribute *attr);

/**
 * sysfs_remove_file_self - remove an attribute from within its own store() or show()
 *
 * The running call is not waited for, others are. When several calls race, one wins.
 * Return: true for the winner, who may go on to remove the whole object; false for the others, for
 * whom the object may be gone as soon as they return.
 */
UMDEV_API bool sysfs_remove_file_self(struct kobject *kobj, const struct attribute *attr);

/** sysfs_create_bin_file - as sysfs_create_file(), for binary contents. */
UMDEV_API int sysfs_create_bin_file(struct kobject *kobj, struct bin_attribute *attr);
/** sysfs_remove_bin_file - as sysfs_remove_file(). */
UMDEV_API void sysfs_remove_bin_file(struct kobject *kobj, struct bin_attribute *attr);

/**
 * sysfs_create_group - add a group, all of it or nothing
 * Return: 0, -EEXIST, -ENOENT, -EINVAL, -ENOMEM.
 */
UMDEV_API int sysfs_create_group(struct kobject *kobj, const struct attribute_group *grp);
/** sysfs_remove_group - remove it; waits for running calls. */
UMDEV_API void sysfs_remove_group(struct kobject *kobj, const struct attribute_group *grp);

/** sysfs_create_groups - add a NULL-terminated array of groups, all or nothing; NULL is fine. */
UMDEV_API int sysfs_create_groups(struct kobject *kobj, const struct attribute_group **groups);
/** sysfs_remove_groups - remove them in reverse order. */
UMDEV_API void sysfs_remove_groups(struct kobject *kobj, const struct attribute_group **groups);

/**
 * sysfs_create_link - a relative symbolic link in @kobj's directory to @target's
 * Return: 0, -EEXIST, -ENOENT (either is not in sysfs), -ENOMEM.
 */
UMDEV_API int sysfs_create_link(struct kobject *kobj, struct kobject *target, const char *name);
/** sysfs_remove_link - remove it; absent is fine. */
UMDEV_API void sysfs_remove_link(struct kobject *kobj, const char *name);

/**
 * sysfs_notify - wake those who poll() an attribute
 * @kobj: the object
 * @dir:  name of the group's subdirectory, or NULL
 * @attr: the attribute's name
 *
 * They see POLLERR|POLLPRI until they read it again. Context: any, does not sleep for long.
 */
UMDEV_API void sysfs_notify(struct kobject *kobj, const char *dir, const char *attr);

/**
 * sysfs_emit - print a value from a show()
 * @buf: the buffer that show() got
 * Return: the length, never more than SYSFS_PAGE_SIZE - 1; what is longer is cut.
 */
UMDEV_API int sysfs_emit(char *buf, const char *fmt, ...) __umdev_printf(2, 3);
/** sysfs_emit_at - the same, at offset @at of @buf. */
UMDEV_API int sysfs_emit_at(char *buf, int at, const char *fmt, ...) __umdev_printf(3, 4);

/** sysfs_streq - are two strings equal, but for one newline at the end? */
UMDEV_API bool sysfs_streq(const char *a, const char *b);

/**
 * kstrtoul - a number as store() gets it: optional '+', @base as in strtoul(), one newline allowed
 * Return: 0, -EINVAL, -ERANGE.
 */
UMDEV_API int kstrtoul(const char *s, unsigned int base, unsigned long *res);
/** kstrtouint - as kstrtoul(), for an unsigned int. */
UMDEV_API int kstrtouint(const char *s, unsigned int base, unsigned int *res);
/** kstrtobool - y, t, 1, on and n, f, 0, off (first letters, any case). Return: 0 or -EINVAL. */
UMDEV_API int kstrtobool(const char *s, bool *res);

#endif
