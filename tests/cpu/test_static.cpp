// The header-only form: the conformance suite on CpuStatic, for the instruction set this file is compiled for.
#define BOOST_TEST_MODULE cpu_static
#ifdef TESSERA_WITH_CPU
#include "conformance/conformance.hpp"
#include "tessera/backends/cpu/static.hpp"

TESSERA_CONFORMANCE(f32, tessera::CpuStatic())
#else
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_CASE(not_built_here) { BOOST_TEST_MESSAGE("the cpu backend is not built here"); }
#endif
