/* policy_int.h - what the files behind policy_plan.h share.
 *
 *   policy_objects.c   a policy compiled: whom it isolates, what its rules take
 *   policy_terms.c     terms: the choices of pods that rules make, and the peer numbers they come
 * to policy_pods.c      namespaces, pods, addresses; pods that nobody can tell apart are one
 * identity policy_classes.c   identities into classes: the numbers policy_build.c     a class's
 * policies into stages of pieces; policy_cover.c makes pieces disjoint
 *
 * An identity's signatures say what class it belongs to: the XOR of a random number for each term
 * that matches it, or for each policy that isolates it. So a policy that comes or goes costs one
 * match and one XOR an identity, and nobody keeps who matches whom.
 *
 * An update has two halves. First what changed is put into the books: signatures are right after
 * each step, and who was touched is remembered. Then, in this order, classes are settled, terms get
 * the numbers that moved, and the classes that rest on any of it are built again. */
#pragma once

#include <knetd/arena.h>
#include <knetd/buf.h>
#include <knetd/list.h>
#include <knetd/map.h>
#include <knetd/object.h>

#include "policy_anchors.h"
#include "policy_labels.h"
#include "policy_plan.h"

#define POLICY_PORT_NAME 64 /* with its NUL; the API lets 15 characters through */
#define PEER_OF(space) ((space)->index << POLICY_PEER_BITS)
#define PEER_CLASSES ((1u << POLICY_PEER_BITS) - 1) /* the last one is of those that found none */
#define PEER_FIRST (1u << POLICY_PEER_BITS)         /* of all namespaces */

struct signature {
	uint64_t a, b;
};
struct signature signature_new(void); /* random */
/* Another one, of it and these bytes. */
struct signature signature_with(const struct signature *s, const void *data, size_t n);
void signature_toggle(struct signature *s, const struct signature *with);
bool signature_equal(const struct signature *a, const struct signature *b);

/* ---- namespaces, pods ----------------------------------------------------------------------- */

enum side { SIDE_IN = POLICY_IN, SIDE_OUT = POLICY_OUT, SIDE_PEER, SIDES };

struct space { /* a namespace with pods or policies */
	unsigned refs;
	uint32_t index; /* from 1 */
	char *name;
	char *labels_text;
	size_t labels_len;
	struct policy_labels labels;
	struct list identities;
	struct anchors policies;      /* its NetworkPolicies */
	unsigned isolating[2];        /* of them, each way */
	struct list terms;            /* those that are its own */
	struct anchors by_label;      /* of them, those that are not whole */
	bool crowded;                 /* some identities found no peer class */
	struct numbers {              /* the peer classes */
		struct pod_class **v; /* by number */
		uint32_t n, cap;
		uint32_t *free, *resting; /* given back; in this update */
		uint32_t n_free, n_resting;
	} classes;
};
struct space *space_get(const char *name); /* a reference */
struct space *space_ref(struct space *s);
void space_put(struct space *s);
struct space *space_at(uint32_t index);
void spaces_index_above(uint32_t index); /* while there is none */
struct space *space_next(size_t *i);
void space_refresh(const char *name); /* its labels, as the store has them now */

struct identity_port {
	const char *name;
	uint8_t proto; /* 0: any */
	uint16_t number;
};
struct identity { /* pods that are alike in all that policies can say */
	struct space *space;
	struct list in_space;
	bool labelled, finished;
	unsigned pods, placed, here; /* pods, those with addresses, those with addresses here */
	struct policy_labels labels;
	unsigned n_ports;
	struct identity_port *ports;
	struct signature signature[SIDES];
	struct pod_class *class[SIDES];
	struct pod_class *was[SIDES]; /* while classes are settled */
	struct list in_class[SIDES];
	struct list in_touched;
	size_t len;
	char text[]; /* what it is found by */
};
struct pod_facts { /* what makes an identity */
	struct space *space;
	bool labelled, finished;
	unsigned n_ports;
	struct buf ports;  /* of each "proto number name\0" */
	struct buf labels; /* policy_labels_text */
};
/* Nobody counts it yet: identity_touch, or it stays for ever. */
struct identity *identity_get(const struct pod_facts *f);
void identity_sign(struct identity *id); /* anew */
void identity_free(struct identity *id); /* settling does, when no pods are left */
struct named_port {
	uint8_t proto;
	char name[POLICY_PORT_NAME];
};
uint16_t identity_port(const struct identity *id, const struct named_port *port); /* 0: none */

