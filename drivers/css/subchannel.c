/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Subchannels as devices, and the rule of who may call their drivers when.
 *
 * Behaviour: Linux 7.3 drivers/s390/cio/css.c; the rule is css's own (umdev/css.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "css_bus.h"

#define DISABLE_WAIT_MS 1000 /* for an interrupt that was promised */

uint8_t sch_path_mask(const struct subchannel *sch, const struct chp_link *link)
{
	unsigned int i;

	if (link->cssid != sch->schid.cssid)
		return 0;
	for (i = 0; i < 8; i++)
		if (sch->path_mask & 0x80 >> i && sch->chpid[i] == link->chpid)
			return (uint8_t)(0x80 >> i);
	return 0;
}

int css_sch_wait(struct subchannel *sch, unsigned int ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	return -pthread_cond_timedwait(&sch->cond, &sch->lock, &until);
}

/* ---- callbacks ---- */

void css_interrupt(struct hw_sch *hw, void *data)
{
	struct css_subchannel *csch = data;
	struct subchannel *sch;
	struct irb irb;

	if (!csch) {
		hw_tsch(hw, &irb);
		return;
	}
	sch = &csch->sch;
	pthread_mutex_lock(&sch->lock);
	if (!tsch(sch, &irb)) {
		sch->schib.scsw = irb.scsw;
		if (sch->driver && sch->driver->irq) {
			csch->irqs++;
			sch->driver->irq(sch, &irb);
			csch->irqs--;
			pthread_cond_broadcast(&csch->idle);
		}
	}
	pthread_cond_broadcast(&sch->cond);
	pthread_mutex_unlock(&sch->lock);
}

/*
 * Take the turn to tell the driver something, or to do without one. An event that comes while it is
 * bound or unbound waits for that: afterwards there is a driver that has missed nothing, or none.
 */
static void begin_event(struct css_subchannel *csch)
{
	pthread_mutex_lock(&csch->sch.lock);
	while (csch->binding || csch->event)
		pthread_cond_wait(&csch->idle, &csch->sch.lock);
	csch->event = true;
}

static void end_event(struct css_subchannel *csch)
{
	csch->event = false;
	pthread_cond_broadcast(&csch->idle);
	pthread_mutex_unlock(&csch->sch.lock);
}

int css_sch_event(struct css_subchannel *csch)
{
	struct subchannel *sch = &csch->sch;
	int err = 0, gone;

	begin_event(csch);
	gone = cio_update_schib(sch);
	if (sch->driver && sch->driver->sch_event)
		err = sch->driver->sch_event(sch, 1);
	/* Who waits for an interrupt of one that is gone can stop. */
	if (gone)
		pthread_cond_broadcast(&sch->cond);
	end_event(csch);
	return err == -EAGAIN ? err : gone;
}

void css_chp_event(struct css_subchannel *csch, const struct chp_link *link, enum chp_event event)
{
	struct subchannel *sch = &csch->sch;
	uint8_t mask = sch_path_mask(sch, link);
	int err = 0;

	begin_event(csch);
	if (event == CHP_VARY_OFF)
		sch->opm &= (uint8_t)~mask;
	else if (event == CHP_VARY_ON)
		sch->opm |= mask;
	cio_update_schib(sch);
	if (sch->driver && sch->driver->chp_event)
		err = sch->driver->chp_event(sch, link, event);
	if (err && event == CHP_OFFLINE)
		sch->lpm = 0;
	end_event(csch);
	if (err)
		css_schedule_eval(sch->schid);
}

/* ---- binding ---- */

/* Nobody takes its interrupts any more, so there may not be any. */
static void disable(struct subchannel *sch)
{
	int retries = 255, err;

	while (!(err = cio_update_schib(sch)) && sch->schib.pmcw.flags & PMCW_ENA) {
		err = cio_disable_subchannel(sch);
		if (err != -EBUSY)
			break;
		err = cio_cancel_halt_clear(sch, &retries);
		if (err == -EBUSY)
			css_sch_wait(sch, DISABLE_WAIT_MS);
		else if (err)
			break;
	}
	if (err && err != -ENODEV)
		dev_err(&sch->dev, "it can't be disabled: %d", err);
}

