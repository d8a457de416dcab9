// DistilBERT's golden cases.
#define BOOST_TEST_MODULE golden_distilbert
#include "golden/model_cases.hpp"

TESSERA_MODEL_CASES("distilbert-", 14, 10)
