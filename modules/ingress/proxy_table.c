/* proxy_table.c - where the structs of proxy_table.h have their pointers. */
#include "proxy_policy.h"
#include "proxy_table.h"

#define SHAPE(type, ...)                                                                           \
	(struct pack_shape)                                                                        \
	{                                                                                          \
		sizeof(struct type), (const struct pack_field[])                                   \
		{                                                                                  \
			__VA_ARGS__ PACK_END                                                       \
		}                                                                                  \
	}

// clang-format off
static const struct pack_shape text_shape = SHAPE(table_text,
	PACK_SPAN_AT(struct table_text, text), );

/* ---- what is done with a request ------------------------------------------------------------ */

static const struct pack_shape rewrite_shape = SHAPE(table_rewrite,
	PACK_SPAN_AT(struct table_rewrite, host),
	PACK_SPAN_AT(struct table_rewrite, path),
	PACK_SPAN_AT(struct table_rewrite, scheme), );
static const struct pack_shape cors_shape = SHAPE(table_cors,
	PACK_ARRAY_AT(struct table_cors, origins, &text_shape),
	PACK_SPAN_AT(struct table_cors, methods),
	PACK_SPAN_AT(struct table_cors, headers),
	PACK_SPAN_AT(struct table_cors, expose), );
static const struct pack_shape filter_shape = SHAPE(table_filter,
	PACK_SPAN_AT(struct table_filter, name),
	PACK_SPAN_AT(struct table_filter, value),
	PACK_ONE_AT(struct table_filter, rewrite, &rewrite_shape),
	PACK_ONE_AT(struct table_filter, cors, &cors_shape), );
static const struct pack_shape choice_shape = SHAPE(table_choice,
	PACK_ARRAY_AT(struct table_choice, filters, &filter_shape), );
static const struct pack_shape retry_shape = SHAPE(table_retry,
	PACK_ARRAY_AT(struct table_retry, codes, NULL), );
static const struct pack_shape action_shape; /* an external authentication has one too */

/* ---- what annotations ask for --------------------------------------------------------------- */

static const struct pack_shape cidr_shape = { sizeof(struct cidr), NULL };
static const struct pack_shape part_shape = SHAPE(table_part,
	PACK_SPAN_AT(struct table_part, text), );
static const struct pack_shape user_shape = SHAPE(table_user,
	PACK_SPAN_AT(struct table_user, name),
	PACK_SPAN_AT(struct table_user, hash), );
static const struct pack_shape basic_shape = SHAPE(table_basic,
	PACK_SPAN_AT(struct table_basic, realm),
	PACK_ARRAY_AT(struct table_basic, users, &user_shape), );
static const struct pack_shape auth_shape = SHAPE(table_auth,
	PACK_ONE_AT(struct table_auth, action, &action_shape),
	PACK_ARRAY_AT(struct table_auth, host, &part_shape),
	PACK_ARRAY_AT(struct table_auth, path, &part_shape),
	PACK_ARRAY_AT(struct table_auth, signin, &part_shape),
	PACK_ARRAY_AT(struct table_auth, back, &part_shape),
	PACK_SPAN_AT(struct table_auth, method),
	PACK_ARRAY_AT(struct table_auth, copied, &text_shape), );
static const struct pack_shape client_cert_shape = SHAPE(table_client_cert,
	PACK_SPAN_AT(struct table_client_cert, name),
	PACK_SPAN_AT(struct table_client_cert, error_page), );
static const struct pack_shape limit_shape = SHAPE(table_limit,
	PACK_SPAN_AT(struct table_limit, zone),
	PACK_ARRAY_AT(struct table_limit, exempt, &cidr_shape), );
static const struct pack_shape affinity_shape = SHAPE(table_affinity,
	PACK_SPAN_AT(struct table_affinity, name),
	PACK_SPAN_AT(struct table_affinity, path),
	PACK_SPAN_AT(struct table_affinity, domain), );
static const struct pack_shape canary_shape = SHAPE(table_canary,
	PACK_SPAN_AT(struct table_canary, header),
	PACK_SPAN_AT(struct table_canary, value),
	PACK_SPAN_AT(struct table_canary, cookie), );
