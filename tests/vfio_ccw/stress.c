/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests use subchannels in all the ways that there are, and give them up in the middle, while
 * everything that somebody else can do to them happens: mediated devices come and go, subchannels
 * change hands, devices are unplugged, channel paths fail and are varied, devices ask for
 * attention.
 *
 *     vfio_ccw_stress [ROUNDS [SEED]]
 *
 * What must hold: a program that was accepted ends with an interrupt, unless its device is asked
 * back; a clear does, too; nobody waits for ever; a disk has what was written there and said to be,
 * in whole blocks; when all is over nothing is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <umdev/log.h>
#include <umdev/module.h>
#include <umdev/umdev.h>
#include <unistd.h>

#include "support/tree.h"
#include "vfio_ccw/ccw_inside.h"
#include "support/inside.h"
#include "vfio_ccw/guest_disk.h"

#define NR_GUESTS     3
#define MEMORY	      (128u * 1024)
#define OPERATIONS    40 /* of one use of a device */
#define HANG_LIMIT_MS 60000
#define DEVICES	      "/bus/css/devices/"
#define PAUSE_NS      2000000
#define USELESS_MAX   10000 /* uses, with a pause behind each */

struct guest {
	unsigned int nr;
	unsigned int state;
	const char *uuid;
	const char *subchannel;
	const char *busid;
	char spec[160];
	bool has_disk;
	unsigned long good; /* programs */
	struct ccw_client client;
	struct guest_disk disk;
	char image[64];
};

static struct guest guests[NR_GUESTS] = {
	{ .uuid = "7e270a25-e163-4922-af60-757fc8ed48c0",
	  .subchannel = "0.0.0000",
	  .busid = "0.0.1000" },
	{ .uuid = "7e270a25-e163-4922-af60-757fc8ed48c1",
	  .subchannel = "0.0.0001",
	  .busid = "0.0.2001",
	  .has_disk = true },
	{ .uuid = "7e270a25-e163-4922-af60-757fc8ed48c2",
	  .subchannel = "0.0.0002",
	  .busid = "0.0.2002",
	  .has_disk = true },
};

static unsigned int rounds = 40, seed = 1;
static char directory[] = "/tmp/vfio_ccw_stress.XXXXXX";
static atomic_bool over;
static atomic_ulong uses, ended_well, ended_badly, cleared, asked_back, refused, verified, removed,
	rebound, unplugged, paths, attentions;

static void fail(const char *what)
{
	fprintf(stderr, "vfio_ccw_stress: %s\n", what);
	abort();
}

static unsigned int pick(unsigned int *state, unsigned int n)
{
	return (unsigned int)rand_r(state) / 7 % n;
}

static void pause_a_little(void)
{
	nanosleep(&(struct timespec) { .tv_nsec = PAUSE_NS }, NULL);
}

/* ---- what a guest does ---- */

enum end {
	END_GOOD,
	END_BAD,   /* with checks, or it was cancelled, halted or cleared */
	END_ASKED, /* the device is asked back: nothing may come any more */
};

static bool is_asked_back(struct guest *g)
{
	struct pollfd event = { .fd = g->client.events[VFIO_CCW_REQ_IRQ_INDEX], .events = POLLIN };

	return poll(&event, 1, 0) > 0;
}

/* Wait for a final status of any of @functions. */
static enum end wait_for(struct guest *g, uint16_t functions, struct irb *irb)
{
	struct pollfd events[] = {
		{ .fd = g->client.events[VFIO_CCW_IO_IRQ_INDEX], .events = POLLIN },
		{ .fd = g->client.events[VFIO_CCW_REQ_IRQ_INDEX], .events = POLLIN },
	};
	const uint8_t good = DEV_STAT_CHN_END | DEV_STAT_DEV_END;
	eventfd_t n;

