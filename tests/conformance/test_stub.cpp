// Conformance of the stub backend.
#define BOOST_TEST_MODULE conformance_stub
#ifdef TESSERA_WITH_STUB
#include "conformance/conformance.hpp"
#include "tessera/backends/stub/stub.hpp"

TESSERA_CONFORMANCE(f32, tessera::Stub())
#else
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_CASE(not_built_here) { BOOST_TEST_MESSAGE("the stub backend is not built here"); }
#endif
