// RoBERTa's classes.
#include "tessera/pretrained/roberta.hpp"
#include "bert_adapter.hpp"
#include "run_model.hpp"

namespace tessera::parity {
namespace {

const Registration classes{
    {"RobertaModel", &run_model<Roberta<>, BertAdapter>},
    {"RobertaForMaskedLM", &run_model<RobertaForMaskedLM<>, BertMaskedLM>},
    {"RobertaForSequenceClassification", &run_model<RobertaForSequenceClassification<>, BertWithLabels>},
};

}  // namespace
}  // namespace tessera::parity
