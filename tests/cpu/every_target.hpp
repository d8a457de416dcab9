// Runs a function once for each instruction set that this machine and the library have, the narrow ones too.
#pragma once

#include <cstdint>

#include "hwy/targets.h"

namespace tessera {

/// f("AVX2") while Highway chooses AVX2, and so on. The scalar form is the last.
template <class F>
void for_every_target(const F& f) {
  constexpr std::int64_t known[] = {HWY_AVX3, HWY_AVX2, HWY_SSE4, HWY_NEON, HWY_SCALAR};
  const std::int64_t here = hwy::SupportedTargets() | HWY_SCALAR;
  for (const std::int64_t target : known) {
    if ((here & target) == 0) continue;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(target);
    f(hwy::TargetName(target));
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
}

}  // namespace tessera
