/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vfio_ap between its user and the hardware; matrices and hardware are this test's. */
#include "cmocka_umdev.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <umdev/umdev.h>
#include <umdev/vfio_ap.h>
#include <umdev/vfio_file.h>

#include "../../drivers/vfio_ap/private.h"
#include "model/host.h"
#include "vfio_ap_hardware.h"

#define ARM    (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)
#define OTHERS AP_MKQID(0x05, 0x0047)
#define IOVA   0x10000u
#define STEPS  200000

/* ---- the matrix side ---- */

static struct ap_matrix_mdev *m;
static struct vfio_ap_queue queue;

struct ap_matrix_dev *matrix_dev;
static unsigned int attached, detached;
static int reset_error;

int vfio_ap_guest_attach(struct ap_matrix_mdev *mdev)
{
	attached++;
	mdev->opened = true;
	return 0;
}

void vfio_ap_guest_detach(struct ap_matrix_mdev *mdev)
{
	detached++;
	pthread_mutex_lock(&matrix_dev->lock);
	vfio_ap_irq_free(&queue);
	mdev->opened = false;
	pthread_mutex_unlock(&matrix_dev->lock);
}

int vfio_ap_mdev_reset_queues(struct ap_matrix_mdev *mdev)
{
	return reset_error;
}

/* ---- a bus with one device ---- */

static int probe(struct device *dev)
{
	return vfio_register_emulated_iommu_dev(&m->vdev);
}

static void leave(struct device *dev)
{
	vfio_unregister_group_dev(&m->vdev);
}

static void release(struct device *dev)
{
	free(container_of(dev, struct mdev_device, dev));
}

static struct bus_type bus = { .name = "fake-ap" };
static struct device_driver driver = {
	.name = "fake-vfio-ap", .bus = &bus, .probe = probe, .remove = leave
};

static int nothing(void)
{
	return 0;
}
module_init(nothing);

static void set_window(const char *value)
{
	const struct kernel_param *param = THIS_MODULE->params;

	assert_string_equal(param->name, "window");
	assert_int_equal(param->ops->set(value, param), 0);
}

static struct mdev_device *mdev;
static struct vfio_file *file;
static uint8_t *memory;
static int memory_fd;

static void user_request(struct vfio_file *f, unsigned int count)
{
}

static const struct vfio_user_ops user_ops = { .request = user_request };

static void add_device(void)
{
	m = calloc(1, sizeof(*m));
	mdev = calloc(1, sizeof(*mdev));
	assert_true(m && mdev);
	mdev->dev.bus = &bus;
	mdev->dev.release = release;
	assert_int_equal(device_initialize(&mdev->dev), 0);
	assert_int_equal(dev_set_name(&mdev->dev, "matrix"), 0);
	m->mdev = mdev;
	pthread_mutex_init(&m->apcb_lock, NULL);
	ap_mask_set(&m->shadow.apm, AP_QID_CARD(MINE));
	ap_mask_set(&m->shadow.aqm, AP_QID_QUEUE(MINE));
	ap_mask_set(&m->shadow.adm, 255);
	queue = (struct vfio_ap_queue) { .apqn = MINE, .matrix_mdev = m };
	vfio_ap_irq_init(&queue);
	matrix_dev->queues[MINE] = &queue;
	assert_int_equal(vfio_ap_device_init(m), 0);
	assert_int_equal(device_add(&mdev->dev), 0);
	assert_true(device_is_bound(&mdev->dev));
}

static void open_device(void)
{
	assert_int_equal(vfio_file_open(&m->vdev, &user_ops, NULL, &file), 0);
	memory_fd = memfd_create("guest", 0);
	assert_int_equal(ftruncate(memory_fd, 65536), 0);
	memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	assert_true(memory != MAP_FAILED);
	assert_int_equal(vfio_file_dma_map(file, IOVA, 65536,
					   VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
					   memory_fd, 0),
			 0);
}

