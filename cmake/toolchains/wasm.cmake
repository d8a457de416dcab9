# WebAssembly with Debian's Emscripten, run by node with the host's files.
include(/usr/share/emscripten/cmake/Modules/Platform/Emscripten.cmake)

# Node 18 and later have a fetch that this Emscripten takes for a browser's.
find_program(TESSERA_NODE NAMES node nodejs REQUIRED)
set(CMAKE_CROSSCOMPILING_EMULATOR ${TESSERA_NODE} --no-experimental-fetch)

# Libraries of headers alone can be used as the host has them, but not through /usr/include, which has the host's C
# library as well.
set(tessera_headers_ ${CMAKE_BINARY_DIR}/header-libraries)
set(tessera_name_nlohmann nlohmann_json)
set(tessera_name_CLI CLI11)
foreach(folder IN ITEMS nlohmann CLI)
  file(MAKE_DIRECTORY ${tessera_headers_})
  file(CREATE_LINK /usr/include/${folder} ${tessera_headers_}/${folder} SYMBOLIC)
  set(name ${tessera_name_${folder}})
  file(WRITE ${tessera_headers_}/cmake/${name}Config.cmake
    "if(NOT TARGET ${name}::${name})\n  add_library(${name}::${name} INTERFACE IMPORTED)\n  set_target_properties(${name}::${name} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${tessera_headers_})\nendif()\n")
  set(${name}_DIR ${tessera_headers_}/cmake)
endforeach()
