/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source_live.c - packets from an interface, through libpcap.
 *
 * The handle does not block: whoever drives the source polls its descriptor.
 * Stamps are nanoseconds where libpcap can give them. The kernel holds packets
 * back for at most 100 ms, so that a stop is quick; no immediate mode unless
 * asked for, since it costs the kernel's block-wise ring (TPACKET_V3).
 *
 * When the kernel's filter changes, packets that the one before it has chosen
 * wait in the kernel's ring. Their number is known: they go into batches that
 * say so, and whoever reads those selects again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err_pcap_int.h"
#include "capengine/batch.h"
#include "capengine/clock.h"
#include "capengine/source.h"
#include "carry_int.h"
#include "filter/filter_int.h"
#include "kernel_filter_int.h"

enum {
	DEFAULT_BUFFER = 32 << 20,
	DEFAULT_TIMEOUT_MS = 20,
	MOST_TIMEOUT_MS = 100,
	MS = 1000000,
	MOST_FDS = 1024, /* descriptors looked at for close-on-exec */
};

struct live {
	struct ce_source source;
	pcap_t *pcap;
	struct ceint_carry carry;
	char *device;
	struct ce_drops drops;
	uint32_t last_kernel; /* libpcap's counters when last read */
	uint32_t last_interface;
	uint32_t last_received;
	uint64_t received; /* by the kernel, drops included */
	uint64_t handed;   /* packets that libpcap gave us */
	uint64_t old;      /* packets to come that the filter before has chosen */
	int64_t until_ns;  /* an error waits for packets until then; 0: there is none */
};

static int64_t stamp_nano(const struct pcap_pkthdr *header, struct ce_record *record)
{
	record->sec = (uint32_t)header->ts.tv_sec;
	record->frac = (uint32_t)header->ts.tv_usec;
	return ceint_stamp_ns(header->ts.tv_sec, header->ts.tv_usec);
}

static int64_t stamp_micro(const struct pcap_pkthdr *header, struct ce_record *record)
{
	record->sec = (uint32_t)header->ts.tv_sec;
	record->frac = (uint32_t)header->ts.tv_usec;
	return ceint_stamp_ns(header->ts.tv_sec, header->ts.tv_usec * 1000);
}

/* Which of the first MOST_FDS descriptors are open? */
static void open_fds(bool *is_open)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;

	memset(is_open, 0, MOST_FDS * sizeof(*is_open));
	if (!folder)
		return;
	while ((entry = readdir(folder))) {
		long fd = strtol(entry->d_name, NULL, 10);

		if (fd > 2 && fd < MOST_FDS && fd != dirfd(folder))
			is_open[fd] = true;
	}
	closedir(folder);
}

/* libpcap lets its descriptors pass to programs that a script starts. */
static int activate(pcap_t *pcap)
{
	bool before[MOST_FDS], after[MOST_FDS];
	int rc;

	open_fds(before);
	rc = pcap_activate(pcap);
	open_fds(after);
	for (int fd = 3; fd < MOST_FDS; fd++)
		if (after[fd] && !before[fd])
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	return rc;
}

/* libpcap has no code for want of descriptors, only the system's words. */
static bool says_no_descriptors(const char *why)
{
	return strstr(why, strerror(EMFILE));
}

/* What helps against a want of rights; with the real path, since a link carries none. */
static void say_fix(char *fix, size_t size)
{
	char program[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program));

	snprintf(fix, size,
	         "; run as root, or give the program the right to capture: "
	         "sudo setcap cap_net_raw,cap_net_admin+ep %.*s",
	         length < 0 ? 0 : (int)length, program);
}

static int refused(struct live *live, int rc, const char *why, struct ce_err *err)
{
	int code = rc == PCAP_ERROR && says_no_descriptors(why) ? -EMFILE
	                                                        : ceint_err_from_pcap(rc);
	char fix[PATH_MAX + 200] = "";

	if (code == -EPERM)
		say_fix(fix, sizeof(fix));
	if (rc == PCAP_ERROR || !*why || !strcmp(why, pcap_statustostr(rc)))
		return ce_err_set(err, code, "%s: %s%s", live->device,
		                  *why ? why : pcap_statustostr(rc), fix);
	return ce_err_set(err, code, "%s: %s (%s)%s", live->device, pcap_statustostr(rc),
	                  why, fix);
}

