/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events that somebody asks for by writing to a "uevent" file.
 */
#include <ctype.h>
#include <errno.h>

#include <umdev/log.h>

#include "model/alloc.h"
#include "model/uevent_internal.h"

#define UUID_LEN 36

/* A piece of what was written: from @pos up to @end. */
struct span {
	const char *pos, *end;
};

static bool parse_action(struct span word, enum kobject_action *action)
{
	size_t len = word.end - word.pos;
	const char *name;

	for (int i = KOBJ_ADD; i <= KOBJ_UNBIND; i++) {
		name = uevent_action_name(i);
		if (strlen(name) == len && !memcmp(name, word.pos, len)) {
			*action = i;
			return true;
		}
	}
	return false;
}

static bool parse_uuid(struct span *in, struct span *uuid)
{
	if (in->end - in->pos < UUID_LEN)
		return false;
	for (int i = 0; i < UUID_LEN; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? in->pos[i] != '-' : !isxdigit((unsigned char)in->pos[i]))
			return false;
	}
	uuid->pos = in->pos;
	uuid->end = in->pos + UUID_LEN;
	in->pos = uuid->end;
	return true;
}

/* Take letters and digits, at least one, off @in. */
static bool parse_word(struct span *in, struct span *word)
{
	word->pos = in->pos;
	while (in->pos < in->end && isalnum((unsigned char)*in->pos))
		in->pos++;
	word->end = in->pos;
	return word->pos < word->end;
}

static bool parse_char(struct span *in, char c)
{
	if (in->pos == in->end || *in->pos != c)
		return false;
	in->pos++;
	return true;
}

/* "UUID [KEY=VALUE ...]" to environment strings. */
static int parse_args(struct span in, struct kobj_uevent_env *env)
{
	struct span uuid, key, value;

	if (!parse_uuid(&in, &uuid) || add_uevent_var(env, "SYNTH_UUID=%.*s", UUID_LEN, uuid.pos))
		return -EINVAL;
	while (in.pos < in.end) {
		if (!parse_char(&in, ' ') || !parse_word(&in, &key) || !parse_char(&in, '=') ||
		    !parse_word(&in, &value))
			return -EINVAL;
		if (add_uevent_var(env, "SYNTH_ARG_%.*s=%.*s", (int)(key.end - key.pos), key.pos,
				   (int)(value.end - value.pos), value.pos))
			return -EINVAL;
	}
	return 0;
}

int uevent_synth_parse(const char *buf, size_t count, enum kobject_action *action,
		       struct kobj_uevent_env *env)
{
	struct span all, word;
	const char *space;

	if (count && (buf[count - 1] == '\n' || buf[count - 1] == '\0'))
		count--;
	all.pos = buf;
	all.end = buf + count;
	space = memchr(buf, ' ', count);
	word.pos = buf;
	word.end = space ? space : all.end;
	if (!parse_action(word, action))
		return -EINVAL;
	if (!space)
		return add_uevent_var(env, "SYNTH_UUID=0");
	all.pos = space + 1;
	return parse_args(all, env);
}

static int synth_uevent(struct kobject *kobj, const char *buf, size_t count)
{
	char *envp[UEVENT_NUM_ENVP + 1] = { NULL };
	struct kobj_uevent_env *env;
	enum kobject_action action;
	int err;

	env = zalloc(sizeof(*env));
	if (!env)
		return -ENOMEM;
	err = uevent_synth_parse(buf, count, &action, env);
	if (!err) {
		memcpy(envp, env->envp, env->envp_idx * sizeof(*envp));
		err = uevent_send_synthetic(kobj, action, envp);
	}
	free(env);
	return err;
}

int kobject_synth_uevent(struct kobject *kobj, const char *buf, size_t count)
{
	int err = synth_uevent(kobj, buf, count);
	char *path;

	if (err) {
		path = kobject_get_path(kobj);
		pr_warn("synth uevent: %s: %s", path ? path : "unknown device",
			err == -EINVAL ? "not an action and its arguments"
				       : "failed to send uevent");
		free(path);
	}
	return err;
}
