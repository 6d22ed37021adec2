/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers of clocks: one who looks at the machine's /sys/class/rtc and at this one as at a single
 * one must not find a number twice.
 */
#ifndef RTC_PL031_RTC_NUMBER_H
#define RTC_PL031_RTC_NUMBER_H

#include <umdev/util.h>

/* Where the machine's clocks are to be found. Only tests change it. */
extern const char *rtc_machine_dir;

/** struct rtc_number - a number that is in use; embed it, zeroed */
struct rtc_number {
	struct list_head list;
	unsigned int id;
};

/**
 * rtc_number_take - take the lowest free one behind all that the machine has
 * Context: any thread. Return: 0, -errno of looking at the machine's.
 */
int rtc_number_take(struct rtc_number *number);
/** rtc_number_give_back - the reverse. */
void rtc_number_give_back(struct rtc_number *number);

#endif
