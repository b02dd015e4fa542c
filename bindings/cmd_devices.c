/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_devices.c - `capengine devices`: a line for each interface. On a terminal
 * in columns; elsewhere, or with --tsv, with one tab between: name, state,
 * addresses (commas between), description.
 */
#include <arpa/inet.h>
#include <pcap/pcap.h>
#include <string.h>
#include <unistd.h>

#include "cmd_int.h"

static const char *state(const pcap_if_t *device)
{
	if (!(device->flags & PCAP_IF_UP))
		return "down";
	return device->flags & PCAP_IF_RUNNING ? "up" : "no carrier";
}

/* Append the address as text, if it is one of IP. */
static void append_address(char *list, size_t size, const struct sockaddr *address)
{
	char text[INET6_ADDRSTRLEN] = "";
	size_t used = strlen(list);

	if (address && address->sa_family == AF_INET)
		inet_ntop(AF_INET,
		          &((const struct sockaddr_in *)(const void *)address)->sin_addr,
		          text, sizeof(text));
	else if (address && address->sa_family == AF_INET6)
		inet_ntop(
			AF_INET6,
			&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
			text, sizeof(text));
	if (*text)
		snprintf(list + used, size - used, "%s%s", used ? "," : "", text);
}

static void print_device(const pcap_if_t *device, bool tabs)
{
	char addresses[1024] = "";

	for (const pcap_addr_t *address = device->addresses; address;
	     address = address->next)
		append_address(addresses, sizeof(addresses), address->addr);
	printf(tabs ? "%s\t%s\t%s\t%s\n" : "%-16s %-10s %-40s %s\n", device->name,
	       state(device), addresses, device->description ? device->description : "");
}

void devices_print_names(void)
{
	char message[PCAP_ERRBUF_SIZE];
	pcap_if_t *devices;

	if (pcap_findalldevs(&devices, message) < 0)
		return;
	for (const pcap_if_t *device = devices; device; device = device->next)
		printf("%s\t%s\n", device->name,
		       device->description ? device->description : state(device));
	pcap_freealldevs(devices);
}

int devices_main(int argc, char **argv)
{
	char message[PCAP_ERRBUF_SIZE] = "";
	bool tabs = !isatty(STDOUT_FILENO);
	pcap_if_t *devices;

	if (argc > 2 || (argc == 2 && strcmp(argv[1], "--tsv") != 0)) {
		fprintf(stderr, "usage: capengine devices [--tsv]\n");
		return EXIT_USAGE;
	}
	tabs |= argc == 2;
	if (pcap_findalldevs(&devices, message) < 0) {
		fprintf(stderr, "capengine devices: %s\n", message);
		return EXIT_RUNTIME;
	}
	if (!devices)
		fprintf(stderr, "capengine devices: none may be used; run as root\n");
	for (const pcap_if_t *device = devices; device; device = device->next)
		print_device(device, tabs);
	pcap_freealldevs(devices);
	return 0;
}
