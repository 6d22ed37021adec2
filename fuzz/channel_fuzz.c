/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Channel programs of a hostile guest: channel_fuzz [SECONDS [SEED]]
 *
 * Programs for a null device, a fixed-block disk and a count-key-data disk, in the memory of a
 * guest, are copied as vfio_ccw does it and executed by the channel and the control units, while
 * the guest halts and clears, and its memory changes whenever it is read.
 *
 * What must hold: no crash, nothing that a sanitizer reports, no hang; memory is touched only where
 * the guest has some, and through no other way; a program that is accepted ends, its memory is let
 * go of exactly once, and one final status says how it went; one that is refused is refused with an
 * error that is documented.
 *
 * Built with -DLIBFUZZER and -fsanitize=fuzzer it is one of libFuzzer's.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <umdev/log.h>
#include <umdev/vfio.h>
#include <unistd.h>

#include "../drivers/css/hw.h"
#include "../drivers/vfio_ccw/cp.h"
#include "channel_program.h"

#define INPUT_SIZE     2048
#define PROGRAMS       6 /* of one input */
#define HANG_LIMIT_SEC 60

struct target {
	struct vfio_device vdev; /* what its memory is known by */
	struct hw_sch *hw;
	struct channel_program *cp;
	bool used; /* by this input */
	unsigned int ends;
	unsigned int interrupts;
	struct irb irb; /* the last final one */
};

