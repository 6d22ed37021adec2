/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Takes a device of the bus "overridable" only where driver_override names it. */
#include "overridable.h"

OVERRIDABLE_DRIVER(substitute);
