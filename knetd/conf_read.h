/* conf_read.h - how conf.c and conf_node.c, which has the readers of what a machine is given, share
 * the reading. Private to them. A reader returns NULL when the value is good, else what it should
 * have been. */
#pragma once

#include <stddef.h>

#include <knetd/err.h>

/* Calls one for each item of a list with commas, blanks around items dropped. */
const char *conf_each_item(const char *value, const char *(*one)(void *arg, char *item), void *arg);

const char *conf_read_uplink(void *field, size_t size, const char *value);
const char *conf_read_link(void *field, size_t size, const char *value);
const char *conf_read_gateways(void *field, size_t size, const char *value);
const char *conf_read_nameservers(void *field, size_t size, const char *value);
const char *conf_read_mount(void *field, size_t size, const char *value);
const char *conf_read_run(void *field, size_t size, const char *value);
const char *conf_read_console(void *field, size_t size, const char *value);
/* What the keys of the uplink say together. */
int conf_settle_uplink(struct err *e);