static int set_tstamp_type(struct live *live, const char *name, struct ce_err *err)
{
	int type = pcap_tstamp_type_name_to_val(name);
	int rc;

	if (type < 0)
		return ce_err_set(err, -EINVAL, "%s: no such kind of time stamp", name);
	rc = pcap_set_tstamp_type(live->pcap, type);
	return rc == PCAP_ERROR_CANTSET_TSTAMP_TYPE ? refused(live, rc, name, err) : 0;
}

/* What must be said before pcap_activate; these calls fail only after it. */
static int prepare(struct live *live, const struct ce_source_options *options,
                   struct ce_err *err)
{
	pcap_t *pcap = live->pcap;
	int timeout_ms = options->timeout_ms;

	if (timeout_ms <= 0)
		timeout_ms = DEFAULT_TIMEOUT_MS;
	else if (timeout_ms > MOST_TIMEOUT_MS)
		timeout_ms = MOST_TIMEOUT_MS;
	live->source.timeout_ms = timeout_ms;
	pcap_set_snaplen(pcap, options->snaplen);
	pcap_set_promisc(pcap, options->promisc);
	pcap_set_timeout(pcap, timeout_ms);
	pcap_set_immediate_mode(pcap, options->immediate);
	pcap_set_buffer_size(pcap, options->buffer_bytes ? options->buffer_bytes
	                                                 : DEFAULT_BUFFER);
	if (options->rfmon)
		pcap_set_rfmon(pcap, 1);
	live->source.origin.nano =
		!options->micro &&
		pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO) == 0;
	live->carry.stamp = live->source.origin.nano ? stamp_nano : stamp_micro;
	return options->tstamp_type ? set_tstamp_type(live, options->tstamp_type, err)
	                            : 0;
}

/* There the kernel shows each packet as it goes and as it comes; libpcap, once. */
static bool sees_loopback(const char *device, int linktype)
{
	return !strcmp(device, "lo") || !strcmp(device, "any") ||
	       linktype == DLT_CAN_SOCKETCAN;
}

static int live_open(struct ce_source *source, const struct ce_source_options *options,
                     struct ce_err *err)
{
	struct live *live = (struct live *)source;
	char message[PCAP_ERRBUF_SIZE] = "";
	int rc;

	live->device = strdup(options->device);
	if (!live->device)
		return ce_err_set(err, -ENOMEM, "out of memory");
	live->pcap = live->carry.pcap = pcap_create(options->device, message);
	if (!live->pcap)
		return ce_err_set(err, says_no_descriptors(message) ? -EMFILE : -EINVAL,
		                  "%s: %s", options->device, message);
	live->carry.source = source;
	rc = prepare(live, options, err);
	if (rc < 0)
		return rc;
	rc = activate(live->pcap);
	if (rc < 0)
		return refused(live, rc, pcap_geterr(live->pcap), err);
	if (pcap_setnonblock(live->pcap, 1, message) < 0)
		return ce_err_set(err, -EIO, "%s: %s", live->device, message);
	source->live = true;
	source->fd = pcap_get_selectable_fd(live->pcap);
	source->snapshot = pcap_snapshot(live->pcap);
	source->origin.linktype = pcap_datalink(live->pcap);
	source->doubled = sees_loopback(options->device, source->origin.linktype);
	source->origin.snaplen = (uint32_t)source->snapshot;
	source->version_major = pcap_major_version(live->pcap);
	source->version_minor = pcap_minor_version(live->pcap);
	return 0;
}

static void live_close(struct ce_source *source)
{
	struct live *live = (struct live *)source;

	if (live->pcap)
		pcap_close(live->pcap);
	ceint_carry_close(&live->carry);
	free(live->device);
}

