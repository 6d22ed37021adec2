/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Drivers of ccw devices: what is behind a subchannel that io_subchannel has, on the bus "ccw".
 *
 * A driver takes devices by what they say of themselves (SENSE ID), and uses one from set_online to
 * set_offline, which somebody asks for by the device's attribute "online". It is told of the end of
 * a channel program by the device's handler.
 *
 * Behaviour: Linux 7.3 arch/s390/include/asm/ccwdev.h, drivers/s390/cio/device*.c.
 */
#ifndef UMDEV_CCWDEV_H
#define UMDEV_CCWDEV_H

#include <umdev/css.h>

struct ccw_device;

/* ---- which devices ---- */

#define CCW_DEVICE_ID_MATCH_CU_TYPE	 0x01
#define CCW_DEVICE_ID_MATCH_CU_MODEL	 0x02
#define CCW_DEVICE_ID_MATCH_DEVICE_TYPE	 0x04
#define CCW_DEVICE_ID_MATCH_DEVICE_MODEL 0x08

/**
 * struct ccw_device_id - what a device is, or, in a driver's list, which devices it takes
 * @match_flags: CCW_DEVICE_ID_MATCH_*: what of the rest counts; a list ends with 0
 * @driver_info: the driver's; a device gets that of the entry that matched
 */
struct ccw_device_id {
	uint16_t match_flags;
	uint16_t cu_type;
	uint16_t dev_type;
	uint8_t cu_model;
	uint8_t dev_model;
	unsigned long driver_info;
};

/* Entries of a list; a model of 0 is any. */
#define CCW_DEVICE(cu, cum)                                                                      \
	.match_flags = CCW_DEVICE_ID_MATCH_CU_TYPE | ((cum) ? CCW_DEVICE_ID_MATCH_CU_MODEL : 0), \
	.cu_type = (cu), .cu_model = (cum)

#define CCW_DEVICE_DEVTYPE(cu, cum, dev, devm)                                         \
	.match_flags = CCW_DEVICE_ID_MATCH_CU_TYPE | CCW_DEVICE_ID_MATCH_DEVICE_TYPE | \
		       ((cum) ? CCW_DEVICE_ID_MATCH_CU_MODEL : 0) |                    \
		       ((devm) ? CCW_DEVICE_ID_MATCH_DEVICE_MODEL : 0),                \
	.cu_type = (cu), .cu_model = (cum), .dev_type = (dev), .dev_model = (devm)

/* ---- devices ---- */

/**
 * struct ccw_device - a device behind a subchannel
 * @ccwlock: its subchannel's lock, under which the handler runs and channel programs are started
 * @id:      what SENSE ID told; constant while it has a driver
 * @drv:     its driver, from the beginning of probe to the end of remove; under the device's lock
 *           and @ccwlock
 * @online:  in use by its driver; under @ccwlock
 * @handler: told of the end of a program, of a halt or a clear (@intparm is that of the last of
 *           them), and of status that nobody asked for (@intparm 0). Set by the driver, in probe
 *           usually, and NULL again when it leaves. @irb is valid during the call, with the sense
 *           of a unit check in ecw; or NULL and @err says why there is none: -EIO, the program was
 *           ended because its path or device went; -ETIMEDOUT, its time was over
 * @dev:     /sys/devices/cssC/C.S.SSSS/C.S.DDDD
 *
 * @handler is called under @ccwlock, on the subchannel's thread: it may start the next program, and
 * must not wait for one.
 */
struct ccw_device {
	pthread_mutex_t *ccwlock;
	struct ccw_device_id id;
	struct ccw_driver *drv;
	bool online;
	void (*handler)(struct ccw_device *cdev, unsigned long intparm, const struct irb *irb,
			int err);
	struct device dev;
};

static inline struct ccw_device *to_ccwdev(struct device *dev)
{
	return container_of(dev, struct ccw_device, dev);
}

