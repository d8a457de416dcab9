// BERT's blocks, each in a small model of its own: gradients of every weight, and of the block's input, against central
// differences in double, with every activation, masks, head masks and ragged texts; ragged equals padded at real rows.
#define BOOST_TEST_MODULE blocks_bert
#include <boost/test/unit_test.hpp>
#include <string_view>
#include <vector>

#include "gradient_check.hpp"
#include "tessera/blocks/batch.hpp"
#include "tessera/blocks/encoder_layer.hpp"
#include "tessera/blocks/gated_feed_forward.hpp"
#include "tessera/blocks/pooler.hpp"
#include "tessera/context/checkpoint.hpp"
#include "tessera/context/session.hpp"
#include "tessera/heads/masked_lm.hpp"
#include "tessera/ops/mean_squared_error.hpp"

using namespace tessera;

namespace {

constexpr Index texts = 2, longest = 4, width = 6, heads = 2, inner = 5, vocabulary = 7;

struct BlockInput {
  Layout layout = Layout::padded(texts, longest);
  View keep;       ///< [texts, longest] or absent
  View head_mask;  ///< [heads] or absent
  View wanted;     ///< what the block's output should be
};

/// block(x, ...) with x itself a weight, so that the gradient of the input is checked too.
template <class Block, class Apply>
struct BlockModel {
  using Input = BlockInput;
  template <class Context>
  struct Output {
    Tensor<Context, Extents<1>> loss;
    Tensor<Context, Extents<dyn, dyn>> y;
  };
  Block block;
  Param<dyn, dyn> x{ParamUse::table, Extents<dyn, dyn>(texts* longest, width)};
  Apply apply;
  bool checkpointing = false;

  explicit BlockModel(Block b, Apply a) : block(std::move(b)), apply(a) { number_params(*this); }
  void visit(auto&& v) {
    v("block", block);
    v("x", x);
  }
  Result<void> validate(const Input&) const noexcept { return {}; }
  auto operator()(auto& context, const Input& in) const noexcept {
    using Context = std::remove_reference_t<decltype(context)>;
    const Sequence sequence = make_sequence(context, in.layout, in.keep, {false, Fill::add, -10000.0});
    const Operand head_mask = context.numbers(in.head_mask);
    const Operand first = first_rows(context, in.layout);
    // The rows of the padded batch that exist.
    const Operand rows = context.make_ids(in.layout.rows, [&](Index row) {
      Index text = 0;
      while (row >= in.layout.first(text + 1)) ++text;
      return static_cast<std::int32_t>(text * longest + row - in.layout.first(text));
    });
    auto input = embedding(context, x, rows);
    Output<Context> out;
    out.y = apply(block, std::move(input), LayerContext{sequence, head_mask}, first);
    if (in.wanted.present()) out.loss = mean_squared_error(out.y, context.numbers(in.wanted));
    return out;
  }
};

const auto as_layer = [](const auto& block, auto x, const LayerContext& c, const Operand&) {
  return block(std::move(x), c);
};
const auto as_checkpoint = [](const auto& block, auto x, const LayerContext& c, const Operand&) {
  return checkpoint(block, std::move(x), c);
};
const auto as_attention = [](const auto& block, auto x, const LayerContext& c, const Operand&) {
  return block(x, c.sequence, c.head_mask);
};
const auto as_rows = [](const auto& block, auto x, const LayerContext&, const Operand&) { return block(x); };
const auto as_pooler = [](const auto& block, auto x, const LayerContext&, const Operand& first) {
  return block(x, first);
};

/// Two layers, each behind a checkpoint of its own.
struct Pair {
  EncoderLayer<> first, second;
  void visit(auto&& v) {
    v("first", first);
    v("second", second);
  }
  auto operator()(auto x, const LayerContext& c) const noexcept {
    auto y = checkpoint(first, std::move(x), c);
    return checkpoint(second, std::move(y), c);
  }
};

EncoderLayer<> encoder_layer(Activation activation = Activation::gelu) {
  EncoderLayer<> layer;
  layer.attention = {width, heads, 0.0};
  layer.attention_norm = {width, 1e-12};
  layer.feed_forward = {width, inner, activation};
  layer.output_norm = {width, 1e-12};
  return layer;
}

struct Arrays {
  std::vector<float> wanted, keep{1, 1, 1, 1, 1, 1, 1, 0}, head_mask{1, 0.5F};
  std::vector<std::int32_t> offsets{0, 4, 7};
  Arrays() {
    for (Index i = 0; i < texts * longest * vocabulary; ++i)
      wanted.push_back(static_cast<float>((i * 37) % 11) * 0.1F - 0.5F);
  }
  BlockInput input(Index rows, Index columns) const {
    BlockInput in;
    in.wanted = View::of_const(wanted.data(), DType::f32, rows, columns);
    return in;
  }
};
const Arrays arrays;

template <class Block, class Apply>
void check(Block block, Apply apply, const BlockInput& input, Index stride = 1) {
  BlockModel model(std::move(block), apply);
  auto weights = Weights::of(model);
  gradient_check::fill(model, 0.5F);
  gradient_check::check(model, input, stride);
}

template <class Model>
std::vector<float> run(const Model& model, const BlockInput& in) {
  Session<Model, Reference<float>> session(model, {});
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  const auto out = session.run(in);
  BOOST_TEST_REQUIRE(out.ok(), out.error().message());
  const View& y = (*out)->y.view();
  return {y.template as<float>(), y.template as<float>() + y.count()};
}

constexpr Activation activations[] = {Activation::gelu, Activation::gelu_tanh, Activation::relu, Activation::swish,
                                      Activation::tanh};

}  // namespace

