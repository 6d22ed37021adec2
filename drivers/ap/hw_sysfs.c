/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/kobject.h>
#include <umdev/log.h>

#include "hw_machine.h"
#include "hw_sysfs.h"

#define CARD_TEXT (64 + 5 * AP_DOMAINS) /* a card's line */

static ssize_t say_refused(const struct hw_error *error)
{
	pr_warn("ap: %s", error->text);
	return -EINVAL;
}

/* ---- cards ---- */

static size_t print_card(char *buf, size_t size, unsigned int id, const struct hw_card_state *card)
{
	const char *between = " checkstop=";
	unsigned int domain;
	size_t n;

	n = (size_t)snprintf(buf, size, "%02x %s %s%s", id, card->type->name,
			     !card->config   ? "deconfigured"
			     : card->chkstop ? "checkstopped"
					     : "configured",
			     !card->config && card->chkstop ? " checkstopped" : "");
	ap_for_each_bit (domain, &card->queues_chkstop) {
		n += (size_t)snprintf(buf + n, size - n, "%s%04x", between, domain);
		between = ",";
	}
	return n + (size_t)snprintf(buf + n, size - n, "\n");
}

/* All cards may be more than what a show() can tell. */
static ssize_t cards_read(struct kobject *kobj, struct bin_attribute *attr, char *buf, off_t off,
			  size_t count)
{
	struct hw_card_state card;
	char *text = NULL;
	size_t len = 0, size;
	char line[CARD_TEXT];
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return -ENOMEM;
	for (unsigned int id = 0; id < AP_DEVICES; id++) {
		if (!hw_card_state(id, &card))
			continue;
		size = print_card(line, sizeof(line), id, &card);
		fwrite(line, 1, size, f);
	}
	if (fclose(f)) {
		free(text);
		return -ENOMEM;
	}
	if ((size_t)off >= len)
		count = 0;
	else if (count > len - (size_t)off)
		count = len - (size_t)off;
	if (count)
		memcpy(buf, text + off, count);
	free(text);
	return (ssize_t)count;
}

static struct bin_attribute bin_attr_cards = {
	.attr = { .name = "cards", .mode = 0444 },
	.read = cards_read,
};

static ssize_t plug_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			  size_t count)
{
	struct hw_card_spec spec;
	struct hw_error error;
	int err;

	if (hw_parse_card("plug", buf, hw_max_adapter(), &spec, &error))
		return say_refused(&error);
	err = hw_plug(&spec);
	return err ? err : (ssize_t)count;
}
static KOBJ_ATTR_WO(plug);

static ssize_t unplug_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			    size_t count)
{
	struct hw_error error;
	unsigned int id;
	int err;

	if (hw_parse_target("unplug", buf, &id, NULL, NULL, &error))
		return say_refused(&error);
	err = hw_unplug(id);
	return err ? err : (ssize_t)count;
}
static KOBJ_ATTR_WO(unplug);

static ssize_t config_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			    size_t count)
{
	struct hw_error error;
	unsigned int id;
	bool on;
	int err;

	if (hw_parse_target("config", buf, &id, NULL, &on, &error))
		return say_refused(&error);
	err = hw_set_config(id, on);
	return err ? err : (ssize_t)count;
}
static KOBJ_ATTR_WO(config);

static ssize_t checkstop_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			       size_t count)
{
	struct hw_error error;
	int domain, err;
	unsigned int id;
	bool on;

	if (hw_parse_target("checkstop", buf, &id, &domain, &on, &error))
		return say_refused(&error);
	err = hw_set_checkstop(id, domain, on);
	return err ? err : (ssize_t)count;
}
static KOBJ_ATTR_WO(checkstop);

/* ---- domains ---- */

/* As it can be written: "4,10-12,71". */
static ssize_t show_domains(char *buf, const struct ap_mask *mask)
{
	const char *between = "";
	unsigned int first, last;
	int n = 0;

	for (first = ap_mask_next(mask, 0); first < AP_DOMAINS; first = ap_mask_next(mask, last)) {
		for (last = first + 1; last < AP_DOMAINS && ap_mask_test(mask, last); last++)
			;
		n += sysfs_emit_at(buf, n, "%s%u", between, first);
		if (last > first + 1)
			n += sysfs_emit_at(buf, n, "-%u", last - 1);
		between = ",";
	}
	return n + sysfs_emit_at(buf, n, "\n");
}

static ssize_t domains_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	struct ap_mask mask;

	hw_domains(&mask);
	return show_domains(buf, &mask);
}

static ssize_t domains_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			     size_t count)
{
	struct hw_error error;
	struct ap_mask mask;

	if (hw_parse_domains("domains", buf, hw_max_domain(), &mask, &error))
		return say_refused(&error);
	hw_set_domains(&mask);
	return (ssize_t)count;
}
static KOBJ_ATTR_RW(domains);

static ssize_t control_domains_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	struct ap_mask mask;

	hw_control_domains(&mask);
	return show_domains(buf, &mask);
}

static ssize_t control_domains_store(struct kobject *kobj, struct kobj_attribute *attr,
				     const char *buf, size_t count)
{
	struct hw_error error;
	struct ap_mask mask;

	if (hw_parse_domains("control_domains", buf, hw_max_domain(), &mask, &error))
		return say_refused(&error);
	hw_set_control_domains(&mask);
	return (ssize_t)count;
}
static KOBJ_ATTR_RW(control_domains);

/* ---- the directory ---- */

static struct attribute *console_attrs[] = {
	&kobj_attr_plug.attr,
	&kobj_attr_unplug.attr,
	&kobj_attr_config.attr,
	&kobj_attr_checkstop.attr,
	&kobj_attr_domains.attr,
	&kobj_attr_control_domains.attr,
	NULL,
};
static struct bin_attribute *console_bin_attrs[] = { &bin_attr_cards, NULL };
static const struct attribute_group console_group = {
	.attrs = console_attrs,
	.bin_attrs = console_bin_attrs,
};

static struct kobject *console;

int hw_sysfs_init(void)
{
	return firmware_create_dir("ap", &console_group, &console);
}

void hw_sysfs_exit(void)
{
	firmware_remove_dir(console);
}
