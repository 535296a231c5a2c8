"""What goes into the proxy byte by byte, what comes out, and what a backend got to see; test_ingress_raw.py sends it all.

A row is (bytes, what). what is a status: refused with it, the connection ends there, no backend saw anything. Or it is a
list: what the backend saw, request by request, as (method, target, body) or "GET target"; all were answered with 200.
Behind every row goes one more good request, END: refused rows must not have it served, good ones must.
"""

H = b"Host: a.example\r\n"
END = b"GET /end HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n"


def get(target=b"/", host=H, more=b"", version=b"HTTP/1.1", method=b"GET"):
    return method + b" " + target + b" " + version + b"\r\n" + host + more + b"\r\n"


def post(more, body=b"", version=b"HTTP/1.1"):
    return get(b"/up", more=more, version=version, method=b"POST") + body


CL = b"Content-Length: "
TE = b"Transfer-Encoding: "
CHUNKED = TE + b"chunked\r\n"


def chunks(body):
    return post(CHUNKED, body)


# ---- how long a body is: one opinion, said once -------------------------------------------------------------------------
LENGTHS = [
    (post(CL + b"5\r\n", b"hello"), [("POST", "/up", b"hello")]),
    (post(CL + b"0\r\n"), [("POST", "/up", b"")]),
    (post(b""), [("POST", "/up", b"")]),
    (post(CL + b"005\r\n", b"hello"), [("POST", "/up", b"hello")]),
    (post(b"content-LENGTH:5\r\n", b"hello"), [("POST", "/up", b"hello")]),
    (post(CL + b" \t 5 \t \r\n", b"hello"), [("POST", "/up", b"hello")]),
    (get(more=CL + b"5\r\n") + b"hello", [("GET", "/", b"hello")]),
    (post(CL + b"%d\r\n" % len(SMUGGLED), SMUGGLED), [("POST", "/up", SMUGGLED)]),
    (post(CL + b"5\r\n" + CL + b"5\r\n", b"hello"), 400),
    (post(CL + b"5\r\n" + CL + b"6\r\n", b"hello"), 400),
    (post(CL + b"5, 5\r\n", b"hello"), 400),
    (post(CL + b"5,6\r\n", b"hello"), 400),
    (post(CL + b"+5\r\n", b"hello"), 400),
    (post(CL + b"-5\r\n", b"hello"), 400),
    (post(CL + b"0x5\r\n", b"hello"), 400),
    (post(CL + b"5a\r\n", b"hello"), 400),
    (post(CL + b"5.0\r\n", b"hello"), 400),
    (post(CL + b"5 5\r\n", b"hello"), 400),
    (post(CL + b"\"5\"\r\n", b"hello"), 400),
    (post(CL + b"\r\n", b"hello"), 400),
    (post(CL + b"1e1\r\n", b"hello"), 400),
    (post(CL + b"18446744073709551621\r\n", b"hello"), 400),
    (post(CL + b"99999999999999999999999999\r\n", b"hello"), 400),
    (post(CL + b"\xc2\xb25\r\n", b"hello"), 400),
    (post(CL + b"5\x0b\r\n", b"hello"), 400),
    (post(b"Content-Length : 5\r\n", b"hello"), 400),
    (post(b"Content-Length\t: 5\r\n", b"hello"), 400),
    (post(b" Content-Length: 5\r\n", b"hello"), 400),
    (post(b"Content-Length\r\n", b"hello"), 400),
    (post(b"Content-Length:\r\n 5\r\n", b"hello"), 400),
    # both ways to say it
    (post(CL + b"%d\r\n" % (5 + len(SMUGGLED)) + CHUNKED, b"0\r\n\r\n" + SMUGGLED), 400),
    (post(CHUNKED + CL + b"5\r\n", b"0\r\n\r\n" + SMUGGLED), 400),
    (post(CHUNKED + CL + b"0\r\n", b"0\r\n\r\n"), 400),
    (post(TE + b"identity\r\n" + CL + b"5\r\n", b"hello"), 400),
    # codings
    (post(TE + b"Chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n"), [("POST", "/up", b"hello")]),
    (post(b"transfer-encoding:chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n"), [("POST", "/up", b"hello")]),
    (post(TE + b"\tchunked \r\n", b"5\r\nhello\r\n0\r\n\r\n"), [("POST", "/up", b"hello")]),
    (post(TE + b"identity\r\n", b"0\r\n\r\n"), 400),
    (post(TE + b"gzip\r\n", b"0\r\n\r\n"), 400),
    (post(TE + b"gzip, chunked\r\n", b"0\r\n\r\n"), 400),
    (post(TE + b"chunked, gzip\r\n", b"0\r\n\r\n"), 400),
    (post(TE + b"chunked, identity\r\n", b"0\r\n\r\n"), 400),
    (post(TE + b"chunked, chunked\r\n", b"0\r\n\r\n"), 400),
    (post(TE + b"chunked,\r\n", b"0\r\n\r\n"), 400),
    (post(TE + b",chunked\r\n", b"0\r\n\r\n"), 400),
    (post(CHUNKED + CHUNKED, b"0\r\n\r\n"), 400),
    (post(CHUNKED + TE + b"identity\r\n", b"0\r\n\r\n"), 400),
    (post(TE + b"identity\r\n" + CHUNKED, b"0\r\n\r\n"), 400),
    (post(TE + b"xchunked\r\n", b"0\r\n\r\n"), 400),
    (post(TE + b"chunkedx\r\n", b"0\r\n\r\n"), 400),
    (post(TE + b"chunked;q=1\r\n", b"0\r\n\r\n"), 400),
    (post(TE + b"\"chunked\"\r\n", b"0\r\n\r\n"), 400),
    (post(TE + b"\x0bchunked\r\n", b"0\r\n\r\n"), 400),
    (post(TE + b"chunked\x00\r\n", b"0\r\n\r\n"), 400),
    (post(TE + b"\r\n", b"0\r\n\r\n"), 400),
    (post(TE + b"\r\n chunked\r\n", b"0\r\n\r\n"), 400),
    (post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"), 400),
    (post(b"Transfer-Encoding\x00: chunked\r\n", b"0\r\n\r\n"), 400),
    (post(b"X: y\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), 400),
    (post(b"X: y\rTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), 400),
    (post(CHUNKED, b"0\r\n\r\n", version=b"HTTP/1.0"), 400),
    # not these fields at all, and for a backend that takes them for these, not there (underscores)
    (post(b"Transfer_Encoding: chunked\r\n" + CL + b"5\r\n", b"hello"), [("POST", "/up", b"hello")]),
    (post(b"Content_Length: 50\r\n" + CL + b"5\r\n", b"hello"), [("POST", "/up", b"hello")]),
    (post(b"X-Content-Length: 50\r\n" + CL + b"5\r\n", b"hello"), [("POST", "/up", b"hello")]),
]

# ---- the chunked coding ------------------------------------------------------------------------------------------------
GOOD_CHUNKS = [
    (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
    (b"0\r\n\r\n", b""),
    (b"000\r\n\r\n", b""),
    (b"05\r\nhello\r\n0\r\n\r\n", b"hello"),
    (b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    (b"a\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    (b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", b"hello"),
    (b"5;name=value\r\nhello\r\n0;last\r\n\r\n", b"hello"),
    (b"5;n=\"a;b\\\"c\"\r\nhello\r\n0\r\n\r\n", b"hello"),
    (b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n", b"hello"),
    (b"7\r\n0\r\n\r\nGE\r\n0\r\n\r\n", b"0\r\n\r\nGE"),
]
BAD_CHUNKS = [
    b"5\nhello\r\n0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n", b"5\r\nhello\r\n0\n\r\n", b"5\r\nhello\r\n0\r\n\n",
    b"5\r\nhello0\r\n\r\n", b"5\r\nhelloXX0\r\n\r\n", b"5\r\nhello\r\r\n0\r\n\r\n", b"4\r\nhello\r\n0\r\n\r\n",
    b"5 \r\nhello\r\n0\r\n\r\n", b" 5\r\nhello\r\n0\r\n\r\n", b"5 ;a\r\nhello\r\n0\r\n\r\n", b"+5\r\nhello\r\n0\r\n\r\n",
    b"-1\r\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"5,5\r\nhello\r\n0\r\n\r\n", b"g\r\nhello\r\n0\r\n\r\n",
    b"\r\nhello\r\n0\r\n\r\n", b";a=b\r\nhello\r\n0\r\n\r\n", b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    b"10000000000000005\r\nhello\r\n0\r\n\r\n", b"00000000000000005\r\nhello\r\n0\r\n\r\n",
    b"5;a\nb\r\nhello\r\n0\r\n\r\n", b"5;a\rb\r\nhello\r\n0\r\n\r\n", b"5;\x00\r\nhello\r\n0\r\n\r\n",
    b"5;\x7f\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\nno colon\r\n\r\n", b"5\r\nhello\r\n0\r\n: x\r\n\r\n",
    b"5\r\nhello\r\n0\r\nA : x\r\n\r\n", b"5\r\nhello\r\n0\r\n A: x\r\n\r\n", b"5\r\nhello\r\n0\r\nA: x\n\r\n",
    b"5\r\nhello\r\n0\r\nA: \x00\r\n\r\n", b"0\r\n" + SMUGGLED, b"5;" + b"e" * 9000 + b"\r\nhello\r\n0\r\n\r\n",
    b"0\r\n" + b"A: b\r\n" * 2000 + b"\r\n", b"1;" + b"e" * 500 + b"\r\nx\r\n" + (b"1;" + b"e" * 500 + b"\r\nx\r\n") * 30 + b"0\r\n\r\n",
]
CHUNKS = [(chunks(sent), [("POST", "/up", body)]) for sent, body in GOOD_CHUNKS] + [(chunks(sent), 400) for sent in BAD_CHUNKS]

# ---- lines and fields ------------------------------------------------------------------------------------------------------
LINES = [
    (b"\r\n" + get(), ["GET /"]),
    (b"\r\n\r\n" + get(), ["GET /"]),
    (b"\r\n\r\n\r\n" + get(), 400),
    (b"\n" + get(), 400),
    (b"\r" + get(), 400),
    (b" " + get(), 400),
    (b"\x00" + get(), 400),
    (get().replace(b"\r\n", b"\n"), 400),
    (b"GET / HTTP/1.1\n" + H + b"\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a.example\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a.example\r\n\n", 400),
    (b"GET / HTTP/1.1\rHost: a.example\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\r\n" + H + b"\r\n", 400),
    (get(more=b"X: a\r\r\n"), 400),
    (get(more=b"X: a\rb\r\n"), 400),
    (get(more=b"X: a\nb: c\r\n"), 400),
    (get(more=b"X: a\r\n b\r\n"), 400),
    (get(more=b"X: a\r\n\tb\r\n"), 400),
    (b"GET / HTTP/1.1\r\n X: a\r\n" + H + b"\r\n", 400),
    (get(more=b"X : a\r\n"), 400),
    (get(more=b"X\t: a\r\n"), 400),
    (get(more=b" : a\r\n"), 400),
    (get(more=b": a\r\n"), 400),
    (get(more=b"X\r\n"), 400),
    (get(more=b"X Y: a\r\n"), 400),
    (get(more=b"X\x00Y: a\r\n"), 400),
    (get(more=b"X(Y): a\r\n"), 400),
    (get(more=b"X\xe4: a\r\n"), 400),
    (get(more=b"X@Y: a\r\n"), 400),
    (get(more=b"X[]: a\r\n"), 400),
    (get(more=b"{X}: a\r\n"), 400),
    (get(more=b"X: \x00\r\n"), 400),
    (get(more=b"X: a value long enough, with \x01 in it\r\n"), 400),
    (get(more=b"X: \x0b\r\n"), 400),
    (get(more=b"X: \x1b[31m\r\n"), 400),
    (get(more=b"X: \x7f\r\n"), 400),
    (get(more=b"X:\r\n"), ["GET /"]),
    (get(more=b"X:a\r\n"), ["GET /"]),
    (get(more=b"X: a\tb\r\n"), ["GET /"]),
    (get(more=b"X: \xe4\xff\x80\r\n"), ["GET /"]),
    (get(more=b"X: :\r\nY: a:b\r\n"), ["GET /"]),
    (get(more=b"!#$%&'*+-.^`|~: a\r\n"), ["GET /"]),
    # how many and how long
    (get(more=b"".join(b"X-%d: y\r\n" % i for i in range(100))), ["GET /"]),
    (get(more=b"".join(b"X-%d: y\r\n" % i for i in range(300))), 431),
    (get(more=b"X: " + b"y" * 16000 + b"\r\n"), ["GET /"]),
    (get(more=b"X: " + b"y" * 70000 + b"\r\n"), 431),
    (get(more=b"Y" * 40000 + b": y\r\n"), 431),
    (get(b"/" + b"a" * 4000), ["GET /" + "a" * 4000]),
    (get(b"/" + b"a" * 9000), 414),
    (get(b"/?" + b"a" * 9000), 414),
    (get(b"/" + b"a" * 70000), 414),
]

# ---- the request line ------------------------------------------------------------------------------------------------------
REQUEST_LINES = [
    (get(method=b"HEAD"), ["HEAD /"]),
    (get(method=b"DELETE"), ["DELETE /"]),
    (get(method=b"PATCH"), ["PATCH /"]),
    (get(method=b"PROPFIND"), ["PROPFIND /"]),
    (get(method=b"get"), ["get /"]),
    (get(method=b"G(T"), 400),
    (get(method=b"G\x00T"), 400),
    (get(method=b"G\xc4T"), 400),
    (get(method=b"G" * 64), 400),
    (get(method=b""), 400),
    (b"GET  / HTTP/1.1\r\n" + H + b"\r\n", 400),
    (b"GET /  HTTP/1.1\r\n" + H + b"\r\n", 400),
    (b"GET\t/ HTTP/1.1\r\n" + H + b"\r\n", 400),
    (b"GET /\tHTTP/1.1\r\n" + H + b"\r\n", 400),
    (b"GET /a b HTTP/1.1\r\n" + H + b"\r\n", 400),
    (b"GET / HTTP/1.1 \r\n" + H + b"\r\n", 400),
    (b"GET / HTTP/1.1 x\r\n" + H + b"\r\n", 400),
    (b"GET /\r\n\r\n", 400),
    (b"GET / \r\n" + H + b"\r\n", 400),
    (b"GET\r\n" + H + b"\r\n", 400),
    (b"GET HTTP/1.1\r\n" + H + b"\r\n", 400),
    (b"/ HTTP/1.1\r\n" + H + b"\r\n", 400),
    (get(version=b"http/1.1"), 400),
    (get(version=b"HTTP/1.01"), 400),
    (get(version=b"HTTP/1"), 400),
    (get(version=b"HTTP/11"), 400),
    (get(version=b"HTTP /1.1"), 400),
    (get(version=b"HTTPS/1.1"), 400),
    (get(version=b"HTTP/1.x"), 400),
    (get(version=b"HTTP/0.9"), 505),
    (get(version=b"HTTP/1.2"), 505),
    (get(version=b"HTTP/2.0"), 505),
    (get(version=b"HTTP/3.0"), 505),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n", 400),
    (b"SSH-2.0-OpenSSH_9.2\r\n", 400),
    # what is asked for
    (get(b"a"), 400),
    (get(b"*"), 400),
    (get(b"?a"), 400),
    (get(b"./a"), 400),
    (get(b"a.example"), 400),
    (get(b"a.example:80", method=b"CONNECT"), 400),
    (get(b"/", method=b"CONNECT"), 400),
    (get(b"*", method=b"OPTIONS"), 400),
    (get(b"/", method=b"OPTIONS"), ["OPTIONS /"]),
    (get(b"http://a.example/x?y"), ["GET /x?y"]),
    (get(b"HTTP://A.example/x"), ["GET /x"]),
    (get(b"http://a.example/x", host=b"Host: b.example\r\n"), 400),
    (get(b"http://b.example/x"), 400),
    (get(b"http://a.example:81/x"), 400),
    (get(b"http://a.example:x/x", host=b"Host: a.example:x\r\n"), 400),
    (get(b"http://u:p@a.example/x"), 400),
    (get(b"http://u@a.example/x", host=b"Host: u@a.example\r\n"), 400),
    (get(b"http://a.example"), 400),
    (get(b"http:///x"), 400),
    (get(b"http:/x"), 400),
    (get(b"http:x"), 400),
    (get(b"https://a.example/x"), 400),
    (get(b"ftp://a.example/x"), 400),
    (get(b"file:///etc/passwd"), 400),
    (get(b"http://a.example/x", host=b""), 400),
    (get(b"http://a.example/x", host=b"Host:\r\n"), 400),
    (get(b"/http://b.example/"), 400),  # an empty segment
    (get(b"/?u=http://b.example/"), ["GET /?u=http://b.example/"]),
]

# ---- Host ------------------------------------------------------------------------------------------------------------------
HOSTS = [
    (get(host=b""), 400),
    (get(host=H + H), 400),
    (get(host=H + b"Host: b.example\r\n"), 400),
    (get(host=H + b"host:\r\n"), 400),
    (get(host=b"Host: a.example, b.example\r\n"), 400),
    (get(host=b"Host: a.example b\r\n"), 400),
    (get(host=b"Host: a.example/\r\n"), 400),
    (get(host=b"Host: http://a.example\r\n"), 400),
    (get(host=b"Host: u@a.example\r\n"), 400),
    (get(host=b"Host: a.example#\r\n"), 400),
    (get(host=b"Host: a.example?\r\n"), 400),
    (get(host=b"Host: a.example\\\r\n"), 400),
    (get(host=b"Host: a%2eexample\r\n"), 400),
    (get(host=b"Host: a..example\r\n"), 400),
    (get(host=b"Host: .a.example\r\n"), 400),
    (get(host=b"Host: a.example:\x00\r\n"), 400),
    (get(host=b"Host: a.example:80a\r\n"), 400),
    (get(host=b"Host: a.example:-1\r\n"), 400),
    (get(host=b"Host: a.example:65536\r\n"), 400),
    (get(host=b"Host: a.example:80:80\r\n"), 400),
    (get(host=b"Host: :80\r\n"), 400),
    (get(host=b"Host: [::1\r\n"), 400),
    (get(host=b"Host: ::1\r\n"), 400),
    (get(host=b"Host: [::1]a\r\n"), 400),
    (get(host=b"Host: [v1.a]\r\n"), 400),
    (get(host=b"Host: \xc3\xa4.example\r\n"), 400),
    (get(host=b"Host: *\r\n"), 400),
    (get(host=b"Host: " + b"a" * 300 + b"\r\n"), 400),
    (get(host=b"Host : a.example\r\n"), 400),
    (get(host=b"\tHost: a.example\r\n"), 400),
    (get(host=b"Host:a.example\r\n"), ["GET /"]),
    (get(host=b"hOST: A.EXAMPLE\r\n"), ["GET /"]),
    (get(host=b"Host: a.example:8080\r\n"), ["GET /"]),
    (get(host=b"Host: a.example:\r\n"), ["GET /"]),
    (get(host=b"Host: a.example.\r\n"), ["GET /"]),
    (get(b"http://a.example/x", version=b"HTTP/1.0", host=b"", more=b"Connection: keep-alive\r\n"), ["GET /x"]),
    (get(version=b"HTTP/1.0", more=b"Connection: keep-alive\r\n"), ["GET /"]),
    (post(b"Connection: keep-alive\r\n" + CL + b"5\r\n", b"hello", version=b"HTTP/1.0"), [("POST", "/up", b"hello")]),
]

# ---- paths: one reading only -------------------------------------------------------------------------------------------------
GOOD_PATHS = [
    "/a/b", "/a/", "/a.b", "/a/..b", "/a/.b/c", "/...", "/a/b..", "/~a", "/a;v=1/b", "/a,b", "/a:b", "/a@b", "/a=b&c", "/!$'()*+",
    "/%61", "/a%20b", "/%C3%A4", "/%c3%a4", "/a%3Fb", "/a%23b", "/a%25b", "/?a=%2F..%2f", "/?%zz", "/?../..", "/?a//b", "/?",
    "/?a?b", "/?{\"}".replace("\"", "'"), "/?a|b^`", "/?a\\b", "/[a]", "/?%00",
]
BAD_PATHS = [
    b"//", b"//a", b"/a//b", b"/a//", b"/./", b"/.", b"/..", b"/../", b"/a/..", b"/a/../b", b"/a/./b", b"/a/.", b"/../../etc/passwd",
    b"/%2e", b"/%2e%2e", b"/.%2e/a", b"/%2E./a", b"/a/%2e%2e/b", b"/a/%2e/b", b"/a%2fb", b"/a%2Fb", b"/%2f", b"/..%2fa", b"/a%5cb",
    b"/a%5Cb", b"/a\\b", b"/..\\a", b"/a%00", b"/a%00.png", b"/%", b"/%a", b"/a%", b"/%zz", b"/%g0", b"/%0g", b"/%%61", b"/%u0041",
    b"/a#b", b"/#", b"/?#", b"/a\"b", b"/<a>", b"/{a}", b"/a|b", b"/a^b", b"/a`b", b"/a\x01b", b"/a\x7fb", b"/\xc3\xa4", b"/?\xe4",
    b"/?a\x00b", b"/?a\x1fb", b"/?<", b"/a\x0bb",
]
PATHS = [(get(p.encode()), ["GET " + p]) for p in GOOD_PATHS] + [(get(p), 400) for p in BAD_PATHS]

# ---- several requests on a connection, and what may become more than one --------------------------------------------------------
SEQUENCES = [
    (get(b"/1") + get(b"/2") + get(b"/3"), ["GET /1", "GET /2", "GET /3"]),
    (post(CL + b"5\r\n", b"hello") + get(b"/2"), [("POST", "/up", b"hello"), "GET /2"]),
    (chunks(b"5\r\nhello\r\n0\r\n\r\n") + get(b"/2"), [("POST", "/up", b"hello"), "GET /2"]),
    (chunks(b"5\r\nhello\r\n0\r\nA: b\r\n\r\n") + post(CL + b"1\r\n", b"x"), [("POST", "/up", b"hello"), ("POST", "/up", b"x")]),
    (get(b"/1") + b"\r\n" + get(b"/2"), ["GET /1", "GET /2"]),
    (get(more=b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"), ["GET /"]),
    (get(more=b"Upgrade: websocket\r\n"), ["GET /"]),
    (get(more=b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\n") + get(b"/2"), ["GET /", "GET /2"]),
    (get(more=b"Connection: content-length\r\n" + CL + b"5\r\n") + b"hello", [("GET", "/", b"hello")]),
    (get(more=b"Connection: host, transfer-encoding\r\n"), ["GET /"]),
    (post(b"Connection: transfer-encoding\r\n" + CHUNKED, b"5\r\nhello\r\n0\r\n\r\n"), [("POST", "/up", b"hello")]),
    (post(b"Expect: 100-continue\r\n" + CL + b"5\r\n", b"hello"), [("POST", "/up", b"hello")]),
    (get(more=b"Expect: 100-continue\r\n"), ["GET /"]),
]

TABLES = {"lengths": LENGTHS, "chunks": CHUNKS, "lines": LINES, "request line": REQUEST_LINES, "host": HOSTS, "paths": PATHS,
          "sequences": SEQUENCES}
ROWS = [(f"{name}-{i}", sent, what) for name, rows in TABLES.items() for i, (sent, what) in enumerate(rows)]

# What must not reach a backend in these words, whoever sends it: fields of one hop, of the proxy's own, and names with an
# underscore, which CGI and WSGI servers cannot tell from those with a dash. (lines sent, names that must not be seen)
HIDDEN = [
    (b"X-Forwarded-For: 6.6.6.6\r\n", [b"6.6.6.6"]),
    (b"X_Forwarded_For: 6.6.6.6\r\n", [b"6.6.6.6"]),
    (b"X-Forwarded_For: 6.6.6.6\r\n", [b"6.6.6.6"]),
    (b"Forwarded: for=6.6.6.6\r\n", [b"6.6.6.6"]),
    (b"X-Real-IP: 6.6.6.6\r\n", [b"6.6.6.6"]),
    (b"X-Forwarded-Host: evil.example\r\n", [b"evil.example"]),
    (b"X-Forwarded-Proto: gopher\r\n", [b"gopher"]),
    (b"X-Forwarded-Port: 6666\r\n", [b"6666"]),
    (b"A_B: underscored\r\n", [b"underscored"]),
    (b"Transfer_Encoding: chunked\r\n", [b"chunked"]),
    (b"Connection: X-Hop\r\nX-Hop: hopped\r\n", [b"hopped"]),
    (b"Connection: keep-alive, x-hop\r\nConnection: X-Skip\r\nX-Hop: hopped\r\nX-Skip: skipped\r\n", [b"hopped", b"skipped"]),
    (b"Keep-Alive: timeout=5\r\n", [b"timeout=5"]),
    (b"Proxy-Connection: keep-alive\r\n", [b"roxy-"]),
    (b"TE: trailers, deflate\r\n", [b"deflate"]),
    (b"Trailer: X-Sum\r\n", [b"X-Sum"]),
    (b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n", [b"h2c", b"HTTP2-Settings", b"AAMAAABk"]),
    (b"Upgrade: websocket, h2c\r\nConnection: Upgrade\r\n", [b"h2c"]),
]