void pods_refresh(const char *ns, const char *name); /* as the store has it now */
void pods_refresh_attachment(const char *ns, const char *name);
void pods_refresh_all(void);
void pods_forget(void);
bool pods_take_changed(void); /* did any address, or who has it, since the last call? */
void pods_each_address(void (*fn)(void *arg, const struct ip *ip, const struct identity *id),
                       void *arg);

/* ---- what rules choose ---------------------------------------------------------------------- */

struct term_range { /* of peer numbers */
	uint32_t first, last;
	uint16_t port; /* 0 where the term asks for none */
};
/* Which pods: those of the namespace `own`, or of those that `spaces` chooses, that `pods` does. */
struct reach {
	struct space *own;              /* NULL: */
	struct policy_selector *spaces; /* NULL: own */
	struct policy_selector *pods;
};
/* spaces NULL: pods of own. pods NULL: all of them. */
struct reach reach_open(struct space *own, yyjson_val *spaces, yyjson_val *pods);
struct reach reach_everybody(void);
struct reach reach_among(yyjson_val *spaces, yyjson_val *pods); /* NULL: all */
struct reach reach_copy(const struct reach *r);
void reach_close(struct reach *r);
bool reach_covers(const struct reach *r, const struct space *s);
/* Pods whose labels nobody has said are chosen by those that choose all. */
bool reach_has(const struct reach *r, const struct identity *id); /* in a namespace it covers */

struct term { /* equal ones are one object */
	unsigned refs;
	struct reach reach;
	struct named_port port; /* proto 0: none; else those that give the name, and their number */
	bool whole;             /* all pods of the namespaces: no set is kept */
	bool born, dirty;
	struct signature signature;
	struct list in_all, in_born, in_anchors;
	/* Sorted, neighbours of one port are one. Numbers that nobody has may be among them: they
	 * are put right when somebody is given them. */
	size_t n, cap;
	struct term_range *set;
	struct term_key {
		const void *own, *spaces, *pods;
		struct named_port port;
	} key;
};
/* Takes the reach over; port NULL: none. NULL: there are too many. The caller owns a reference. */
struct term *term_get(struct reach *r, const struct named_port *port);
void term_put(struct term *t);
struct term *term_next(size_t *i);
/* What all terms together say of an identity. */
struct signature terms_sign(const struct identity *id);
/* A namespace is new, goes, or changes its labels: told before and after. */
void terms_space_marked(const struct space *s);
void terms_number_given(uint32_t number); /* somebody has it who had it not */
void terms_settle(void);
void terms_soil(void); /* all of them */
bool terms_dirty(void);
void terms_clean(void); /* none is dirty any more */

/* ---- policies ------------------------------------------------------------------------------- */

enum tier { TIER_ADMIN, TIER_NETWORK, TIER_BASELINE };

