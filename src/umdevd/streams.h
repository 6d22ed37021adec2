/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The standard streams of umdevd and umdev. */
#ifndef UMDEVD_STREAMS_H
#define UMDEVD_STREAMS_H

/**
 * streams_occupy - where a standard stream is closed, let nothing else get its number
 *
 * Else what is meant for people would be written to a socket or a device. What stands there can be
 * neither read nor written, and a program that this one becomes finds the stream closed as it was.
 *
 * Context: before anything is opened.
 * Return: 0 or -errno.
 */
int streams_occupy(void);

#endif
