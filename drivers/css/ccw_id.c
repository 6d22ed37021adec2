/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SENSE ID: what a device is. Behaviour: Linux 7.3 drivers/s390/cio/device_id.c. */
#include <errno.h>
#include <string.h>

#include "ccw.h"

/* A byte of ff, the control unit's type and model, the device's, then what nobody needs here. */
#define SENSEID_SIZE 40
#define SENSEID_MIN  4
#define SENSEID_DEV  7

/* How often a device may answer with half an answer. */
#define TRIES 256

static size_t received(const struct ccw_request *req)
{
	return req->irb.scsw.count < req->len ? req->len - req->irb.scsw.count : 0;
}

int ccw_sense_id(struct io_subchannel *ios, struct ccw_device_id *id)
{
	struct subchannel *sch = ios->sch;
	uint8_t data[SENSEID_SIZE];
	struct ccw_request req;
	size_t len;
	int err, tries;

	for (tries = 0; tries < TRIES; tries++) {
		memset(data, 0, sizeof(data));
		data[1] = data[2] = 0xff;
		req = (struct ccw_request) { .cmd = { CCW_CMD_SENSE_ID },
					     .buf = data,
					     .len = sizeof(data),
					     .lpm = sch->schib.pmcw.pam & sch->opm };
		err = ccw_request_run(ios, &req);
		if (err)
			return err;
		len = received(&req);
		if (len < SENSEID_MIN || cio_get16(data + 1) == 0xffff)
			continue;
		if (data[0] != 0xff)
			return -EOPNOTSUPP;
		*id = (struct ccw_device_id) { .cu_type = cio_get16(data + 1),
					       .cu_model = data[3] };
		if (len >= SENSEID_DEV) {
			id->dev_type = cio_get16(data + 4);
			id->dev_model = data[6];
		}
		return 0;
	}
	return -EACCES;
}
