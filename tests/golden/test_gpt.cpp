// OpenAI GPT's golden cases.
#define BOOST_TEST_MODULE golden_gpt
#include "golden/model_cases.hpp"

TESSERA_MODEL_CASES("gpt-", 19, 19)
