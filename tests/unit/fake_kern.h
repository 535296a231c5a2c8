/* fake_kern.h - the other side of include/knetd/kern.h: no kernel, only a record of what was asked.
 *
 * Every call adds a line to one text, which tests read and reset. Messages of an nftables
 * transaction appear when it is committed, with a last line "commit"; one that fails or is aborted
 * leaves none. What was committed can be read back (nft_elem_each, nft_chain_each). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

const char *fake_kern_text(void); /* since the last reset */
void fake_kern_reset(void);

void fake_kern_fail_commit(int code); /* the next nft_commit fails with this errno */
void fake_kern_fail_tbf(int code);    /* every flush behind an rt_tbf_set does; 0: no more */
void fake_kern_fail_sysctl(const char *path, int code); /* path NULL: no more */
void fake_kern_uplink(const char *name); /* the link of the default route; NULL: there is none */
void fake_kern_run_later(void);          /* ends what rt_link_del_later began */
/* A tracked connection, "10.96.0.1:53", answered by "10.244.0.5:53". */
void fake_kern_flow(uint8_t proto, const char *to, const char *from);
void fake_kern_flow_of(uint8_t proto, const char *client, const char *to, const char *from);
void fake_kern_no_flows(void);
void fake_kern_busy(void); /* a flow table has a connection that is to be forgotten */
/* Calls who watches that table, as if somebody else had changed it; NULL: notifications were lost.
 */
void fake_kern_foreign_change(const char *table);
void fake_kern_count(const char *table, const char *name, uint32_t packets); /* a named counter */
/* A packet that a rule has logged; NULL: some were lost. Nothing when nobody reads that group. */
struct nflog_packet;
void fake_kern_logged(uint16_t group, const struct nflog_packet *p);
void fake_kern_fail_nflog(int code); /* nflog_open does; 0: no more */
/* Somebody on that link says that he has an address. */
struct wire_claim;
void fake_kern_claim(const struct wire_claim *c);
/* What lan_watch tells. */
struct rt_link;
struct rt_addr;
void fake_kern_lan_news(const struct rt_link *l, const struct rt_addr *a);
