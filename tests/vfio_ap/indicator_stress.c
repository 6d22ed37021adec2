/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests have replies indicated in their memory, and take that back, while adapters come and go,
 * queues change hands and are reset. Nothing may be written to memory that was taken back.
 *
 *     indicator_stress [ROUNDS [SEED]]
 */
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <umdev/ap_message.h>
#include <umdev/log.h>
#include <umdev/umdev.h>
#include <umdev/vfio_ap.h>
#include <umdev/vfio_file.h>
#include <unistd.h>

#include "../../drivers/vfio_ap/private.h"
#include "support/tree.h"

#define GUESTS	2
#define SIZE	0x4000u
#define IOVA	0x100000u
#define PLACES	3
#define DOMAINS 2

extern struct module __umdev_module_ap;

static const char *const uuids[GUESTS] = { "62177883-f1bb-47f0-914d-32a22e3a8804",
					   "62177883-f1bb-47f0-914d-32a22e3a8805" };
/* Each guest's adapter that is always its own, and one that goes from one to the other. */
static const unsigned int cards[] = { 4, 5, 6 };
static const unsigned int domains[DOMAINS] = { 4, 0x47 };

static unsigned int rounds = 300, seed = 1;
static atomic_bool over;
static atomic_ulong enabled, indicated, unmapped, replies, hotplugs, moves;

static void fail(const char *what)
{
	fprintf(stderr, "indicator_stress: %s\n", what);
	abort();
}

static unsigned int pick(unsigned int *state, unsigned int n)
{
	return (unsigned int)rand_r(state) / 7 % n;
}

/* ---- a guest ---- */

struct guest {
	pthread_t thread;
	unsigned int nr;
	unsigned int state;
	struct vfio_file *file;
	uint8_t *memory;
	int fd;
	int event;
	bool mapped;
};

static const struct vfio_user_ops user_ops = { 0 };

static struct vfio_device *find_device(unsigned int nr)
{
	uint8_t uuid[16];
	struct mdev_device *mdev;
	struct vfio_device *vdev;

	for (int i = 0, at = 0; i < 16; i++, at += 2) {
		unsigned int byte;

		at += uuids[nr][at] == '-';
		if (sscanf(uuids[nr] + at, "%2x", &byte) != 1)
			fail("uuid");
		uuid[i] = (uint8_t)byte;
	}
	mdev = mdev_find(uuid);
	if (!mdev)
		fail("no device");
	vdev = &((struct ap_matrix_mdev *)dev_get_drvdata(&mdev->dev))->vdev;
	put_device(&mdev->dev);
	return vdev;
}

static void map(struct guest *g)
{
	if (vfio_file_dma_map(g->file, IOVA, SIZE, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
			      g->fd, 0))
		fail("dma_map");
	g->mapped = true;
}

/* From here on to the next map() nobody writes there. */
static void unmap(struct guest *g)
{
	if (vfio_file_dma_unmap(g->file, IOVA, SIZE, NULL))
		fail("dma_unmap");
	g->mapped = false;
	unmapped++;
	memset(g->memory, 0, SIZE);
}

static void check_untouched(const struct guest *g)
{
	for (unsigned int i = 0; i < SIZE; i++)
		if (g->memory[i])
			fail("memory that was taken back was written to");
}

static uint64_t execute(struct guest *g, uint32_t opcode, uint64_t gr0, uint64_t gr1, uint64_t gr2,
			size_t len, const void *msg)
{
	uint8_t regs[VFIO_AP_WINDOW_MESSAGE + 64] = { 0 };
	const uint64_t values[] = { htole64(gr0), htole64(gr1), htole64(gr2), htole64(1),
				    htole64(len) };
	uint64_t status = 0;

	opcode = htole32(opcode);
	memcpy(regs + VFIO_AP_WINDOW_EXECUTE, &opcode, sizeof(opcode));
	memcpy(regs + VFIO_AP_WINDOW_GR0, values, sizeof(values));
	if (msg)
		memcpy(regs + VFIO_AP_WINDOW_MESSAGE, msg, len);
	if (vfio_file_write(g->file, 0, regs, sizeof(regs), 0) != sizeof(regs) ||
	    vfio_file_read(g->file, 0, &status, sizeof(status), VFIO_AP_WINDOW_GR1) !=
		    sizeof(status))
		fail("window");
	return le64toh(status);
}

