/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmocka_umdev.h"

#include <stdio.h>
#include <time.h>

#include "ap_queue_fixture.h"
#include "model_fixture.h"

/* ---- the bus ---- */

struct bus_type ap_bus_type = { .name = "ap" };

static struct device *root;
static struct ap_card *cards[AP_DEVICES];
static char events[256];

void ap_send_config_uevent(struct ap_device *ap_dev, bool config)
{
	size_t len = strlen(events);

	snprintf(events + len, sizeof(events) - len, "%s=%d ", dev_name(&ap_dev->device), config);
}

const char *config_events(void)
{
	return events;
}

static void release_card(struct device *dev)
{
	free(to_ap_card(dev));
}

static void add_card(unsigned int id)
{
	struct ap_card *ac = calloc(1, sizeof(*ac));
	struct device *dev = &ac->ap_dev.device;
	struct ap_mask aqm;

	assert_non_null(ac);
	hw_domains(&aqm);
	ap_tapq(AP_MKQID(id, ap_mask_next(&aqm, 0)), &ac->hwinfo);
	ac->id = id;
	ac->ap_dev.device_type = ac->hwinfo.at;
	ac->maxmsgsize = ac->hwinfo.ml ? ac->hwinfo.ml * 4096u : AP_DEFAULT_MAX_MSG_SIZE;
	dev->bus = &ap_bus_type;
	dev->parent = root;
	dev->release = release_card;
	assert_int_equal(device_initialize(dev), 0);
	assert_int_equal(dev_set_name(dev, "card%02x", id), 0);
	assert_int_equal(device_add(dev), 0);
	cards[id] = ac;
}

void queues_up(const char *spec, const char *domains, bool useirq, unsigned int reset_ms)
{
	struct hw_config config;

	fixture_setup(NULL);
	machine_config(&config, spec, domains);
	config.useirq = useirq;
	config.reset_ms = reset_ms;
	assert_int_equal(hw_machine_init(&config), 0);
	assert_int_equal(ap_poll_start(), 0);
	assert_int_equal(bus_register(&ap_bus_type), 0);
	assert_int_equal(root_device_register("ap", &root), 0);
	for (unsigned int i = 0; i < config.nr_cards; i++)
		add_card(config.cards[i].id);
	events[0] = '\0';
}

void queues_down(void)
{
	for (unsigned int i = 0; i < AP_DEVICES; i++) {
		if (cards[i])
			device_unregister(&cards[i]->ap_dev.device);
		cards[i] = NULL;
	}
	root_device_unregister(root);
	bus_unregister(&ap_bus_type);
	ap_poll_stop();
	hw_machine_exit();
	fixture_teardown(NULL);
}

struct ap_queue *queue_added(ap_qid_t qid)
{
	struct ap_queue *aq;

	assert_int_equal(ap_queue_create(qid, cards[AP_QID_CARD(qid)], true, false, &aq), 0);
	assert_int_equal(device_add(&aq->ap_dev.device), 0);
	return aq;
}

struct ap_queue *queue_bound(ap_qid_t qid)
{
	struct ap_queue *aq = queue_added(qid);

	ap_queue_init_state(&aq->ap_dev);
	return aq;
}

void queue_unbind(struct ap_queue *aq)
{
	device_lock(&aq->ap_dev.device);
	ap_queue_prepare_remove(aq);
	ap_queue_remove(aq);
	device_unlock(&aq->ap_dev.device);
}

void queue_gone(struct ap_queue *aq)
{
	queue_unbind(aq);
	device_unregister(&aq->ap_dev.device);
}

static enum ap_sm_state state_of(struct ap_queue *aq)
{
	enum ap_sm_state state;

	pthread_mutex_lock(&aq->lock);
	state = aq->sm_state;
	pthread_mutex_unlock(&aq->lock);
	return state;
}

void queue_ready(struct ap_queue *aq)
{
	wait_for(state_of(aq) >= AP_SM_STATE_IDLE);
}

/* ---- requests ---- */

static void receive(struct ap_device *queue, struct ap_message *msg)
{
	struct test_request *r = container_of(msg, struct test_request, msg);

	atomic_store(&r->rc, msg->rc);
	while (atomic_load(&r->hold))
		nanosleep(&(struct timespec) { 0, 100000 }, NULL);
	if (r->again) {
		r->again--;
		atomic_fetch_add(&r->received, 1);
		assert_int_equal(ap_queue_message(queue, msg), 0);
		return;
	}
	atomic_store(&r->over, true);
	/* Whoever waits for this may free it. */
	atomic_fetch_add(&r->received, 1);
}

static void begin(struct test_request *r, struct ap_msg *m, enum ap_msg_op op, uint32_t param)
{
	memset(r, 0, sizeof(*r));
	ap_msg_begin(m, r->buf, sizeof(r->buf), AP_MSG_REQUEST, op, 0, param);
	r->msg.msg = r->buf;
	r->msg.bufsize = sizeof(r->buf);
	r->msg.receive = receive;
}

void request_random(struct test_request *r, uint32_t bytes)
{
	struct ap_msg m;

	begin(r, &m, AP_MSG_OP_RANDOM, bytes);
	r->msg.len = m.len;
}

void request_slow(struct test_request *r)
{
	uint8_t number[AP_MSG_RSA_MAX];
	struct ap_msg m;

	begin(r, &m, AP_MSG_OP_RSA_MODEXP, 0);
	memset(number, 0xff, sizeof(number));
	ap_msg_add(&m, AP_MSG_FIELD_MODULUS, number, sizeof(number));
	number[sizeof(number) - 1] = 0xfd;
	ap_msg_add(&m, AP_MSG_FIELD_EXPONENT, number, sizeof(number));
	number[0] = 0x7f;
	ap_msg_add(&m, AP_MSG_FIELD_DATA, number, sizeof(number));
	r->msg.len = m.len;
}

int request_send(struct ap_queue *aq, struct test_request *r)
{
	static atomic_ullong psmid;

	r->msg.psmid = atomic_fetch_add(&psmid, 1);
	return ap_queue_message(&aq->ap_dev, &r->msg);
}

int request_wait(struct test_request *r, unsigned int times)
{
	wait_for(atomic_load(&r->received) >= times);
	assert_int_equal(atomic_load(&r->received), times);
	return atomic_load(&r->rc);
}
