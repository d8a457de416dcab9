// Conformance of the cpu backend.
#define BOOST_TEST_MODULE conformance_cpu
#ifdef TESSERA_WITH_CPU
#include "conformance/conformance.hpp"
#include "tessera/backends/cpu/cpu.hpp"

TESSERA_CONFORMANCE(f32, tessera::Cpu())
#else
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_CASE(not_built_here) { BOOST_TEST_MESSAGE("the cpu backend is not built here"); }
#endif
