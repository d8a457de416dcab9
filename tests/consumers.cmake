# Other projects that use the library: the installed tree by find_package, pkg-config and a plain include path; the
# sources by add_subdirectory, FetchContent and a plain include path. All build consume/main.cpp and other.cpp, two units.
set(installed ${PROJECT_BINARY_DIR}/installed)
add_test(NAME consume.install COMMAND ${CMAKE_COMMAND} -DBUILD=${PROJECT_BINARY_DIR} -DPREFIX=${installed} -P ${CMAKE_CURRENT_SOURCE_DIR}/consume/install.cmake)
set_tests_properties(consume.install PROPERTIES FIXTURES_SETUP installed LABELS consume TIMEOUT 600)

# A project that asks for components includes every header of them, so that none is missing from the installation.
set(names "")
foreach(target IN ITEMS tessera ${tessera_components})
  if(NOT target STREQUAL "tessera")
    string(PREPEND target tessera_)
  endif()
  get_property(headers TARGET ${target} PROPERTY tessera_headers)
  foreach(header IN LISTS headers)
    file(RELATIVE_PATH name ${PROJECT_SOURCE_DIR}/include ${header})
    string(APPEND names "#include <${name}>\n")
  endforeach()
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/every_header.cpp CONTENT "${names}" @ONLY)

function(tessera_consumer name project)
  string(JOIN "," components ${tessera_components})
  add_test(NAME consume.${name} COMMAND ${CMAKE_COMMAND}
    -DPROJECT=${CMAKE_CURRENT_SOURCE_DIR}/consume/${project}
    -DBUILD=${CMAKE_CURRENT_BINARY_DIR}/consume/${name}
    -DGENERATOR=${CMAKE_GENERATOR}
    -DCOMPILER=${CMAKE_CXX_COMPILER}
    "-DFLAGS=${CMAKE_CXX_FLAGS}"
    -DPREFIX=${installed}
    -DSOURCE=${PROJECT_SOURCE_DIR}
    -DEVERY_HEADER=${CMAKE_CURRENT_BINARY_DIR}/every_header.cpp
    ${ARGN}
    -P ${CMAKE_CURRENT_SOURCE_DIR}/consume/run.cmake)
  set_tests_properties(consume.${name} PROPERTIES LABELS consume TIMEOUT 1200)
endfunction()

string(JOIN "," components ${tessera_components})
tessera_consumer(find_package find_package -DCOMPONENTS=${components})
tessera_consumer(find_package_core find_package -DCOMPONENTS=core)
tessera_consumer(add_subdirectory add_subdirectory)
tessera_consumer(fetch_content fetch_content)
set_tests_properties(consume.find_package consume.find_package_core PROPERTIES FIXTURES_REQUIRED installed)

set(by_hand ${CMAKE_CURRENT_SOURCE_DIR}/consume/by_hand.sh)
set(out ${CMAKE_CURRENT_BINARY_DIR}/consume)
add_test(NAME consume.include_path COMMAND ${by_hand} ${CMAKE_CXX_COMPILER} ${out}/include_path -I${PROJECT_SOURCE_DIR}/include)
add_test(NAME consume.include_path_installed COMMAND ${by_hand} ${CMAKE_CXX_COMPILER} ${out}/include_path_installed -I${installed}/${CMAKE_INSTALL_INCLUDEDIR})
set_tests_properties(consume.include_path consume.include_path_installed PROPERTIES LABELS consume TIMEOUT 300)
set_tests_properties(consume.include_path_installed PROPERTIES FIXTURES_REQUIRED installed)
find_program(TESSERA_PKG_CONFIG NAMES pkg-config pkgconf)
mark_as_advanced(TESSERA_PKG_CONFIG)
if(TESSERA_PKG_CONFIG)
  foreach(component IN ITEMS core ${tessera_components})
    set(package tessera-${component})
    if(component STREQUAL "core")
      set(package tessera)
    elseif(component MATCHES "^(cuda|stub)$")
      continue()  # no pkg-config file: CUDA's own differ by toolkit, and the stub is there to be copied
    endif()
    add_test(NAME consume.pkg_config_${component} COMMAND ${by_hand} ${CMAKE_CXX_COMPILER} ${out}/pkg_config_${component} --package ${package})
    set_tests_properties(consume.pkg_config_${component} PROPERTIES FIXTURES_REQUIRED installed LABELS consume TIMEOUT 300
      ENVIRONMENT "PKG_CONFIG=${TESSERA_PKG_CONFIG};PKG_CONFIG_PATH=${installed}/${CMAKE_INSTALL_LIBDIR}/pkgconfig")
  endforeach()
endif()