BOOST_AUTO_TEST_CASE(encoder_layer_gradients_equal_finite_differences) {
  BlockInput in = arrays.input(8, width);
  check(encoder_layer(), as_layer, in);
  in.keep = View::of_const(arrays.keep.data(), DType::f32, texts, longest);
  in.head_mask = View::of_const(arrays.head_mask.data(), DType::f32, heads);
  check(encoder_layer(), as_layer, in, 2);
}

BOOST_AUTO_TEST_CASE(encoder_layer_gradients_hold_for_ragged_texts_and_behind_a_checkpoint) {
  BlockInput in = arrays.input(7, width);
  in.layout = Layout::ragged(texts, arrays.offsets.data());
  check(encoder_layer(), as_layer, in, 2);
  check(encoder_layer(), as_checkpoint, in, 3);
}

BOOST_AUTO_TEST_CASE(checkpoints_inside_of_a_checkpoint_give_the_same_gradients) {
  const BlockInput in = arrays.input(8, width);
  check(Pair{encoder_layer(), encoder_layer(Activation::tanh)}, as_checkpoint, in, 5);
  std::vector<double> gradients[2];
  const auto gradients_of = [&](auto apply, std::vector<double>& all) {
    BlockModel model(Pair{encoder_layer(), encoder_layer()}, apply);
    auto weights = Weights::of(model);
    gradient_check::fill(model, 0.5F);
    using Exact = Reference<double>;
    auto packed = Packed<Exact>::of(model, Exact());
    auto sums = Gradients<Exact>::of(model, Exact());
    TrainingSession<decltype(model), Exact> session(model, Exact(), *sums, &*packed);
    BOOST_TEST_REQUIRE(session.reserve(in).ok());
    BOOST_TEST_REQUIRE(session.forward(in).ok());
    BOOST_TEST_REQUIRE(session.backward().ok());
    all.assign(sums->data(), sums->data() + sums->elements());
  };
  gradients_of(as_layer, gradients[0]);
  gradients_of(as_checkpoint, gradients[1]);
  BOOST_TEST((gradients[0] == gradients[1]));
}

