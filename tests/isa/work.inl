// The work that both units do: conversions, an error, and a whole model, out of line where a compiler may keep it so.
// The linker keeps one copy of each inline function for the whole program.
#include <tessera/backends/reference/reference.hpp>
#include <tessera/base/philox.hpp>
#include <tessera/tessera.hpp>

#include "tiny_bert.hpp"

static double work() {
  double sum = 0;
  for (unsigned i = 0; i < 0x10000U; i += 7) {
    const auto bits = static_cast<std::uint16_t>(i);
    const float a = tessera::from_bf16(bits);
    const float b = tessera::from_f16(bits);
    if (a > -1e6F && a < 1e6F) sum += static_cast<double>(tessera::from_bf16(tessera::to_bf16(a * 1.25F)));
    if (b > -1e6F && b < 1e6F) sum += static_cast<double>(b) * 0.5;
  }
  const tessera::Error error = tessera::Error::format(tessera::Code::not_found, "%d", 12).in("file");
  sum += static_cast<double>(error.message()[0]);
  const auto pooled = run_tiny(0);
  return pooled.ok() ? sum + static_cast<double>(*pooled) : -1;
}
