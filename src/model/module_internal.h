/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Modules, from the inside: what module.c (life), module_file.c (files), module_param.c
 * (parameters), module_sysfs.c (/sys/module) and init.c (built-in ones) share.
 */
#ifndef UMDEV_MODEL_MODULE_INTERNAL_H
#define UMDEV_MODEL_MODULE_INTERNAL_H

#include <limits.h>
#include <pthread.h>
#include <umdev/module.h>

enum module_status {
	MODULE_COMING, /* found, or being initialised */
	MODULE_LIVE,
	MODULE_GOING, /* those who hold it are waited for, exit() runs, or init() has failed */
};

struct param_attribute;

/* What the count of references begins at when nobody gets one any more. */
#define MODULE_CLOSED (INT_MIN / 2)

/**
 * struct module_private - a module that is known to umdev
 * @kobj:       /sys/module/NAME; its last reference frees this
 * @mod:        the module's own part; NULL until its file is mapped
 * @name:       owned
 * @path:       owned; NULL when built in
 * @version:    owned; NULL if it says none
 * @handle:     of dlopen()
 * @size:       bytes of memory that the file asks for
 * @builtin:    part of the program
 * @status:     written under modules_lock; a reader without it sees one or the other
 * @announcing: live, but its "add" event is being sent: an unload waits. Under modules_lock
 * @stuck:      umdev_stop() could not unload it. Only used there
 * @refcount:   atomic: 1 and one for each that holds it; MODULE_CLOSED and one for each while those
 *              are waited for; 0 once nobody can hold it any more
 * @deps:       what it depends on, each with a reference; constant while live
 * @nr_deps:    how many
 * @outer:      the module in whose init() or exit() the same thread loads or unloads this one
 * @awaits:     what the thread that brings this one up or down waits for; under modules_lock
 * @list:       under modules_lock
 * @param_lock: kernel_param_lock()
 * @params:     the files in parameters/, NULL-terminated in @param_attrs; NULL if there are none
 * @param_attrs: the same as the group wants them
 * @param_group: the directory parameters
 * @holders_dir: the directory holders; NULL when built in
 * @drivers_dir: the directory drivers, made with its first driver; under drivers_lock
 */
struct module_private {
	struct kobject kobj;
	struct module *mod;
	char *name;
	char *path;
	char *version;
	void *handle;
	size_t size;
	bool builtin;
	enum module_status status;
	bool announcing;
	bool stuck;
	int refcount;
	struct module_private **deps;
	unsigned int nr_deps;
	struct module_private *outer;
	struct module_private *awaits;
	struct list_head list;
	pthread_mutex_t param_lock;
	struct param_attribute *params;
	struct attribute **param_attrs;
	struct attribute_group param_group;
	struct kobject *holders_dir;
	struct kobject *drivers_dir;
};

/* ---- module_list.c ---- */

/* No lock is inside of it but those of memory, and nothing of a module runs under it. */
extern pthread_mutex_t modules_lock;
/* Some module has changed its status, or is gone. With modules_lock. */
extern pthread_cond_t modules_changed;
/* In the order in which they came up; under modules_lock. */
extern struct list_head modules;

/** modules_find - by name, also coming and going ones; NULL. Under modules_lock. */
struct module_private *modules_find(const char *name);

/**
 * modules_settle - wait until the module with this name is live or not there
 * @out: the module or NULL; valid under modules_lock
 *
 * Context: under modules_lock, which it drops while waiting. Return: 0, or -EDEADLK if that would
 * never be, because the module waits for what this thread is bringing up or down; -EBUSY if it is,
 * or waits for, the thread's requester, which is going.
 */
int modules_settle(const char *name, struct module_private **out);

/**
 * modules_set_requester - whose exit() may wait for this thread from now on; NULL: nobody's
 * Context: none. Return: whose it was before.
 */
const struct module *modules_set_requester(const struct module *mod);

/** module_set_status - and tell those who wait. Under modules_lock. */
void module_set_status(struct module_private *m, enum module_status status);

/** module_enter - this thread begins to bring @m up or down. Nests. Under modules_lock. */
void module_enter(struct module_private *m);
/** module_leave - the reverse. */
void module_leave(struct module_private *m);

/** module_forget - off the list; those who wait for it look again. Under modules_lock. */
void module_forget(struct module_private *m);

/** module_holders - names of those that depend on @m. Return: how many. Under modules_lock. */
unsigned int module_holders(const struct module_private *m, char *buf, size_t size);

