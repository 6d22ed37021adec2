/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interrupts: what SET_IRQS takes, and that they arrive.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "vfio_api.h"

#define NONE	VFIO_IRQ_SET_DATA_NONE
#define BOOL	VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD VFIO_IRQ_SET_DATA_EVENTFD
#define MASK	VFIO_IRQ_SET_ACTION_MASK
#define UNMASK	VFIO_IRQ_SET_ACTION_UNMASK
#define TRIGGER VFIO_IRQ_SET_ACTION_TRIGGER

#define HEAD sizeof(struct vfio_irq_set)

/* The 16550's interrupt enable register, and its bit for an empty transmitter. */
#define UART_IER      1
#define UART_IER_THRI 0x02
#define UART_IIR      2

struct ask {
	struct vfio_irq_set set;
	union {
		int32_t fds[8];
		uint8_t bools[32];
	};
};

static long set_irqs(int device, struct ask *ask, uint32_t argsz, uint32_t flags, uint32_t index,
		     uint32_t start, uint32_t count)
{
	ask->set = (struct vfio_irq_set) {
		.argsz = argsz, .flags = flags, .index = index, .start = start, .count = count
	};
	return ioctl(device, VFIO_DEVICE_SET_IRQS, ask);
}

static void try(int device, uint32_t argsz, uint32_t flags, uint32_t index, uint32_t start,
		uint32_t count)
{
	struct ask ask;

	memset(&ask.fds, 0xff, sizeof(ask.fds));
	say(set_irqs(device, &ask, argsz, flags, index, start, count),
	    "SET_IRQS argsz %u flags %#x index %u start %u count %u", argsz, flags, index, start,
	    count);
}

static long arm(int device, uint32_t index, int fd)
{
	struct ask ask = { .fds = { fd } };

	return set_irqs(device, &ask, HEAD + 4, EVENTFD | TRIGGER, index, 0, 1);
}

static void what_is_wrong(int device)
{
	heading("sizes and numbers");
	try(device, HEAD - 1, NONE | TRIGGER, 0, 0, 0);
	try(device, HEAD, NONE | TRIGGER, 5, 0, 0);
	try(device, HEAD, NONE | TRIGGER, UINT32_MAX, 0, 0);
	try(device, HEAD, NONE | TRIGGER, 0, 5, 0);
	try(device, HEAD, NONE | TRIGGER, 0, 0, 6);
	try(device, HEAD, NONE | TRIGGER, 0, 1, UINT32_MAX);
	try(device, HEAD, NONE | TRIGGER, 0, UINT32_MAX, 1);
	try(device, HEAD, NONE | TRIGGER, 0, UINT32_MAX, 0);
	try(device, HEAD, NONE | TRIGGER, 0, 0, UINT32_MAX);
	heading("flags");
	try(device, HEAD, 0x40 | NONE | TRIGGER, 0, 0, 0);
	try(device, HEAD, TRIGGER, 0, 0, 0);
	try(device, HEAD + 4, NONE | BOOL | TRIGGER, 0, 0, 1);
	try(device, HEAD + 4, BOOL | EVENTFD | TRIGGER, 0, 0, 1);
	heading("data");
	try(device, HEAD, BOOL | TRIGGER, 0, 0, 1);
	try(device, HEAD + 3, EVENTFD | TRIGGER, 0, 0, 1);
	try(device, HEAD, EVENTFD | TRIGGER, 0, 0, 1);
	say(ioctl(device, VFIO_DEVICE_SET_IRQS, NULL), "SET_IRQS nowhere");
}

static void which_eventfds(int device)
{
	int event = eventfd(0, EFD_NONBLOCK), ends[2];

	heading("eventfds");
	if (pipe(ends))
		die("pipe");
	say(arm(device, VFIO_PCI_INTX_IRQ_INDEX, 4711), "arm INTx with a closed descriptor");
	say(arm(device, VFIO_PCI_INTX_IRQ_INDEX, ends[0]), "arm INTx with a pipe");
	say(arm(device, VFIO_PCI_INTX_IRQ_INDEX, device), "arm INTx with the device");
	say(arm(device, VFIO_PCI_MSI_IRQ_INDEX, 4711), "arm MSI with a closed descriptor");
	say(arm(device, VFIO_PCI_MSI_IRQ_INDEX, ends[1]), "arm MSI with a pipe");
	say(arm(device, VFIO_PCI_INTX_IRQ_INDEX, -1), "arm INTx with none");
	say(arm(device, VFIO_PCI_INTX_IRQ_INDEX, event), "arm INTx");
	say(arm(device, VFIO_PCI_INTX_IRQ_INDEX, event), "arm INTx again");
	say(arm(device, VFIO_PCI_REQ_IRQ_INDEX, event), "arm REQ");
	close(event);
	close(ends[0]);
	close(ends[1]);
}

