/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is plugged: the tables of subchannels and of device numbers, and the console.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "hw_machine.h"

#define NUMBERS	   (HW_SCH_NO_MAX + 1)
#define CHUNK	   256
#define CHUNKS	   ((HW_SSID_MAX + 1) * NUMBERS / CHUNK)
#define EVERYWHERE ((uint32_t)(HW_SSID_MAX + 1) * NUMBERS)

/**
 * struct table - subchannels by a number of 16 bits in their set; chunks are made when they are
 * needed and stay
 */
struct table {
	struct hw_sch **chunk[CHUNKS];
};

/**
 * struct machine - what is not of one subchannel
 * @console: one change at a time; before @lock
 * @lock:    guards @by_number against readers; changes are made under @console as well
 * @by_devno: under @console
 * @leaving: how many were taken out and are not gone yet; under @console. @left: one is
 * @host:    constant while there is a machine
 */
static struct {
	pthread_mutex_t console;
	pthread_mutex_t lock;
	struct table by_number;
	struct table by_devno;
	unsigned int leaving;
	pthread_cond_t left;
	struct hw_host host;
} machine = {
	.console = PTHREAD_MUTEX_INITIALIZER,
	.left = PTHREAD_COND_INITIALIZER,
	.lock = PTHREAD_MUTEX_INITIALIZER,
};

const struct hw_host *hw_host(void)
{
	return &machine.host;
}

void hw_console_lock(void)
{
	pthread_mutex_lock(&machine.console);
}

void hw_console_unlock(void)
{
	pthread_mutex_unlock(&machine.console);
}

void hw_report(unsigned int rsc, unsigned int erc, uint8_t ssid, uint16_t rsid)
{
	struct crw crw = { .flags = (uint16_t)(rsc << 8 | erc), .rsid = rsid };

	machine.host.crw(&crw, ssid);
}

/* ---- tables ---- */

static uint32_t key(uint8_t ssid, uint16_t number)
{
	return (uint32_t)ssid * NUMBERS + number;
}

static struct hw_sch *table_get(const struct table *t, uint32_t at)
{
	struct hw_sch **chunk = t->chunk[at / CHUNK];

	return chunk ? chunk[at % CHUNK] : NULL;
}

/* The first entry from @at on, or NULL. */
static struct hw_sch *table_next(const struct table *t, uint32_t at)
{
	for (; at < EVERYWHERE; at++) {
		if (!t->chunk[at / CHUNK])
			at |= CHUNK - 1;
		else if (t->chunk[at / CHUNK][at % CHUNK])
			return t->chunk[at / CHUNK][at % CHUNK];
	}
	return NULL;
}

/* Room for an entry. */
static int table_prepare(struct table *t, uint32_t at)
{
	if (!t->chunk[at / CHUNK])
		t->chunk[at / CHUNK] = calloc(CHUNK, sizeof(struct hw_sch *));
	return t->chunk[at / CHUNK] ? 0 : -ENOMEM;
}

static void table_put(struct table *t, uint32_t at, struct hw_sch *hw)
{
	t->chunk[at / CHUNK][at % CHUNK] = hw;
}

static void table_free(struct table *t)
{
	for (unsigned int i = 0; i < CHUNKS; i++) {
		free(t->chunk[i]);
		t->chunk[i] = NULL;
	}
}

static struct hw_sch *get(struct hw_sch *hw)
{
	if (hw)
		atomic_fetch_add(&hw->refs, 1);
	return hw;
}

struct hw_sch *hw_sch_get(uint8_t ssid, uint16_t sch_no)
{
	struct hw_sch *hw;

	if (ssid > HW_SSID_MAX)
		return NULL;
	pthread_mutex_lock(&machine.lock);
	hw = get(table_get(&machine.by_number, key(ssid, sch_no)));
	pthread_mutex_unlock(&machine.lock);
	return hw;
}

struct hw_sch *hw_sch_next(uint8_t ssid, uint32_t sch_no)
{
	struct hw_sch *hw;

