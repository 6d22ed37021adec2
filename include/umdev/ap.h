/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The AP bus: crypto adapters of a mainframe (cards), each cut into domains (queues), their
 * drivers, and the instructions that reach the simulated hardware. The module "ap" offers all of
 * this; who uses it says MODULE_DEPENDS("ap").
 *
 * The hardware knows nothing of the bus. It is reached by instructions alone, as on the machine,
 * and the bus finds by its scan what is there. Who has a queue (a driver on the host, or a guest)
 * is decided by the bus and the drivers; the hardware carries out what anybody asks.
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/{ap_bus,ap_queue,ap_card}.c, arch/s390/include/asm/ap.h,
 * Documentation/arch/s390/vfio-ap.rst; where 6.1 differs, doc/ap.md says so.
 */
#ifndef UMDEV_AP_H
#define UMDEV_AP_H

#include <inttypes.h>
#include <umdev/device.h>
#include <umdev/module.h>

#define AP_DEVICES 256
#define AP_DOMAINS 256

/* The number of a queue (APQN): adapter and domain. */
typedef unsigned int ap_qid_t;
#define AP_MKQID(card, queue) ((((card)&0xffu) << 8) | ((queue)&0xffu))
#define AP_QID_CARD(qid)      (((qid) >> 8) & 0xffu)
#define AP_QID_QUEUE(qid)     ((qid)&0xffu)

/* ---- masks ---- */

/**
 * struct ap_mask - one bit for each of 256 adapters or domains
 *
 * Bit 0 is the leftmost of word[0], as the machine has it and as it is printed.
 */
struct ap_mask {
	uint64_t word[4];
};

static inline bool ap_mask_test(const struct ap_mask *m, unsigned int nr)
{
	return m->word[nr / 64] >> (63 - nr % 64) & 1;
}

static inline void ap_mask_set(struct ap_mask *m, unsigned int nr)
{
	m->word[nr / 64] |= UINT64_C(1) << (63 - nr % 64);
}

static inline void ap_mask_clear(struct ap_mask *m, unsigned int nr)
{
	m->word[nr / 64] &= ~(UINT64_C(1) << (63 - nr % 64));
}

static inline bool ap_mask_empty(const struct ap_mask *m)
{
	return !(m->word[0] | m->word[1] | m->word[2] | m->word[3]);
}

static inline bool ap_mask_full(const struct ap_mask *m)
{
	return !~(m->word[0] & m->word[1] & m->word[2] & m->word[3]);
}

static inline bool ap_mask_equal(const struct ap_mask *a, const struct ap_mask *b)
{
	return a->word[0] == b->word[0] && a->word[1] == b->word[1] && a->word[2] == b->word[2] &&
	       a->word[3] == b->word[3];
}

/** ap_mask_and - *dst = *a & *b. Return: is anything left? */
static inline bool ap_mask_and(struct ap_mask *dst, const struct ap_mask *a,
			       const struct ap_mask *b)
{
	for (int i = 0; i < 4; i++)
		dst->word[i] = a->word[i] & b->word[i];
	return !ap_mask_empty(dst);
}

/** ap_mask_andnot - *dst = *a & ~*b. Return: is anything left? */
static inline bool ap_mask_andnot(struct ap_mask *dst, const struct ap_mask *a,
				  const struct ap_mask *b)
{
	for (int i = 0; i < 4; i++)
		dst->word[i] = a->word[i] & ~b->word[i];
	return !ap_mask_empty(dst);
}

/** ap_mask_or - *dst = *a | *b. */
static inline void ap_mask_or(struct ap_mask *dst, const struct ap_mask *a, const struct ap_mask *b)
{
	for (int i = 0; i < 4; i++)
		dst->word[i] = a->word[i] | b->word[i];
}

/** ap_mask_next - the first bit that is set from @from on, or 256. */
static inline unsigned int ap_mask_next(const struct ap_mask *m, unsigned int from)
{
	while (from < 256 && !ap_mask_test(m, from))
		from++;
	return from;
}

/** ap_for_each_bit - @nr runs over the bits that are set, in rising order */
#define ap_for_each_bit(nr, m) \
	for ((nr) = ap_mask_next(m, 0); (nr) < 256; (nr) = ap_mask_next(m, (nr) + 1))

