# Installs the build into an empty prefix.
file(REMOVE_RECURSE ${PREFIX})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(GLOB_RECURSE everything LIST_DIRECTORIES true ${PREFIX}/*)
foreach(path IN LISTS everything)
  if(IS_SYMLINK ${path})
    message(FATAL_ERROR "${path} is a link; an installed tree holds files")
  endif()
endforeach()
