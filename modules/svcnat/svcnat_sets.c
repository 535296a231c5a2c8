/* svcnat_sets.c - see svcnat_sets.h */
#include "svcnat_sets.h"

#define AFFINITY_MAX 65535 /* clients remembered, a family and kind of front */

const char *svcnat_set_name(enum svcnat_set set, uint8_t family)
{
	static const char *const names[SVCNAT_SETS][2] = {
		[SVCNAT_SVC] = { "svc4", "svc6" },
		[SVCNAT_OUTER] = { "outer4", "outer6" },
		[SVCNAT_EPS] = { "eps4", "eps6" },
		[SVCNAT_IDS] = { "ids4", "ids6" },
		[SVCNAT_PORTS] = { "ports4", "ports6" },
		[SVCNAT_OUTER_PORTS] = { "outer_ports4", "outer_ports6" },
		[SVCNAT_PORT_EPS] = { "port_eps4", "port_eps6" },
		[SVCNAT_PORT_IDS] = { "port_ids4", "port_ids6" },
		[SVCNAT_WHO] = { "who4", "who6" },
		[SVCNAT_GUARDED] = { "guarded4", "guarded6" },
		[SVCNAT_SNAT] = { "snat4", "snat6" },
		[SVCNAT_SNAT_PORTS] = { "snat_ports4", "snat_ports6" },
		[SVCNAT_OWN_SNAT] = { "own_snat4", "own_snat6" },
		[SVCNAT_OWN_SNAT_PORTS] = { "own_snat_ports4", "own_snat_ports6" },
		[SVCNAT_HITS] = { "hits4", "hits6" },
		[SVCNAT_HIT_PORTS] = { "hit_ports4", "hit_ports6" },
		[SVCNAT_CLUSTER] = { "cluster4", "cluster6" },
		[SVCNAT_HAIRPIN] = { "hairpin4", "hairpin6" },
		[SVCNAT_ALLOWED] = { "allowed4", "allowed6" },
		[SVCNAT_AFF] = { "aff4", "aff6" },
		[SVCNAT_PORT_AFF] = { "port_aff4", "port_aff6" },
		[SVCNAT_DNS] = { "dns4", "dns6" },
		[SVCNAT_NODE_AT] = { "node_at4", "node_at6" },
	};

	return names[set][family == 16];
}

void svcnat_sets_add(struct nft_txn *t, uint8_t family)
{
	enum nft_part ip = family == 4 ? NFT_IPV4 : NFT_IPV6;
#define FRONT ip, NFT_PROTO, NFT_PORT
#define NODE_PORT NFT_PROTO, NFT_PORT
	const struct nft_set_def defs[SVCNAT_SETS] = {
		[SVCNAT_SVC] = { .key = { FRONT }, .data = { NFT_MARK } },
		[SVCNAT_OUTER] = { .key = { FRONT }, .data = { NFT_MARK } },
		[SVCNAT_EPS] = { .key = { FRONT, NFT_MARK }, .data = { ip, NFT_PORT } },
		[SVCNAT_IDS] = { .key = { FRONT, NFT_MARK }, .data = { NFT_MARK } },
		[SVCNAT_PORTS] = { .key = { NODE_PORT }, .data = { NFT_MARK } },
		[SVCNAT_OUTER_PORTS] = { .key = { NODE_PORT }, .data = { NFT_MARK } },
		[SVCNAT_PORT_EPS] = { .key = { NODE_PORT, NFT_MARK }, .data = { ip, NFT_PORT } },
		[SVCNAT_PORT_IDS] = { .key = { NODE_PORT, NFT_MARK }, .data = { NFT_MARK } },
		[SVCNAT_WHO] = { .key = { NFT_MARK }, .data = { ip, NFT_PORT } },
		[SVCNAT_GUARDED] = { .key = { FRONT } },
		[SVCNAT_SNAT] = { .key = { FRONT } },
		[SVCNAT_SNAT_PORTS] = { .key = { NODE_PORT } },
		[SVCNAT_OWN_SNAT] = { .key = { FRONT } },
		[SVCNAT_OWN_SNAT_PORTS] = { .key = { NODE_PORT } },
		[SVCNAT_HITS] = { .key = { FRONT }, .counter = true },
		[SVCNAT_HIT_PORTS] = { .key = { NODE_PORT }, .counter = true },
		[SVCNAT_CLUSTER] = { .key = { ip } },
		[SVCNAT_HAIRPIN] = { .key = { ip, ip } },
		[SVCNAT_ALLOWED] = { .key = { FRONT, ip }, .interval = true },
		[SVCNAT_AFF] = { .key = { FRONT, ip },
		                 .data = { NFT_MARK },
		                 .dynamic = true,
		                 .size = AFFINITY_MAX },
		[SVCNAT_PORT_AFF] = { .key = { NODE_PORT, ip },
		                      .data = { NFT_MARK },
		                      .dynamic = true,
		                      .size = AFFINITY_MAX },
		[SVCNAT_DNS] = { .key = { FRONT } },
		[SVCNAT_NODE_AT] = { .key = { ip }, .interval = true },
	};
#undef FRONT
#undef NODE_PORT

	for (int i = 0; i < SVCNAT_SETS; i++) {
		struct nft_set_def def = defs[i];

		def.name = svcnat_set_name(i, family);
		nft_set_add(t, SVCNAT_TABLE, &def);
	}
}