/* A mask as printf() takes it. */
#define AP_MASK_FMT	"0x%016" PRIx64 "%016" PRIx64 "%016" PRIx64 "%016" PRIx64
#define AP_MASK_ARGS(m) (m)->word[0], (m)->word[1], (m)->word[2], (m)->word[3]

/**
 * ap_hex2bitmap - a hexadecimal number as a mask
 * @str: "0x" is optional; the first digit is bits 0 to 3, bits that it does not reach are 0: no
 *       digits at all are an empty mask. Ends with the text or a newline
 *
 * Return: 0, -EINVAL (anything else, or more than 64 digits); @mask is unchanged then.
 */
UMDEV_API int ap_hex2bitmap(const char *str, struct ap_mask *mask);

/**
 * ap_parse_mask_str - what is written to apmask and aqmask
 * @str:  a mask as for ap_hex2bitmap(), or changes: "+N[-M],-N[-M],...", each with its sign, any
 *        base, below 256
 * @mask: what the changes are made to; gets the result
 *
 * Return: 0, -EINVAL; @mask is unchanged then.
 */
UMDEV_API int ap_parse_mask_str(const char *str, struct ap_mask *mask);

/**
 * ap_parse_int - a number as the attributes on this bus take it, with the kernel's sscanf()
 * @s:    blanks and a '-' may stand before it; what follows it is ignored
 * @base: 10, or 0 for as in C
 *
 * One that is too large loses its upper bits. Return: false if there is none; *@val is unchanged
 * then.
 */
UMDEV_API bool ap_parse_int(const char *s, unsigned int base, int *val);

/* ---- instructions: the hardware ---- */

#define AP_RESPONSE_NORMAL	      0x00
#define AP_RESPONSE_Q_NOT_AVAIL	      0x01
#define AP_RESPONSE_RESET_IN_PROGRESS 0x02
#define AP_RESPONSE_DECONFIGURED      0x03
#define AP_RESPONSE_CHECKSTOPPED      0x04
#define AP_RESPONSE_BUSY	      0x05
#define AP_RESPONSE_INVALID_ADDRESS   0x06
#define AP_RESPONSE_OTHERWISE_CHANGED 0x07
#define AP_RESPONSE_INVALID_GISA      0x08
#define AP_RESPONSE_Q_FULL	      0x10
#define AP_RESPONSE_NO_PENDING_REPLY  0x10
#define AP_RESPONSE_INDEX_TOO_BIG     0x11
#define AP_RESPONSE_NO_FIRST_PART     0x13
#define AP_RESPONSE_MESSAGE_TOO_BIG   0x15
#define AP_RESPONSE_REQ_FAC_NOT_INST  0x16
#define AP_RESPONSE_INVALID_DOMAIN    0x42

/* Types of adapters (the byte AT of TAPQ). Older ones exist as hardware and have no driver. */
#define AP_DEVICE_TYPE_CEX3A 8
#define AP_DEVICE_TYPE_CEX3C 9
#define AP_DEVICE_TYPE_CEX4  10
#define AP_DEVICE_TYPE_CEX5  11
#define AP_DEVICE_TYPE_CEX6  12
#define AP_DEVICE_TYPE_CEX7  13
#define AP_DEVICE_TYPE_CEX8  14

/* Facilities of a queue (the word FAC of TAPQ; attribute ap_functions). */
#define AP_FAC_APSC  0x80000000u
#define AP_FAC_MEX4K 0x40000000u /* RSA with 4096 bits, modulus and exponent */
#define AP_FAC_CRT4K 0x20000000u /* the same by the Chinese remainder theorem */
#define AP_FAC_CCA   0x10000000u /* a CCA coprocessor (C) */
#define AP_FAC_ACCEL 0x08000000u /* an accelerator (A) */
#define AP_FAC_EP11  0x04000000u /* an EP11 coprocessor (P) */
#define AP_FAC_APXA  0x02000000u
#define AP_FAC_MODES (AP_FAC_CCA | AP_FAC_ACCEL | AP_FAC_EP11)

/** struct ap_queue_status - what every instruction says of its queue */
struct ap_queue_status {
	bool queue_empty;
	bool replies_waiting;
	bool queue_full;
	bool irq_enabled;
	uint8_t response_code;
};

