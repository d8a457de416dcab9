// Every class of RoBERTa, DistilBERT, GPT, GPT-2 and XLM from a folder and into one: what is saved has the reference's
// names and keys, no more and no fewer, and loads again bit-equal; bad configs are refused by the key.
#define BOOST_TEST_MODULE pretrained_architectures
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <set>

#include "tessera/pretrained/distilbert.hpp"
#include "tessera/pretrained/gpt.hpp"
#include "tessera/pretrained/roberta.hpp"
#include "tessera/pretrained/xlm.hpp"

using namespace tessera;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("tessera_architectures_" + std::to_string(getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  std::string text() const { return path.string(); }
};

std::string golden(const std::string& name) { return std::string(TESSERA_GOLDEN_DIR) + "/models/" + name; }

std::set<std::string> names_of(const io::State& state) {
  std::set<std::string> names;
  for (const io::StateTensor& t : state) names.insert(t.name);
  return names;
}

/// The folder of the reference, saved and loaded again in both formats.
template <class Model>
void round_trip(const std::string& name) {
  BOOST_TEST_CONTEXT(name) {
    auto loaded = from_pretrained<Model>(golden(name));
    BOOST_TEST_REQUIRE(loaded.ok(), loaded.error().message());
    BOOST_TEST((*loaded)->report.complete());
    BOOST_TEST((*loaded)->report.unexpected.empty());
    auto original = io::load_state(golden(name));
    BOOST_TEST_REQUIRE(original.ok());
    for (const WeightFormat format : {WeightFormat::safetensors, WeightFormat::torch}) {
      const Folder folder;
      const auto saved = save_pretrained(**loaded, folder.text(), format);
      BOOST_TEST_REQUIRE(saved.ok(), saved.error().message());
      auto state = io::load_state(folder.text());
      BOOST_TEST_REQUIRE(state.ok(), state.error().message());
      BOOST_TEST(names_of(*state) == names_of(*original), boost::test_tools::per_element());
      for (const io::StateTensor& t : *original) {
        const io::StateTensor* ours = state->find(t.name);
        BOOST_TEST_REQUIRE(ours != nullptr, t.name);
        BOOST_TEST((ours->shape == t.shape), t.name);
        BOOST_TEST_REQUIRE(ours->bytes == t.bytes, t.name);
        BOOST_TEST(std::memcmp(ours->data, t.data, t.bytes) == 0, t.name);
      }
      const auto before = io::read_json(golden(name) + "/config.json"),
                 after = io::read_json(folder.text() + "/config.json");
      BOOST_TEST_REQUIRE(after.ok());
      for (const auto& [key, value] : before->items())
        BOOST_TEST((after->contains(key) && (*after)[key] == value), key << ": " << value.dump());
      auto again = from_pretrained<Model>(folder.text());
      BOOST_TEST_REQUIRE(again.ok(), again.error().message());
      BOOST_TEST((*again)->report.unexpected.empty());
    }
  }
}

template <class Config>
void refused(const char* json, const char* why) {
  const auto parsed = io::parse_json(json);
  BOOST_TEST_REQUIRE(parsed.ok());
  const auto config = parse_config<Config>(*parsed);
  BOOST_TEST(!config.ok(), json);
  if (!config.ok())
    BOOST_TEST((std::string(config.error().message()).find(why) != std::string::npos), config.error().message());
}

}  // namespace

BOOST_AUTO_TEST_CASE(roberta) {
  round_trip<Roberta<>>("roberta-model-basic");
  round_trip<RobertaForMaskedLM<>>("roberta-mlm-loss");
  round_trip<RobertaForSequenceClassification<>>("roberta-seqcls-labels3");
}
BOOST_AUTO_TEST_CASE(distilbert) {
  round_trip<DistilBert<>>("distilbert-model-sinmask");
  round_trip<DistilBertForMaskedLM<>>("distilbert-mlm-loss");
  round_trip<DistilBertForSequenceClassification<>>("distilbert-seqcls-regression");
  round_trip<DistilBertForQuestionAnswering<>>("distilbert-qa-inrange");
}
BOOST_AUTO_TEST_CASE(gpt) {
  round_trip<OpenAIGPT<>>("gpt-model-prune");
  round_trip<OpenAIGPTLMHeadModel<>>("gpt-lm-loss");
  round_trip<OpenAIGPTDoubleHeadsModel<>>("gpt-double-nolabels");
}
BOOST_AUTO_TEST_CASE(gpt2) {
  round_trip<GPT2<>>("gpt2-model-prune");
  round_trip<GPT2LMHeadModel<>>("gpt2-lm-loss");
  round_trip<GPT2DoubleHeadsModel<>>("gpt2-double-loss");
}
BOOST_AUTO_TEST_CASE(xlm) {
  round_trip<Xlm<>>("xlm-model-langs");
  round_trip<Xlm<>>("xlm-model-langsnoemb");
  round_trip<XLMWithLMHeadModel<>>("xlm-lm-loss");
  round_trip<XLMWithLMHeadModel<>>("xlm-lm-asm");
  round_trip<XLMForSequenceClassification<>>("xlm-seqcls-first");
  round_trip<XLMForQuestionAnswering<>>("xlm-qa-train");
}

