/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The scan: what the machine has, and the devices for it. Which adapters and domains there may be
 * says QCI, which there are and what they can do says TAPQ.
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/ap_bus.c (ap_scan_bus()); when it runs: ap_scan_when.c.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "ap_bus.h"
#include "ap_scan.h"

/**
 * struct machine - what the scans have seen
 * @now, @before: QCI of this scan and of the one before; under the scan's lock
 * @has_qci:    the machine has QCI; constant
 * @max_adapter, @max_domain: constant
 * @cards:      by number, or NULL; under the scan's lock
 * @lock:       a leaf, for what follows
 * @shown:      @now as others may see it
 * @domain:     the default domain, or -1; atomic
 */
static struct machine {
	struct ap_config_info now;
	struct ap_config_info before;
	bool has_qci;
	unsigned int max_adapter;
	unsigned int max_domain;
	struct ap_card *cards[AP_DEVICES];
	pthread_mutex_t lock;
	struct ap_config_info shown;
	atomic_int domain;
} machine = { .lock = PTHREAD_MUTEX_INITIALIZER };

unsigned int ap_max_adapter_id(void)
{
	return machine.max_adapter;
}

unsigned int ap_max_domain_id(void)
{
	return machine.max_domain;
}

bool ap_get_config(struct ap_config_info *info)
{
	pthread_mutex_lock(&machine.lock);
	*info = machine.shown;
	pthread_mutex_unlock(&machine.lock);
	return machine.has_qci;
}

int ap_domain_get(void)
{
	return machine.domain;
}

void ap_domain_set(int domain)
{
	machine.domain = domain;
}

static void show_config(void)
{
	pthread_mutex_lock(&machine.lock);
	machine.shown = machine.now;
	pthread_mutex_unlock(&machine.lock);
}

void ap_scan_init(void)
{
	memset(&machine.now, 0, sizeof(machine.now));
	memset(machine.cards, 0, sizeof(machine.cards));
	machine.has_qci = !ap_qci(&machine.now);
	machine.before = machine.now;
	machine.max_adapter = machine.now.apxa && machine.now.na ? machine.now.na : 63;
	machine.max_domain = machine.now.apxa && machine.now.nd ? machine.now.nd : 15;
	machine.domain = -1;
	show_config();
	ap_scan_when_init();
}

/* ---- QCI ---- */

static bool has_adapter(unsigned int id)
{
	return id <= machine.max_adapter &&
	       (!machine.has_qci || ap_mask_test(&machine.now.apm, id));
}

static bool has_domain(unsigned int id)
{
	return id <= machine.max_domain && (!machine.has_qci || ap_mask_test(&machine.now.aqm, id));
}

/* Return: does it say something else than before? */
static bool get_configuration(void)
{
	if (!machine.has_qci)
		return false;
	machine.before = machine.now;
	/* It was there at first, so it answers. */
	ap_qci(&machine.now);
	show_config();
	return !ap_config_info_equal(&machine.now, &machine.before);
}

static bool has_more(void)
{
	struct ap_mask more;

	return ap_mask_andnot(&more, &machine.now.apm, &machine.before.apm) ||
	       ap_mask_andnot(&more, &machine.now.aqm, &machine.before.aqm);
}

static int notify_config_changed(struct device_driver *drv, void *data)
{
	struct ap_driver *ap_drv = to_ap_drv(drv);

	ap_drv->told = true;
	if (ap_drv->on_config_changed)
		ap_drv->on_config_changed(&machine.now, &machine.before);
	return 0;
}

/* A driver that has come in between hears of the next change. */
static int notify_scan_complete(struct device_driver *drv, void *data)
{
	struct ap_driver *ap_drv = to_ap_drv(drv);

	if (ap_drv->told && ap_drv->on_scan_complete)
		ap_drv->on_scan_complete(&machine.now, &machine.before);
	ap_drv->told = false;
	return 0;
}

static bool works_somewhere(unsigned int domain)
{
	unsigned int id;

	for (id = 0; id <= machine.max_adapter; id++)
		if (has_adapter(id) && ap_perms_has_card(id) &&
		    ap_tapq(AP_MKQID(id, domain), NULL).response_code == AP_RESPONSE_NORMAL)
			return true;
	return false;
}

/* The default domain, unless there is one: the first that has a queue that works. */
static void select_domain(void)
{
	int none = -1;
	unsigned int domain;

	if (machine.domain >= 0)
		return;
	for (domain = 0; domain <= machine.max_domain; domain++) {
		if (!has_domain(domain) || !ap_perms_has_domain(domain) || !works_somewhere(domain))
			continue;
		/* Somebody may have written one meanwhile. */
		atomic_compare_exchange_strong(&machine.domain, &none, (int)domain);
		return;
	}
}

/* ---- a queue, as TAPQ has it ---- */

struct seen {
	struct ap_tapq_hwinfo info;
	bool config;
	bool chkstop;
};

/* Return: is it there? */
static bool look_at(ap_qid_t qid, struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	switch (ap_tapq(qid, &seen->info).response_code) {
	case AP_RESPONSE_DECONFIGURED:
		seen->chkstop = false;
		break;
	case AP_RESPONSE_CHECKSTOPPED:
		seen->config = true;
		seen->chkstop = true;
		break;
	case AP_RESPONSE_NORMAL:
	case AP_RESPONSE_RESET_IN_PROGRESS:
	case AP_RESPONSE_BUSY:
		seen->config = true;
		break;
	default:
		return false;
	}
	return true;
}