static void close_device(void)
{
	if (!file)
		return;
	vfio_file_close(file);
	file = NULL;
	munmap(memory, 65536);
	close(memory_fd);
}

static void remove_device(void)
{
	close_device();
	device_del(&mdev->dev);
	put_device(&mdev->dev);
	vfio_ap_device_finish(m);
	free(m);
}

static int begin(void **state)
{
	memset(&hw, 0, sizeof(hw));
	attached = detached = 0;
	reset_error = 0;
	set_window("1");
	add_device();
	open_device();
	return 0;
}

static int end(void **state)
{
	remove_device();
	return 0;
}

/* ---- the guest ---- */

static void put(uint64_t reg, const void *data, size_t len)
{
	assert_int_equal(vfio_file_write(file, 0, data, len, reg), len);
}

static void put64(uint64_t reg, uint64_t value)
{
	value = htole64(value);
	put(reg, &value, sizeof(value));
}

static void put32(uint64_t reg, uint32_t value)
{
	value = htole32(value);
	put(reg, &value, sizeof(value));
}

static uint64_t get64(uint64_t reg)
{
	uint64_t value;

	assert_int_equal(vfio_file_read(file, 0, &value, sizeof(value), reg), sizeof(value));
	return le64toh(value);
}

static uint32_t get32(uint64_t reg)
{
	uint32_t value;

	assert_int_equal(vfio_file_read(file, 0, &value, sizeof(value), reg), sizeof(value));
	return le32toh(value);
}

/* Return: the response code. */
static unsigned int execute(uint32_t opcode, uint64_t gr0)
{
	put64(VFIO_AP_WINDOW_GR0, gr0);
	put32(VFIO_AP_WINDOW_EXECUTE, opcode);
	assert_int_equal(get32(VFIO_AP_WINDOW_INTERRUPTION), VFIO_AP_INTERRUPTION_NONE);
	assert_int_equal(get32(VFIO_AP_WINDOW_CC),
			 VFIO_AP_STATUS_RC(get64(VFIO_AP_WINDOW_GR1)) ? 3 : 0);
	return VFIO_AP_STATUS_RC(get64(VFIO_AP_WINDOW_GR1));
}

static uint32_t interrupted(uint32_t opcode, uint64_t gr0)
{
	unsigned int before = hw.asked;

	put64(VFIO_AP_WINDOW_GR0, gr0);
	put32(VFIO_AP_WINDOW_EXECUTE, opcode);
	assert_int_equal(hw.asked, before);
	return get32(VFIO_AP_WINDOW_INTERRUPTION);
}

static unsigned int aqic(uint64_t gr1, uint64_t gr2)
{
	put64(VFIO_AP_WINDOW_GR1, gr1);
	put64(VFIO_AP_WINDOW_GR2, gr2);
	return execute(VFIO_AP_PQAP, VFIO_AP_PQAP_AQIC | MINE);
}

static int arm(unsigned int index)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	assert_int_equal(vfio_file_set_irqs(file, ARM, index, 0, 1, &fd), 0);
	return fd;
}

static uint64_t signals(int fd)
{
	eventfd_t n = 0;

	return eventfd_read(fd, &n) ? 0 : n;
}

static void reply_arrives(void)
{
	if (hw.indicator)
		hw.indicator->fn(hw.indicator, MINE);
}

/* ---- what it is ---- */

static void the_window_is_a_region_with_a_type(void **state)
{
	struct {
		struct vfio_region_info info;
		struct vfio_region_info_cap_type cap;
	} got = { 0 };
	struct vfio_device_info info;

	vfio_file_get_info(file, &info);
	assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_AP | VFIO_DEVICE_FLAGS_RESET);
	assert_int_equal(info.num_regions, 1);
	assert_int_equal(info.num_irqs, 3);
	assert_int_equal(vfio_file_get_region_info(file, 0, &got.info, sizeof(got), NULL), 0);
	assert_int_equal(got.info.size, VFIO_AP_WINDOW_SIZE);
	assert_int_equal(got.info.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
						 VFIO_REGION_INFO_FLAG_CAPS);
	assert_int_equal(got.cap.header.id, VFIO_REGION_INFO_CAP_TYPE);
	assert_int_equal(got.cap.type, VFIO_REGION_TYPE_UMDEV);
	assert_int_equal(got.cap.subtype, VFIO_REGION_SUBTYPE_AP_WINDOW);
}

