/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver of Linux's dummy regulator, as far as binding goes. */
#include "platform_driver.h"

PLATFORM_DRIVER("reg-dummy");
