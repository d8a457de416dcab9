// BERT's golden cases: all eight classes.
#define BOOST_TEST_MODULE golden_bert
#include "golden/model_cases.hpp"

TESSERA_MODEL_CASES("bert-", 33, 28)