/* What notify() is told. */
enum {
	CIO_GONE = 1, /* the device does not answer any more */
	CIO_NO_PATH,  /* its last path has gone */
	CIO_OPER,     /* it is there again */
	CIO_BOXED,    /* it does not answer, or somebody else has it */
};

/* What path_event() is told, of each path. */
#define PE_NONE			 0x0
#define PE_PATH_GONE		 0x1
#define PE_PATH_AVAILABLE	 0x2 /* it is there, and was verified */
#define PE_PATHGROUP_ESTABLISHED 0x4 /* its path group had been reset, and was made again */

/**
 * struct ccw_driver - a driver of ccw devices
 * @driver: name and owner are set by ccw_driver_register()
 * @ids:    which devices it takes
 * @probe, @remove: as those of device_driver; in @remove the device may still be online, and is
 *          taken offline after it
 * @set_online: the device may be used: the subchannel is enabled, its paths are verified. Return: 0
 *          or -errno, after which it is offline again
 * @set_offline: stop to use it. Return: 0, or -errno: it stays online
 * @notify: CIO_*, of a device that is online. Return: keep it, as it may come back (true), or let
 *          it be removed (false). Optional: false
 * @path_event: PE_* of each of the 8 paths, leftmost bit first, after they have changed. Optional
 *
 * The first four run under the device's lock and may wait for their channel programs; the others
 * under ccwlock.
 */
struct ccw_driver {
	struct device_driver driver;
	const struct ccw_device_id *ids;
	int (*probe)(struct ccw_device *cdev);
	void (*remove)(struct ccw_device *cdev);
	int (*set_online)(struct ccw_device *cdev);
	int (*set_offline)(struct ccw_device *cdev);
	bool (*notify)(struct ccw_device *cdev, int event);
	void (*path_event)(struct ccw_device *cdev, const int path_event[8]);
};

static inline struct ccw_driver *to_ccwdrv(struct device_driver *drv)
{
	return container_of(drv, struct ccw_driver, driver);
}

/** ccw_driver_register - as driver_register(), on the bus "ccw". Return: also -EINVAL, no ids. */
UMDEV_API int ccw_driver_register(struct ccw_driver *drv, struct module *owner, const char *name);
/** ccw_driver_unregister - the reverse. */
UMDEV_API void ccw_driver_unregister(struct ccw_driver *drv);

/**
 * ccw_device_set_online - what writing 1 to "online" does
 *
 * Context: the device's lock, not ccwlock; waits for the device. Return: 0, -EINVAL (no driver, or
 * online), -ENODEV (it does not answer), -EBUSY, else what set_online() says.
 */
UMDEV_API int ccw_device_set_online(struct ccw_device *cdev);
/** ccw_device_set_offline - the reverse. Return: 0, -EINVAL (no driver, or offline), -ENODEV, else
 * what set_offline() says. */
UMDEV_API int ccw_device_set_offline(struct ccw_device *cdev);

/* Options: what a driver wants of a device; set in probe. */
#define CCWDEV_EARLY_NOTIFICATION 0x0001 /* call the handler at primary status already */
#define CCWDEV_REPORT_ALL	  0x0002 /* call the handler at every interrupt */
#define CCWDEV_DO_PATHGROUP	  0x0004 /* make its paths a group, if the device knows such */
#define CCWDEV_ALLOW_FORCE	  0x0008 /* "force" may break somebody else's reservation */
#define CCWDEV_DO_MULTIPATH	  0x0010 /* the group may use several paths in one program */

/** ccw_device_set_options - set @flags as well. Context: ccwlock or probe. Return: 0, -EINVAL: the
 * first two exclude each other. */
