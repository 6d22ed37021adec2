/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine from inside: what the files hw*.c share.
 *
 * Locks, from the outermost: the console's (one change at a time), an adapter's, that of what QCI
 * says. The last two are leaves for everybody but the machine, and nothing of one adapter is
 * needed on the way of a request to another.
 */
#ifndef UMDEV_AP_HW_MACHINE_H
#define UMDEV_AP_HW_MACHINE_H

#include <pthread.h>
#include <umdev/ap.h>

#define HW_DEPTH_MAX 8 /* requests that a queue can hold, of any type */

/** struct hw_error - why a description was refused: one line without a newline */
struct hw_error {
	char text[256];
};

/**
 * struct hw_type - a kind of adapter
 * @name: as it is written and shown, "CEX8P"
 * @at:   AP_DEVICE_TYPE_*
 * @ml, @qd: as in struct ap_tapq_hwinfo
 * @fac:  AP_FAC_*, but AP_FAC_APXA
 */
struct hw_type {
	const char *name;
	uint8_t at;
	uint8_t ml;
	uint8_t qd;
	uint32_t fac;
};

/** hw_type_find - by name, of @len characters; upper and lower case are the same. Or NULL. */
const struct hw_type *hw_type_find(const char *name, size_t len);
/** hw_type_max_msg - bytes of the longest message. */
size_t hw_type_max_msg(const struct hw_type *type);

/** struct hw_card_spec - an adapter as somebody describes it */
struct hw_card_spec {
	unsigned int id;
	const struct hw_type *type;
	bool config;
	bool chkstop;
};

/**
 * struct hw_config - a machine as somebody describes it
 * @cards:    at most one of each number
 * @nr_cards: of them
 * @aqm:      usage domains
 * @adm:      control domains, if @adm_given; else they follow @aqm
 * @max_adapter, @max_domain: highest numbers; with @apxa and @qci up to 255, else 63 and 15
 * @apxa, @qci, @useirq, @announce: as the module's parameters
 * @reset_ms: how long a reset takes, at least
 */
struct hw_config {
	struct hw_card_spec cards[AP_DEVICES];
	unsigned int nr_cards;
	struct ap_mask aqm;
	struct ap_mask adm;
	bool adm_given;
	unsigned int max_adapter;
	unsigned int max_domain;
	bool apxa;
	bool qci;
	bool useirq;
	bool announce;
	unsigned int reset_ms;
};

/* ---- hw_spec.c: descriptions; @what names the value in an error ---- */

/** hw_parse_cards - "04:CEX8P,05:CEX8A:off". Return: 0, -EINVAL with @error. */
int hw_parse_cards(const char *what, const char *text, struct hw_config *config,
		   struct hw_error *error);
/** hw_parse_card - one of them, with a newline or not. */
int hw_parse_card(const char *what, const char *text, unsigned int max_adapter,
		  struct hw_card_spec *spec, struct hw_error *error);
/** hw_parse_domains - "4,0x47,10-12", up to @max; nothing is the empty mask. */
int hw_parse_domains(const char *what, const char *text, unsigned int max, struct ap_mask *mask,
		     struct hw_error *error);
/**
 * hw_parse_target - a card, or if @domain is no NULL one queue of it: "06", "06.0004"
 * @domain: gets -1 for a card
 * @on:     NULL, or gets what stands behind it: "on" or "off"
 */
int hw_parse_target(const char *what, const char *text, unsigned int *id, int *domain, bool *on,
		    struct hw_error *error);

/* ---- hw.c: the machine, and its console; one change at a time ---- */

/** hw_machine_init - build it. Return: 0, -ENOMEM. */
int hw_machine_init(const struct hw_config *config);
/** hw_machine_exit - the reverse: all cards are unplugged, nobody is told. */
void hw_machine_exit(void);

/** hw_plug - a new card, with empty queues. Return: 0, -EEXIST, -ENOMEM. */
int hw_plug(const struct hw_card_spec *spec);
/** hw_unplug - take it away with all that is in it; its engine has ended. Return: 0, -ENODEV. */
int hw_unplug(unsigned int id);
/** hw_set_config - configure it, or not; that empties its queues. Return: 0, -ENODEV. */
int hw_set_config(unsigned int id, bool on);
/** hw_set_checkstop - stop a card, or one queue of it, or end that. -1 is all. The same. */
int hw_set_checkstop(unsigned int id, int domain, bool on);
/** hw_set_domains - the usage domains; those that go take their queues with them. */
void hw_set_domains(const struct ap_mask *aqm);
/** hw_set_control_domains - the control domains, which no longer follow the others. */
void hw_set_control_domains(const struct ap_mask *adm);
/** hw_max_adapter, hw_max_domain - the highest numbers of this machine. */
unsigned int hw_max_adapter(void);
unsigned int hw_max_domain(void);

/** struct hw_card_state - what is to be seen of a card from outside */
struct hw_card_state {
	const struct hw_type *type;
	bool config;
	bool chkstop;
	struct ap_mask queues_chkstop;
};

/** hw_card_state - look at a card. Return: is there one? */
bool hw_card_state(unsigned int id, struct hw_card_state *state);
/** hw_domains, hw_control_domains - as they are. */
void hw_domains(struct ap_mask *aqm);
void hw_control_domains(struct ap_mask *adm);

/* ---- hw_queue.c: what all of this is about ---- */

/**
 * struct hw_slot - room for one request, or its reply
 * @psmid: its user's number
 * @buf:   bytes, of the longest message of the card; NULL until it is needed
 * @len:   of what is in there
 */
