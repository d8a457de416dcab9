// RoBERTa's golden cases.
#define BOOST_TEST_MODULE golden_roberta
#include "golden/model_cases.hpp"

TESSERA_MODEL_CASES("roberta-", 11, 10)