/* Under sch->lock, as what follows. */
static void wait_for_callbacks(struct css_subchannel *csch)
{
	while (csch->event || csch->irqs)
		pthread_cond_wait(&csch->idle, &csch->sch.lock);
}

static void begin_binding(struct css_subchannel *csch)
{
	csch->binding = true;
	wait_for_callbacks(csch);
}

static void end_binding(struct css_subchannel *csch)
{
	csch->binding = false;
	pthread_cond_broadcast(&csch->idle);
}

int css_subchannel_probe(struct css_subchannel *csch, struct css_driver *drv)
{
	struct subchannel *sch = &csch->sch;
	int err;

	pthread_mutex_lock(&sch->lock);
	begin_binding(csch);
	err = cio_update_schib(sch);
	sch->opm = chp_get_sch_opm(&sch->schib);
	sch->lpm = sch->schib.pmcw.pam & sch->opm;
	/* What it enables in probe() may interrupt before that has returned. */
	sch->driver = drv;
	pthread_mutex_unlock(&sch->lock);

	if (!err && drv->probe)
		err = drv->probe(sch);

	pthread_mutex_lock(&sch->lock);
	if (err) {
		sch->driver = NULL;
		wait_for_callbacks(csch);
		disable(sch);
	}
	end_binding(csch);
	pthread_mutex_unlock(&sch->lock);
	return err;
}

void css_subchannel_remove(struct css_subchannel *csch, struct css_driver *drv)
{
	struct subchannel *sch = &csch->sch;

	if (drv->quiesce)
		drv->quiesce(sch);

	pthread_mutex_lock(&sch->lock);
	sch->driver = NULL;
	begin_binding(csch);
	pthread_mutex_unlock(&sch->lock);

	if (drv->remove)
		drv->remove(sch);

	pthread_mutex_lock(&sch->lock);
	disable(sch);
	end_binding(csch);
	pthread_mutex_unlock(&sch->lock);
}

/* ---- attributes ---- */

static ssize_t type_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%01x\n", to_subchannel(dev)->st);
}
static DEVICE_ATTR_RO(type);

static ssize_t modalias_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "css:t%01X\n", to_subchannel(dev)->st);
}
static DEVICE_ATTR_RO(modalias);

static ssize_t chpids_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct subchannel *sch = to_subchannel(dev);
	unsigned int i;
	int n = 0;

	for (i = 0; i < 8; i++)
		n += sysfs_emit_at(buf, n, "%02x ", sch->path_mask & 0x80 >> i ? sch->chpid[i] : 0);
	return n + sysfs_emit_at(buf, n, "\n");
}
static DEVICE_ATTR_RO(chpids);

static struct pmcw get_pmcw(struct subchannel *sch)
{
	struct pmcw pmcw;

	pthread_mutex_lock(&sch->lock);
	pmcw = sch->schib.pmcw;
	pthread_mutex_unlock(&sch->lock);
	return pmcw;
}

static ssize_t pimpampom_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct pmcw pmcw = get_pmcw(to_subchannel(dev));

	return sysfs_emit(buf, "%02x %02x %02x\n", pmcw.pim, pmcw.pam, pmcw.pom);
}
static DEVICE_ATTR_RO(pimpampom);

static ssize_t dev_busid_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct subchannel *sch = to_subchannel(dev);
	struct pmcw pmcw = get_pmcw(sch);

	if (!(pmcw.flags & PMCW_DNV))
		return sysfs_emit(buf, "none\n");
	return sysfs_emit(buf, "0.%x.%04x\n", sch->schid.ssid, pmcw.dev);
}
static DEVICE_ATTR_RO(dev_busid);