	for (;;) {
		if (poll(events, 2, HANG_LIMIT_MS) <= 0)
			fail("an interrupt was lost");
		if (!events[0].revents)
			return END_ASKED;
		eventfd_read(events[0].fd, &n);
		if (ccw_irb(&g->client, irb))
			fail("there is no status");
		if (!(irb->scsw.ctrl & functions) || !ccw_irb_is_final(irb))
			continue;
		return irb->scsw.dstat == good && !irb->scsw.cstat &&
				       !(irb->scsw.ctrl & (SCSW_FCTL_HALT | SCSW_FCTL_CLEAR))
			       ? END_GOOD
			       : END_BAD;
	}
}

/* Whatever is under way, afterwards nothing is. Return: can it be gone on with? */
static bool clear(struct guest *g)
{
	struct irb irb;

	if (ccw_command(&g->client, VFIO_CCW_ASYNC_CMD_CSCH))
		return false;
	if (wait_for(g, SCSW_FCTL_CLEAR, &irb) == END_ASKED)
		return false;
	cleared++;
	return true;
}

/* What a guest does that does not wait. Return: can it be gone on with? */
static bool intervene(struct guest *g)
{
	if (!pick(&g->state, 3))
		pause_a_little();
	switch (pick(&g->state, 5)) {
	case 0:
		return clear(g);
	case 1:
		ccw_command(&g->client, VFIO_CCW_ASYNC_CMD_HSCH);
		return clear(g);
	case 2:
		ccw_command(&g->client, VFIO_CCW_ASYNC_CMD_CSCH);
		ccw_command(&g->client, VFIO_CCW_ASYNC_CMD_HSCH);
		return clear(g);
	case 3:
		return !g->client.transport->reset(&g->client);
	default:
		return false; /* it goes away */
	}
}

/* Start a program. @end: how it has ended. Return: can it be gone on with? */
static bool run(struct guest *g, const struct orb *orb, enum end *end)
{
	struct irb irb;
	int err = ccw_ssch(&g->client, orb);

	*end = END_BAD;
	if (err) {
		if (err != -EBUSY && err != -EACCES && err != -ENODEV && err != -EIO)
			fail("a good program is refused as a bad one");
		refused++;
		return err != -EIO && err != -ENODEV;
	}
	if (!pick(&g->state, 8))
		return intervene(g);
	*end = wait_for(g, SCSW_FCTL_START | SCSW_FCTL_HALT | SCSW_FCTL_CLEAR, &irb);
	if (*end == END_GOOD) {
		ended_well++;
		g->good++;
	} else if (*end == END_BAD)
		ended_badly++;
	else
		asked_back++;
	return *end != END_ASKED;
}

static bool use_disk(struct guest *g)
{
	unsigned int nr = 1 + pick(&g->state, DISK_RUN);
	unsigned int first = pick(&g->state, DISK_BLOCKS - nr + 1);
	const char *wrong = NULL;
	struct orb orb;
	enum end end;
	bool go_on;

	if (pick(&g->state, 2)) {
		orb = disk_write(&g->disk, &g->client, first, nr);
		go_on = run(g, &orb, &end);
		if (end == END_GOOD)
			disk_written(&g->disk, first, nr);
		return go_on;
	}
	orb = disk_read(&g->client, first, nr);
	go_on = run(g, &orb, &end);
	if (end == END_GOOD) {
		wrong = disk_check_read(&g->disk, &g->client, first, nr);
		verified += nr;
	}
	if (wrong)
		fail(wrong);
	return go_on;
}

static bool use_null(struct guest *g)
{
	uint32_t at = 0x1000;
	struct orb orb = { .word1 = ORB_FMT | ORB_PFCH, .cpa = at };
	enum end end;

	at = ccw_put(&g->client, at, true,
		     (struct ccw1) { CCW_CMD_WRITE, CCW_FLAG_CC | CCW_FLAG_PCI, 64, 0x2000 });
	ccw_put(&g->client, at, true, (struct ccw1) { CCW_CMD_READ, 0, 4096, 0x3000 });
	return run(g, &orb, &end);
}