static void without_a_window_it_is_the_kernels(void **state)
{
	struct vfio_device_info info;
	struct vfio_irq_info irq = { 0 };
	uint8_t byte;

	remove_device();
	set_window("0");
	add_device();
	open_device();
	vfio_file_get_info(file, &info);
	assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_AP | VFIO_DEVICE_FLAGS_RESET);
	assert_int_equal(info.num_regions, 0);
	assert_int_equal(info.num_irqs, 2);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(vfio_file_get_irq_info(file, i, &irq), 0);
		assert_int_equal(irq.count, 1);
		assert_int_equal(irq.flags, VFIO_IRQ_INFO_EVENTFD);
	}
	assert_int_equal(vfio_file_get_irq_info(file, 2, &irq), -EINVAL);
	assert_int_equal(vfio_file_read(file, 0, &byte, 1, 0), -EINVAL);
	assert_int_equal(vfio_file_reset(file), 0);
}

static void only_eventfds_are_taken(void **state)
{
	const uint32_t none = VFIO_IRQ_SET_DATA_NONE, boolean = VFIO_IRQ_SET_DATA_BOOL;
	const uint32_t trigger = VFIO_IRQ_SET_ACTION_TRIGGER;
	int fd = arm(VFIO_AP_REQ_IRQ_INDEX), minus = -1;
	uint8_t yes = 1;

	assert_int_equal(vfio_file_set_irqs(file, none | trigger, 0, 0, 0, NULL), -EINVAL);
	assert_int_equal(vfio_file_set_irqs(file, none | trigger, 0, 0, 1, NULL), -EINVAL);
	assert_int_equal(vfio_file_set_irqs(file, boolean | trigger, 0, 0, 1, &yes), -EINVAL);
	assert_int_equal(vfio_file_set_irqs(file, none | VFIO_IRQ_SET_ACTION_MASK, 0, 0, 1, NULL),
			 -EINVAL);
	assert_int_equal(vfio_file_set_irqs(file,
					    VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK,
					    0, 0, 1, &fd),
			 -EINVAL);
	assert_int_equal(vfio_file_set_irqs(file, ARM, 0, 1, 1, &fd), -EINVAL);
	assert_int_equal(vfio_file_set_irqs(file, ARM, 3, 0, 1, &fd), -EINVAL);
	assert_int_equal(signals(fd), 0);
	assert_true(vfio_irq_is_armed(&m->vdev, 0, 0));
	assert_int_equal(vfio_file_set_irqs(file, ARM, 0, 0, 1, &minus), 0);
	assert_false(vfio_irq_is_armed(&m->vdev, 0, 0));
	close(fd);
}

/* ---- instructions ---- */

static void a_queue_of_the_guest_is_looked_at(void **state)
{
	hw.status = (struct ap_queue_status) { .queue_empty = true, .irq_enabled = true };
	put64(VFIO_AP_WINDOW_GR1, UINT64_MAX);
	assert_int_equal(execute(VFIO_AP_PQAP, VFIO_AP_PQAP_TAPQ | 1u << 23 | MINE), 0);
	assert_int_equal(get64(VFIO_AP_WINDOW_GR1), 0x81000000);
	/* The machine's own layout: facilities, type, domains, message length, depth. */
	assert_int_equal(get64(VFIO_AP_WINDOW_GR2), 0x060000000e540f1f);
	hw.status = (struct ap_queue_status) { .replies_waiting = true,
					       .queue_full = true,
					       .response_code = AP_RESPONSE_CHECKSTOPPED };
	execute(VFIO_AP_PQAP, VFIO_AP_PQAP_TAPQ | MINE);
	assert_int_equal(get64(VFIO_AP_WINDOW_GR1), 0x60040000);
}

