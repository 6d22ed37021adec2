/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Takes any device of the bus "overridable" that is free, as "native" does. */
#include "overridable.h"

OVERRIDABLE_DRIVER(thief);
