/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What adapters calculate, done by OpenSSL. All of these take any values of any length, answer
 * with AP_MSG_*, and add fields to @out only with AP_MSG_OK. No state, no locks.
 */
#ifndef UMDEV_AP_HW_CRYPTO_H
#define UMDEV_AP_HW_CRYPTO_H

#include <umdev/ap_message.h>

/** typedef hw_op_t - an operation. @in has the fields that it needs, @out a header already. */
typedef enum ap_msg_status hw_op_t(const struct ap_msg_parsed *in, struct ap_msg *out);

hw_op_t hw_random;

#endif