static void other_queues_are_not_available(void **state)
{
	const uint64_t fc[] = { VFIO_AP_PQAP_TAPQ, VFIO_AP_PQAP_RAPQ, VFIO_AP_PQAP_ZAPQ };

	for (size_t i = 0; i < ARRAY_SIZE(fc); i++) {
		put64(VFIO_AP_WINDOW_GR2, 1);
		assert_int_equal(execute(VFIO_AP_PQAP, fc[i] | OTHERS), AP_RESPONSE_Q_NOT_AVAIL);
		assert_int_equal(get64(VFIO_AP_WINDOW_GR2), i ? 1 : 0);
	}
	put64(VFIO_AP_WINDOW_GR1, VFIO_AP_AQIC_IR);
	put64(VFIO_AP_WINDOW_GR2, IOVA);
	assert_int_equal(execute(VFIO_AP_PQAP, VFIO_AP_PQAP_AQIC | OTHERS),
			 AP_RESPONSE_Q_NOT_AVAIL);
	assert_int_equal(execute(VFIO_AP_NQAP, VFIO_AP_NQAP_LAST | OTHERS),
			 AP_RESPONSE_Q_NOT_AVAIL);
	assert_int_equal(execute(VFIO_AP_DQAP, VFIO_AP_DQAP_GR0 | OTHERS), AP_RESPONSE_Q_NOT_AVAIL);
	assert_int_equal(hw.asked, 0);
}

static void resets_are_the_one_that_was_asked_for(void **state)
{
	assert_int_equal(execute(VFIO_AP_PQAP, VFIO_AP_PQAP_RAPQ | MINE), 0);
	assert_int_equal(hw.resets, 1);
	assert_int_equal(execute(VFIO_AP_PQAP, VFIO_AP_PQAP_ZAPQ | MINE), 0);
	assert_int_equal(hw.resets, 101);
}

static void one_write_sends_and_one_read_gets(void **state)
{
	struct {
		uint32_t version, execute, cc, interruption;
		uint64_t gr0, gr1, gr2, psmid, length, reserved;
		char message[16];
	} regs = {
		.version = 99,
		.execute = htole32(VFIO_AP_NQAP),
		.cc = 77,
		.gr0 = htole64(VFIO_AP_NQAP_LAST | MINE),
		.psmid = htole64(0x1122334455667788),
		.length = htole64(8),
		.reserved = 5,
		.message = "question",
	};

	put(0, &regs, sizeof(regs));
	assert_int_equal(hw.psmid, 0x1122334455667788);
	assert_int_equal(hw.len, 8);
	assert_memory_equal(hw.msg, "question", 8);
	regs.execute = htole32(VFIO_AP_DQAP);
	regs.gr0 = htole64(VFIO_AP_DQAP_GR0 | MINE);
	regs.psmid = 0;
	regs.length = htole64(16);
	memset(regs.message, 0, sizeof(regs.message));
	put(0, &regs, sizeof(regs));
	assert_int_equal(vfio_file_read(file, 0, &regs, sizeof(regs), 0), sizeof(regs));
	assert_int_equal(le32toh(regs.version), 1);
	assert_int_equal(regs.cc, 0);
	assert_int_equal(regs.reserved, 0);
	assert_int_equal(le64toh(regs.psmid), 0x1122334455667788);
	assert_int_equal(le64toh(regs.length), 8);
	assert_memory_equal(regs.message, "question", 8);
}

static void a_reply_that_does_not_fit_says_how_long_it_was(void **state)
{
	hw.len = 100;
	hw.psmid = 7;
	put64(VFIO_AP_WINDOW_LENGTH, 99);
	assert_int_equal(execute(VFIO_AP_DQAP, VFIO_AP_DQAP_GR0 | MINE),
			 AP_RESPONSE_MESSAGE_TOO_BIG);
	assert_int_equal(get64(VFIO_AP_WINDOW_LENGTH), 0);
	assert_int_equal(get64(VFIO_AP_WINDOW_GR2), 100);
	assert_int_equal(get64(VFIO_AP_WINDOW_PSMID), 7);
}

