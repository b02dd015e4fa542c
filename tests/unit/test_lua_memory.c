/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_lua_memory.c - the bindings when Lua runs out of memory.
 *
 * A script that uses most calls is run in a Lua state whose allocator refuses
 * everything from the nth request on, for n = 1, 2, ... until the script
 * succeeds. Each time the error is Lua's own, and once the state is closed no
 * memory of Lua, no descriptor and no thread is left.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lua_binding.h"

enum { PACKETS = 5000, PACKET_BYTES = 60, MOST_REQUESTS = 100000 };

/* What the script runs on: its arguments are the two files. */
static const char script[] =
	"local pcap = require 'pcap'\n"
	"local ce = require 'capengine'\n"
	"local function finish(handle) handle:close() end\n"
	"local errbuf = {}\n"
	"assert(not pcap.open_offline('/no/such/file', errbuf))\n"
	"local handle = assert(pcap.open_offline((...)))\n"
	"local other <close> = assert(pcap.open_offline((...)))\n"
	"local dumper = assert(handle:dump_open((select(2, ...))))\n"
	"local kept = {}\n"
	"assert(handle:loop(20, function(packet, len, sec, usec)\n"
	"  kept[#kept + 1] = packet:keep()\n"
	"  assert(dumper:dump(packet))\n"
	"  assert(packet:sub(1, 4) == tostring(packet):sub(1, 4))\n"
	"  assert(select('#', packet:byte(1, -1)) == 60)\n"
	"  assert(packet:unpack('>I2 I2'))\n"
	"end) == 20)\n"
	"assert(not pcall(handle.loop, handle, 1, function() error {} end))\n"
	"assert(not handle:compile('no filter'))\n"
	"assert(handle:setfilter(assert(handle:compile('greater 10'))) == 0)\n"
	"assert(handle:loop_dump(5) == 5)\n"
	"assert(handle:next())\n"
	"local ce = require 'capengine'\n"
	"assert(#ce.fields() > 100 and not pcall(ce.field, 'ip.scr'))\n"
	"local wire_len, addresses = ce.field 'frame.len', ce.field 'eth.addr'\n"
	"assert(wire_len(kept[1]) == 60 and addresses(kept[2]))\n"
	"for packet in assert(ce.open((...), {limit = 3, batch = 2})):packets() do\n"
	"  assert(wire_len(packet) == 60 and addresses(packet))\n"
	"end\n"
	"for batch in assert(ce.open({(...)}, {filter = 'greater 10'})):batches() do\n"
	"  local column = batch:column 'eth.src'\n"
	"  assert(column[1] and batch:sum 'frame.len' == 60 * #batch)\n"
	"  assert(batch:min 'frame.len' == batch:max 'frame.len')\n"
	"end\n"
	"local count = 27\n"
	"for packet in handle:packets() do\n"
	"  count = count + 1\n"
	"  if count == 40 then break end\n"
	"end\n"
	"local ended = 0\n"
	"local group = ce.group { by = 'frame.len', first = 'frame.time_epoch',\n"
	"  expired = function(row) ended = ended + row.count end }\n"
	"local top = ce.top { by = 'frame.len' }\n"
	"local distinct = ce.distinct { of = { 'frame.len' } }\n"
	"for batch in handle:batches() do\n"
	"  for packet in batch:each() do count = count + 1 end\n"
	"  group:add(batch)\n"
	"  top:add(batch)\n"
	"  distinct:add(batch)\n"
	"end\n"
	"for row in group:rows { order = 'count' } do assert(row.count == group:get(60).count) end\n"
	"for row in top:rows() do assert(row.count == top:total()) end\n"
	"assert(distinct:estimate() == 1)\n"
	"group:flush()\n"
	"assert(ended == top:total())\n"
	"assert(count == 5000)\n"
	"assert(handle:counters().delivered == 5000)\n"
	"assert(not handle:stats())\n"
	"pcap.findalldevs()\n"
	"pcap.lookupnet('lo')\n"
	"local dead = pcap.open_dead(1, 100)\n"
	"assert(pcap.offline_filter(dead:compile('greater 10'), kept[1]) ~= false)\n"
	"assert(dumper:dump_close())\n"
	"assert(other:loop(1, function() other:close() end) == 1)\n"
	"local created = pcap.create('no-such-if')\n"
	"assert(not created:activate())\n"
	"assert(tostring(handle) and pcap.lib_version())\n"
	"local hooks = { args = { most = { default = 1 } }, packet = function() end }\n"
	"local options = { files = { (...) }, filter = 'greater 10', args = { most = 5 } }\n"
	"assert(require 'capengine'.run(hooks, options).delivered == 5000)\n"
	"assert(not require 'capengine'.run('blank', { files = '/no/such/file' }))\n"
	"finish(handle)\n";

struct heap {
	size_t bytes;     /* in use */
	size_t requests;  /* since it was armed */
	size_t refuse_at; /* the first request that is refused; 0: none */
};

