/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may have which queue: apmask and aqmask of the bus, driver_override of queues.
 *
 * Each probe is decided here, under the queue's lock, and each queue is looked at under its lock
 * when the masks have changed. A probe that was decided by the old masks has the queue's lock until
 * it is over, so who looks at the queue next sees what came of it.
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/{ap_bus,ap_queue}.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <umdev/caller.h>

#include "ap_bus.h"

static char *apmask;
module_param(apmask, charp, 0444);
MODULE_PARM_DESC(apmask, "adapters of the default drivers: 0xMASK or +N[-M],...");

static char *aqmask;
module_param(aqmask, charp, 0444);
MODULE_PARM_DESC(aqmask, "domains of the default drivers: 0xMASK or +N[-M],...");

/**
 * struct perms - what decides, and what ap_owned_by_def_drv() has to know of queues
 * @lock:       ap_attr_lock(); for all that follows
 * @changed:    a queue has no driver any more, or another override
 * @apm, @aqm:  the masks
 * @taken:      queues that have a driver or are being probed, by card
 * @by_default: those of them whose driver is a default driver
 * @overridden: queues with a driver_override
 * @overrides:  how many those are
 * @overrides_set: how often one was written
 */
static struct perms {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct ap_mask apm;
	struct ap_mask aqm;
	struct ap_mask taken[AP_DEVICES];
	struct ap_mask by_default[AP_DEVICES];
	struct ap_mask overridden[AP_DEVICES];
	unsigned int overrides;
	unsigned int overrides_set;
} perms = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

void ap_attr_lock(void)
{
	pthread_mutex_lock(&perms.lock);
}

void ap_attr_unlock(void)
{
	pthread_mutex_unlock(&perms.lock);
}

/* The same in a show() or store(), which has done nothing yet. Return: 0 or -EINTR. */
static int lock_for_caller(void)
{
	if (!pthread_mutex_trylock(&perms.lock))
		return 0;
	caller_may_leave();
	ap_attr_lock();
	if (caller_stays())
		return 0;
	ap_attr_unlock();
	return -EINTR;
}

/* ---- masks ---- */

static int mask_param(const char *name, const char *text, struct ap_mask *mask)
{
	memset(mask, text ? 0 : 0xff, sizeof(*mask));
	if (!text || !ap_parse_mask_str(text, mask))
		return 0;
	module_init_error("%s=%s is no mask: 0x and up to 64 hexadecimal digits, or +N[-M],...",
			  name, text);
	return -EINVAL;
}

int ap_perms_init(void)
{
	int err;

	memset(perms.taken, 0, sizeof(perms.taken));
	memset(perms.by_default, 0, sizeof(perms.by_default));
	memset(perms.overridden, 0, sizeof(perms.overridden));
	perms.overrides = 0;
	err = mask_param("apmask", apmask, &perms.apm);
	return err ? err : mask_param("aqmask", aqmask, &perms.aqm);
}

int ap_perms_get(struct ap_mask *apm, struct ap_mask *aqm)
{
	int err = lock_for_caller();

	if (err)
		return err;
	*apm = perms.apm;
	*aqm = perms.aqm;
	ap_attr_unlock();
	return 0;
}

bool ap_perms_has_domain(unsigned int domain)
{
	bool has;

	ap_attr_lock();
	has = ap_mask_test(&perms.aqm, domain);
	ap_attr_unlock();
	return has;
}

bool ap_perms_has_card(unsigned int card)
{
	bool has;

	ap_attr_lock();
	has = ap_mask_test(&perms.apm, card);
	ap_attr_unlock();
	return has;
}

/* ---- owners; under the lock ---- */

static bool is_default(const struct ap_driver *drv)
{
	return drv->flags & AP_DRIVER_FLAG_DEFAULT;
}

static bool masks_give(const struct ap_mask *apm, const struct ap_mask *aqm, ap_qid_t qid)
{
	return ap_mask_test(apm, AP_QID_CARD(qid)) && ap_mask_test(aqm, AP_QID_QUEUE(qid));
}

/* A queue that has an override but no driver is judged by the masks, as in the kernel. */
int ap_owned_by_def_drv(int card, int queue)
{
	unsigned int c = (unsigned int)card, q = (unsigned int)queue;

	if (c >= AP_DEVICES || q >= AP_DOMAINS)
		return -EINVAL;
	if (ap_mask_test(&perms.taken[c], q) && ap_mask_test(&perms.overridden[c], q))
		return ap_mask_test(&perms.by_default[c], q);
	return masks_give(&perms.apm, &perms.aqm, AP_MKQID(c, q));
}

int ap_apqn_in_matrix_owned_by_def_drv(const struct ap_mask *apm, const struct ap_mask *aqm)
{
	unsigned int card, queue;

	ap_for_each_bit (card, apm)
		ap_for_each_bit (queue, aqm)
			if (ap_owned_by_def_drv((int)card, (int)queue))
				return 1;
	return 0;
}