	if (ssid > HW_SSID_MAX || sch_no > NUMBERS)
		return NULL;
	pthread_mutex_lock(&machine.lock);
	hw = get(table_next(&machine.by_number, (uint32_t)ssid * NUMBERS + sch_no));
	pthread_mutex_unlock(&machine.lock);
	return hw;
}

void hw_for_each(void (*fn)(struct hw_sch *hw, void *data), void *data)
{
	struct hw_sch *hw;
	uint32_t at = 0;

	/* Nobody else changes the table. */
	while ((hw = table_next(&machine.by_number, at))) {
		at = key(hw->id.ssid, hw->id.sch_no) + 1;
		fn(hw, data);
	}
}

/* ---- plugging ---- */

/* The number of its subchannel. Return: 0, or -errno. */
static int choose_number(struct hw_spec *spec)
{
	struct hw_error *error = spec->options.error;
	int n;

	if (table_get(&machine.by_devno, key(spec->ssid, spec->devno))) {
		hw_refuse(error, "0.%x.%04x: there is a device of that number", spec->ssid,
			  spec->devno);
		return -EEXIST;
	}
	if (spec->sch_no >= 0) {
		if (!table_get(&machine.by_number, key(spec->ssid, (uint16_t)spec->sch_no)))
			return 0;
		hw_refuse(error, "sch=%x.%04x: there is a device at that subchannel", spec->ssid,
			  (unsigned int)spec->sch_no);
		return -EEXIST;
	}
	for (n = 0; n < NUMBERS; n++) {
		if (table_get(&machine.by_number, key(spec->ssid, (uint16_t)n)))
			continue;
		spec->sch_no = n;
		return 0;
	}
	hw_refuse(error, "no subchannel is free in set %x", spec->ssid);
	return -EEXIST;
}

