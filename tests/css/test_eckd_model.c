/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An ECKD disk against a model of tracks that knows nothing of how it is stored: random programs
 * format, update and read; and what was acknowledged is there after a kill at any time.
 *
 * A test of more or other programs: ECKD_SEED, ECKD_ROUNDS.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../unit/cmocka_umdev.h"
#include "eckd_programs.h"

#define TRACKS	     45
#define RECORDS	     20
#define RECORD_MAX   (8 + 255 + 4096)
#define WRITE_MT     0x85
#define READ_KD_MT   0x8e
#define WRITE_CKD_MT 0x9d

/* A record: count, key, data. */
struct record {
	uint8_t b[RECORD_MAX];
	unsigned int key_len;
	unsigned int data_len;
};

struct track {
	unsigned int nr; /* without record 0 */
	struct record record[RECORDS];
};

static struct track model[TRACKS];
static struct disk d;
static unsigned int seed;

static unsigned int below(unsigned int n)
{
	return (unsigned int)rand_r(&seed) % n;
}

static unsigned int setting(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text ? (unsigned int)strtoul(text, NULL, 0) : otherwise;
}

static void fill(uint8_t *b, size_t len)
{
	unsigned int start = below(256);

	while (len--)
		*b++ = (uint8_t)start++;
}

/* ---- what is done, to both ---- */

static void new_record(struct record *r, uint32_t track, unsigned int nr, bool data)
{
	static const unsigned int lengths[] = { 0, 1, 7, 96, 511, 512, 513, 1000, 2048, 4096 };

	r->key_len = below(3) ? 0 : 1 + below(255);
	r->data_len = lengths[below(ARRAY_SIZE(lengths))];
	put_count(r->b, track, (uint8_t)nr, (uint8_t)r->key_len, (uint16_t)r->data_len);
	memset(r->b + 8, 0, sizeof(r->b) - 8);
	if (data)
		fill(r->b + 8, r->key_len + r->data_len);
}

static unsigned int cells(const struct track *t)
{
	unsigned int sum = 0;
	unsigned int i;

	for (i = 0; i < t->nr; i++)
		sum += eckd_record_cost(t->record[i].key_len, t->record[i].data_len);
	return sum;
}

/* Format a track from a record on, and perhaps the one behind it, too. */
static void do_format(void)
{
	uint32_t first = below(TRACKS - 1);
	unsigned int tracks = 1 + below(2);
	unsigned int keep = below(model[first].nr + 1);
	unsigned int count = 0;
	uint32_t t;

	extent(&d, 0, first, first + tracks - 1);
	locate(&d, ECKD_OP_FORMAT, 255, first, (uint8_t)keep, 0);
	for (t = first; t < first + tracks; t++) {
		struct track *m = &model[t];
		unsigned int wanted = 1 + below(8);

		m->nr = t == first ? keep : 0;
		while (wanted-- && m->nr < RECORDS) {
			struct record *r = &m->record[m->nr];
			bool data = below(2);

			new_record(r, t, m->nr + 1, data);
			if (cells(m) + eckd_record_cost(r->key_len, r->data_len) > ECKD_TRACK_CELLS)
				break;
			give(&d, t > first && m->nr == 0 ? WRITE_CKD_MT : ECKD_WRITE_CKD,
			     CCW_FLAG_SLI, r->b,
			     (uint16_t)(8 + (data ? r->key_len + r->data_len : 0)));
			m->nr++;
			count++;
		}
	}
	/* As many as there are, now that this is known. */
	d.u.guest.ram[GUEST_DATA + 16 + 3] = (uint8_t)(count ? count : 1);
}

/* Without zeros at the end, which the disk adds. */
static unsigned int short_len(const uint8_t *b, unsigned int len)
{
	if (below(2))
		return len;
	while (len > 1 && !b[len - 1])
		len--;
	return len;
}

/* Update data, or key and data, of some records, over tracks. */
static void do_update(void)
{
	uint32_t t = below(TRACKS);
	unsigned int nr, left, first;
	bool key = below(2);

	if (!model[t].nr)
		return;
	nr = below(model[t].nr);
	first = nr;
	left = 1 + below(10);
	extent(&d, 0x80, t, TRACKS - 1);
	locate(&d, ECKD_OP_WRITE_DATA, 255, t, (uint8_t)(nr + 1), 1);
	d.u.guest.ram[GUEST_DATA + 16 + 3] = 0;
	for (; left && t < TRACKS; t++, nr = 0)
		for (; left && nr < model[t].nr; nr++, left--) {
			struct record *r = &model[t].record[nr];
			uint8_t *at = r->b + 8 + (key ? 0 : r->key_len);
			unsigned int len = r->data_len + (key ? r->key_len : 0);

			/* That ends a program. */
			if (!r->data_len && (d.last || first != nr))
				left = 1;
			/* What is not brought becomes 0. */
			memset(at, 0, len);
			fill(at, below(4) ? len : below(len + 1));
			give(&d, key ? WRITE_MT | 0x08 : WRITE_MT, CCW_FLAG_SLI, at,
			     (uint16_t)short_len(at, len));
			d.u.guest.ram[GUEST_DATA + 16 + 3]++;
			if (!r->data_len)
				left = 1;
		}
}

static void step(void)
{
	program(&d);
	if (below(2))
		do_format();
	else
		do_update();
}

/* ---- what is there ---- */

