/* fuzz_h2_leg.c - any bytes from a backend that speaks HTTP/2, while three requests wait. Bytes:
 * how (1: frames are made well formed, 2: answers are not taken at first, 4: one request is given
 * up), then what is sent: raw, or for each frame type, flags, stream and length, then its payload.
 *
 * Each exchange is told once how it ends, and nothing is left behind. */
#include "../unit/h2_leg_bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void drain(void)
{
	static char away[65536];

	while (read(bench_pair[0], away, sizeof(away)) > 0)
		;
}

/* Four bytes and a payload become a frame. */
static size_t tell_frame(const uint8_t *p, size_t n)
{
	size_t len = n < 4 ? 0 : p[3] < n - 4 ? p[3] : n - 4;
	uint8_t frame[9 + 255] = { 0, 0, (uint8_t)len,        p[0] % 11, n > 1 ? p[1] : 0, 0,
		                   0, 0, n > 2 ? p[2] % 8 : 0 };

	if (len)
		memcpy(frame + 9, p + 4, len);
	bench_tell(frame, 9 + len);
	drain();
	return n < 4 ? n : 4 + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exchange x[3];
	size_t at = 1;

	if (!size)
		return 0;
	bench_start();
	bench_ask(&x[0], "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
	bench_ask(&x[1], "POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
	bench_ask(
		&x[2],
		"HEAD /c HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
	bench_connect();
	bench.stopped = data[0] & 2;
	bench_tell("\0\0\0\4\0\0\0\0\0", 9);
	if (x[1].leg)
		x[1].leg->ops->body(x[1].leg, "body", 4);
	if (!(data[0] & 1))
		bench_tell(data + 1, size - 1);
	while (data[0] & 1 && at < size) {
		at += tell_frame(data + at, size - at);
		must(h2_held <= 3 * (size_t)(H2_WINDOW + OUT_HIGH + PIECE_MAX));
		if (data[0] & 4 && at > 20)
			bench_end(&x[0]);
	}
	bench.stopped = false;
	for (int i = 0; i < 3; i++)
		if (x[i].leg && x[i].phase != EXCHANGE_IDLE)
			x[i].leg->ops->resume(x[i].leg);
	bench_turn();
	bench_end(&x[1]);
	bench_stop();
	for (int i = 0; i < 3; i++)
		bench_end(&x[i]);
	bench_turn();
	must(!bench.under_way && !h2_held && !n_links && bench_peer.refs == 1 && !bench_peer.busy);
	return 0;
}
