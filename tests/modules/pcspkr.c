/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver of a PC's speaker, as far as binding goes. */
#include "platform_driver.h"

PLATFORM_DRIVER("pcspkr");
