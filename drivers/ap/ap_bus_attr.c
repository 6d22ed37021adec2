/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The attributes of the bus. Behaviour: Linux 7.3 drivers/s390/crypto/ap_bus.c. */
#include <ctype.h>
#include <errno.h>

#include "ap_bus.h"
#include "digit.h"

#define POLL_TIMEOUT_MAX 120000000000UL /* nanoseconds */

bool ap_parse_int(const char *s, unsigned int base, int *val)
{
	uint64_t number = 0;
	bool negative;

	while (isspace((unsigned char)*s))
		s++;
	negative = *s == '-';
	s += negative;
	if (!isdigit((unsigned char)*s))
		return false;
	if (!base && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && isxdigit((unsigned char)s[2])) {
		base = 16;
		s += 2;
	} else if (!base) {
		base = *s == '0' ? 8 : 10;
	}
	for (; isxdigit((unsigned char)*s) && digit(*s) < base; s++)
		number = number * base + digit(*s);
	*val = (int)(negative ? -number : number);
	return true;
}

/* ---- what the machine is ---- */

static ssize_t show_mask(const struct ap_mask *mask, char *buf)
{
	return sysfs_emit(buf, AP_MASK_FMT "\n", AP_MASK_ARGS(mask));
}

static ssize_t ap_control_domain_mask_show(struct bus_type *bus, char *buf)
{
	struct ap_config_info info;

	return ap_get_config(&info) ? show_mask(&info.adm, buf)
				    : sysfs_emit(buf, "not supported\n");
}
static BUS_ATTR_RO(ap_control_domain_mask);

static ssize_t ap_usage_domain_mask_show(struct bus_type *bus, char *buf)
{
	struct ap_config_info info;

	return ap_get_config(&info) ? show_mask(&info.aqm, buf)
				    : sysfs_emit(buf, "not supported\n");
}
static BUS_ATTR_RO(ap_usage_domain_mask);

static ssize_t ap_adapter_mask_show(struct bus_type *bus, char *buf)
{
	struct ap_config_info info;

	return ap_get_config(&info) ? show_mask(&info.apm, buf)
				    : sysfs_emit(buf, "not supported\n");
}
static BUS_ATTR_RO(ap_adapter_mask);

static ssize_t ap_interrupts_show(struct bus_type *bus, char *buf)
{
	return sysfs_emit(buf, "%d\n", ap_interrupts_available());
}
static BUS_ATTR_RO(ap_interrupts);

static ssize_t ap_max_domain_id_show(struct bus_type *bus, char *buf)
{
	return sysfs_emit(buf, "%u\n", ap_max_domain_id());
}
static BUS_ATTR_RO(ap_max_domain_id);

static ssize_t ap_max_adapter_id_show(struct bus_type *bus, char *buf)
{
	return sysfs_emit(buf, "%u\n", ap_max_adapter_id());
}
static BUS_ATTR_RO(ap_max_adapter_id);

static ssize_t features_show(struct bus_type *bus, char *buf)
{
	struct ap_config_info info;
	int n = 0;

	if (!ap_get_config(&info))
		return sysfs_emit(buf, "-\n");
	if (info.apsc)
		n += sysfs_emit_at(buf, n, "APSC ");
	if (info.apxa)
		n += sysfs_emit_at(buf, n, "APXA ");
	if (info.qact)
		n += sysfs_emit_at(buf, n, "QACT ");
	if (info.rc8a)
		n += sysfs_emit_at(buf, n, "RC8A ");
	if (info.apsb)
		n += sysfs_emit_at(buf, n, "APSB ");
	if (!n)
		return sysfs_emit(buf, "-\n");
	buf[n - 1] = '\n';
	return n;
}
static BUS_ATTR_RO(features);

/* ---- what can be set ---- */

static ssize_t ap_domain_show(struct bus_type *bus, char *buf)
{
	return sysfs_emit(buf, "%d\n", ap_domain_get());
}

static ssize_t ap_domain_store(struct bus_type *bus, const char *buf, size_t count)
{
	int domain;

	if (!ap_parse_int(buf, 0, &domain) || domain < 0 || domain > (int)ap_max_domain_id() ||
	    !ap_perms_has_domain((unsigned int)domain))
		return -EINVAL;
	ap_domain_set(domain);
	return (ssize_t)count;
}
static BUS_ATTR_RW(ap_domain);

static ssize_t config_time_show(struct bus_type *bus, char *buf)
{
	return sysfs_emit(buf, "%u\n", ap_config_time_get());
}

