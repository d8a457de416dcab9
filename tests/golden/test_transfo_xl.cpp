// Transformer-XL's golden cases: both classes, with memories over several calls.
#define BOOST_TEST_MODULE golden_transfo_xl
#include "golden/model_cases.hpp"

TESSERA_MODEL_CASES("transfoxl-", 24, 0)