static void ask(struct guest *g, ap_qid_t qid)
{
	uint8_t buf[AP_MSG_HEADER_SIZE];
	struct ap_msg msg;

	ap_msg_begin(&msg, buf, sizeof(buf), AP_MSG_REQUEST, AP_MSG_OP_RANDOM, 0, 8);
	execute(g, VFIO_AP_NQAP, VFIO_AP_NQAP_LAST | qid, 0, 0, msg.len, buf);
}

static void get(struct guest *g, ap_qid_t qid)
{
	uint64_t status = execute(g, VFIO_AP_DQAP, qid, 0, 0, VFIO_AP_WINDOW_MESSAGE_SIZE, NULL);

	replies += !VFIO_AP_STATUS_RC(status);
}

static void have_indicated(struct guest *g, ap_qid_t qid)
{
	uint64_t status = execute(g, VFIO_AP_PQAP, VFIO_AP_PQAP_AQIC | qid, VFIO_AP_AQIC_IR,
				  IOVA + pick(&g->state, SIZE), 0, NULL);

	if (!VFIO_AP_STATUS_RC(status) && !g->mapped)
		fail("a byte in memory that is not mapped was taken");
	enabled += !VFIO_AP_STATUS_RC(status);
}

static void act(struct guest *g)
{
	ap_qid_t qid = AP_MKQID(cards[pick(&g->state, PLACES)], domains[pick(&g->state, DOMAINS)]);
	eventfd_t n;

	switch (pick(&g->state, 12)) {
	case 0:
		if (g->mapped)
			unmap(g);
		else
			map(g);
		break;
	case 1:
		execute(g, VFIO_AP_PQAP, VFIO_AP_PQAP_AQIC | qid, 0, 0, 0, NULL);
		break;
	case 2:
		execute(g, VFIO_AP_PQAP,
			(pick(&g->state, 2) ? VFIO_AP_PQAP_RAPQ : VFIO_AP_PQAP_ZAPQ) | qid, 0, 0, 0,
			NULL);
		break;
	case 3:
	case 4:
	case 5:
		have_indicated(g, qid);
		break;
	case 6:
	case 7:
		get(g, qid);
		break;
	default:
		ask(g, qid);
	}
	if (!g->mapped)
		check_untouched(g);
	indicated += !eventfd_read(g->event, &n);
}

static void *guest_thread(void *arg)
{
	struct guest *g = arg;
	struct vfio_device *vdev = find_device(g->nr);

	for (unsigned int round = 0; round < rounds; round++) {
		if (vfio_file_open(vdev, &user_ops, NULL, &g->file) ||
		    vfio_file_set_irqs(g->file,
				       VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
				       VFIO_AP_WINDOW_IRQ_INDEX, 0, 1, &g->event))
			fail("open");
		map(g);
		for (unsigned int i = 0; i < 200; i++)
			act(g);
		if (round % 4 == 0)
			vfio_file_reset(g->file);
		vfio_file_close(g->file);
		g->mapped = false;
		memset(g->memory, 0, SIZE);
		check_untouched(g);
	}
	return NULL;
}

static void guest_init(struct guest *g, unsigned int nr)
{
	g->nr = nr;
	g->state = seed + nr;
	g->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	g->fd = memfd_create("guest", MFD_CLOEXEC);
	if (g->event < 0 || g->fd < 0 || ftruncate(g->fd, SIZE))
		fail("memory");
	g->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, g->fd, 0);
	if (g->memory == MAP_FAILED)
		fail("memory");
}

static void guest_finish(struct guest *g)
{
	munmap(g->memory, SIZE);
	close(g->fd);
	close(g->event);
}

/* ---- what happens to them ---- */

