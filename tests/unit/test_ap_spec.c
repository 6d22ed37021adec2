/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people write to describe a machine, and masks. */
#include "cmocka_umdev.h"

#include <errno.h>

#include "../../drivers/ap/hw_machine.h"

static void refused_card(const char *text, const char *why)
{
	struct hw_config config = { .max_adapter = 0x3f };
	struct hw_error error;

	assert_int_equal(hw_parse_cards("cards", text, &config, &error), -EINVAL);
	assert_string_equal(error.text, why);
}

static void refused_domain(const char *text, const char *why)
{
	struct ap_mask mask = { { 7, 7, 7, 7 } }, before = mask;
	struct hw_error error;

	assert_int_equal(hw_parse_domains("domains", text, 255, &mask, &error), -EINVAL);
	assert_string_equal(error.text, why);
	assert_true(ap_mask_equal(&mask, &before));
}

static void cards_are_described_by_number_and_type(void **state)
{
	struct hw_config config = { .max_adapter = 255 };
	struct hw_error error;

	assert_int_equal(hw_parse_cards("cards",
					"04:CEX8P,0x1a:cex3a:off,ff:CEX4C:checkstop,5:CEX5A"
					":off:checkstop\n",
					&config, &error),
			 0);
	assert_int_equal(config.nr_cards, 4);
	assert_int_equal(config.cards[0].id, 4);
	assert_string_equal(config.cards[0].type->name, "CEX8P");
	assert_true(config.cards[0].config && !config.cards[0].chkstop);
	assert_int_equal(config.cards[1].id, 0x1a);
	assert_string_equal(config.cards[1].type->name, "CEX3A");
	assert_false(config.cards[1].config);
	assert_int_equal(config.cards[2].id, 0xff);
	assert_true(config.cards[2].chkstop);
	assert_true(!config.cards[3].config && config.cards[3].chkstop);
	assert_int_equal(hw_parse_cards("cards", "", &config, &error), 0);
	assert_int_equal(config.nr_cards, 0);
}

static void mistakes_in_cards_are_pointed_at(void **state)
{
	refused_card("04:CEX9P", "cards: \"CEX9P\" at character 4: expected a type: CEX3 with A "
				 "or C, CEX4 to CEX8 with A, C or P");
	refused_card("04:CEX3P", "cards: \"CEX3P\" at character 4: expected a type: CEX3 with A "
				 "or C, CEX4 to CEX8 with A, C or P");
	refused_card("xy:CEX8P", "cards: \"xy\" at character 1: expected the number of an adapter "
				 "in hexadecimal, 00 to 3f");
	refused_card("40:CEX8P", "cards: \"40\" at character 1: expected the number of an adapter "
				 "in hexadecimal, 00 to 3f");
	refused_card("10000000000000004:CEX8P",
		     "cards: \"10000000000000004\" at character 1: expected the number of an "
		     "adapter in hexadecimal, 00 to 3f");
	refused_card("04", "cards: ends at character 3: expected \":\" and a type, as in 04:CEX8P");
	refused_card("04:CEX8P,",
		     "cards: ends at character 10: expected another card behind the \",\"");
	refused_card("04:CEX8P,,05:CEX8P",
		     "cards: \",\" at character 10: expected the number of an adapter in "
		     "hexadecimal, 00 to 3f");
	refused_card("04:CEX8P:on",
		     "cards: \"on\" at character 10: expected \"off\" or \"checkstop\"");
	refused_card("04:CEX8P 05:CEX8P", "cards: \" 05\" at character 9: expected \",\" and "
					  "another card, or the end");
	refused_card("04:CEX8P,4:CEX8A",
		     "cards: \"4\" at character 10: expected each adapter once");
	refused_card("04:\x1b[1m", "cards: \"?[1m\" at character 4: expected a type: CEX3 with A "
				   "or C, CEX4 to CEX8 with A, C or P");
}

static void domains_are_numbers_and_ranges(void **state)
{
	struct hw_error error;
	struct ap_mask m;

	assert_int_equal(hw_parse_domains("domains", "4,0x47,10-12,0xff\n", 255, &m, &error), 0);
	assert_int_equal(m.word[0], UINT64_C(0x0838000000000000));
	assert_int_equal(m.word[1], UINT64_C(0x0100000000000000));
	assert_int_equal(m.word[2], 0);
	assert_int_equal(m.word[3], 1);
	assert_int_equal(hw_parse_domains("domains", "", 255, &m, &error), 0);
	assert_true(ap_mask_empty(&m));
}

static void mistakes_in_domains_are_pointed_at(void **state)
{
	refused_domain("256", "domains: \"256\" at character 1: expected a domain, 0 to 255, or in "
			      "hexadecimal 0x0 to 0xff");
	refused_domain("0047", "domains: \"0047\" at character 1: expected a domain, 0 to 255, or "
			       "in hexadecimal 0x0 to 0xff");
	refused_domain("4,5-", "domains: ends at character 5: expected a domain, 0 to 255, or in "
			       "hexadecimal 0x0 to 0xff");
	refused_domain("4,9-5",
		       "domains: \"9-5\" at character 3: expected the lower domain before the "
		       "\"-\"");
	refused_domain("4;5", "domains: \";5\" at character 2: expected \",\" and another domain, "
			      "or the end");
	refused_domain("4,", "domains: ends at character 3: expected another domain behind the "
			     "\",\"");
}