static void no_reply_changes_the_status_alone(void **state)
{
	put64(VFIO_AP_WINDOW_PSMID, 5);
	put64(VFIO_AP_WINDOW_LENGTH, 99);
	hw_answers(AP_RESPONSE_NO_PENDING_REPLY);
	execute(VFIO_AP_DQAP, VFIO_AP_DQAP_GR0 | MINE);
	assert_int_equal(get64(VFIO_AP_WINDOW_GR1), 0x100000);
	assert_int_equal(get64(VFIO_AP_WINDOW_PSMID), 5);
	assert_int_equal(get64(VFIO_AP_WINDOW_LENGTH), 99);
}

static void what_is_no_instruction_interrupts_the_program(void **state)
{
	put64(VFIO_AP_WINDOW_GR1, 0x1234);
	assert_int_equal(interrupted(0, MINE), VFIO_AP_INTERRUPTION_OPERATION);
	assert_int_equal(interrupted(0xb2b0, MINE), VFIO_AP_INTERRUPTION_OPERATION);
	for (uint64_t fc = 5; fc < 256; fc++)
		assert_int_equal(interrupted(VFIO_AP_PQAP, fc << 24 | MINE),
				 VFIO_AP_INTERRUPTION_SPECIFICATION);
	assert_int_equal(interrupted(VFIO_AP_NQAP, MINE), VFIO_AP_INTERRUPTION_SPECIFICATION);
	put64(VFIO_AP_WINDOW_LENGTH, VFIO_AP_WINDOW_MESSAGE_SIZE + 1);
	assert_int_equal(interrupted(VFIO_AP_NQAP, VFIO_AP_NQAP_LAST | MINE),
			 VFIO_AP_INTERRUPTION_ADDRESSING);
	put64(VFIO_AP_WINDOW_LENGTH, UINT64_MAX);
	assert_int_equal(interrupted(VFIO_AP_DQAP, MINE), VFIO_AP_INTERRUPTION_ADDRESSING);
	hw.no_qci = true;
	assert_int_equal(interrupted(VFIO_AP_PQAP, VFIO_AP_PQAP_QCI),
			 VFIO_AP_INTERRUPTION_SPECIFICATION);
	assert_int_equal(get64(VFIO_AP_WINDOW_GR1), 0x1234);
	put64(VFIO_AP_WINDOW_LENGTH, VFIO_AP_WINDOW_MESSAGE_SIZE);
	assert_int_equal(execute(VFIO_AP_NQAP, VFIO_AP_NQAP_LAST | MINE), 0);
}

static void half_a_register_executes_nothing(void **state)
{
	uint32_t opcode = htole32(VFIO_AP_NQAP);

	put64(VFIO_AP_WINDOW_GR0, VFIO_AP_NQAP_LAST | MINE);
	for (size_t i = 0; i < 4; i++)
		put(VFIO_AP_WINDOW_EXECUTE + i, (uint8_t *)&opcode + i, 1);
	put(VFIO_AP_WINDOW_EXECUTE, &opcode, 3);
	put(VFIO_AP_WINDOW_EXECUTE + 1, (uint8_t *)&opcode + 1, 3);
	assert_int_equal(hw.asked, 0);
	assert_int_equal(get32(VFIO_AP_WINDOW_EXECUTE), VFIO_AP_NQAP);
	put(VFIO_AP_WINDOW_EXECUTE, &opcode, 4);
	assert_int_equal(hw.asked, 1);
}

