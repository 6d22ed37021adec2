/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The 16550A of the driver mtty: one test per promise of the chip. */
#include "cmocka_umdev.h"

#include "../../drivers/mtty/uart.h"

#define IIR_ID	 0x0f
#define IIR_FIFO 0xc0

static int new_uart(void **state)
{
	static struct uart uart;

	memset(&uart, 0xa5, sizeof(uart));
	uart.lines = 0;
	uart_reset(&uart);
	*state = &uart;
	return 0;
}

static int new_fifo_uart(void **state)
{
	new_uart(state);
	uart_write(*state, UART_FCR, UART_FCR_ENABLE_FIFO);
	return 0;
}

static uint8_t iir(struct uart *uart)
{
	return uart_read(uart, UART_IIR) & IIR_ID;
}

static void receive_many(struct uart *uart, unsigned int count)
{
	while (count--)
		uart_receive(uart, 'x');
}

/* Take all that has to be transmitted off the UART. */
static unsigned int transmit_all(struct uart *uart)
{
	uint8_t buf[UART_FIFO_SIZE];
	unsigned int count = uart_tx_peek(uart, buf);

	uart_tx_done(uart, count);
	return count;
}

/* ---- after power on ---- */

static void registers_are_as_after_power_on(void **state)
{
	struct uart *uart = *state;

	assert_int_equal(uart_read(uart, UART_IER), 0);
	assert_int_equal(uart_read(uart, UART_IIR), UART_IIR_NO_INT);
	assert_int_equal(uart_read(uart, UART_LCR), 0);
	assert_int_equal(uart_read(uart, UART_MCR), 0);
	assert_int_equal(uart_read(uart, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	assert_int_equal(uart_read(uart, UART_MSR), 0);
	assert_false(uart_irq(uart));
}

static void a_reset_keeps_the_state_of_the_lines(void **state)
{
	struct uart *uart = *state;

	uart_set_lines(uart, UART_MSR_DCD);
	uart_reset(uart);
	assert_int_equal(uart_read(uart, UART_MSR), UART_MSR_DCD);
}

/* ---- registers that only keep what is written ---- */

static void scratch_keeps_any_value(void **state)
{
	struct uart *uart = *state;

	for (unsigned int i = 0; i < 256; i++) {
		uart_write(uart, UART_SCR, i);
		assert_int_equal(uart_read(uart, UART_SCR), i);
	}
}

static void ier_has_four_bits(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_IER, 0xff);
	assert_int_equal(uart_read(uart, UART_IER), 0x0f);
}

static void mcr_has_six_bits(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_MCR, 0xff);
	assert_int_equal(uart_read(uart, UART_MCR), 0x3f);
}

static void dlab_leads_to_the_divisor_and_back(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_IER, UART_IER_RDI);
	uart_write(uart, UART_LCR, UART_LCR_DLAB | UART_LCR_WLEN8);
	uart_write(uart, UART_DLL, 0x34);
	uart_write(uart, UART_DLM, 0x12);
	assert_int_equal(uart_read(uart, UART_DLL), 0x34);
	assert_int_equal(uart_read(uart, UART_DLM), 0x12);
	uart_write(uart, UART_LCR, UART_LCR_WLEN8);
	assert_int_equal(uart_read(uart, UART_IER), UART_IER_RDI);
	assert_int_equal(transmit_all(uart), 0);
	uart_write(uart, UART_LCR, UART_LCR_DLAB);
	assert_int_equal(uart_read(uart, UART_DLL), 0x34);
}