/**
 * struct ap_tapq_hwinfo - what TAPQ says of the hardware behind a queue
 * @fac: AP_FAC_*
 * @at:  AP_DEVICE_TYPE_*
 * @nd:  highest domain of the adapter
 * @ml:  longest message in units of 4096 bytes; 0: 12 KiB
 * @qd:  requests that a queue holds, less one
 */
struct ap_tapq_hwinfo {
	uint32_t fac;
	uint8_t at;
	uint8_t nd;
	uint8_t ml;
	uint8_t qd;
};

/**
 * struct ap_config_info - what QCI says of the machine
 * @apsc: to @apsb: features, by their names in the bus's attribute
 * @na:   highest adapter number, with @apxa
 * @nd:   highest domain number, with @apxa
 * @apm:  adapters
 * @aqm:  usage domains
 * @adm:  control domains
 *
 * Plain data without gaps that matter; compare with ap_config_info_equal().
 */
struct ap_config_info {
	bool apsc;
	bool apxa;
	bool qact;
	bool rc8a;
	bool apsb;
	uint8_t na;
	uint8_t nd;
	struct ap_mask apm;
	struct ap_mask aqm;
	struct ap_mask adm;
};

/** ap_config_info_equal - do both say the same? */
UMDEV_API bool ap_config_info_equal(const struct ap_config_info *a, const struct ap_config_info *b);

/**
 * struct ap_indicator - what the hardware does when a queue has a reply for who asked for that
 * @fn: any thread, under the queue's lock: must not sleep, nor call an instruction; wakes somebody
 *
 * Stands for the notification-indicator byte and the interrupt. Storage of the caller's, until
 * interrupts are disabled or the queue was reset, and that is over (ap_tapq() no longer says
 * irq_enabled); @fn does not run afterwards.
 */
struct ap_indicator {
	void (*fn)(struct ap_indicator *indicator, ap_qid_t qid);
};

/* Interrupts are there (parameter useirq of the machine). */
UMDEV_API bool ap_interrupts_available(void);

/**
 * ap_qci - PQAP(QCI): the machine's configuration
 * Return: 0, -EOPNOTSUPP: the machine has no such function. Context: any, as all instructions
 * unless they say otherwise: none sleeps for long or takes a lock of the bus's.
 */
UMDEV_API int ap_qci(struct ap_config_info *info);
/** ap_tapq - PQAP(TAPQ): look at a queue. @info: filled where the queue is there, or NULL. */
UMDEV_API struct ap_queue_status ap_tapq(ap_qid_t qid, struct ap_tapq_hwinfo *info);
/** ap_qact - PQAP(QACT): the type that hardware of @at is compatible with, 0 for none. */
UMDEV_API uint8_t ap_qact(ap_qid_t qid, uint8_t at, uint32_t fac);
/**
 * ap_rapq - PQAP(RAPQ): reset a queue
 *
 * Its requests and replies are gone when this returns NORMAL, interrupts are being disabled, and
 * until the reset is over all instructions, ap_tapq() too, say RESET_IN_PROGRESS.
 */
UMDEV_API struct ap_queue_status ap_rapq(ap_qid_t qid);
/** ap_zapq - PQAP(ZAPQ): the same, and nothing of what its user did stays in the domain. */
UMDEV_API struct ap_queue_status ap_zapq(ap_qid_t qid);
/**
 * ap_aqic - PQAP(AQIC): have replies indicated, or not
 * @indicator: NULL disables
 *
 * Takes effect a little later: ap_tapq() says irq_enabled then. OTHERWISE_CHANGED: it is as asked
 * already.
 */
UMDEV_API struct ap_queue_status ap_aqic(ap_qid_t qid, struct ap_indicator *indicator);
/**
 * ap_nqap - NQAP: put a request on a queue
 * @psmid: comes back with the reply
 * @msg:   copied; doc/ap.md says what the hardware understands
 *
 * Return: Q_FULL, MESSAGE_TOO_BIG; what the hardware does not understand is answered by a reply.
 */