BOOST_AUTO_TEST_CASE(self_attention_gradients_equal_finite_differences) {
  BlockInput in = arrays.input(8, width);
  in.keep = View::of_const(arrays.keep.data(), DType::f32, texts, longest);
  in.head_mask = View::of_const(arrays.head_mask.data(), DType::f32, heads);
  check(SelfAttention<>(width, heads, 0.0), as_attention, in);
}

BOOST_AUTO_TEST_CASE(feed_forward_gradients_equal_finite_differences_for_each_activation) {
  for (const Activation activation : activations) BOOST_TEST_CONTEXT("activation " << static_cast<int>(activation))
  check(FeedForward<>(width, inner, activation), as_rows, arrays.input(8, width), 2);
}

BOOST_AUTO_TEST_CASE(gated_feed_forward_gradients_equal_finite_differences) {
  check(GatedFeedForward<>(width, inner), as_rows, arrays.input(8, width), 2);
}

BOOST_AUTO_TEST_CASE(pooler_gradients_equal_finite_differences_and_later_rows_have_none) {
  check(Pooler<>(width), as_pooler, arrays.input(texts, width));
}

BOOST_AUTO_TEST_CASE(masked_lm_head_gradients_equal_finite_differences_for_each_activation) {
  for (const Activation activation : activations) BOOST_TEST_CONTEXT("activation " << static_cast<int>(activation))
  check(MaskedLMHead<>(width, vocabulary, activation, 1e-12), as_rows, arrays.input(8, vocabulary), 3);
}

BOOST_AUTO_TEST_CASE(a_ragged_batch_gives_the_rows_of_the_padded_one) {
  BlockModel model(encoder_layer(), as_layer);
  auto weights = Weights::of(model);
  gradient_check::fill(model, 0.5F);
  BlockInput padded, ragged;
  padded.keep = View::of_const(arrays.keep.data(), DType::f32, texts, longest);
  ragged.layout = Layout::ragged(texts, arrays.offsets.data());
  const std::vector<float> all = run(model, padded), real = run(model, ragged);
  BOOST_TEST_REQUIRE(real.size() == 7U * width);
  for (std::size_t i = 0; i < real.size(); ++i) BOOST_TEST(std::fabs(real[i] - all[i]) <= 1e-6F);
  // What stands behind the end of a text does not matter to the others.
  for (Index c = 0; c < width; ++c) model.x.view.as<float>()[7 * width + c] += 3.0F;
  const std::vector<float> moved = run(model, padded);
  for (std::size_t i = 0; i < real.size(); ++i) BOOST_TEST(std::fabs(moved[i] - all[i]) <= 1e-6F);
}

BOOST_AUTO_TEST_CASE(blocks_with_constant_sizes_give_the_bits_of_those_with_run_time_sizes) {
  BlockModel dynamic(encoder_layer(), as_layer);
  EncoderLayer<width, inner> layer;
  layer.attention = {width, heads, 0.0};
  layer.attention_norm = {width, 1e-12};
  layer.feed_forward = {width, inner, Activation::gelu};
  layer.output_norm = {width, 1e-12};
  const auto as_dynamic = [](const auto& block, auto x, const LayerContext& c, const Operand&) {
    auto wide = std::move(x).reshape(Extents<dyn, width>(c.sequence.layout.rows, width));
    auto y = block(std::move(wide), c);
    const Index rows = y.size(0);
    return std::move(y).reshape(Extents<dyn, dyn>(rows, width));
  };
  BlockModel constant(layer, as_dynamic);
  auto weights = Weights::of(dynamic);
  auto others = Weights::of(constant);
  gradient_check::fill(dynamic, 0.5F);
  gradient_check::fill(constant, 0.5F);
  const std::vector<float> a = run(dynamic, BlockInput()), b = run(constant, BlockInput());
  BOOST_TEST_REQUIRE(a.size() == b.size());
  BOOST_TEST(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}
