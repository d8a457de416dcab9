// What a program of somebody else looks like: two units that include the same headers, a model of constant sizes in
// each, planned at compile time, and the same numbers from both; and something of every component that it links.
#include <tessera/backends/reference/reference.hpp>
#include <tessera/tessera.hpp>

#include "components.hpp"
#include "tiny_bert.hpp"

#include <cstdio>
#include <cstring>

tessera::Result<float> other_unit();  // other.cpp

int main() {
  std::printf("tessera %s, arena of %zu bytes\n", TESSERA_VERSION_STRING, tiny_plan.arena_bytes);
  const auto here = run_tiny(0), there = other_unit(), refused = run_tiny(1000);
  if (!here.ok() || !there.ok()) return 1;
  std::printf("%.6f %.6f; a bad id: %s\n", static_cast<double>(*here), static_cast<double>(*there),
              refused.error().message());
  const bool names_it = !refused.ok() && std::strstr(refused.error().message(), "1000") != nullptr;
  return *here == *there && names_it && components_work(*here) ? 0 : 1;
}