static void status_registers_can_not_be_written(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_LSR, 0xff);
	uart_write(uart, UART_MSR, 0xff);
	assert_int_equal(uart_read(uart, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	assert_int_equal(uart_read(uart, UART_MSR), 0);
}

/* ---- the receiver ---- */

static void received_characters_come_in_order(void **state)
{
	struct uart *uart = *state;

	for (unsigned int round = 0; round < 5; round++) {
		for (unsigned int i = 0; i < 11; i++)
			uart_receive(uart, round * 16 + i);
		for (unsigned int i = 0; i < 11; i++) {
			assert_true(uart_read(uart, UART_LSR) & UART_LSR_DR);
			assert_int_equal(uart_read(uart, UART_RX), round * 16 + i);
		}
		assert_false(uart_read(uart, UART_LSR) & UART_LSR_DR);
	}
}

static void reading_an_empty_receiver_is_harmless(void **state)
{
	struct uart *uart = *state;

	assert_int_equal(uart_read(uart, UART_RX), 0);
	uart_receive(uart, 'a');
	assert_int_equal(uart_read(uart, UART_RX), 'a');
}

static void room_counts_down_to_none(void **state)
{
	struct uart *uart = *state;

	for (unsigned int room = UART_FIFO_SIZE; room; room--) {
		assert_int_equal(uart_rx_room(uart), room);
		uart_receive(uart, 'x');
	}
	assert_int_equal(uart_rx_room(uart), 0);
}

static void an_overrun_of_the_fifo_loses_the_newest(void **state)
{
	struct uart *uart = *state;

	for (unsigned int i = 0; i <= UART_FIFO_SIZE; i++)
		uart_receive(uart, i);
	assert_true(uart_read(uart, UART_LSR) & UART_LSR_OE);
	for (unsigned int i = 0; i < UART_FIFO_SIZE; i++)
		assert_int_equal(uart_read(uart, UART_RX), i);
	assert_false(uart_read(uart, UART_LSR) & UART_LSR_DR);
}

static void an_overrun_without_fifo_loses_the_older(void **state)
{
	struct uart *uart = *state;

	uart_receive(uart, 'a');
	uart_receive(uart, 'b');
	assert_true(uart_read(uart, UART_LSR) & UART_LSR_OE);
	assert_int_equal(uart_read(uart, UART_RX), 'b');
	assert_false(uart_read(uart, UART_LSR) & UART_LSR_DR);
}

static void reading_lsr_clears_the_overrun(void **state)
{
	struct uart *uart = *state;

	receive_many(uart, UART_FIFO_SIZE + 1);
	uart_read(uart, UART_LSR);
	assert_false(uart_read(uart, UART_LSR) & UART_LSR_OE);
}

static void a_break_is_a_zero_that_is_marked(void **state)
{
	struct uart *uart = *state;

	uart_receive(uart, 'a');
	uart_receive_break(uart);
	/* It is somewhere in the FIFO, but not its turn yet. */
	assert_int_equal(uart_read(uart, UART_LSR) & (UART_LSR_BI | UART_LSR_FIFOE),
			 UART_LSR_FIFOE);
	uart_read(uart, UART_RX);
	assert_int_equal(uart_read(uart, UART_LSR) & (UART_LSR_BI | UART_LSR_FIFOE),
			 UART_LSR_BI | UART_LSR_FIFOE);
	assert_int_equal(uart_read(uart, UART_LSR) & (UART_LSR_BI | UART_LSR_FIFOE), 0);
	assert_int_equal(uart_read(uart, UART_RX), 0);
}

static void the_fifo_error_bit_needs_fifos(void **state)
{
	struct uart *uart = *state;

	uart_receive_break(uart);
	assert_int_equal(uart_read(uart, UART_LSR) & (UART_LSR_BI | UART_LSR_FIFOE), UART_LSR_BI);
}

/* ---- the transmitter ---- */

static void thre_and_temt_stay_clear_until_all_is_taken(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_TX, 'a');
	uart_write(uart, UART_TX, 'b');
	assert_false(uart_read(uart, UART_LSR) & (UART_LSR_THRE | UART_LSR_TEMT));
	uart_tx_done(uart, 1);
	assert_false(uart_read(uart, UART_LSR) & (UART_LSR_THRE | UART_LSR_TEMT));
	uart_tx_done(uart, 1);
	assert_int_equal(uart_read(uart, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
}

static void characters_are_transmitted_in_order(void **state)
{
	struct uart *uart = *state;
	uint8_t buf[UART_FIFO_SIZE];

	for (unsigned int i = 0; i < 40; i++) {
		uart_write(uart, UART_TX, i);
		uart_write(uart, UART_TX, i + 100);
		assert_int_equal(uart_tx_peek(uart, buf), 2);
		assert_int_equal(buf[0], i);
		assert_int_equal(buf[1], i + 100);
		uart_tx_done(uart, 2);
	}
}

static void the_transmitter_holds_sixteen(void **state)
{
	struct uart *uart = *state;
	uint8_t buf[UART_FIFO_SIZE];

	for (unsigned int i = 0; i < UART_FIFO_SIZE + 1; i++)
		uart_write(uart, UART_TX, i);
	assert_int_equal(uart_tx_peek(uart, buf), UART_FIFO_SIZE);
	assert_int_equal(buf[UART_FIFO_SIZE - 1], UART_FIFO_SIZE - 1);
}

static void without_fifo_the_transmitter_holds_one(void **state)
{
	struct uart *uart = *state;
	uint8_t buf[UART_FIFO_SIZE];

	uart_write(uart, UART_TX, 'a');
	uart_write(uart, UART_TX, 'b');
	assert_int_equal(uart_tx_peek(uart, buf), 1);
	assert_int_equal(buf[0], 'b');
}

static void a_break_is_taken_once(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_LCR, UART_LCR_SBC);
	uart_write(uart, UART_LCR, UART_LCR_SBC);
	assert_true(uart_take_break(uart));
	assert_false(uart_take_break(uart));
	uart_write(uart, UART_LCR, 0);
	assert_false(uart_take_break(uart));
}

/* ---- the FIFO control register ---- */

static void iir_says_whether_fifos_are_on(void **state)
{
	struct uart *uart = *state;

	assert_int_equal(uart_read(uart, UART_IIR) & IIR_FIFO, 0);
	uart_write(uart, UART_FCR, UART_FCR_ENABLE_FIFO);
	assert_int_equal(uart_read(uart, UART_IIR) & IIR_FIFO, IIR_FIFO);
	uart_write(uart, UART_FCR, 0);
	assert_int_equal(uart_read(uart, UART_IIR) & IIR_FIFO, 0);
}

static void turning_fifos_on_or_off_empties_them(void **state)
{
	struct uart *uart = *state;

	receive_many(uart, 3);
	uart_write(uart, UART_TX, 'a');
	uart_write(uart, UART_FCR, 0);
	assert_int_equal(uart_read(uart, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	uart_receive(uart, 'b');
	uart_write(uart, UART_FCR, UART_FCR_ENABLE_FIFO);
	assert_false(uart_read(uart, UART_LSR) & UART_LSR_DR);
}

static void each_fifo_can_be_emptied_alone(void **state)
{
	struct uart *uart = *state;

	uart_receive(uart, 'r');
	uart_write(uart, UART_TX, 't');
	uart_write(uart, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	assert_int_equal(uart_read(uart, UART_LSR), 0);
	uart_receive(uart, 'r');
	uart_write(uart, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_XMIT);
	assert_int_equal(uart_read(uart, UART_LSR), UART_LSR_DR | UART_LSR_THRE | UART_LSR_TEMT);
}

static void writing_the_same_fcr_keeps_what_is_in_them(void **state)
{
	struct uart *uart = *state;

	uart_receive(uart, 'r');
	uart_write(uart, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_14);
	assert_int_equal(uart_read(uart, UART_RX), 'r');
}

static void without_the_enable_bit_fcr_does_nothing(void **state)
{
	struct uart *uart = *state;

	uart_receive(uart, 'r');
	uart_write(uart, UART_FCR, UART_FCR_CLEAR_RCVR | UART_FCR_TRIGGER_14);
	assert_int_equal(uart_read(uart, UART_RX), 'r');
}

static void each_trigger_level_is_the_one_of_the_data_sheet(void **state)
{
	static const struct {
		uint8_t fcr;
		unsigned int level;
	} table[] = {
		{ UART_FCR_TRIGGER_1, 1 },
		{ UART_FCR_TRIGGER_4, 4 },
		{ UART_FCR_TRIGGER_8, 8 },
		{ UART_FCR_TRIGGER_14, 14 },
	};
	struct uart *uart = *state;

	uart_write(uart, UART_IER, UART_IER_RDI);
	for (unsigned int i = 0; i < 4; i++) {
		uart_write(uart, UART_FCR,
			   UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR | table[i].fcr);
		receive_many(uart, table[i].level - 1);
		assert_false(uart_irq(uart));
		uart_receive(uart, 'x');
		assert_int_equal(iir(uart), UART_IIR_RDI);
	}
}

/* ---- interrupts ---- */

static void nothing_interrupts_unless_enabled(void **state)
{
	struct uart *uart = *state;

	receive_many(uart, UART_FIFO_SIZE + 1);
	uart_set_lines(uart, UART_MSR_CTS);
	uart_write(uart, UART_TX, 'a');
	transmit_all(uart);
	assert_false(uart_irq(uart));
	assert_int_equal(iir(uart), UART_IIR_NO_INT);
}

static void the_most_urgent_is_reported_first(void **state)
{
	struct uart *uart = *state;

	receive_many(uart, UART_FIFO_SIZE + 1);
	uart_set_lines(uart, UART_MSR_CTS);
	uart_write(uart, UART_IER, 0x0f);

	assert_int_equal(iir(uart), UART_IIR_RLSI);
	uart_read(uart, UART_LSR);
	assert_int_equal(iir(uart), UART_IIR_RDI);
	for (unsigned int i = 0; i < UART_FIFO_SIZE; i++)
		uart_read(uart, UART_RX);
	assert_int_equal(iir(uart), UART_IIR_THRI);
	assert_int_equal(iir(uart), UART_IIR_MSI);
	uart_read(uart, UART_MSR);
	assert_int_equal(iir(uart), UART_IIR_NO_INT);
	assert_false(uart_irq(uart));
}

static void reading_iir_keeps_thre_pending_behind_others(void **state)
{
	struct uart *uart = *state;

	uart_receive(uart, 'a');
	uart_write(uart, UART_IER, UART_IER_RDI | UART_IER_THRI);
	assert_int_equal(iir(uart), UART_IIR_RDI);
	assert_int_equal(iir(uart), UART_IIR_RDI);
	uart_read(uart, UART_RX);
	assert_int_equal(iir(uart), UART_IIR_THRI);
}

static void enabling_thre_while_empty_interrupts_each_time(void **state)
{
	struct uart *uart = *state;

	for (unsigned int i = 0; i < 3; i++) {
		uart_write(uart, UART_IER, UART_IER_THRI);
		assert_int_equal(iir(uart), UART_IIR_THRI);
		assert_int_equal(iir(uart), UART_IIR_NO_INT);
		uart_write(uart, UART_IER, 0);
	}
}

static void enabling_thre_while_busy_waits_for_empty(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_TX, 'a');
	uart_write(uart, UART_IER, UART_IER_THRI);
	assert_false(uart_irq(uart));
	transmit_all(uart);
	assert_int_equal(iir(uart), UART_IIR_THRI);
}

static void writing_thr_takes_the_thre_interrupt_back(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_IER, UART_IER_THRI);
	uart_write(uart, UART_TX, 'a');
	assert_false(uart_irq(uart));
}

static void emptying_the_transmitter_by_fcr_interrupts(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_TX, 'a');
	uart_write(uart, UART_IER, UART_IER_THRI);
	uart_write(uart, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_XMIT);
	assert_int_equal(iir(uart), UART_IIR_THRI);
}

static void few_characters_interrupt_when_the_line_is_idle(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_14);
	uart_write(uart, UART_IER, UART_IER_RDI);
	receive_many(uart, 2);
	assert_false(uart_irq(uart));
	uart_rx_idle(uart);
	assert_int_equal(iir(uart), UART_IIR_RX_TIMEOUT);
	uart_read(uart, UART_RX);
	uart_read(uart, UART_RX);
	assert_false(uart_irq(uart));
}