BOOST_AUTO_TEST_CASE(names_of_the_older_library_and_special_tokens) {
  for (const char* name : {"gpt-lm-nspecial062", "gpt-double-nspecial062"}) {
    auto loaded = from_pretrained<OpenAIGPTLMHeadModel<>>(golden(name));
    BOOST_TEST_REQUIRE(loaded.ok(), loaded.error().message());
    BOOST_TEST((*loaded)->report.complete());
    BOOST_TEST((*loaded)->model.base.word().weight.view.dim[0] == 67);
    // A new vocabulary takes the special tokens in.
    BOOST_TEST_REQUIRE((*loaded)->own_weights().ok());
    BOOST_TEST_REQUIRE((*loaded)->resize_token_embeddings(70, 1).ok());
    BOOST_TEST((*loaded)->file.config.vocabulary() == 70);
    const Folder folder;
    BOOST_TEST_REQUIRE(save_pretrained(**loaded, folder.text(), WeightFormat::safetensors).ok());
    auto again = from_pretrained<OpenAIGPTLMHeadModel<>>(folder.text());
    BOOST_TEST_REQUIRE(again.ok(), again.error().message());
    BOOST_TEST((*again)->model.base.word().weight.view.dim[0] == 70);
  }
}

BOOST_AUTO_TEST_CASE(a_bare_file_serves_a_class_with_a_head_that_is_drawn) {
  auto refused_without = from_pretrained<GPT2DoubleHeadsModel<>>(golden("gpt2-model-basic"));
  BOOST_TEST(!refused_without.ok());
  auto drawn = from_pretrained<GPT2DoubleHeadsModel<>>(golden("gpt2-model-basic"), anything_missing, 3);
  BOOST_TEST_REQUIRE(drawn.ok(), drawn.error().message());
  BOOST_TEST((*drawn)->report.missing.size() == 2U);  // the tied decoder is not missing
  auto lm = from_pretrained<GPT2LMHeadModel<>>(golden("gpt2-model-basic"));
  BOOST_TEST(lm.ok());
}

BOOST_AUTO_TEST_CASE(bad_configs_are_refused_by_the_key) {
  refused<RobertaConfig>(R"({"max_position_embeddings": 2})", "max_position_embeddings");
  refused<RobertaConfig>(R"({"hidden_act": "tanh"})", "hidden_act: expected gelu, relu or swish, found tanh");
  refused<DistilBertConfig>(R"({"activation": "swish"})", "activation: expected gelu or relu, found swish");
  refused<DistilBertConfig>(R"({"dim": 30, "n_heads": 4})", "dim 30 is not a multiple of n_heads 4");
  refused<OpenAIGPTConfig>(R"({"afn": "elu"})", "afn: expected gelu, relu or swish, found elu");
  refused<OpenAIGPTConfig>(R"({"n_special": -1})", "n_special");
  refused<GPT2Config>(R"({"n_layer": 0})", "n_layer");
  refused<GPT2Config>(R"({"n_layer": 5000})", "n_layer");
  refused<GPT2Config>(R"({"summary_type": "attn"})", "summary_type");
  refused<GPT2Config>(R"({"n_ctx": 100000000})", "n_ctx");
  refused<XlmConfig>(R"({"asm": true})", "asm_cutoffs");
  refused<XlmConfig>(R"({"asm": true, "n_words": 50, "asm_cutoffs": [20, 10]})", "asm_cutoffs");
  refused<XlmConfig>(R"({"asm": true, "n_words": 50, "asm_cutoffs": [20, 60]})", "asm_cutoffs");
  refused<XlmConfig>(R"({"asm": true, "n_words": 50, "asm_cutoffs": [20], "asm_div_value": 0.5})", "asm_div_value");
  refused<XlmConfig>(R"({"n_words": 50, "pad_index": 50})", "pad_index");
  refused<XlmConfig>(R"({"is_encoder": false})", "is_encoder: only true is computed here");
  refused<XlmConfig>(R"({"causal": "yes"})", "causal");
}

BOOST_AUTO_TEST_CASE(tables_of_xlm_are_drawn_with_a_deviation_of_their_own) {
  const auto json = io::parse_json(
      R"({"n_words": 300, "emb_dim": 64, "n_heads": 2, "n_layers": 1, "embed_init_std": 3.0, "init_std": 0.5})");
  BOOST_TEST_REQUIRE(json.ok());
  auto file = parse_config<XlmConfig>(*json);
  BOOST_TEST_REQUIRE(file.ok(), file.error().message());
  auto p = from_state<XLMWithLMHeadModel<>>(std::move(*file), io::State(), anything_missing, 3);
  BOOST_TEST_REQUIRE(p.ok(), p.error().message());
  const auto deviation = [](const View& v, Index first) {
    double sum = 0;
    const Index count = v.count() - first;
    for (Index i = first; i < v.count(); ++i) sum += double{v.as<float>()[i]} * double{v.as<float>()[i]};
    return std::sqrt(sum / static_cast<double>(count));
  };
  auto& model = (*p)->model;
  BOOST_TEST(std::fabs(deviation(model.base.embeddings.word.weight.view, 0) - 3) < 0.1);
  BOOST_TEST(std::fabs(deviation(model.base.encoder[0].attention.query.weight.view, 0) - 0.5) < 0.05);
  BOOST_TEST_REQUIRE((*p)->own_weights().ok());
  BOOST_TEST_REQUIRE((*p)->resize_token_embeddings(400, 5).ok());
  BOOST_TEST(std::fabs(deviation(model.base.embeddings.word.weight.view, 300 * 64) - 3) < 0.1);
}

BOOST_AUTO_TEST_CASE(an_adaptive_softmax_keeps_its_vocabulary) {
  auto p = from_pretrained<XLMWithLMHeadModel<>>(golden("xlm-lm-asm"));
  BOOST_TEST_REQUIRE(p.ok(), p.error().message());
  BOOST_TEST_REQUIRE((*p)->own_weights().ok());
  const Index words = (*p)->file.config.n_words;
  const auto resized = (*p)->resize_token_embeddings(words - 3, 5);
  BOOST_TEST(!resized.ok());
  BOOST_TEST((std::string(resized.error().message()).find("keeps its vocabulary") != std::string::npos));
  BOOST_TEST((*p)->file.config.n_words == words);
}
