/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Modules: drivers in shared objects, loaded by name or by alias, or built into a program.
 *
 * One C file with the macros below, compiled to a shared object NAME.so, is a module:
 *
 *     cc -shared -fPIC $(pkg-config --cflags --libs umdev) NAME.c -o NAME.so
 *
 * Built into a program, its sources are compiled with -DUMDEV_BUILTIN=NAME; then it is initialised by
 * umdev_start(), level by level.
 *
 * Behaviour: Linux 6.1 kernel/module/, include/linux/{module,moduleparam,init}.h.
 */
#ifndef UMDEV_MODULE_H
#define UMDEV_MODULE_H

#include <umdev/kobject.h>

struct kernel_param;
struct module_private;

enum module_level { /* order of initialisation of what is built in, as the kernel's initcalls */
	MODULE_LEVEL_CORE,   /* buses and classes of the model */
	MODULE_LEVEL_SUBSYS, /* vfio, mdev */
	MODULE_LEVEL_DEVICE, /* drivers: module_init() */
};

/**
 * struct module - a module as the core knows it; defined by the macros, one per shared object
 * @name:   filled from the file name, or from UMDEV_BUILTIN
 * @init:   brings the module up; 0 or -errno, after which nothing of it may be left
 * @exit:   takes it down; NULL: it can't be unloaded (-EBUSY)
 * @level:  when a built-in one is initialised
 * @params: list of its parameters
 * @list:   in the list of built-in modules, written before main()
 * @p:      umdev's; NULL while the module is not known to it
 */
struct module {
	const char *name;
	int (*init)(void);
	void (*exit)(void);
	enum module_level level;
	struct kernel_param *params;
	struct module *next_builtin;
	struct module_private *p;
};

/* ---- parameters: /sys/module/NAME/parameters/ and "modprobe NAME key=value" ---- */

/**
 * struct kernel_param_ops - how parameters of one type are read and written
 * @set: take the text @val; 0, -EINVAL, -ERANGE. Called before init() and by writes in sysfs
 * @get: print the value as sysfs_emit() does, with a newline
 *
 * Context: one call at a time per module.
 */
struct kernel_param_ops {
	int (*set)(const char *val, const struct kernel_param *kp);
	int (*get)(char *buf, const struct kernel_param *kp);
};

struct kernel_param {
	const char *name;
	const struct kernel_param_ops *ops;
	mode_t perm; /* bits of the file; 0: no file */
	void *arg;
	struct kernel_param *next;
};

extern UMDEV_API const struct kernel_param_ops param_ops_int;	/* int */
extern UMDEV_API const struct kernel_param_ops param_ops_uint;	/* unsigned int */
extern UMDEV_API const struct kernel_param_ops param_ops_bool;	/* bool, shown as Y or N */
extern UMDEV_API const struct kernel_param_ops param_ops_charp; /* char *, kept by umdev */

/* ---- what a module's source says of itself ---- */

#define __UMDEV_CAT(a, b)  a##b
#define __UMDEV_CAT2(a, b) __UMDEV_CAT(a, b)
#define __UMDEV_STR(a)	   #a
#define __UMDEV_STR2(a)	   __UMDEV_STR(a)

#ifdef UMDEV_BUILTIN
#define __umdev_this_module  __UMDEV_CAT2(__umdev_module_, UMDEV_BUILTIN)
#define __UMDEV_MODULE_NAME  __UMDEV_STR2(UMDEV_BUILTIN)
#define __UMDEV_MODINFO_ATTR __attribute__((unused))
#else
#define __umdev_this_module  __umdev_module
#define __UMDEV_MODULE_NAME  NULL
/* Read from the file without running it: what the module is, needs and serves. The kernel's format. */
#define __UMDEV_MODINFO_ATTR __attribute__((used, section(".modinfo"), aligned(1)))
#endif

/* One per module: all its sources share it, no other module sees it. */
extern struct module __umdev_this_module __attribute__((visibility("hidden")));
#define THIS_MODULE (&__umdev_this_module)