static void a_new_character_ends_the_timeout(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_14);
	uart_write(uart, UART_IER, UART_IER_RDI);
	uart_receive(uart, 'a');
	uart_rx_idle(uart);
	uart_receive(uart, 'b');
	assert_false(uart_irq(uart));
}

static void an_empty_receiver_has_no_timeout(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_IER, UART_IER_RDI);
	uart_rx_idle(uart);
	assert_false(uart_irq(uart));
}

static void a_break_interrupts_when_it_is_its_turn(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_IER, UART_IER_RLSI);
	uart_receive(uart, 'a');
	uart_receive_break(uart);
	assert_false(uart_irq(uart));
	uart_read(uart, UART_RX);
	assert_int_equal(iir(uart), UART_IIR_RLSI);
}

static void each_new_cause_is_one_edge(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_IER, UART_IER_RDI);
	assert_false(uart_take_edge(uart));
	uart_receive(uart, 'a');
	assert_true(uart_take_edge(uart));
	uart_receive(uart, 'b');
	assert_false(uart_take_edge(uart));
	uart_read(uart, UART_RX);
	uart_read(uart, UART_RX);
	assert_false(uart_take_edge(uart));
	uart_receive(uart, 'c');
	assert_true(uart_take_edge(uart));
}

static void a_write_that_goes_out_at_once_is_an_edge(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_IER, UART_IER_THRI);
	assert_true(uart_take_edge(uart));
	uart_write(uart, UART_TX, 'a');
	transmit_all(uart);
	assert_true(uart_take_edge(uart));
}