const struct pack_shape table_policy_shape = SHAPE(table_policy,
	PACK_ARRAY_AT(struct table_policy, redirect, &part_shape),
	PACK_ARRAY_AT(struct table_policy, allow, &cidr_shape),
	PACK_ARRAY_AT(struct table_policy, deny, &cidr_shape),
	PACK_ONE_AT(struct table_policy, basic, &basic_shape),
	PACK_ONE_AT(struct table_policy, auth, &auth_shape),
	PACK_ONE_AT(struct table_policy, client_cert, &client_cert_shape),
	PACK_ONE_AT(struct table_policy, limit, &limit_shape),
	PACK_ONE_AT(struct table_policy, affinity, &affinity_shape),
	PACK_ARRAY_AT(struct table_policy, hash, &part_shape),
	PACK_ARRAY_AT(struct table_policy, canaries, &canary_shape), );

/* ---- what is done with a request, the whole -------------------------------------------------- */

static const struct pack_shape action_shape = SHAPE(table_action,
	PACK_SPAN_AT(struct table_action, route),
	PACK_SPAN_AT(struct table_action, rule),
	PACK_ARRAY_AT(struct table_action, filters, &filter_shape),
	PACK_ARRAY_AT(struct table_action, choices, &choice_shape),
	PACK_ONE_AT(struct table_action, retry, &retry_shape),
	PACK_ONE_AT(struct table_action, policy, &table_policy_shape), );

/* ---- which request -------------------------------------------------------------------------- */

static const struct pack_shape match_shape = SHAPE(table_match,
	PACK_SPAN_AT(struct table_match, name),
	PACK_SPAN_AT(struct table_match, value), );
static const struct pack_shape rule_shape = SHAPE(table_rule,
	PACK_SPAN_AT(struct table_rule, path),
	PACK_SPAN_AT(struct table_rule, method),
	PACK_ARRAY_AT(struct table_rule, headers, &match_shape),
	PACK_ARRAY_AT(struct table_rule, queries, &match_shape),
	PACK_ONE_AT(struct table_rule, action, &action_shape), );
static const struct pack_shape place_shape = SHAPE(table_place,
	PACK_SPAN_AT(struct table_place, host.name),
	PACK_SPAN_AT(struct table_place, path),
	PACK_ARRAY_AT(struct table_place, rules, &rule_shape), );
const struct pack_shape table_shard_shape = SHAPE(table_shard,
	PACK_ARRAY_AT(struct table_shard, places, &place_shape),
	PACK_ARRAY_AT(struct table_shard, slots, NULL), );

/* ---- where it arrives ----------------------------------------------------------------------- */

static const struct pack_shape listener_shape = SHAPE(table_listener,
	PACK_SPAN_AT(struct table_listener, name),
	PACK_SPAN_AT(struct table_listener, host),
	PACK_ARRAY_AT(struct table_listener, certs, NULL),
	PACK_ONE_AT(struct table_listener, otherwise, &action_shape), );
static const struct pack_shape port_shape = SHAPE(table_port,
	PACK_ARRAY_AT(struct table_port, listeners, &listener_shape), );
const struct pack_shape table_shape = SHAPE(table,
	PACK_ARRAY_AT(struct table, ports, &port_shape),
	PACK_ARRAY_AT(struct table, trusted, &cidr_shape), );

/* ---- where it goes -------------------------------------------------------------------------- */

static const struct pack_shape backend_tls_shape = SHAPE(table_backend_tls,
	PACK_SPAN_AT(struct table_backend_tls, name),
	PACK_ARRAY_AT(struct table_backend_tls, names, &text_shape), );
static const struct pack_shape endpoint_shape = { sizeof(struct table_endpoint), NULL };
static const struct pack_shape backend_shape = SHAPE(table_backend,
	PACK_SPAN_AT(struct table_backend, name),
	PACK_ONE_AT(struct table_backend, tls, &backend_tls_shape),
	PACK_ARRAY_AT(struct table_backend, endpoints, &endpoint_shape), );

const struct pack_shape table_backends_shape = SHAPE(table_backends,
	PACK_ARRAY_AT(struct table_backends, backends, &backend_shape), );

/* ---- who we are ----------------------------------------------------------------------------- */

static const struct pack_shape cert_shape = SHAPE(table_cert,
	PACK_SPAN_AT(struct table_cert, pem),
	PACK_ARRAY_AT(struct table_cert, names, &text_shape), );

const struct pack_shape table_certs_shape = SHAPE(table_certs,
	PACK_ARRAY_AT(struct table_certs, certs, &cert_shape), );
// clang-format on