static void remove_queue(struct ap_card *ac, unsigned int domain)
{
	struct ap_queue *aq = ac->queues[domain];

	if (!aq)
		return;
	ac->queues[domain] = NULL;
	device_del(&aq->ap_dev.device);
	ap_perms_forget(aq);
	put_device(&aq->ap_dev.device);
}

static void add_queue(struct ap_card *ac, unsigned int domain, const struct seen *seen)
{
	ap_qid_t qid = AP_MKQID(ac->id, domain);
	struct ap_queue *aq;
	int err;

	err = ap_queue_create(qid, ac, seen->config, seen->chkstop, &aq);
	if (err)
		goto failed;
	err = device_add(&aq->ap_dev.device);
	if (err) {
		put_device(&aq->ap_dev.device);
		goto failed;
	}
	ac->queues[domain] = aq;
	return;

failed:
	/* The next scan tries it again. */
	pr_err("ap: queue %02x.%04x can't be added: %d", ac->id, domain, err);
}

static void scan_queue(struct ap_card *ac, unsigned int domain)
{
	struct seen seen;

	if (!has_domain(domain) || !look_at(AP_MKQID(ac->id, domain), &seen))
		remove_queue(ac, domain);
	else if (ac->queues[domain])
		ap_queue_scanned(ac->queues[domain], seen.config, seen.chkstop);
	else
		add_queue(ac, domain, &seen);
}

/* ---- a card, as its first queue has it ---- */

static void remove_card(unsigned int id)
{
	struct ap_card *ac = machine.cards[id];
	unsigned int domain;

	if (!ac)
		return;
	for (domain = 0; domain < AP_DOMAINS; domain++)
		remove_queue(ac, domain);
	machine.cards[id] = NULL;
	device_unregister(&ac->ap_dev.device);
}

/* Return: the type that drivers know, 0 for none. */
static int compatible_type(ap_qid_t qid, const struct ap_tapq_hwinfo *info)
{
	uint8_t type = info->at;

	if (type > AP_DEVICE_TYPE_CEX8)
		type = machine.now.qact ? ap_qact(qid, info->at, info->fac) : 0;
	return type >= AP_DEVICE_TYPE_CEX4 && type <= AP_DEVICE_TYPE_CEX8 ? type : 0;
}

static struct ap_card *add_card(ap_qid_t qid, const struct seen *seen)
{
	unsigned int id = AP_QID_CARD(qid);
	int type = compatible_type(qid, &seen->info);
	struct ap_card *ac;
	int err;

	if (!type) {
		pr_debug("ap: adapter %02x is of type %d, which no driver knows", id,
			 seen->info.at);
		return NULL;
	}
	err = ap_card_create(id, &seen->info, type, &ac);
	if (err)
		goto failed;
	ac->config = seen->config;
	ac->chkstop = seen->chkstop;
	err = device_add(&ac->ap_dev.device);
	if (err) {
		put_device(&ac->ap_dev.device);
		goto failed;
	}
	machine.cards[id] = ac;
	return ac;

failed:
	/* The next scan tries it again. */
	pr_err("ap: card%02x can't be added: %d", id, err);
	return NULL;
}

static void update_card(struct ap_card *ac, const struct seen *seen)
{
	ac->chkstop = seen->chkstop;
	if (atomic_exchange(&ac->config, seen->config) != seen->config)
		ap_send_config_uevent(&ac->ap_dev, seen->config);
}

/* Find a queue of an adapter's. Return: is there one that says what the adapter is? */
static bool find_queue(unsigned int id, ap_qid_t *qid, struct seen *seen)
{
	unsigned int domain;

	if (!has_adapter(id))
		return false;
	for (domain = 0; domain <= machine.max_domain; domain++) {
		*qid = AP_MKQID(id, domain);
		if (has_domain(domain) && look_at(*qid, seen))
			return seen->info.at;
	}
	return false;
}

static void scan_adapter(unsigned int id)
{
	struct ap_card *ac = machine.cards[id];
	unsigned int domain;
	struct seen seen;
	ap_qid_t qid;

	if (!find_queue(id, &qid, &seen)) {
		remove_card(id);
		return;
	}
	if (ac && (ac->hwinfo.at != seen.info.at || ac->hwinfo.fac != seen.info.fac)) {
		remove_card(id);
		ac = NULL;
	}
	if (ac)
		update_card(ac, &seen);
	else
		ac = add_card(qid, &seen);
	for (domain = 0; ac && domain <= machine.max_domain; domain++)
		scan_queue(ac, domain);
}

/* ---- all of it; under the scan's lock ---- */

bool ap_scan_bus(void)
{
	bool changed = get_configuration();
	unsigned int id;

	if (changed && has_more())
		ap_bindings_incomplete();
	if (changed)
		bus_for_each_drv(&ap_bus_type, NULL, notify_config_changed);
	select_domain();
	for (id = 0; id <= machine.max_adapter; id++)
		scan_adapter(id);
	if (changed)
		bus_for_each_drv(&ap_bus_type, NULL, notify_scan_complete);
	return changed;
}

void ap_scan_remove_all(void)
{
	unsigned int id;

	for (id = 0; id < AP_DEVICES; id++)
		remove_card(id);
}