struct hw_slot {
	uint64_t psmid;
	uint8_t *buf;
	size_t len;
};

enum hw_irq {
	HW_IRQ_OFF,
	HW_IRQ_ENABLING,
	HW_IRQ_ON,
	HW_IRQ_DISABLING,
};

/**
 * struct hw_ring - numbers of slots, oldest first
 */
struct hw_ring {
	uint8_t slot[HW_DEPTH_MAX];
	uint8_t first;
	uint8_t nr;
};

/**
 * struct hw_queue - a domain of a card; all under its adapter's lock
 * @there:      the domain is one of the machine's
 * @chkstop:    this queue is stopped
 * @resetting:  until @reset_end, in nanoseconds, and not @held
 * @held:       the engine works for it, perhaps on a request that was abandoned
 * @generation: of its requests; what was abandoned is of an older one
 * @irq:        whether replies are indicated, as TAPQ says
 * @irq_at:     when that has become as it was asked
 * @indicator:  NULL, or who hears of replies
 * @slots:      with the requests and replies
 * @free, @waiting, @replies: which are
 * @working:    the slot whose request the engine has, or -1
 * @ready:      in the card's list while anything is waiting
 */
struct hw_queue {
	ap_qid_t qid;
	bool there;
	bool chkstop;
	bool resetting;
	bool held;
	uint64_t reset_end;
	uint64_t generation;
	enum hw_irq irq;
	uint64_t irq_at;
	struct ap_indicator *indicator;
	struct hw_slot slots[HW_DEPTH_MAX];
	struct hw_ring free;
	struct hw_ring waiting;
	struct hw_ring replies;
	int working;
	struct list_head ready;
};

/** hw_queue_init - an empty one. */
void hw_queue_init(struct hw_queue *q, ap_qid_t qid, unsigned int depth);
/** hw_queue_finish - the reverse: its memory. */
void hw_queue_finish(struct hw_queue *q);
/** hw_queue_abandon - its requests and replies are gone, nobody hears of it. Locked. */
void hw_queue_abandon(struct hw_queue *q);
/** hw_queue_stop - the same, and neither reset nor interrupts are left: it is out of use. Locked */
void hw_queue_stop(struct hw_queue *q);
/** hw_queue_take - the oldest request that waits, for the engine: its slot. Locked. */
struct hw_slot *hw_queue_take(struct hw_queue *q);
/** hw_queue_reply - the engine has put a reply into the slot of the request. Locked. */
void hw_queue_reply(struct hw_queue *q);

/* ---- hw_engine.c: who works ---- */

enum hw_thread {
	HW_THREAD_NONE,
	HW_THREAD_RUNS,
	HW_THREAD_ENDED, /* to be joined */
};

/**
 * struct hw_engine - works on a card's requests, one after the other; under its adapter's lock
 * @ready:  queues with requests that wait, each once; who is first is next
 * @wake:   for the thread
 * @thread: there while there is work, and a moment longer
 * @state:  of it
 * @stop:   it shall end
 * @request, @reply: the thread's, for the longest message; they change places with a slot's
 */
struct hw_engine {
	struct list_head ready;
	pthread_cond_t wake;
	pthread_t thread;
	enum hw_thread state;
	bool stop;
	uint8_t *request;
	uint8_t *reply;
};

/**
 * struct hw_card - an adapter that is plugged; made and freed with the console's lock
 * @type:    constant
 * @fac:     of TAPQ; constant
 * @max_msg: bytes; constant
 * @id:      constant
 */
struct hw_card {
	unsigned int id;
	const struct hw_type *type;
	uint32_t fac;
	size_t max_msg;
	bool config;
	bool chkstop;
	struct hw_engine engine;
	struct hw_queue queues[AP_DOMAINS];
};

/** struct hw_adapter - where a card can be plugged; always there. @card: NULL for none; @lock */
struct hw_adapter {
	pthread_mutex_t lock;
	struct hw_card *card;
};

extern struct hw_adapter hw_adapters[AP_DEVICES];

/** hw_now - nanoseconds of CLOCK_MONOTONIC. */
uint64_t hw_now(void);
/** hw_reset_time - how long a reset takes at least, in nanoseconds. */
uint64_t hw_reset_time(void);

/** hw_engine_init - nothing runs. Return: 0, -ENOMEM. */
int hw_engine_init(struct hw_engine *engine);
/** hw_engine_finish - the reverse, after hw_engine_join(). */
void hw_engine_finish(struct hw_engine *engine);
/** hw_engine_start - there is work in @card. Locked. Return: 0, -ENOMEM, -EAGAIN (no thread). */
int hw_engine_start(struct hw_card *card);
/**
 * hw_engine_stop - it ends after the request that it has, and nobody starts it any more. Locked.
 * Return: is there a thread to join?
 */
bool hw_engine_stop(struct hw_engine *engine);
/** hw_engine_join - wait for its end. Not locked. */
void hw_engine_join(struct hw_engine *engine);

/* ---- hw_message.c: what it does ---- */

/**
 * hw_message - carry out a request
 * @fac:   AP_FAC_* of the card: what it is able to do
 * @msg:   any bytes
 * @reply: at least AP_MSG_REPLY_MIN bytes
 *
 * Context: no locks; uses the processor for some time. Return: length of the reply, never 0.
 */
size_t hw_message(uint32_t fac, const uint8_t *msg, size_t len, uint8_t *reply, size_t size);

#endif
