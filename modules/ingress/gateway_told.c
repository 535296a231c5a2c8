/* gateway_told.c - see gateway_told.h */
#include <stdio.h>
#include <string.h>

#include "gateway.h"
#include "gateway_grant.h"
#include "gateway_told.h"

/* ---- Gateways and ListenerSets -------------------------------------------------------------- */

static void put_kinds(struct buf *b, uint32_t kinds)
{
	bool first = true;

	buf_str(b, "\"supportedKinds\":[");
	for (unsigned k = 0; k < KIND_COUNT; k++) {
		if (!(kinds & KIND_BIT(k)))
			continue;
		buf_printf(b, "%s{\"group\":\"%s\",\"kind\":\"%s\"}", first ? "" : ",",
		           GATEWAY_GROUP, kind_info[k].kind);
		first = false;
	}
	buf_str(b, "]");
}

/* Found when it was to be put in force, behind what the model says. */
static void put_trouble(struct buf *b, const struct gateway_listener *l)
{
	char text[160];

	snprintf(text, sizeof(text), "port %u: %s", l->port, l->trouble);
	gateway_put_condition(b, "Accepted", false, "PortUnavailable", text, l->parent->generation);
	gateway_put_condition(b, "Programmed", false, "PortUnavailable", text,
	                      l->parent->generation);
}

static void put_listener(struct buf *b, const struct gateway_listener *l)
{
	int64_t generation = l->parent->generation;

	buf_str(b, "{\"name\":");
	buf_json(b, l->name, strlen(l->name));
	buf_str(b, ",");
	put_kinds(b, l->kinds);
	buf_printf(b, ",\"attachedRoutes\":%u,\"conditions\":[", l->attached);
	if (l->trouble) {
		put_trouble(b, l);
	} else {
		gateway_put_says(b, "Accepted", "Accepted", &l->accepted, generation);
		gateway_put_says(b, "Programmed", "Programmed", &l->programmed, generation);
	}
	gateway_put_says(b, "ResolvedRefs", "ResolvedRefs", &l->refs, generation);
	gateway_put_condition(b, "Conflicted", l->conflict.reason != NULL,
	                      l->conflict.reason ? l->conflict.reason : "NoConflicts",
	                      l->conflict.reason ? l->conflict.message : "", generation);
	if (l->overlap.reason)
		gateway_put_condition(b, "OverlappingTLSConfig", true, l->overlap.reason,
		                      l->overlap.message, generation);
	buf_str(b, "]}");
}

static bool is_up(const struct gateway_listener *l)
{
	return !l->programmed.reason && !l->trouble;
}

static void put_whole(struct buf *b, const struct gateway_parent *p)
{
	struct gateway_says accepted = p->accepted, programmed = p->programmed;
	bool partly = p->partly, up = false;

	for (unsigned i = 0; i < p->n_listeners; i++) {
		partly |= p->listeners[i].trouble != NULL;
		up |= is_up(&p->listeners[i]);
	}
	if (!up && !programmed.reason)
		programmed =
			(struct gateway_says){ "Invalid", "the port of no listener is to be had" };
	if (partly && !accepted.reason)
		gateway_put_condition(b, "Accepted", true, "ListenersNotValid",
		                      "some listeners are not accepted: see their conditions",
		                      p->generation);
	else
		gateway_put_says(b, "Accepted", "Accepted", &accepted, p->generation);
	gateway_put_says(b, "Programmed", "Programmed", &programmed, p->generation);
}

static void put_parent(struct buf *b, const struct gateway_parent *p)
{
	buf_str(b, "\"conditions\":[");
	put_whole(b, p);
	if (p->kind == KIND_GATEWAY)
		gateway_put_says(b, "ResolvedRefs", "ResolvedRefs", &p->refs, p->generation);
	if (p->insecure)
		gateway_put_condition(
			b, "InsecureFrontendValidationMode", true, "ConfigurationChanged",
			"clients without a valid certificate are served too", p->generation);
	buf_str(b, "],\"listeners\":[");
	for (unsigned i = 0; i < p->n_listeners; i++) {
		buf_str(b, i ? "," : "");
		put_listener(b, &p->listeners[i]);
	}
	buf_str(b, "]");
}

static void put_addresses(struct buf *b, const struct gateway_parent *g)
{
	char text[IP_TEXT];

	buf_str(b, ",\"addresses\":[");
	for (unsigned i = 0; i < g->n_shown; i++)
		buf_printf(b, "%s{\"type\":\"IPAddress\",\"value\":\"%s\"}", i ? "," : "",
		           ip_text(&g->shown[i], text));
	buf_str(b, "]");
}

int gateway_tell_parent(const struct gateway_parent *p, struct err *e)
{
	auto_buf struct buf b = { 0 };

	buf_str(&b, "{");
	put_parent(&b, p);
	if (p->kind == KIND_GATEWAY) {
		buf_printf(&b, ",\"attachedListenerSets\":%u", p->n_sets);
		if (!p->given)
			put_addresses(&b, p);
	}
	buf_str(&b, "}");
	buf_add(&b, "", 1);
	return gateway_status_write(p->kind, p->ns, p->name, b.data, e);
}

/* ---- routes --------------------------------------------------------------------------------- */

static void put_ref(struct buf *b, const struct gateway_route *r,
                    const struct gateway_parent_ref *ref)
{
	buf_printf(b, "{\"parentRef\":%s,\"controllerName\":\"%s\",\"conditions\":[", ref->json,
	           GATEWAY_CONTROLLER);
	gateway_put_says(b, "Accepted", "Accepted", &ref->accepted, r->generation);
	gateway_put_says(b, "ResolvedRefs", "ResolvedRefs", &ref->compiled->refs, r->generation);
	if (ref->compiled->partly.reason && !ref->accepted.reason)
		gateway_put_condition(b, "PartiallyInvalid", true, ref->compiled->partly.reason,
		                      ref->compiled->partly.message, r->generation);
	buf_str(b, "]}");
}

int gateway_tell_route(const struct gateway_route *r, struct err *e)
{
	auto_buf struct buf b = { 0 };
	bool first = true;

	buf_str(&b, "{\"parents\":[");
	for (unsigned i = 0; i < r->n_refs; i++) {
		if (!r->refs[i].parent)
			continue;
		buf_str(&b, first ? "" : ",");
		put_ref(&b, r, &r->refs[i]);
		first = false;
	}
	buf_str(&b, "]}");
	buf_add(&b, "", 1);
	return gateway_status_write(r->kind, r->ns, r->name, b.data, e);
}
