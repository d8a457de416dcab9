// Models of every architecture whose sizes are constants: compiled for a golden case they give the same bits as with
// run-time sizes, values and gradients, on the reference backend; and what a run needs is a constant.
#define BOOST_TEST_MODULE golden_models_constant
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <string>

#include "../../examples/programs/parity/golden_case.hpp"
#include "tessera/backends/reference/reference.hpp"
#include "tessera/context/session.hpp"
#include "tessera/context/training_session.hpp"
#include "tessera/pretrained/distilbert.hpp"
#include "tessera/pretrained/gpt.hpp"
#include "tessera/pretrained/roberta.hpp"
#include "tessera/pretrained/xlm.hpp"

using namespace tessera;

namespace {

constexpr BertSizes roberta{
    .vocabulary = 61, .hidden = 24, .layers = 2, .intermediate = 33, .positions = 12, .types = 1};
constexpr DistilBertSizes distilbert{.vocabulary = 60, .hidden = 32, .layers = 2, .intermediate = 37, .positions = 11};
constexpr GptSizes gpt2{.vocabulary = 63, .hidden = 24, .layers = 2, .positions = 12};
constexpr GptSizes gpt{.vocabulary = 65, .hidden = 24, .layers = 2, .positions = 15};
constexpr XlmSizes xlm{.vocabulary = 62, .hidden = 24, .layers = 2, .positions = 15, .languages = 1};

using Tensors = std::map<std::string, std::vector<float>>;

template <class Model>
typename Model::Input input_of(const parity::GoldenCase& c) {
  typename Model::Input in;
  const View ids = c.input("input_ids");
  in.layout = Layout::padded(ids.rows(), ids.columns());
  in.input_ids = ids;
  if constexpr (requires { in.token_type_ids; }) in.token_type_ids = c.input("token_type_ids");
  if constexpr (requires { in.attention_mask; }) in.attention_mask = c.input("attention_mask");
  if constexpr (requires { in.labels; }) in.labels = c.input("labels");
  if constexpr (requires { in.mc_labels; }) {
    in.choices = ids.dim[1];
    in.mc_token_ids = c.input("mc_token_ids");
    in.mc_labels = c.input("mc_labels");
    in.lm_labels = c.input("lm_labels");
  }
  return in;
}

template <class Model>
Tensors run(const parity::GoldenCase& c) {
  auto loaded = from_pretrained<Model>(c.folder);
  BOOST_TEST_REQUIRE(loaded.ok(), loaded.error().message());
  const Model& model = (*loaded)->model;
  const auto in = input_of<Model>(c);
  Tensors all;
  Session<Model, Reference<float>> session(model, {});
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  const auto out = session.run(in);
  BOOST_TEST_REQUIRE(out.ok(), out.error().message());
  (*out)->visit([&](const char* name, const auto& tensor) {
    if (tensor)
      all[name].assign(tensor.view().template as<float>(), tensor.view().template as<float>() + tensor.view().count());
  });
  auto gradients = Gradients<Reference<float>>::of(model, Reference<float>());
  TrainingSession<Model, Reference<float>> training(model, {}, *gradients);
  BOOST_TEST_REQUIRE(training.reserve(in).ok());
  BOOST_TEST_REQUIRE(training.forward(in).ok());
  BOOST_TEST_REQUIRE(training.backward().ok());
  all["gradients"].assign(gradients->data(), gradients->data() + gradients->elements());
  return all;
}

template <class Constant, class Dynamic>
void same_bits(const std::string& name, std::size_t tensors) {
  const auto c = parity::read_case(std::string(TESSERA_GOLDEN_DIR) + "/models/" + name);
  BOOST_TEST_REQUIRE(c.ok(), c.error().message());
  const Tensors constant = run<Constant>(*c), dynamic = run<Dynamic>(*c);
  BOOST_TEST(dynamic.size() == tensors);
  BOOST_TEST_REQUIRE(constant.size() == tensors);
  for (const auto& [tensor, values] : dynamic) {
    const std::vector<float>& other = constant.at(tensor);
    BOOST_TEST_REQUIRE(other.size() == values.size());
    BOOST_TEST(std::memcmp(other.data(), values.data(), values.size() * sizeof(float)) == 0, tensor);
  }
}

/// What a run of two texts of eight needs, as a constant expression.
template <class Model, class Config>
consteval Plan plan_of(const Config& config) {
  const Model model(config);
  return plan(model, Model::Input::shape(2, 8), Reference<float>());
}

constexpr RobertaConfig roberta_config() {
  RobertaConfig c;
  c.vocab_size = 61;
  c.hidden_size = 24;
  c.num_hidden_layers = 2;
  c.num_attention_heads = 4;
  c.intermediate_size = 33;
  c.max_position_embeddings = 12;
  c.type_vocab_size = 1;
  return c;
}
constexpr GPT2Config gpt2_config() {
  GPT2Config c;
  c.vocab_size = 63;
  c.n_embd = 24;
  c.n_layer = 2;
  c.n_head = 4;
  c.n_positions = 12;
  c.n_ctx = 10;
  return c;
}
constexpr XlmConfig xlm_config() {
  XlmConfig c;
  c.n_words = 62;
  c.emb_dim = 24;
  c.n_layers = 2;
  c.n_heads = 4;
  c.max_position_embeddings = 15;
  return c;
}

}  // namespace

