/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The PL011 as its manual (ARM DDI 0183) describes it: one test per promise of the chip. */
#include "cmocka_umdev.h"

#include "../../drivers/platform/pl011.h"

#define ON	 (PL011_CR_UARTEN | PL011_CR_TXE | PL011_CR_RXE)
#define FIFOS_ON (PL011_LCR_H_FEN | PL011_LCR_H_WLEN_8)
#define ERRORS	 (PL011_INT_OE | PL011_INT_BE | PL011_INT_PE | PL011_INT_FE)

static int new_uart(void **state)
{
	static struct pl011 uart;

	memset(&uart, 0xa5, sizeof(uart));
	uart.lines = 0;
	pl011_reset(&uart, false);
	*state = &uart;
	return 0;
}

static int new_char_uart(void **state)
{
	new_uart(state);
	pl011_write(*state, PL011_CR, ON);
	return 0;
}

static int new_fifo_uart(void **state)
{
	new_char_uart(state);
	pl011_write(*state, PL011_LCR_H, FIFOS_ON);
	return 0;
}

static int new_generic_uart(void **state)
{
	new_uart(state);
	pl011_reset(*state, true);
	return 0;
}

static uint16_t flags(struct pl011 *uart)
{
	return pl011_read(uart, PL011_FR);
}

static uint16_t ris(struct pl011 *uart)
{
	return pl011_read(uart, PL011_RIS);
}

static void receive_many(struct pl011 *uart, unsigned int count)
{
	while (count--)
		pl011_receive(uart, 'x');
}

static void send_many(struct pl011 *uart, unsigned int count)
{
	while (count--)
		pl011_write(uart, PL011_DR, 'x');
}

/* Take at most @max characters off the transmitter. */
static unsigned int transmit(struct pl011 *uart, unsigned int max)
{
	uint8_t buf[PL011_FIFO_SIZE];
	unsigned int count = pl011_tx_peek(uart, buf, max < sizeof(buf) ? max : sizeof(buf));

	pl011_tx_done(uart, count);
	return count;
}

/* ---- after power on ---- */

static void registers_are_as_after_power_on(void **state)
{
	static const struct {
		unsigned int offset;
		uint16_t value;
	} reset[] = {
		{ PL011_RSR_ECR, 0 }, { PL011_FR, PL011_FR_TXFE | PL011_FR_RXFE },
		{ PL011_ILPR, 0 },    { PL011_IBRD, 0 },
		{ PL011_FBRD, 0 },    { PL011_LCR_H, 0 },
		{ PL011_CR, 0x300 },  { PL011_IFLS, 0x12 },
		{ PL011_IMSC, 0 },    { PL011_RIS, 0 },
		{ PL011_MIS, 0 },     { PL011_ICR, 0 },
		{ PL011_DMACR, 0 },   { PL011_DR, 0 },
	};

	for (size_t i = 0; i < sizeof(reset) / sizeof(reset[0]); i++)
		assert_int_equal(pl011_read(*state, reset[i].offset), reset[i].value);
}

static void the_ids_are_those_of_r1p5(void **state)
{
	static const uint8_t ids[] = { 0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

	for (unsigned int i = 0; i < sizeof(ids); i++) {
		pl011_write(*state, PL011_ID + 4 * i, 0xff);
		assert_int_equal(pl011_read(*state, PL011_ID + 4 * i), ids[i]);
	}
}

static void a_reset_keeps_the_state_of_the_lines(void **state)
{
	pl011_set_lines(*state, PL011_FR_DCD | PL011_FR_CTS);
	pl011_reset(*state, false);
	assert_int_equal(flags(*state) & 0x107, PL011_FR_DCD | PL011_FR_CTS);
	assert_int_equal(ris(*state), 0);
}

/* ---- registers that keep what is written ---- */

static void each_register_has_the_bits_of_the_manual(void **state)
{
	static const struct {
		unsigned int offset;
		uint16_t bits;
	} regs[] = {
		{ PL011_ILPR, 0xff },  { PL011_IBRD, 0xffff }, { PL011_FBRD, 0x3f },
		{ PL011_LCR_H, 0xff }, { PL011_CR, 0xff87 },   { PL011_IFLS, 0x3f },
		{ PL011_IMSC, 0x7ff }, { PL011_DMACR, 0x7 },
	};

	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		pl011_write(*state, regs[i].offset, 0xffffffff);
		assert_int_equal(pl011_read(*state, regs[i].offset), regs[i].bits);
		pl011_write(*state, regs[i].offset, 0);
		assert_int_equal(pl011_read(*state, regs[i].offset), 0);
	}
}