static void *allocate(void *arg, void *block, size_t old_bytes, size_t bytes)
{
	struct heap *heap = arg;
	void *grown;

	if (!block)
		old_bytes = 0; /* what it says then is a type */
	if (bytes == 0) {
		free(block);
		heap->bytes -= old_bytes;
		return NULL;
	}
	if (bytes > old_bytes && ++heap->requests >= heap->refuse_at && heap->refuse_at)
		return NULL;
	grown = realloc(block, bytes);
	assert_non_null(grown);
	heap->bytes += bytes - old_bytes;
	return grown;
}

static size_t count_entries(const char *folder)
{
	DIR *entries = opendir(folder);
	size_t count = 0;

	assert_non_null(entries);
	while (readdir(entries))
		count++;
	closedir(entries);
	return count;
}

/* Does the kernel run this thread for io_uring? It goes when it pleases. */
static bool is_kernels(const char *thread)
{
	char path[300], name[16] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%s/comm", thread);
	file = fopen(path, "r");
	if (!file)
		return true; /* gone already */
	if (!fgets(name, sizeof(name), file))
		name[0] = '\0';
	fclose(file);
	return !strncmp(name, "iou-", 4);
}

static size_t count_threads(void)
{
	DIR *threads = opendir("/proc/self/task");
	struct dirent *thread;
	size_t count = 0;

	assert_non_null(threads);
	while ((thread = readdir(threads)))
		count += thread->d_name[0] != '.' && !is_kernels(thread->d_name);
	closedir(threads);
	return count;
}

/* A moment later a joined thread is gone, and one of the kernel's has its name. */
static void assert_threads(size_t expected)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	size_t count = 0;

	for (int i = 0; i < 3000 && (count = count_threads()) != expected; i++)
		nanosleep(&moment, NULL);
	assert_int_equal(count, expected);
}

struct files {
	char in[32];
	char out[32];
};

static void write_savefile(int fd)
{
	static const uint32_t header[] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 262144, 1};
	FILE *file = fdopen(fd, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(header, sizeof(header), 1, file), 1);
	for (uint32_t i = 0; i < PACKETS; i++) {
		const uint32_t record[4 + PACKET_BYTES / 4] = {i, i, PACKET_BYTES, PACKET_BYTES, i};

		assert_int_equal(fwrite(record, sizeof(record), 1, file), 1);
	}
	assert_int_equal(fclose(file), 0);
}

static int make_files(void **state)
{
	static struct files files = {"/tmp/lua_memory_in_XXXXXX", "/tmp/lua_memory_out_XXXXXX"};
	int out = mkstemp(files.out);

	write_savefile(mkstemp(files.in));
	close(out);
	*state = &files;
	return 0;
}

static int remove_files(void **state)
{
	const struct files *files = *state;

	unlink(files->in);
	unlink(files->out);
	return 0;
}

/* A Lua state with its libraries, and the loaded script on its stack. */
static lua_State *open_state(struct heap *heap)
{
	lua_State *L = lua_newstate(allocate, heap);

	assert_non_null(L);
	luaL_openlibs(L);
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
	lua_pushcfunction(L, luaopen_capengine_pcap);
	lua_setfield(L, -2, "pcap");
	lua_pushcfunction(L, luaopen_capengine);
	lua_setfield(L, -2, "capengine");
	lua_pop(L, 1);
	assert_int_equal(luaL_loadbuffer(L, script, sizeof(script) - 1, "=script"), LUA_OK);
	return L;
}

/* Run the script with requests refused from the nth on. True: it succeeded. */
static bool run_script(const struct files *files, size_t refuse_at)
{
	struct heap heap = {0};
	lua_State *L = open_state(&heap);
	int status;

	lua_pushstring(L, files->in);
	lua_pushstring(L, files->out);
	heap.requests = 0;
	heap.refuse_at = refuse_at;
	status = lua_pcall(L, 2, 0, 0);
	heap.refuse_at = 0;
	if (status != LUA_OK && !strstr(lua_tostring(L, -1), "not enough memory"))
		fail_msg("request %zu refused: %s", refuse_at, lua_tostring(L, -1));
	lua_close(L);
	assert_int_equal(heap.bytes, 0);
	return status == LUA_OK;
}

/* Warm up first: libraries keep what they load. */
static void refused_memory_is_a_clean_error_at_every_request(void **state)
{
	const struct files *files = *state;
	size_t descriptors, threads, n = 1;

	assert_true(run_script(files, 0));
	descriptors = count_entries("/proc/self/fd");
	threads = count_threads();
	while (n < MOST_REQUESTS && !run_script(files, n)) {
		assert_int_equal(count_entries("/proc/self/fd"), descriptors);
		assert_threads(threads);
		n++;
	}
	print_message("%zu requests were refused in turn\n", n - 1);
	assert_in_range(n, 100, MOST_REQUESTS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(refused_memory_is_a_clean_error_at_every_request,
		                                make_files, remove_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
