// Which instruction sets of Highway the kernels are compiled for. Comes before the first header of Highway.
#pragma once

#ifndef HWY_DISABLED_TARGETS
// SSSE3 without SSE4: processors of 2006, which run the scalar kernels. SVE and RVV: their vectors have no size when
// they are compiled, so that kernels could not keep arrays of them; CPUs with SVE run the NEON kernels.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#endif
