/* SPDX-License-Identifier: BSD-3-Clause */
/* inject.c - see <capengine/inject.h>; the socket is packet(7)'s. */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capengine/inject.h"

int ce_inject_open(const char *device, struct ce_err *err)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(device),
	};
	int fd;

	if (!strcmp(device, "any"))
		return ce_err_set(
			err, -EOPNOTSUPP,
			"any: nothing can be sent on all interfaces at once; name one");
	if (!address.sll_ifindex)
		return ce_err_set(err, -ENODEV, "%s: %s", device, strerror(ENODEV));
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* 0: receive nothing */
	if (fd < 0)
		return ce_err_set(err, -errno, "%s: %s", device, strerror(errno));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		int rc = ce_err_set(err, -errno, "%s: %s", device, strerror(errno));

		close(fd);
		return rc;
	}
	return fd;
}

int ce_inject_send(int fd, const void *data, size_t bytes, struct ce_err *err)
{
	ssize_t sent = send(fd, data, bytes, 0);

	return sent < 0 ? ce_err_set(err, -errno, "send: %s", strerror(errno))
	                : (int)sent;
}
