/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is behind a subchannel: a device with its control unit. For those who write one.
 *
 * Each device has a thread of its own as long as its subchannel is enabled: the channel's. It
 * executes channel programs, and calls what is in struct cu_device_ops. So a command may simply
 * wait: for its storage, or for the guest's memory.
 *
 * Source: Principles of Operation, chapters 13, 15 and 16; ESA/390 Common I/O-Device Commands
 * (SA22-7204).
 */
#ifndef UMDEV_CONTROL_UNIT_H
#define UMDEV_CONTROL_UNIT_H

#include <umdev/cio.h>
#include <umdev/module.h>

struct cu_device;
struct cu_options;
struct ccw_command;

/* What a reset is for. */
enum cu_reset {
	CU_RESET_SELECTIVE, /* by CLEAR SUBCHANNEL: the user stays the same */
	CU_RESET_SYSTEM, /* the user has gone, or the last path: so do reservations and the like */
};

/**
 * struct cu_device_ops - a device's callbacks
 * @begin:   a channel program begins, on path @path (a mask of one bit; the leftmost is 0x80).
 *           What one program tells the next ones of its chain (extents, location) ends here.
 *           Optional
 * @command: execute one command. Data goes by ccw_command_store() and ccw_command_load(). Return:
 *           DEV_STAT_*: usually CHN_END | DEV_END; with UNIT_CHECK the sense is in @dev->sense
 *           (cu_device_sense()); STAT_MOD skips a CCW. It must return soon after
 *           ccw_command_stopped() has become true
 * @end:     the program has ended, for whatever reason; what was written is stable already.
 *           Optional
 * @stop:    a HALT or CLEAR wants the command that runs to end: wake it if it waits for something
 *           that does not look at @stop_fd. From another thread; it may come when that command
 *           has ended already. A lock that it takes is not to be held over ccw_command_store()
 *           and ccw_command_load(), which may deliver an interrupt. Optional
 * @reset:   forget what the device was doing, and with CU_RESET_SYSTEM whose it was.
 *           On the channel's thread, no command is under way. Optional
 * @destroy: free it; nobody calls anything any more
 */
struct cu_device_ops {
	void (*begin)(struct cu_device *dev, uint8_t path);
	uint8_t (*command)(struct cu_device *dev, struct ccw_command *cmd);
	void (*end)(struct cu_device *dev);
	void (*stop)(struct cu_device *dev);
	void (*reset)(struct cu_device *dev, enum cu_reset why);
	void (*destroy)(struct cu_device *dev);
};

/**
 * struct cu_device - a device; embed it
 * @ops:       its callbacks
 * @type:      what it was made as; set by css
 * @id:        what SENSE ID tells, @id_len bytes; constant
 * @sense:     of the last unit check; the channel's thread's
 * @sense_len: how much of that means something
 * @stop_fd:   an eventfd, readable when the command that runs should end; css's. A command that
 *             waits in poll(2) or a ring waits for it as well
 * @sch:       css's
 *
 * css answers BASIC SENSE, SENSE ID and NO-OPERATION itself, unless @own_commands.
 */
struct cu_device {
	const struct cu_device_ops *ops;
	const struct cu_type *type;
	uint8_t id[SENSE_SIZE];
	unsigned int id_len;
	bool own_commands;
	uint8_t sense[SENSE_SIZE];
	unsigned int sense_len;
	int stop_fd;
	struct hw_sch *sch;
};

/**
 * struct cu_type - a kind of device that can be plugged
 * @name:    as in "css plug 0.0.1000:NAME,..."
 * @help:    its options, one line each ("file=PATH  the image"), for "umdev css types". An option
 *           that has no line is refused before @create is called
 * @create:  make one from @options (cu_option_*()): sets @out and its ops, id, id_len. What it does
 *           not ask for is refused by css. Return: 0 or -errno, after cu_error()
 * @show:    print what it was made of and how it is, as options again ("file=/a,cyls=100");
 *           any thread. Optional
 */
struct cu_type {
	const char *name;
	const char *help;
	struct module *owner;
	int (*create)(const struct cu_type *type, struct cu_options *options,
		      struct cu_device **out);
	int (*show)(struct cu_device *dev, char *buf, size_t size);
	struct list_head node; /* css's */
};

