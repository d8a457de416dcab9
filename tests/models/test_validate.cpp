// Bad input to RoBERTa, DistilBERT, GPT, GPT-2 and XLM: each is an error that names the model, the array and the
// values; a past of another model, batch or length is one too.
#define BOOST_TEST_MODULE models_validate
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tessera/backends/reference/reference.hpp"
#include "tessera/context/session.hpp"
#include "tessera/models/distilbert_heads.hpp"
#include "tessera/models/gpt_heads.hpp"
#include "tessera/models/roberta_heads.hpp"
#include "tessera/models/xlm_heads.hpp"

using namespace tessera;

namespace {

using Ref = Reference<float>;

template <class Model>
struct Owned {
  Model model;
  Weights weights;
  explicit Owned(const typename Model::Config& c) : model(c) {
    weights = std::move(Weights::of(model)).value();
    for (Index i = 0; i < weights.elements(); ++i) weights.data()[i] = 0.01F * static_cast<float>((i * 37) % 23 - 11);
  }
};

OpenAIGPTConfig gpt() {
  OpenAIGPTConfig c;
  c.vocab_size = 20;
  c.n_positions = c.n_ctx = 8;
  c.n_embd = 8;
  c.n_layer = 2;
  c.n_head = 2;
  return c;
}
GPT2Config gpt2() {
  GPT2Config c;
  c.vocab_size = 20;
  c.n_positions = 10;
  c.n_ctx = 8;
  c.n_embd = 8;
  c.n_layer = 2;
  c.n_head = 2;
  return c;
}
XlmConfig xlm() {
  XlmConfig c;
  c.n_words = 20;
  c.max_position_embeddings = 8;
  c.emb_dim = 8;
  c.n_layers = 2;
  c.n_heads = 2;
  return c;
}

struct Ids {
  std::vector<std::int32_t> ids;
  View view(Index texts, Index longest) {
    ids.assign(static_cast<std::size_t>(texts * longest), 3);
    return View::of_const(ids.data(), DType::i32, texts, longest);
  }
};

template <class In>
In input(Ids& ids, Index texts, Index longest) {
  In in;
  in.layout = Layout::padded(texts, longest);
  in.input_ids = ids.view(texts, longest);
  return in;
}

template <class Model>
void refused(const Model& model, const typename Model::Input& in, const std::string& sentence) {
  const auto valid = model.validate(in);
  BOOST_TEST(!valid.ok(), sentence);
  if (!valid.ok())
    BOOST_TEST((std::string(valid.error().message()).find(sentence) != std::string::npos), valid.error().message());
}

}  // namespace

BOOST_AUTO_TEST_CASE(roberta_has_two_positions_less) {
  RobertaConfig c;
  c.vocab_size = 20;
  c.hidden_size = 8;
  c.num_hidden_layers = 1;
  c.num_attention_heads = 2;
  c.intermediate_size = 9;
  c.max_position_embeddings = 8;
  const Owned<Roberta<>> owned(c);
  Ids ids;
  BOOST_TEST(owned.model.validate(input<BertInput>(ids, 2, 6)).ok());
  refused(owned.model, input<BertInput>(ids, 2, 7),
          "roberta: the longest text has 7 tokens, max_position_embeddings - 2 is 6");
  auto in = input<BertInput>(ids, 2, 6);
  ids.ids[5] = 20;
  refused(owned.model, in, "roberta: input_ids: value 20 at position 5 is outside of [0, 20)");
}

