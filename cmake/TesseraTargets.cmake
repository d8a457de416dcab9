# The targets of the library: tessera::tessera and the helpers behind tessera::text, ::io, ::eigen, ::cpu, ::cuda, ...

# Flags of our own sources. Internal: nothing that is installed or linked by others carries them.
add_library(tessera_warnings INTERFACE)
target_compile_options(tessera_warnings INTERFACE
  $<$<COMPILE_LANG_AND_ID:CXX,GNU,Clang,AppleClang>:-Wall;-Wextra;-Wpedantic;-Wconversion;-Wshadow>
  # The reference backend is a specification: no fused multiply-add, whatever -m flags are given.
  $<$<COMPILE_LANG_AND_ID:CXX,GNU,Clang,AppleClang>:-ffp-contract=off>
  $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>
  $<$<AND:$<BOOL:${TESSERA_WERROR}>,$<COMPILE_LANGUAGE:CXX>>:-Werror>)

# Headers that are meant to be included more than once (Highway's foreach_target) cannot stand alone.
set(tessera_not_alone "-inl\\.(h|hpp)$")

set(tessera_components "" CACHE INTERNAL "components that this build has, in order of use")

# tessera_headers(<target> <scope> <glob>...): puts headers below include/ into the target's HEADERS file set.
# The link include/tessera/backends lets the backends' headers be found and installed like all others.
function(tessera_headers target scope)
  set(globs ${ARGN})
  list(TRANSFORM globs PREPEND ${PROJECT_SOURCE_DIR}/include/tessera/)
  file(GLOB headers CONFIGURE_DEPENDS ${globs})
  set(again ${headers})
  list(FILTER headers EXCLUDE REGEX ${tessera_not_alone})
  list(FILTER again INCLUDE REGEX ${tessera_not_alone})
  target_sources(${target} ${scope} FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${headers})
  set_property(TARGET ${target} PROPERTY tessera_headers ${headers})
  set_property(TARGET ${target} PROPERTY tessera_headers_again ${again})
endfunction()

# tessera_component(<name>): registers target tessera_<name> as tessera::<name>.
function(tessera_component name)
  add_library(tessera::${name} ALIAS tessera_${name})
  set_target_properties(tessera_${name} PROPERTIES EXPORT_NAME ${name})
  set(tessera_components ${tessera_components} ${name} CACHE INTERNAL "")
endfunction()

# tessera_available(<name> <variable>): is the component wanted and is what it needs here? Says so when not.
function(tessera_available name variable)
  string(TOUPPER ${name} upper)
  set(${variable} FALSE PARENT_SCOPE)
  if(TESSERA_EMBED_ONLY AND NOT name STREQUAL "stub")
    return()
  endif()
  if(DEFINED TESSERA_WITH_${upper} AND NOT TESSERA_WITH_${upper})
    message(STATUS "tessera::${name} is off: TESSERA_WITH_${upper}=OFF")
    return()
  endif()
  cmake_language(CALL tessera_find_${name} found)
  if(NOT found)
    message(STATUS "tessera::${name} is off: ${found_reason}")
    return()
  endif()
  set(${variable} TRUE PARENT_SCOPE)
endfunction()

# tessera_backend(<name> [LINK <target>...] [PRIVATE_LINK <target>...]): a backend from the current folder. A folder with
# sources becomes a static library, one of headers alone an interface. LINK is what its headers need, PRIVATE_LINK what its
# sources need. Who links the backend gets the definition TESSERA_WITH_<NAME>.
function(tessera_backend name)
  cmake_parse_arguments(arg "" "" "LINK;PRIVATE_LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp ${CMAKE_CURRENT_SOURCE_DIR}/*.cu)
  set(target tessera_${name})
  if(sources)
    add_library(${target} STATIC ${sources})
    set(scope PUBLIC)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:tessera_warnings> ${arg_PRIVATE_LINK})
    if(NOT PROJECT_IS_TOP_LEVEL)
      set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL TRUE)
    endif()
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_link_libraries(${target} ${scope} tessera::tessera ${arg_LINK})
  string(TOUPPER ${name} upper)
  target_compile_definitions(${target} INTERFACE TESSERA_WITH_${upper}=1)
  tessera_headers(${target} ${scope} backends/${name}/*.hpp backends/${name}/*.h backends/${name}/*/*.hpp)
  tessera_component(${name})