static struct attribute *subchannel_attrs[] = { &dev_attr_type.attr, &dev_attr_modalias.attr,
						NULL };
ATTRIBUTE_GROUPS(subchannel);

static struct attribute *io_attrs[] = {
	&dev_attr_chpids.attr,
	&dev_attr_pimpampom.attr,
	&dev_attr_dev_busid.attr,
	NULL,
};
ATTRIBUTE_GROUPS(io);

static const struct device_type io_subchannel_type = { .groups = io_groups };

/* ---- coming and going ---- */

static void subchannel_release(struct device *dev)
{
	struct subchannel *sch = to_subchannel(dev);
	struct css_subchannel *csch = to_css_subchannel(sch);

	hw_sch_put(sch->hw);
	pthread_cond_destroy(&csch->idle);
	pthread_cond_destroy(&sch->cond);
	pthread_mutex_destroy(&sch->lock);
	free(csch);
}

static void init_locks(struct css_subchannel *csch)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&csch->sch.lock, NULL);
	pthread_cond_init(&csch->sch.cond, &attr);
	pthread_cond_init(&csch->idle, NULL);
	pthread_condattr_destroy(&attr);
}

static void init_paths(struct subchannel *sch)
{
	const struct pmcw *pmcw = &sch->schib.pmcw;
	unsigned int i;

	sch->path_mask = pmcw->pim;
	memcpy(sch->chpid, pmcw->chpid, sizeof(sch->chpid));
	/* A path that can't be shown can be used all the same. */
	for (i = 0; i < 8; i++)
		if (sch->path_mask & 0x80 >> i)
			chp_new(sch->chpid[i]);
	sch->opm = chp_get_sch_opm(&sch->schib);
	sch->lpm = pmcw->pam & sch->opm;
}

/* Return: also -ENODEV. A subchannel's reference is taken over if this succeeds. */
static int create(struct hw_sch *hw, struct css_subchannel **out)
{
	struct css_subchannel *csch;
	struct subchannel *sch;
	struct schib schib;

	if (hw_stsch(hw, &schib) || !css_sch_is_valid(&schib))
		return -ENODEV;
	csch = calloc(1, sizeof(*csch));
	if (!csch)
		return -ENOMEM;
	sch = &csch->sch;
	sch->hw = hw;
	sch->schid = hw_sch_id(hw);
	sch->schib = schib;
	sch->st = (uint8_t)PMCW_ST(schib.pmcw.word6);
	init_locks(csch);
	INIT_LIST_HEAD(&csch->link);
	sch->dev.parent = css_root_device;
	sch->dev.bus = &css_bus_type;
	sch->dev.groups = subchannel_groups;
	if (sch->st == SUBCHANNEL_TYPE_IO)
		sch->dev.type = &io_subchannel_type;
	sch->dev.release = subchannel_release;
	*out = csch;
	return 0;
}

int css_subchannel_add(struct hw_sch *hw)
{
	struct css_subchannel *csch;
	struct subchannel *sch;
	int err;

	err = create(hw, &csch);
	if (err) {
		hw_sch_put(hw);
		return err;
	}
	sch = &csch->sch;
	err = device_initialize(&sch->dev);
	if (!err)
		err = dev_set_name(&sch->dev, "%x.%x.%04x", sch->schid.cssid, sch->schid.ssid,
				   sch->schid.sch_no);
	if (err)
		goto put;
	init_paths(sch);
	/* A driver that is bound at once may start something. */
	hw_sch_set_data(hw, csch);
	err = device_add(&sch->dev);
	if (err)
		goto unset_data;
	return 0;

unset_data:
	hw_sch_set_data(hw, NULL);
put:
	put_device(&sch->dev);
	return err;
}

void css_subchannel_del(struct css_subchannel *csch)
{
	device_del(&csch->sch.dev);
	hw_sch_set_data(csch->sch.hw, NULL);
	put_device(&csch->sch.dev);
}
