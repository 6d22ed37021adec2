/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Takes the devices of the bus "overridable" by itself. */
#include "overridable.h"

OVERRIDABLE_DRIVER(native);