struct block {
	struct cidr cidr;
	unsigned n_except;
	struct cidr *except;
};
struct rule {
	enum policy_action action;
	bool any_peer; /* pods or not */
	bool any_port; /* and any protocol */
	unsigned n_terms, n_blocks, n_ports, n_names;
	struct term **terms;
	struct block *blocks;
	struct policy_ports *ports;
	struct named_port *names;
	unsigned n_named, named_cap;
	struct term **named;  /* egress: terms and named ports, each with each */
	bool names_in_blocks; /* egress: names of the pods that have addresses there count */
};
struct compiled {
	enum tier tier;
	int32_t priority;
	struct reach subject; /* whom it isolates */
	bool isolates[2];
	unsigned n_rules[2];
	struct rule *rules[2];
	bool starved;    /* a maximum of all policies together keeps some of it out */
	bool by_address; /* its pieces rest on pods' addresses */
	bool by_node;    /* it was compiled from nodes' addresses */
	char *trouble;   /* NULL: none */
	struct arena arena;
};
struct compiled *policy_compile(const struct object *o, struct space *space, bool too_many);
struct compiled *policy_compile_cluster(const struct object *o, bool too_many);
struct reading {
	struct compiled *c;
	struct space *space;
	enum policy_way way;
	bool cut; /* something of the rule's peers exceeds a maximum */
};
/* Room for so many peers that are pods; the ports are read already. */
void policy_room_for(struct reading *in, struct rule *r, unsigned peers);
/* Such a peer; takes the reach over. */
void policy_read_reach(struct reading *in, struct rule *r, struct reach *reach);
void policy_read_end(struct reading *in, struct rule *r); /* all peers are read */
void policy_deny_all(struct compiled *c, struct rule *r);
void policy_compiled_free(struct compiled *c);

struct policy {
	char *key;
	struct object *object;
	struct space *space; /* NULL: of the cluster */
	struct list in_anchors, in_cluster;
	struct compiled *compiled;
	struct signature signature;
	bool dirty[2];
	bool moved; /* among the others: its order is another */
};
void policies_set(const char *key, const struct object *o); /* NULL: there is none */
void policies_refresh(const char *key); /* that of a ClusterNetworkPolicy has no slash */
void policies_refresh_nodes(void);
void policies_refresh_all(void);
void policies_forget(void);
struct policy *policy_find(const struct object *o);
struct policy *policy_next(size_t *i);
size_t policies_count(void);
/* Those that may isolate it: for (struct policy_walk w = policies_of(id); (p = policies_next(&w));)
 */
struct policy_walk {
	struct anchor_walk own;
	const struct list *cluster; /* before the next of them */
};
struct policy_walk policies_of(const struct identity *id);
struct policy *policies_next(struct policy_walk *w);
bool policy_isolates(const struct policy *p, const struct identity *id, enum policy_way way);
/* One of the cluster that asks for labels, and nobody has said the pod's: what it denies holds. */
bool policy_doubts(const struct compiled *c, const struct identity *id);
struct signature policies_sign(const struct identity *id, enum policy_way way);
bool policies_mark(bool addresses_changed); /* dirty: those that rest on dirty terms; is any? */
void policies_feed(void);
void policies_clean(void);

/* ---- classes -------------------------------------------------------------------------------- */

struct pod_class {
	struct list in_emptied;
	enum side side;
	struct space *space; /* of a peer class */
	uint32_t number;
	struct list members; /* identities, in_class[side] */
	unsigned n_members;
	bool dirty;               /* to be built again */
	bool too_many;            /* pieces: it takes nothing */
	unsigned gained, renamed; /* in which update: members from elsewhere, another key */
	unsigned n_policies;
	struct policy **policies;
	struct policy_class plan;
	void *memory; /* of the plan */
	struct class_key {
		struct signature signature;
		uint32_t index; /* of the namespace */
		uint32_t side;
	} key;
};
void identity_touch(struct identity *id);
bool classes_dirty(void);  /* is there one that was not built yet, or is of other policies */
bool classes_settle(void); /* true when anybody changed his */
void numbers_free(struct numbers *n);
void classes_number_above(uint32_t number);   /* while there is none */
bool class_gained(const struct pod_class *c); /* members from elsewhere, in this update */
void class_renumber(struct pod_class *c);     /* stays as it is when there is no number left */
struct pod_class *class_at(enum policy_way way, uint32_t number);
struct pod_class *class_of_peer(uint32_t number);
struct pod_class *class_next(size_t *i); /* of both ways */
void classes_forget(void);
bool classes_build(void); /* those that are dirty; true when any content changed */
