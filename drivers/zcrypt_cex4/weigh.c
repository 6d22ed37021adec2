/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a request costs, and who can do it. It may be anything: whether it is right is for the
 * hardware to say, so that what is not known here is taken for something small that all can do.
 */
#include <umdev/ap_message.h>

#include "zcrypt.h"

/* What costs as much as the smallest request, in bytes of random numbers. */
#define RANDOM_UNIT 1024

/* RSA by what it takes: the cube of the modulus' length, 64 being that of 4096 bits. */
static unsigned int weigh_rsa(size_t modulus)
{
	size_t n = modulus < AP_MSG_RSA_MAX ? modulus : AP_MSG_RSA_MAX;

	n = n / (AP_MSG_RSA_MAX / 16) + 1;
	return (unsigned int)(n * n * n / 64 + 1);
}

static unsigned int weigh_random(uint32_t bytes)
{
	return (bytes < ZCRYPT_MESSAGE_MAX ? bytes : ZCRYPT_MESSAGE_MAX) / RANDOM_UNIT + 1;
}

void zcrypt_weigh(struct zcrypt_request *req)
{
	const uint8_t *msg = req->msg.msg;
	struct ap_msg_parsed p;

	req->modes = AP_FAC_MODES;
	req->weight = 1;
	if (req->len > 1 && msg[1] == ZCRYPT_TYPE50) {
		req->modes = AP_FAC_ACCEL;
		req->weight = weigh_rsa(req->len / 3);
		return;
	}
	if (!ap_msg_parse(&p, AP_MSG_REQUEST, msg, req->len))
		return;
	switch (p.op) {
	case AP_MSG_OP_RSA_VERIFY:
		return;
	case AP_MSG_OP_RSA_MODEXP:
	case AP_MSG_OP_RSA_SIGN:
		req->weight = weigh_rsa(p.field[AP_MSG_FIELD_MODULUS].len);
		return;
	case AP_MSG_OP_RSA_CRT:
		req->weight = weigh_rsa(p.field[AP_MSG_FIELD_P].len);
		return;
	case AP_MSG_OP_RANDOM:
		req->weight = weigh_random(p.param);
		break;
	default:
		break;
	}
	req->modes = AP_FAC_CCA | AP_FAC_EP11;
}