#define MODULE_INFO(tag, info)                                                                   \
	static const char __UMDEV_CAT2(__modinfo_##tag##_, __COUNTER__)[] __UMDEV_MODINFO_ATTR = \
		#tag "=" info
#define MODULE_LICENSE(s)     MODULE_INFO(license, s)
#define MODULE_AUTHOR(s)      MODULE_INFO(author, s)
#define MODULE_DESCRIPTION(s) MODULE_INFO(description, s)
#define MODULE_VERSION(s)     MODULE_INFO(version, s)
/* What a device's MODALIAS or request_module() may ask for; shell pattern. */
#define MODULE_ALIAS(s) MODULE_INFO(alias, s)
/* Modules to load before this one, with commas between. */
#define MODULE_DEPENDS(s) MODULE_INFO(depends, s)

/**
 * module_init - the function that brings the module up, and with it: this is a module
 *
 * Exactly once per module. A module without module_init() is refused (-ENOEXEC).
 */
#define module_init(fn) __umdev_module_init(fn, MODULE_LEVEL_DEVICE)
/* For what others stand on when it is built in; the same as module_init() in a shared object. */
#define subsys_initcall(fn) __umdev_module_init(fn, MODULE_LEVEL_SUBSYS)
#define core_initcall(fn)   __umdev_module_init(fn, MODULE_LEVEL_CORE)

#ifdef UMDEV_BUILTIN
#define __umdev_module_init(fn, lvl)                                          \
	struct module __umdev_this_module = { .name = __UMDEV_MODULE_NAME,    \
					      .init = (fn),                   \
					      .level = (lvl) };               \
	static void __attribute__((constructor)) __umdev_module_builtin(void) \
	{                                                                     \
		umdev_module_add_builtin(THIS_MODULE);                        \
	}                                                                     \
	struct __umdev_swallow_semicolon
#else
#define __umdev_module_init(fn, lvl)                                          \
	struct module __umdev_this_module = { .init = (fn), .level = (lvl) }; \
	UMDEV_API struct module *umdev_module_entry(void);                    \
	UMDEV_API struct module *umdev_module_entry(void)                     \
	{                                                                     \
		return THIS_MODULE;                                           \
	}                                                                     \
	struct __umdev_swallow_semicolon
#endif

/** module_exit - the function that takes the module down; without one it stays for ever. */
#define module_exit(fn)                                                        \
	static void __attribute__((constructor)) __umdev_module_set_exit(void) \
	{                                                                      \
		THIS_MODULE->exit = (fn);                                      \
	}                                                                      \
	struct __umdev_swallow_semicolon

/**
 * module_param_named - a parameter NAME kept in the variable @value
 * @type: int, uint, bool or charp
 * @perm: bits of its file, 0444 or 0644; 0 for none
 */
#define module_param_named(_name, value, type, _perm)                                              \
	MODULE_INFO(parmtype, #_name ":" #type);                                                   \
	static void __attribute__((constructor)) __umdev_param_##_name(void)                       \
	{                                                                                          \
		static struct kernel_param kp = {                                                  \
			.name = #_name, .ops = &param_ops_##type, .perm = (_perm), .arg = &(value) \
		};                                                                                 \
		kp.next = THIS_MODULE->params;                                                     \
		THIS_MODULE->params = &kp;                                                         \
	}                                                                                          \
	struct __umdev_swallow_semicolon
#define module_param(name, type, perm) module_param_named(name, name, type, perm)
#define MODULE_PARM_DESC(_parm, desc)  MODULE_INFO(parm, #_parm ":" desc)

/* Of the macros above, not for drivers: enter a built-in module into the list, before main(). */
UMDEV_API void umdev_module_add_builtin(struct module *mod);

/* ---- using modules ---- */

/**
 * module_set_path - where modules are looked for
 * @dirs: directories with ':' between them; NULL for the one that umdev was installed with
 * Return: 0 or -ENOMEM.
 */
UMDEV_API int module_set_path(const char *dirs);

/**
 * request_module - load a module by name or alias, with what it depends on
 * @name: "mtty", a path that contains a '/', or an alias that a module in the path claims
 * Return: 0 (also when it is loaded or built in), -ENOENT nobody claims it, else as module_load().
 */
UMDEV_API int request_module(const char *name);

/**
 * module_load - load one module with parameters, after what it depends on
 * @name:   as for request_module()
 * @params: "key=value key=value", or NULL
 *
 * Why it failed is also in the log, in one line that names the file.
 * Return: 0, -EEXIST (loaded or built in), -ENOENT, -ENOEXEC (no module, no module_init(), a missing symbol),
 * -EINVAL (bad parameter), -ENOMEM, else what init() returned.
 */
UMDEV_API int module_load(const char *name, const char *params);

/**
 * module_unload - take a module down
 * Return: 0, -ENOENT (not loaded), -EBUSY (built in, without exit, in use, or another module depends on it).
 */
UMDEV_API int module_unload(const char *name);

/** try_module_get - keep a module from being unloaded; NULL is fine. Return: false if it is going away. */
UMDEV_API bool try_module_get(struct module *mod);
/** module_put - the reverse. */
UMDEV_API void module_put(struct module *mod);
/** module_refcount - how many hold it. */
UMDEV_API int module_refcount(struct module *mod);

/**
 * struct module_state - one loaded module, for lists
 */
struct module_state {
	const char *name;
	const char *state; /* live, coming, going, builtin */
	const char *path;  /* NULL when built in */
	int refcount;
	const char *holders; /* names of modules that depend on it, comma between */
};

/** module_for_each - call @fn for each module; the strings are valid during the call only. */
UMDEV_API int module_for_each(int (*fn)(const struct module_state *state, void *data), void *data);

#endif