static void a_cause_that_is_left_over_is_an_edge_again(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_IER, UART_IER_RDI | UART_IER_MSI);
	uart_receive(uart, 'a');
	uart_set_lines(uart, UART_MSR_CTS);
	assert_true(uart_take_edge(uart));
	uart_read(uart, UART_RX);
	assert_true(uart_take_edge(uart));
	uart_read(uart, UART_MSR);
	assert_false(uart_take_edge(uart));
}

/* ---- the modem lines ---- */

static void msr_shows_lines_and_each_change_once(void **state)
{
	struct uart *uart = *state;

	uart_set_lines(uart, UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD);
	assert_int_equal(uart_read(uart, UART_MSR), UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD |
							    UART_MSR_DCTS | UART_MSR_DDSR |
							    UART_MSR_DDCD);
	assert_int_equal(uart_read(uart, UART_MSR), UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD);
	uart_set_lines(uart, UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD);
	assert_int_equal(uart_read(uart, UART_MSR) & UART_MSR_ANY_DELTA, 0);
	uart_set_lines(uart, 0);
	assert_int_equal(uart_read(uart, UART_MSR), UART_MSR_DCTS | UART_MSR_DDSR | UART_MSR_DDCD);
}

static void of_a_ring_only_the_end_is_a_change(void **state)
{
	struct uart *uart = *state;

	uart_set_lines(uart, UART_MSR_RI);
	assert_int_equal(uart_read(uart, UART_MSR), UART_MSR_RI);
	uart_set_lines(uart, 0);
	assert_int_equal(uart_read(uart, UART_MSR), UART_MSR_TERI);
}

