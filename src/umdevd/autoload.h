/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Modules for devices that appear: what udev does with modprobe elsewhere.
 */
#ifndef UMDEVD_AUTOLOAD_H
#define UMDEVD_AUTOLOAD_H

/**
 * autoload_start - from now on load what claims the MODALIAS of each device that is added
 *
 * By request_module_nowait(): what is asked for when umdev_stop() begins is not loaded any more.
 */
void autoload_start(void);

/** autoload_stop - end that. */
void autoload_stop(void);

#endif