/* Any text is taken, or refused in one line that can be printed. */
static void any_text_is_taken_or_refused(void **state)
{
	static const char letters[] = "0123456789abcdefxXcCeEpPaA:,.-+ \n\t\x1b\xffofncheckstop";
	static struct hw_config config = { .max_adapter = 255 };
	uint64_t random_state = 88172645463325252;
	unsigned int id, taken = 0;
	struct hw_error error;
	char text[40];
	int domain, err;
	bool on;
	struct ap_mask mask;

	for (unsigned int i = 0; i < 200000; i++) {
		size_t len = random_state % sizeof(text);

		for (size_t j = 0; j < len; j++) {
			random_state ^= random_state << 13;
			random_state ^= random_state >> 7;
			random_state ^= random_state << 17;
			text[j] = letters[random_state % (sizeof(letters) - 1)];
		}
		text[len] = '\0';
		error.text[0] = '\0';
		err = i % 3 == 0   ? hw_parse_cards("cards", text, &config, &error)
		      : i % 3 == 1 ? hw_parse_domains("domains", text, 255, &mask, &error)
				   : hw_parse_target("target", text, &id, &domain, &on, &error);
		taken += !err;
		if (err && (err != -EINVAL || !error.text[0]))
			fail_msg("%d without a word: %s", err, text);
		for (const char *c = error.text; *c; c++)
			if (*c < ' ' || *c > '~')
				fail_msg("not one line: %s", error.text);
		if (!ap_parse_mask_str(text, &mask))
			assert_int_equal(ap_parse_mask_str(text, &mask), 0);
	}
	assert_true(taken > 0);
}

static void mask_is_hexadecimal_from_the_left(void **state)
{
	struct ap_mask m;

	assert_int_equal(ap_hex2bitmap("0x41", &m), 0);
	assert_int_equal(m.word[0], UINT64_C(0x4100000000000000));
	assert_int_equal(ap_hex2bitmap("ABCDEF0123456789fedcba9876543210"
				       "0000000000000000000000000000000f\n",
				       &m),
			 0);
	assert_int_equal(m.word[0], UINT64_C(0xabcdef0123456789));
	assert_int_equal(m.word[1], UINT64_C(0xfedcba9876543210));
	assert_int_equal(m.word[3], 15);
	assert_int_equal(ap_hex2bitmap("\n", &m), 0);
	assert_true(ap_mask_empty(&m));
	m.word[2] = 9;
	assert_int_equal(ap_hex2bitmap("0x41 ", &m), -EINVAL);
	assert_int_equal(ap_hex2bitmap("g", &m), -EINVAL);
	assert_int_equal(ap_hex2bitmap("0x00000000000000000000000000000000"
				       "000000000000000000000000000000000",
				       &m),
			 -EINVAL);
	assert_int_equal(m.word[2], 9);
}

static void mask_is_changed_bit_by_bit(void **state)
{
	static const char *const wrong[] = { "+256",
					     "+1-256",
					     "+5-4",
					     "+",
					     "+1,2",
					     "+ 1",
					     "+1,-x",
					     "+0x",
					     "+08",
					     "+1-",
					     "+1 ",
					     "-0-+1",
					     "+99999999999999999999" };
	struct ap_mask m = { { 0 } }, before;

	assert_int_equal(ap_parse_mask_str("+0-5,-2,+0x40,+0377\n", &m), 0);
	assert_int_equal(m.word[0], UINT64_C(0xdc00000000000000));
	assert_int_equal(m.word[1], UINT64_C(0x8000000000000000));
	assert_int_equal(m.word[3], 1);
	assert_int_equal(ap_parse_mask_str("-0-255+7", &m), 0);
	assert_int_equal(m.word[0], UINT64_C(0x0100000000000000));
	assert_true(!m.word[1] && !m.word[2] && !m.word[3]);
	before = m;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		if (ap_parse_mask_str(wrong[i], &m) != -EINVAL)
			fail_msg("taken: %s", wrong[i]);
		assert_true(ap_mask_equal(&m, &before));
	}
	assert_int_equal(ap_parse_mask_str("0x8", &m), 0);
	assert_int_equal(m.word[0], UINT64_C(0x8000000000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cards_are_described_by_number_and_type),
		cmocka_unit_test(mistakes_in_cards_are_pointed_at),
		cmocka_unit_test(domains_are_numbers_and_ranges),
		cmocka_unit_test(mistakes_in_domains_are_pointed_at),
		cmocka_unit_test(any_text_is_taken_or_refused),
		cmocka_unit_test(mask_is_hexadecimal_from_the_left),
		cmocka_unit_test(mask_is_changed_bit_by_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
