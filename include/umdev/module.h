/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Modules: drivers in shared objects, loaded by name or by alias, or built into a program.
 *
 * One C file with the macros below, compiled to a shared object NAME.so, is a module:
 *
 *     cc -shared -fPIC NAME.c -o NAME.so $(pkg-config --cflags --libs umdev)
 *
 * Built into a program, its sources are compiled with -DUMDEV_BUILTIN=NAME; then it is initialised
 * by umdev_start(), level by level. A '-' in the name of a file is a '_' in the name of its module.
 *
 * What a module offers to others (functions with default visibility) can be used by those that name
 * it in MODULE_DEPENDS().
 *
 * Behaviour: Linux 6.1 kernel/module/, kernel/params.c, include/linux/{module,moduleparam,init}.h;
 * aliases and dependencies: modprobe of kmod 30.
 */
#ifndef UMDEV_MODULE_H
#define UMDEV_MODULE_H

#include <umdev/kobject.h>

struct kernel_param;
struct module_private;

/* The layout that modules are compiled for; a module of another one is refused. */
#define UMDEV_MODULE_ABI "0"

/* The order in which what is built in is initialised, as the kernel's initcalls. */
enum module_level {
	MODULE_LEVEL_CORE,   /* buses and classes of the model */
	MODULE_LEVEL_SUBSYS, /* vfio, mdev */
	MODULE_LEVEL_DEVICE, /* drivers: module_init() */
};

/**
 * struct module - a module as the core knows it; defined by the macros, one per shared object
 * @name:   filled from the file name, or from UMDEV_BUILTIN
 * @init:   brings the module up; 0 or -errno, after which nothing of it may be left. Who loads it
 *          is told -EBUSY for -EEXIST, which says that a module is there already
 * @exit:   takes it down; NULL: it can't be unloaded (-EBUSY). No lock is held, as in @init
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
 * @set: take the text @val, NULL when the name came without '='; 0, -EINVAL, -ERANGE. Called before
 *       init() and by writes in sysfs
 * @get: print the value as sysfs_emit() does, with a newline; return its length
 *
 * Context: under kernel_param_lock() of the module.
 */
struct kernel_param_ops {
	int (*set)(const char *val, const struct kernel_param *kp);
	int (*get)(char *buf, const struct kernel_param *kp);
};

/**
 * struct kernel_param - one parameter of a module
 * @name: as in "modprobe MODULE name=value"; '-' and '_' are the same
 * @ops:  its type
 * @perm: bits of its file in parameters/; 0: no file
 * @arg:  the variable, of the type that @ops know
 * @next: in struct module
 */
struct kernel_param {
	const char *name;
	const struct kernel_param_ops *ops;
	mode_t perm;
	void *arg;
	struct kernel_param *next;
};

extern UMDEV_API const struct kernel_param_ops param_ops_int;	/* int */
extern UMDEV_API const struct kernel_param_ops param_ops_uint;	/* unsigned int */
extern UMDEV_API const struct kernel_param_ops param_ops_bool;	/* bool, shown as Y or N */
extern UMDEV_API const struct kernel_param_ops param_ops_charp; /* char *; the text is umdev's */

/**
 * kernel_param_lock - keep parameters of @mod from being written
 *
 * For a module that reads a parameter whose file is writable: the text of a charp is freed by the
 * next write. Context: any but a parameter's set() and get(), which run under it.
 */