UMDEV_API struct ap_queue_status ap_nqap(ap_qid_t qid, uint64_t psmid, const void *msg, size_t len);
/**
 * ap_dqap - DQAP: take a reply from a queue, in any order of the requests
 * @size: of @msg; a longer reply is lost: MESSAGE_TOO_BIG, with *@psmid and *@len as they would be
 * Return: NO_PENDING_REPLY: queue_empty says whether there are requests.
 */
UMDEV_API struct ap_queue_status ap_dqap(ap_qid_t qid, uint64_t *psmid, void *msg, size_t size,
					 size_t *len);

/* ---- the bus ---- */

extern UMDEV_API struct bus_type ap_bus_type;

/**
 * struct ap_device - a card or a queue; which one, dev.type says (is_card_dev(), is_queue_dev())
 * @device:      the device
 * @device_type: AP_DEVICE_TYPE_* that drivers match
 */
struct ap_device {
	struct device device;
	int device_type;
};

static inline struct ap_device *to_ap_dev(struct device *dev)
{
	return container_of(dev, struct ap_device, device);
}

UMDEV_API bool is_card_dev(const struct device *dev);
UMDEV_API bool is_queue_dev(const struct device *dev);
/** ap_card_id - the number of a card. */
UMDEV_API unsigned int ap_card_id(const struct ap_device *ap_dev);
/** ap_queue_qid - the number of a queue. */
UMDEV_API ap_qid_t ap_queue_qid(const struct ap_device *ap_dev);
/** ap_queue_card - the card that a queue is of; good as long as the queue is. */
UMDEV_API struct ap_device *ap_queue_card(const struct ap_device *ap_dev);
/** ap_card_hwinfo - what TAPQ said of a card when it was found. */
UMDEV_API const struct ap_tapq_hwinfo *ap_card_hwinfo(const struct ap_device *ap_dev);
/** ap_card_max_msg_size - the longest message of a card, in bytes. Context: any. */
UMDEV_API size_t ap_card_max_msg_size(const struct ap_device *ap_dev);
/** ap_dev_usable - is a card or queue configured and not checkstopped, as the last scan saw it? */
UMDEV_API bool ap_dev_usable(const struct ap_device *ap_dev);

#define AP_DEVICE_ID_MATCH_CARD_TYPE  0x01
#define AP_DEVICE_ID_MATCH_QUEUE_TYPE 0x02

/** struct ap_device_id - what a driver is for; a table of them ends with match_flags 0 */
struct ap_device_id {
	uint16_t match_flags;
	uint8_t dev_type;
};

/* One of the drivers that what apmask and aqmask leave to the host belongs to. */
#define AP_DRIVER_FLAG_DEFAULT 0x0001

/**
 * struct ap_driver - a driver on this bus
 * @driver:  groups, dev_groups, suppress_bind_attrs and the like
 * @probe:   as device_driver.probe. A queue is offered to default drivers, or to others, as the
 *           masks say, unless its driver_override names the driver
 * @remove:  as device_driver.remove. The queue takes no request any more
 * @in_use:  is a queue of @apm x @aqm given to somebody? Asked before the masks give queues to the
 *           default drivers: 0, or -EADDRINUSE. Under the lock of the masks. Optional
 * @on_config_changed: a scan begins, and QCI says something else than before. Optional
 * @on_scan_complete:  that scan is over. Optional
 * @ids:     what it is for
 * @flags:   AP_DRIVER_FLAG_*
 * @told:    the bus's, under the lock of the scan: it was told of the beginning of this one
 *
 * on_config_changed() and on_scan_complete() come from the scan, in pairs, one scan at a time; they
 * may not scan, nor register or unregister drivers. As in_use() they come as long as the driver is
 * registered, also when its module is being unloaded; ap_driver_unregister() waits for their end.
 */
struct ap_driver {
	struct device_driver driver;
	int (*probe)(struct ap_device *ap_dev);
	void (*remove)(struct ap_device *ap_dev);
	int (*in_use)(const struct ap_mask *apm, const struct ap_mask *aqm);
	void (*on_config_changed)(const struct ap_config_info *now,
				  const struct ap_config_info *before);
	void (*on_scan_complete)(const struct ap_config_info *now,
				 const struct ap_config_info *before);
	const struct ap_device_id *ids;
	unsigned int flags;
	bool told;
};

static inline struct ap_driver *to_ap_drv(struct device_driver *drv)
{
	return container_of(drv, struct ap_driver, driver);
}