BOOST_AUTO_TEST_CASE(roberta_classification) {
  same_bits<RobertaForSequenceClassification<roberta, 2>, RobertaForSequenceClassification<>>("roberta-seqcls-labels2",
                                                                                              3);
}
BOOST_AUTO_TEST_CASE(distilbert_classification) {
  same_bits<DistilBertForSequenceClassification<distilbert, 2>, DistilBertForSequenceClassification<>>(
      "distilbert-seqcls-labels2", 3);
}
BOOST_AUTO_TEST_CASE(gpt2_language_model) { same_bits<GPT2LMHeadModel<gpt2>, GPT2LMHeadModel<>>("gpt2-lm-loss", 3); }
BOOST_AUTO_TEST_CASE(gpt_double_heads) {
  same_bits<OpenAIGPTDoubleHeadsModel<gpt>, OpenAIGPTDoubleHeadsModel<>>("gpt-double-loss", 6);
}
BOOST_AUTO_TEST_CASE(xlm_language_model) { same_bits<XLMWithLMHeadModel<xlm>, XLMWithLMHeadModel<>>("xlm-lm-loss", 3); }

BOOST_AUTO_TEST_CASE(what_a_run_needs_is_a_constant) {
  constexpr Plan of_roberta = plan_of<Roberta<roberta>>(roberta_config());
  constexpr Plan of_gpt2 = plan_of<GPT2<gpt2>>(gpt2_config());
  constexpr Plan of_xlm = plan_of<Xlm<xlm>>(xlm_config());
  for (const Plan& p : {of_roberta, of_gpt2, of_xlm}) {
    BOOST_TEST((p.fault.code == Code::ok));
    BOOST_TEST(p.arena_bytes > 1000U);
    BOOST_TEST(p.flops > 100000);
  }
  // The same as at run time.
  const GPT2<> dynamic(gpt2_config());
  BOOST_TEST(plan(dynamic, GptInput::shape(2, 8), Reference<float>()).arena_bytes == of_gpt2.arena_bytes);
}

BOOST_AUTO_TEST_CASE(other_sizes_are_refused_by_name) {
  const auto refused =
      from_pretrained<GPT2<GptSizes{.hidden = 32}>>(std::string(TESSERA_GOLDEN_DIR) + "/models/gpt2-lm-loss");
  BOOST_TEST(!refused.ok());
  BOOST_TEST((std::string(refused.error().message()).find("n_embd is 24, this model was compiled for 32") !=
              std::string::npos),
             refused.error().message());
}
