/* SPDX-License-Identifier: BSD-3-Clause */
/* source.c - opens and closes a source of any kind; see <capengine/source.h>. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "capengine/source.h"
#include "mapping_int.h"

/* The wait of a source that no capture drives yet. */
static int wait_alone(struct ce_source *source, int fd, void *arg)
{
	struct pollfd fds[2] = {
		{.fd = fd, .events = POLLIN},
		{.fd = source->interrupt_fd ? source->interrupt_fd : -1,
	         .events = POLLIN},
	};

	(void)arg;
	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR) /* whose signal is to stop makes fds[1] readable */
			return -errno;
	return fds[1].revents ? -EINTR : 0;
}

int ce_source_open(struct ce_source **out, const struct ce_source_ops *kind,
                   const struct ce_source_options *options, struct ce_err *err)
{
	struct ce_source *source = calloc(1, kind->size);
	int rc;

	if (!source)
		return ce_err_set(err, -ENOMEM, "out of memory");
	source->ops = kind;
	source->fd = -1;
	source->wait = wait_alone;
	source->interrupt_fd = options->interrupt_fd;
	rc = kind->open(source, options, err);
	if (rc < 0) {
		ce_source_close(source);
		return rc;
	}
	*out = source;
	return 0;
}

int ce_source_guard(void)
{
	return ceint_mapping_guard();
}

void ce_source_close(struct ce_source *source)
{
	if (!source)
		return;
	source->ops->close(source);
	free(source);
}
