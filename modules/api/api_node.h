/* api_node.h - the routes of the daemon itself. */
#pragma once

struct route;
extern const struct route node_routes[];
void node_started(void); /* from here its age counts */