static void what_is_read_only_stays(void **state)
{
	static const unsigned int offsets[] = { PL011_FR, PL011_RIS, PL011_MIS };

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		uint16_t before = pl011_read(*state, offsets[i]);

		pl011_write(*state, offsets[i], ~before);
		assert_int_equal(pl011_read(*state, offsets[i]), before);
	}
}

static void nothing_is_between_the_registers(void **state)
{
	for (unsigned int offset = PL011_DMACR + 4; offset < PL011_ID; offset += 4) {
		pl011_write(*state, offset, 0xffff);
		assert_int_equal(pl011_read(*state, offset), 0);
	}
}

/* ---- the receiver ---- */

static void received_characters_come_in_order(void **state)
{
	for (unsigned int round = 0; round < 9; round++) {
		for (unsigned int i = 0; i < 23; i++)
			pl011_receive(*state, round * 23 + i);
		for (unsigned int i = 0; i < 23; i++) {
			assert_false(flags(*state) & PL011_FR_RXFE);
			assert_int_equal(pl011_read(*state, PL011_DR), round * 23 + i);
		}
		assert_true(flags(*state) & PL011_FR_RXFE);
	}
}

static void the_receive_fifo_has_32_places(void **state)
{
	receive_many(*state, 31);
	assert_int_equal(pl011_rx_room(*state), 1);
	assert_false(flags(*state) & PL011_FR_RXFF);
	receive_many(*state, 1);
	assert_int_equal(pl011_rx_room(*state), 0);
	assert_true(flags(*state) & PL011_FR_RXFF);
}

static void without_fifos_there_is_one_place(void **state)
{
	assert_int_equal(pl011_rx_room(*state), 1);
	receive_many(*state, 1);
	assert_true(flags(*state) & PL011_FR_RXFF);
	assert_int_equal(pl011_rx_room(*state), 0);
}

static void a_disabled_receiver_hears_nothing(void **state)
{
	static const uint16_t off[] = { 0, PL011_CR_UARTEN | PL011_CR_TXE, PL011_CR_RXE };

	for (size_t i = 0; i < 3; i++) {
		pl011_write(*state, PL011_CR, off[i]);
		assert_int_equal(pl011_rx_room(*state), 0);
		receive_many(*state, 40);
		assert_true(flags(*state) & PL011_FR_RXFE);
		assert_int_equal(ris(*state), 0);
	}
}

static void an_overrun_loses_the_new_character(void **state)
{
	for (unsigned int i = 0; i < 33; i++)
		pl011_receive(*state, i);
	assert_true(ris(*state) & PL011_INT_OE);
	assert_int_equal(pl011_read(*state, PL011_RSR_ECR), PL011_RSR_OE);
	for (unsigned int i = 0; i < 32; i++)
		assert_int_equal(pl011_read(*state, PL011_DR), i);
	assert_true(flags(*state) & PL011_FR_RXFE);
}

static void an_overrun_is_told_with_the_next_character_that_finds_room(void **state)
{
	receive_many(*state, 33);
	assert_int_equal(pl011_read(*state, PL011_DR), 'x');
	pl011_receive(*state, 'y');
	pl011_receive(*state, 'z');
	for (unsigned int i = 0; i < 31; i++)
		assert_int_equal(pl011_read(*state, PL011_DR), 'x');
	assert_int_equal(pl011_read(*state, PL011_DR), 'y' | PL011_DR_OE);
}

