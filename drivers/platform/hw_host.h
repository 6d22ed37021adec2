/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What simulated hardware shares of the host: the thread that waits for descriptors and timers
 * (../common/loop.h), and where the wires of serial ports end. Parameters of the module:
 *
 *   serial_backend     what a new UART is connected to: pty, unix or loop
 *   serial_socket_dir  directory of the sockets of those connected to unix
 */
#ifndef PLATFORM_HW_HOST_H
#define PLATFORM_HW_HOST_H

/**
 * hw_host_start - before the first hardware is made. Return: 0, -EINVAL (a parameter), -errno.
 */
int hw_host_start(void);
/** hw_host_stop - the reverse; none is left. */
void hw_host_stop(void);
/** hw_host_backend - what a new UART is connected to. Constant after hw_host_start(). */
const char *hw_host_backend(void);

#endif
