// What a Cortex-M7 does before main: takes the stack, switches on the floating-point unit, and goes on into newlib.
#include <cstdint>

extern "C" {
extern std::uint32_t stack_top;  // of the linker script
[[noreturn]] void _start();  // newlib's: clears .bss, opens the semihosting streams, runs constructors, main and exit

[[noreturn]] void reset() {
  // Coprocessor access control (ARMv7-M Architecture Reference Manual, B3.2.20): full access to CP10 and CP11.
  auto& cpacr = *reinterpret_cast<volatile std::uint32_t*>(0xE000ED88);
  cpacr = cpacr | 0xF00000;
  __asm volatile("dsb\n\tisb");
  _start();
}

// Without a handler: stop where a debugger, or a test with a time limit, sees it.
[[noreturn]] void fault() {
  for (;;) __asm volatile("bkpt 0");
}

[[gnu::section(".vectors"), gnu::used]] void (*const vectors[7])() = {reinterpret_cast<void (*)()>(&stack_top),
                                                                      reset,
                                                                      fault /* NMI */,
                                                                      fault /* hard */,
                                                                      fault /* memory */,
                                                                      fault /* bus */,
                                                                      fault /* usage */};
}