static void each_error_comes_with_its_character(void **state)
{
	static const struct {
		uint16_t bit;
		uint16_t interrupt;
	} errors[] = { { PL011_DR_FE, PL011_INT_FE },
		       { PL011_DR_PE, PL011_INT_PE },
		       { PL011_DR_BE, PL011_INT_BE } };

	for (size_t i = 0; i < 3; i++) {
		pl011_write(*state, PL011_ICR, PL011_INT_ALL);
		pl011_receive(*state, 'a');
		pl011_receive_errors(*state, 0, errors[i].bit);
		pl011_receive(*state, 'b');
		assert_int_equal(ris(*state) & ERRORS, errors[i].interrupt);

		assert_int_equal(pl011_read(*state, PL011_DR), 'a');
		assert_int_equal(pl011_read(*state, PL011_RSR_ECR), 0);
		assert_int_equal(pl011_read(*state, PL011_DR), errors[i].bit);
		assert_int_equal(pl011_read(*state, PL011_RSR_ECR), errors[i].bit >> 8);
		assert_int_equal(pl011_read(*state, PL011_DR), 'b');
		assert_int_equal(pl011_read(*state, PL011_RSR_ECR), 0);
	}
}

static void any_write_to_ecr_clears_the_status(void **state)
{
	receive_many(*state, 33);
	pl011_write(*state, PL011_RSR_ECR, 0);
	assert_int_equal(pl011_read(*state, PL011_RSR_ECR), 0);
}

static void reading_an_empty_receiver_is_harmless(void **state)
{
	assert_int_equal(pl011_read(*state, PL011_DR), 0);
	pl011_receive(*state, 'a');
	assert_int_equal(pl011_read(*state, PL011_DR), 'a');
	assert_int_equal(pl011_read(*state, PL011_DR), 0);
}

/* ---- receive interrupts ---- */

static void the_receive_interrupt_comes_at_each_trigger_level(void **state)
{
	static const unsigned int levels[] = { 4, 8, 16, 24, 28 };

	for (unsigned int i = 0; i < 5; i++) {
		new_fifo_uart(state);
		pl011_write(*state, PL011_IFLS, PL011_IFLS_RX(i));
		receive_many(*state, levels[i] - 1);
		assert_false(ris(*state) & PL011_INT_RX);
		receive_many(*state, 1);
		assert_true(ris(*state) & PL011_INT_RX);
		/* Below the level it is over. */
		pl011_read(*state, PL011_DR);
		assert_false(ris(*state) & PL011_INT_RX);
	}
}

static void a_cleared_receive_interrupt_needs_a_new_transition(void **state)
{
	receive_many(*state, 16);
	pl011_write(*state, PL011_ICR, PL011_INT_RX);
	assert_false(ris(*state) & PL011_INT_RX);
	receive_many(*state, 1);
	assert_false(ris(*state) & PL011_INT_RX);
	for (unsigned int i = 0; i < 2; i++)
		pl011_read(*state, PL011_DR);
	receive_many(*state, 1);
	assert_true(ris(*state) & PL011_INT_RX);
}

static void without_fifos_each_character_is_an_interrupt(void **state)
{
	for (unsigned int i = 0; i < 3; i++) {
		receive_many(*state, 1);
		assert_true(ris(*state) & PL011_INT_RX);
		pl011_read(*state, PL011_DR);
		assert_false(ris(*state) & PL011_INT_RX);
	}
}

static void a_silence_with_characters_waiting_is_a_timeout(void **state)
{
	pl011_rx_idle(*state);
	assert_false(ris(*state) & PL011_INT_RT);
	receive_many(*state, 2);
	assert_false(ris(*state) & PL011_INT_RT);
	pl011_rx_idle(*state);
	assert_true(ris(*state) & PL011_INT_RT);
	pl011_read(*state, PL011_DR);
	assert_true(ris(*state) & PL011_INT_RT);
	pl011_read(*state, PL011_DR);
	assert_false(ris(*state) & PL011_INT_RT);
}

static void a_timeout_can_be_cleared(void **state)
{
	receive_many(*state, 2);
	pl011_rx_idle(*state);
	pl011_write(*state, PL011_ICR, PL011_INT_RT);
	assert_false(ris(*state) & PL011_INT_RT);
}

/* ---- the transmitter ---- */

static void written_characters_are_transmitted_in_order(void **state)
{
	uint8_t buf[PL011_FIFO_SIZE];

	for (unsigned int round = 0; round < 9; round++) {
		for (unsigned int i = 0; i < 23; i++)
			pl011_write(*state, PL011_DR, round * 23 + i);
		assert_int_equal(pl011_tx_peek(*state, buf, sizeof(buf)), 23);
		for (unsigned int i = 0; i < 23; i++)
			assert_int_equal(buf[i], round * 23 + i);
		pl011_tx_done(*state, 23);
	}
}

