// AdamW on a small model: it lowers a loss, decay draws weights to zero, frozen and tied params are left alone, and
// weights that it cannot write are refused. Trajectories of the reference: golden/test_adamw.cpp.
#define BOOST_TEST_MODULE train_adamw
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "context/small_bert.hpp"
#include "tessera/context/training_session.hpp"
#include "tessera/train/adamw.hpp"

using namespace tessera;
using namespace small_bert;
using Model = BertForMaskedLM<>;

BOOST_AUTO_TEST_CASE(a_few_steps_lower_the_loss) {
  Owned<Model> owned;
  const Arrays arrays(2, 6);
  const auto in = arrays.labelled(12);
  auto gradients = Gradients<Ref>::of(owned.model, Ref());
  TrainingSession<Model, Ref> session(owned.model, Ref(), *gradients);
  AdamW::Options options;
  options.learning_rate = 0.01;
  auto adam = AdamW::of(owned.model, options);
  BOOST_TEST_REQUIRE(adam.ok(), adam.error().message());
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  float first = 0, last = 0;
  for (int i = 0; i < 30; ++i) {
    gradients->clear();
    const auto out = session.forward(in);
    BOOST_TEST_REQUIRE(out.ok());
    last = *(*out)->loss.view().as<float>();
    if (i == 0) first = last;
    BOOST_TEST_REQUIRE(session.backward().ok());
    adam->step(gradients->data());
  }
  BOOST_TEST(std::isfinite(last));
  BOOST_TEST(last < 0.5F * first);
  BOOST_TEST(owned.model.predictions.decoder.weight.view.data == owned.model.base.embeddings.word.weight.view.data);
}

BOOST_AUTO_TEST_CASE(without_gradients_decay_is_all_that_moves_and_it_spares_frozen_params) {
  Owned<Model> owned;
  owned.model.base.embeddings.position.weight.role = ParamRole::frozen;
  std::vector<float> before(owned.weights.data(), owned.weights.data() + owned.weights.elements());
  AdamW::Options options;
  options.learning_rate = 0.1;
  options.weight_decay = 0.5;
  auto adam = AdamW::of(owned.model, options);
  BOOST_TEST_REQUIRE(adam.ok());
  const std::vector<float> none(before.size(), 0.0F);
  adam->step(none.data());
  for_each_param(owned.model, [&](const RolePath& path, ParamBase& p) {
    const auto start = static_cast<std::size_t>(p.view.as<float>() - owned.weights.data());
    const float left = p.role == ParamRole::frozen ? 1.0F : 0.95F;
    for (std::size_t i = 0; i < static_cast<std::size_t>(p.view.count()); ++i)
      BOOST_TEST_REQUIRE(std::fabs(p.view.as<float>()[i] - left * before[start + i]) <= 3e-7F, path.c_str());
  });
}

BOOST_AUTO_TEST_CASE(weights_without_f32_memory_are_refused_by_name) {
  Model unbound(config());
  auto adam = AdamW::of(unbound, {});
  BOOST_TEST(!adam.ok());
  BOOST_TEST(contains(adam.error().message(), "bert.embeddings.word.weight"), adam.error().message());
  Owned<Model> owned;
  std::vector<std::uint16_t> half(24);
  owned.model.base.embeddings.type.weight.view.data = half.data();
  owned.model.base.embeddings.type.weight.view.type = DType::bf16;
  adam = AdamW::of(owned.model, {});
  BOOST_TEST(!adam.ok());
  BOOST_TEST(contains(adam.error().message(), "bert.embeddings.type.weight"), adam.error().message());
}

BOOST_AUTO_TEST_CASE(weights_in_memory_that_may_only_be_read_are_refused_until_they_are_moved) {
  Owned<Model> owned;
  for_each_param(owned.model, [](const RolePath&, ParamBase& p) { p.read_only = true; });
  auto adam = AdamW::of(owned.model, {});
  BOOST_TEST(!adam.ok());
  for (const char* part : {"bert.embeddings.word.weight", "only be read", "own_weights"})
    BOOST_TEST(contains(adam.error().message(), part), adam.error().message());
  auto moved = Weights::of(owned.model);
  BOOST_TEST_REQUIRE(moved.ok());
  BOOST_TEST(AdamW::of(owned.model, {}).ok());
}
