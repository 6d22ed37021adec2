/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two halves of the scan: what it does (ap_scan.c) and when (ap_scan_when.c). */
#ifndef UMDEV_AP_SCAN_H
#define UMDEV_AP_SCAN_H

#include <stdbool.h>

/* ---- ap_scan.c; under the scan's lock ---- */

/** ap_scan_bus - look at the machine once. Return: has QCI changed? */
bool ap_scan_bus(void);
/** ap_scan_remove_all - take all cards and queues away. */
void ap_scan_remove_all(void);

/* ---- ap_scan_when.c ---- */

/** ap_scan_when_init - no scan so far; the usual time between two. */
void ap_scan_when_init(void);

#endif
