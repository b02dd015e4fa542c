/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lua_device.c - what interfaces there are: findalldevs, lookupdev, lookupnet.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <string.h>

#include "lua_binding.h"

static void set_string(lua_State *L, const char *name, const char *value)
{
	lua_pushstring(L, value);
	lua_setfield(L, -2, name);
}

static void set_flag(lua_State *L, const char *name, bool value)
{
	lua_pushboolean(L, value);
	lua_setfield(L, -2, name);
}

/* Set a field to an address in numbers; nothing for another family. [-0, +0, m] */
static void set_address(lua_State *L, const char *name, const struct sockaddr *address)
{
	char text[INET6_ADDRSTRLEN];
	const void *bytes = NULL;

	if (address && address->sa_family == AF_INET)
		bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
	else if (address && address->sa_family == AF_INET6)
		bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	if (bytes && inet_ntop(address->sa_family, bytes, text, sizeof(text)))
		set_string(L, name, text);
}

/* Push the list of a device's addresses. [-0, +1, m] */
static void push_addresses(lua_State *L, const pcap_addr_t *address)
{
	lua_Integer count = 0;

	lua_newtable(L);
	for (; address; address = address->next) {
		lua_newtable(L);
		set_address(L, "addr", address->addr);
		set_address(L, "netmask", address->netmask);
		set_address(L, "broadaddr", address->broadaddr);
		set_address(L, "dstaddr", address->dstaddr);
		if (lua_getfield(L, -1, "addr") == LUA_TNIL) {
			lua_pop(L, 2);
			continue;
		}
		lua_pop(L, 1);
		lua_rawseti(L, -2, ++count);
	}
}

static void push_device(lua_State *L, const pcap_if_t *device)
{
	lua_newtable(L);
	set_string(L, "name", device->name);
	if (device->description)
		set_string(L, "description", device->description);
	set_flag(L, "loopback", device->flags & PCAP_IF_LOOPBACK);
	set_flag(L, "up", device->flags & PCAP_IF_UP);
	set_flag(L, "running", device->flags & PCAP_IF_RUNNING);
	set_flag(L, "wireless", device->flags & PCAP_IF_WIRELESS);
	push_addresses(L, device->addresses);
	lua_setfield(L, -2, "addresses");
}

/* The list at argument 1, as a table. [-1, +1, m] */
static int push_devices(lua_State *L)
{
	const pcap_if_t *device = lua_touserdata(L, 1);

	lua_newtable(L);
	for (lua_Integer i = 1; device; device = device->next, i++) {
		push_device(L, device);
		lua_rawseti(L, -2, i);
	}
	return 1;
}

/* Push the name of the first usable interface, or nil. [-1, +1, m] */
static int push_first(lua_State *L)
{
	const pcap_if_t *device = lua_touserdata(L, 1);

	while (device &&
	       (!(device->flags & PCAP_IF_UP) || device->flags & PCAP_IF_LOOPBACK ||
	        !strcmp(device->name, "any")))
		device = device->next;
	if (device)
		lua_pushstring(L, device->name);
	else
		lua_pushnil(L);
	return 1;
}

/* libpcap has no code for want of descriptors, only the system's words. */
static bool says_no_descriptors(const char *message)
{
	return strstr(message, strerror(EMFILE));
}

/* Push what `push` makes of all devices, and free them whatever happens. [-0, +*, e] */
static int with_devices(lua_State *L, lua_CFunction push)
{
	char message[PCAP_ERRBUF_SIZE] = "";
	pcap_if_t *devices;
	int status;

	if (pcap_findalldevs(&devices, message) < 0)
		return ce_lua_fail(L, says_no_descriptors(message) ? -EMFILE : -EIO,
		                   message);
	lua_pushcfunction(L, push);
	lua_pushlightuserdata(L, devices);
	status = lua_pcall(L, 1, 1, 0);
	pcap_freealldevs(devices);
	return status == LUA_OK ? 1 : lua_error(L);
}

/* pcap.findalldevs() -> list of tables | nil, message, code */
static int findalldevs(lua_State *L)
{
	return with_devices(L, push_devices);
}

/*
 * pcap.lookupdev() -> name | nil, message, code
 *
 * The first interface of findalldevs that is up, and neither the loopback nor
 * "any".
 */
static int lookupdev(lua_State *L)
{
	int results = with_devices(L, push_first);

	if (results == 1 && lua_isnil(L, -1))
		return ce_lua_fail(L, -ENODEV,
		                   "no interface is up, or none may be used: "
		                   "run as root, or see capengine devices");
	return results;
}

/*
 * pcap.lookupnet(device) -> net, mask | nil, message, code
 *
 * IPv4 network number and mask, the first octet most significant.
 */
static int lookupnet(lua_State *L)
{
	const char *device = ce_lua_check_name(L, 1);
	char message[PCAP_ERRBUF_SIZE] = "";
	bpf_u_int32 net, mask;
	int rc = pcap_lookupnet(device, &net, &mask, message);

	if (rc < 0 && says_no_descriptors(message))
		return ce_lua_fail(L, -EMFILE, message);
	if (strcmp(device, "any") != 0 && if_nametoindex(device) == 0)
		return ce_lua_fail(L, -ENODEV,
		                   "no such interface; see capengine devices");
	if (rc < 0)
		return ce_lua_fail(L, -EADDRNOTAVAIL, message);
	lua_pushinteger(L, ntohl(net));
	lua_pushinteger(L, ntohl(mask));
	return 2;
}

static const luaL_Reg functions[] = {
	{"findalldevs", findalldevs},
	{"lookupdev", lookupdev},
	{"lookupnet", lookupnet},
	{NULL, NULL},
};

void ce_lua_open_device(lua_State *L)
{
	luaL_setfuncs(L, functions, 0);
}
