/* ingress_counters.h - the words of the shared page that ingress workers count in. */
#pragma once

enum ingress_counter {
	COUNT_CONNECTIONS,
	COUNT_STATUS_0, /* answers by class follow: COUNT_STATUS_0 + status / 100 */
	COUNT_STATUS_LAST = COUNT_STATUS_0 + 5,
	COUNT_NO_ROUTE,
	COUNT_UPSTREAM_CONNECTS,
	COUNT_UPSTREAM_ERRORS,
	COUNT_UPSTREAM_TIMEOUTS,
	COUNT_REFUSED, /* malformed requests */
	INGRESS_COUNTERS
};