BOOST_AUTO_TEST_CASE(distilbert) {
  DistilBertConfig c;
  c.vocab_size = 20;
  c.dim = 8;
  c.n_layers = 2;
  c.n_heads = 2;
  c.hidden_dim = 9;
  c.max_position_embeddings = 6;
  const Owned<DistilBertForSequenceClassification<>> owned(c);
  Ids ids;
  using In = DistilBertForSequenceClassification<>::Input;
  refused(owned.model, input<In>(ids, 2, 7), "distilbert: the longest text has 7 tokens, max_position_embeddings is 6");
  auto in = input<In>(ids, 2, 4);
  const std::vector<float> mask(7, 1.0F);
  in.attention_mask = View::of_const(mask.data(), DType::f32, 7);
  refused(owned.model, in, "distilbert: attention_mask: expected [2 texts, 4], found [7]");
  in.attention_mask = View();
  in.head_mask = View::of_const(mask.data(), DType::f32, 3, 2);
  refused(owned.model, in, "distilbert: head_mask: expected [heads] or [2 layers, heads]");
  in.head_mask = View();
  const std::int32_t labels[] = {0, 2};
  in.labels = View::of_const(labels, DType::i32, 2);
  refused(owned.model, in, "distilbert: labels: value 2 at position 1 is outside of [0, 2)");
}

BOOST_AUTO_TEST_CASE(gpt_texts_fit_the_context_and_the_positions) {
  const Owned<OpenAIGPT<>> owned(gpt());
  Ids ids;
  refused(owned.model, input<GptInput>(ids, 1, 9), "openai-gpt: the longest text has 9 tokens, n_ctx is 8");
  const Owned<OpenAIGPTDoubleHeadsModel<>> heads(gpt());
  using In = OpenAIGPTDoubleHeadsModel<>::Input;
  auto in = input<In>(ids, 3, 4);
  in.choices = 2;
  refused(heads.model, in, "openai-gpt: 3 texts are not a multiple of 2 choices");
  in.choices = 3;
  const std::int32_t tokens[] = {0, 4, 1}, right[] = {3};
  in.mc_token_ids = View::of_const(tokens, DType::i32, 3);
  refused(heads.model, in, "openai-gpt: mc_token_ids: value 4 at position 1");
  in.mc_token_ids = View();
  in.mc_labels = View::of_const(right, DType::i32, 1);
  refused(heads.model, in, "openai-gpt: mc_labels: value 3 at position 0 is outside of [0, 3)");
  OpenAIGPTConfig two = gpt();
  two.num_labels = 2;
  const Owned<OpenAIGPTDoubleHeadsModel<>> wide(two);
  in.mc_labels = View();
  refused(wide.model, in, "openai-gpt: the double head needs a summary of one number, this one has 2");
}

BOOST_AUTO_TEST_CASE(a_past_of_another_batch_model_or_length_is_refused) {
  const Owned<GPT2LMHeadModel<>> owned(gpt2());
  Ids ids;
  using In = GPT2LMHeadModel<>::Input;
  auto cache = KeyValueCache<Ref>::of(owned.model, Ref(), 2, 6);
  BOOST_TEST_REQUIRE(cache.ok());
  auto in = input<In>(ids, 3, 2);
  in.past = cache->past();
  refused(owned.model, in, "gpt2: past: expected 3 texts as in the batch, found 2");
  in = input<In>(ids, 2, 3);
  cache->advance(4);
  in.past = cache->past();
  refused(owned.model, in, "gpt2: past: 3 tokens follow 4, there is room for 6 in all");
  in = input<In>(ids, 2, 2);
  GPT2Config deeper = gpt2();
  deeper.n_layer = 3;
  const Owned<GPT2LMHeadModel<>> other(deeper);
  in.past = cache->past();
  refused(other.model, in, "gpt2: past: expected 3 layers, found 2");
  GPT2Config wider = gpt2();
  wider.n_embd = 12;
  const Owned<GPT2LMHeadModel<>> wide(wider);
  refused(wide.model, in, "gpt2: past: layer 0: expected rows of 12 numbers, found 8");
  // Positions count from the past, and it counts for the context.
  auto longer = KeyValueCache<Ref>::of(owned.model, Ref(), 1, 12);
  longer->advance(7);
  in = input<In>(ids, 1, 2);
  in.past = longer->past();
  refused(owned.model, in, "gpt2: the longest text has 9 tokens, n_ctx is 8");
  const std::int32_t offsets[] = {0, 1, 2};
  in = input<In>(ids, 2, 1);
  in.layout = Layout::ragged(2, offsets);
  in.past = cache->past();
  refused(owned.model, in, "gpt2: past: what follows earlier tokens must be a padded batch");
  BOOST_TEST(!KeyValueCache<Ref>::of(owned.model, Ref(), 1 << 20, 1 << 20).ok());
  BOOST_TEST(!KeyValueCache<Ref>::of(owned.model, Ref(), 0, 8).ok());
}

