/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * own_network.h - a loopback interface on which nobody else sends.
 *
 * Call before the first thread. Where that takes more rights than there are, the
 * shared one stays.
 */
#ifndef OWN_NETWORK_H
#define OWN_NETWORK_H

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static inline void own_network(void)
{
	struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		return;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ioctl(fd, SIOCSIFFLAGS, &up);
	close(fd);
}

#endif