static void the_flags_follow_the_transmitter(void **state)
{
	assert_int_equal(flags(*state) & 0xa8, PL011_FR_TXFE);
	send_many(*state, 1);
	assert_int_equal(flags(*state) & 0xa8, PL011_FR_BUSY);
	send_many(*state, 31);
	assert_int_equal(flags(*state) & 0xa8, PL011_FR_BUSY | PL011_FR_TXFF);
	assert_int_equal(transmit(*state, 1), 1);
	assert_int_equal(flags(*state) & 0xa8, PL011_FR_BUSY);
	assert_int_equal(transmit(*state, 32), 31);
	assert_int_equal(flags(*state) & 0xa8, PL011_FR_TXFE);
}

static void without_fifos_one_character_fills_the_transmitter(void **state)
{
	send_many(*state, 1);
	assert_int_equal(flags(*state) & 0xa8, PL011_FR_BUSY | PL011_FR_TXFF);
}

static void a_full_transmitter_keeps_what_it_has(void **state)
{
	uint8_t buf[PL011_FIFO_SIZE];

	for (unsigned int i = 0; i < 40; i++)
		pl011_write(*state, PL011_DR, i);
	assert_int_equal(pl011_tx_peek(*state, buf, sizeof(buf)), 32);
	for (unsigned int i = 0; i < 32; i++)
		assert_int_equal(buf[i], i);
}

static void a_disabled_transmitter_keeps_what_is_written(void **state)
{
	pl011_write(*state, PL011_CR, PL011_CR_UARTEN | PL011_CR_RXE);
	send_many(*state, 3);
	assert_int_equal(transmit(*state, 32), 0);
	assert_true(flags(*state) & PL011_FR_BUSY);
	pl011_write(*state, PL011_CR, ON);
	assert_int_equal(transmit(*state, 32), 3);
}

static void before_anything_was_sent_there_is_no_transmit_interrupt(void **state)
{
	pl011_write(*state, PL011_IMSC, PL011_INT_TX);
	assert_false(ris(*state) & PL011_INT_TX);
	send_many(*state, 1);
	assert_false(ris(*state) & PL011_INT_TX);
}

static void the_transmit_interrupt_comes_at_each_trigger_level(void **state)
{
	static const unsigned int levels[] = { 4, 8, 16, 24, 28 };

	for (unsigned int i = 0; i < 5; i++) {
		new_fifo_uart(state);
		pl011_write(*state, PL011_IFLS, PL011_IFLS_TX(i));
		send_many(*state, 32);
		transmit(*state, 32 - levels[i] - 1);
		assert_false(ris(*state) & PL011_INT_TX);
		transmit(*state, 1);
		assert_true(ris(*state) & PL011_INT_TX);
		send_many(*state, 1);
		assert_false(ris(*state) & PL011_INT_TX);
	}
}

static void without_fifos_each_transmitted_character_is_an_interrupt(void **state)
{
	for (unsigned int i = 0; i < 3; i++) {
		send_many(*state, 1);
		assert_false(ris(*state) & PL011_INT_TX);
		transmit(*state, 1);
		assert_true(ris(*state) & PL011_INT_TX);
	}
}

static void who_writes_slower_than_the_line_is_told_as_well(void **state)
{
	pl011_write(*state, PL011_ICR, PL011_INT_TX);
	for (unsigned int i = 0; i < 20; i++) {
		send_many(*state, 1);
		transmit(*state, 1);
	}
	assert_true(ris(*state) & PL011_INT_TX);
}

/* ---- masks ---- */

static void each_interrupt_is_masked_by_its_own_bit(void **state)
{
	struct pl011 *uart = *state;

	uart->ris = PL011_INT_ALL;
	for (unsigned int bit = 1; bit <= PL011_INT_ALL; bit <<= 1) {
		pl011_write(uart, PL011_IMSC, bit);
		assert_int_equal(pl011_read(uart, PL011_MIS), bit);
		assert_int_equal(pl011_mis(uart), bit);
		assert_int_equal(ris(uart), PL011_INT_ALL);
	}
	pl011_write(uart, PL011_IMSC, 0);
	assert_int_equal(pl011_mis(uart), 0);
}

