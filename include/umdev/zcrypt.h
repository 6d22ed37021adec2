/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests to AP queues from programs: what goes over the socket "zcrypt" of an instance, which
 * stands in for the kernel's /dev/z90crypt. The module zcrypt_cex4 serves it.
 *
 * It is a UNIX socket of SOCK_SEQPACKET. A message is a struct zcrypt_request_header with a request
 * for the hardware behind it (umdev/ap_message.h). Each gets one message back, in order: a struct
 * zcrypt_reply_header, and behind it what the hardware has replied. A connection has one request on
 * its way at a time, as a thread in ioctl() has; what is sent meanwhile waits. Who wants more opens
 * more. Messages carry no descriptors: a connection with one is closed.
 *
 * All numbers are in the byte order of the machine.
 */
#ifndef UMDEV_ZCRYPT_H
#define UMDEV_ZCRYPT_H

#include <stdint.h>

/* The socket's name, in the runtime directory of umdevd. */
#define ZCRYPT_SOCKET_NAME "zcrypt"

#define ZCRYPT_VERSION 1

/* Any card, any domain: the one with the least to do that can do it. */
#define ZCRYPT_ANY 0xffff

/* The longest request and reply of a queue that can be carried, in bytes, without headers. */
#define ZCRYPT_MESSAGE_MAX (64 * 1024)

/**
 * struct zcrypt_request_header - before a request
 * @version:  ZCRYPT_VERSION
 * @card:     whose queue, 0 to 255, or ZCRYPT_ANY
 * @domain:   which queue of it, the same
 * @reserved: 0
 * @tag:      comes back with the reply
 */
struct zcrypt_request_header {
	uint16_t version;
	uint16_t card;
	uint16_t domain;
	uint16_t reserved;
	uint64_t tag;
};

/**
 * struct zcrypt_reply_header - before a reply
 * @version:  ZCRYPT_VERSION
 * @card:     which queue it was; ZCRYPT_ANY if the request got to none
 * @domain:   the same
 * @reserved: 0
 * @tag:      of the request; 0 if that could not be read
 * @error:    0: the hardware's reply follows, which may be that it refuses. Else an errno, and
 *            nothing follows: EINVAL: not such a message, or no request for hardware. EMSGSIZE: it
 *            is longer than a queue takes, or the reply is. ENODEV: no queue that is named and can
 *            do it is online. EIO: given up after ten times, or after the time for one
 * @unused:   0
 */
struct zcrypt_reply_header {
	uint16_t version;
	uint16_t card;
	uint16_t domain;
	uint16_t reserved;
	uint64_t tag;
	uint32_t error;
	uint32_t unused;
};

#endif
