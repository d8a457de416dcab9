// Transformer-XL and XLNet over several segments: what the memory gives, that nothing is allocated for it, and what
// input is refused.
#define BOOST_TEST_MODULE models_memory_models
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "context/counting.hpp"
#include "tessera/backends/reference/reference.hpp"
#include "tessera/base/normal.hpp"
#include "tessera/context/session.hpp"
#include "tessera/models/transfo_xl_heads.hpp"
#include "tessera/models/xlnet_heads.hpp"

using namespace tessera;

namespace {

using Ref = Reference<float>;

constexpr TransfoXLConfig transfo_xl_config() {
  TransfoXLConfig c;
  c.n_token = 30;
  c.cutoffs[0] = 10;
  c.cutoffs[1] = 20;
  c.cutoff_count = 2;
  c.d_model = 12;
  c.d_embed = 12;
  c.n_head = 2;
  c.d_head = 6;
  c.d_inner = 17;
  c.div_val = 2;
  c.n_layer = 2;
  c.mem_len = 4;
  c.clamp_len = -1;
  c.tie_proj_count = 3;
  return c;
}
TransfoXLConfig with_attention(Index type) {
  TransfoXLConfig c = transfo_xl_config();
  c.attn_type = type;
  c.untie_r = type != TransfoXLPositions::learned;
  c.tgt_len = 4;
  return c;
}
constexpr XLNetConfig xlnet_config(XLNetAttention attention = XLNetAttention::bi) {
  XLNetConfig c;
  c.n_token = 30;
  c.d_model = 12;
  c.n_layer = 2;
  c.n_head = 2;
  c.d_head = 6;
  c.d_inner = 17;
  c.attn_type = attention;
  c.mem_len = 8;
  c.start_n_top = c.end_n_top = 3;
  return c;
}

/// Weights as small numbers around zero, norms around one.
template <class Model>
struct Owned {
  Model model;
  Weights weights;
  template <class Config>
  explicit Owned(const Config& c) : model(c) {
    BOOST_TEST_REQUIRE(model.complete());
    auto made = Weights::of(model);
    BOOST_TEST_REQUIRE(made.ok());
    weights = std::move(*made);
    bind_ties(model);
    for_each_param(model, [](const RolePath& path, ParamBase& p) {
      if (p.master >= 0) return;
      const bool is_norm = std::string(path.c_str()).find("norm.weight") != std::string::npos;
      for (Index i = 0; i < p.view.count(); ++i)
        p.view.as<float>()[i] = (is_norm ? 1.0F : 0.0F) +
                                0.3F * normal(static_cast<std::uint64_t>(p.id) + 7, static_cast<std::uint64_t>(i));
    });
  }
};

const std::vector<std::int64_t> ids{3, 29, 11, 0, 7, 15, 22, 9, 1, 2, 19, 28, 5, 12, 25, 10};  // two texts of eight

View tokens(const std::vector<std::int64_t>& all, Index texts, Index longest) {
  return View::of_const(all.data(), DType::i64, texts, longest);
}
/// Columns [first, end) of two texts of eight.
std::vector<std::int64_t> part(Index first, Index end) {
  std::vector<std::int64_t> some;
  for (Index t = 0; t < 2; ++t)
    for (Index i = first; i < end; ++i) some.push_back(ids[static_cast<std::size_t>(t * 8 + i)]);
  return some;
}
std::vector<float> read(const View& v) { return {v.as<const float>(), v.as<const float>() + v.count()}; }

bool says(const Error& error, Code code, std::initializer_list<const char*> parts) {
  const std::string sentence = error.message();
  bool all = error.code() == code;
  for (const char* p : parts) all = all && sentence.find(p) != std::string::npos;
  if (!all) BOOST_TEST_MESSAGE("found: " << sentence);
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(segments_with_a_memory_that_holds_them_all_give_what_the_whole_text_gives) {
  const Owned<XLNet<>> owned(xlnet_config(XLNetAttention::uni));
  Session<XLNet<>, Ref> session(owned.model, Ref());
  auto whole = XLNetInput::shape(2, 8);
  whole.input_ids = tokens(ids, 2, 8);
  whole.token_type_ids = whole.attention_mask = View();
  BOOST_TEST_REQUIRE(session.reserve(whole).ok());
  auto out = session.run(whole);
  BOOST_TEST_REQUIRE(out.ok(), out.error().message());
  const std::vector<float> expected = read((*out)->last_hidden_state.view());

  auto cache = MemoryCache<Ref>::of(owned.model, Ref(), 2);
  BOOST_TEST_REQUIRE(cache.ok());
  Index first = 0;
  for (const Index length : {3, 1, 4}) {
    const auto some = part(first, first + length);
    XLNetInput in;
    in.layout = Layout::padded(2, length);
    in.input_ids = tokens(some, 2, length);
    in.mems = cache->mems();
    BOOST_TEST(in.mems.length == first);
    BOOST_TEST_REQUIRE(session.reserve(in).ok());
    auto segment = session.run(in);
    BOOST_TEST_REQUIRE(segment.ok(), segment.error().message());
    const std::vector<float> found = read((*segment)->last_hidden_state.view());
    for (Index t = 0; t < 2; ++t)
      for (Index i = 0; i < length * 12; ++i)
        BOOST_TEST(std::fabs(found[static_cast<std::size_t>(t * length * 12 + i)] -
                             expected[static_cast<std::size_t>((t * 8 + first) * 12 + i)]) < 2e-6F);
    cache->advance(owned.model, length);
    first += length;
  }
}

BOOST_AUTO_TEST_CASE(the_memory_keeps_the_last_rows_of_the_inputs_of_each_layer) {
  const Owned<TransfoXLLMHeadModel<>> owned(transfo_xl_config());
  auto cache = MemoryCache<Ref>::of(owned.model, Ref(), 2);
  BOOST_TEST_REQUIRE(cache.ok());
  BOOST_TEST(cache->length() == 4);  // of zeros
  Session<TransfoXLLMHeadModel<>, Ref> session(owned.model, Ref());
  std::vector<std::vector<float>> states;
  TapSink taps;
  taps.state = &states;
  taps.wants = [](void*, const char* name) { return std::strcmp(name, "hidden_states") == 0; };
  taps.take = [](void* state, const char*, const View& v, const Memory&) {
    static_cast<std::vector<std::vector<float>>*>(state)->push_back(read(v));
  };
  session.set_taps(taps);
  std::vector<float> before[2];
  for (const Index length : {3, 2, 6}) {
    const auto some = part(0, length);
    TransfoXLLMHeadModel<>::Input in;
    in.layout = Layout::padded(2, length);
    in.input_ids = tokens(some, 2, length);
    in.mems = cache->mems();
    states.clear();
    BOOST_TEST_REQUIRE(session.reserve(in).ok());
    auto out = session.run(in);
    BOOST_TEST_REQUIRE(out.ok(), out.error().message());
    cache->advance(owned.model, length);
    BOOST_TEST(cache->length() == 4);
    for (Index layer = 0; layer < 2; ++layer) {
      const std::vector<float> kept = read(cache->mems().rows[layer]);
      const std::vector<float>& input = states[static_cast<std::size_t>(layer)];
      const Index fresh = length < 4 ? length : 4, old = 4 - fresh;
      for (Index t = 0; t < 2; ++t)
        for (Index i = 0; i < 4 * 12; ++i) {
          const Index row = i / 12;
          const float expected =
              row >= old              ? input[static_cast<std::size_t>((t * length + length - 4 + row) * 12 + i % 12)]
              : before[layer].empty() ? 0.0F
                                      : before[layer][static_cast<std::size_t>((t * 4 + row + fresh) * 12 + i % 12)];
          BOOST_TEST(kept[static_cast<std::size_t>(t * 48 + i)] == expected);
        }
      before[layer] = kept;
    }
  }
}

BOOST_AUTO_TEST_CASE(a_memory_of_keys_and_values_gives_what_one_of_hidden_states_gives) {
  const auto same = [&](const auto& model, auto in) {
    using Model = std::remove_cvref_t<decltype(model)>;
    std::vector<float> results[2];
    for (const MemoryForm form : {MemoryForm::hidden_states, MemoryForm::keys_and_values}) {
      auto cache = MemoryCache<Ref>::of(model, Ref(), 2, form);
      BOOST_TEST_REQUIRE(cache.ok(), cache.error().message());
      Session<Model, Ref> session(model, Ref());
      auto largest = in;
      largest.mems = cache->mems().full();
      BOOST_TEST_REQUIRE(session.reserve(largest).ok());
      for (int segment = 0; segment < 4; ++segment) {
        in.mems = cache->mems();
        auto out = session.run(in);
        BOOST_TEST_REQUIRE(out.ok(), out.error().message());
        const auto found = read((*out)->last_hidden_state.view());
        auto& all = results[static_cast<int>(form)];
        all.insert(all.end(), found.begin(), found.end());
        cache->advance(model, in.layout.longest);
      }
    }
    BOOST_TEST((results[0] == results[1]));
  };
  TransfoXLInput in;
  in.layout = Layout::padded(2, 8);
  in.input_ids = tokens(ids, 2, 8);
  for (const Index memory : {3, 4, 20, 5}) {
    TransfoXLConfig c = with_attention(memory == 5 ? TransfoXLPositions::learned : TransfoXLPositions::relative);
    c.mem_len = memory;
    c.same_length = memory == 4;
    const Owned<TransfoXL<>> owned(c);
    same(owned.model, in);
    // Nor does it matter whether the zeros of the beginning are given or not.
    auto cache = MemoryCache<Ref>::of(owned.model, Ref(), 2);
    auto with = in;
    with.mems = cache->mems();
    Session<TransfoXL<>, Ref> session(owned.model, Ref());
    BOOST_TEST_REQUIRE(session.reserve(with).ok());
    auto given = session.run(with);
    BOOST_TEST_REQUIRE(given.ok());
    const auto expected = read((*given)->last_hidden_state.view());
    BOOST_TEST_REQUIRE(session.reserve(in).ok());
    auto absent = session.run(in);
    BOOST_TEST_REQUIRE(absent.ok());
    BOOST_TEST((read((*absent)->last_hidden_state.view()) == expected));
  }
  TransfoXLConfig normed = transfo_xl_config();
  normed.pre_lnorm = true;
  const Owned<TransfoXL<>> pre(normed);
  const auto refused = MemoryCache<Ref>::of(pre.model, Ref(), 2, MemoryForm::keys_and_values);
  BOOST_TEST(!refused.ok());
  BOOST_TEST(says(refused.error(), Code::unsupported, {"hidden states"}));

  XLNetInput question;
  question.layout = Layout::padded(2, 8);
  question.input_ids = question.token_type_ids = tokens(ids, 2, 8);
  XLNetConfig c = xlnet_config();
  c.reuse_len = 5;
  const Owned<XLNet<>> xlnet(c);
  same(xlnet.model, question);
}

BOOST_AUTO_TEST_CASE(segments_allocate_nothing) {
  const Owned<TransfoXLLMHeadModel<>> txl(transfo_xl_config());
  const Owned<XLNetForQuestionAnswering<>> xlnet(xlnet_config());
  const auto run = [&](const auto& model, auto in) {
    auto cache = MemoryCache<Ref>::of(model, Ref(), 2);
    BOOST_TEST_REQUIRE(cache.ok());
    Session<std::remove_cvref_t<decltype(model)>, Ref> session(model, Ref());
    auto largest = in;
    largest.mems = cache->mems().full();
    BOOST_TEST_REQUIRE(session.reserve(largest).ok());
    bool fine = true;
    BOOST_TEST(counting::during([&] {
                 for (int segment = 0; segment < 5; ++segment) {
                   in.mems = cache->mems();
                   fine = fine && session.run(in).ok();
                   cache->advance(model, in.layout.longest);
                 }
               }) == 0);
    BOOST_TEST(fine);
  };
  TransfoXLLMHeadModel<>::Input in;
  in.layout = Layout::padded(2, 8);
  in.input_ids = tokens(ids, 2, 8);
  run(txl.model, in);
  in.labels = in.input_ids;
  run(txl.model, in);
  AnswerInput<XLNetInput> question;
  question.layout = Layout::padded(2, 8);
  question.input_ids = question.token_type_ids = tokens(ids, 2, 8);
  run(xlnet.model, question);
}

BOOST_AUTO_TEST_CASE(constant_sizes_give_the_same_bits) {
  constexpr TransfoXLSizes sizes{12, 2, 12, 17, 3, 3, 3, 3};
  const Owned<TransfoXLLMHeadModel<>> dynamic(transfo_xl_config());
  const Owned<TransfoXLLMHeadModel<sizes>> constant(transfo_xl_config());
  constexpr XLNetSizes xlnet_sizes{30, 12, 2, 2, 6, 17};
  const Owned<XLNetLMHeadModel<>> dynamic_xlnet(xlnet_config());
  const Owned<XLNetLMHeadModel<xlnet_sizes>> constant_xlnet(xlnet_config());
  const auto result = [&](const auto& model, const auto& given) {
    using Model = std::remove_cvref_t<decltype(model)>;
    typename Model::Input in;
    in.layout = Layout::padded(2, 8);
    in.input_ids = tokens(ids, 2, 8);
    if (given) in.labels = in.input_ids;
    Session<Model, Ref> session(model, Ref());
    BOOST_TEST_REQUIRE(session.reserve(in).ok());
    auto out = session.run(in);
    BOOST_TEST_REQUIRE(out.ok(), out.error().message());
    std::vector<float> all;
    (*out)->visit([&](const char*, const auto& t) {
      if (t) {
        const auto some = read(t.view());
        all.insert(all.end(), some.begin(), some.end());
      }
    });
    return all;
  };
  for (const bool labels : {false, true}) {
    BOOST_TEST((result(dynamic.model, labels) == result(constant.model, labels)));
    BOOST_TEST((result(dynamic_xlnet.model, labels) == result(constant_xlnet.model, labels)));
  }
  TransfoXLConfig other = transfo_xl_config();
  other.d_inner = 18;
  const TransfoXLLMHeadModel<sizes> misfit(other);
  BOOST_TEST(!misfit.complete());
  BOOST_TEST(std::string(misfit.misfit().name) == "d_inner");
}

namespace {
/// A constant attention compiles no other, and gives the bits of the one that the config chooses.
template <Index type>
void check_constant_attention() {
  constexpr TransfoXLSizes sizes{12, 2, 12, 17, 3, 3, 3, 3, type};
  const Owned<TransfoXL<>> dynamic(with_attention(type));
  const Owned<TransfoXL<sizes>> constant(with_attention(type));
  TransfoXLInput in;
  in.layout = Layout::padded(2, 7);
  in.input_ids = tokens(ids, 2, 7);
  const auto result = [&](const auto& model) {
    using Model = std::remove_cvref_t<decltype(model)>;
    Session<Model, Ref> session(model, Ref());
    BOOST_TEST_REQUIRE(session.reserve(in).ok());
    auto out = session.run(in);
    BOOST_TEST_REQUIRE(out.ok(), out.error().message());
    return read((*out)->last_hidden_state.view());
  };
  const auto found = result(constant.model);
  BOOST_TEST((found == result(dynamic.model)));
  for (const float x : found) BOOST_TEST_REQUIRE(std::isfinite(x));
}
}  // namespace

BOOST_AUTO_TEST_CASE(each_attention_of_transformer_xl_may_be_a_constant) {
  check_constant_attention<TransfoXLPositions::relative>();
  check_constant_attention<TransfoXLPositions::learned>();
  check_constant_attention<TransfoXLPositions::absolute>();
  check_constant_attention<TransfoXLPositions::per_layer>();
  static_assert(sizeof(TransfoXLAttention<8, 8, 0>) < sizeof(TransfoXLAttention<8, 8>) / 2);
}

BOOST_AUTO_TEST_CASE(absolute_positions_need_a_memory_of_hidden_states_and_learned_ones_end) {
  TransfoXLInput in;
  in.layout = Layout::padded(2, 8);
  in.input_ids = tokens(ids, 2, 8);
  const Owned<TransfoXL<>> relative(transfo_xl_config());
  auto projected = MemoryCache<Ref>::of(relative.model, Ref(), 2, MemoryForm::keys_and_values);
  BOOST_TEST_REQUIRE(projected.ok());
  for (const Index type : {TransfoXLPositions::absolute, TransfoXLPositions::per_layer}) {
    TransfoXLConfig config = with_attention(type);
    config.tgt_len = 5;
    const Owned<TransfoXL<>> owned(config);
    const auto refused = MemoryCache<Ref>::of(owned.model, Ref(), 2, MemoryForm::keys_and_values);
    BOOST_TEST(says(refused.error(), Code::unsupported, {"hidden states"}));
    in.mems = projected->mems();
    BOOST_TEST(says(owned.model.validate(in).error(), Code::unsupported, {"attn_type", "keep hidden states"}));
    in.mems = Mems();
    BOOST_TEST(owned.model.validate(in).ok());
  }
  // 3 + 0 + 4 positions, one of them for the memory at least.
  TransfoXLConfig config = with_attention(TransfoXLPositions::per_layer);
  config.tgt_len = 3;
  const Owned<TransfoXL<>> owned(config);
  BOOST_TEST(says(owned.model.validate(in).error(), Code::out_of_range, {"8 tokens", "attn_type 3 has 6"}));
}

BOOST_AUTO_TEST_CASE(a_memory_of_another_model_or_batch_is_refused) {
  const Owned<TransfoXL<>> owned(transfo_xl_config());
  TransfoXLConfig wide = transfo_xl_config();
  wide.d_model = 14;
  wide.n_layer = 3;
  const Owned<TransfoXL<>> other(wide);
  TransfoXLInput in;
  in.layout = Layout::padded(2, 8);
  in.input_ids = tokens(ids, 2, 8);
  auto foreign = MemoryCache<Ref>::of(other.model, Ref(), 2);
  in.mems = foreign->mems();
  BOOST_TEST(says(owned.model.validate(in).error(), Code::shape_mismatch, {"mems", "2 layers", "found 3"}));
  in.mems.layers = 2;
  BOOST_TEST(says(owned.model.validate(in).error(), Code::shape_mismatch, {"mems", "12 numbers", "found 14"}));
  auto three = MemoryCache<Ref>::of(owned.model, Ref(), 3);
  in.mems = three->mems();
  BOOST_TEST(says(owned.model.validate(in).error(), Code::shape_mismatch, {"mems", "2 texts", "found 3"}));
  auto good = MemoryCache<Ref>::of(owned.model, Ref(), 2);
  in.mems = good->mems();
  BOOST_TEST(owned.model.validate(in).ok());
  in.mems.length = 5;
  BOOST_TEST(says(owned.model.validate(in).error(), Code::out_of_range, {"mems", "0 to 4", "found 5"}));
  const std::int32_t offsets[] = {0, 3, 16};
  in.mems = Mems();
  in.layout = Layout::ragged(2, offsets);
  BOOST_TEST(says(owned.model.validate(in).error(), Code::unsupported, {"padded", "ragged"}));
}

BOOST_AUTO_TEST_CASE(ids_and_labels_outside_of_the_vocabulary_are_refused) {
  const Owned<TransfoXLLMHeadModel<>> txl(transfo_xl_config());
  TransfoXLLMHeadModel<>::Input in;
  in.layout = Layout::padded(2, 8);
  in.input_ids = tokens(ids, 2, 8);
  auto wrong = ids;
  wrong[5] = 30;
  in.labels = tokens(wrong, 2, 8);
  BOOST_TEST(says(txl.model.validate(in).error(), Code::out_of_range, {"labels", "30", "position 5", "[0, 30)"}));
  wrong[5] = -1;
  BOOST_TEST(says(txl.model.validate(in).error(), Code::out_of_range, {"labels", "-1", "position 5", "[0, 30)"}));
  in.input_ids = tokens(wrong, 2, 8);
  BOOST_TEST(says(txl.model.validate(in).error(), Code::out_of_range, {"input_ids", "-1", "position 5"}));
}

BOOST_AUTO_TEST_CASE(attention_and_softmax_that_are_not_there_are_refused_by_name) {
  const auto refused = [](auto model, const char* sentence) {
    const auto weights = Weights::of(*model);
    BOOST_TEST_REQUIRE(!weights.ok());
    BOOST_TEST(std::string(weights.error().message()) == sentence);
  };
  TransfoXLConfig config = transfo_xl_config();
  config.attn_type = 4;
  refused(std::make_unique<TransfoXLLMHeadModel<>>(config), "config: attn_type is 4, this model was compiled for 0");
  config.attn_type = 2;
  constexpr TransfoXLSizes relative{.attention = TransfoXLPositions::relative};
  refused(std::make_unique<TransfoXLLMHeadModel<relative>>(config),
          "config: attn_type is 2, this model was compiled for 0");
  config.attn_type = 1;
  refused(std::make_unique<TransfoXLLMHeadModel<>>(config), "config: untie_r is 1, this model was compiled for 0");
  config.untie_r = false;
  config.n_layer = 3;
  refused(std::make_unique<TransfoXLLMHeadModel<>>(config), "config: n_layer is 3, this model was compiled for 2");
  config.attn_type = 3;
  config.d_head = 5;
  refused(std::make_unique<TransfoXLLMHeadModel<>>(config),
          "config: n_head * d_head is 10, this model was compiled for 12");
  config = transfo_xl_config();
  config.sample_softmax = 5;
  const auto softmax = Weights::of(*std::make_unique<TransfoXLLMHeadModel<>>(config));
  BOOST_TEST_REQUIRE(!softmax.ok());
  BOOST_TEST(std::string(softmax.error().message()) == "config: sample_softmax is 5, this model was compiled for 0");
}

BOOST_AUTO_TEST_CASE(masks_and_mappings_of_wrong_shapes_are_refused) {
  const Owned<XLNetLMHeadModel<>> owned(xlnet_config());
  const auto& base = owned.model.base;
  LabelledInput<XLNetInput> in;
  in.layout = Layout::padded(2, 8);
  in.input_ids = tokens(ids, 2, 8);
  const std::vector<float> ones(2 * 8 * 8, 1.0F);
  const auto mask = [&](auto... sizes) { return View::of_const(ones.data(), DType::f32, sizes...); };
  in.perm_mask = mask(2, 8, 7);
  BOOST_TEST(says(base.validate(in).error(), Code::shape_mismatch, {"perm_mask", "[2, 8, 8]", "[2, 8, 7]"}));
  in.perm_mask = mask(2, 64);
  BOOST_TEST(says(base.validate(in).error(), Code::shape_mismatch, {"perm_mask", "[2, 8, 8]"}));
  in.perm_mask = View();
  in.target_mapping = mask(2, 3, 7);
  BOOST_TEST(says(base.validate(in).error(), Code::shape_mismatch, {"target_mapping", "[2, targets, 8]"}));
  in.target_mapping = mask(2, 3, 8);
  in.labels = in.input_ids;
  BOOST_TEST(base.validate(in).ok());
  BOOST_TEST(says(owned.model.validate(in).error(), Code::shape_mismatch, {"labels", "6 values", "found 16"}));
  in.attention_mask = mask(8, 2);
  BOOST_TEST(says(base.validate(in).error(), Code::shape_mismatch, {"attention_mask", "2 texts, 8", "8, 2"}));
  in.attention_mask = View();
  in.input_mask = mask(16);
  BOOST_TEST(says(base.validate(in).error(), Code::shape_mismatch, {"input_mask", "2 texts, 8", "[16]"}));
  in.input_mask = in.attention_mask = mask(2, 8);
  BOOST_TEST(says(base.validate(in).error(), Code::invalid_argument, {"input_mask", "attention_mask", "both"}));
  in.attention_mask = View();
  in.input_mask = mask(2, 7);
  BOOST_TEST(says(base.validate(in).error(), Code::shape_mismatch, {"input_mask", "16 values", "found 14"}));

  XLNetConfig two_ways = xlnet_config();
  two_ways.bi_data = true;
  const Owned<XLNet<>> both(two_ways);
  XLNetInput odd;
  odd.layout = Layout::padded(1, 8);
  odd.input_ids = tokens(ids, 1, 8);
  BOOST_TEST(says(both.model.validate(odd).error(), Code::shape_mismatch, {"bi_data", "even", "found 1"}));
}

BOOST_AUTO_TEST_CASE(answers_outside_of_the_text_and_beams_wider_than_it_are_refused) {
  const Owned<XLNetForQuestionAnswering<>> owned(xlnet_config());
  AnswerInput<XLNetInput> in;
  in.layout = Layout::padded(2, 8);
  in.input_ids = tokens(ids, 2, 8);
  const std::int64_t positions[] = {3, 8};
  in.start_positions = View::of_const(positions, DType::i64, 2);
  BOOST_TEST(says(owned.model.validate(in).error(), Code::out_of_range, {"start_positions", "8", "[0, 8)"}));
  in.start_positions = View();
  in.cls_index = View::of_const(positions, DType::i64, 2);
  BOOST_TEST(says(owned.model.validate(in).error(), Code::out_of_range, {"cls_index", "8"}));
  in.cls_index = View();
  BOOST_TEST(owned.model.validate(in).ok());
  in.layout = Layout::padded(2, 2);
  in.input_ids = tokens(ids, 2, 2);
  BOOST_TEST(says(owned.model.validate(in).error(), Code::out_of_range, {"3 starts", "2 tokens"}));
}
