/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdatomic.h>

#include <umdev/log.h>
#include <umdev/module.h>
#include <umdev/umdev.h>

#include "model/base.h"
#include "model/module_internal.h"

/* Filled before main(), by one thread; in the order of linking. */
static struct module *builtins;
static struct module **builtins_end = &builtins;

static atomic_bool started;

/* Written before there is another thread. */
static const char *runtime_dir;

void umdev_set_runtime_dir(const char *dir)
{
	runtime_dir = dir;
}

const char *umdev_runtime_dir(void)
{
	return runtime_dir;
}

void umdev_module_add_builtin(struct module *mod)
{
	*builtins_end = mod;
	builtins_end = &mod->next_builtin;
}

int umdev_start(void)
{
	struct module *mod;
	int err, level;

	if (atomic_exchange(&started, true))
		return -EALREADY;
	err = model_init();
	if (err) {
		atomic_store(&started, false);
		return err;
	}
	for (level = MODULE_LEVEL_CORE; level <= MODULE_LEVEL_DEVICE; level++) {
		for (mod = builtins; mod; mod = mod->next_builtin) {
			if ((int)mod->level != level)
				continue;
			err = module_builtin_add(mod);
			if (err)
				pr_err("module \"%s\", built in: init failed: %s", mod->name,
				       module_errdesc(err));
		}
	}
	return 0;
}

void umdev_stop(void)
{
	if (!atomic_load(&started))
		return;
	/* Under a module that stays, all that it stands on has to stay. */
	if (!modules_finish())
		return;
	module_files_finish();
	model_exit();
	atomic_store(&started, false);
}
