/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commands of umdev(1) for crypto adapters: "umdev ap ...".
 */
#ifndef UMDEV_AP_COMMAND_H
#define UMDEV_AP_COMMAND_H

#include "umdev/sub_command.h"

/** ap_commands - all of them. */
extern const struct sub_commands ap_commands;

/* ---- ap_machine.c: the simulated machine's console ---- */

int ap_list(const struct cli *cli, int argc, char **argv);
int ap_plug(const struct cli *cli, int argc, char **argv);
int ap_unplug(const struct cli *cli, int argc, char **argv);
int ap_config(const struct cli *cli, int argc, char **argv);
int ap_checkstop(const struct cli *cli, int argc, char **argv);
int ap_domains(const struct cli *cli, int argc, char **argv);

/* ---- cmd_ap_request.c: the machine's work ---- */

int ap_request(const struct cli *cli, int argc, char **argv);

/* ---- cmd_ap_guest.c: a user of vfio_ap's devices ---- */

int ap_guest(const struct cli *cli, int argc, char **argv);

#endif