/* ---- probing: under the device's lock ---- */

bool ap_perms_claim(struct ap_queue *aq, const struct ap_driver *drv)
{
	int named = device_match_driver_override(&aq->ap_dev.device, &drv->driver);
	unsigned int card = AP_QID_CARD(aq->qid), queue = AP_QID_QUEUE(aq->qid);
	bool may = named > 0;

	ap_attr_lock();
	if (named < 0)
		may = masks_give(&perms.apm, &perms.aqm, aq->qid) == is_default(drv);
	if (may)
		ap_mask_set(&perms.taken[card], queue);
	if (may && is_default(drv))
		ap_mask_set(&perms.by_default[card], queue);
	ap_attr_unlock();
	return may;
}

void ap_perms_unclaim(struct ap_queue *aq)
{
	unsigned int card = AP_QID_CARD(aq->qid), queue = AP_QID_QUEUE(aq->qid);

	ap_attr_lock();
	ap_mask_clear(&perms.taken[card], queue);
	ap_mask_clear(&perms.by_default[card], queue);
	pthread_cond_broadcast(&perms.changed);
	ap_attr_unlock();
}

/* ---- when the masks have changed ---- */

/* The masks before and after. */
struct change {
	struct ap_mask old_apm, old_aqm;
	struct ap_mask apm, aqm;
};

/*
 * May a queue stay as it is? One with a driver, while that may have it. One that is free, while it
 * is of the same drivers as before: nobody binds what somebody has unbound for another reason.
 */
static bool may_stay(struct device *dev, void *data)
{
	const struct ap_queue *aq = to_ap_queue(dev);
	const struct change *change = data;
	int named = -1;
	bool owned;

	if (!dev->driver)
		return masks_give(&change->old_apm, &change->old_aqm, aq->qid) ==
		       masks_give(&change->apm, &change->aqm, aq->qid);
	named = device_match_driver_override(dev, dev->driver);
	if (named >= 0)
		return named;
	ap_attr_lock();
	owned = masks_give(&perms.apm, &perms.aqm, aq->qid);
	ap_attr_unlock();
	return owned == is_default(to_ap_drv(dev->driver));
}

static int revise(struct device *dev, void *data)
{
	int err = is_queue_dev(dev) ? device_reprobe(dev, may_stay, data) : 0;

	/* One that is going needs no other driver. */
	if (err < 0 && err != -ENODEV)
		dev_warn(dev, "no driver could be tried after the masks have changed: %d", err);
	return 0;
}

/* Under the lock. Has any queue without override a driver that the masks forbid? */
static bool any_misplaced(void)
{
	static const struct ap_mask none;
	const struct ap_mask *given;
	struct ap_mask judged, yes, no;
	unsigned int card;

	for (card = 0; card < AP_DEVICES; card++) {
		given = ap_mask_test(&perms.apm, card) ? &perms.aqm : &none;
		if (!ap_mask_andnot(&judged, &perms.taken[card], &perms.overridden[card]))
			continue;
		ap_mask_andnot(&no, &perms.by_default[card], given);
		ap_mask_andnot(&yes, given, &perms.by_default[card]);
		ap_mask_or(&yes, &yes, &no);
		if (ap_mask_and(&judged, &judged, &yes))
			return true;
	}
	return false;
}

/*
 * After the walk over all queues none is left that stays where it is; but one that is being deleted
 * has left the bus's list, and perhaps not its driver. What loses its override meanwhile is another
 * matter: by then it may be anywhere, so all are looked at once more.
 */
static void revise_all(struct change *change)
{
	unsigned int overrides_set;
	bool again = true;

	while (again) {
		ap_attr_lock();
		overrides_set = perms.overrides_set;
		ap_attr_unlock();
		bus_for_each_dev(&ap_bus_type, change, revise);
		ap_attr_lock();
		while (any_misplaced() && overrides_set == perms.overrides_set)
			pthread_cond_wait(&perms.changed, &perms.lock);
		again = any_misplaced();
		ap_attr_unlock();
	}
}

/* ---- writing the masks ---- */

struct reservation {
	struct ap_mask apm;
	struct ap_mask aqm;
};

/* Also of a module that is being unloaded: as long as its driver is there, so are its users. */
static int ask_in_use(struct device_driver *drv, void *data)
{
	struct ap_driver *ap_drv = to_ap_drv(drv);
	const struct reservation *r = data;

	return ap_drv->in_use && ap_drv->in_use(&r->apm, &r->aqm) ? -EBUSY : 0;
}

/*
 * What is added to one mask comes to the default drivers now or later, whatever is in the other
 * one: so nobody may use any of it.
 */