void section_set_irqs(void)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct user user = user_open(&targets[0]);

	/* The sample knows how many interrupts it has from here on. */
	if (ioctl(user.device, VFIO_DEVICE_GET_INFO, &info))
		die("VFIO_DEVICE_GET_INFO");
	what_is_wrong(user.device);
	which_eventfds(user.device);
	user_close(&user);
}

/* ---- delivery ---- */

static void write_uart(int device, unsigned int reg, uint8_t value)
{
	if (pwrite(device, &value, 1, REGION(0) + reg) != 1)
		die("write a register");
}

static uint8_t read_uart(int device, unsigned int reg)
{
	uint8_t value = 0;

	if (pread(device, &value, 1, REGION(0) + reg) != 1)
		die("read a register");
	return value;
}

/* Has the eventfd been signalled? @patience: in milliseconds; a device is quick to do it. */
static bool fired(int event, int patience)
{
	struct pollfd pfd = { .fd = event, .events = POLLIN };
	uint64_t count = 0;

	return poll(&pfd, 1, patience) == 1 && read(event, &count, sizeof(count)) == sizeof(count);
}

/* Have the transmitter raise its interrupt, and lower it again. */
static void raise_and_lower(int device, int event, const char *what)
{
	write_uart(device, UART_IER, UART_IER_THRI);
	printf("%s %s\n", what, fired(event, 5000) ? "fired" : "did not fire");
	printf("cause %#x\n", read_uart(device, UART_IIR) & 0xf);
	write_uart(device, UART_IER, 0);
}

static void unmask_intx(int device)
{
	struct ask ask;

	say(set_irqs(device, &ask, HEAD, NONE | UNMASK, VFIO_PCI_INTX_IRQ_INDEX, 0, 1),
	    "unmask INTx");
}

/* The guest's driver switches MSI on, if the device has it in its configuration. */
static void enable_msi(int device)
{
	uint8_t at = 0, id = 0;
	uint16_t flags;

	if (pread(device, &at, 1, CONFIG + PCI_CAPABILITY_LIST) != 1)
		die("capabilities");
	for (unsigned int i = 0; at >= 0x40 && i < 48; i++) {
		if (pread(device, &id, 1, CONFIG + at) != 1)
			die("capabilities");
		if (id == PCI_CAP_ID_MSI)
			break;
		if (pread(device, &at, 1, CONFIG + at + PCI_CAP_LIST_NEXT) != 1)
			die("capabilities");
	}
	if (id != PCI_CAP_ID_MSI)
		return;
	if (pread(device, &flags, sizeof(flags), CONFIG + at + PCI_MSI_FLAGS) != sizeof(flags))
		die("MSI");
	flags |= PCI_MSI_FLAGS_ENABLE;
	if (pwrite(device, &flags, sizeof(flags), CONFIG + at + PCI_MSI_FLAGS) != sizeof(flags))
		die("MSI");
}

void section_interrupts(void)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct user user = user_open(&targets[0]);
	int event = eventfd(0, EFD_NONBLOCK), other = eventfd(0, EFD_NONBLOCK);
	int copy;

	if (ioctl(user.device, VFIO_DEVICE_GET_INFO, &info))
		die("VFIO_DEVICE_GET_INFO");
	heading("INTx");
	say(arm(user.device, VFIO_PCI_INTX_IRQ_INDEX, event), "arm");
	printf("%s before its time\n", fired(event, 0) ? "fired" : "did not fire");
	raise_and_lower(user.device, event, "INTx");
	unmask_intx(user.device);
	raise_and_lower(user.device, event, "INTx");
	unmask_intx(user.device);

	heading("INTx with another eventfd");
	say(arm(user.device, VFIO_PCI_INTX_IRQ_INDEX, other), "arm");
	raise_and_lower(user.device, other, "INTx");
	printf("%s on the first\n", fired(event, 0) ? "fired" : "did not fire");
	unmask_intx(user.device);

	heading("INTx with an eventfd that blocks");
	copy = eventfd(0, 0);
	say(arm(user.device, VFIO_PCI_INTX_IRQ_INDEX, copy), "arm");
	raise_and_lower(user.device, copy, "INTx");
	printf("it %s\n", fcntl(copy, F_GETFL) & O_NONBLOCK ? "does not block" : "blocks");
	unmask_intx(user.device);
	say(arm(user.device, VFIO_PCI_INTX_IRQ_INDEX, other), "arm another");
	close(copy);

	heading("INTx whose eventfd the program has closed");
	copy = dup(other);
	close(other);
	raise_and_lower(user.device, copy, "INTx");
	unmask_intx(user.device);

	heading("MSI");
	say(arm(user.device, VFIO_PCI_MSI_IRQ_INDEX, event), "arm");
	enable_msi(user.device);
	raise_and_lower(user.device, event, "MSI");
	raise_and_lower(user.device, event, "MSI");
	printf("%s on INTx\n", fired(copy, 0) ? "fired" : "did not fire");
	close(copy);
	close(event);
	user_close(&user);
}