static void each_interrupt_is_cleared_by_its_own_bit(void **state)
{
	struct pl011 *uart = *state;

	uart->ris = PL011_INT_ALL;
	for (unsigned int bit = 1; bit <= PL011_INT_ALL; bit <<= 1) {
		pl011_write(uart, PL011_ICR, bit);
		assert_int_equal(ris(uart), PL011_INT_ALL & ~(2 * bit - 1));
	}
}

/* ---- turning FIFOs off ---- */

static void turning_the_fifos_off_empties_them(void **state)
{
	receive_many(*state, 20);
	send_many(*state, 20);
	pl011_write(*state, PL011_LCR_H, PL011_LCR_H_WLEN_8);
	assert_int_equal(flags(*state), PL011_FR_RXFE | PL011_FR_TXFE);
	assert_int_equal(ris(*state) & (PL011_INT_RX | PL011_INT_RT), 0);
}

static void setting_them_up_again_empties_nothing(void **state)
{
	receive_many(*state, 20);
	pl011_write(*state, PL011_LCR_H, FIFOS_ON);
	pl011_write(*state, PL011_CR, ON);
	assert_int_equal(pl011_rx_room(*state), 12);
}

/* ---- loopback ---- */

static void in_loopback_the_receiver_hears_the_transmitter(void **state)
{
	pl011_write(*state, PL011_CR, ON | PL011_CR_LBE);
	for (unsigned int i = 0; i < 32; i++)
		pl011_write(*state, PL011_DR, i);
	assert_int_equal(transmit(*state, 32), 0);
	assert_true(ris(*state) & PL011_INT_RT);
	assert_true(ris(*state) & PL011_INT_TX);
	for (unsigned int i = 0; i < 32; i++)
		assert_int_equal(pl011_read(*state, PL011_DR), i);
}

static void in_loopback_it_can_overrun_itself(void **state)
{
	pl011_write(*state, PL011_CR, ON | PL011_CR_LBE);
	send_many(*state, 33);
	assert_true(ris(*state) & PL011_INT_OE);
}

static void in_loopback_nobody_else_is_heard(void **state)
{
	pl011_write(*state, PL011_CR, ON | PL011_CR_LBE);
	assert_int_equal(pl011_rx_room(*state), 0);
	receive_many(*state, 1);
	assert_true(flags(*state) & PL011_FR_RXFE);
}

static void in_loopback_the_outputs_are_the_inputs(void **state)
{
	static const struct {
		uint16_t output, input, interrupt;
	} pairs[] = { { PL011_CR_RTS, PL011_FR_CTS, PL011_INT_CTS },
		      { PL011_CR_DTR, PL011_FR_DSR, PL011_INT_DSR },
		      { PL011_CR_OUT1, PL011_FR_DCD, PL011_INT_DCD },
		      { PL011_CR_OUT2, PL011_FR_RI, PL011_INT_RI } };

	pl011_set_lines(*state, PL011_FR_CTS | PL011_FR_DSR | PL011_FR_DCD | PL011_FR_RI);
	pl011_write(*state, PL011_CR, ON | PL011_CR_LBE);
	assert_int_equal(flags(*state) & 0x107, 0);
	for (size_t i = 0; i < 4; i++) {
		pl011_write(*state, PL011_ICR, PL011_INT_ALL);
		pl011_write(*state, PL011_CR, ON | PL011_CR_LBE | pairs[i].output);
		assert_int_equal(flags(*state) & 0x107, pairs[i].input);
		assert_int_equal(ris(*state), pairs[i].interrupt);
		pl011_write(*state, PL011_CR, ON | PL011_CR_LBE);
	}
	assert_int_equal(pl011_outputs(*state), 0);
}

static void in_loopback_a_break_is_heard(void **state)
{
	pl011_write(*state, PL011_CR, ON | PL011_CR_LBE);
	pl011_write(*state, PL011_LCR_H, FIFOS_ON | PL011_LCR_H_BRK);
	assert_false(pl011_take_break(*state));
	assert_int_equal(pl011_read(*state, PL011_DR), PL011_DR_BE);
}