UMDEV_API void kernel_param_lock(struct module *mod);
/** kernel_param_unlock - the reverse. */
UMDEV_API void kernel_param_unlock(struct module *mod);

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
/* Read from the file without running it: what the module is, needs and serves; the kernel's way. */
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
	MODULE_INFO(umdev, UMDEV_MODULE_ABI);                                 \
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
#define module_param_named(_name, value, type, _perm) \
	__umdev_module_param(_name, value, &param_ops_##type, #type, _perm)
/* Not through module_param_named(): "bool" is a macro and must not be expanded on the way. */
#define module_param(name, type, perm) \
	__umdev_module_param(name, name, &param_ops_##type, #type, perm)
#define __umdev_module_param(_name, value, _ops, _type, _perm)                        \
	MODULE_INFO(parmtype, #_name ":" _type);                                      \
	static void __attribute__((constructor)) __umdev_param_##_name(void)          \
	{                                                                             \
		static struct kernel_param kp = {                                     \
			.name = #_name, .ops = _ops, .perm = (_perm), .arg = &(value) \
		};                                                                    \
		kp.next = THIS_MODULE->params;                                        \
		THIS_MODULE->params = &kp;                                            \
	}                                                                             \
	struct __umdev_swallow_semicolon
#define MODULE_PARM_DESC(_parm, desc) MODULE_INFO(parm, #_parm ":" desc)

/* Of the macros above, not for drivers: enter a built-in module into the list, before main(). */
UMDEV_API void umdev_module_add_builtin(struct module *mod);

/* ---- using modules ---- */

/**
 * module_set_path - where modules are looked for
 * @dirs: directories with ':' between them, the first one that has a name wins; NULL for the one
 *        that umdev was installed with
 *
 * Context: any thread. Return: 0 or -ENOMEM.
 */
UMDEV_API int module_set_path(const char *dirs);

/**
 * request_module - load a module by name or alias, with what it depends on
 * @name: "mtty", a path that contains a '/', or an alias that modules in the path claim; then all
 *        of them are loaded, as modprobe does
 *
 * If it is being loaded or unloaded by somebody else, that is waited for; a module whose init()
 * leads back to itself is not waited for and counts as loaded.
 *
 * Context: may sleep; also from init() and exit() of a module, not under a lock that an init() or
 * exit() may want. Return: 0 (also when it is loaded or built in; for an alias: at least one is),
 * -ENOENT nobody claims it, else as module_load().
 */
UMDEV_API int request_module(const char *name);

/**
 * request_module_by - the same by somebody for whom a module's exit() may have to wait
 * @by: that module; NULL: none
 *
 * For who holds a lock that the exit() of @by wants, or runs in an attribute that this removes. If
 * @by is on its way out, it is not waited for: what depends on it is not loaded.
 * Return: as request_module(), -EBUSY for that.
 */
UMDEV_API int request_module_by(const struct module *by, const char *name);

/**
 * request_module_nowait - the same by a thread of umdev's, some time after this returns
 *
 * For an init() that wants what depends on its own module, which has to be up for that, and for who
 * hears of events. Context: any lock but those of the log.
 * Return: 0, -ENOMEM, -EAGAIN (no thread). What comes of it is in the log.
 */
UMDEV_API int request_module_nowait(const char *name);

/**
 * module_load - load one module with parameters, after what it depends on
 * @name:   as for request_module()
 * @params: "key=value other=\"with blanks\"", or NULL. A parameter that the module does not have is
 *          logged and ignored
 *
 * Context: as request_module().
 * Return: 0, -EEXIST (loaded or built in), -ENOENT, -ENOEXEC (no module, no module_init(), for
 * another machine or another UMDEV_MODULE_ABI, a missing symbol), -EINVAL or -ERANGE (bad
 * parameter), -ELOOP (depends on itself), -ENOMEM, else what init() returned. After an error
 * nothing of the module is left; modules loaded for it stay.
 */
UMDEV_API int module_load(const char *name, const char *params);

/**
 * module_unload - take a module down
 * @name: its name; '-' and '_' are the same
 *
 * Context: as request_module(). Waits for exit() and for running calls of the module's attributes.
 * Return: 0, -ENOENT (not loaded), -EBUSY (built in, without exit, in use, coming or going, or
 * another module depends on it).
 */
UMDEV_API int module_unload(const char *name);

/**
 * module_unload_wait - take a module down when nobody holds it any more
 * @name: as for module_unload()
 * @ask:  asks those who hold @mod to let go: at once, if there are any, and every ten seconds until
 *        they have; @count is how often it was called before. It must not wait for them
 *
 * From the beginning on it is going: nobody gets a reference any more, and there is no way back.
 * The caller of a store() may leave meanwhile (EINTR).
 * Context and return: as module_unload(), but that it is not -EBUSY for one that is in use.
 */
UMDEV_API int module_unload_wait(const char *name,
				 void (*ask)(struct module *mod, unsigned int count));

/**
 * module_init_error - say why an init() is about to fail, for whoever reads module_error()
 *
 * One line without a newline, which goes into the log as well; else the errno's text stands there.
 * Context: init(), in the thread that it was called by.
 */
UMDEV_API void module_init_error(const char *fmt, ...) __umdev_printf(1, 2);

/**
 * module_error - why this thread's last module_load(), request_module() or module_unload() failed
 *
 * One line without a newline that names the module and the file, as it also is in the log. Valid
 * until the thread's next call of these functions. Return: never NULL.
 */
UMDEV_API const char *module_error(void);

/**
 * try_module_get - keep a module from being unloaded
 * @mod: of a driver, bus or class that is registered; NULL is fine
 *
 * Context: any. Return: false if it is going away.
 */
UMDEV_API bool try_module_get(struct module *mod);
/** module_put - the reverse. NULL is fine. */
UMDEV_API void module_put(struct module *mod);
/** module_refcount - how many hold it; 0 for one that is built in. */
UMDEV_API int module_refcount(struct module *mod);

/**
 * struct module_state - one module, for lists
 * @name:     its name
 * @state:    live, coming, going, builtin
 * @path:     its file; NULL when built in
 * @size:     bytes of memory that its file asks for
 * @refcount: how many hold it
 * @holders:  names of modules that depend on it, comma between; "" for none
 */
struct module_state {
	const char *name;
	const char *state;
	const char *path;
	size_t size;
	int refcount;
	const char *holders;
};

/**
 * module_for_each - call @fn for each module, in the order in which they came up
 *
 * The modules of the moment of the call. The strings are valid during @fn only. @fn runs without
 * locks; if it returns something else than 0 that ends it.
 * Return: what the last call returned, or -ENOMEM.
 */
UMDEV_API int module_for_each(int (*fn)(const struct module_state *state, void *data), void *data);

/**
 * module_for_each_file - call @fn for what modules in the module path can be loaded by
 *
 * For each module that module_load() would find there by its name: once with @alias NULL, then with
 * each alias that its file claims. What is no module for this umdev is left out; whether a module
 * is loaded makes no difference. The rest is as for module_for_each().
 */
UMDEV_API int module_for_each_file(int (*fn)(const char *name, const char *alias, void *data),
				   void *data);

#endif
