// The core out of its single header, in a program of two units that run a model.
#include <tessera.hpp>

#include "tiny_bert.hpp"

#include <cstdio>

tessera::Result<float> other_unit();  // other.cpp

int main() {
  std::printf("tessera %s, arena of %zu bytes\n", TESSERA_VERSION_STRING, tiny_plan.arena_bytes);
  const auto here = run_tiny(0), there = other_unit(), refused = run_tiny(1000);
  return here.ok() && there.ok() && *here == *there && !refused.ok() ? 0 : 1;
}
