/* proxy_counters.h - the words of the shared page that ingress workers count in. */
#pragma once

enum proxy_counter {
	COUNT_CONNECTIONS,
	COUNT_STATUS_0, /* answers by class follow: COUNT_STATUS_0 + status / 100 */
	COUNT_STATUS_LAST = COUNT_STATUS_0 + 5,
	COUNT_NO_ROUTE,
	COUNT_UPSTREAM_CONNECTS,
	COUNT_UPSTREAM_ERRORS,
	COUNT_UPSTREAM_TIMEOUTS,
	COUNT_REFUSED,  /* malformed requests */
	COUNT_TLS_FULL, /* handshakes with clients: whole, by an earlier session, failed */
	COUNT_TLS_RESUMED,
	COUNT_TLS_FAILED,
	COUNT_EVICTED,     /* idle connections closed for new ones */
	COUNT_TURNED_AWAY, /* connections closed at once: too many */
	COUNT_H2_CONNECTIONS,
	COUNT_H2_STREAMS_REFUSED, /* more than may be */
	COUNT_H2_ENDED_FRAMES,    /* connections of clients ended: frames that bring nothing, */
	COUNT_H2_ENDED_RESETS,    /* streams begun for nothing, */
	COUNT_H2_ENDED_HEADS,     /* heads without end, */
	COUNT_H2_ENDED_PROTOCOL,  /* what is not HTTP/2 */
	PROXY_COUNTERS
};
