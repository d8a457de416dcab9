// XLM's golden cases.
#define BOOST_TEST_MODULE golden_xlm
#include "golden/model_cases.hpp"

TESSERA_MODEL_CASES("xlm-", 25, 14)