static void rts_and_dtr_are_the_guests(void **state)
{
	struct uart *uart = *state;

	assert_false(uart_rts(uart) || uart_dtr(uart));
	uart_write(uart, UART_MCR, UART_MCR_RTS);
	assert_true(uart_rts(uart) && !uart_dtr(uart));
	uart_write(uart, UART_MCR, UART_MCR_DTR);
	assert_true(!uart_rts(uart) && uart_dtr(uart));
}

static void auto_rts_falls_at_the_trigger_level(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_4);
	uart_write(uart, UART_MCR, UART_MCR_RTS | UART_MCR_AFE);
	receive_many(uart, 3);
	assert_true(uart_rts(uart));
	uart_receive(uart, 'x');
	assert_false(uart_rts(uart));
	uart_read(uart, UART_RX);
	assert_true(uart_rts(uart));
}

static void auto_cts_holds_the_transmitter(void **state)
{
	struct uart *uart = *state;
	uint8_t buf[UART_FIFO_SIZE];

	uart_write(uart, UART_MCR, UART_MCR_AFE);
	uart_write(uart, UART_TX, 'a');
	assert_int_equal(uart_tx_peek(uart, buf), 0);
	assert_int_equal(uart_read(uart, UART_LSR), 0);
	uart_set_lines(uart, UART_MSR_CTS);
	assert_int_equal(uart_tx_peek(uart, buf), 1);
}

/* ---- loopback mode ---- */

static void loopback_returns_what_is_sent(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_MCR, UART_MCR_LOOP);
	uart_write(uart, UART_TX, 'a');
	assert_int_equal(uart_read(uart, UART_LSR), UART_LSR_DR | UART_LSR_THRE | UART_LSR_TEMT);
	assert_int_equal(uart_read(uart, UART_RX), 'a');
	assert_int_equal(transmit_all(uart), 0);
}

static void loopback_cuts_the_line_off(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_MCR, UART_MCR_LOOP | UART_MCR_RTS | UART_MCR_DTR);
	assert_false(uart_rts(uart) || uart_dtr(uart));
	assert_int_equal(uart_rx_room(uart), 0);
	uart_receive(uart, 'x');
	uart_receive_break(uart);
	assert_false(uart_read(uart, UART_LSR) & UART_LSR_DR);
	uart_write(uart, UART_LCR, UART_LCR_SBC);
	assert_false(uart_take_break(uart));
}

static void loopback_overruns_after_sixteen(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_MCR, UART_MCR_LOOP);
	for (unsigned int i = 0; i < UART_FIFO_SIZE; i++)
		uart_write(uart, UART_TX, i);
	assert_false(uart_read(uart, UART_LSR) & UART_LSR_OE);
	uart_write(uart, UART_TX, 'x');
	assert_true(uart_read(uart, UART_LSR) & UART_LSR_OE);
}