/* It has no status: gr1 stays as it is. */
static void get_configuration(uint8_t block[VFIO_AP_QCI_SIZE])
{
	put64(VFIO_AP_WINDOW_GR0, VFIO_AP_PQAP_QCI);
	put64(VFIO_AP_WINDOW_GR1, 0x1234);
	put32(VFIO_AP_WINDOW_EXECUTE, VFIO_AP_PQAP);
	assert_int_equal(get32(VFIO_AP_WINDOW_INTERRUPTION), VFIO_AP_INTERRUPTION_NONE);
	assert_int_equal(get32(VFIO_AP_WINDOW_CC), 0);
	assert_int_equal(get64(VFIO_AP_WINDOW_GR1), 0x1234);
	assert_int_equal(vfio_file_read(file, 0, block, VFIO_AP_QCI_SIZE, VFIO_AP_WINDOW_MESSAGE),
			 VFIO_AP_QCI_SIZE);
}

static void the_configuration_is_the_guests(void **state)
{
	uint8_t block[VFIO_AP_QCI_SIZE], expected[VFIO_AP_QCI_SIZE] = { 0 };

	expected[0] = 0xc0;
	expected[4] = 63;
	expected[5] = 84;
	expected[16] = 0x08;
	expected[48 + 8] = 0x01;
	expected[80 + 31] = 0x01;
	get_configuration(block);
	assert_memory_equal(block, expected, sizeof(block));
}

static void the_windows_edges_are_where_they_are(void **state)
{
	uint8_t bytes[2] = { 1, 2 };

	put(VFIO_AP_WINDOW_SIZE - 2, bytes, 2);
	assert_int_equal(vfio_file_write(file, 0, bytes, 2, VFIO_AP_WINDOW_SIZE - 1), -EINVAL);
	assert_int_equal(vfio_file_read(file, 0, bytes, 1, VFIO_AP_WINDOW_SIZE), -EINVAL);
	assert_int_equal(vfio_file_read(file, 0, bytes, 1, UINT64_MAX), -EINVAL);
	assert_int_equal(vfio_file_read(file, 0, bytes, 1, VFIO_AP_WINDOW_SIZE - 1), 1);
	assert_int_equal(bytes[0], 2);
}

/* Whatever is written, the hardware is asked for the guest's queue alone: asked() looks. */
static void random_writes_reach_nobody_else(void **state)
{
	static uint8_t data[VFIO_AP_WINDOW_SIZE];
	unsigned int seed = 1;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)rand_r(&seed);
	for (unsigned int step = 0; step < STEPS; step++) {
		size_t offset = (size_t)rand_r(&seed) % (step % 4 ? 80 : sizeof(data));
		size_t len = 1 + (size_t)rand_r(&seed) % (step % 100 ? 64 : sizeof(data) - offset);
		uint32_t opcode = htole32(VFIO_AP_NQAP + (unsigned int)rand_r(&seed) % 4);
		size_t from = (size_t)rand_r(&seed) % (sizeof(data) - len);
		uint64_t gr0 =
			(uint64_t)rand_r(&seed) % 8 << 24 | (step % 2 ? MINE : step & 0xffff);

		vfio_file_write(file, 0, data + from, len, offset);
		if (step % 8 == 0)
			put64(VFIO_AP_WINDOW_LENGTH, (uint64_t)rand_r(&seed) % 70000);
		put64(VFIO_AP_WINDOW_GR0, gr0 | (step % 3 ? VFIO_AP_NQAP_LAST : 0));
		put(VFIO_AP_WINDOW_EXECUTE, &opcode, 4);
		hw_answers(step % 5 ? AP_RESPONSE_NORMAL : AP_RESPONSE_BUSY);
	}
	assert_true(hw.asked > 1000);
	assert_int_equal(get32(VFIO_AP_WINDOW_VERSION), 1);
	vfio_file_reset(file);
	assert_int_equal(get64(VFIO_AP_WINDOW_GR0), 0);
}

/* ---- interrupts ---- */