/* Is there a line for it in the type's help? */
static bool is_offered(const struct cu_type *type, const char *name)
{
	size_t len = strlen(name);
	const char *line = type->help;

	while (line) {
		if (!strncmp(line, name, len) && strchr("= \n", line[len]))
			return true;
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return false;
}

/* What the type does not know is refused before it makes anything, as the file of an image. */
static int check_options(const struct cu_type *type, const struct cu_options *options)
{
	for (unsigned int i = 0; i < options->nr; i++)
		if (!options->option[i].used && !is_offered(type, options->option[i].name))
			return hw_refuse(options->error, "%.32s: no option of %s",
					 options->option[i].name, type->name);
	return 0;
}

/* The device itself. */
static int create_device(struct hw_sch *hw, struct hw_spec *spec)
{
	struct hw_error *error = spec->options.error;
	const struct cu_type *type = cu_type_find(spec->type);
	struct cu_device *dev = NULL;
	const char *unused;
	int err;

	if (!type)
		return hw_refuse(error, "%.32s: expected a type of device (see the list of types)",
				 spec->type);
	err = check_options(type, &spec->options);
	if (err)
		return err;
	error->text[0] = '\0';
	err = type->create(type, &spec->options, &dev);
	if (err) {
		if (!error->text[0])
			hw_refuse(error, "%s: %s", type->name, strerror(-err));
		return err;
	}
	dev->type = type;
	hw->dev = dev;
	unused = hw_spec_unused(&spec->options);
	if (unused) {
		hw_refuse(error, "%.32s: no option of %s", unused, type->name);
		err = -EINVAL;
		goto destroy;
	}
	hw->options = hw_spec_options(&spec->options);
	dev->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (dev->stop_fd < 0 || !hw->options) {
		err = hw->options ? -errno : -ENOMEM;
		hw_refuse(error, "%s: %s", type->name, strerror(-err));
		goto close;
	}
	/* From now on there may be status. */
	__atomic_store_n(&dev->sch, hw, __ATOMIC_RELEASE);
	return 0;
close:
	if (dev->stop_fd >= 0)
		close(dev->stop_fd);
destroy:
	dev->ops->destroy(dev);
	return err;
}

static void set_paths(struct hw_sch *hw, const struct hw_spec *spec)
{
	struct pmcw *pmcw = &hw->schib.pmcw;

	hw_path_add(spec->chpid, spec->nr_chpids);
	memcpy(pmcw->chpid, spec->chpid, sizeof(pmcw->chpid));
	pmcw->pim = (uint8_t)(0xff00 >> spec->nr_chpids);
	hw_path_update(hw);
}

/* Under the console's lock. */
static int plug(struct hw_spec *spec)
{
	struct hw_sch *hw;
	int err;

	err = choose_number(spec);
	if (err)
		return err;
	hw = hw_sch_create((struct schid) { .ssid = spec->ssid, .sch_no = (uint16_t)spec->sch_no },
			   spec->devno);
	if (!hw || table_prepare(&machine.by_devno, key(spec->ssid, spec->devno)) ||
	    table_prepare(&machine.by_number, key(spec->ssid, (uint16_t)spec->sch_no))) {
		hw_sch_put(hw);
		hw_refuse(spec->options.error, "out of memory");
		return -ENOMEM;
	}
	err = create_device(hw, spec);
	if (err) {
		hw_sch_put(hw);
		return err;
	}
	set_paths(hw, spec);
	pthread_mutex_lock(&machine.lock);
	table_put(&machine.by_number, key(spec->ssid, hw->id.sch_no), hw);
	pthread_mutex_unlock(&machine.lock);
	table_put(&machine.by_devno, key(spec->ssid, spec->devno), hw);
	return 0;
}

int hw_plug(const char *text, struct hw_error *error)
{
	struct hw_spec *spec = malloc(sizeof(*spec));
	uint16_t sch_no;
	uint8_t ssid;
	int err;

	if (!spec) {
		hw_refuse(error, "out of memory");
		return -ENOMEM;
	}
	err = hw_spec_parse(text, spec, error);
	if (!err) {
		hw_console_lock();
		err = plug(spec);
		hw_console_unlock();
	}
	ssid = spec->ssid;
	sch_no = (uint16_t)spec->sch_no;
	free(spec);
	if (!err)
		hw_report(CRW_RSC_SCH, CRW_ERC_IPARM, ssid, sch_no);
	return err;
}

/* The first step: nobody finds it any more. Under the console's lock. */
static void take_out(struct hw_sch *hw)
{
	pthread_mutex_lock(&machine.lock);
	table_put(&machine.by_number, key(hw->id.ssid, hw->id.sch_no), NULL);
	pthread_mutex_unlock(&machine.lock);
	table_put(&machine.by_devno, key(hw->id.ssid, hw->devno), NULL);
	machine.leaving++;
}

/*
 * The second one: it is gone. This may wait for memory of its user's, who may take long, so the
 * console's lock is not held.
 */
static void finish(struct hw_sch *hw, bool report)
{
	hw_sch_remove(hw);
	if (report)
		hw_report(CRW_RSC_SCH, CRW_ERC_IPARM, hw->id.ssid, hw->id.sch_no);
	hw_sch_put(hw);
	/* Last: who waits for this ends the machine. */
	hw_console_lock();
	machine.leaving--;
	pthread_cond_broadcast(&machine.left);
	hw_console_unlock();
}

/* The device of this number, or NULL with @error. Under the console's lock. */
static struct hw_sch *find_device(const char *busid, struct hw_error *error, int *err)
{
	struct hw_sch *hw;
	uint16_t devno;
	uint8_t ssid;

	*err = hw_spec_busid(busid, &ssid, &devno, error);
	if (*err)
		return NULL;
	hw = table_get(&machine.by_devno, key(ssid, devno));
	if (!hw) {
		hw_refuse(error, "0.%x.%04x: there is no such device", ssid, devno);
		*err = -ENODEV;
	}
	return hw;
}

int hw_unplug(const char *busid, struct hw_error *error)
{
	struct hw_sch *hw;
	int err;

	hw_console_lock();
	hw = find_device(busid, error, &err);
	if (hw)
		take_out(hw);
	hw_console_unlock();
	if (!hw)
		return err;
	finish(hw, true);
	return 0;
}

/* The first one of a type, or of any, taken out; or NULL. Under the console's lock. */
static struct hw_sch *take_one(const struct cu_type *type)
{
	struct hw_sch *hw;
	uint32_t at = 0;

	while ((hw = table_next(&machine.by_number, at))) {
		if (!type || hw->dev->type == type) {
			take_out(hw);
			return hw;
		}
		at = key(hw->id.ssid, hw->id.sch_no) + 1;
	}
	return NULL;
}

static void unplug_all(const struct cu_type *type, bool report)
{
	struct hw_sch *hw;

	hw_console_lock();
	while ((hw = take_one(type))) {
		hw_console_unlock();
		finish(hw, report);
		hw_console_lock();
	}
	/* Those that others unplug are gone then, too. */
	while (machine.leaving)
		pthread_cond_wait(&machine.left, &machine.console);
	hw_console_unlock();
}

void hw_unplug_type(const struct cu_type *type)
{
	unplug_all(type, true);
}

int hw_attention(const char *busid, uint8_t dstat, struct hw_error *error)
{
	struct hw_sch *hw;
	int err;

	if (!dstat)
		return hw_refuse(error, "expected a device status but 0");
	hw_console_lock();
	hw = find_device(busid, error, &err);
	if (hw)
		cu_device_unsolicited(hw->dev, dstat, NULL, 0);
	hw_console_unlock();
	return hw ? 0 : err;
}

/* ---- what is there ---- */

/** struct page - text that is being written: what does not fit is left out */
struct page {
	char *buf;
	size_t size;
	size_t len;
};

static void __umdev_printf(2, 3) print(struct page *p, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(p->buf + p->len, p->size - p->len, fmt, args);
	va_end(args);
	if (n > 0)
		p->len += (size_t)n < p->size - p->len ? (size_t)n : p->size - p->len - 1;
}

static void show_device(struct hw_sch *hw, void *data)
{
	const struct pmcw *pmcw = &hw->schib.pmcw;
	const struct cu_type *type = hw->dev->type;
	const char *text = hw->options;
	char options[HW_SPEC_MAX];
	struct page *p = data;
	bool enabled;

	pthread_mutex_lock(&hw->lock);
	enabled = pmcw->flags & PMCW_ENA;
	pthread_mutex_unlock(&hw->lock);
	print(p, "%x.%x.%04x:%s,sch=%x.%04x,chpids=", hw->id.cssid, hw->id.ssid, hw->devno,
	      type->name, hw->id.ssid, hw->id.sch_no);
	for (unsigned int i = 0; i < 8 && pmcw->pim & 0x80 >> i; i++)
		print(p, "%s%02x", i ? "." : "", pmcw->chpid[i]);
	if (type->show && type->show(hw->dev, options, sizeof(options)) > 0)
		text = options;
	print(p, "%s%s %s\n", text[0] ? "," : "", text, enabled ? "enabled" : "disabled");
}

size_t hw_show(char *buf, size_t size)
{
	struct page p = { .buf = buf, .size = size };

	if (!size)
		return 0;
	buf[0] = '\0';
	hw_console_lock();
	hw_for_each(show_device, &p);
	hw_console_unlock();
	return p.len;
}

/* ---- all of it ---- */

/* What is always there. */
static struct cu_type *const types[] = {
	&cu_null_type,
	&cu_fba_type,
	&cu_eckd_type,
};

static void unregister_types(size_t nr)
{
	while (nr--)
		cu_type_unregister(types[nr]);
}

int hw_init(const struct hw_host *host)
{
	size_t i;
	int err;

	machine.host = *host;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		err = cu_type_register(types[i]);
		if (err) {
			unregister_types(i);
			return err;
		}
	}
	return 0;
}

void hw_exit(void)
{
	/* Nobody listens any more. */
	unplug_all(NULL, false);
	unregister_types(sizeof(types) / sizeof(types[0]));
	table_free(&machine.by_number);
	table_free(&machine.by_devno);
	hw_path_forget();
}
