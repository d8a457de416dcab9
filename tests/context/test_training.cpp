// The tape: the same forward bits as inference, dropout by seed, checkpoints that change memory and nothing else,
// gradients that add up, one gradient for a tied pair, and a session that says when there is nothing to go back from.
#define BOOST_TEST_MODULE context_training
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "context/small_bert.hpp"
#include "tessera/context/training_session.hpp"
#include "tessera/ops/scale.hpp"

using namespace tessera;
using namespace small_bert;
using Model = BertForMaskedLM<>;

namespace {

struct Step {
  std::vector<float> outputs, gradients;
  std::size_t arena_bytes = 0;
  double loss = 0;
};

struct How {
  bool checkpointing = false;
  bool dropout = false;
  std::uint64_t seed = 0;
  double rate = 0.1;
};

BertConfig with_rate(double rate) {
  BertConfig c = config(3);
  c.hidden_dropout_prob = c.attention_probs_dropout_prob = rate;
  return c;
}

Step train(const How& how) {
  Owned<Model> owned(with_rate(how.rate));
  owned.model.base.checkpointing = how.checkpointing;
  const Arrays arrays(2, 6);
  const auto in = arrays.labelled(12);
  auto gradients = Gradients<Ref>::of(owned.model, Ref());
  TrainingSession<Model, Ref> session(owned.model, Ref(), *gradients);
  session.set_dropout(how.dropout, how.seed);
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  const auto out = session.forward(in);
  BOOST_TEST_REQUIRE(out.ok(), out.error().message());
  Step step;
  step.outputs = numbers(**out);
  step.loss = static_cast<double>(*(*out)->loss.view().as<float>());
  const auto back = session.backward();
  BOOST_TEST_REQUIRE(back.ok(), back.error().message());
  step.gradients.assign(gradients->data(), gradients->data() + gradients->elements());
  step.arena_bytes = session.arena_bytes();
  return step;
}

std::vector<float> inferred(double rate) {
  const Owned<Model> owned(with_rate(rate));
  const Arrays arrays(2, 6);
  Session<Model, Ref> session(owned.model, Ref());
  BOOST_TEST_REQUIRE(session.reserve(arrays.labelled(12)).ok());
  const auto out = session.run(arrays.labelled(12));
  BOOST_TEST_REQUIRE(out.ok());
  return numbers(**out);
}

}  // namespace

BOOST_AUTO_TEST_CASE(without_dropout_the_tape_gives_the_bits_of_inference) {
  const std::vector<float> truth = inferred(0.1);
  BOOST_TEST(same_bits(train({}).outputs, truth));
  BOOST_TEST(same_bits(train({true}).outputs, truth));
  BOOST_TEST(same_bits(train({.dropout = true, .seed = 5, .rate = 0}).outputs, truth));
}

BOOST_AUTO_TEST_CASE(dropout_is_a_function_of_its_seed) {
  const Step a = train({.dropout = true, .seed = 5}), again = train({.dropout = true, .seed = 5});
  const Step other = train({.dropout = true, .seed = 6});
  BOOST_TEST(same_bits(a.outputs, again.outputs));
  BOOST_TEST(same_bits(a.gradients, again.gradients));
  BOOST_TEST(a.loss != other.loss);
  BOOST_TEST(!same_bits(a.outputs, train({}).outputs));
}

BOOST_AUTO_TEST_CASE(checkpoints_change_memory_and_no_bit) {
  for (const bool dropout : {false, true}) {
    const Step kept = train({false, dropout, 9}), again = train({true, dropout, 9});
    BOOST_TEST(same_bits(kept.outputs, again.outputs));
    BOOST_TEST(same_bits(kept.gradients, again.gradients));
    BOOST_TEST(again.arena_bytes < kept.arena_bytes);
    BOOST_TEST_MESSAGE("arena with checkpoints " << again.arena_bytes << ", without " << kept.arena_bytes);
  }
}

