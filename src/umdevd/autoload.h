/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Modules for devices that appear: what udev does with modprobe elsewhere.
 */
#ifndef UMDEVD_AUTOLOAD_H
#define UMDEVD_AUTOLOAD_H

/**
 * autoload_start - from now on load what claims the MODALIAS of each device that is added
 * Return: 0, or -errno with a line in the log.
 */
int autoload_start(void);

/** autoload_stop - end that; waits for a module that is being loaded. Nothing if not started. */
void autoload_stop(void);

#endif
