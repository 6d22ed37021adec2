/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "machine.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../unit/cmocka_umdev.h"

#define PATIENCE 60 /* seconds, of a busy machine under a sanitizer */

/* Whose interrupts and reports they are: there is one machine. */
static struct machine *machine;

static struct timespec deadline(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += PATIENCE;
	return t;
}

/* ---- memory ---- */

static struct guest *to_guest(struct channel_memory *mem)
{
	return container_of(mem, struct guest, mem);
}

static bool overlaps(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a_len && b_len && a < b + b_len && b < a + a_len;
}

static int access_ram(struct guest *g, uint64_t addr, size_t len, uint8_t **at)
{
	if (!__atomic_load_n(&g->open, __ATOMIC_ACQUIRE))
		__atomic_fetch_add(&g->stray, 1, __ATOMIC_RELAXED);
	if (addr >= GUEST_HIGH)
		addr -= GUEST_HIGH;
	if (addr > GUEST_SIZE || len > GUEST_SIZE - addr)
		return -EFAULT;
	if (overlaps(addr, len, g->denied, g->denied_len))
		return -EACCES;
	if (overlaps(addr, len, g->broken, g->broken_len))
		return -EIO;
	*at = g->ram + addr;
	return 0;
}

static int guest_fetch_ccw(struct channel_memory *mem, uint32_t addr, bool fmt1, struct ccw1 *ccw)
{
	struct guest *g = to_guest(mem);
	uint8_t *at;
	int err = access_ram(g, addr, CCW_SIZE, &at);

	__atomic_fetch_add(&g->fetched, 1, __ATOMIC_RELAXED);
	if (!err)
		*ccw = ccw_from_bytes(at, fmt1);
	return err;
}

static int guest_fetch_idaw(struct channel_memory *mem, uint64_t addr, bool c64, uint64_t *idaw)
{
	uint8_t *at;
	int err = access_ram(to_guest(mem), addr, c64 ? 8 : 4, &at);

	if (!err)
		*idaw = c64 ? cio_get64(at) : cio_get32(at);
	return err;
}

static int guest_read(struct channel_memory *mem, uint64_t addr, void *buf, size_t len)
{
	uint8_t *at;
	int err = access_ram(to_guest(mem), addr, len, &at);

	if (!err)
		memcpy(buf, at, len);
	return err;
}

static int guest_write(struct channel_memory *mem, uint64_t addr, const void *buf, size_t len)
{
	uint8_t *at;
	int err = access_ram(to_guest(mem), addr, len, &at);

	if (!err)
		memcpy(at, buf, len);
	return err;
}

static void guest_end(struct channel_memory *mem)
{
	struct guest *g = to_guest(mem);

	if (g->on_end)
		g->on_end(g);
	pthread_mutex_lock(&g->lock);
	__atomic_store_n(&g->open, false, __ATOMIC_RELEASE);
	g->ended++;
	pthread_cond_broadcast(&g->cond);
	pthread_mutex_unlock(&g->lock);
}

static const struct channel_memory_ops guest_ops = {
	.fetch_ccw = guest_fetch_ccw,
	.fetch_idaw = guest_fetch_idaw,
	.read = guest_read,
	.write = guest_write,
	.end = guest_end,
};

void guest_init(struct guest *g)
{
	memset(g, 0, sizeof(*g));
	g->ram = mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(g->ram != MAP_FAILED);
	g->mem.ops = &guest_ops;
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->cond, NULL);
	guest_reset(g, true);
}

void guest_finish(struct guest *g)
{
	assert_int_equal(g->stray, 0);
	pthread_cond_destroy(&g->cond);
	pthread_mutex_destroy(&g->lock);
	munmap(g->ram, GUEST_SIZE);
}

void guest_reset(struct guest *g, bool fmt1)
{
	g->fmt1 = fmt1;
	g->next_ccw = GUEST_CCWS;
	g->next_idaw = GUEST_IDAWS;
}

uint32_t guest_ccw(struct guest *g, uint8_t code, uint8_t flags, uint16_t count, uint32_t cda)
{
	uint8_t *at = g->ram + g->next_ccw;

	memset(at, 0, CCW_SIZE);
	if (g->fmt1) {
		at[1] = flags;
		cio_put16(at + 2, count);
		cio_put32(at + 4, cda);
	} else {
		cio_put32(at, cda);
		at[4] = flags;
		cio_put16(at + 6, count);
	}
	at[0] = code;
	g->next_ccw += CCW_SIZE;
	return g->next_ccw - CCW_SIZE;
}