/* Has the interface disappeared, or got another name? */
static bool is_gone(const struct live *live)
{
	return strcmp(live->device, "any") != 0 && if_nametoindex(live->device) == 0;
}

/* libpcap's counters have 32 bits and wrap: differences are added up. Of an interface that
   is gone the system says that it has lost nothing, and libpcap counts back. */
static int look_at_counters(struct live *live, struct ce_err *err)
{
	struct pcap_stat now;

	if (pcap_stats(live->pcap, &now) < 0)
		return ce_err_set(err, -EIO, "%s", pcap_geterr(live->pcap));
	live->received += (uint32_t)(now.ps_recv - live->last_received);
	live->drops.kernel += (uint32_t)(now.ps_drop - live->last_kernel);
	live->last_received = now.ps_recv;
	live->last_kernel = now.ps_drop;
	if (now.ps_ifdrop != live->last_interface && !is_gone(live)) {
		live->drops.interface += (uint32_t)(now.ps_ifdrop - live->last_interface);
		live->last_interface = now.ps_ifdrop;
	}
	return 0;
}

/* How many packets has the kernel counted that libpcap has not given yet? */
static uint64_t waiting(struct live *live)
{
	uint64_t gone;

	if (look_at_counters(live, NULL) < 0)
		return UINT64_MAX;
	gone = live->drops.kernel + live->handed;
	return live->received > gone ? live->received - gone : 0;
}

/* After an error of a read that began at `now`: may packets still come, of an interface
   that is gone? The kernel's timer goes on, and hands a block over that never gets full. */
static bool may_come(struct live *live, int64_t now)
{
	if (!is_gone(live))
		return false;
	if (!live->until_ns)
		live->until_ns = now + ce_source_delay_ms(&live->source) * MS;
	return now < live->until_ns && waiting(live);
}

static int lost(struct live *live, int rc, struct ce_err *err)
{
	return ce_err_set(err, is_gone(live) ? -ENODEV : ceint_err_from_pcap(rc),
	                  "%s: %s", live->device, pcap_geterr(live->pcap));
}

/* libpcap's callback: count, and on into the batch. */
static void take_packet(unsigned char *user, const struct pcap_pkthdr *header,
                        const unsigned char *data)
{
	struct live *live = (struct live *)(void *)user;

	live->carry.filters = live->source.filters - (live->old != 0);
	live->handed++;
	if (live->old)
		live->old--;
	ceint_carry_packet((unsigned char *)&live->carry, header, data);
}

/* Begin a batch: which filter has chosen what goes into it? */
static void begin_batch(struct live *live, struct ce_batch *batch)
{
	const struct ceint_carry *carry = &live->carry;

	batch->origin = live->source.origin;
	batch->filter = carry->held ? carry->filters
	                            : live->source.filters - (live->old != 0);
}

/* How many packets to ask for: old ones and new ones share no batch. */
static int room_in(const struct live *live, const struct ce_batch *batch)
{
	uint32_t room = batch->capacity - batch->count;

	return (int)(live->old && live->old < room ? live->old : room);
}

static int live_read(struct ce_source *source, struct ce_batch *batch, struct ce_err *err)
{
	struct live *live = (struct live *)source;
	struct ceint_carry *carry = &live->carry;
	const int64_t now = ce_clock_mono_ns();
	bool were_old = live->old;
	int room, rc;

	if (batch->count == 0)
		begin_batch(live, batch);
	if (ceint_carry_into_batch(carry) < 0)
		return ce_err_set(err, -ENOMEM, "out of memory");
	room = room_in(live, batch);
	if (room == 0) /* the packet that was held: to ask for none is to ask for all */
		return CE_SOURCE_FULL;
	rc = pcap_dispatch(live->pcap, room, take_packet, (unsigned char *)live);
	if (carry->failed) {
		live->handed--; /* and pending counts the one that there was no memory for */
		return ce_err_set(err, -ENOMEM, "out of memory");
	}
	if (rc >= 0)
		live->until_ns = 0;
	if (carry->held || (were_old && !live->old))
		return CE_SOURCE_FULL;
	/* All that the kernel's ring had; of what gives one at a time, poll knows of more. */
	if (rc >= 0 && rc < room)
		return CE_SOURCE_DRY;
	if (rc > 0 || rc == PCAP_ERROR_BREAK)
		return CE_SOURCE_MORE;
	return may_come(live, now) ? CE_SOURCE_DRY : lost(live, rc, err);
}

