// Conformance of the cuda backend.
#define BOOST_TEST_MODULE conformance_cuda
#ifdef TESSERA_WITH_CUDA
#include "conformance/conformance.hpp"
#include "tessera/backends/cuda/cuda.hpp"

TESSERA_CONFORMANCE(f32, tessera::Cuda())
#else
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_CASE(not_built_here) { BOOST_TEST_MESSAGE("the cuda backend is not built here"); }
#endif