uint32_t guest_tic(struct guest *g, uint32_t to)
{
	return guest_ccw(g, CCW_CMD_TIC, 0, 0, to);
}

uint32_t guest_idaws(struct guest *g, bool c64, const uint64_t *addr, unsigned int nr)
{
	uint32_t at = (g->next_idaw + 7) & ~UINT32_C(7);

	g->next_idaw = at;
	for (unsigned int i = 0; i < nr; i++) {
		if (c64)
			cio_put64(g->ram + g->next_idaw, addr[i]);
		else
			cio_put32(g->ram + g->next_idaw, (uint32_t)addr[i]);
		g->next_idaw += c64 ? 8 : 4;
	}
	return at;
}

void guest_wait_end(struct guest *g, unsigned int nr)
{
	struct timespec t = deadline();

	pthread_mutex_lock(&g->lock);
	while (g->ended < nr)
		if (pthread_cond_timedwait(&g->cond, &g->lock, &t))
			fail_msg("end() was called %u times, expected %u", g->ended, nr);
	pthread_mutex_unlock(&g->lock);
}

/* ---- the machine ---- */

static void take_crw(const struct crw *crw, uint8_t ssid)
{
	pthread_mutex_lock(&machine->lock);
	if (machine->nr_crws < MACHINE_CRWS) {
		machine->crw[machine->nr_crws] = *crw;
		machine->crw_ssid[machine->nr_crws++] = ssid;
	}
	pthread_mutex_unlock(&machine->lock);
}

static void take_interrupt(struct hw_sch *hw, void *data)
{
	struct unit *u = data;
	struct irb irb;

	if (!u)
		return;
	pthread_mutex_lock(&u->lock);
	u->interrupts++;
	pthread_cond_broadcast(&u->cond);
	pthread_mutex_unlock(&u->lock);
	if (u->on_interrupt) {
		u->on_interrupt(u);
		return;
	}
	if (hw_tsch(hw, &irb))
		return;
	pthread_mutex_lock(&u->lock);
	if (u->nr_irbs < UNIT_IRBS)
		u->irb[u->nr_irbs++] = irb;
	pthread_cond_broadcast(&u->cond);
	pthread_mutex_unlock(&u->lock);
}

void machine_start(struct machine *m)
{
	static const struct hw_host host = { .crw = take_crw, .interrupt = take_interrupt };

	memset(m, 0, sizeof(*m));
	pthread_mutex_init(&m->lock, NULL);
	machine = m;
	assert_int_equal(hw_init(&host), 0);
}

void machine_stop(struct machine *m)
{
	hw_exit();
	machine = NULL;
	pthread_mutex_destroy(&m->lock);
}

/* ---- a device ---- */

/* The subchannel whose device has this number. */
static struct hw_sch *find(const char *busid)
{
	unsigned int cssid, ssid, devno;
	struct schib schib;
	struct hw_sch *hw;
	uint32_t sch_no = 0;

	assert_int_equal(sscanf(busid, "%x.%x.%x", &cssid, &ssid, &devno), 3);
	while ((hw = hw_sch_next((uint8_t)ssid, sch_no))) {
		if (hw_sch_id(hw).ssid == ssid && !hw_stsch(hw, &schib) && schib.pmcw.dev == devno)
			return hw;
		sch_no = (uint32_t)hw_sch_id(hw).sch_no + 1;
		hw_sch_put(hw);
	}
	fail_msg("no subchannel has %s", busid);
	return NULL;
}

void unit_plug(struct unit *u, struct machine *m, const char *spec)
{
	struct hw_error error = { "" };
	size_t len = strcspn(spec, ":");

	assert_ptr_equal(m, machine);
	memset(u, 0, sizeof(*u));
	assert_true(len < sizeof(u->busid));
	memcpy(u->busid, spec, len);
	pthread_mutex_init(&u->lock, NULL);
	pthread_cond_init(&u->cond, NULL);
	guest_init(&u->guest);
	if (hw_plug(spec, &error))
		fail_msg("%s: %s", spec, error.text);
	u->hw = find(u->busid);
	hw_sch_set_data(u->hw, u);
	assert_int_equal(unit_modify(u, true, true, 0xff), 0);
}