static void write_to(unsigned int nr, const char *attr, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "/bus/mdev/devices/%s/%s", uuids[nr], attr);
	tree_write(path, text);
}

static void *machine_thread(void *arg)
{
	unsigned int state = seed + 100;

	while (!over) {
		char text[32];
		unsigned int card = cards[pick(&state, PLACES)];

		switch (pick(&state, 3)) {
		case 0:
			snprintf(text, sizeof(text), "%02x", card);
			tree_write("/firmware/ap/unplug", text);
			tree_write("/bus/ap/scans", "1");
			snprintf(text, sizeof(text), "%02x:CEX8P", card);
			tree_write("/firmware/ap/plug", text);
			break;
		case 1:
			snprintf(text, sizeof(text), "%02x off", card);
			tree_write("/firmware/ap/config", text);
			tree_write("/bus/ap/scans", "1");
			snprintf(text, sizeof(text), "%02x on", card);
			tree_write("/firmware/ap/config", text);
			break;
		default:
			snprintf(text, sizeof(text), "%02x.%04x", card, domains[0]);
			tree_write("/bus/ap/drivers/vfio_ap/unbind", text);
			tree_write("/bus/ap/drivers/vfio_ap/bind", text);
		}
		tree_write("/bus/ap/scans", "1");
		hotplugs++;
	}
	return NULL;
}

static void *admin_thread(void *arg)
{
	for (unsigned int nr = 0; !over; nr = (nr + 1) % GUESTS) {
		write_to(nr, "assign_adapter", "6");
		write_to(nr, "unassign_domain", "0x47");
		write_to(nr, "assign_domain", "0x47");
		write_to(nr, "unassign_adapter", "6");
		moves++;
	}
	return NULL;
}

static void set_param(const char *name, const char *value)
{
	const struct kernel_param *param = __umdev_module_ap.params;

	while (param && strcmp(param->name, name))
		param = param->next;
	if (!param || param->ops->set(value, param))
		fail(name);
}

static void make_matrix(unsigned int nr)
{
	char card[8];

	snprintf(card, sizeof(card), "%u", cards[nr]);
	if (tree_write("/class/mdev_bus/matrix/mdev_supported_types/vfio_ap-passthrough/create",
		       uuids[nr]) < 0)
		fail("create");
	write_to(nr, "assign_adapter", card);
	write_to(nr, "assign_domain", "4");
	write_to(nr, "assign_domain", "0x47");
}

int main(int argc, char **argv)
{
	struct guest guests[GUESTS] = { 0 };
	pthread_t machine, admin;

	if (argc > 1)
		rounds = (unsigned int)atoi(argv[1]);
	if (argc > 2)
		seed = (unsigned int)atoi(argv[2]);
	log_set_level(LOG_LEVEL_ERR);
	set_param("cards", "04:CEX8P,05:CEX8P,06:CEX8P");
	set_param("domains", "4,0x47");
	set_param("reset_ms", "0");
	set_param("apmask", "0x0");
	if (umdev_start())
		fail("start");
	for (unsigned int nr = 0; nr < GUESTS; nr++) {
		make_matrix(nr);
		guest_init(&guests[nr], nr);
		pthread_create(&guests[nr].thread, NULL, guest_thread, &guests[nr]);
	}
	pthread_create(&machine, NULL, machine_thread, NULL);
	pthread_create(&admin, NULL, admin_thread, NULL);
	for (unsigned int nr = 0; nr < GUESTS; nr++)
		pthread_join(guests[nr].thread, NULL);
	over = true;
	pthread_join(machine, NULL);
	pthread_join(admin, NULL);
	umdev_stop();
	for (unsigned int nr = 0; nr < GUESTS; nr++)
		guest_finish(&guests[nr]);
	printf("enabled %lu, indicated %lu, unmapped %lu, replies %lu, hotplugs %lu, moves %lu\n",
	       enabled, indicated, unmapped, replies, hotplugs, moves);
	fflush(stdout);
	if (!enabled || !indicated || !unmapped || !replies || !hotplugs || !moves)
		fail("something has not happened at all");
	return 0;
}