static void check_track(uint32_t t)
{
	const struct track *m = &model[t];
	const uint8_t *b;
	unsigned int i;

	program(&d);
	extent(&d, 0x40, t, t);
	locate(&d, 0x40 | ECKD_OP_READ_TRACKS, 1, t, 0, 0);
	b = take(&d, ECKD_READ_TRACK, CCW_FLAG_SLI, 65535) + 16;
	good(&d);
	for (i = 0; i < m->nr; i++) {
		const struct record *r = &m->record[i];
		size_t len = (size_t)8 + r->key_len + r->data_len;

		if (memcmp(b, r->b, len) != 0)
			fail_msg("track %u, record %u: not what was written", t, i + 1);
		b += len;
	}
	assert_memory_equal(b, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
}

static void check_all(void)
{
	uint32_t t;

	for (t = 0; t < TRACKS; t++)
		check_track(t);
}

/* An update of a record without data ends with unit exception, the rest well. */
static void run_step(void)
{
	struct irb irb;

	if (!d.last)
		return;
	unit_run(&d.u, 0, d.first, &irb);
	if (irb.scsw.dstat & DEV_STAT_UNIT_CHECK || irb.scsw.cstat)
		fail_msg("status %02x %02x, sense %02x %02x %02x at CCW %u", irb.scsw.dstat,
			 irb.scsw.cstat, irb.ecw[0], irb.ecw[1], irb.ecw[7],
			 (irb.scsw.cpa - GUEST_CCWS) / CCW_SIZE - 1);
}

static void it_does_what_a_model_of_tracks_does(void **state)
{
	unsigned int rounds = setting("ECKD_ROUNDS", 400);
	unsigned int i;

	memset(model, 0, sizeof(model));
	seed = setting("ECKD_SEED", 1);
	disk_start(&d, ",cyls=3,unsafe");
	for (i = 0; i < rounds; i++) {
		step();
		run_step();
		check_track(below(TRACKS));
		if (i % 100 == 99) {
			disk_restart(&d, ",unsafe");
			check_all();
		}
	}
	check_all();
	disk_finish(&d);
}

/* ---- kills ---- */

/* Do steps until somebody ends this process; tell of each one that was acknowledged. */
static void child(int fd)
{
	for (;;) {
		step();
		run_step();
		if (write(fd, "", 1) != 1)
			_exit(1);
	}
}

/* A process that is gone may have left a transfer, and with that the lock. */
static void wait_for_lock(void)
{
	struct flock lock = { .l_type = F_WRLCK };
	int fd = open(d.path, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	while (fcntl(fd, F_OFD_SETLK, &lock))
		usleep(1000);
	close(fd);
}

static bool same(const uint8_t *b, const struct record *r)
{
	return memcmp(b, r->b, (size_t)8 + r->key_len + r->data_len) == 0;
}

/*
 * The step that was under way may have been done on some tracks, and not on others. What it did not
 * touch, it left: the records in front of the first that @before and the model differ in.
 */
static void check_interrupted(uint32_t t, const struct track *before)
{
	const struct track *after = &model[t];
	const uint8_t *b;
	unsigned int i;

	program(&d);
	extent(&d, 0x40, t, t);
	locate(&d, 0x40 | ECKD_OP_READ_TRACKS, 1, t, 0, 0);
	b = take(&d, ECKD_READ_TRACK, CCW_FLAG_SLI, 65535) + 16;
	good(&d);
	for (i = 0; i < before->nr; i++) {
		const struct record *r = &before->record[i];
		bool kept = i < after->nr && !memcmp(r, &after->record[i], sizeof(*r));

		if (kept && !same(b, r))
			fail_msg("track %u, record %u: lost by what was done to others", t, i + 1);
		/* With another length, the next one is elsewhere, and not to be kept. */
		if (!kept && (i >= after->nr || memcmp(r->b, after->record[i].b, 8) != 0))
			break;
		b += (size_t)8 + r->key_len + r->data_len;
	}
}

static void kill_after(unsigned int us)
{
	static struct track before[TRACKS];
	unsigned int seed_before = seed;
	unsigned int acknowledged = 0;
	int fds[2];
	uint32_t t;
	char c;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	unit_finish(&d.u);
	machine_stop(&d.m);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		machine_start(&d.m);
		disk_plug(&d, "");
		child(fds[1]);
	}
	close(fds[1]);
	usleep(us);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (read(fds[0], &c, 1) == 1)
		acknowledged++;
	close(fds[0]);
	wait_for_lock();
	machine_start(&d.m);
	disk_plug(&d, "");
	seed = seed_before;
	while (acknowledged--)
		step();
	memcpy(before, model, sizeof(before));
	step();
	for (t = 0; t < TRACKS; t++) {
		if (memcmp(&before[t], &model[t], sizeof(before[t])) == 0)
			check_track(t);
		else
			check_interrupted(t, &before[t]);
	}
}

static void what_was_acknowledged_survives_a_kill(void **state)
{
	unsigned int kills = setting("ECKD_KILLS", 8);
	uint32_t t;

	seed = setting("ECKD_SEED", 1);
	while (kills--) {
		memset(model, 0, sizeof(model));
		disk_start(&d, ",cyls=3");
		for (t = 0; t < 40; t++) {
			step();
			run_step();
		}
		kill_after(20000 + below(100000));
		disk_finish(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_does_what_a_model_of_tracks_does),
		cmocka_unit_test(what_was_acknowledged_survives_a_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
