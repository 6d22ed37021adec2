/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ports of the driver mtty: between a guest, played here, and real ends on the host. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <umdev/util.h>
#include "../../drivers/common/end.h"
#include "../../drivers/mtty/uart_port.h"

#define MANY (1024 * 1024)

static char socket_dir[64];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static struct uart *uart_of(const struct port *port)
{
	return &container_of((struct port *)port, struct uart_port, port)->uart;
}

static void on_change(struct port *port)
{
	pthread_cond_broadcast(&changed);
}

/* Wait until @condition holds, looked at under the port's lock whenever something has changed. */
#define wait_until(condition)                               \
	do {                                                \
		pthread_mutex_lock(&lock);                  \
		while (!(condition))                        \
			pthread_cond_wait(&changed, &lock); \
		pthread_mutex_unlock(&lock);                \
	} while (0)

/* ---- the guest ---- */

static uint8_t in(struct port *port, unsigned int reg)
{
	uint8_t value;

	pthread_mutex_lock(&lock);
	value = uart_read(uart_of(port), reg);
	port_kick(port);
	pthread_mutex_unlock(&lock);
	return value;
}

static void out(struct port *port, unsigned int reg, uint8_t value)
{
	pthread_mutex_lock(&lock);
	uart_write(uart_of(port), reg, value);
	port_kick(port);
	pthread_mutex_unlock(&lock);
}

static void guest_opens(struct port *port)
{
	out(port, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_8);
	out(port, UART_MCR, UART_MCR_DTR | UART_MCR_RTS);
}

static void guest_sends(struct port *port, const uint8_t *data, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i % UART_FIFO_SIZE == 0)
			wait_until(!uart_of(port)->tx.count);
		out(port, UART_TX, data[i]);
	}
}

static void guest_receives(struct port *port, uint8_t *data, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		wait_until(uart_of(port)->rx.count);
		data[i] = in(port, UART_RX);
	}
}

/* Send until the host's end takes no more, with the transmitter full. Return: how many. */
static size_t guest_sends_until_blocked(struct port *port, const uint8_t *data)
{
	size_t count = 0;

	while (in(port, UART_LSR) & UART_LSR_THRE)
		for (unsigned int i = 0; i < UART_FIFO_SIZE; i++)
			out(port, UART_TX, data[count++]);
	return count;
}

/* Under the lock. */
static uint8_t lines(const struct port *port)
{
	return uart_of(port)->lines;
}

static bool holds(bool (*is_so)(const struct port *port), const struct port *port)
{
	bool so;

	pthread_mutex_lock(&lock);
	so = is_so(port);
	pthread_mutex_unlock(&lock);
	return so;
}

static bool no_line_is_up(const struct port *port)
{
	return !lines(port);
}

static bool nothing_is_received(const struct port *port)
{
	return !uart_of(port)->rx.count;
}

/* ---- the host ---- */

