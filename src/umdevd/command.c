/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <umdev/log.h>
#include <umdev/module.h>
#include <umdev/vfio.h>
#include <umdev/vfio_user.h>

#include "model/suggest.h"
#include "umdevd/command.h"
#include "umdevd/monitor.h"
#include "umdevd/params.h"
#include "umdevd/udevd.h"
#include "umdevd/view.h"

static int send_ok(int fd, struct json_object *answer)
{
	int err;

	json_object_object_add(answer, "ok", json_object_new_boolean(true));
	err = control_send(fd, answer);
	json_object_put(answer);
	return err;
}

/* A text without NULs, or NULL. */
static const char *as_text(struct json_object *value)
{
	const char *text;

	if (!json_object_is_type(value, json_type_string))
		return NULL;
	text = json_object_get_string(value);
	return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

static const char *get_text(struct json_object *request, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(request, key, &value) ? as_text(value) : NULL;
}

/* ["key=value", ...] to one text. Return: 0 (also when there are none), -EINVAL, -ENOMEM. */
static int get_params(struct json_object *request, char **params)
{
	struct json_object *array;
	const char *word;
	size_t i;
	int err = 0;

	*params = NULL;
	if (!json_object_object_get_ex(request, "params", &array))
		return 0;
	if (!json_object_is_type(array, json_type_array))
		return -EINVAL;
	for (i = 0; i < json_object_array_length(array) && !err; i++) {
		word = as_text(json_object_array_get_idx(array, i));
		err = word ? params_append(params, word) : -EINVAL;
	}
	if (err) {
		free(*params);
		*params = NULL;
	}
	return err;
}

static int run_modprobe(int fd, const struct control_info *info, struct json_object *request)
{
	const char *name = get_text(request, "name");
	struct json_object *answer;
	char *params;
	int err;

	if (!name)
		return control_send_error(fd, -EINVAL, "modprobe needs the name of a module");
	err = get_params(request, &params);
	if (err)
		return control_send_error(fd, err, "module \"%s\": not valid as parameters", name);
	err = module_load(name, params);
	free(params);
	if (err && err != -EEXIST)
		return control_send_error(fd, err, "%s", module_error());
	answer = json_object_new_object();
	json_object_object_add(answer, "already", json_object_new_boolean(err == -EEXIST));
	return send_ok(fd, answer);
}

static int run_rmmod(int fd, const struct control_info *info, struct json_object *request)
{
	const char *name = get_text(request, "name");
	struct json_object *value;
	bool wait = false;
	int err;

	if (!name)
		return control_send_error(fd, -EINVAL, "rmmod needs the name of a module");
	if (json_object_object_get_ex(request, "wait", &value))
		wait = json_object_get_boolean(value);
	err = wait ? module_unload_wait(name, vfio_request_users) : module_unload(name);
	if (err)
		return control_send_error(fd, err, "%s", module_error());
	return send_ok(fd, json_object_new_object());
}

static int say_attach_failed(int fd, const char *name, const char *path, int err)
{
	switch (err) {
	case -EINVAL:
		return control_send_error(fd, err,
					  "can't attach \"%.64s\" to %.128s: a name has letters, "
					  "digits and _-:.+ and begins with a letter or digit, and "
					  "the path of a socket is absolute",
					  name, path);
	case -ENAMETOOLONG:
		return control_send_error(fd, err,
					  "can't attach \"%.64s\" to %.128s: the name or the path "
					  "of the socket is too long",
					  name, path);
	case -EEXIST:
		return control_send_error(fd, err, "%s is attached already", name);
	case -ENOTSOCK:
		return control_send_error(fd, err, "%s is no socket", path);
	}
	return control_send_error(fd, err, "can't attach %s to %s: %s", name, path, strerror(-err));
}

static int run_attach(int fd, const struct control_info *info, struct json_object *request)
{
	const char *name = get_text(request, "name"), *path = get_text(request, "socket");
	struct json_object *answer;
	int ret;

	if (!name || !path)
		return control_send_error(fd, -EINVAL, "attach needs a name and a socket");
	ret = vfio_user_attach(name, path);
	if (ret < 0)
		return say_attach_failed(fd, name, path, ret);
	answer = json_object_new_object();
	json_object_object_add(answer, "missing", json_object_new_boolean(ret));
	return send_ok(fd, answer);
}

static int run_detach(int fd, const struct control_info *info, struct json_object *request)
{
	const char *name = get_text(request, "name");
	int err;

	if (!name)
		return control_send_error(fd, -EINVAL, "detach needs the name of a device");
	err = vfio_user_detach(name);
	if (err)
		return control_send_error(fd, err, "%.64s %s", name,
					  err == -EALREADY ? "is being detached already"
							   : "is not attached");
	return send_ok(fd, json_object_new_object());
}

static int add_module(const struct module_state *state, void *data)
{
	struct json_object *obj = json_object_new_object();

	json_object_object_add(obj, "name", json_object_new_string(state->name));
	json_object_object_add(obj, "state", json_object_new_string(state->state));
	json_object_object_add(obj, "size", json_object_new_uint64(state->size));
	json_object_object_add(obj, "refcount", json_object_new_int(state->refcount));
	json_object_object_add(obj, "holders", json_object_new_string(state->holders));
	if (state->path)
		json_object_object_add(obj, "path", json_object_new_string(state->path));
	return json_object_array_add(data, obj);
}

static int run_lsmod(int fd, const struct control_info *info, struct json_object *request)
{
	struct json_object *answer = json_object_new_object(), *list = json_object_new_array();

	json_object_object_add(answer, "modules", list);
	if (module_for_each(add_module, list)) {
		json_object_put(answer);
		return control_send_error(fd, -ENOMEM, "out of memory");
	}
	return send_ok(fd, answer);
}

static int count_loaded(const struct module_state *state, void *data)
{
	*(int *)data += state->path != NULL;
	return 0;
}

static int64_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static int run_status(int fd, const struct control_info *info, struct json_object *request)
{
	struct json_object *answer = json_object_new_object();
	pid_t udevd = udevd_pid(info->udevd);
	int modules = 0;

	module_for_each(count_loaded, &modules);
	json_object_object_add(answer, "version", json_object_new_string(UMDEV_VERSION));
	json_object_object_add(answer, "pid", json_object_new_int(getpid()));
	json_object_object_add(answer, "uid", json_object_new_int64(geteuid()));
	json_object_object_add(answer, "uptime",
			       json_object_new_int64(seconds_now() - info->started));
	json_object_object_add(answer, "runtime_dir", json_object_new_string(info->runtime_dir));
	json_object_object_add(answer, "sysfs", json_object_new_string(info->sysfs));
	json_object_object_add(answer, "vfio_user", json_object_new_string(info->vfio_user));
	json_object_object_add(answer, "modules", json_object_new_int(modules));
	if (udevd)
		json_object_object_add(answer, "udevd", json_object_new_int(udevd));
	return send_ok(fd, answer);
}

static int run_monitor(int fd, const struct control_info *info, struct json_object *request)
{
	monitor_run(fd);
	return -ECONNRESET;
}

static int run_view(int fd, const struct control_info *info, struct json_object *request)
{
	return view_run(info->views, fd, request);
}

static int run_udevd(int fd, const struct control_info *info, struct json_object *request)
{
	return udevd_run(info->udevd, fd);
}

static const struct {
	const char *name;
	int (*run)(int fd, const struct control_info *info, struct json_object *request);
} commands[] = {
	{ "attach", run_attach },     { "detach", run_detach },	  { "lsmod", run_lsmod },
	{ "modprobe", run_modprobe }, { "monitor", run_monitor }, { "rmmod", run_rmmod },
	{ "status", run_status },     { "udevd", run_udevd },	  { "view", run_view },
};

int command_run(int fd, const struct control_info *info, struct json_object *request)
{
	const char *name = get_text(request, "command");
	struct suggestion s;
	size_t i;

	if (!name)
		return control_send_error(fd, -EINVAL, "the request names no command");
	suggestion_init(&s, name);
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(fd, info, request);
		suggestion_offer(&s, commands[i].name);
	}
	return control_send_error(fd, -EINVAL, "no command \"%.64s\"%s%s%s", name,
				  s.best ? " (did you mean \"" : "", s.best ? s.best : "",
				  s.best ? "\"?)" : "");
}