static struct target targets[NR_DEVICES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* targets[], what is said of memory */
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;

/* The guest's memory: on the heap, so that a sanitizer knows its end. */
static uint8_t *memory;
static bool missing[GUEST_SIZE / GUEST_PAGE];
static uint64_t restless; /* state of what changes memory under its readers, 0: nothing does */

static uint64_t seed;
static unsigned long inputs, programs, refused, ended_well, ended_checked, ended_early;
static char directory[] = "/tmp/channel_fuzz.XXXXXX";

static void die(const char *what)
{
	fprintf(stderr, "channel_fuzz: seed %llu, input %lu: %s\n", (unsigned long long)seed,
		inputs, what);
	abort();
}

/* ---- what stands in for a VFIO device ---- */

int vfio_dma_rw(struct vfio_device *vdev, uint64_t iova, void *data, size_t len, bool write)
{
	uint64_t page;
	int err = 0;

	pthread_mutex_lock(&lock);
	if (len > GUEST_SIZE || iova > GUEST_SIZE - len)
		err = -EFAULT;
	for (page = iova / GUEST_PAGE; !err && len && page <= (iova + len - 1) / GUEST_PAGE; page++)
		err = missing[page] ? -EFAULT : 0;
	if (!err && write)
		memcpy(memory + iova, data, len);
	else if (!err)
		memcpy(data, memory + iova, len);
	if (!err && !write && len && restless) {
		restless = restless * UINT64_C(6364136223846793005) + 1442695040888963407;
		if (restless >> 61 == 0)
			memory[iova + (restless >> 8) % len] = (uint8_t)(restless >> 40);
	}
	pthread_mutex_unlock(&lock);
	return err;
}

void dev_printk(enum log_level level, const struct device *dev, const char *fmt, ...)
{
	(void)level;
	(void)dev;
	(void)fmt;
}

static void program_ended(struct vfio_device *vdev)
{
	struct target *t = container_of(vdev, struct target, vdev);

	pthread_mutex_lock(&lock);
	t->ends++;
	pthread_cond_broadcast(&news);
	pthread_mutex_unlock(&lock);
}

/* ---- what stands in for the bus ---- */

static void on_crw(const struct crw *crw, uint8_t ssid)
{
	(void)crw;
	(void)ssid;
}

static bool is_final(const struct irb *irb)
{
	return !(irb->scsw.ctrl & (SCSW_ACTL_DEVACT | SCSW_ACTL_SCHACT | SCSW_ACTL_START_PEND |
				   SCSW_ACTL_HALT_PEND | SCSW_ACTL_CLEAR_PEND));
}

static void on_interrupt(struct hw_sch *hw, void *data)
{
	struct target *t = data;
	struct irb irb;

	if (!t)
		return;
	pthread_mutex_lock(&lock);
	/* A clear that came meanwhile takes the status back. */
	if (!hw_tsch(hw, &irb)) {
		if (!(irb.scsw.ctrl & SCSW_STCTL_STATUS))
			die("an interrupt without status");
		if (is_final(&irb)) {
			t->irb = irb;
			t->interrupts++;
			pthread_cond_broadcast(&news);
		}
	}
	pthread_mutex_unlock(&lock);
}

static const struct hw_host host = { .crw = on_crw, .interrupt = on_interrupt };

/* ---- the machine ---- */

static void plug(enum device_kind kind, const char *spec)
{
	struct target *t = &targets[kind];
	struct hw_error error;
	struct schib schib;

	if (hw_plug(spec, &error)) {
		fprintf(stderr, "channel_fuzz: %s: %s\n", spec, error.text);
		exit(1);
	}
	t->hw = hw_sch_get(0, (uint16_t)kind);
	t->cp = cp_create(&t->vdev, program_ended);
	if (!t->hw || !t->cp)
		die("no subchannel");
	hw_sch_set_data(t->hw, t);
	if (hw_stsch(t->hw, &schib))
		die("stsch");
	schib.pmcw.flags |= PMCW_ENA;
	schib.pmcw.word6 |= PMCW_CSENSE;
	if (hw_msch(t->hw, &schib))
		die("msch");
}

static void machine_start(void)
{
	char spec[256];

	log_set_level(LOG_LEVEL_ERR);
	memory = malloc(GUEST_SIZE);
	if (!memory || !mkdtemp(directory) || hw_init(&host))
		die("no machine");
	plug(DEVICE_NULL, "0.0.1000:null");
	snprintf(spec, sizeof(spec), "0.0.2000:9336,file=%s/fba,blocks=128,unsafe", directory);
	plug(DEVICE_FBA, spec);
	snprintf(spec, sizeof(spec), "0.0.3000:3390,file=%s/eckd,cyls=3,format=cdl,unsafe",
		 directory);
	plug(DEVICE_ECKD, spec);
}

static void machine_stop(void)
{
	char path[64];
	unsigned int i;

	for (i = 0; i < NR_DEVICES; i++) {
		hw_sch_set_data(targets[i].hw, NULL);
		hw_sch_put(targets[i].hw);
	}
	hw_exit();
	for (i = 0; i < NR_DEVICES; i++)
		cp_destroy(targets[i].cp);
	free(memory);
	snprintf(path, sizeof(path), "%s/fba", directory);
	unlink(path);
	snprintf(path, sizeof(path), "%s/eckd", directory);
	unlink(path);
	rmdir(directory);
}

/* ---- one program ---- */

/* Wait until @ends programs were let go of, and @interrupts delivered. Locked. */
static void wait_for(struct target *t, unsigned int ends, unsigned int interrupts)
{
	struct timespec due;

	clock_gettime(CLOCK_REALTIME, &due);
	due.tv_sec += HANG_LIMIT_SEC;
	while (t->ends < ends || t->interrupts < interrupts) {
		if (pthread_cond_timedwait(&news, &lock, &due))
			die(t->ends >= ends ? "no interrupt came" : "the program does not end");
	}
}

/* What is said of how a program went fits together. */
static void check_status(const struct irb *irb)
{
	const struct scsw *scsw = &irb->scsw;
	const uint8_t checks = SCHN_STAT_PROG_CHECK | SCHN_STAT_PROT_CHECK | SCHN_STAT_CHN_DATA |
			       SCHN_STAT_CHN_CTRL | SCHN_STAT_INTF_CTRL | SCHN_STAT_CHAIN_CHK;
	bool bad = scsw->dstat & ~(DEV_STAT_CHN_END | DEV_STAT_DEV_END | DEV_STAT_STAT_MOD) ||
		   scsw->cstat & (checks | SCHN_STAT_INCORR_LEN);

	if (scsw->ctrl & (SCSW_FCTL_CLEAR | SCSW_FCTL_HALT)) {
		ended_early++;
		return;
	}
	if (!(scsw->ctrl & SCSW_FCTL_START) || !(scsw->ctrl & SCSW_STCTL_PRIM))
		die("a final status that is not of the start function");
	if (bad && !(scsw->ctrl & SCSW_STCTL_ALERT))
		die("something is wrong and the status is no alert");
	if (scsw->dstat & DEV_STAT_UNIT_CHECK &&
	    (!(scsw->flags & SCSW_FLAGS_ECTL) || !(irb->esw[1] & ERW_CONS)))
		die("a unit check without its sense");
	if (!(scsw->dstat & DEV_STAT_UNIT_CHECK) && scsw->flags & SCSW_FLAGS_ECTL)
		die("sense without a unit check");
	if (bad)
		ended_checked++;
	else
		ended_well++;
}

/* Clear it, and wait until it has nothing to do and nothing to say. */
static void quiesce(struct target *t)
{
	struct schib schib;

	if (hw_csch(t->hw))
		die("clear is refused");
	pthread_mutex_lock(&lock);
	t->interrupts = 0;
	while (!hw_stsch(t->hw, &schib) && schib.scsw.ctrl) {
		wait_for(t, 0, 1);
		t->interrupts = 0;
	}
	pthread_mutex_unlock(&lock);
}

enum after {
	AFTER_START,  /* an interrupt will tell how it ended */
	AFTER_CANCEL, /* none will */
	AFTER_OTHERS, /* one or more will */
};

/* A guest that does not wait. */
static enum after intervene(struct target *t, struct entropy *e)
{
	switch (draw(e, 16)) {
	case 1:
		hw_hsch(t->hw);
		return AFTER_OTHERS;
	case 2:
		hw_csch(t->hw);
		return AFTER_OTHERS;
	case 3:
		hw_hsch(t->hw);
		hw_csch(t->hw);
		return AFTER_OTHERS;
	case 4:
		return hw_xsch(t->hw) ? AFTER_START : AFTER_CANCEL;
	}
	return AFTER_START;
}

static void run(struct target *t, enum device_kind kind, struct entropy *e)
{
	struct orb orb = make_program(e, kind, memory);
	int err = cp_init(t->cp, &orb);
	enum after after = AFTER_START;

	programs++;
	t->used = true;
	if (err) {
		if (err != -EINVAL && err != -EFAULT && err != -EOPNOTSUPP)
			die("refused with an error that is none of those documented");
		refused++;
		return;
	}
	t->ends = t->interrupts = 0;
	err = hw_ssch(t->hw, cp_get_orb(t->cp, 0x80), cp_memory(t->cp));
	if (err) {
		/* Paths that are not there are all that it can be refused for. */
		if (err != 3 || ORB_LPM(orb.word1) & 0x80)
			die("an idle subchannel refuses a start");
		refused++;
	} else {
		after = intervene(t, e);
		pthread_mutex_lock(&lock);
		wait_for(t, 1, after != AFTER_CANCEL);
		if (after != AFTER_CANCEL)
			check_status(&t->irb);
		pthread_mutex_unlock(&lock);
	}
	if (t->ends != !err)
		die("the program's memory was not let go of exactly once");
	cp_free(t->cp);
	if (after == AFTER_OTHERS)
		quiesce(t);
}

/* ---- one input ---- */

static void one_input(const uint8_t *bytes, size_t size)
{
	struct entropy e = { .bytes = bytes, .left = size };
	enum device_kind kind = (enum device_kind)draw(&e, NR_DEVICES);
	unsigned int i, n = 1 + draw(&e, PROGRAMS);

	inputs++;
	restless = one_in(&e, 4) ? 1 + draw(&e, 65536) : 0;
	memset(memory, 0, GUEST_SIZE);
	memset(missing, 0, sizeof(missing));
	while (one_in(&e, 3))
		missing[draw(&e, GUEST_SIZE / GUEST_PAGE)] = true;
	for (i = 0; i < n && (e.left || !i); i++) {
		if (one_in(&e, 8))
			kind = (enum device_kind)draw(&e, NR_DEVICES);
		run(&targets[kind], kind, &e);
	}
	for (i = 0; i < NR_DEVICES; i++) {
		if (targets[i].used)
			quiesce(&targets[i]);
		targets[i].used = false;
	}
}

#ifdef LIBFUZZER
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	machine_start();
	atexit(machine_stop);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	one_input(bytes, size);
	return 0;
}
#else
static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 10, end = now() + seconds;
	uint8_t bytes[INPUT_SIZE];
	uint64_t state;
	size_t i;

	seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
	state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	printf("channel_fuzz: seed %llu, %.0f seconds\n", (unsigned long long)seed, seconds);
	fflush(stdout);
	machine_start();
	while (now() < end) {
		for (i = 0; i < sizeof(bytes); i++) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			bytes[i] = (uint8_t)(state >> 32);
		}
		one_input(bytes, sizeof(bytes));
	}
	machine_stop();
	printf("channel_fuzz: %lu inputs, %lu programs: %lu refused, %lu well, %lu with checks, "
	       "%lu ended early\n",
	       inputs, programs, refused, ended_well, ended_checked, ended_early);
	return !ended_well || !ended_checked || !refused || !ended_early;
}
#endif