/* ---- module_load.c ---- */

/** module_announce - send the "add" event of a live module, and only then let it be unloaded. */
void module_announce(struct module_private *m);
/** module_put_dependencies - let go of what @m depends on. */
void module_put_dependencies(struct module_private *m);
/** module_unmap - the reverse of mapping the file; the module's own part is gone. */
void module_unmap(struct module_private *m);

/* ---- module.c ---- */

/**
 * module_refuse - remember why something failed, for module_error()
 * Return: @err.
 */
int module_refuse(int err, const char *fmt, ...) __umdev_printf(2, 3);

/** module_close - from now on nobody gets a reference. Return: false if somebody has one. */
bool module_close(struct module_private *m);

/* How often those who hold a module are asked to let go; only tests change it. */
extern unsigned int module_request_interval_ms;

/** module_alloc - a module with one reference, coming; NULL without memory. @name is normalised. */
struct module_private *module_alloc(const char *name);

/** module_name_normalise - '-' becomes '_', in place, but not inside of brackets (patterns). */
void module_name_normalise(char *name);

/** module_builtin_add - enter and initialise a built-in one. Return: 0, -ENOMEM, init()'s error. */
int module_builtin_add(struct module *mod);

/**
 * modules_finish - unload all, then take down what is built in, each in reverse order
 * Return: false if a module could not be unloaded; what is built in then stays, too.
 */
bool modules_finish(void);

/** module_requests_finish - end request_module_nowait()'s thread; waits for what it loads now. */
void module_requests_finish(void);

/** module_errdesc - a negative errno in words. */
const char *module_errdesc(int err);

/* ---- module_file.c ---- */

/**
 * struct module_info - what a file says of itself in its section .modinfo
 * @text: "tag=value" strings, each with its NUL; owned
 * @len:  how many bytes
 * @size: bytes of memory that the file asks for
 */
struct module_info {
	char *text;
	size_t len;
	size_t size;
};

/**
 * module_info_read - read a file's .modinfo without running anything of it
 * Return: 0, -ENOEXEC (no module of this machine and UMDEV_MODULE_ABI), -ENOMEM, -errno of open();
 * why is said to module_refuse().
 */
int module_info_read(const char *path, struct module_info *info);
/** module_info_finish - free it; zeroed is fine. */
void module_info_finish(struct module_info *info);

/**
 * module_info_next - the value of the next entry with this tag
 * @prev: what the last call returned, NULL for the first entry
 * Return: the value, or NULL.
 */
const char *module_info_next(const struct module_info *info, const char *tag, const char *prev);

/**
 * module_file_find - the file of the module with this name in the module path
 * @name: normalised
 * @path: the file, to free()
 * Return: 0, -ENOENT, -ENOMEM.
 */
int module_file_find(const char *name, char **path);

/**
 * module_file_match - the files that claim an alias
 * @paths: NULL-terminated, in the order of their names; free with module_paths_free()
 * Return: 0, -ENOENT (no file claims it), -ENOMEM.
 */
int module_file_match(const char *alias, char ***paths);
void module_paths_free(char **paths);

/** module_file_name - name of the module in this file, to free(); NULL: no memory or no name. */
char *module_file_name(const char *path);

/** module_file_missing - refuse with -ENOENT, say where it was looked for and what is similar. */
int module_file_missing(const char *name);

/** module_files_finish - forget the module path and what was read there. */
void module_files_finish(void);

/* ---- module_param.c ---- */

/**
 * module_params_parse - set parameters from "key=value ..."
 * Return: 0, -EINVAL, -ERANGE, -ENOMEM; why is said to module_refuse().
 */
int module_params_parse(struct module_private *m, const char *args);
/** module_params_finish - free texts of charp parameters; they have their first values again. */
void module_params_finish(struct module *mod);

/** module_params_init - make the files of parameters/. Return: 0, -ENOMEM. */
int module_params_init(struct module_private *m);
/** module_params_free - the reverse, when the files are gone. */
void module_params_free(struct module_private *m);

/* ---- module_sysfs.c ---- */

/** module_sysfs_add - show /sys/module/NAME, complete. Return: 0, -ENOMEM, -EEXIST. */
int module_sysfs_add(struct module_private *m);
/** module_sysfs_del - the reverse; sends "remove" if "add" was sent. */
void module_sysfs_del(struct module_private *m);

extern const struct kobj_type module_ktype;

/** module_refcount_of - how many hold it. */
int module_refcount_of(const struct module_private *m);

#endif
