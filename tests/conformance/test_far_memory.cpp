// Conformance of a device whose memory the host cannot touch: the suite itself goes through the backend's Memory alone.
#define BOOST_TEST_MODULE conformance_far_memory
#include "conformance/conformance.hpp"
#include "context/far_memory.hpp"

TESSERA_CONFORMANCE(f32, tessera::FarMemory())
