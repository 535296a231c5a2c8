/* nft_bytes.c - keys and data as the kernel compares them: each part padded to four bytes. */
#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include <knetd/kern.h>

static void put(struct nft_bytes *k, const void *p, unsigned n)
{
	unsigned padded = (n + 3) & ~3u;

	assert(k->n + padded <= sizeof(k->b));
	memset(k->b + k->n, 0, padded);
	memcpy(k->b + k->n, p, n);
	k->n += padded;
}

void nft_put_ip(struct nft_bytes *k, const struct ip *ip)
{
	put(k, ip->b, ip->len);
}

void nft_put_proto(struct nft_bytes *k, uint8_t proto)
{
	put(k, &proto, sizeof(proto));
}

void nft_put_port(struct nft_bytes *k, uint16_t port)
{
	uint16_t be = htons(port);

	put(k, &be, sizeof(be));
}

void nft_put_mark(struct nft_bytes *k, uint32_t mark)
{
	put(k, &mark, sizeof(mark));
}

void nft_put_number(struct nft_bytes *k, uint32_t number)
{
	uint32_t be = htonl(number);

	put(k, &be, sizeof(be));
}

void nft_put_ifindex(struct nft_bytes *k, unsigned ifindex)
{
	put(k, &ifindex, sizeof(ifindex));
}
