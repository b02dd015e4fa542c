/* SPDX-License-Identifier: BSD-3-Clause */
/* where_program.c - the lists of a program, and its stack of masks. */
#include <stdlib.h>
#include <string.h>

#include "capengine/where.h"
#include "filter/where_int.h"

void *ceint_list_add(struct ceint_list *list, size_t size, uint32_t count)
{
	unsigned char *items = list->items;

	if (count > list->room - list->count) {
		size_t room = ((size_t)list->count + count) * 2;

		if (room > UINT32_MAX)
			return NULL;
		items = realloc(list->items, room * size);
		if (!items)
			return NULL;
		list->items = items;
		list->room = (uint32_t)room;
	}
	items += list->count * size;
	list->count += count;
	return memset(items, 0, count * size);
}

/* Before the step that stands at `at`. */
static bool insert(struct ce_where *where, uint32_t at, struct ceint_step step)
{
	struct ceint_step *steps;

	if (!ceint_list_add(&where->steps, sizeof(step), 1))
		return false;
	steps = where->steps.items;
	memmove(steps + at + 1, steps + at, (where->steps.count - 1 - at) * sizeof(step));
	steps[at] = step;
	return true;
}

bool ceint_where_add(struct ce_where *where, struct ceint_step step)
{
	return insert(where, where->steps.count, step);
}

bool ceint_where_other(struct ce_where *where, struct ceint_either *either)
{
	if (either->count++ == 0) {
		either->from = where->steps.count;
		return true;
	}
	if (either->count == 2 &&
	    !insert(where, either->from, (struct ceint_step){.kind = CEINT_OR_OPEN}))
		return false;
	return ceint_where_add(where, (struct ceint_step){.kind = CEINT_OR_NEXT});
}

bool ceint_where_end(struct ce_where *where, const struct ceint_either *either)
{
	return either->count < 2 ||
	       ceint_where_add(where, (struct ceint_step){.kind = CEINT_OR_CLOSE});
}

/* How many masks a step leaves on the stack above those that it found. */
static int pushes(enum ceint_step_kind kind)
{
	switch (kind) {
	case CEINT_NOT_OPEN:
		return 1;
	case CEINT_NOT_CLOSE:
		return -1;
	case CEINT_OR_OPEN:
		return 2;
	case CEINT_OR_CLOSE:
		return -2;
	default:
		return 0;
	}
}

bool ceint_where_add_masks(struct ce_where *where)
{
	const struct ceint_step *steps = where->steps.items;
	int height = 0, most = 0;

	for (uint32_t i = 0; i < where->steps.count; i++) {
		height += pushes(steps[i].kind);
		most = height > most ? height : most;
	}
	where->masks = calloc((size_t)most + 1, sizeof(*where->masks));
	return where->masks;
}

void ce_where_close(struct ce_where *where)
{
	if (!where)
		return;
	free(where->steps.items);
	free(where->operands.items);
	free(where->ranges.items);
	free(where->slices.items);
	free(where->octets.items);
	for (int side = 0; side < 2; side++) {
		free(where->pieces[side].items);
		free(where->masked[side].items);
	}
	free(where->masks);
	free(where);
}
