/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dump_pcapng.c - a dump as a pcapng file: one section, an interface for each
 * source, link type and snap length, comments, and what the interface counted at the end.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file_header_int.h"
#include "dump_int.h"
#include "file/format_pcapng_int.h"

enum { LINKTYPE_AT = 20, TEXT = 256 };

/* The number that a link type has in files. 0 or a negative errno. */
static int linktype_in_files(int linktype, uint16_t *number)
{
	unsigned char header[CEINT_FILE_HEADER];
	int rc = ceint_file_header(header, linktype, 0, false);

	memcpy(number, header + LINKTYPE_AT, sizeof(*number));
	return rc;
}

/* Describe one more interface. 0 or a negative errno. */
static int add_interface(struct ce_dump *dump, const struct ce_origin *origin)
{
	struct ceint_pcapng_interface interface = {
		.snaplen = origin->snaplen,
		.nano = dump->nano,
		.name = dump->from.name,
		.filter = dump->from.filter,
	};
	uint32_t count = dump->interface_count;
	struct ceint_interface *all;
	unsigned char *room;
	size_t size, bytes;
	int rc = linktype_in_files(origin->linktype, &interface.linktype);

	if (rc < 0)
		return rc;
	all = realloc(dump->interfaces, (count + 1) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	dump->interfaces = all;
	bytes = ceint_pcapng_interface(NULL, &interface);
	rc = ceint_dump_room(dump, bytes, &room, &size);
	if (rc < 0)
		return rc;
	ceint_pcapng_interface(room, &interface);
	ceint_dump_add(dump, bytes, 0);
	all[count] = (struct ceint_interface){.source = dump->from.source,
	                                      .linktype = origin->linktype,
	                                      .snaplen = origin->snaplen};
	dump->interface_count++;
	return 0;
}

/* The section, and in it the interface of the first packet: readers want one. */
static int begin(struct ce_dump *dump, const struct ce_origin *origin, struct ce_err *err)
{
	static const char application[] = "capengine " CE_VERSION;
	unsigned char *room;
	uint16_t number;
	size_t size, bytes = ceint_pcapng_section(NULL, application);
	int rc = linktype_in_files(origin->linktype, &number);

	if (rc == -EINVAL)
		return ceint_dump_unknown(dump, origin->linktype, err);
	if (rc < 0)
		return ce_err_set(err, rc, "%s: %s", dump->path, strerror(-rc));
	if (!dump->file) /* a question whether it would work */
		return 0;
	rc = ceint_dump_room(dump, bytes, &room, &size);
	if (rc < 0)
		return ceint_dump_fail(dump, rc, err);
	ceint_pcapng_section(room, application);
	ceint_dump_add(dump, bytes, 0);
	rc = add_interface(dump, origin);
	return rc < 0 ? ceint_dump_fail(dump, rc, err) : 0;
}

/* The number of the packet's interface, or a negative errno. */
static int64_t interface_of(struct ce_dump *dump, const struct ce_origin *origin)
{
	uint32_t i = 0;
	int rc = 0;

	while (i < dump->interface_count &&
	       (dump->interfaces[i].source != dump->from.source ||
	        dump->interfaces[i].linktype != origin->linktype ||
	        dump->interfaces[i].snaplen != origin->snaplen))
		i++;
	if (i == dump->interface_count)
		rc = add_interface(dump, origin);
	return rc < 0 ? rc : (int64_t)i;
}

/* Since 1970 in the dump's unit: what the source says of the packet's time. */
static uint64_t stamp_of(const struct ce_dump *dump, const struct ce_origin *origin,
                         const struct ce_record *record)
{
	uint64_t unit = dump->nano ? 1000000000 : 1000000, frac = record->frac;

	if (origin->nano != dump->nano)
		frac = origin->nano ? frac / 1000 : frac * 1000;
	return record->sec * unit + frac;
}

/* What was lost before this packet, as a comment. False: nothing was. */
static bool describe_gap(const struct ce_dump *dump, char text[TEXT])
{
	const struct ce_gap *gap = &dump->gap;

	if (!gap->kernel_drops && !gap->interface_drops && !dump->gap_drops)
		return false;
	snprintf(text, TEXT,
	         "capengine: packets were lost before this one: %" PRIu64
	         " dropped by the kernel, %" PRIu64 " by the interface, %" PRIu64
	         " here for a slow disk",
	         gap->kernel_drops, gap->interface_drops, dump->gap_drops);
	return true;
}

static void note(struct ceint_interface *interface, uint64_t stamp)
{
	if (!interface->written++)
		interface->first = interface->last = stamp;
	if (stamp < interface->first)
		interface->first = stamp;
	if (stamp > interface->last)
		interface->last = stamp;
}

static int packet(struct ce_dump *dump, const struct ce_origin *origin,
                  const struct ce_record *record, const void *data)
{
	struct ceint_pcapng_packet packet = {
		.stamp = stamp_of(dump, origin, record),
		.caplen = record->caplen,
		.len = record->len,
		.data = data,
		.comments = {dump->comment},
		.comment_sizes = {dump->comment_size},
	};
	int64_t interface = interface_of(dump, origin);
	char text[TEXT];
	unsigned char *room;
	size_t size, bytes;
	int rc;

	if (interface < 0)
		return (int)interface;
	packet.interface = (uint32_t)interface;
	if (describe_gap(dump, text)) {
		packet.comments[1] = text;
		packet.comment_sizes[1] = strlen(text);
	}
	bytes = ceint_pcapng_packet(NULL, &packet);
	rc = ceint_dump_room(dump, bytes, &room, &size);
	if (rc < 0)
		return rc;
	ceint_pcapng_packet(room, &packet);
	ceint_dump_add(dump, bytes, 1);
	note(&dump->interfaces[interface], packet.stamp);
	dump->gap = (struct ce_gap){0};
	dump->gap_drops = 0;
	return 0;
}

/* The statistics of interface i. */
static int finish_interface(struct ce_dump *dump, uint32_t i)
{
	const struct ceint_interface *interface = &dump->interfaces[i];
	struct ceint_pcapng_statistics statistics = {
		.interface = i,
		.first = interface->first,
		.last = interface->last,
		.counted = interface->counted,
		.received = interface->stats.received,
		.interface_drops = interface->stats.interface_drops,
		.kernel_drops = interface->stats.kernel_drops,
		.written = interface->written,
	};
	char text[TEXT];
	unsigned char *room;
	size_t size, bytes;
	int rc;

	if (dump->dropped && i == 0) {
		snprintf(text, sizeof(text),
		         "capengine: %" PRIu64 " packets dropped here for a slow disk",
		         dump->dropped);
		statistics.comment = text;
	}
	bytes = ceint_pcapng_statistics(NULL, &statistics);
	rc = ceint_dump_room(dump, bytes, &room, &size);
	if (rc < 0)
		return rc;
	ceint_pcapng_statistics(room, &statistics);
	ceint_dump_add(dump, bytes, 0);
	return 0;
}

static int finish(struct ce_dump *dump)
{
	int rc = 0;

	while (rc == 0 && dump->finished < dump->interface_count) {
		rc = finish_interface(dump, dump->finished);
		dump->finished += rc == 0;
	}
	return rc;
}

const struct ceint_format ceint_dump_pcapng = {
	.begin = begin,
	.packet = packet,
	.finish = finish,
	.whole = ceint_pcapng_whole,
	.mixed = true,
};
