/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What adapters calculate, done by OpenSSL. All of these take any values of any length and answer
 * with AP_MSG_*. No state, no locks.
 */
#ifndef UMDEV_AP_HW_CRYPTO_H
#define UMDEV_AP_HW_CRYPTO_H

#include <umdev/ap_message.h>

/**
 * typedef hw_op_t - an operation
 * @in:  has the fields that it needs, each of any length
 * @out: has a header already; gets the reply's fields, which count with AP_MSG_OK only
 */
typedef enum ap_msg_status hw_op_t(const struct ap_msg_parsed *in, struct ap_msg *out);

hw_op_t hw_random;
hw_op_t hw_rsa_modexp;
hw_op_t hw_rsa_crt;
hw_op_t hw_rsa_sign;
hw_op_t hw_rsa_verify;
hw_op_t hw_ec_generate;
hw_op_t hw_ec_public;
hw_op_t hw_ecdsa_sign;
hw_op_t hw_ecdsa_verify;
hw_op_t hw_ecdh;

/** struct hw_crt - an RSA key by its primes: exponents mod @p - 1 and @q - 1, 1 / @q mod @p */
struct hw_crt {
	struct ap_msg_value p;
	struct ap_msg_value q;
	struct ap_msg_value dp;
	struct ap_msg_value dq;
	struct ap_msg_value qinv;
};

/**
 * hw_modexp - @data to the power of @exponent modulo @modulus
 * @out: @len bytes, of which the first ones may be 0; no fewer than @modulus has
 *
 * Return: AP_MSG_OK, AP_MSG_KEY (too long, 0, 1, even), AP_MSG_DATA (not below it), AP_MSG_FAILED.
 */
enum ap_msg_status hw_modexp(const struct ap_msg_value *modulus,
			     const struct ap_msg_value *exponent, const struct ap_msg_value *data,
			     uint8_t *out, size_t len);
/** hw_crt - the same, with the private key by its primes. @out: no fewer than @p and @q have. */
enum ap_msg_status hw_crt(const struct hw_crt *key, const struct ap_msg_value *data, uint8_t *out,
			  size_t len);

#endif
