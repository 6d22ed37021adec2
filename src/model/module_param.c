/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include <umdev/log.h>

#include "model/alloc.h"
#include "model/module_internal.h"

/* ---- the types ---- */

static int parse_integer(const char *val, long long min, long long max, long long *res)
{
	const char *digits;
	char *end;

	if (!val)
		return -EINVAL;
	digits = val + (*val == '-' || *val == '+');
	/* strtoll() would take blanks and a second sign. */
	if (!isdigit((unsigned char)*digits))
		return -EINVAL;
	errno = 0;
	*res = strtoll(val, &end, 0);
	if (*end == '\n')
		end++;
	if (*end)
		return -EINVAL;
	return errno || *res < min || *res > max ? -ERANGE : 0;
}

static int param_set_int(const char *val, const struct kernel_param *kp)
{
	long long v;
	int err = parse_integer(val, INT_MIN, INT_MAX, &v);

	if (!err)
		__atomic_store_n((int *)kp->arg, (int)v, __ATOMIC_RELAXED);
	return err;
}

static int param_get_int(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%d\n", *(int *)kp->arg);
}

static int param_set_uint(const char *val, const struct kernel_param *kp)
{
	long long v;
	int err = parse_integer(val, 0, UINT_MAX, &v);

	if (!err)
		__atomic_store_n((unsigned int *)kp->arg, (unsigned int)v, __ATOMIC_RELAXED);
	return err;
}

static int param_get_uint(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%u\n", *(unsigned int *)kp->arg);
}

/* A name without '=' switches it on. */
static int param_set_bool(const char *val, const struct kernel_param *kp)
{
	bool v;
	int err = kstrtobool(val ? val : "1", &v);

	if (!err)
		__atomic_store_n((bool *)kp->arg, v, __ATOMIC_RELAXED);
	return err;
}

static int param_get_bool(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%c\n", *(bool *)kp->arg ? 'Y' : 'N');
}

#define CHARP_MAX 1024

/*
 * A text that was given to a charp parameter. Without this list nobody could tell it from the
 * literal that the variable began with, which must not be freed and comes back at the end.
 */
struct charp_text {
	struct charp_text *next;
	char **where;
	char *initial;
	char *text;
};

static pthread_mutex_t charp_lock = PTHREAD_MUTEX_INITIALIZER;
static struct charp_text *charp_texts; /* under charp_lock */

static struct charp_text *charp_find(char **where)
{
	struct charp_text *ct;

	for (ct = charp_texts; ct && ct->where != where; ct = ct->next)
		;
	return ct;
}

static int param_set_charp(const char *val, const struct kernel_param *kp)
{
	char **where = kp->arg, *text, *old = NULL;
	struct charp_text *ct;

	if (!val)
		return -EINVAL;
	if (strlen(val) > CHARP_MAX)
		return -ENOSPC;
	text = strdup_f(val);
	if (!text)
		return -ENOMEM;
	/* The newline is echo's, not part of the value. */
	if (*text && text[strlen(text) - 1] == '\n')
		text[strlen(text) - 1] = '\0';
	pthread_mutex_lock(&charp_lock);
	ct = charp_find(where);
	if (!ct) {
		ct = zalloc(sizeof(*ct));
		if (!ct) {
			pthread_mutex_unlock(&charp_lock);
			free(text);
			return -ENOMEM;
		}
		ct->where = where;
		ct->initial = *where;
		ct->next = charp_texts;
		charp_texts = ct;
	}
	old = ct->text;
	ct->text = text;
	*where = text;
	pthread_mutex_unlock(&charp_lock);
	free(old);
	return 0;
}

static int param_get_charp(char *buf, const struct kernel_param *kp)
{
	const char *text = *(char **)kp->arg;

	return sysfs_emit(buf, "%s\n", text ? text : "(null)");
}

const struct kernel_param_ops param_ops_int = { .set = param_set_int, .get = param_get_int };
const struct kernel_param_ops param_ops_uint = { .set = param_set_uint, .get = param_get_uint };
const struct kernel_param_ops param_ops_bool = { .set = param_set_bool, .get = param_get_bool };
const struct kernel_param_ops param_ops_charp = { .set = param_set_charp, .get = param_get_charp };

static bool has_param_at(const struct module *mod, const void *where)
{
	const struct kernel_param *kp;

	for (kp = mod->params; kp; kp = kp->next)
		if (kp->arg == where)
			return true;
	return false;
}

void module_params_finish(struct module *mod)
{
	struct charp_text *ct, **link = &charp_texts;

	pthread_mutex_lock(&charp_lock);
	while ((ct = *link)) {
		if (!has_param_at(mod, ct->where)) {
			link = &ct->next;
			continue;
		}
		*link = ct->next;
		*ct->where = ct->initial;
		free(ct->text);
		free(ct);
	}
	pthread_mutex_unlock(&charp_lock);
}

/* ---- "key=value key=value" ---- */

