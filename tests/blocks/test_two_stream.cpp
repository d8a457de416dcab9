// The two-stream relative layer: gradients against finite differences, with and without target mapping and segments;
// the query stream does not see its own content.
#define BOOST_TEST_MODULE two_stream
#include <boost/test/unit_test.hpp>
#include <string_view>
#include <vector>

#include "gradient_check.hpp"
#include "tessera/blocks/batch.hpp"
#include "tessera/blocks/two_stream.hpp"
#include "tessera/context/checkpoint.hpp"
#include "tessera/context/session.hpp"
#include "tessera/ops/add.hpp"
#include "tessera/ops/mean_squared_error.hpp"

using namespace tessera;

namespace {

constexpr Index texts = 2, content = 4, memory = 3, targets = 2, width = 6, heads = 2, head_size = 3, inner = 5;
constexpr Index keys = memory + content, positions = keys + content;  // klen .. -qlen + 1

struct StreamInput {
  View content_keep, query_keep;  ///< [texts, content, keys]
  View target_mapping;            ///< [texts, 1, targets, content] or absent
  View target_mapping_t;          ///< the same transposed
  bool segments = true;
  View wanted_h, wanted_g;
};

/// The layer with its streams, memory and position table as weights, so that their gradients are checked too.
struct StreamModel {
  using Input = StreamInput;
  template <class Context>
  struct Output {
    Tensor<Context, Extents<1>> loss;
    Tensor<Context, Extents<dyn, dyn>> h, g;
  };
  TwoStreamLayer<> layer;
  Param<dyn, dyn> h, g, memory_and_h, table;

  StreamModel() {
    layer.rel_attn = {width, heads, head_size, 1e-12, 0.0};
    layer.ff = {width, inner, Activation::gelu_tanh};
    layer.ff_norm = {width, 1e-12};
    const auto rows = [](Index n) { return Param<dyn, dyn>(ParamUse::table, Extents<dyn, dyn>(n, width)); };
    h = rows(texts * content);
    g = rows(texts * targets);
    memory_and_h = rows(texts * keys);
    table = rows(positions);
    number_params(*this);
  }
  void visit(auto&& v) {
    v("layer", layer);
    v("h", h);
    v("g", g);
    v("memory_and_h", memory_and_h);
    v("table", table);
  }
  auto rows_of(auto& context, const Param<dyn, dyn>& p) const {
    return embedding(context, p, context.make_ids(p.view.dim[0], [](Index i) { return static_cast<std::int32_t>(i); }));
  }
  TwoStreamContext streams(auto& context, const Input& in) const {
    const Visibility visibility{false, Fill::add, -1e30};
    TwoStreamContext c;
    c.content.texts = texts;
    c.content.queries = content;
    c.content.keys = keys;
    c.content.visibility = visibility;
    if (in.segments) {
      c.content.segment_pairs =
          context.make_ids(texts * content * keys, [](Index i) { return static_cast<std::int32_t>((i * 7 / 3) % 2); });
      c.content.segment_pairs.view = View::of(c.content.segment_pairs.view.data, DType::i32, texts, content, keys);
    }
    c.query = c.content;
    c.content.keep = context.numbers(in.content_keep);
    c.query.keep = context.numbers(in.query_keep);
    c.targets = in.target_mapping.present() ? targets : content;
    c.to_targets = context.numbers(in.target_mapping);
    c.to_positions = context.numbers(in.target_mapping_t);
    return c;
  }
  auto operator()(auto& context, const Input& in) const {
    using Context = std::remove_reference_t<decltype(context)>;
    const TwoStreamContext c = streams(context, in);
    auto stream_h = rows_of(context, h);
    auto stream_g = in.target_mapping.present() ? rows_of(context, g) : rows_of(context, h);
    auto all = rows_of(context, memory_and_h);
    auto places = rows_of(context, table);
    auto out = layer(std::move(stream_h), std::move(stream_g), all, places, c);
    auto loss_h = mean_squared_error(out.h, context.numbers(in.wanted_h));
    auto loss_g = mean_squared_error(out.g, context.numbers(in.wanted_g));
    Output<Context> result;
    result.loss = add(std::move(loss_h), loss_g);
    result.h = std::move(out.h);
    result.g = std::move(out.g);
    return result;
  }
  Result<void> validate(const Input&) const { return {}; }
};

struct Arrays {
  std::vector<float> content_keep, query_keep, mapping, mapping_t, wanted;

