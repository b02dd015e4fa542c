-- The module and the scripts as a rock, for the Lua that luarocks serves. In the
-- project's folder: luarocks make bindings/capengine-scm-1.rockspec
rockspec_format = "3.0"
package = "capengine"
version = "scm-1"
source = { url = "git+file://." }
description = {
  summary = "Packet capture that is scripted in Lua",
  detailed = [[
    Packets from an interface or from savefiles, in batches, without copies, and nothing
    is lost without being counted: libpcap behind a lock-free ring. This is the module;
    the command `capengine` comes with the project's own installation.]],
  license = "BSD-3-Clause",
}
supported_platforms = { "linux" }
dependencies = { "lua ~> 5.4" }
external_dependencies = {
  PCAP = { header = "pcap/pcap.h" },
  -- Of the command, which is configured with the rest:
  CAPNG = { header = "cap-ng.h" },
  EDIT = { header = "histedit.h" },
}
build = {
  type = "command",
  build_command = [[
    cmake -S . -B build/rock -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBUILD_TESTING=OFF \
      -DCE_LUA_MODULE_DIR=$(LIBDIR) -DCE_SCRIPT_DIR=$(LUADIR)/capengine/scripts &&
    cmake --build build/rock --target capengine_lua]],
  install_command = "cmake --install build/rock --component lua",
}