static void loopback_connects_outputs_to_inputs(void **state)
{
	static const struct {
		uint8_t out, in;
	} table[] = {
		{ UART_MCR_RTS, UART_MSR_CTS },
		{ UART_MCR_DTR, UART_MSR_DSR },
		{ UART_MCR_OUT1, UART_MSR_RI },
		{ UART_MCR_OUT2, UART_MSR_DCD },
	};
	struct uart *uart = *state;

	for (unsigned int i = 0; i < 4; i++) {
		uart_write(uart, UART_MCR, UART_MCR_LOOP | table[i].out);
		assert_int_equal(uart_read(uart, UART_MSR) & 0xf0, table[i].in);
	}
}

static void loopback_interrupts_as_the_line_does(void **state)
{
	struct uart *uart = *state;

	uart_write(uart, UART_MCR, UART_MCR_LOOP);
	uart_write(uart, UART_IER, UART_IER_RDI);
	uart_write(uart, UART_TX, 'a');
	assert_int_equal(iir(uart), UART_IIR_RDI);
	uart_read(uart, UART_RX);
	uart_write(uart, UART_IER, UART_IER_MSI);
	uart_write(uart, UART_MCR, UART_MCR_LOOP | UART_MCR_RTS);
	assert_int_equal(iir(uart), UART_IIR_MSI);
}

#define PLAIN(f) cmocka_unit_test_setup(f, new_uart)
#define FIFO(f)	 cmocka_unit_test_setup(f, new_fifo_uart)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(registers_are_as_after_power_on),
		PLAIN(a_reset_keeps_the_state_of_the_lines),
		PLAIN(scratch_keeps_any_value),
		PLAIN(ier_has_four_bits),
		PLAIN(mcr_has_six_bits),
		PLAIN(dlab_leads_to_the_divisor_and_back),
		PLAIN(status_registers_can_not_be_written),
		FIFO(received_characters_come_in_order),
		FIFO(reading_an_empty_receiver_is_harmless),
		FIFO(room_counts_down_to_none),
		FIFO(an_overrun_of_the_fifo_loses_the_newest),
		PLAIN(an_overrun_without_fifo_loses_the_older),
		FIFO(reading_lsr_clears_the_overrun),
		FIFO(a_break_is_a_zero_that_is_marked),
		PLAIN(the_fifo_error_bit_needs_fifos),
		FIFO(thre_and_temt_stay_clear_until_all_is_taken),
		FIFO(characters_are_transmitted_in_order),
		FIFO(the_transmitter_holds_sixteen),
		PLAIN(without_fifo_the_transmitter_holds_one),
		PLAIN(a_break_is_taken_once),
		PLAIN(iir_says_whether_fifos_are_on),
		FIFO(turning_fifos_on_or_off_empties_them),
		FIFO(each_fifo_can_be_emptied_alone),
		FIFO(writing_the_same_fcr_keeps_what_is_in_them),
		PLAIN(without_the_enable_bit_fcr_does_nothing),
		FIFO(each_trigger_level_is_the_one_of_the_data_sheet),
		FIFO(nothing_interrupts_unless_enabled),
		FIFO(the_most_urgent_is_reported_first),
		FIFO(reading_iir_keeps_thre_pending_behind_others),
		FIFO(enabling_thre_while_empty_interrupts_each_time),
		FIFO(enabling_thre_while_busy_waits_for_empty),
		FIFO(writing_thr_takes_the_thre_interrupt_back),
		FIFO(emptying_the_transmitter_by_fcr_interrupts),
		FIFO(few_characters_interrupt_when_the_line_is_idle),
		FIFO(a_new_character_ends_the_timeout),
		FIFO(an_empty_receiver_has_no_timeout),
		FIFO(a_break_interrupts_when_it_is_its_turn),
		FIFO(each_new_cause_is_one_edge),
		FIFO(a_write_that_goes_out_at_once_is_an_edge),
		FIFO(a_cause_that_is_left_over_is_an_edge_again),
		PLAIN(msr_shows_lines_and_each_change_once),
		PLAIN(of_a_ring_only_the_end_is_a_change),
		PLAIN(rts_and_dtr_are_the_guests),
		FIFO(auto_rts_falls_at_the_trigger_level),
		FIFO(auto_cts_holds_the_transmitter),
		FIFO(loopback_returns_what_is_sent),
		FIFO(loopback_cuts_the_line_off),
		FIFO(loopback_overruns_after_sixteen),
		FIFO(loopback_connects_outputs_to_inputs),
		PLAIN(loopback_interrupts_as_the_line_does),
	};

	return cmocka_run_group_tests_name("mtty_uart", tests, NULL, NULL);
}