/* ---- break ---- */

static void a_break_is_sent_once_and_holds_the_characters(void **state)
{
	pl011_write(*state, PL011_LCR_H, FIFOS_ON | PL011_LCR_H_BRK);
	send_many(*state, 2);
	assert_true(pl011_take_break(*state));
	assert_false(pl011_take_break(*state));
	assert_int_equal(transmit(*state, 32), 0);
	pl011_write(*state, PL011_LCR_H, FIFOS_ON);
	assert_false(pl011_take_break(*state));
	assert_int_equal(transmit(*state, 32), 2);
}

/* ---- flow control ---- */

static void rts_flow_control_asks_up_to_the_trigger_level(void **state)
{
	pl011_write(*state, PL011_CR, ON | PL011_CR_RTSEN);
	assert_int_equal(pl011_rx_wanted(*state), 16);
	assert_true(pl011_outputs(*state) & PL011_CR_RTS);
	receive_many(*state, 16);
	assert_int_equal(pl011_rx_wanted(*state), 0);
	assert_false(pl011_outputs(*state) & PL011_CR_RTS);
	/* Who is slow to stop finds room all the same. */
	assert_int_equal(pl011_rx_room(*state), 16);
}

static void without_it_rts_is_what_is_written(void **state)
{
	receive_many(*state, 32);
	pl011_write(*state, PL011_CR, ON | PL011_CR_RTS | PL011_CR_DTR);
	assert_int_equal(pl011_outputs(*state), PL011_CR_RTS | PL011_CR_DTR);
	pl011_write(*state, PL011_CR, ON);
	assert_int_equal(pl011_outputs(*state), 0);
}

static void cts_flow_control_holds_the_transmitter(void **state)
{
	pl011_write(*state, PL011_CR, ON | PL011_CR_CTSEN);
	send_many(*state, 2);
	assert_int_equal(transmit(*state, 32), 0);
	pl011_set_lines(*state, PL011_FR_CTS);
	assert_int_equal(transmit(*state, 32), 2);
}

static void each_change_of_a_modem_line_is_an_interrupt(void **state)
{
	static const struct {
		uint16_t line, interrupt;
	} lines[] = { { PL011_FR_CTS, PL011_INT_CTS },
		      { PL011_FR_DSR, PL011_INT_DSR },
		      { PL011_FR_DCD, PL011_INT_DCD },
		      { PL011_FR_RI, PL011_INT_RI } };

	for (size_t i = 0; i < 4; i++) {
		for (unsigned int level = 0; level < 2; level++) {
			pl011_set_lines(*state, level ? 0 : lines[i].line);
			assert_int_equal(ris(*state), lines[i].interrupt);
			pl011_write(*state, PL011_ICR, PL011_INT_ALL);
			pl011_set_lines(*state, level ? 0 : lines[i].line);
			assert_int_equal(ris(*state), 0);
		}
	}
}

/* ---- the generic UART ---- */

static void a_generic_uart_works_from_power_on(void **state)
{
	assert_int_equal(pl011_rx_room(*state), 32);
	receive_many(*state, 16);
	assert_true(ris(*state) & PL011_INT_RX);
	send_many(*state, 5);
	assert_int_equal(transmit(*state, 32), 5);
}

static void a_generic_uart_has_no_other_registers(void **state)
{
	static const unsigned int offsets[] = { PL011_ILPR, PL011_IBRD, PL011_FBRD, PL011_LCR_H,
						PL011_CR,   PL011_IFLS, PL011_DMACR };

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		pl011_write(*state, offsets[i], 0xffff);
		assert_int_equal(pl011_read(*state, offsets[i]), 0);
	}
	a_generic_uart_works_from_power_on(state);
}

/* ---- anything ---- */