/** cu_type_register - offer a kind of device. Return: 0, -EEXIST (its name is taken). */
UMDEV_API int cu_type_register(struct cu_type *type);
/** cu_type_unregister - the reverse; devices of it are unplugged. */
UMDEV_API void cu_type_unregister(struct cu_type *type);

/* ---- options: each is to be asked for once ---- */

/** cu_option_string - the value of @name, or NULL: not given. Good during create(). */
UMDEV_API const char *cu_option_string(struct cu_options *options, const char *name);
/** cu_option_number - the same as a number (any base) of [min, max]. Return: 1, 0: not given,
 * -EINVAL (cu_error() was called). */
UMDEV_API int cu_option_number(struct cu_options *options, const char *name, uint64_t min,
			       uint64_t max, uint64_t *value);
/** cu_option_flag - was it given (without value, or =1)? Return: as cu_option_number(). */
UMDEV_API int cu_option_flag(struct cu_options *options, const char *name);
/** cu_error - say why create() fails: one line that names value and what was expected. */
UMDEV_API void cu_error(struct cu_options *options, const char *fmt, ...) __umdev_printf(2, 3);

/* ---- in a command ---- */

/**
 * struct ccw_command - a command with its data: that of all CCWs that chain data
 * @code:     command code
 * @flags:    of the first CCW
 * @chained:  another command follows (CC)
 * @path:     the path, a mask of one bit
 * @count:    bytes that the program has room for, or brings, in all
 * @done:     bytes that have been transferred
 * @longer:   the device had more than there was room for, or wanted more
 * @channel:  css's
 */
struct ccw_command {
	uint8_t code;
	uint8_t flags;
	bool chained;
	uint8_t path;
	uint32_t count;
	uint32_t done;
	bool longer;
	struct channel *channel;
};

/**
 * ccw_command_store - give the program data (commands that read and sense)
 * @len: what the device has; what there is no room for is dropped, and the length is incorrect
 *
 * May be called several times. Return: how many bytes found room (also those that SKIP drops);
 * -EIO: the channel has found an error (memory, stopped): return from the command, what it returns
 * is dropped; or the command is none of that kind (its code's low bits).
 */
UMDEV_API ssize_t ccw_command_store(struct ccw_command *cmd, const void *buf, size_t len);

/** ccw_command_load - take data from the program (commands that write and control). @len: what the
 * device wants; with fewer the length is incorrect. Return: as ccw_command_store(). */
UMDEV_API ssize_t ccw_command_load(struct ccw_command *cmd, void *buf, size_t len);

/** ccw_command_stopped - is it to end? Context: any thread. */
UMDEV_API bool ccw_command_stopped(const struct ccw_command *cmd);

/** cu_device_sense - set the sense: @len bytes, the rest is 0. Return: CHN_END | DEV_END |
 * UNIT_CHECK, for command()'s return. */
UMDEV_API uint8_t cu_device_sense(struct cu_device *dev, const uint8_t *sense, unsigned int len);

/* The first byte of the sense, which all devices have in common. */
#define SENSE_COMMAND_REJECT   0x80
#define SENSE_INTERVENTION_REQ 0x40
#define SENSE_BUS_OUT_CHECK    0x20
#define SENSE_EQUIPMENT_CHECK  0x10
#define SENSE_DATA_CHECK       0x08
#define SENSE_OVERRUN	       0x04

/* ---- at any time ---- */

/**
 * cu_device_unsolicited - status that nobody asked for: ATTENTION, or DEV_END (ready)
 * @sense, @len: with DEV_STAT_UNIT_CHECK, else NULL and 0
 *
 * Presented when the subchannel is enabled and idle; kept until then, one at a time (later ones
 * are added to it); dropped before the device is plugged. After a command that returned CHN_END
 * alone, DEV_END is how it ends. Context: any thread, any lock of the device's.
 */
UMDEV_API void cu_device_unsolicited(struct cu_device *dev, uint8_t dstat, const uint8_t *sense,
				     unsigned int len);

#endif