endfunction()

# The core: the standard library alone.
add_library(tessera INTERFACE)
add_library(tessera::tessera ALIAS tessera)
target_compile_features(tessera INTERFACE cxx_std_20)
tessera_headers(tessera INTERFACE *.hpp base/*.hpp tensor/*.hpp ops/*.hpp context/*.hpp blocks/*.hpp heads/*.hpp
  models/*.hpp train/*.hpp generate/*.hpp backends/*.hpp backends/reference/*.hpp)

tessera_available(text have_text)
if(have_text)
  add_library(tessera_text INTERFACE)
  target_link_libraries(tessera_text INTERFACE tessera::tessera)
  if(TESSERA_UNICODE_TABLES)
    target_compile_definitions(tessera_text INTERFACE TESSERA_UNICODE_TABLES=1)
  else()
    target_link_libraries(tessera_text INTERFACE PkgConfig::tessera_utf8proc)
  endif()
  tessera_headers(tessera_text INTERFACE text/*.hpp)
  tessera_component(text)
endif()

tessera_available(io have_io)
if(have_io)
  add_library(tessera_io INTERFACE)
  target_link_libraries(tessera_io INTERFACE tessera::tessera nlohmann_json::nlohmann_json $<$<NOT:$<BOOL:${TESSERA_WITHOUT_ZLIB}>>:ZLIB::ZLIB>)
  if(TESSERA_WITHOUT_ZLIB)
    target_compile_definitions(tessera_io INTERFACE TESSERA_WITHOUT_ZLIB=1)
  endif()
  tessera_headers(tessera_io INTERFACE io/*.hpp)
  tessera_component(io)
endif()

# What joins text, io and models: folders of models on disk, and the data of the fine-tuning programs.
if(have_text AND have_io)
  add_library(tessera_pretrained INTERFACE)
  target_link_libraries(tessera_pretrained INTERFACE tessera::text tessera::io)
  tessera_headers(tessera_pretrained INTERFACE pretrained/*.hpp data/*.hpp)
  tessera_component(pretrained)
endif()

# Models by name: the only part that uses the network.
if(TARGET tessera_pretrained)
  tessera_available(hub have_hub)
  if(have_hub)
    add_library(tessera_hub INTERFACE)
    target_link_libraries(tessera_hub INTERFACE tessera::pretrained CURL::libcurl)
    target_compile_definitions(tessera_hub INTERFACE TESSERA_WITH_HUB=1)
    tessera_headers(tessera_hub INTERFACE hub/*.hpp)
    tessera_component(hub)
  endif()
endif()

# tessera_join(): the internal target tessera_all links every component of this build; tessera_host all but cuda, whose
# libraries take 200 MB of memory when a program starts (-DTESSERA_PROGRAMS_WITH_CUDA=ON: it too).
option(TESSERA_PROGRAMS_WITH_CUDA "Link the programs and tutorials with the cuda backend, where it is built" OFF)
function(tessera_join)
  foreach(join IN ITEMS all host)
    add_library(tessera_${join} INTERFACE)
    target_link_libraries(tessera_${join} INTERFACE tessera::tessera)
    foreach(name IN LISTS tessera_components)
      if(join STREQUAL "host" AND name STREQUAL "cuda" AND NOT TESSERA_PROGRAMS_WITH_CUDA)
        continue()
      endif()
      target_link_libraries(tessera_${join} INTERFACE tessera::${name})
    endforeach()
  endforeach()
  list(JOIN tessera_components " " text)
  message(STATUS "tessera ${PROJECT_VERSION}: core ${text}")
endfunction()