  explicit Arrays() {
    for (Index t = 0; t < texts; ++t)
      for (Index i = 0; i < content; ++i)
        for (Index j = 0; j < keys; ++j) {
          // A permutation order: position p is predicted in step (p * 3 + t) % content; memory is seen by all.
          const Index place = j - memory;
          const auto step = [&](Index p) { return (p * 3 + t) % content; };
          const bool earlier = place < 0 || step(place) < step(i);
          query_keep.push_back(earlier ? 1.0F : 0.0F);
          content_keep.push_back(earlier || place == i ? 1.0F : 0.0F);
        }
    for (Index t = 0; t < texts; ++t)
      for (Index m = 0; m < targets; ++m)
        for (Index i = 0; i < content; ++i) mapping.push_back(i == (m * 2 + t) % content ? 1.0F : 0.0F);
    mapping_t.resize(mapping.size());
    for (Index t = 0; t < texts; ++t)
      for (Index m = 0; m < targets; ++m)
        for (Index i = 0; i < content; ++i)
          mapping_t[static_cast<std::size_t>((t * content + i) * targets + m)] =
              mapping[static_cast<std::size_t>((t * targets + m) * content + i)];
    for (Index i = 0; i < texts * content * width; ++i)
      wanted.push_back(static_cast<float>((i * 37) % 11) * 0.1F - 0.5F);
  }
  StreamInput input(bool mapped, bool segments) const {
    StreamInput in;
    in.content_keep = View::of_const(content_keep.data(), DType::f32, texts, content, keys);
    in.query_keep = View::of_const(query_keep.data(), DType::f32, texts, content, keys);
    if (mapped) {
      in.target_mapping = View::of_const(mapping.data(), DType::f32, texts, Index{1}, targets, content);
      in.target_mapping_t = View::of_const(mapping_t.data(), DType::f32, texts, Index{1}, content, targets);
    }
    in.segments = segments;
    in.wanted_h = View::of_const(wanted.data(), DType::f32, texts * content, width);
    in.wanted_g = View::of_const(wanted.data(), DType::f32, mapped ? texts * targets : texts * content, width);
    return in;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(gradients_equal_finite_differences_with_target_mapping_and_segments) {
  StreamModel model;
  auto weights = Weights::of(model);
  gradient_check::fill(model, 0.4F);
  const Arrays arrays;
  gradient_check::check(model, arrays.input(true, true));
}

BOOST_AUTO_TEST_CASE(gradients_equal_finite_differences_without_mapping_and_without_segments) {
  StreamModel model;
  auto weights = Weights::of(model);
  gradient_check::fill(model, 0.4F, 2);
  const Arrays arrays;
  gradient_check::check(model, arrays.input(false, false), 3);
}

BOOST_AUTO_TEST_CASE(inference_and_tape_give_the_same_bits) {
  StreamModel model;
  auto weights = Weights::of(model);
  gradient_check::fill(model, 0.4F);
  const Arrays arrays;
  const StreamInput in = arrays.input(true, true);
  Session<StreamModel, Reference<float>> session(model, {});
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  auto out = session.run(in);
  BOOST_TEST_REQUIRE(out.ok(), out.error().message());
  auto gradients = Gradients<Reference<float>>::of(model, Reference<float>());
  TrainingSession<StreamModel, Reference<float>> training(model, {}, *gradients);
  BOOST_TEST_REQUIRE(training.reserve(in).ok());
  auto taped = training.forward(in);
  BOOST_TEST_REQUIRE(taped.ok(), taped.error().message());
  BOOST_TEST(std::memcmp((*out)->h.view().data, (*taped)->h.view().data, (*out)->h.view().bytes()) == 0);
  BOOST_TEST(std::memcmp((*out)->g.view().data, (*taped)->g.view().data, (*out)->g.view().bytes()) == 0);
}

BOOST_AUTO_TEST_CASE(the_query_stream_does_not_see_its_own_content) {
  StreamModel model;
  auto weights = Weights::of(model);
  gradient_check::fill(model, 0.4F);
  const Arrays arrays;
  const StreamInput in = arrays.input(true, true);
  Session<StreamModel, Reference<float>> session(model, {});
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  const auto run_g = [&] {
    auto out = session.run(in);
    BOOST_TEST_REQUIRE(out.ok());
    const View& g = (*out)->g.view();
    return std::vector<float>(g.as<float>(), g.as<float>() + g.count());
  };
  const std::vector<float> before = run_g();
  // Target 0 of text 0 stands at position 0 and is predicted first: no content row may matter to it.
  float* content_rows = model.memory_and_h.view.as<float>();
  for (Index place = 0; place < content; ++place) content_rows[(memory + place) * width] += 1.0F;
  const std::vector<float> after = run_g();
  for (Index i = 0; i < width; ++i)
    BOOST_TEST(before[static_cast<std::size_t>(i)] == after[static_cast<std::size_t>(i)]);
  // Its neighbour does see earlier content.
  double moved = 0;
  for (Index i = width; i < 2 * width; ++i)
    moved += std::fabs(static_cast<double>(before[static_cast<std::size_t>(i)] - after[static_cast<std::size_t>(i)]));
  BOOST_TEST(moved > 1e-4);
}
