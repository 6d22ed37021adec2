# SPDX-License-Identifier: LGPL-2.1-or-later
# Each part of vfio_api (or those in SECTIONS) on two new devices of the type mtty-2.
TYPE=/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-2
A=83b8f4f2-509f-382f-3c1e-e6bfe0fa1001
B=83b8f4f2-509f-382f-3c1e-e6bfe0fa1002

for section in ${SECTIONS:-containers groups several lifetimes forks descriptors device-info set-irqs access mmap interrupts type1 type1v2 random-type1 random-type1v2 dirty}; do
	echo $A > $TYPE/create
	echo $B > $TYPE/create
	vfio_api $section $A $B
	echo 1 > /sys/bus/mdev/devices/$A/remove
	echo 1 > /sys/bus/mdev/devices/$B/remove
done
