/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mediated matrix by VFIO's own API, in the order of a hypervisor's calls. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <umdev/vfio_ap.h>
#include <unistd.h>

#include "umdev/ap_guest.h"
#include "umdev/tree.h"

#define GUEST_MEMORY_SIZE ((size_t)AP_DEVICES * AP_DOMAINS)

/* Registers and message, as they are in the window. */
struct window {
	uint32_t version;
	uint32_t opcode;
	uint32_t cc;
	uint32_t interruption;
	uint64_t gr0;
	uint64_t gr1;
	uint64_t gr2;
	uint64_t psmid;
	uint64_t length;
	uint64_t reserved;
	uint8_t message[VFIO_AP_WINDOW_MESSAGE_SIZE];
};

_Static_assert(offsetof(struct window, message) == VFIO_AP_WINDOW_MESSAGE, "the window's layout");

/* ---- opening ---- */

static int say_busy(const char *name)
{
	char *device, *user;

	if (asprintf(&device, "/sys/bus/mdev/devices/%s", name) < 0)
		return cli_fail("out of memory");
	user = tree_vfio_attr(device, "user");
	cli_fail("%s is in use by %s", name, user && *user ? user : "another program");
	free(user);
	free(device);
	return EXIT_FAILURE;
}

static int say_cannot_open(const char *what, const char *name, int err)
{
	switch (err) {
	case EBUSY:
		return say_busy(name);
	case EACCES:
	case EPERM:
		return cli_fail("not allowed to open %s, the VFIO group of %s (run this as root)",
				what, name);
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return cli_fail("%s has gone, or is going", name);
	default:
		return cli_fail("can't open %s for %s: %s", what, name, strerror(err));
	}
}

static int find_group(struct guest_device *g, const char *name)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *last;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%s/iommu_group", name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return cli_fail("%s has no VFIO group: no driver is bound to it", name);
	target[n] = '\0';
	last = strrchr(target, '/');
	g->group_id = (unsigned int)strtoul(last ? last + 1 : target, NULL, 10);
	return 0;
}

static int open_group(struct guest_device *g, const char *name)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[64];
	int err = find_group(g, name);

	if (err)
		return err;
	g->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (g->container < 0)
		return say_cannot_open("/dev/vfio/vfio", name, errno);
	snprintf(path, sizeof(path), "/dev/vfio/%u", g->group_id);
	g->group = open(path, O_RDWR | O_CLOEXEC);
	if (g->group < 0)
		return say_cannot_open(path, name, errno);
	if (ioctl(g->group, VFIO_GROUP_GET_STATUS, &status) ||
	    !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return cli_fail("%s: the group of %s can't be used", path, name);
	if (ioctl(g->group, VFIO_GROUP_SET_CONTAINER, &g->container) ||
	    ioctl(g->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return say_cannot_open(path, name, errno);
	g->device = ioctl(g->group, VFIO_GROUP_GET_DEVICE_FD, name);
	return g->device < 0 ? say_cannot_open(path, name, errno) : 0;
}

/* Where the window is, if there is one. */
static int find_window(struct guest_device *g, const char *name)
{
	struct {
		struct vfio_region_info info;
		struct vfio_region_info_cap_type cap;
	} region = { .info = { .argsz = sizeof(region), .index = VFIO_AP_WINDOW_REGION } };
	struct vfio_device_info info = { .argsz = sizeof(info) };

	if (ioctl(g->device, VFIO_DEVICE_GET_INFO, &info))
		return cli_fail("%s: GET_INFO: %s", name, strerror(errno));
	if (!(info.flags & VFIO_DEVICE_FLAGS_AP))
		return cli_fail("%s is no device of vfio_ap's", name);
	if (info.num_regions <= VFIO_AP_WINDOW_REGION)
		return 0;
	if (ioctl(g->device, VFIO_DEVICE_GET_REGION_INFO, &region))
		return cli_fail("%s: GET_REGION_INFO: %s", name, strerror(errno));
	if (!(region.info.flags & VFIO_REGION_INFO_FLAG_CAPS) ||
	    region.info.cap_offset != offsetof(__typeof__(region), cap) ||
	    region.cap.header.id != VFIO_REGION_INFO_CAP_TYPE ||
	    region.cap.type != VFIO_REGION_TYPE_UMDEV ||
	    region.cap.subtype != VFIO_REGION_SUBTYPE_AP_WINDOW ||
	    region.info.size < sizeof(struct window))
		return 0;
	g->has_window = true;
	g->window = (off_t)region.info.offset;
	return 0;
}

static int arm(const struct guest_device *g, uint32_t index, int *event)
{
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} ask = {
		.set = { .argsz = sizeof(ask),
			 .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			 .index = index,
			 .count = 1 },
	};

	*event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ask.fd = *event;
	if (*event < 0 || ioctl(g->device, VFIO_DEVICE_SET_IRQS, &ask))
		return cli_fail("interrupt %u: %s", index, strerror(errno));
	return 0;
}

/* Shared, so that the device can have a page of it. */
static int map_memory(struct guest_device *g)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.iova = GUEST_MEMORY_IOVA,
		.size = GUEST_MEMORY_SIZE,
	};
	int fd = memfd_create("umdev-ap-guest", MFD_CLOEXEC);
	void *memory = MAP_FAILED;

	if (fd >= 0 && !ftruncate(fd, GUEST_MEMORY_SIZE))
		memory = mmap(NULL, GUEST_MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		if (fd >= 0)
			close(fd);
		return cli_fail("memory for the guest: %s", strerror(errno));
	}
	g->memory = memory;
	map.vaddr = (uintptr_t)memory;
	if (ioctl(g->container, VFIO_IOMMU_MAP_DMA, &map)) {
		close(fd);
		return cli_fail("MAP_DMA: %s", strerror(errno));
	}
	close(fd);
	return 0;
}

