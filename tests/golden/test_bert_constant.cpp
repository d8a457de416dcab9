// Models whose sizes are constants: three golden cases compiled for them give the same bits as the models with run-time
// sizes, on the reference backend, and refuse other checkpoints by the name of the size.
#define BOOST_TEST_MODULE golden_bert_constant
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <string>

#include "../../examples/programs/parity/golden_case.hpp"
#include "tessera/backends/reference/reference.hpp"
#include "tessera/context/session.hpp"
#include "tessera/context/training_session.hpp"
#include "tessera/pretrained/bert.hpp"

using namespace tessera;

namespace {

constexpr BertSizes basic{.vocabulary = 61, .hidden = 24, .layers = 2, .intermediate = 29, .positions = 16, .types = 2};
constexpr BertSizes labels2{
    .vocabulary = 65, .hidden = 24, .layers = 2, .intermediate = 29, .positions = 13, .types = 2};
constexpr BertSizes pretraining{
    .vocabulary = 60, .hidden = 28, .layers = 2, .intermediate = 37, .positions = 15, .types = 2};

parity::GoldenCase read(const std::string& name) {
  auto c = parity::read_case(std::string(TESSERA_GOLDEN_DIR) + "/models/" + name);
  BOOST_TEST_REQUIRE(c.ok(), c.error().message());
  return std::move(*c);
}

using Tensors = std::map<std::string, std::vector<float>>;

template <class Model>
Tensors run(const parity::GoldenCase& c) {
  auto loaded = from_pretrained<Model>(c.folder);
  BOOST_TEST_REQUIRE(loaded.ok(), loaded.error().message());
  const Model& model = (*loaded)->model;
  typename Model::Input in;
  in.input_ids = c.input("input_ids");
  in.token_type_ids = c.input("token_type_ids");
  in.position_ids = c.input("position_ids");
  in.attention_mask = c.input("attention_mask");
  in.layout = Layout::padded(in.input_ids.rows(), in.input_ids.columns());
  if constexpr (requires { in.labels; }) in.labels = c.input("labels");
  if constexpr (requires { in.masked_lm_labels; }) {
    in.masked_lm_labels = c.input("masked_lm_labels");
    in.next_sentence_label = c.input("next_sentence_label");
  }
  Tensors all;
  Session<Model, Reference<float>> session(model, {});
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  const auto out = session.run(in);
  BOOST_TEST_REQUIRE(out.ok(), out.error().message());
  (*out)->visit([&](const char* name, const auto& tensor) {
    if (tensor)
      all[name].assign(tensor.view().template as<float>(), tensor.view().template as<float>() + tensor.view().count());
  });
  if constexpr (requires { (*out)->loss; }) {
    auto gradients = Gradients<Reference<float>>::of(model, Reference<float>());
    TrainingSession<Model, Reference<float>> training(model, {}, *gradients);
    BOOST_TEST_REQUIRE(training.reserve(in).ok());
    BOOST_TEST_REQUIRE(training.forward(in).ok());
    BOOST_TEST_REQUIRE(training.backward().ok());
    all["gradients"].assign(gradients->data(), gradients->data() + gradients->elements());
  }
  return all;
}

template <class Constant, class Dynamic>
void same_bits(const std::string& name, std::size_t tensors) {
  const parity::GoldenCase c = read(name);
  const Tensors constant = run<Constant>(c), dynamic = run<Dynamic>(c);
  BOOST_TEST(dynamic.size() == tensors);
  BOOST_TEST(constant.size() == tensors);
  parity::Results results;
  for (const auto& [tensor, values] : dynamic) {
    const std::vector<float>& other = constant.at(tensor);
    BOOST_TEST_REQUIRE(other.size() == values.size());
    BOOST_TEST(std::memcmp(other.data(), values.data(), values.size() * sizeof(float)) == 0, tensor);
    results[tensor].values = other;
  }
  for (const parity::Expected& e : c.expected)
    if (results.count(e.name) > 0) BOOST_TEST(parity::compare(c, e, results).good(), e.name);
}

template <class Model>
void refused(const std::string& name, const std::string& why) {
  const auto loaded = from_pretrained<Model>(std::string(TESSERA_GOLDEN_DIR) + "/models/" + name);
  BOOST_TEST(!loaded.ok());
  BOOST_TEST((std::string(loaded.error().message()).find(why) != std::string::npos), loaded.error().message());
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_base_model_gives_the_same_bits) { same_bits<Bert<basic>, Bert<>>("bert-model-basic", 2); }

BOOST_AUTO_TEST_CASE(sequence_classification_gives_the_same_bits_and_gradients) {
  same_bits<BertForSequenceClassification<labels2, 2>, BertForSequenceClassification<>>("bert-seqcls-labels2", 3);
}

BOOST_AUTO_TEST_CASE(pre_training_gives_the_same_bits_and_gradients) {
  same_bits<BertForPreTraining<pretraining>, BertForPreTraining<>>("bert-pretraining-loss", 4);
}

BOOST_AUTO_TEST_CASE(checkpoints_of_other_sizes_are_refused_by_the_name_of_the_size) {
  refused<Bert<basic>>("bert-model-resize", "vocab_size is 72, this model was compiled for 61");
  refused<Bert<BertSizes{.hidden = 32}>>("bert-model-basic", "hidden_size is 24, this model was compiled for 32");
  refused<Bert<BertSizes{.layers = 3}>>("bert-model-basic", "num_hidden_layers is 2, this model was compiled for 3");
  refused<BertForSequenceClassification<BertSizes{}, 2>>("bert-seqcls-labels3",
                                                         "num_labels is 3, this model was compiled for 2");
}

BOOST_AUTO_TEST_CASE(a_pruned_checkpoint_and_a_new_vocabulary_are_refused_by_name) {
  refused<Bert<labels2>>("bert-model-prune", "pruned_heads");
  auto loaded = from_pretrained<Bert<basic>>(std::string(TESSERA_GOLDEN_DIR) + "/models/bert-model-basic");
  BOOST_TEST_REQUIRE(loaded.ok());
  const auto resized = resize_token_embeddings((*loaded)->model, 70, 0.02, 1);
  BOOST_TEST(!resized.ok());
  BOOST_TEST((std::string(resized.error().message()).find("vocabulary") != std::string::npos),
             resized.error().message());
  BOOST_TEST((*loaded)->model.embeddings.word.weight.view.dim[0] == 61);
}
