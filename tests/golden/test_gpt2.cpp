// GPT-2's golden cases.
#define BOOST_TEST_MODULE golden_gpt2
#include "golden/model_cases.hpp"

TESSERA_MODEL_CASES("gpt2-", 15, 11)
