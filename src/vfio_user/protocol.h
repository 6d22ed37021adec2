/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The vfio-user protocol 0.0 on the wire, in the host's byte order. Payloads that are
 * <linux/vfio.h>'s structures (region info, irq info, irq set, device info) are used as they are
 * there.
 *
 * Behaviour: docs/interop/vfio-user.rst of QEMU 11.1.
 */
#ifndef UMDEV_VFIO_USER_PROTOCOL_H
#define UMDEV_VFIO_USER_PROTOCOL_H

#include <stdint.h>

#define VFIO_USER_MAJOR 0
#define VFIO_USER_MINOR 0

/* What this server offers: data of one message, descriptors of one message, mappings. */
#define VFIO_USER_MAX_DATA_XFER 1048576u
#define VFIO_USER_MAX_FDS	16u
#define VFIO_USER_MAX_DMA_MAPS	65535u
/* What a peer that says nothing can take. */
#define VFIO_USER_DEFAULT_FDS 1u

enum vfio_user_command {
	VFIO_USER_VERSION = 1,
	VFIO_USER_DMA_MAP = 2,
	VFIO_USER_DMA_UNMAP = 3,
	VFIO_USER_DEVICE_GET_INFO = 4,
	VFIO_USER_DEVICE_GET_REGION_INFO = 5,
	VFIO_USER_DEVICE_GET_REGION_IO_FDS = 6,
	VFIO_USER_DEVICE_GET_IRQ_INFO = 7,
	VFIO_USER_DEVICE_SET_IRQS = 8,
	VFIO_USER_REGION_READ = 9,
	VFIO_USER_REGION_WRITE = 10,
	VFIO_USER_DMA_READ = 11,
	VFIO_USER_DMA_WRITE = 12,
	VFIO_USER_DEVICE_RESET = 13,
	VFIO_USER_REGION_WRITE_MULTI = 15,
	VFIO_USER_DEVICE_FEATURE = 16,
	VFIO_USER_MIG_DATA_READ = 17,
	VFIO_USER_MIG_DATA_WRITE = 18,
};

#define VFIO_USER_F_TYPE     0xfu
#define VFIO_USER_F_COMMAND  0x0u
#define VFIO_USER_F_REPLY    0x1u
#define VFIO_USER_F_NO_REPLY 0x10u
#define VFIO_USER_F_ERROR    0x20u

/* Every message begins with it; @size counts it too. */
struct vfio_user_header {
	uint16_t id;
	uint16_t command;
	uint32_t size;
	uint32_t flags;
	uint32_t error;
};

/* VERSION; JSON with a NUL at its end may follow. */
struct vfio_user_version {
	uint16_t major;
	uint16_t minor;
};

#define VFIO_USER_DMA_F_READ	0x1u
#define VFIO_USER_DMA_F_WRITE	0x2u
#define VFIO_USER_DMA_F_MMAP	0x4u /* access modes: only with a descriptor */
#define VFIO_USER_DMA_F_FILE_IO 0x8u

struct vfio_user_dma_map {
	uint32_t argsz;
	uint32_t flags;
	uint64_t offset;
	uint64_t address;
	uint64_t size;
};

#define VFIO_USER_DMA_UNMAP_F_DIRTY 0x1u
#define VFIO_USER_DMA_UNMAP_F_ALL   0x2u

struct vfio_user_dma_unmap {
	uint32_t argsz;
	uint32_t flags;
	uint64_t address;
	uint64_t size;
};

/* REGION_READ, REGION_WRITE and their replies; data may follow. */
struct vfio_user_region_access {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
};

/* One of the writes of REGION_WRITE_MULTI. */
struct vfio_user_small_write {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
	uint8_t data[8];
};

/* REGION_WRITE_MULTI, then @count small writes; the reply is this alone. */
struct vfio_user_write_multi {
	uint64_t count;
};

struct vfio_user_region_io_fds {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t count;
};

struct vfio_user_device_feature {
	uint32_t argsz;
	uint32_t flags;
};

/* DMA_READ, DMA_WRITE and their replies; data may follow. */
struct vfio_user_dma_access {
	uint64_t address;
	uint64_t count;
};

_Static_assert(sizeof(struct vfio_user_header) == 16, "wire format");
_Static_assert(sizeof(struct vfio_user_dma_map) == 32, "wire format");
_Static_assert(sizeof(struct vfio_user_dma_unmap) == 24, "wire format");
_Static_assert(sizeof(struct vfio_user_region_access) == 16, "wire format");
_Static_assert(sizeof(struct vfio_user_small_write) == 24, "wire format");
_Static_assert(sizeof(struct vfio_user_region_io_fds) == 16, "wire format");
_Static_assert(sizeof(struct vfio_user_dma_access) == 16, "wire format");

#endif