static int live_compile(struct ce_source *source, const char *expression,
                        uint32_t netmask, struct ce_err *err)
{
	struct live *live = (struct live *)source;
	struct bpf_program program;
	int rc = ceint_filter_compile(live->pcap, &program, expression, netmask, err);

	if (rc == 0)
		pcap_freecode(&program);
	return rc;
}

static int live_drops(struct ce_source *source, struct ce_drops *drops,
                      struct ce_err *err)
{
	struct live *live = (struct live *)source;
	int rc = look_at_counters(live, err);

	*drops = live->drops;
	return rc;
}

static int live_setfilter(struct ce_source *source, const char *expression,
                          uint32_t netmask, struct ce_err *err)
{
	struct live *live = (struct live *)source;
	struct bpf_program program;
	int rc = ceint_filter_compile(live->pcap, &program, expression, netmask, err);

	if (rc < 0)
		return rc;
	rc = ceint_kernel_filter_attach(pcap_fileno(live->pcap), source->origin.linktype,
	                                &program);
	pcap_freecode(&program);
	/* What the kernel cannot filter for us is never chosen already. */
	live->old = rc < 0 ? UINT64_MAX : waiting(live);
	source->filters++;
	return 0;
}

static int live_set_datalink(struct ce_source *source, int linktype, struct ce_err *err)
{
	struct live *live = (struct live *)source;

	if (live->carry.held)
		return ce_err_set(err, -EBUSY, "a packet of link type %d waits",
		                  source->origin.linktype);
	if (pcap_set_datalink(live->pcap, linktype) < 0)
		return ce_err_set(err, -EINVAL, "%s", pcap_geterr(live->pcap));
	source->origin.linktype = linktype;
	return 0;
}

static int live_list_datalinks(struct ce_source *source, int *linktypes, size_t most,
                               struct ce_err *err)
{
	struct live *live = (struct live *)source;
	int *list;
	int count = pcap_list_datalinks(live->pcap, &list);

	if (count < 0)
		return ce_err_set(err, -EIO, "%s", pcap_geterr(live->pcap));
	for (int i = 0; i < count && (size_t)i < most; i++)
		linktypes[i] = list[i];
	pcap_free_datalinks(list);
	return count;
}

static void live_quiet(struct ce_source *source)
{
	struct live *live = (struct live *)source;

	ceint_kernel_filter_reject(pcap_fileno(live->pcap));
}

static void count_packet(unsigned char *user, const struct pcap_pkthdr *header,
                         const unsigned char *data)
{
	struct live *live = (struct live *)(void *)user;

	(void)header;
	(void)data;
	live->handed++;
}

static uint64_t live_pending(struct ce_source *source)
{
	struct live *live = (struct live *)source;

	return waiting(live) + live->carry.held;
}

static uint64_t live_discard(struct ce_source *source)
{
	struct live *live = (struct live *)source;
	uint64_t before = live->handed - live->carry.held;

	live->carry.held = false;
	while (pcap_dispatch(live->pcap, -1, count_packet, (unsigned char *)live) > 0)
		;
	return live->handed - before;
}

const struct ce_source_ops ce_source_live = {
	.name = "live",
	.size = sizeof(struct live),
	.open = live_open,
	.close = live_close,
	.read = live_read,
	.compile = live_compile,
	.setfilter = live_setfilter,
	.drops = live_drops,
	.set_datalink = live_set_datalink,
	.list_datalinks = live_list_datalinks,
	.quiet = live_quiet,
	.pending = live_pending,
	.discard = live_discard,
};