static void look_around(struct guest *g)
{
	uint8_t schib[SCHIB_SIZE];
	struct crw crw;

	ccw_schib(&g->client, schib);
	ccw_crw(&g->client, &crw);
}

/* Return: how many programs have ended well. */
static unsigned long use(struct guest *g)
{
	unsigned long before = g->good;
	bool go_on = true;
	unsigned int i;

	if (ccw_open(&g->client, &ccw_inside, g->uuid, MEMORY))
		return 0;
	uses++;
	for (i = 0; go_on && i < OPERATIONS && !is_asked_back(g); i++) {
		look_around(g);
		go_on = g->has_disk ? use_disk(g) : use_null(g);
	}
	ccw_close(&g->client);
	return g->good - before;
}

/* A use counts when it was of some use: devices and paths are not always there. */
static void *guest_thread(void *arg)
{
	struct guest *g = arg;
	unsigned int round, useless = 0;

	for (round = 0; round < rounds;) {
		if (use(g)) {
			round++;
			useless = 0;
			continue;
		}
		pause_a_little();
		if (++useless == USELESS_MAX)
			fail("a device can't be used any more");
	}
	return NULL;
}

/* ---- what happens to its device ---- */

/* Write to what stands at @before @name @after. */
static void write_to(const char *text, const char *before, const char *name, const char *after)
{
	char path[160];

	snprintf(path, sizeof(path), "%s%s%s", before, name, after);
	tree_write(path, text);
}

static void create(const struct guest *g)
{
	write_to(g->uuid, DEVICES, g->subchannel, "/mdev_supported_types/vfio_ccw-io/create");
}

static void bind(const struct guest *g)
{
	write_to("vfio_ccw", DEVICES, g->subchannel, "/driver_override");
	write_to(g->subchannel, DEVICES, g->subchannel, "/driver/unbind");
	tree_write("/bus/css/drivers_probe", g->subchannel);
	create(g);
}

static void rebind(const struct guest *g)
{
	tree_write("/bus/css/drivers/vfio_ccw/unbind", g->subchannel);
	write_to("io_subchannel", DEVICES, g->subchannel, "/driver_override");
	tree_write("/bus/css/drivers_probe", g->subchannel);
	bind(g);
	rebound++;
}

static void replug(const struct guest *g)
{
	tree_write("/firmware/css/unplug", g->busid);
	/* As long as its user has it the subchannel stays, and with it its place. */
	tree_write("/firmware/css/settle", "1");
	tree_write("/firmware/css/plug", g->spec);
	bind(g);
	unplugged++;
}

static void *admin_thread(void *arg)
{
	struct guest *g = arg;
	unsigned int state = seed + 100 + g->nr;
	unsigned int i;

	while (!over) {
		for (i = pick(&state, 10); i; i--)
			pause_a_little();
		switch (pick(&state, 3)) {
		case 0:
			write_to("1", "/bus/mdev/devices/", g->uuid, "/remove");
			create(g);
			removed++;
			break;
		case 1:
			rebind(g);
			break;
		default:
			replug(g);
		}
	}
	return NULL;
}

static void *machine_thread(void *arg)
{
	static const char *const changes[][2] = {
		{ "off", "on" },
		{ "deconfigure", "configure" },
	};
	unsigned int state = seed + 200, chpid, i;
	const char *const *change;
	char text[32];

	while (!over) {
		chpid = 0x10 + pick(&state, 2);
		switch (pick(&state, 3)) {
		case 0:
			snprintf(text, sizeof(text), "%02x", chpid);
			write_to("offline", "/devices/css0/chp0.", text, "/status");
			pause_a_little();
			write_to("online", "/devices/css0/chp0.", text, "/status");
			break;
		case 1:
			change = changes[pick(&state, 2)];
			snprintf(text, sizeof(text), "%02x %s", chpid, change[0]);
			tree_write("/firmware/css/path", text);
			pause_a_little();
			snprintf(text, sizeof(text), "%02x %s", chpid, change[1]);
			tree_write("/firmware/css/path", text);
			break;
		default:
			snprintf(text, sizeof(text), "%s 80",
				 guests[pick(&state, NR_GUESTS)].busid);
			tree_write("/firmware/css/attention", text);
			attentions++;
			continue;
		}
		paths++;
		for (i = pick(&state, 10); i; i--)
			pause_a_little();
	}
	return NULL;
}

