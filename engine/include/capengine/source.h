/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source.h - where packets come from: an interface, savefiles, or memory.
 *
 * A source fills a batch that it is given and knows nothing of the ring. Every
 * kind is a table of functions; a call that a kind lacks is NULL there.
 *
 *     open -> setfilter, set_datalink -> read, read, ... -> quiet -> close
 *
 * Threads    One at a time: whoever opened it until a capture has taken it,
 *            then the capture says who (capture.h).
 * Ownership  The caller owns an open source until a capture takes it. A savefile may
 *            lend memory to a batch that it fills, until ce_batch_clear: its batches
 *            have one size, and are cleared before it is closed.
 * Blocking   open and read wait only through `wait`, for a pipe's bytes.
 */
#ifndef CAPENGINE_SOURCE_H
#define CAPENGINE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <capengine/batch.h>
#include <capengine/err.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ce_source;

/* A packet of a memory source. */
struct ce_memory_packet {
	int64_t ts_ns;    /* nanoseconds since 1970 */
	uint32_t len;     /* bytes on the wire */
	uint32_t caplen;  /* bytes at data */
	const void *data; /* lent until the source is closed */
};

struct ce_source_options {
	/* live */
	const char *device;      /* interface, "any" for all of them */
	int snaplen;             /* bytes kept of each packet, clamped as libpcap
	                            does; 0: 262144 */
	int timeout_ms;          /* longest that the kernel holds a packet back, 1
	                            to 100; 0: 20 */
	int buffer_bytes;        /* the kernel's ring; 0: 32 MiB */
	bool promisc;            /* also packets for other stations */
	bool rfmon;              /* monitor mode, where the interface has it */
	bool immediate;          /* each packet at once: costs throughput */
	bool micro;              /* ask for microseconds instead of nanoseconds */
	const char *tstamp_type; /* "adapter" ...; NULL: the host's */

	/* savefile */
	const char *const *files; /* paths, one read after the other; "-" is
	                             standard input; lent until close */
	size_t file_count;

	/* memory */
	const struct ce_memory_packet *packets; /* lent until close */
	size_t packet_count;
	uint64_t rounds; /* how often all of them; 0: once */
	int linktype;    /* DLT_ number */

	int interrupt_fd; /* once readable, waiting ends with -EINTR; 0: none */
};

struct ce_drops {
	uint64_t kernel;    /* since the source was opened, as 32-bit counters */
	uint64_t interface; /* that have wrapped any number of times */
};

/* How far the reading of savefiles is. */
struct ce_progress {
	uint64_t done;  /* bytes of them that were read */
	uint64_t total; /* bytes that they have; 0: not known, as of a pipe */
};

/* What read did, when it did not fail. */
enum ce_source_read {
	CE_SOURCE_DRY,  /* nothing more for now: wait until fd is readable */
	CE_SOURCE_MORE, /* call again */
	CE_SOURCE_FULL, /* the next packet needs another batch */
};

struct ce_source_ops {
	const char *name; /* "live", "savefile", "memory" */
	size_t size;      /* of the kind's struct, which begins with struct ce_source */

	/* 0 or a negative errno; close is called for a half-open source too. */
	int (*open)(struct ce_source *source, const struct ce_source_options *options,
	            struct ce_err *err);
	void (*close)(struct ce_source *source);

	/*
	 * Append what is there to the batch. Returns an enum ce_source_read;
	 * -ENODATA at the end; -EINTR when `wait` said so; another negative
	 * errno for an error, which ends the source.
	 */
	int (*read)(struct ce_source *source, struct ce_batch *batch, struct ce_err *err);

	/* Is the expression one that setfilter would take (live)? */
	int (*compile)(struct ce_source *source, const char *expression, uint32_t netmask,
	               struct ce_err *err);

	/* Only packets that match come from now on (live). */
	int (*setfilter)(struct ce_source *source, const char *expression,
	                 uint32_t netmask, struct ce_err *err);

	/* What was lost, up to now (live). */
	int (*drops)(struct ce_source *source, struct ce_drops *drops,
	             struct ce_err *err);

	int (*set_datalink)(struct ce_source *source, int linktype, struct ce_err *err);

	/* At most `most` link types to choose from; returns how many there are. */
	int (*list_datalinks)(struct ce_source *source, int *linktypes, size_t most,
	                      struct ce_err *err);

	/* Let no new packet in; those that the kernel has counted stay (live). */
	void (*quiet)(struct ce_source *source);

	/* At most how many packets has the kernel counted that read has not given? */
	uint64_t (*pending)(struct ce_source *source);

	/* How far is it (savefile)? */
	void (*progress)(struct ce_source *source, struct ce_progress *progress);

	/* Count and forget what can be read without waiting (live). */
	uint64_t (*discard)(struct ce_source *source);

	/*
	 * Do a part of what read has to do, in one other thread and while the first is
	 * in read: for who waits for packets (savefile). It waits for the disk at most.
	 * False: there is nothing to do.
	 */
	bool (*help)(struct ce_source *source);
};

struct ce_source {
	const struct ce_source_ops *ops;
	int fd;                  /* poll for input when dry; -1: never dry */
	struct ce_origin origin; /* of the packets that read gives next */
	int linktype_ext;  /* what a savefile's header says of frame check sequences */
	int snapshot;      /* bytes kept of a packet, as libpcap says */
	int version_major; /* of the savefile; libpcap's own when live */
	int version_minor;
	int timeout_ms;   /* longest that it holds a packet back (live) */
	bool live;        /* packets come when they come, and may be lost */
	bool doubled;     /* pending counts packets that read never gives */
	uint64_t filters; /* how often setfilter succeeded */

	/*
	 * Wait until a pipe's descriptor is readable: 0, or -EINTR when it is
	 * time to stop. open sets one that obeys interrupt_fd; a capture
	 * replaces it by one that first commits `batch` and sets it to NULL.
	 */
	int (*wait)(struct ce_source *source, int fd, void *arg);
	void *wait_arg;
	int interrupt_fd;
	bool interrupted;       /* wait returned -EINTR */
	struct ce_batch *batch; /* the one that read fills; NULL once committed */
};

/* How many ms may it take until a packet that was counted can be read (live)? The kernel's
   timer may have started just before it came, and be late. */
static inline int ce_source_delay_ms(const struct ce_source *source)
{
	enum { LATE_MS = 5 };

	return 2 * source->timeout_ms + LATE_MS;
}

extern const struct ce_source_ops ce_source_live;
extern const struct ce_source_ops ce_source_savefile;
extern const struct ce_source_ops ce_source_memory;

/* Open a source of this kind; *source is set only on success. */
int ce_source_open(struct ce_source **source, const struct ce_source_ops *kind,
                   const struct ce_source_options *options, struct ce_err *err);

/* Does a file that begins so look like a savefile, perhaps a compressed one? */
bool ce_source_is_savefile(const unsigned char first[4]);

/*
 * Let savefiles be mapped where that is cheaper than to read them, from now on: for a
 * program that owns its process, since a SIGBUS handler goes in front of the one that is
 * there. It is for files that are truncated while they are read; what is not ours is
 * passed on. Call it before other threads run. Returns 0, or what sigaction(2) said.
 */
int ce_source_guard(void);

/* NULL is fine. Batches that it has filled may have its memory: clear them before. */
void ce_source_close(struct ce_source *source);

#ifdef __cplusplus
}
#endif

#endif
