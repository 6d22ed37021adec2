/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <openssl/err.h>
#include <umdev/util.h>

#include "hw_crypto.h"
#include "hw_machine.h"
#include "hw_type50.h"

#define FIELD(name)  (1u << AP_MSG_FIELD_##name)
#define COPROCESSORS (AP_FAC_CCA | AP_FAC_EP11)
#define ALL	     AP_FAC_MODES

/* What each operation is, which fields it has, and what adapters have to be for it. */
static const struct operation {
	hw_op_t *fn;
	uint32_t fields;
	uint32_t fac;
	bool has_param;
} operations[] = {
	[AP_MSG_OP_RANDOM] = { hw_random, 0, COPROCESSORS, true },
	[AP_MSG_OP_RSA_MODEXP] = { hw_rsa_modexp, FIELD(MODULUS) | FIELD(EXPONENT) | FIELD(DATA),
				   ALL, false },
	[AP_MSG_OP_RSA_CRT] = { hw_rsa_crt,
				FIELD(P) | FIELD(Q) | FIELD(DP) | FIELD(DQ) | FIELD(QINV) |
					FIELD(DATA),
				ALL, false },
	[AP_MSG_OP_RSA_SIGN] = { hw_rsa_sign,
				 FIELD(MODULUS) | FIELD(PUBLIC) | FIELD(EXPONENT) | FIELD(DIGEST),
				 ALL, true },
	[AP_MSG_OP_RSA_VERIFY] = { hw_rsa_verify,
				   FIELD(MODULUS) | FIELD(PUBLIC) | FIELD(DIGEST) |
					   FIELD(SIGNATURE),
				   ALL, true },
	[AP_MSG_OP_EC_GENERATE] = { hw_ec_generate, 0, COPROCESSORS, true },
	[AP_MSG_OP_EC_PUBLIC] = { hw_ec_public, FIELD(KEY), COPROCESSORS, true },
	[AP_MSG_OP_ECDSA_SIGN] = { hw_ecdsa_sign, FIELD(KEY) | FIELD(DIGEST), COPROCESSORS, true },
	[AP_MSG_OP_ECDSA_VERIFY] = { hw_ecdsa_verify,
				     FIELD(POINT) | FIELD(DIGEST) | FIELD(SIGNATURE), COPROCESSORS,
				     true },
	[AP_MSG_OP_ECDH] = { hw_ecdh, FIELD(KEY) | FIELD(POINT), COPROCESSORS, true },
};

/* ---- errors as adapters report them ---- */

static size_t error_reply(uint8_t *reply, uint8_t code)
{
	memset(reply, 0, 8);
	reply[1] = AP_MSG_ERROR;
	reply[4] = code;
	return 8;
}

/* ---- umdev's message ---- */

static uint32_t fields_of(const struct ap_msg_parsed *in)
{
	uint32_t fields = 0;

	for (unsigned int i = 0; i <= AP_MSG_FIELD_LAST; i++)
		if (in->field[i].data)
			fields |= 1u << i;
	return fields;
}

static enum ap_msg_status carry_out(uint32_t fac, const struct ap_msg_parsed *in,
				    struct ap_msg *out)
{
	const struct operation *op;
	enum ap_msg_status status;

	if (in->op >= ARRAY_SIZE(operations) || !operations[in->op].fn)
		return AP_MSG_UNSUPPORTED;
	op = &operations[in->op];
	if (!(op->fac & fac))
		return AP_MSG_UNSUPPORTED;
	if (in->status || fields_of(in) != op->fields || (in->param && !op->has_param))
		return AP_MSG_MALFORMED;
	status = op->fn(in, out);
	return status == AP_MSG_OK && out->full ? AP_MSG_PARAM : status;
}

static size_t answer(uint32_t fac, const uint8_t *msg, size_t len, uint8_t *reply, size_t size)
{
	enum ap_msg_status status = AP_MSG_MALFORMED;
	struct ap_msg_parsed in;
	struct ap_msg out;
	bool whole;

	whole = ap_msg_parse(&in, AP_MSG_REQUEST, msg, len);
	ap_msg_begin(&out, reply, size, AP_MSG_REPLY, in.op, 0, 0);
	if (whole)
		status = carry_out(fac, &in, &out);
	/* An error has no fields, whatever there was before it was noticed. */
	if (status != AP_MSG_OK)
		ap_msg_begin(&out, reply, size, AP_MSG_REPLY, in.op, status, 0);
	return out.len;
}

/* ---- any message ---- */

static size_t any_message(uint32_t fac, const uint8_t *msg, size_t len, uint8_t *reply, size_t size)
{
	size_t reply_len;
	uint8_t code;

	if (len >= AP_MSG_HEADER_SIZE && !msg[0] && msg[1] == AP_MSG_REQUEST)
		return answer(fac, msg, len, reply, size);
	if (len < 2 || msg[1] != TYPE50_CODE || !(fac & AP_FAC_ACCEL))
		return error_reply(reply, AP_MSG_ERROR_MESSAGE_TYPE);
	reply_len = hw_type50(fac, msg, len, reply, &code);
	return reply_len ? reply_len : error_reply(reply, code);
}

size_t hw_message(uint32_t fac, const uint8_t *msg, size_t len, uint8_t *reply, size_t size)
{
	size_t reply_len = any_message(fac, msg, len, reply, size);

	/* What OpenSSL has to say of it nobody asks. */
	ERR_clear_error();
	return reply_len;
}