BOOST_AUTO_TEST_CASE(gradients_of_several_passes_add_up_and_scale_with_the_seed) {
  const Owned<Model> owned;
  const Arrays arrays(2, 6);
  const auto in = arrays.labelled(12);
  auto gradients = Gradients<Ref>::of(owned.model, Ref());
  TrainingSession<Model, Ref> session(owned.model, Ref(), *gradients);
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  const auto pass = [&](double seed) {
    BOOST_TEST_REQUIRE(session.forward(in).ok());
    BOOST_TEST_REQUIRE(session.backward(seed).ok());
    return std::vector<float>(gradients->data(), gradients->data() + gradients->elements());
  };
  const std::vector<float> once = pass(1), twice = pass(1);
  gradients->clear();
  const std::vector<float> half = pass(0.5);
  double largest = 0;
  for (std::size_t i = 0; i < once.size(); ++i) largest = std::fmax(largest, std::fabs(static_cast<double>(once[i])));
  BOOST_TEST(largest > 0);
  for (std::size_t i = 0; i < once.size(); ++i) {
    BOOST_TEST_REQUIRE(std::fabs(static_cast<double>(twice[i]) - 2 * static_cast<double>(once[i])) <= 1e-6 * largest);
    BOOST_TEST_REQUIRE(std::fabs(static_cast<double>(half[i]) - 0.5 * static_cast<double>(once[i])) <= 1e-6 * largest);
  }
}

BOOST_AUTO_TEST_CASE(a_tied_pair_has_one_gradient_with_both_uses_in_it) {
  const Owned<Model> owned;
  const ParamBase& embedding = owned.model.base.embeddings.word.weight;
  const ParamBase& decoder = owned.model.predictions.decoder.weight;
  BOOST_TEST(decoder.master == embedding.id);
  BOOST_TEST(embedding.master == -1);
  BOOST_TEST(decoder.view.data == embedding.view.data);
  const Arrays arrays(2, 6);
  auto gradients = Gradients<Ref>::of(owned.model, Ref());
  BOOST_TEST((*gradients)[decoder.id].data == (*gradients)[embedding.id].data);
  TrainingSession<Model, Ref> session(owned.model, Ref(), *gradients);
  BOOST_TEST_REQUIRE(session.reserve(arrays.labelled(12)).ok());
  BOOST_TEST_REQUIRE(session.forward(arrays.labelled(12)).ok());
  BOOST_TEST_REQUIRE(session.backward().ok());
  // The decoder reads every row, the embedding only those of the ids: rows without an id have the decoder's part, the
  // padding row (0) too.
  for (const Index row : {Index{0}, Index{28}}) {
    double size = 0;
    for (Index i = 0; i < 12; ++i)
      size += std::fabs(static_cast<double>((*gradients)[embedding.id].row<float>(row)[i]));
    BOOST_TEST(size > 0);
  }
  BOOST_TEST(parameter_count(owned.model) == parameter_count(owned.model.base) + (12 * 12 + 12) + 24 + 29);
}

BOOST_AUTO_TEST_CASE(frozen_params_and_buffers_have_no_gradient) {
  Owned<Model> owned;
  owned.model.base.embeddings.position.weight.role = ParamRole::frozen;
  auto gradients = Gradients<Ref>::of(owned.model, Ref());
  BOOST_TEST(!(*gradients)[owned.model.base.embeddings.position.weight.id].present());
  const Arrays arrays(2, 6);
  TrainingSession<Model, Ref> session(owned.model, Ref(), *gradients);
  BOOST_TEST_REQUIRE(session.reserve(arrays.labelled(12)).ok());
  BOOST_TEST_REQUIRE(session.forward(arrays.labelled(12)).ok());
  BOOST_TEST_REQUIRE(session.backward().ok());
}

BOOST_AUTO_TEST_CASE(backward_needs_a_forward_of_its_own_and_a_loss) {
  const Owned<Model> owned;
  const Arrays arrays(2, 6);
  const auto in = arrays.labelled(12);
  auto gradients = Gradients<Ref>::of(owned.model, Ref());
  TrainingSession<Model, Ref> session(owned.model, Ref(), *gradients);
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  const auto refused = [&](const char* why) {
    const auto back = session.backward();
    BOOST_TEST(!back.ok());
    BOOST_TEST(contains(back.error().message(), why), back.error().message());
  };
  refused("no forward");
  BOOST_TEST_REQUIRE(session.forward(in).ok());
  BOOST_TEST_REQUIRE(session.backward().ok());
  refused("no forward");
  BOOST_TEST_REQUIRE(session.forward(in).ok());
  auto bad = in;
  bad.input_ids = View();
  BOOST_TEST(!session.forward(bad).ok());
  refused("no forward");
  auto silent = in;
  silent.labels = View();
  BOOST_TEST_REQUIRE(session.forward(silent).ok());
  refused("labels");
  BOOST_TEST_REQUIRE(session.forward(in).ok());
  BOOST_TEST_REQUIRE(session.backward().ok());
}

