/* list.h - the one intrusive list: circular, doubly linked; a head is a node of its own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

// clang-format off
#define LIST_INIT(head) { &(head), &(head) }
// clang-format on

static inline void list_init(struct list *head)
{
	head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_add_tail(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

/* Takes node out and leaves it empty, so that deleting twice does no harm. */
static inline void list_del(struct list *node)
{
	/* clang's analyzer does not see through the ring that head->next moved on, and takes the
	 * next node for the one just freed. */
	node->prev->next = node->next; // NOLINT(clang-analyzer-unix.Malloc)
	node->next->prev = node->prev;
	list_init(node);
}

/* All nodes of from, in their order, to the empty list to. */
static inline void list_take(struct list *to, struct list *from)
{
	list_init(to);
	if (list_empty(from))
		return;
	*to = *from;
	to->next->prev = to->prev->next = to;
	list_init(from);
}

/* The body may delete the current node, no other. */
#define list_each(pos, nxt, head)                                                                  \
	for ((pos) = (head)->next, (nxt) = (pos)->next; (pos) != (head);                           \
	     (pos) = (nxt), (nxt) = (pos)->next)