static void a_reply_is_indicated(void **state)
{
	int fd = arm(VFIO_AP_WINDOW_IRQ_INDEX);

	assert_int_equal(aqic(VFIO_AP_AQIC_IR, IOVA + 5), 0);
	assert_int_equal(memory[5], 0);
	reply_arrives();
	assert_int_equal(memory[5], VFIO_AP_INDICATOR);
	assert_int_equal(signals(fd), 1);
	assert_int_equal(aqic(0, 0), 0);
	assert_null(hw.indicator);
	close(fd);
}

static void a_reply_before_the_hardware_has_agreed_is_indicated(void **state)
{
	int fd = arm(VFIO_AP_WINDOW_IRQ_INDEX);

	hw.early = true;
	assert_int_equal(aqic(VFIO_AP_AQIC_IR, IOVA), 0);
	assert_int_equal(memory[0], VFIO_AP_INDICATOR);
	assert_int_equal(signals(fd), 1);
	close(fd);
}

static void a_byte_that_cannot_be_is_an_invalid_address(void **state)
{
	assert_int_equal(aqic(VFIO_AP_AQIC_IR, 0), AP_RESPONSE_INVALID_ADDRESS);
	assert_int_equal(aqic(VFIO_AP_AQIC_IR, IOVA + 65536), AP_RESPONSE_INVALID_ADDRESS);
	assert_int_equal(aqic(VFIO_AP_AQIC_IR, UINT64_MAX), AP_RESPONSE_INVALID_ADDRESS);
	assert_int_equal(
		vfio_file_dma_map(file, 0x100000, 4096, VFIO_DMA_MAP_FLAG_READ, memory_fd, 0), 0);
	assert_int_equal(aqic(VFIO_AP_AQIC_IR, 0x100000), AP_RESPONSE_INVALID_ADDRESS);
	assert_int_equal(hw.aqics, 0);
}

/* The one before stays, and what was pinned for the new one is not. */
static void what_the_hardware_refuses_changes_nothing(void **state)
{
	uint64_t unmapped;

	assert_int_equal(aqic(VFIO_AP_AQIC_IR, IOVA), 0);
	hw_answers(AP_RESPONSE_OTHERWISE_CHANGED);
	assert_int_equal(aqic(VFIO_AP_AQIC_IR, IOVA + 4096), AP_RESPONSE_OTHERWISE_CHANGED);
	hw_answers(AP_RESPONSE_BUSY);
	assert_int_equal(aqic(0, 0), AP_RESPONSE_BUSY);
	reply_arrives();
	assert_int_equal(memory[0], VFIO_AP_INDICATOR);
	assert_int_equal(memory[4096], 0);
	assert_int_equal(vfio_file_dma_unmap(file, IOVA, 65536, &unmapped), 0);
	assert_int_equal(unmapped, 65536);
}

static void memory_that_is_taken_back_is_let_alone(void **state)
{
	int fd = arm(VFIO_AP_WINDOW_IRQ_INDEX);
	struct ap_indicator *late;

	assert_int_equal(aqic(VFIO_AP_AQIC_IR, IOVA + 4096), 0);
	late = hw.indicator;
	assert_int_equal(vfio_file_dma_unmap(file, IOVA, 65536, NULL), 0);
	assert_int_equal(hw.aqics, 2);
	assert_null(hw.indicator);
	late->fn(late, MINE);
	assert_int_equal(memory[4096], 0);
	assert_int_equal(signals(fd), 0);
	close(fd);
}

/* Else who asks for indications again hears that they are on already, and none comes. */
static void a_busy_queue_ends_indications_with_its_memory(void **state)
{
	assert_int_equal(aqic(VFIO_AP_AQIC_IR, IOVA), 0);
	hw.busy = 3;
	assert_int_equal(vfio_file_dma_unmap(file, IOVA, 65536, NULL), 0);
	assert_null(hw.indicator);
}