static bool param_name_eq(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b))
			return false;
	return *a == *b;
}

static struct kernel_param *param_find(struct module *mod, const char *name)
{
	struct kernel_param *kp;

	for (kp = mod->params; kp; kp = kp->next)
		if (param_name_eq(kp->name, name))
			return kp;
	return NULL;
}

/*
 * Cut the next word off: up to a blank that is not between double quotes. Quotes around the whole
 * word or around the whole value are not part of it. Return: where the rest begins.
 */
static char *next_word(char *args, char **key, char **val)
{
	bool quoted = false, in_quote = false;
	size_t i, equals = 0;
	char *next;

	if (*args == '"') {
		args++;
		quoted = in_quote = true;
	}
	for (i = 0; args[i]; i++) {
		if (isspace((unsigned char)args[i]) && !in_quote)
			break;
		if (!equals && args[i] == '=')
			equals = i;
		if (args[i] == '"')
			in_quote = !in_quote;
	}
	next = args + i + (args[i] != '\0');
	args[i] = '\0';
	*key = args;
	*val = NULL;
	if (equals) {
		args[equals] = '\0';
		*val = args + equals + 1;
		if (**val == '"') {
			(*val)++;
			quoted = true;
		}
	}
	if (quoted && i > 0 && args[i - 1] == '"')
		args[i - 1] = '\0';
	return next;
}

static int param_set(struct module_private *m, const char *key, const char *val)
{
	struct kernel_param *kp = param_find(m->mod, key);
	int err;

	if (!kp) {
		pr_warn("module \"%s\": unknown parameter \"%s\" ignored", m->name, key);
		return 0;
	}
	pthread_mutex_lock(&m->param_lock);
	err = kp->ops->set(val, kp);
	pthread_mutex_unlock(&m->param_lock);
	if (!err)
		return 0;
	if (err == -ERANGE || err == -ENOSPC)
		return module_refuse(
			err, "module \"%s\": value \"%s\" is too large for parameter \"%s\"",
			m->name, val ? val : "", key);
	if (!val)
		return module_refuse(err,
				     "module \"%s\": parameter \"%s\" needs a value (\"%s=...\")",
				     m->name, key, key);
	return module_refuse(err, "module \"%s\": value \"%s\" is invalid for parameter \"%s\"",
			     m->name, val, key);
}

int module_params_parse(struct module_private *m, const char *args)
{
	char *copy, *rest, *key, *val;
	int err = 0;

	if (!args)
		return 0;
	copy = strdup_f(args);
	if (!copy)
		return module_refuse(-ENOMEM, "module \"%s\": out of memory", m->name);
	rest = copy;
	while (!err) {
		while (isspace((unsigned char)*rest))
			rest++;
		if (!*rest)
			break;
		rest = next_word(rest, &key, &val);
		err = param_set(m, key, val);
	}
	free(copy);
	return err;
}

/* ---- parameters/ ---- */

struct param_attribute {
	struct kobj_attribute attr;
	struct module_private *m;
	const struct kernel_param *kp;
};

static ssize_t param_attr_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	struct param_attribute *pa = container_of(attr, struct param_attribute, attr);
	int len;

	pthread_mutex_lock(&pa->m->param_lock);
	len = pa->kp->ops->get(buf, pa->kp);
	pthread_mutex_unlock(&pa->m->param_lock);
	return len;
}

static ssize_t param_attr_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
				size_t count)
{
	struct param_attribute *pa = container_of(attr, struct param_attribute, attr);
	int err;

	pthread_mutex_lock(&pa->m->param_lock);
	err = pa->kp->ops->set(buf, pa->kp);
	pthread_mutex_unlock(&pa->m->param_lock);
	return err ? err : (ssize_t)count;
}

int module_params_init(struct module_private *m)
{
	struct param_attribute *pa;
	struct kernel_param *kp;
	size_t n = 0;

	for (kp = m->mod->params; kp; kp = kp->next)
		n += kp->perm != 0;
	if (!n)
		return 0;
	m->params = zalloc_array(n, sizeof(*m->params));
	m->param_attrs = zalloc_array(n + 1, sizeof(*m->param_attrs));
	if (!m->params || !m->param_attrs) {
		module_params_free(m);
		return -ENOMEM;
	}
	for (kp = m->mod->params, n = 0; kp; kp = kp->next) {
		if (!kp->perm)
			continue;
		pa = &m->params[n];
		pa->attr.attr.name = kp->name;
		pa->attr.attr.mode = kp->perm;
		pa->attr.show = param_attr_show;
		pa->attr.store = param_attr_store;
		pa->m = m;
		pa->kp = kp;
		m->param_attrs[n++] = &pa->attr.attr;
	}
	m->param_group.name = "parameters";
	m->param_group.attrs = m->param_attrs;
	return 0;
}

void module_params_free(struct module_private *m)
{
	free(m->params);
	free(m->param_attrs);
	m->params = NULL;
	m->param_attrs = NULL;
}
