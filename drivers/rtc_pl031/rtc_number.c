/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include "rtc_number.h"

const char *rtc_machine_dir = "/sys/class/rtc";

/* In ascending order; under the lock. */
static LIST_HEAD(numbers);
static pthread_mutex_t numbers_lock = PTHREAD_MUTEX_INITIALIZER;

/* One more than the largest of the machine's; 0 where it has none. */
static int behind_the_machine(unsigned int *first)
{
	DIR *dir = opendir(rtc_machine_dir);
	struct dirent *entry;
	int err = 0;

	*first = 0;
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (errno = 0, (entry = readdir(dir))) {
		unsigned int id;

		if (sscanf(entry->d_name, "rtc%9u", &id) == 1 && id >= *first)
			*first = id + 1;
	}
	err = -errno;
	closedir(dir);
	return err;
}

int rtc_number_take(struct rtc_number *number)
{
	struct rtc_number *other;
	int err = behind_the_machine(&number->id);

	if (err)
		return err;
	pthread_mutex_lock(&numbers_lock);
	list_for_each_entry (other, &numbers, list) {
		if (other->id > number->id)
			break;
		if (other->id == number->id)
			number->id++;
	}
	/* Before the first that is larger, or at the end. */
	list_add_tail(&number->list, &other->list);
	pthread_mutex_unlock(&numbers_lock);
	return 0;
}

void rtc_number_give_back(struct rtc_number *number)
{
	pthread_mutex_lock(&numbers_lock);
	list_del_init(&number->list);
	pthread_mutex_unlock(&numbers_lock);
}
