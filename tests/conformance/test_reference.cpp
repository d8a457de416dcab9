// Conformance of the reference backend in float and double. In double it is compared with itself: what is tested then
// are the promises about rows, aliasing, guards and threads.
#define BOOST_TEST_MODULE conformance_reference
#include "conformance/conformance.hpp"

TESSERA_CONFORMANCE(f32, tessera::Reference<float>())
TESSERA_CONFORMANCE(f64, tessera::Reference<double>())
