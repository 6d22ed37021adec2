/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <openssl/rand.h>

#include "hw_crypto.h"

enum ap_msg_status hw_random(const struct ap_msg_parsed *in, struct ap_msg *out)
{
	uint8_t *to;

	if (!in->param)
		return AP_MSG_PARAM;
	to = ap_msg_room(out, AP_MSG_FIELD_DATA, in->param);
	if (!to)
		return AP_MSG_PARAM;
	return RAND_bytes(to, (int)in->param) == 1 ? AP_MSG_OK : AP_MSG_FAILED;
}
