/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Type 50: 16 bytes of header, then the operands, each right-justified in a field whose length
 * follows from the kind of key block, behind each other.
 *
 *   bytes  0 zero, 1 type, 2-3 length, 4 zero, 5 any, 6-7 zero, 8-9 kind of key block, 10-15 zero
 *   mod-expo: exponent, modulus, message; CRT: p, q, dp, dq, 1/q mod p, message
 *
 * Type 80: 16 bytes of header (1 type, 2-3 length, 4 code), then the result, as long as the message
 */
#include "hw_crypto.h"
#include "hw_type50.h"

#include <umdev/ap.h>

#define HEADER	   16
#define REPLY_CODE 0x80
#define KIND_CRT   0x10	  /* a bit of the kind; the others say how long it is */
#define KIND_BITS  0xffef /* those */

/* Bytes of the message for a kind of key block; 0: no such kind. */
static size_t message_length(uint32_t fac, unsigned int kind)
{
	uint32_t long_keys = kind & KIND_CRT ? AP_FAC_CRT4K : AP_FAC_MEX4K;

	switch (kind & KIND_BITS) {
	case 1:
		return 128;
	case 2:
		return 256;
	case 3:
		return fac & long_keys ? 512 : 0;
	default:
		return 0;
	}
}

static uint8_t check_header(const uint8_t *msg, size_t len, uint32_t fac, size_t *size)
{
	unsigned int kind;

	if (len < HEADER || ap_msg_get(msg + 2, 2) != len)
		return AP_MSG_ERROR_INVALID_LENGTH;
	if (msg[0] || msg[4] || ap_msg_get(msg + 6, 2) || ap_msg_get(msg + 10, 4) ||
	    ap_msg_get(msg + 14, 2))
		return AP_MSG_ERROR_RESERVED_FIELD;
	kind = ap_msg_get(msg + 8, 2);
	*size = message_length(fac, kind);
	if (!*size)
		return AP_MSG_ERROR_FORMAT_FIELD;
	if (len != HEADER + *size + (kind & KIND_CRT ? 5 * *size / 2 : 2 * *size))
		return AP_MSG_ERROR_INVALID_LENGTH;
	return 0;
}

static struct ap_msg_value take(const uint8_t **from, size_t len)
{
	struct ap_msg_value value = { *from, len };

	*from += len;
	return value;
}

static bool is_even(const struct ap_msg_value *value)
{
	return !(value->data[value->len - 1] & 1);
}

static uint8_t calculate(const uint8_t *msg, size_t size, uint8_t *to)
{
	struct ap_msg_value exponent, modulus, data;
	enum ap_msg_status status;
	struct hw_crt key;

	if (!(ap_msg_get(msg + 8, 2) & KIND_CRT)) {
		msg += HEADER;
		exponent = take(&msg, size);
		modulus = take(&msg, size);
		data = take(&msg, size);
		if (is_even(&modulus))
			return AP_MSG_ERROR_EVEN_MODULUS;
		status = hw_modexp(&modulus, &exponent, &data, to, size);
	} else {
		msg += HEADER;
		key.p = take(&msg, size / 2);
		key.q = take(&msg, size / 2);
		key.dp = take(&msg, size / 2);
		key.dq = take(&msg, size / 2);
		key.qinv = take(&msg, size / 2);
		data = take(&msg, size);
		if (is_even(&key.p) || is_even(&key.q))
			return AP_MSG_ERROR_EVEN_MODULUS;
		status = hw_crt(&key, &data, to, size);
	}
	if (status == AP_MSG_OK)
		return 0;
	return status == AP_MSG_FAILED ? AP_MSG_ERROR_MACHINE_FAILURE : AP_MSG_ERROR_OPERAND;
}

size_t hw_type50(uint32_t fac, const uint8_t *msg, size_t len, uint8_t *reply, uint8_t *code)
{
	size_t size;

	*code = check_header(msg, len, fac, &size);
	if (!*code)
		*code = calculate(msg, size, reply + HEADER);
	if (*code)
		return 0;
	memset(reply, 0, HEADER);
	reply[1] = REPLY_CODE;
	ap_msg_put(reply + 2, 2, (uint32_t)(HEADER + size));
	return HEADER + size;
}