static int reserve(const struct change *change)
{
	struct reservation r;
	bool more;

	memset(&r, 0xff, sizeof(r));
	more = ap_mask_andnot(&r.apm, &change->apm, &change->old_apm);
	if (!more)
		memset(&r.apm, 0xff, sizeof(r.apm));
	if (ap_mask_andnot(&r.aqm, &change->aqm, &change->old_aqm))
		more = true;
	else
		memset(&r.aqm, 0xff, sizeof(r.aqm));
	return more ? bus_for_each_drv(&ap_bus_type, &r, ask_in_use) : 0;
}

/*
 * Under the lock. @mask is one of the two in @change. Return: 1 changed, 0 not, a negative errno.
 */
static int commit(const char *str, struct change *change, struct ap_mask *mask)
{
	int err;

	if (perms.overrides)
		return -EINVAL;
	change->old_apm = change->apm = perms.apm;
	change->old_aqm = change->aqm = perms.aqm;
	err = ap_parse_mask_str(str, mask);
	if (err)
		return err;
	if (ap_mask_equal(&change->apm, &perms.apm) && ap_mask_equal(&change->aqm, &perms.aqm))
		return 0;
	err = reserve(change);
	if (err)
		return err;
	perms.apm = change->apm;
	perms.aqm = change->aqm;
	return 1;
}

/* The newline at the end of the value is the kernel's, too. */
static void tell(const char *key, const struct ap_mask *mask)
{
	char text[100];
	char *envp[] = { text, NULL };

	snprintf(text, sizeof(text), "%s=" AP_MASK_FMT "\n", key, AP_MASK_ARGS(mask));
	ap_root_uevent(envp);
}

static int set_mask(const char *str, struct change *change, const char *key, struct ap_mask *mask)
{
	int ret = lock_for_caller();

	if (ret)
		return ret;
	ret = commit(str, change, mask);
	ap_attr_unlock();
	if (ret <= 0)
		return ret;
	revise_all(change);
	tell(key, mask);
	return 0;
}

int ap_perms_set_apmask(const char *str)
{
	struct change change;

	return set_mask(str, &change, "APMASK", &change.apm);
}

int ap_perms_set_aqmask(const char *str)
{
	struct change change;

	return set_mask(str, &change, "AQMASK", &change.aqm);
}

/* ---- driver_override, an attribute of queues ---- */

static ssize_t driver_override_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return device_emit_driver_override(dev, buf, "");
}

/* Under the device's lock and the masks'. Either the masks say who may have what, or overrides. */
static int set_override(struct ap_queue *aq, const char *buf, size_t count)
{
	struct ap_mask *overridden = &perms.overridden[AP_QID_CARD(aq->qid)];
	unsigned int queue = AP_QID_QUEUE(aq->qid);
	bool had = ap_mask_test(overridden, queue), has;
	int err;

	if (!ap_mask_full(&perms.apm) || !ap_mask_full(&perms.aqm))
		return -EINVAL;
	err = device_set_driver_override(&aq->ap_dev.device, buf, count);
	if (err)
		return err;
	has = device_has_driver_override(&aq->ap_dev.device);
	perms.overrides += has;
	perms.overrides -= had;
	perms.overrides_set++;
	pthread_cond_broadcast(&perms.changed);
	if (has)
		ap_mask_set(overridden, queue);
	else
		ap_mask_clear(overridden, queue);
	return 0;
}

static ssize_t driver_override_store(struct device *dev, struct device_attribute *attr,
				     const char *buf, size_t count)
{
	int err = -EINTR;

	/* When this returns nobody acts on the old name any more. */
	caller_may_leave();
	device_lock(dev);
	if (caller_stays()) {
		ap_attr_lock();
		err = set_override(to_ap_queue(dev), buf, count);
		ap_attr_unlock();
	}
	device_unlock(dev);
	return err ? err : (ssize_t)count;
}
static DEVICE_ATTR_RW(driver_override);

void ap_perms_forget(struct ap_queue *aq)
{
	struct ap_mask *overridden = &perms.overridden[AP_QID_CARD(aq->qid)];
	unsigned int queue = AP_QID_QUEUE(aq->qid);

	ap_attr_lock();
	if (ap_mask_test(overridden, queue)) {
		ap_mask_clear(overridden, queue);
		perms.overrides--;
	}
	ap_attr_unlock();
}

static struct attribute *queue_attrs[] = { &dev_attr_driver_override.attr, NULL };

static mode_t is_visible(struct kobject *kobj, struct attribute *attr, int n)
{
	return is_queue_dev(kobj_to_dev(kobj)) ? attr->mode : 0;
}

const struct attribute_group ap_perms_queue_group = {
	.attrs = queue_attrs,
	.is_visible = is_visible,
};