/* What a fresh chip answers is the same after it was treated badly and reset. */
static void no_access_breaks_it(void **state)
{
	struct pl011 *uart = *state, fresh = *uart;
	uint8_t buf[PL011_FIFO_SIZE];
	uint32_t x = 1;

	for (unsigned int i = 0; i < 300000; i++) {
		x = x * 1664525 + 1013904223;
		switch (x >> 29) {
		case 0:
			pl011_read(uart, x >> 8 & 0xffc);
			break;
		case 1:
			pl011_receive_errors(uart, x, x >> 8);
			break;
		case 2:
			transmit(uart, x >> 8 & 63);
			break;
		case 3:
			pl011_set_lines(uart, x >> 8);
			break;
		case 4:
			pl011_rx_idle(uart);
			pl011_take_break(uart);
			break;
		case 5:
			pl011_read(uart, x >> 8 & 0x7c);
			break;
		default:
			pl011_write(uart, x >> 8 & 0x7c, x * 2654435761u);
			break;
		}
		assert_true(uart->rx.count <= PL011_FIFO_SIZE && uart->tx.count <= PL011_FIFO_SIZE);
		assert_true(pl011_rx_wanted(uart) <= pl011_rx_room(uart));
		assert_true(pl011_tx_peek(uart, buf, sizeof(buf)) <= uart->tx.count);
	}
	uart->lines = fresh.lines;
	pl011_reset(uart, false);
	assert_memory_equal(uart, &fresh, sizeof(fresh));
}

#define cold(f) cmocka_unit_test_setup(f, new_uart)
#define chr(f)	cmocka_unit_test_setup(f, new_char_uart)
#define fifo(f) cmocka_unit_test_setup(f, new_fifo_uart)
#define sbsa(f) cmocka_unit_test_setup(f, new_generic_uart)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cold(registers_are_as_after_power_on),
		cold(the_ids_are_those_of_r1p5),
		cold(a_reset_keeps_the_state_of_the_lines),
		cold(each_register_has_the_bits_of_the_manual),
		cold(what_is_read_only_stays),
		fifo(nothing_is_between_the_registers),
		fifo(received_characters_come_in_order),
		fifo(the_receive_fifo_has_32_places),
		chr(without_fifos_there_is_one_place),
		fifo(a_disabled_receiver_hears_nothing),
		fifo(an_overrun_loses_the_new_character),
		fifo(an_overrun_is_told_with_the_next_character_that_finds_room),
		fifo(each_error_comes_with_its_character),
		fifo(any_write_to_ecr_clears_the_status),
		fifo(reading_an_empty_receiver_is_harmless),
		fifo(the_receive_interrupt_comes_at_each_trigger_level),
		fifo(a_cleared_receive_interrupt_needs_a_new_transition),
		chr(without_fifos_each_character_is_an_interrupt),
		fifo(a_silence_with_characters_waiting_is_a_timeout),
		fifo(a_timeout_can_be_cleared),
		fifo(written_characters_are_transmitted_in_order),
		fifo(the_flags_follow_the_transmitter),
		chr(without_fifos_one_character_fills_the_transmitter),
		fifo(a_full_transmitter_keeps_what_it_has),
		fifo(a_disabled_transmitter_keeps_what_is_written),
		fifo(before_anything_was_sent_there_is_no_transmit_interrupt),
		fifo(the_transmit_interrupt_comes_at_each_trigger_level),
		chr(without_fifos_each_transmitted_character_is_an_interrupt),
		fifo(who_writes_slower_than_the_line_is_told_as_well),
		cold(each_interrupt_is_masked_by_its_own_bit),
		cold(each_interrupt_is_cleared_by_its_own_bit),
		fifo(turning_the_fifos_off_empties_them),
		fifo(setting_them_up_again_empties_nothing),
		fifo(in_loopback_the_receiver_hears_the_transmitter),
		fifo(in_loopback_it_can_overrun_itself),
		fifo(in_loopback_nobody_else_is_heard),
		fifo(in_loopback_the_outputs_are_the_inputs),
		fifo(in_loopback_a_break_is_heard),
		fifo(a_break_is_sent_once_and_holds_the_characters),
		fifo(rts_flow_control_asks_up_to_the_trigger_level),
		fifo(without_it_rts_is_what_is_written),
		fifo(cts_flow_control_holds_the_transmitter),
		fifo(each_change_of_a_modem_line_is_an_interrupt),
		sbsa(a_generic_uart_works_from_power_on),
		sbsa(a_generic_uart_has_no_other_registers),
		cold(no_access_breaks_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
