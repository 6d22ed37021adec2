/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The channel subsystem as hardware: subchannels, channel paths, control units, and how somebody at
 * the machine's console changes them. It knows no bus and no devices of the model; the instructions
 * below are the only way to it.
 *
 * One file each: hw_sch.c the instructions, hw_thread.c what a subchannel's thread makes of them,
 * hw_channel.c the execution of channel programs, hw_data.c their data, hw_path.c channel paths,
 * hw_config.c what is plugged, hw_spec.c the text it is described with, cu.c what all devices have
 * in common.
 */
#ifndef UMDEV_CSS_HW_H
#define UMDEV_CSS_HW_H

#include <umdev/control_unit.h>
#include <umdev/css.h>

/* Largest numbers: one channel subsystem, four sets. */
#define HW_SSID_MAX   3
#define HW_SCH_NO_MAX 0xffff
#define HW_CHPIDS     256

/** struct hw_error - why a text or a change was refused: one line without a newline */
struct hw_error {
	char text[256];
};

/* ---- the console: what is there ---- */

/**
 * hw_plug - put a device behind a new subchannel
 * @spec: "[C.S.]DEVNO:TYPE[,OPTION[=VALUE]]...", as "0.0.1000:3390,file=/srv/a.img,cyls=100".
 *        A backslash takes what follows as it is. Options of every type: chpids=XX[.XX]... (the
 *        default is chpids=10), sch=S.NNNN (the lowest that is free)
 * Return: 0, -EINVAL (the text), -EEXIST (device number or subchannel taken), what the type's
 * create() says. @error says why. The bus hears of it by a CRW.
 */
int hw_plug(const char *spec, struct hw_error *error);

/** hw_unplug - take away the device "C.S.DEVNO", at once, whoever uses it. Return: 0, -ENODEV,
 * -EINVAL. The program that runs is lost: no interrupt. */
int hw_unplug(const char *busid, struct hw_error *error);

/**
 * hw_path_set - the cable of a channel path is there, or not
 *
 * When a path becomes one that can be used (configured, with its cable), or stops being one, that
 * is reported: CRW_ERC_INIT, CRW_ERC_PERRN. A program that uses it ends with an interface-control
 * check. A path is there from when the first device with it was plugged. Return: 0, -ENODEV.
 */
int hw_path_set(uint8_t chpid, bool operational);

/** hw_path_configure - configure a path or put it into standby (SCLP). Else as hw_path_set(). */
int hw_path_configure(uint8_t chpid, bool on);

/** hw_attention - unsolicited status of a device, by hand. Return: 0, -ENODEV, -EINVAL (the busid,
 * or @dstat is 0). */
int hw_attention(const char *busid, uint8_t dstat, struct hw_error *error);

/** hw_show - print what is there, a line per device: as hw_plug() would take it, a blank, and
 * "enabled" or "disabled". What does not fit is left out. Return: bytes. */
size_t hw_show(char *buf, size_t size);
/** hw_show_types - print the types with their help. Return: bytes. */
size_t hw_show_types(char *buf, size_t size);

/* ---- for the bus ---- */

/** struct hw_path_state - of a channel path, for its attributes */
struct hw_path_state {
	bool exists;
	bool configured;
	bool operational;
	uint8_t type; /* 0x1b: FICON */
};

/** hw_path_get - the state of a channel path. Context: any. */
struct hw_path_state hw_path_get(uint8_t chpid);

/**
 * struct hw_host - who uses the machine: the bus
 * @crw:       a report word: look at subchannel (CRW_RSC_SCH) or path (CRW_RSC_CPATH) rsid, of set
 *             @ssid. Called without locks, must not wait for the machine's user
 * @interrupt: status is pending at this subchannel: execute tsch. On a thread of the subchannel's,
 *             without locks; another one for the same subchannel does not come before it returned
 */
struct hw_host {
	void (*crw)(const struct crw *crw, uint8_t ssid);
	void (*interrupt)(struct hw_sch *hw, void *data);
};

/** hw_init - the machine with nothing in it and the type "null", which reports to @host. Return: 0,
 * -EEXIST (there is one). */
int hw_init(const struct hw_host *host);
/** hw_exit - the reverse: unplugs all; no hw_sch is held any more. */
void hw_exit(void);

/**
 * hw_sch_get - the subchannel of this number, with a reference; NULL: there is none
 * hw_sch_next - the first whose (set, number) is not less; for scans. With a reference
 * hw_sch_put - drop one
 *
 * An unplugged one stays as memory as long as it is held; its instructions say 3.
 */
struct hw_sch *hw_sch_get(uint8_t ssid, uint16_t sch_no);
struct hw_sch *hw_sch_next(uint8_t ssid, uint32_t sch_no);
void hw_sch_put(struct hw_sch *hw);
struct schid hw_sch_id(const struct hw_sch *hw);
/**
 * hw_sch_set_data - what hw_host.interrupt() is given; when it returns, no call with the one before
 * runs. Context: without locks that interrupt() takes. */
void hw_sch_set_data(struct hw_sch *hw, void *data);

/* As in umdev/css.h. Any thread; the machine's own lock is inside. hw_msch() also says 2 when no
 * thread for the subchannel can be had. */
int hw_stsch(struct hw_sch *hw, struct schib *schib);
int hw_msch(struct hw_sch *hw, const struct schib *schib);
int hw_ssch(struct hw_sch *hw, const struct orb *orb, struct channel_memory *mem);
int hw_hsch(struct hw_sch *hw);
int hw_csch(struct hw_sch *hw);
int hw_xsch(struct hw_sch *hw);
int hw_tsch(struct hw_sch *hw, struct irb *irb);

#endif