int guest_device_open(struct guest_device *g, const char *name)
{
	int status;

	*g = (struct guest_device) { .container = -1,
				     .group = -1,
				     .device = -1,
				     .asked = -1,
				     .changed = -1,
				     .replies = -1 };
	status = open_group(g, name);
	if (!status)
		status = find_window(g, name);
	if (!status)
		status = arm(g, VFIO_AP_REQ_IRQ_INDEX, &g->asked);
	if (!status)
		status = arm(g, VFIO_AP_CFG_CHG_IRQ_INDEX, &g->changed);
	if (!status && g->has_window)
		status = arm(g, VFIO_AP_WINDOW_IRQ_INDEX, &g->replies);
	if (!status && g->has_window)
		status = map_memory(g);
	if (status)
		guest_device_close(g);
	return status;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void guest_device_close(struct guest_device *g)
{
	close_one(&g->device);
	close_one(&g->group);
	close_one(&g->container);
	close_one(&g->asked);
	close_one(&g->changed);
	close_one(&g->replies);
	if (g->memory)
		munmap(g->memory, GUEST_MEMORY_SIZE);
	g->memory = NULL;
}

int guest_device_reset(const struct guest_device *g)
{
	return ioctl(g->device, VFIO_DEVICE_RESET) ? -errno : 0;
}

/* ---- instructions ---- */

static int transfer(ssize_t n, size_t wanted)
{
	if (n < 0)
		return -errno;
	return (size_t)n == wanted ? 0 : -EIO;
}

int guest_execute(const struct guest_device *g, uint32_t opcode, struct guest_regs *regs,
		  const void *msg, size_t len, void *back, size_t size)
{
	static struct window window;
	int err;

	if (!g->has_window)
		return -EOPNOTSUPP;
	if (len > sizeof(window.message) || size > sizeof(window.message))
		return -EMSGSIZE;
	memset(&window, 0, VFIO_AP_WINDOW_MESSAGE);
	window.opcode = htole32(opcode);
	window.gr0 = htole64(regs->gr0);
	window.gr1 = htole64(regs->gr1);
	window.gr2 = htole64(regs->gr2);
	window.psmid = htole64(regs->psmid);
	window.length = htole64(regs->length);
	if (len)
		memcpy(window.message, msg, len);
	len += VFIO_AP_WINDOW_MESSAGE;
	err = transfer(pwrite(g->device, &window, len, g->window), len);
	if (err)
		return err;
	len = VFIO_AP_WINDOW_MESSAGE + size;
	err = transfer(pread(g->device, &window, len, g->window), len);
	if (err)
		return err;
	regs->gr0 = le64toh(window.gr0);
	regs->gr1 = le64toh(window.gr1);
	regs->gr2 = le64toh(window.gr2);
	regs->psmid = le64toh(window.psmid);
	regs->length = le64toh(window.length);
	regs->interruption = le32toh(window.interruption);
	if (size)
		memcpy(back, window.message, size);
	return 0;
}

static void get_mask(struct ap_mask *mask, const uint8_t *from)
{
	for (size_t i = 0; i < 4; i++) {
		memcpy(&mask->word[i], from + 8 * i, 8);
		mask->word[i] = be64toh(mask->word[i]);
	}
}

int guest_configuration(const struct guest_device *g, struct guest_matrix *matrix)
{
	struct guest_regs regs = { .gr0 = VFIO_AP_PQAP_QCI };
	uint8_t block[VFIO_AP_QCI_SIZE];
	int err = guest_execute(g, VFIO_AP_PQAP, &regs, NULL, 0, block, sizeof(block));

	if (err || regs.interruption)
		return err ? err : -EOPNOTSUPP;
	get_mask(&matrix->apm, block + VFIO_AP_QCI_APM);
	get_mask(&matrix->aqm, block + VFIO_AP_QCI_AQM);
	get_mask(&matrix->adm, block + VFIO_AP_QCI_ADM);
	return 0;
}