static int open_terminal(struct port *port)
{
	int fd = open(port_path(port), O_RDWR | O_NOCTTY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static int connect_socket(struct port *port)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", port_path(port));
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void host_reads(int fd, uint8_t *data, size_t count)
{
	for (size_t done = 0; done < count;) {
		ssize_t n = read(fd, data + done, count - done);

		assert_true(n > 0);
		done += n;
	}
}

static void host_writes(int fd, const uint8_t *data, size_t count)
{
	for (size_t done = 0; done < count;) {
		ssize_t n = write(fd, data + done, count - done);

		assert_true(n > 0);
		done += n;
	}
}

struct transfer {
	int fd;
	const uint8_t *out;
	uint8_t *in;
};

static void *writer(void *arg)
{
	struct transfer *t = arg;

	host_writes(t->fd, t->out, MANY);
	return NULL;
}

static void *reader(void *arg)
{
	struct transfer *t = arg;

	host_reads(t->fd, t->in, MANY);
	return NULL;
}

/* ---- what is needed for each test ---- */

static struct port *new_port(const char *backend)
{
	struct uart_port *port = calloc(1, sizeof(*port));

	port->port.lock = &lock;
	port->port.changed = on_change;
	port->port.name = "test-port0";
	assert_int_equal(uart_port_init(port, backend), 0);
	return &port->port;
}

static void free_port(struct port *port)
{
	port_finish(port);
	free(container_of(port, struct uart_port, port));
}

static uint8_t *pattern(void)
{
	uint8_t *data = malloc(MANY);
	uint32_t x = 1;

	for (size_t i = 0; i < MANY; i++) {
		x = x * 1664525 + 1013904223;
		data[i] = x >> 24;
	}
	return data;
}

static int start(void **state)
{
	snprintf(socket_dir, sizeof(socket_dir), "/tmp/test_mtty_port.XXXXXX");
	unix_socket_dir = mkdtemp(socket_dir);
	assert_int_equal(loop_start("test"), 0);
	assert_int_equal(pty_start(), 0);
	return 0;
}

static int stop(void **state)
{
	pty_stop();
	loop_stop();
	/* Also: no socket is left in it. */
	assert_int_equal(rmdir(socket_dir), 0);
	return 0;
}

/* ---- nothing is lost ---- */

static void all_arrives(struct port *port, int fd)
{
	uint8_t *there = pattern(), *back = pattern();
	struct transfer t = { .fd = fd, .out = there, .in = malloc(MANY) };
	uint8_t *got = malloc(MANY);
	pthread_t threads[2];

	guest_opens(port);
	pthread_create(&threads[0], NULL, writer, &t);
	guest_receives(port, got, MANY);
	pthread_join(threads[0], NULL);
	assert_memory_equal(got, there, MANY);

	pthread_create(&threads[1], NULL, reader, &t);
	guest_sends(port, back, MANY);
	pthread_join(threads[1], NULL);
	assert_memory_equal(t.in, back, MANY);

	close(fd);
	free_port(port);
	free(there);
	free(back);
	free(t.in);
	free(got);
}

static void a_mebibyte_goes_both_ways_through_a_terminal(void **state)
{
	struct port *port = new_port("pty");

	all_arrives(port, open_terminal(port));
}

static void a_mebibyte_goes_both_ways_through_a_socket(void **state)
{
	struct port *port = new_port("unix");

	all_arrives(port, connect_socket(port));
}

static void a_host_that_does_not_read_stops_the_guest(struct port *port, int fd)
{
	uint8_t *data = pattern(), *got = malloc(MANY);
	size_t count;

	guest_opens(port);
	wait_until(lines(port) & UART_MSR_DCD);
	count = guest_sends_until_blocked(port, data);
	assert_true(count > UART_FIFO_SIZE);
	assert_false(in(port, UART_LSR) & (UART_LSR_THRE | UART_LSR_TEMT));

	host_reads(fd, got, count);
	wait_until(!uart_of(port)->tx.count);
	assert_true(in(port, UART_LSR) & UART_LSR_THRE);
	assert_memory_equal(got, data, count);
	close(fd);
	free_port(port);
	free(data);
	free(got);
}

static void a_terminal_that_does_not_read_stops_the_guest(void **state)
{
	struct port *port = new_port("pty");

	a_host_that_does_not_read_stops_the_guest(port, open_terminal(port));
}

static void a_socket_that_does_not_read_stops_the_guest(void **state)
{
	struct port *port = new_port("unix");

	a_host_that_does_not_read_stops_the_guest(port, connect_socket(port));
}

static void a_guest_that_does_not_read_leaves_it_with_the_host(void **state)
{
	struct port *port = new_port("pty");
	int fd = open_terminal(port);
	uint8_t *data = pattern();
	uint8_t got[1000];

	guest_opens(port);
	host_writes(fd, data, sizeof(got));
	wait_until(uart_of(port)->rx.count == UART_FIFO_SIZE);
	assert_int_equal(in(port, UART_LSR) & UART_LSR_OE, 0);
	guest_receives(port, got, sizeof(got));
	assert_memory_equal(got, data, sizeof(got));
	close(fd);
	free_port(port);
	free(data);
}

static void nothing_is_read_before_the_guest_asks(void **state)
{
	struct port *port = new_port("pty");
	int fd = open_terminal(port);
	uint8_t got[5];

	host_writes(fd, (const uint8_t *)"early", 5);
	wait_until(port->end->readable || uart_of(port)->rx.count);
	assert_true(holds(nothing_is_received, port));
	guest_opens(port);
	guest_receives(port, got, 5);
	assert_memory_equal(got, "early", 5);
	close(fd);
	free_port(port);
}

/* ---- who is there ---- */

static void carrier_follows_the_terminal(void **state)
{
	struct port *port = new_port("pty");

	assert_true(holds(no_line_is_up, port));
	for (unsigned int i = 0; i < 3; i++) {
		int fd = open_terminal(port);

		wait_until(lines(port) == (UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS));
		close(fd);
		wait_until(lines(port) == 0);
	}
	free_port(port);
}

static void carrier_follows_the_connection(void **state)
{
	struct port *port = new_port("unix");

	assert_true(holds(no_line_is_up, port));
	for (unsigned int i = 0; i < 3; i++) {
		int fd = connect_socket(port);

		wait_until(lines(port) == (UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS));
		close(fd);
		wait_until(lines(port) == 0);
	}
	free_port(port);
}

static void what_is_sent_to_nobody_waits_for_the_next(struct port *port,
						      int (*arrive)(struct port *))
{
	uint8_t got[5];
	int fd;

	guest_opens(port);
	guest_sends(port, (const uint8_t *)"hello", 5);
	assert_false(in(port, UART_LSR) & UART_LSR_THRE);
	fd = arrive(port);
	host_reads(fd, got, 5);
	assert_memory_equal(got, "hello", 5);

	close(fd);
	wait_until(lines(port) == 0);
	guest_sends(port, (const uint8_t *)"again", 5);
	fd = arrive(port);
	host_reads(fd, got, 5);
	assert_memory_equal(got, "again", 5);
	close(fd);
	free_port(port);
}

static void what_is_sent_without_terminal_waits_for_one(void **state)
{
	what_is_sent_to_nobody_waits_for_the_next(new_port("pty"), open_terminal);
}

static void what_is_sent_without_connection_waits_for_one(void **state)
{
	what_is_sent_to_nobody_waits_for_the_next(new_port("unix"), connect_socket);
}

static void what_a_terminal_leaves_unread_the_next_one_gets(void **state)
{
	struct port *port = new_port("pty");
	uint8_t got[5];
	int fd = open_terminal(port);

	guest_opens(port);
	wait_until(lines(port) & UART_MSR_DCD);
	guest_sends(port, (const uint8_t *)"hello", 5);
	wait_until(!uart_of(port)->tx.count);
	close(fd);
	wait_until(lines(port) == 0);
	fd = open_terminal(port);
	host_reads(fd, got, 5);
	assert_memory_equal(got, "hello", 5);
	close(fd);
	free_port(port);
}

static void what_was_sent_before_leaving_arrives(struct port *port, int fd)
{
	uint8_t *data = pattern();
	uint8_t got[1000];

	host_writes(fd, data, sizeof(got));
	close(fd);
	guest_opens(port);
	guest_receives(port, got, sizeof(got));
	assert_memory_equal(got, data, sizeof(got));
	wait_until(lines(port) == 0);
	free_port(port);
	free(data);
}

static void what_a_terminal_sent_before_it_closed_arrives(void **state)
{
	struct port *port = new_port("pty");

	what_was_sent_before_leaving_arrives(port, open_terminal(port));
}

static void what_a_client_sent_before_it_went_arrives(void **state)
{
	struct port *port = new_port("unix");

	what_was_sent_before_leaving_arrives(port, connect_socket(port));
}

static void a_second_client_waits_for_its_turn(void **state)
{
	struct port *port = new_port("unix");
	int first = connect_socket(port), second = connect_socket(port);
	uint8_t got;

	guest_opens(port);
	host_writes(second, (const uint8_t *)"2", 1);
	host_writes(first, (const uint8_t *)"1", 1);
	guest_receives(port, &got, 1);
	assert_int_equal(got, '1');
	close(first);
	guest_receives(port, &got, 1);
	assert_int_equal(got, '2');
	close(second);
	free_port(port);
}

static void a_client_may_end_its_half_and_go_on_reading(void **state)
{
	struct port *port = new_port("unix");
	int fd = connect_socket(port);
	uint8_t got[5];

	guest_opens(port);
	host_writes(fd, (const uint8_t *)"x", 1);
	shutdown(fd, SHUT_WR);
	guest_receives(port, got, 1);
	guest_sends(port, (const uint8_t *)"reply", 5);
	host_reads(fd, got, 5);
	assert_memory_equal(got, "reply", 5);
	close(fd);
	free_port(port);
}

/* ---- the socket's file ---- */

static void a_socket_that_was_left_behind_is_replaced(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct port *port;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/test-port0", socket_dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	port = new_port("unix");
	close(connect_socket(port));
	free_port(port);
}

static void a_socket_in_use_is_left_alone(void **state)
{
	struct port *port = new_port("unix");
	struct uart_port other = {
		.port = { .lock = &lock, .changed = on_change, .name = "test-port0" }
	};

	assert_int_equal(uart_port_init(&other, "unix"), -EADDRINUSE);
	close(connect_socket(port));
	free_port(port);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
	char dir[200];
	struct uart_port port = {
		.port = { .lock = &lock, .changed = on_change, .name = "test-port0" }
	};

	memset(dir, 'x', sizeof(dir));
	dir[0] = '/';
	dir[sizeof(dir) - 1] = '\0';
	unix_socket_dir = dir;
	assert_int_equal(uart_port_init(&port, "unix"), -ENAMETOOLONG);
	unix_socket_dir = socket_dir;
}

/* ---- changing what it is connected to ---- */

static void an_unknown_backend_changes_nothing(void **state)
{
	struct port *port = new_port("loop");

	assert_int_equal(port_set_backend(port, "carrier-pigeon"), -EINVAL);
	assert_int_equal(port_set_backend(port, ""), -EINVAL);
	assert_string_equal(port_backend(port), "loop");
	free_port(port);
}

static void a_change_keeps_what_the_uart_has(void **state)
{
	struct port *port = new_port("pty");
	int fd = open_terminal(port);
	uint8_t got[3];

	guest_opens(port);
	host_writes(fd, (const uint8_t *)"abc", 3);
	wait_until(uart_of(port)->rx.count == 3);
	close(fd);
	wait_until(lines(port) == 0);
	guest_sends(port, (const uint8_t *)"xyz", 3);

	assert_int_equal(port_set_backend(port, "unix\n"), 0);
	assert_string_equal(port_backend(port), "unix");
	fd = connect_socket(port);
	host_reads(fd, got, 3);
	assert_memory_equal(got, "xyz", 3);
	guest_receives(port, got, 3);
	assert_memory_equal(got, "abc", 3);
	close(fd);
	free_port(port);
}

static void what_it_is_connected_to_already_stays(void **state)
{
	struct port *port = new_port("unix");
	int fd = connect_socket(port);
	uint8_t got[3];

	guest_opens(port);
	assert_int_equal(port_set_backend(port, "unix"), 0);
	guest_sends(port, (const uint8_t *)"abc", 3);
	host_reads(fd, got, 3);
	assert_memory_equal(got, "abc", 3);
	close(fd);
	free_port(port);
}

static void changes_and_traffic_get_along(void **state)
{
	static const char *const names[] = { "unix", "loop", "pty" };
	struct port *port = new_port("pty");

	guest_opens(port);
	for (unsigned int i = 0; i < 60; i++) {
		int fd = -1;

		assert_int_equal(port_set_backend(port, names[i % 3]), 0);
		if (i % 3 == 0)
			fd = connect_socket(port);
		if (i % 3 == 2)
			fd = open_terminal(port);
		if (fd >= 0)
			host_writes(fd, (const uint8_t *)"0123456789", 10);
		out(port, UART_TX, 'x');
		in(port, UART_RX);
		if (fd >= 0)
			close(fd);
	}
	free_port(port);
}

/* ---- the plug ---- */

static void the_plug_returns_all_at_the_guests_pace(void **state)
{
	struct port *port = new_port("loop");
	uint8_t value = 0;

	guest_opens(port);
	for (unsigned int i = 0; i < 2 * UART_FIFO_SIZE; i++)
		out(port, UART_TX, i);
	assert_false(in(port, UART_LSR) & UART_LSR_THRE);
	for (unsigned int i = 0; i < 2 * UART_FIFO_SIZE; i++) {
		guest_receives(port, &value, 1);
		assert_int_equal(value, i);
	}
	assert_int_equal(in(port, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	free_port(port);
}

static void the_plug_connects_the_modem_lines(void **state)
{
	struct port *port = new_port("loop");

	out(port, UART_MCR, UART_MCR_RTS);
	assert_int_equal(in(port, UART_MSR) & 0xf0, UART_MSR_CTS);
	out(port, UART_MCR, UART_MCR_DTR);
	assert_int_equal(in(port, UART_MSR) & 0xf0, UART_MSR_DSR | UART_MSR_DCD);
	free_port(port);
}

static void the_plug_returns_a_break(void **state)
{
	struct port *port = new_port("loop");

	out(port, UART_LCR, UART_LCR_SBC);
	assert_true(in(port, UART_LSR) & UART_LSR_BI);
	free_port(port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mebibyte_goes_both_ways_through_a_terminal),
		cmocka_unit_test(a_mebibyte_goes_both_ways_through_a_socket),
		cmocka_unit_test(a_terminal_that_does_not_read_stops_the_guest),
		cmocka_unit_test(a_socket_that_does_not_read_stops_the_guest),
		cmocka_unit_test(a_guest_that_does_not_read_leaves_it_with_the_host),
		cmocka_unit_test(nothing_is_read_before_the_guest_asks),
		cmocka_unit_test(carrier_follows_the_terminal),
		cmocka_unit_test(carrier_follows_the_connection),
		cmocka_unit_test(what_is_sent_without_terminal_waits_for_one),
		cmocka_unit_test(what_is_sent_without_connection_waits_for_one),
		cmocka_unit_test(what_a_terminal_leaves_unread_the_next_one_gets),
		cmocka_unit_test(what_a_terminal_sent_before_it_closed_arrives),
		cmocka_unit_test(what_a_client_sent_before_it_went_arrives),
		cmocka_unit_test(a_second_client_waits_for_its_turn),
		cmocka_unit_test(a_client_may_end_its_half_and_go_on_reading),
		cmocka_unit_test(a_socket_that_was_left_behind_is_replaced),
		cmocka_unit_test(a_socket_in_use_is_left_alone),
		cmocka_unit_test(a_path_that_is_too_long_is_refused),
		cmocka_unit_test(an_unknown_backend_changes_nothing),
		cmocka_unit_test(a_change_keeps_what_the_uart_has),
		cmocka_unit_test(what_it_is_connected_to_already_stays),
		cmocka_unit_test(changes_and_traffic_get_along),
		cmocka_unit_test(the_plug_returns_all_at_the_guests_pace),
		cmocka_unit_test(the_plug_connects_the_modem_lines),
		cmocka_unit_test(the_plug_returns_a_break),
	};

	return cmocka_run_group_tests_name("mtty_port", tests, start, stop);
}