static void a_guest_that_closes_leaves_no_byte_behind(void **state)
{
	struct ap_indicator *late;

	assert_int_equal(aqic(VFIO_AP_AQIC_IR, IOVA), 0);
	late = hw.indicator;
	close_device();
	assert_int_equal(attached, 1);
	assert_int_equal(detached, 1);
	late->fn(late, MINE);
	open_device();
	assert_int_equal(get64(VFIO_AP_WINDOW_GR0), 0);
}

static void who_is_asked_to_let_go_has_no_queues(void **state)
{
	int req = arm(VFIO_AP_REQ_IRQ_INDEX), changed = arm(VFIO_AP_CFG_CHG_IRQ_INDEX);
	static const uint8_t none[96];
	uint8_t block[VFIO_AP_QCI_SIZE];

	m->vdev.ops->request(&m->vdev, 0);
	assert_int_equal(signals(req), 1);
	assert_int_equal(signals(changed), 1);
	assert_int_equal(execute(VFIO_AP_PQAP, VFIO_AP_PQAP_TAPQ | MINE), AP_RESPONSE_Q_NOT_AVAIL);
	assert_int_equal(aqic(VFIO_AP_AQIC_IR, IOVA), AP_RESPONSE_Q_NOT_AVAIL);
	get_configuration(block);
	assert_memory_equal(block + VFIO_AP_QCI_APM, none, sizeof(none));
	assert_int_equal(hw.asked, 0);
	/* As the kernel's: a change of the matrix sets the masks anew. */
	vfio_ap_signal_cfg_chg(m);
	assert_int_equal(signals(changed), 1);
	assert_int_equal(execute(VFIO_AP_PQAP, VFIO_AP_PQAP_TAPQ | MINE), 0);
	close(req);
	close(changed);
}

static void a_reset_says_what_the_queues_said(void **state)
{
	put64(VFIO_AP_WINDOW_PSMID, 1);
	reset_error = -EIO;
	assert_int_equal(vfio_file_reset(file), -EIO);
	reset_error = 0;
	assert_int_equal(vfio_file_reset(file), 0);
	assert_int_equal(get64(VFIO_AP_WINDOW_PSMID), 0);
	assert_int_equal(get32(VFIO_AP_WINDOW_VERSION), 1);
}

static int group_begin(void **state)
{
	int err;

	host_root = "/nowhere";
	matrix_dev = calloc(1, sizeof(*matrix_dev));
	if (!matrix_dev)
		return -ENOMEM;
	pthread_mutex_init(&matrix_dev->lock, NULL);
	err = bus_register(&bus);
	return err ? err : driver_register(&driver);
}

static int group_end(void **state)
{
	driver_unregister(&driver);
	bus_unregister(&bus);
	free(matrix_dev);
	return 0;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_window_is_a_region_with_a_type),
		TEST(without_a_window_it_is_the_kernels),
		TEST(only_eventfds_are_taken),
		TEST(a_queue_of_the_guest_is_looked_at),
		TEST(other_queues_are_not_available),
		TEST(resets_are_the_one_that_was_asked_for),
		TEST(one_write_sends_and_one_read_gets),
		TEST(a_reply_that_does_not_fit_says_how_long_it_was),
		TEST(no_reply_changes_the_status_alone),
		TEST(what_is_no_instruction_interrupts_the_program),
		TEST(half_a_register_executes_nothing),
		TEST(the_configuration_is_the_guests),
		TEST(the_windows_edges_are_where_they_are),
		TEST(random_writes_reach_nobody_else),
		TEST(a_reply_is_indicated),
		TEST(a_reply_before_the_hardware_has_agreed_is_indicated),
		TEST(a_byte_that_cannot_be_is_an_invalid_address),
		TEST(what_the_hardware_refuses_changes_nothing),
		TEST(memory_that_is_taken_back_is_let_alone),
		TEST(a_busy_queue_ends_indications_with_its_memory),
		TEST(a_guest_that_closes_leaves_no_byte_behind),
		TEST(who_is_asked_to_let_go_has_no_queues),
		TEST(a_reset_says_what_the_queues_said),
	};

	return cmocka_run_group_tests(tests, group_begin, group_end);
}