UMDEV_API int ccw_device_set_options(struct ccw_device *cdev, unsigned long flags);
/** ccw_device_clear_options - clear @flags. Context: as above. */
UMDEV_API void ccw_device_clear_options(struct ccw_device *cdev, unsigned long flags);
/** ccw_device_is_pathgroup - are its paths a group? Context: ccwlock. */
UMDEV_API bool ccw_device_is_pathgroup(struct ccw_device *cdev);
/** ccw_device_is_multipath - and one in multipath mode? Context: ccwlock. */
UMDEV_API bool ccw_device_is_multipath(struct ccw_device *cdev);
/** ccw_device_get_path_mask - the paths that programs can use. Context: ccwlock. */
UMDEV_API uint8_t ccw_device_get_path_mask(struct ccw_device *cdev);

/* ---- channel programs; all with ccwlock held ---- */

/* Flags of a start. */
#define DOIO_DENY_PREFETCH 0x0002 /* the program may change while it runs */

/**
 * ccw_device_start - start a channel program of format-1 CCWs, with format-2 IDAWs
 * @mem:     where it is; used until its end() is called
 * @cpa:     its first CCW
 * @intparm: what the handler is told
 * @lpm:     paths that may be used; 0: any
 * @flags:   DOIO_*
 *
 * Return: 0 (the handler will be told), -EBUSY (one is under way, or status is pending), -EACCES
 * (no path of @lpm works), -ENODEV (the device is gone), -EINVAL (it is not online). After an error
 * @mem is not used, and its end() not called.
 *
 * While the paths are being verified nothing is started, but 0 returned: the handler is told of a
 * deferred condition code 1 then (@mem's end() is called before), and may try again.
 */
UMDEV_API int ccw_device_start(struct ccw_device *cdev, struct channel_memory *mem, uint32_t cpa,
			       unsigned long intparm, uint8_t lpm, unsigned long flags);

/** ccw_device_start_timeout - the same, for not more than @ms milliseconds; then the program is
 * ended, and the handler told of -ETIMEDOUT. 0: any time. */
UMDEV_API int ccw_device_start_timeout(struct ccw_device *cdev, struct channel_memory *mem,
				       uint32_t cpa, unsigned long intparm, uint8_t lpm,
				       unsigned long flags, unsigned int ms);

/** ccw_device_halt - end the program. Return: 0 (the handler will be told), -EBUSY, -EINVAL,
 * -ENODEV. */
UMDEV_API int ccw_device_halt(struct ccw_device *cdev, unsigned long intparm);
/** ccw_device_clear - end everything that the subchannel does. Return: 0 (the handler will be
 * told), -EINVAL, -ENODEV. */
UMDEV_API int ccw_device_clear(struct ccw_device *cdev, unsigned long intparm);

/* ---- memory for channel programs, if a driver has no other ---- */

/**
 * struct ccw_memory - memory of a channel's own: addresses from 0 to @size
 * @mem:   for ccw_device_start()
 * @size:  constant
 * @bytes: what is in it, big-endian
 */
struct ccw_memory {
	struct channel_memory mem;
	unsigned int users;
	size_t size;
	uint8_t bytes[];
};

/** ccw_memory_alloc - zeroed memory with one reference. Return: NULL without memory. */
UMDEV_API struct ccw_memory *ccw_memory_alloc(size_t size);
/** ccw_memory_get - take a reference: before each start, which drops it at the program's end; after
 * a start that failed it is still the caller's. Context: any. */
UMDEV_API struct ccw_memory *ccw_memory_get(struct ccw_memory *memory);
/** ccw_memory_put - drop one; the last one frees it. NULL does nothing. Context: any. */
UMDEV_API void ccw_memory_put(struct ccw_memory *memory);

/** ccw_to_bytes - encode a CCW of format 1 */
static inline void ccw_to_bytes(const struct ccw1 *ccw, uint8_t b[CCW_SIZE])
{
	b[0] = ccw->cmd_code;
	b[1] = ccw->flags;
	cio_put16(b + 2, ccw->count);
	cio_put32(b + 4, ccw->cda);
}

#endif
