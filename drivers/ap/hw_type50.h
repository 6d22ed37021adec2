/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The message that Linux sends to accelerators.
 */
#ifndef UMDEV_AP_HW_TYPE50_H
#define UMDEV_AP_HW_TYPE50_H

#include <stddef.h>
#include <stdint.h>

#define TYPE50_CODE 0x50

/**
 * hw_type50 - carry out a request of that type
 * @msg:   @len bytes; the second is TYPE50_CODE
 * @fac:   AP_FAC_* of the card; how long a key it takes
 * @reply: gets a reply of type 80
 * @code:  gets AP_MSG_ERROR_* if there is none
 *
 * Behaviour: Linux 7.3 drivers/s390/crypto/zcrypt_msgtype50.c, the other end.
 * Return: length of the reply; 0 for an error.
 */
size_t hw_type50(uint32_t fac, const uint8_t *msg, size_t len, uint8_t *reply, uint8_t *code);

#endif
