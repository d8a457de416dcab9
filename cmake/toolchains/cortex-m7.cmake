# Arm Cortex-M7 without an operating system: newlib with semihosting, on the emulated board MPS2 AN500.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

set(tessera_board_ ${CMAKE_CURRENT_LIST_DIR}/cortex-m7)
set(CMAKE_CXX_FLAGS_INIT "-mcpu=cortex-m7 -mthumb -mfpu=fpv5-sp-d16 -mfloat-abi=hard -fno-exceptions -fno-rtti -fno-threadsafe-statics -ffunction-sections -fdata-sections")
set(CMAKE_EXE_LINKER_FLAGS_INIT "--specs=rdimon.specs -Wl,--gc-sections -T ${tessera_board_}/mps2-an500.ld")

# Every program starts with the board's own code.
set(CMAKE_CXX_STANDARD_LIBRARIES_INIT "${CMAKE_BINARY_DIR}/startup.o")
if(NOT EXISTS ${CMAKE_BINARY_DIR}/startup.o OR ${tessera_board_}/startup.cpp IS_NEWER_THAN ${CMAKE_BINARY_DIR}/startup.o)
  separate_arguments(tessera_flags_ UNIX_COMMAND "${CMAKE_CXX_FLAGS_INIT}")
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -std=c++20 -Os ${tessera_flags_} -c ${tessera_board_}/startup.cpp -o ${CMAKE_BINARY_DIR}/startup.o
    COMMAND_ERROR_IS_FATAL ANY)
endif()

set(CMAKE_CROSSCOMPILING_EMULATOR qemu-system-arm -M mps2-an500 -display none -monitor none -serial none
  -semihosting-config enable=on,target=native -kernel)