/**
 * ap_driver_register - offer a driver
 *
 * Sets driver.bus, name and owner. Return: as driver_register().
 */
UMDEV_API int ap_driver_register(struct ap_driver *drv, struct module *owner, const char *name);
/** ap_driver_unregister - the reverse. */
UMDEV_API void ap_driver_unregister(struct ap_driver *drv);

/**
 * ap_attr_lock - keep apmask, aqmask and driver_override as they are
 *
 * Behind the lock of a device, before any lock of a driver's; not held over anything that binds or
 * scans. in_use() runs under it.
 */
UMDEV_API void ap_attr_lock(void);
UMDEV_API void ap_attr_unlock(void);

/**
 * ap_owned_by_def_drv - does a queue, that need not exist, belong to the default drivers?
 *
 * By driver_override, if it has one: while a default driver has it; else by the masks. Context:
 * ap_attr_lock(). Return: 1, 0, -EINVAL (numbers).
 */
UMDEV_API int ap_owned_by_def_drv(int card, int queue);
/** ap_apqn_in_matrix_owned_by_def_drv - the same of any queue of @apm x @aqm. */
UMDEV_API int ap_apqn_in_matrix_owned_by_def_drv(const struct ap_mask *apm,
						 const struct ap_mask *aqm);

/**
 * ap_bus_force_rescan - scan now: what is there when this is called, is seen
 *
 * If a scan is running it is waited for, and another one follows, which all share who wait by
 * then. Nothing before the first scan is done, or from inside of one. Return: has the
 * configuration changed? Context: no locks.
 */
UMDEV_API bool ap_bus_force_rescan(void);

/* ---- requests of the host's drivers ---- */

/**
 * struct ap_message - a request on its way, storage of the driver's
 * @psmid:   the driver's number for it, unique on its queue
 * @msg:     the request; afterwards the reply
 * @len:     of what is in @msg
 * @bufsize: of @msg
 * @rc:      0; -EAGAIN: the queue was reset or went before there was a reply, another one may do
 *           it; -EMSGSIZE: the reply does not fit; -EINVAL: the hardware does not take it (it is
 *           too long); -EIO: it was given up after its time
 * @receive: it is over, see @rc. Called once for each message that was taken and not cancelled, by
 *           the bus's one thread for that, without locks; it must not wait. The message is the
 *           driver's again, and may be sent again from here
 * @list:    the queue's
 */
struct ap_message {
	uint64_t psmid;
	void *msg;
	size_t len;
	size_t bufsize;
	int rc;
	void (*receive)(struct ap_device *queue, struct ap_message *msg);
	struct list_head list;
};

/** ap_queue_init_state - a driver has the queue now: reset it and begin. From probe(). */
UMDEV_API void ap_queue_init_state(struct ap_device *queue);
/**
 * ap_queue_message - send a request
 *
 * For a queue that the caller's driver is bound to, between its probe() and the end of its
 * remove(). Never calls a receive() itself. Context: any; does not wait.
 * Return: 0: @msg is the queue's until receive(); -ENODEV: the queue does not work; -ENOMEM or
 * -EAGAIN: no memory or thread for its first request.
 */
UMDEV_API int ap_queue_message(struct ap_device *queue, struct ap_message *msg);
/**
 * ap_cancel_message - forget a request that was given to ap_queue_message()
 *
 * When it returns receive() was called, or never will be: the message is the caller's. It waits for
 * a receive() that runs, unless it is called from one. Context: no lock that receive() takes.
 * Return: true: receive() was not called.
 */
UMDEV_API bool ap_cancel_message(struct ap_device *queue, struct ap_message *msg);
/**
 * ap_flush_queue - all requests that are on their way are over, with -EAGAIN
 *
 * When it returns they have been received, unless it is called from a receive(). Context: as
 * ap_cancel_message().
 */
UMDEV_API void ap_flush_queue(struct ap_device *queue);
/** ap_queue_usable - would ap_queue_message() take one? Context: any. */
UMDEV_API bool ap_queue_usable(struct ap_device *queue);
/** ap_send_online_uevent - "change" with ONLINE=. */
UMDEV_API void ap_send_online_uevent(struct ap_device *ap_dev, int online);

#endif
