/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine and its console. An adapter is where a card can be plugged; it is always there, so
 * that an instruction needs its lock alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hw.h"
#include "hw_machine.h"

struct hw_adapter hw_adapters[AP_DEVICES] = {
	[0 ... AP_DEVICES - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER },
};

/**
 * struct machine - what is not of one card
 * @console:   one change at a time; before the adapters' locks
 * @info_lock: for @info
 * @info:      what QCI says
 * @follow:    the control domains are the usage domains; under @console
 * @announce_lock: for @announce, and held while it runs
 * @announce:  who hears of changes of @info
 *
 * The rest is constant while there is a machine.
 */
static struct {
	pthread_mutex_t console;
	pthread_mutex_t info_lock;
	struct ap_config_info info;
	bool follow;
	pthread_mutex_t announce_lock;
	void (*announce)(void);
	bool announces;
	bool qci;
	bool useirq;
	unsigned int max_adapter;
	unsigned int max_domain;
	uint64_t reset_ns;
} machine = {
	.console = PTHREAD_MUTEX_INITIALIZER,
	.info_lock = PTHREAD_MUTEX_INITIALIZER,
	.announce_lock = PTHREAD_MUTEX_INITIALIZER,
};

unsigned int hw_max_adapter(void)
{
	return machine.max_adapter;
}

unsigned int hw_max_domain(void)
{
	return machine.max_domain;
}

uint64_t hw_reset_time(void)
{
	return machine.reset_ns;
}

bool ap_interrupts_available(void)
{
	return machine.useirq;
}

/* ---- the configuration ---- */

int ap_qci(struct ap_config_info *info)
{
	if (!machine.qci)
		return -EOPNOTSUPP;
	pthread_mutex_lock(&machine.info_lock);
	*info = machine.info;
	pthread_mutex_unlock(&machine.info_lock);
	return 0;
}

void hw_set_announce(void (*fn)(void))
{
	pthread_mutex_lock(&machine.announce_lock);
	machine.announce = fn;
	pthread_mutex_unlock(&machine.announce_lock);
}

/* Not locked. */
static void announce(void)
{
	if (!machine.announces || !machine.qci)
		return;
	pthread_mutex_lock(&machine.announce_lock);
	if (machine.announce)
		machine.announce();
	pthread_mutex_unlock(&machine.announce_lock);
}

void hw_domains(struct ap_mask *aqm)
{
	pthread_mutex_lock(&machine.info_lock);
	*aqm = machine.info.aqm;
	pthread_mutex_unlock(&machine.info_lock);
}

void hw_control_domains(struct ap_mask *adm)
{
	pthread_mutex_lock(&machine.info_lock);
	*adm = machine.info.adm;
	pthread_mutex_unlock(&machine.info_lock);
}

static void set_plugged(unsigned int id, bool plugged)
{
	pthread_mutex_lock(&machine.info_lock);
	if (plugged)
		ap_mask_set(&machine.info.apm, id);
	else
		ap_mask_clear(&machine.info.apm, id);
	pthread_mutex_unlock(&machine.info_lock);
}

/* ---- cards ---- */

static void card_destroy(struct hw_card *card)
{
	for (unsigned int i = 0; i < AP_DOMAINS; i++)
		hw_queue_finish(&card->queues[i]);
	hw_engine_finish(&card->engine);
	free(card);
}

static struct hw_card *card_create(const struct hw_card_spec *spec)
{
	struct hw_card *card = calloc(1, sizeof(*card));
	struct ap_mask aqm;

	if (!card)
		return NULL;
	if (hw_engine_init(&card->engine)) {
		free(card);
		return NULL;
	}
	card->id = spec->id;
	card->type = spec->type;
	card->fac = spec->type->fac | (machine.info.apxa ? AP_FAC_APXA : 0);
	card->max_msg = hw_type_max_msg(spec->type);
	card->config = spec->config;
	card->chkstop = spec->chkstop;
	hw_domains(&aqm);
	for (unsigned int i = 0; i < AP_DOMAINS; i++) {
		hw_queue_init(&card->queues[i], AP_MKQID(spec->id, i), spec->type->qd + 1);
		card->queues[i].there = ap_mask_test(&aqm, i);
	}
	return card;
}

/* Under the console's lock. */
static int plug(const struct hw_card_spec *spec)
{
	struct hw_adapter *adapter = &hw_adapters[spec->id];
	struct hw_card *card;

	/* Nobody else changes it. */
	if (adapter->card)
		return -EEXIST;
	card = card_create(spec);
	if (!card)
		return -ENOMEM;
	pthread_mutex_lock(&adapter->lock);
	adapter->card = card;
	pthread_mutex_unlock(&adapter->lock);
	set_plugged(spec->id, true);
	return 0;
}

/* Under the console's lock. */
static int unplug(unsigned int id)
{
	struct hw_adapter *adapter = &hw_adapters[id];
	struct hw_card *card = adapter->card;
	bool runs;

	if (!card)
		return -ENODEV;
	set_plugged(id, false);
	pthread_mutex_lock(&adapter->lock);
	adapter->card = NULL;
	for (unsigned int i = 0; i < AP_DOMAINS; i++)
		hw_queue_stop(&card->queues[i]);
	runs = hw_engine_stop(&card->engine);
	pthread_mutex_unlock(&adapter->lock);
	if (runs)
		hw_engine_join(&card->engine);
	card_destroy(card);
	return 0;
}

int hw_plug(const struct hw_card_spec *spec)
{
	int err;

	pthread_mutex_lock(&machine.console);
	err = plug(spec);
	pthread_mutex_unlock(&machine.console);
	if (!err)
		announce();
	return err;
}

