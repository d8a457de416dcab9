// XLNet's golden cases: all four classes, both streams, memories, beams.
#define BOOST_TEST_MODULE golden_xlnet
#include "golden/model_cases.hpp"

TESSERA_MODEL_CASES("xlnet-", 27, 0)
