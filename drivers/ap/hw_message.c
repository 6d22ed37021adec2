/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <umdev/util.h>

#include "hw_crypto.h"
#include "hw_machine.h"

#define FIELD(name)  (1u << AP_MSG_FIELD_##name)
#define COPROCESSORS (AP_FAC_CCA | AP_FAC_EP11)

/* What each operation is, which fields it has, and what adapters have to be for it. */
static const struct operation {
	hw_op_t *fn;
	uint32_t fields;
	uint32_t fac;
	bool has_param;
} operations[] = {
	[AP_MSG_OP_RANDOM] = { hw_random, 0, COPROCESSORS, true },
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

size_t hw_message(uint32_t fac, const uint8_t *msg, size_t len, uint8_t *reply, size_t size)
{
	if (len >= AP_MSG_HEADER_SIZE && !msg[0] && msg[1] == AP_MSG_REQUEST)
		return answer(fac, msg, len, reply, size);
	return error_reply(reply, AP_MSG_ERROR_MESSAGE_TYPE);
}