int hw_unplug(unsigned int id)
{
	int err;

	pthread_mutex_lock(&machine.console);
	err = unplug(id);
	pthread_mutex_unlock(&machine.console);
	if (!err)
		announce();
	return err;
}

int hw_set_config(unsigned int id, bool on)
{
	struct hw_adapter *adapter = &hw_adapters[id];
	struct hw_card *card;

	pthread_mutex_lock(&adapter->lock);
	card = adapter->card;
	if (card && card->config != on) {
		card->config = on;
		for (unsigned int i = 0; i < AP_DOMAINS; i++)
			hw_queue_stop(&card->queues[i]);
	}
	pthread_mutex_unlock(&adapter->lock);
	return card ? 0 : -ENODEV;
}

int hw_configure(unsigned int id, bool on)
{
	return id < AP_DEVICES && !hw_set_config(id, on) ? 0 : -EIO;
}

/* Locked. */
static void card_checkstop(struct hw_card *card, bool on)
{
	if (card->chkstop == on)
		return;
	card->chkstop = on;
	for (unsigned int i = 0; i < AP_DOMAINS; i++)
		hw_queue_stop(&card->queues[i]);
}

/* Locked. */
static int queue_checkstop(struct hw_queue *q, bool on)
{
	if (!q->there)
		return -ENODEV;
	if (q->chkstop != on) {
		q->chkstop = on;
		hw_queue_stop(q);
	}
	return 0;
}

int hw_set_checkstop(unsigned int id, int domain, bool on)
{
	struct hw_adapter *adapter = &hw_adapters[id];
	struct hw_card *card;
	int err = 0;

	pthread_mutex_lock(&adapter->lock);
	card = adapter->card;
	if (!card)
		err = -ENODEV;
	else if (domain < 0)
		card_checkstop(card, on);
	else
		err = queue_checkstop(&card->queues[domain], on);
	pthread_mutex_unlock(&adapter->lock);
	return err;
}

bool hw_card_state(unsigned int id, struct hw_card_state *state)
{
	struct hw_adapter *adapter = &hw_adapters[id];
	const struct hw_card *card;

	memset(state, 0, sizeof(*state));
	pthread_mutex_lock(&adapter->lock);
	card = adapter->card;
	if (card) {
		state->type = card->type;
		state->config = card->config;
		state->chkstop = card->chkstop;
		for (unsigned int i = 0; i < AP_DOMAINS; i++)
			if (card->queues[i].there && card->queues[i].chkstop)
				ap_mask_set(&state->queues_chkstop, i);
	}
	pthread_mutex_unlock(&adapter->lock);
	return card;
}

/* ---- domains ---- */

static void adapter_set_domains(struct hw_adapter *adapter, const struct ap_mask *aqm)
{
	pthread_mutex_lock(&adapter->lock);
	for (unsigned int i = 0; adapter->card && i < AP_DOMAINS; i++) {
		struct hw_queue *q = &adapter->card->queues[i];

		if (q->there == ap_mask_test(aqm, i))
			continue;
		q->there = !q->there;
		q->chkstop = false;
		hw_queue_stop(q);
	}
	pthread_mutex_unlock(&adapter->lock);
}

/* Under the console's lock. NULL: as they are. Return: is it something else? */
static bool set_info_domains(const struct ap_mask *aqm, const struct ap_mask *adm)
{
	struct ap_config_info before;
	bool changed;

	pthread_mutex_lock(&machine.info_lock);
	before = machine.info;
	if (aqm)
		machine.info.aqm = *aqm;
	if (adm)
		machine.info.adm = *adm;
	changed = !ap_config_info_equal(&before, &machine.info);
	pthread_mutex_unlock(&machine.info_lock);
	return changed;
}

void hw_set_domains(const struct ap_mask *aqm)
{
	bool changed;

	pthread_mutex_lock(&machine.console);
	for (unsigned int i = 0; i < AP_DEVICES; i++)
		adapter_set_domains(&hw_adapters[i], aqm);
	changed = set_info_domains(aqm, machine.follow ? aqm : NULL);
	pthread_mutex_unlock(&machine.console);
	if (changed)
		announce();
}

void hw_set_control_domains(const struct ap_mask *adm)
{
	bool changed;

	pthread_mutex_lock(&machine.console);
	machine.follow = false;
	changed = set_info_domains(NULL, adm);
	pthread_mutex_unlock(&machine.console);
	if (changed)
		announce();
}

/* ---- the whole ---- */

int hw_machine_init(const struct hw_config *config)
{
	int err = 0;

	machine.announces = config->announce;
	machine.qci = config->qci;
	machine.useirq = config->useirq;
	machine.max_adapter = config->max_adapter;
	machine.max_domain = config->max_domain;
	machine.reset_ns = (uint64_t)config->reset_ms * 1000000;
	machine.follow = !config->adm_given;
	machine.info = (struct ap_config_info) {
		.apsc = true,
		.apxa = config->apxa && config->qci,
		.qact = true,
		.rc8a = true,
		.aqm = config->aqm,
		.adm = config->adm_given ? config->adm : config->aqm,
	};
	if (machine.info.apxa) {
		machine.info.na = (uint8_t)config->max_adapter;
		machine.info.nd = (uint8_t)config->max_domain;
	}
	for (unsigned int i = 0; i < config->nr_cards && !err; i++)
		err = plug(&config->cards[i]);
	if (err)
		hw_machine_exit();
	return err;
}

void hw_machine_exit(void)
{
	pthread_mutex_lock(&machine.console);
	for (unsigned int i = 0; i < AP_DEVICES; i++)
		unplug(i);
	pthread_mutex_unlock(&machine.console);
}
