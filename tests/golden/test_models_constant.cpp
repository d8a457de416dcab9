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
#include "tessera/pretrained/bert.hpp"
#include "tessera/pretrained/distilbert.hpp"
#include "tessera/pretrained/gpt.hpp"
#include "tessera/pretrained/roberta.hpp"
#include "tessera/pretrained/transfo_xl.hpp"
#include "tessera/pretrained/xlm.hpp"
#include "tessera/pretrained/xlnet.hpp"

using namespace tessera;

namespace {

constexpr BertSizes roberta{
    .vocabulary = 61, .hidden = 24, .layers = 2, .intermediate = 33, .positions = 12, .types = 1};
constexpr DistilBertSizes distilbert{.vocabulary = 60, .hidden = 32, .layers = 2, .intermediate = 37, .positions = 11};
constexpr GptSizes gpt2{.vocabulary = 63, .hidden = 24, .layers = 2, .positions = 12};
constexpr GptSizes gpt{.vocabulary = 65, .hidden = 24, .layers = 2, .positions = 15};
constexpr BertSizes bert{.vocabulary = 61, .hidden = 24, .layers = 2, .intermediate = 29, .positions = 16, .types = 2};
constexpr TransfoXLSizes transfo_xl{.hidden = 24,
                                    .layers = 2,
                                    .heads = 24,
                                    .inner = 37,
                                    .tables = 3,
                                    .projections = 3,
                                    .outputs = 3,
                                    .out_projections = 3,
                                    .attention = TransfoXLPositions::relative};
constexpr XLNetSizes xlnet{.vocabulary = 62, .hidden = 24, .layers = 2, .heads = 2, .head_size = 12, .inner = 29};
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

/// What a run of two texts of eight needs is a constant, and what the model with run-time sizes needs.
template <class Constant, class Dynamic, auto Config>
void constant_plan() {
  constexpr Plan p = plan(Constant(Config()), Constant::Input::shape(2, 8), Reference<float>());
  static_assert(p.fault.code == Code::ok);
  static_assert(p.arena_bytes > 1000 && p.flops > 100000);
  const Dynamic dynamic(Config());
  const Plan at_run_time = plan(dynamic, Dynamic::Input::shape(2, 8), Reference<float>());
  BOOST_TEST(at_run_time.arena_bytes == p.arena_bytes);
  BOOST_TEST(at_run_time.flops == p.flops);
}

constexpr BertConfig bert_config() {
  BertConfig c;
  c.vocab_size = 61;
  c.hidden_size = 24;
  c.num_hidden_layers = 2;
  c.num_attention_heads = 4;
  c.intermediate_size = 29;
  c.max_position_embeddings = 16;
  return c;
}
constexpr DistilBertConfig distilbert_config() {
  DistilBertConfig c;
  c.vocab_size = 60;
  c.dim = 32;
  c.n_layers = 2;
  c.n_heads = 4;
  c.hidden_dim = 37;
  c.max_position_embeddings = 11;
  return c;
}
constexpr OpenAIGPTConfig gpt_config() {
  OpenAIGPTConfig c;
  c.vocab_size = 65;
  c.n_embd = 24;
  c.n_layer = 2;
  c.n_head = 4;
  c.n_positions = 15;
  return c;
}
constexpr TransfoXLConfig transfo_xl_config() {
  TransfoXLConfig c;
  c.n_token = 60;
  c.cutoffs[0] = 15;
  c.cutoffs[1] = 36;
  c.cutoff_count = 2;
  c.d_model = c.d_embed = 24;
  c.n_head = 3;
  c.d_head = 8;
  c.d_inner = 37;
  c.div_val = 2;
  c.n_layer = 2;
  c.mem_len = 5;
  c.tie_proj_count = 3;
  return c;
}
constexpr XLNetConfig xlnet_config() {
  XLNetConfig c;
  c.n_token = 62;
  c.d_model = 24;
  c.n_layer = 2;
  c.n_head = 2;
  c.d_head = 12;
  c.d_inner = 29;
  return c;
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

BOOST_AUTO_TEST_CASE(transfo_xl_language_model) {
  same_bits<TransfoXLLMHeadModel<transfo_xl>, TransfoXLLMHeadModel<>>("transfoxl-lm-noshare", 3);
}
BOOST_AUTO_TEST_CASE(xlnet_language_model) {
  same_bits<XLNetLMHeadModel<xlnet>, XLNetLMHeadModel<>>("xlnet-lm-loss", 3);
}

BOOST_AUTO_TEST_CASE(what_a_run_needs_is_a_constant) {
  constant_plan<Bert<bert>, Bert<>, bert_config>();
  constant_plan<Roberta<roberta>, Roberta<>, roberta_config>();
  constant_plan<DistilBert<distilbert>, DistilBert<>, distilbert_config>();
  constant_plan<OpenAIGPT<gpt>, OpenAIGPT<>, gpt_config>();
  constant_plan<GPT2<gpt2>, GPT2<>, gpt2_config>();
  constant_plan<TransfoXL<transfo_xl>, TransfoXL<>, transfo_xl_config>();
  constant_plan<XLNet<xlnet>, XLNet<>, xlnet_config>();
  constant_plan<Xlm<xlm>, Xlm<>, xlm_config>();
}

BOOST_AUTO_TEST_CASE(other_sizes_are_refused_by_name) {
  const auto refused =
      from_pretrained<GPT2<GptSizes{.hidden = 32}>>(std::string(TESSERA_GOLDEN_DIR) + "/models/gpt2-lm-loss");
  BOOST_TEST(!refused.ok());
  BOOST_TEST((std::string(refused.error().message()).find("n_embd is 24, this model was compiled for 32") !=
              std::string::npos),
             refused.error().message());
}