/* ---- before and after ---- */

static void guest_init(struct guest *g, unsigned int nr)
{
	g->nr = nr;
	g->state = seed + nr;
	snprintf(g->image, sizeof(g->image), "%s/%u", directory, nr);
	if (g->has_disk)
		snprintf(g->spec, sizeof(g->spec),
			 "%s:9336,file=%s,blocks=%u,unsafe,chpids=%s,sch=0.000%u", g->busid,
			 g->image, DISK_BLOCKS, nr % 2 ? "10.11" : "11", nr);
	else
		snprintf(g->spec, sizeof(g->spec), "%s:null,delay_us=300,chpids=10,sch=0.000%u",
			 g->busid, nr);
	if (tree_write("/firmware/css/plug", g->spec) < 0)
		fail("a device can't be plugged");
	bind(g);
	if (!tree_exists("/bus/mdev/devices/%s", g->uuid))
		fail("a mediated device can't be made");
}

/* What is in the image is what the guest was told. */
static void guest_finish(struct guest *g)
{
	uint8_t block[DISK_BLOCK];
	const char *wrong;
	unsigned int i;
	int fd;

	if (!g->has_disk)
		return;
	fd = open(g->image, O_RDONLY | O_CLOEXEC);
	for (i = 0; i < DISK_BLOCKS; i++) {
		if (pread(fd, block, sizeof(block), (off_t)i * DISK_BLOCK) != sizeof(block))
			fail("an image is short");
		wrong = disk_check(&g->disk, block, i);
		if (wrong)
			fail(wrong);
	}
	close(fd);
	unlink(g->image);
}

static void run_all(void)
{
	pthread_t users[NR_GUESTS], admins[NR_GUESTS], machine;
	unsigned int i;

	for (i = 0; i < NR_GUESTS; i++)
		guest_init(&guests[i], i);
	for (i = 0; i < NR_GUESTS; i++) {
		pthread_create(&users[i], NULL, guest_thread, &guests[i]);
		pthread_create(&admins[i], NULL, admin_thread, &guests[i]);
	}
	pthread_create(&machine, NULL, machine_thread, NULL);
	for (i = 0; i < NR_GUESTS; i++)
		pthread_join(users[i], NULL);
	over = true;
	for (i = 0; i < NR_GUESTS; i++)
		pthread_join(admins[i], NULL);
	pthread_join(machine, NULL);
}

int main(int argc, char **argv)
{
	unsigned int i;

	if (argc > 1)
		rounds = (unsigned int)atoi(argv[1]);
	if (argc > 2)
		seed = (unsigned int)atoi(argv[2]);
	log_set_level(LOG_LEVEL_ERR);
	if (!mkdtemp(directory) || umdev_start() || inside_start())
		fail("start");
	run_all();
	for (i = 0; i < NR_GUESTS; i++)
		write_to("1", "/bus/mdev/devices/", guests[i].uuid, "/remove");
	inside_stop();
	umdev_stop();
	for (i = 0; i < NR_GUESTS; i++)
		guest_finish(&guests[i]);
	rmdir(directory);
	printf("uses %lu; programs: well %lu, badly %lu, refused %lu, asked back %lu; cleared %lu, "
	       "blocks verified %lu; removed %lu, rebound %lu, unplugged %lu, paths %lu, "
	       "attentions %lu\n",
	       uses, ended_well, ended_badly, refused, asked_back, cleared, verified, removed,
	       rebound, unplugged, paths, attentions);
	fflush(stdout);
	if (!ended_well || !cleared || !removed || !rebound || !unplugged || !paths || !attentions)
		fail("something has not happened at all");
	return 0;
}