static ssize_t config_time_store(struct bus_type *bus, const char *buf, size_t count)
{
	int seconds;

	if (!ap_parse_int(buf, 10, &seconds) || seconds < 5 || seconds > 120)
		return -EINVAL;
	ap_config_time_set((unsigned int)seconds);
	return (ssize_t)count;
}
static BUS_ATTR_RW(config_time);

static ssize_t poll_thread_show(struct bus_type *bus, char *buf)
{
	return sysfs_emit(buf, "%d\n", ap_poll_thread_get());
}

static ssize_t poll_thread_store(struct bus_type *bus, const char *buf, size_t count)
{
	bool on;
	int err = kstrtobool(buf, &on);

	if (!err)
		err = ap_poll_thread_set(on);
	return err ? err : (ssize_t)count;
}
static BUS_ATTR_RW(poll_thread);

static ssize_t poll_timeout_show(struct bus_type *bus, char *buf)
{
	return sysfs_emit(buf, "%lu\n", ap_poll_timeout_get());
}

static ssize_t poll_timeout_store(struct bus_type *bus, const char *buf, size_t count)
{
	unsigned long ns;
	int err = kstrtoul(buf, 0, &ns);

	if (err)
		return err;
	if (ns > POLL_TIMEOUT_MAX)
		return -EINVAL;
	ap_poll_timeout_set(ns);
	return (ssize_t)count;
}
static BUS_ATTR_RW(poll_timeout);

/* ---- whose the queues are ---- */

static ssize_t apmask_show(struct bus_type *bus, char *buf)
{
	struct ap_mask apm, aqm;
	int err = ap_perms_get(&apm, &aqm);

	return err ? err : show_mask(&apm, buf);
}

static ssize_t apmask_store(struct bus_type *bus, const char *buf, size_t count)
{
	int err = ap_perms_set_apmask(buf);

	return err ? err : (ssize_t)count;
}
static BUS_ATTR_RW(apmask);

static ssize_t aqmask_show(struct bus_type *bus, char *buf)
{
	struct ap_mask apm, aqm;
	int err = ap_perms_get(&apm, &aqm);

	return err ? err : show_mask(&aqm, buf);
}

static ssize_t aqmask_store(struct bus_type *bus, const char *buf, size_t count)
{
	int err = ap_perms_set_aqmask(buf);

	return err ? err : (ssize_t)count;
}
static BUS_ATTR_RW(aqmask);

/* ---- scans and bindings ---- */

static ssize_t scans_show(struct bus_type *bus, char *buf)
{
	return sysfs_emit(buf, "%" PRIu64 "\n", ap_scan_count());
}

/* Whatever is written. */
static ssize_t scans_store(struct bus_type *bus, const char *buf, size_t count)
{
	ap_bus_force_rescan();
	return (ssize_t)count;
}
static BUS_ATTR_RW(scans);

static ssize_t bindings_show(struct bus_type *bus, char *buf)
{
	unsigned int queues, bound;

	ap_bindings_count(&queues, &bound);
	return sysfs_emit(buf, "%u/%u%s\n", bound, queues,
			  ap_scan_count() && bound == queues ? " (complete)" : "");
}
static BUS_ATTR_RO(bindings);

static ssize_t bindings_complete_count_show(struct bus_type *bus, char *buf)
{
	unsigned int queues, bound;

	return sysfs_emit(buf, "%" PRIu64 "\n", ap_bindings_count(&queues, &bound));
}
static BUS_ATTR_RO(bindings_complete_count);

static struct attribute *ap_bus_attrs[] = {
	&bus_attr_ap_domain.attr,
	&bus_attr_ap_control_domain_mask.attr,
	&bus_attr_ap_usage_domain_mask.attr,
	&bus_attr_ap_adapter_mask.attr,
	&bus_attr_config_time.attr,
	&bus_attr_poll_thread.attr,
	&bus_attr_ap_interrupts.attr,
	&bus_attr_poll_timeout.attr,
	&bus_attr_ap_max_domain_id.attr,
	&bus_attr_ap_max_adapter_id.attr,
	&bus_attr_apmask.attr,
	&bus_attr_aqmask.attr,
	&bus_attr_scans.attr,
	&bus_attr_bindings.attr,
	&bus_attr_bindings_complete_count.attr,
	&bus_attr_features.attr,
	NULL,
};

static const struct attribute_group ap_bus_group = { .attrs = ap_bus_attrs };

const struct attribute_group *ap_bus_groups[] = { &ap_bus_group, NULL };
