/* gzip.c - see gzip.h */
#include <errno.h>
#include <limits.h>

#define ZLIB_CONST
#include <zlib.h>

#include <knetd/gzip.h>

#define WINDOW (15 + 16) /* 32 KB, and a gzip header (zlib.h, deflateInit2) */
#define ROOM 65536       /* bytes of output asked for at a time */

bool gzip_pack(const char *p, size_t n, int level, struct buf *out)
{
	z_stream z = { .next_in = (const Bytef *)p, .avail_in = n };
	size_t before = out->len;
	int ret = Z_OK;

	if (n > UINT_MAX || deflateInit2(&z, level, Z_DEFLATED, WINDOW, 8, Z_DEFAULT_STRATEGY))
		return false;
	while (ret == Z_OK) {
		z.next_out = (Bytef *)buf_room(out, ROOM);
		z.avail_out = ROOM;
		ret = z.next_out ? deflate(&z, Z_FINISH) : Z_MEM_ERROR;
		if (z.next_out)
			out->len += ROOM - z.avail_out;
	}
	deflateEnd(&z);
	if (ret != Z_STREAM_END)
		out->len = before;
	return ret == Z_STREAM_END;
}

/* Room shrinks near the maximum, so that a text of exactly that length still fits. */
static size_t room_left(const struct buf *out)
{
	size_t max = out->max ? out->max : BUF_MAX, left = max - out->len;

	return left < ROOM ? left : ROOM;
}

int gzip_unpack(const char *p, size_t n, struct buf *out)
{
	z_stream z = { .next_in = (const Bytef *)p, .avail_in = n };
	size_t before = out->len, room;
	int ret = Z_OK;
	Bytef none;

	if (n > UINT_MAX || inflateInit2(&z, WINDOW))
		return -EINVAL;
	while (ret == Z_OK) {
		room = room_left(out);
		z.next_out = room ? (Bytef *)buf_room(out, room) : &none;
		z.avail_out = room ? room : 1;
		ret = inflate(&z, Z_NO_FLUSH);
		if (!room && !z.avail_out)
			ret = Z_MEM_ERROR; /* one byte too many */
		else if (room)
			out->len += room - z.avail_out;
	}
	inflateEnd(&z);
	if (ret == Z_STREAM_END && !z.avail_in)
		return 0;
	out->len = before;
	return ret == Z_MEM_ERROR ? -EFBIG : -EINVAL;
}
