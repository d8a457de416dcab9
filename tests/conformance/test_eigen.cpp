// Conformance of the eigen backend.
#define BOOST_TEST_MODULE conformance_eigen
#ifdef TESSERA_WITH_EIGEN
#include "conformance/conformance.hpp"
#include "tessera/backends/eigen/eigen.hpp"

TESSERA_CONFORMANCE(f32, tessera::EigenBackend())
#else
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_CASE(not_built_here) { BOOST_TEST_MESSAGE("the eigen backend is not built here"); }
#endif
