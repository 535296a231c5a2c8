/* fuzz_h2.c - any bytes from a client that speaks HTTP/2. Bytes: how (1: frames are made well
 * formed, 2: exchanges take nothing at first, 4: in pieces, 8: the preface and SETTINGS are the
 * input's own), then what is sent: raw, or for each frame type, flags, stream and length, then its
 * payload.
 *
 * Whatever comes: every exchange that was begun ends, nothing that was held is forgotten, no buffer
 * grows beyond its bound. */
#include "../unit/h2_bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check(const struct h2_far *f)
{
	must(h2_held <= (size_t)H2_STREAMS * (H2_WINDOW + OUT_HIGH + PIECE_MAX));
	if (!bench_open)
		return;
	must(side_waiting(&f->client->wire.side) <= OUT_HIGH + PIECE_MAX);
	must(f->client->n_streams <= H2_STREAMS + 1);
	must(bench.alive <= f->client->n_streams);
}

static void send_some(struct h2_far *f, const uint8_t *p, size_t n, bool pieces)
{
	for (size_t at = 0; at < n;) {
		size_t some = pieces && n - at > 7 ? 7 : n - at;

		far_send(f, p + at, some);
		at += some;
		check(f);
	}
	far_read(f);
	buf_reset(&f->got);
}

/* Four bytes and a payload become a frame. */
static size_t make_frame(const uint8_t *p, size_t n, struct buf *out)
{
	size_t len = n < 4 ? 0 : p[3] < n - 4 ? p[3] : n - 4;
	uint8_t head[9] = { 0, 0, (uint8_t)len,         p[0] % 11, n > 1 ? p[1] : 0, 0,
		            0, 0, n > 2 ? p[2] % 16 : 0 };

	buf_reset(out);
	buf_add(out, head, sizeof(head));
	if (len)
		buf_add(out, p + 4, len);
	return n < 4 ? n : 4 + len;
}

static void resume_all(struct h2_far *f)
{
	struct list *l, *next;

	bench.stopped = false;
	if (!bench_open)
		return;
	list_each (l, next, &f->client->streams)
		front_resume(&container_of(l, struct h2_stream, in_client)->x);
	bench_turn();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
	auto_buf struct buf frame = { 0 };
	struct h2_far f;
	unsigned how;
	size_t at = 1;

	if (!size)
		return 0;
	how = data[0];
	far_open(&f);
	bench.stopped = how & 2;
	if (!(how & 8))
		far_send(&f, preface, sizeof(preface));
	if (how & 1) {
		while (at < size) {
			at += make_frame(data + at, size - at, &frame);
			send_some(&f, (const uint8_t *)frame.data, frame.len, how & 4);
		}
	} else {
		send_some(&f, data + 1, size - 1, how & 4);
	}
	resume_all(&f);
	check(&f);
	if (bench_open && how & 16)
		f.client->client.drain(&f.client->client);
	far_read(&f);
	far_close(&f);
	must(!bench.alive && !streams_all && !h2_held && !bench_open);
	return 0;
}
