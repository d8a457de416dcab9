# Headers and objects that the program embed writes, for its test.
if(NOT TARGET program_embed OR NOT TARGET test_programs.embed OR (CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR))
  return()
endif()
enable_language(ASM)
set(folder ${CMAKE_CURRENT_BINARY_DIR}/weights_as_code)
file(MAKE_DIRECTORY ${folder})
set(model ${PROJECT_SOURCE_DIR}/examples/data/tiny_bert)
set(written "")
foreach(storage IN ITEMS f32 f16 bf16 int8)
  add_custom_command(OUTPUT ${folder}/as_${storage}.hpp
    COMMAND program_embed ${model} --output ${folder}/as_${storage}.hpp --storage ${storage}
    DEPENDS program_embed ${model}/model.safetensors)
  list(APPEND written ${folder}/as_${storage}.hpp)
  set(object ${folder}/as_${storage}_object)
  add_custom_command(OUTPUT ${object}.hpp ${object}.S ${object}.bin
    COMMAND program_embed ${model} --output ${object}.hpp --storage ${storage} --assembly
    DEPENDS program_embed ${model}/model.safetensors)
  list(APPEND written ${object}.hpp ${object}.S)
  set_source_files_properties(${object}.S PROPERTIES OBJECT_DEPENDS ${object}.bin)
endforeach()
target_sources(test_programs.embed PRIVATE ${written})
target_include_directories(test_programs.embed PRIVATE ${folder})
target_compile_definitions(test_programs.embed PRIVATE TESSERA_TEST_EMBEDDED=1)
