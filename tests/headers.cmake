# Tests of the headers as text and as headers: layers, ops, one-header form, foreign macros, mixed instruction sets, and
# sources that must not compile.
set(python_tests_run ${Python3_Interpreter_FOUND})
set(scripts ${PROJECT_SOURCE_DIR}/cmake)

function(tessera_header_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK;INCLUDE" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${arg_LINK} tessera_warnings)
  target_include_directories(${name} PRIVATE ${arg_INCLUDE})
endfunction()

# One program, two units built for different instruction sets: whichever copy of an inline function the linker keeps, code
# built without -mavx2 must not run instructions of AVX2. Both orders of linking, because the first copy often wins.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND NOT CMAKE_CXX_FLAGS MATCHES "sanitize|coverage")
  find_program(TESSERA_QEMU qemu-x86_64)
  mark_as_advanced(TESSERA_QEMU)
  foreach(order IN ITEMS avx2_first avx2_last)
    set(objects isa/plain.cpp isa/avx2.cpp)
    if(order STREQUAL "avx2_first")
      set(objects isa/avx2.cpp isa/plain.cpp)
    endif()
    tessera_header_program(isa_${order} SOURCES ${objects} isa/main.cpp LINK tessera::tessera INCLUDE ${CMAKE_CURRENT_SOURCE_DIR}/consume)
    add_test(NAME headers.isa_${order} COMMAND isa_${order})
    set_tests_properties(headers.isa_${order} PROPERTIES LABELS headers TIMEOUT 120)
    if(TESSERA_QEMU)
      add_test(NAME headers.isa_${order}_on_nehalem COMMAND ${TESSERA_QEMU} -cpu Nehalem $<TARGET_FILE:isa_${order}> plain)
      set_tests_properties(headers.isa_${order}_on_nehalem PROPERTIES LABELS "headers;qemu" TIMEOUT 300)
    endif()
  endforeach()
  set_source_files_properties(isa/avx2.cpp PROPERTIES COMPILE_OPTIONS "-mavx2;-mfma")
endif()

if(NOT python_tests_run)
  return()
endif()

foreach(check IN ITEMS layers ops)
  add_test(NAME headers.${check} COMMAND Python3::Interpreter ${scripts}/check_${check}.py)
  add_test(NAME headers.${check}_self_test COMMAND Python3::Interpreter ${scripts}/check_${check}.py --self-test)
  set_tests_properties(headers.${check} headers.${check}_self_test PROPERTIES LABELS headers TIMEOUT 60)
endforeach()

get_property(core_headers TARGET tessera PROPERTY tessera_headers)
set(all_headers ${core_headers})
foreach(component IN LISTS tessera_components)
  get_property(some TARGET tessera_${component} PROPERTY tessera_headers)
  list(APPEND all_headers ${some})
endforeach()

# The core as one header. It stands in the build folder as amalgamated/tessera.hpp.
set(one ${PROJECT_BINARY_DIR}/amalgamated/tessera.hpp)
add_custom_command(OUTPUT ${one}
  COMMAND Python3::Interpreter ${scripts}/amalgamate.py --output ${one}
  DEPENDS ${scripts}/amalgamate.py ${core_headers})
add_custom_target(amalgamated ALL DEPENDS ${one})
tessera_header_program(amalgamated_program SOURCES amalgamated/main.cpp amalgamated/other.cpp
  INCLUDE ${PROJECT_BINARY_DIR}/amalgamated ${CMAKE_CURRENT_SOURCE_DIR}/consume)
target_compile_features(amalgamated_program PRIVATE cxx_std_20)
add_dependencies(amalgamated_program amalgamated)
add_test(NAME headers.amalgamated COMMAND amalgamated_program)
set_tests_properties(headers.amalgamated PROPERTIES LABELS headers TIMEOUT 60)

# Every public header after min, max, check, verify, small, near and far became macros.
if(NOT CMAKE_CXX_FLAGS MATCHES "sanitize|coverage")
  set(hostile ${CMAKE_CURRENT_BINARY_DIR}/hostile_macros.cpp)
  add_custom_command(OUTPUT ${hostile}
    COMMAND Python3::Interpreter ${scripts}/hostile_macros.py --output ${hostile} --include ${PROJECT_SOURCE_DIR}/include ${all_headers}
    DEPENDS ${scripts}/hostile_macros.py ${all_headers})
  tessera_header_program(hostile_macros SOURCES ${hostile} LINK tessera_all Threads::Threads)
  add_test(NAME headers.hostile_macros COMMAND hostile_macros)
  set_tests_properties(headers.hostile_macros PROPERTIES LABELS headers TIMEOUT 60)
endif()

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/compile_fail/*.cpp)
foreach(source IN LISTS sources)
  get_filename_component(name ${source} NAME_WE)
  add_test(NAME compile_fail.${name} COMMAND Python3::Interpreter ${scripts}/check_compile_fail.py ${source} --
    ${CMAKE_CXX_COMPILER} -std=c++20 -I${PROJECT_SOURCE_DIR}/include)
  set_tests_properties(compile_fail.${name} PROPERTIES LABELS compile_fail TIMEOUT 120)
endforeach()