void unit_finish(struct unit *u)
{
	struct hw_error error;
	int err = hw_unplug(u->busid, &error);

	assert_true(!err || err == -ENODEV);
	hw_sch_set_data(u->hw, NULL);
	hw_sch_put(u->hw);
	guest_finish(&u->guest);
	pthread_cond_destroy(&u->cond);
	pthread_mutex_destroy(&u->lock);
}

int unit_modify(struct unit *u, bool enable, bool csense, uint8_t lpm)
{
	struct schib schib;
	int cc = hw_stsch(u->hw, &schib);

	if (cc)
		return cc;
	schib.pmcw.flags = (uint16_t)((schib.pmcw.flags & ~PMCW_ENA) | (enable ? PMCW_ENA : 0));
	schib.pmcw.word6 = (schib.pmcw.word6 & ~PMCW_CSENSE) | (csense ? PMCW_CSENSE : 0);
	schib.pmcw.lpm = lpm;
	return hw_msch(u->hw, &schib);
}

struct schib unit_schib(struct unit *u)
{
	struct schib schib;

	assert_int_equal(hw_stsch(u->hw, &schib), 0);
	return schib;
}

int unit_start(struct unit *u, uint32_t flags, uint32_t cpa)
{
	struct orb orb = {
		.intparm = 0x12345678,
		.word1 = flags | (u->guest.fmt1 ? ORB_FMT : 0) | (ORB_LPM(flags) ? 0 : 0xff00),
		.cpa = cpa,
	};
	int cc;

	__atomic_store_n(&u->guest.open, true, __ATOMIC_RELEASE);
	cc = hw_ssch(u->hw, &orb, &u->guest.mem);
	return cc;
}

void unit_wait(struct unit *u, struct irb *irb)
{
	struct timespec t = deadline();

	pthread_mutex_lock(&u->lock);
	while (u->taken == u->nr_irbs)
		if (pthread_cond_timedwait(&u->cond, &u->lock, &t))
			fail_msg("%s: no interrupt", u->busid);
	*irb = u->irb[u->taken++];
	if (u->taken == u->nr_irbs)
		u->taken = u->nr_irbs = 0;
	pthread_mutex_unlock(&u->lock);
}

void unit_wait_active(struct unit *u)
{
	struct timespec end = deadline(), now;

	do {
		if (unit_schib(u).scsw.ctrl & SCSW_ACTL_DEVACT)
			return;
		usleep(100);
		clock_gettime(CLOCK_REALTIME, &now);
	} while (now.tv_sec < end.tv_sec);
	fail_msg("%s: no program runs", u->busid);
}

void unit_run(struct unit *u, uint32_t flags, uint32_t cpa, struct irb *irb)
{
	unsigned int ended;

	pthread_mutex_lock(&u->guest.lock);
	ended = u->guest.ended;
	pthread_mutex_unlock(&u->guest.lock);
	assert_int_equal(unit_start(u, flags, cpa), 0);
	do
		unit_wait(u, irb);
	while (!(irb->scsw.ctrl & (SCSW_STCTL_PRIM | SCSW_STCTL_SEC)));
	guest_wait_end(&u->guest, ended + 1);
}

void unit_assert_good(struct unit *u, uint32_t flags, uint32_t cpa)
{
	struct irb irb;

	unit_run(u, flags, cpa, &irb);
	status_is(&irb, STCTL_END, DSTAT_END, 0);
}

void status_is(const struct irb *irb, uint16_t stctl, uint8_t dstat, uint8_t cstat)
{
	const struct scsw *s = &irb->scsw;

	if ((s->ctrl & SCSW_STCTL) == stctl && s->dstat == dstat && s->cstat == cstat)
		return;
	fail_msg("status control %02x, device %02x, subchannel %02x; expected %02x, %02x, %02x "
		 "(flags %04x, control %04x, CCW address %08x, count %u, sense %02x%02x)",
		 s->ctrl & SCSW_STCTL, s->dstat, s->cstat, stctl, dstat, cstat, s->flags, s->ctrl,
		 s->cpa, s->count, irb->ecw[0], irb->ecw[1]);
}