BOOST_AUTO_TEST_CASE(rows_to_score_lie_in_the_batch_and_go_without_labels) {
  const Owned<GPT2LMHeadModel<>> owned(gpt2());
  Ids ids;
  auto in = input<GPT2LMHeadModel<>::Input>(ids, 2, 3);
  const std::int32_t rows[] = {2, 6};
  in.score_rows = View::of_const(rows, DType::i32, 2);
  refused(owned.model, in, "gpt2: score_rows: value 6 at position 1 is outside of [0, 6)");
  in.score_rows = View::of_const(rows, DType::i32, 1);
  BOOST_TEST(owned.model.validate(in).ok());
  in.labels = in.input_ids;
  refused(owned.model, in, "gpt2: labels need the scores of all rows");
}

BOOST_AUTO_TEST_CASE(xlm_languages_lengths_masks_and_past) {
  const Owned<Xlm<>> owned(xlm());
  Ids ids, langs;
  auto in = input<XlmInput>(ids, 2, 4);
  in.langs = langs.view(2, 4);
  refused(owned.model, in, "xlm: langs: this model has one language (n_langs 1)");
  in.langs = View();
  const std::int32_t lengths[] = {4, 5};
  in.lengths = View::of_const(lengths, DType::i32, 2);
  refused(owned.model, in, "xlm: lengths: value 5 at position 1 is outside of [0, 5)");
  in.lengths = View();
  const auto none = KeyValueCache<Ref>::of(owned.model, Ref(), 2, 8);
  BOOST_TEST(!none.ok());
  BOOST_TEST(std::string(none.error().message()) == "xlm: past: only causal models keep keys and values");
  XlmConfig several = xlm();
  several.n_langs = 3;
  several.causal = true;
  const Owned<Xlm<>> causal(several);
  const auto cache = KeyValueCache<Ref>::of(causal.model, Ref(), 2, 8);
  BOOST_TEST_REQUIRE(cache.ok());
  in.past = cache->past();
  refused(owned.model, in, "xlm: past: only causal models keep keys and values");
  in.past = Past();
  in.langs = langs.view(2, 4);
  refused(causal.model, in, "xlm: langs: value 3 at position 0 is outside of [0, 3)");
  in.langs = View();
  const std::vector<float> mask(8, 1.0F);
  in.attention_mask = View::of_const(mask.data(), DType::f32, 2, 4);
  refused(causal.model, in, "xlm: a causal model takes no attention_mask");
}

BOOST_AUTO_TEST_CASE(labels_that_torch_ignores_are_labels) {
  Ids ids, word_labels;
  const Owned<XLMWithLMHeadModel<>> xlm_lm(xlm());
  auto words = input<XLMWithLMHeadModel<>::Input>(ids, 2, 3);
  words.labels = word_labels.view(2, 3);
  word_labels.ids[1] = -100;
  BOOST_TEST(xlm_lm.model.validate(words).ok());
  word_labels.ids[1] = -1;
  refused(xlm_lm.model, words, "xlm: labels: value -1 at position 1");
  OpenAIGPTConfig c = gpt();
  c.num_labels = 1;
  const Owned<OpenAIGPTDoubleHeadsModel<>> heads(c);
  auto choices = input<OpenAIGPTDoubleHeadsModel<>::Input>(ids, 6, 2);
  choices.choices = 3;
  std::int32_t right[] = {-100, 2};
  choices.mc_labels = View::of(right, DType::i32, 2);
  const auto valid = heads.model.validate(choices);
  BOOST_TEST(valid.ok(), valid.error().message());
  right[0] = -1;
  refused(heads.model, choices, "openai-gpt: mc_labels: value -1 at position 0");
}