namespace {
struct Nothing {};
/// A block that gives its input back, as dropout does that is switched off.
struct Unchanged {
  template <class T>
  auto operator()(T x, const Nothing&) const {
    return x;
  }
};
/// h + unchanged(h), where h has readers inside and outside of the checkpoint.
struct SharedInput {
  struct Input {
    View target;
  };
  template <class Context>
  struct Output {
    Tensor<Context, Extents<1>> loss;
  };
  Param<dyn, dyn> rows{ParamUse::table, Extents<dyn, dyn>(Index{4}, Index{5})};
  Linear<> linear{5, 5};
  Unchanged block;
  bool checkpointing = false;

  SharedInput() { number_params(*this); }
  void visit(auto&& v) {
    v("rows", rows);
    v("linear", linear);
  }
  auto operator()(auto& context, const Input& in) const {
    auto x = embedding(context, rows, context.make_ids(4, [](Index i) { return static_cast<std::int32_t>(i); }));
    auto h = linear(x);
    auto same = checkpointing ? checkpoint(block, h.borrow(), Nothing()) : block(h.borrow(), Nothing());
    auto sum = add(std::move(same), h);
    Output<std::remove_reference_t<decltype(context)>> out;
    out.loss = mean_squared_error(sum, context.numbers(in.target));
    return out;
  }
  Result<void> validate(const Input&) const { return {}; }
};
}  // namespace

BOOST_AUTO_TEST_CASE(a_checkpoint_around_a_block_that_gives_its_input_back_changes_no_gradient) {
  std::vector<float> gradient[2];
  for (const bool checkpointing : {false, true}) {
    SharedInput model;
    model.checkpointing = checkpointing;
    const auto weights = Weights::of(model);
    BOOST_TEST_REQUIRE(weights.ok());
    for (Index i = 0; i < weights->elements(); ++i)
      weights->data()[i] = static_cast<float>((i * 37) % 11) * 0.1F - 0.5F;
    const float target[20] = {1, 2, 3};
    const SharedInput::Input in{View::of_const(target, DType::f32, 4, 5)};
    auto gradients = Gradients<Ref>::of(model, Ref());
    TrainingSession<SharedInput, Ref> session(model, Ref(), *gradients);
    BOOST_TEST_REQUIRE(session.reserve(in).ok());
    BOOST_TEST_REQUIRE(session.forward(in).ok());
    BOOST_TEST_REQUIRE(session.backward().ok());
    gradient[checkpointing].assign(gradients->data(), gradients->data() + gradients->elements());
  }
  BOOST_TEST(gradient[0] == gradient[1], boost::test_tools::per_element());
}

namespace {
/// h + W h, where h may be overwritten by the sum only if the linear's gradient did not need it.
struct ReadTwice {
  struct Input {
    View x;
  };
  template <class Context>
  struct Output {
    Tensor<Context, Extents<1>> loss;
  };
  Linear<> dense{3, 3};
  ReadTwice() { number_params(*this); }
  void visit(auto&& v) { v("dense", dense); }
  Result<void> validate(const Input&) const noexcept { return {}; }
  auto operator()(auto& context, const Input& in) const noexcept {
    const Operand x = context.numbers(in.x);
    auto h = context.template apply<op::scale>({2.0}, Extents<dyn, dyn>(x.view.dim[0], 3), x);
    auto a = dense(h);
    auto y = add(std::move(h), a);
    return Output<std::remove_reference_t<decltype(context)>>{sum(y)};
  }
};
}  // namespace

BOOST_AUTO_TEST_CASE(what_a_gradient_needs_is_not_overwritten) {
  ReadTwice model;
  auto weights = Weights::of(model);
  for (Index i = 0; i < weights->elements(); ++i) weights->data()[i] = 0.25F * static_cast<float>(i % 5 - 2);
  auto gradients = Gradients<Ref>::of(model, Ref());
  TrainingSession<ReadTwice, Ref> session(model, Ref(), *gradients);
  const float x[] = {1, -2, 3, 0.5F, 4, -1};
  const ReadTwice::Input in{View::of_const(x, DType::f32, 2, 3)};
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  BOOST_TEST_REQUIRE(session.forward(in).ok());
  BOOST_TEST_REQUIRE(session.backward().ok());
  // d sum(h + W h) / d W[o][i] is the sum of h over the rows, h = 2 x.
  const View& g = (*gradients)[model.dense.weight.id];
  for (Index o = 0; o < 3; ++o)
    for (Index i = 0; i < 3; ++i) BOOST_TEST(g.row<float>(o)[i] == 2 * (x[i] + x[3 + i]));
}
