// Taps: hidden states and attentions in the order in which the model makes them; asking for attentions selects the
// composition of a fused attention, and the outputs stay what they were.
#define BOOST_TEST_MODULE context_taps
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "context/small_bert.hpp"
#include "tessera/context/training_session.hpp"

using namespace tessera;
using namespace small_bert;

namespace {

/// The reference with an attention of its own: sees to it that fused and composed can be told apart.
namespace fused {
inline int attentions = 0;

/// One query at a time, straight from the formula.
void attention(const Call& call) {
  ++attentions;
  const auto& a = call.as<op::attention>();
  const View &q = call.in[op::attention::q], &k = call.in[op::attention::k], &v = call.in[op::attention::v];
  const View& keep = call.in[op::attention::keep];
  const Index d = q.columns() / a.heads;
  for (Index text = 0; text < a.texts; ++text)
    for (Index h = 0; h < a.heads; ++h)
      for (Index i = 0; i < a.longest; ++i) {
        std::vector<double> p(static_cast<std::size_t>(a.longest));
        double sum = 0, most = -1e300;
        for (Index j = 0; j < a.longest; ++j) {
          double s = 0;
          for (Index c = 0; c < d; ++c)
            s += static_cast<double>(q.row<float>(text * a.longest + i)[h * d + c]) *
                 static_cast<double>(k.row<float>(text * a.longest + j)[h * d + c]);
          s *= a.scale;
          if (keep.present()) s += (1 - static_cast<double>(keep.row<float>(text)[j])) * a.visibility.value;
          p[static_cast<std::size_t>(j)] = s;
          most = std::max(most, s);
        }
        for (double& x : p) sum += x = std::exp(x - most);
        for (Index c = 0; c < d; ++c) {
          double y = 0;
          for (Index j = 0; j < a.longest; ++j)
            y += p[static_cast<std::size_t>(j)] / sum *
                 static_cast<double>(v.row<float>(text * a.longest + j)[h * d + c]);
          call.out.row<float>(text * a.longest + i)[h * d + c] = static_cast<float>(y);
        }
      }
}
inline constexpr Kernels kernels = Kernels().set(OpId::attention, &attention).inherit(Ref::kernels());
}  // namespace fused

struct Fused : Ref {
  static constexpr const Kernels& kernels() noexcept { return fused::kernels; }
};
static_assert(Backend<Fused>);

const std::vector<std::string> both_layers = {"hidden_states", "attentions", "hidden_states", "attentions",
                                              "hidden_states"};

}  // namespace

BOOST_AUTO_TEST_CASE(hidden_states_and_attentions_come_in_the_order_of_the_model_and_with_their_shapes) {
  const Owned<Bert<>> owned;
  const Arrays arrays(2, 5);
  Taps taps;
  Session<Bert<>, Ref> session(owned.model, Ref());
  session.set_taps(taps.sink());
  BOOST_TEST_REQUIRE(session.reserve(arrays.input()).ok());
  const auto out = session.run(arrays.input());
  BOOST_TEST_REQUIRE(out.ok());
  BOOST_TEST(taps.names == both_layers, boost::test_tools::per_element());
  for (std::size_t i = 0; i < taps.names.size(); ++i) {
    const View& v = taps.shapes[i];
    if (taps.names[i] == "hidden_states") {
      BOOST_TEST(v.rank == 2);
      BOOST_TEST(v.dim[0] == 10);
      BOOST_TEST(v.dim[1] == 12);
    } else {
      BOOST_TEST(v.rank == 4);
      BOOST_TEST((v.dim[0] == 2 && v.dim[1] == 3 && v.dim[2] == 5 && v.dim[3] == 5));
    }
  }
  // The last hidden state is the output.
  const View& last = (*out)->last_hidden_state.view();
  const std::vector<float> tapped(taps.values.end() - last.count(), taps.values.end());
  BOOST_TEST(same_bits(tapped, std::vector<float>(last.as<float>(), last.as<float>() + last.count())));
}

BOOST_AUTO_TEST_CASE(only_what_is_asked_for_is_shown) {
  const Owned<Bert<>> owned;
  const Arrays arrays(1, 4);
  for (const bool hidden : {false, true}) {
    Taps taps;
    taps.hidden = hidden;
    taps.attentions = !hidden;
    Session<Bert<>, Ref> session(owned.model, Ref());
    session.set_taps(taps.sink());
    BOOST_TEST_REQUIRE(session.reserve(arrays.input()).ok());
    BOOST_TEST_REQUIRE(session.run(arrays.input()).ok());
    BOOST_TEST(taps.names.size() == (hidden ? 3U : 2U));
  }
}

BOOST_AUTO_TEST_CASE(rows_of_attention_are_probabilities_and_masked_keys_get_none) {
  const Owned<Bert<>> owned;
  const Arrays arrays(2, 5);  // the second text has one token less
  Taps taps;
  taps.hidden = false;
  Session<Bert<>, Ref> session(owned.model, Ref());
  session.set_taps(taps.sink());
  BOOST_TEST_REQUIRE(session.reserve(arrays.input()).ok());
  BOOST_TEST_REQUIRE(session.run(arrays.input()).ok());
  for (std::size_t row = 0; row < taps.values.size() / 5; ++row) {
    double sum = 0;
    for (std::size_t j = 0; j < 5; ++j) sum += static_cast<double>(taps.values[row * 5 + j]);
    BOOST_TEST(std::fabs(sum - 1) < 1e-6);
    const std::size_t text = row / (3 * 5) % 2;
    if (text == 1) BOOST_TEST(taps.values[row * 5 + 4] == 0.0F);
  }
}

BOOST_AUTO_TEST_CASE(asking_for_attentions_selects_the_composition) {
  const Owned<Bert<>> owned;
  const Arrays arrays(2, 5);
  std::vector<float> plain;
  for (const bool asked : {false, true}) {
    Taps taps;
    taps.attentions = asked;
    Session<Bert<>, Fused> session(owned.model, Fused());
    session.set_taps(taps.sink());
    BOOST_TEST_REQUIRE(session.reserve(arrays.input()).ok());
    fused::attentions = 0;
    const auto out = session.run(arrays.input());
    BOOST_TEST_REQUIRE(out.ok());
    BOOST_TEST(fused::attentions == (asked ? 0 : 2));
    BOOST_TEST(taps.names.size() == (asked ? 5U : 3U));
    const std::vector<float> now = numbers(**out);
    if (!asked) plain = now;
    for (std::size_t i = 0; i < now.size(); ++i) BOOST_TEST(std::fabs(now[i] - plain[i]) < 1e-5F);
  }
}

BOOST_AUTO_TEST_CASE(a_fused_attention_without_gradient_is_left_to_its_composition_in_training) {
  const Owned<BertForSequenceClassification<>> owned;
  const Arrays arrays(2, 5);
  auto gradients = Gradients<Fused>::of(owned.model, Fused());
  TrainingSession<BertForSequenceClassification<>, Fused> session(owned.model, Fused(), *gradients);
  BOOST_TEST_REQUIRE(session.reserve(arrays.labelled(2)).ok());
  fused::attentions = 0;
  BOOST_TEST_REQUIRE(session.forward(arrays.labelled(2)).ok());
  BOOST_TEST_REQUIRE(session.backward().ok());
  BOOST_TEST(fused::attentions == 0);
}

BOOST_AUTO_TEST_CASE(a_tape_shows_what_inference_shows) {
  const Owned<BertForSequenceClassification<>> owned;
  const Arrays arrays(2, 5);
  Taps inferred, taped;
  Session<BertForSequenceClassification<>, Ref> session(owned.model, Ref());
  session.set_taps(inferred.sink());
  BOOST_TEST_REQUIRE(session.reserve(arrays.labelled(2)).ok());
  BOOST_TEST_REQUIRE(session.run(arrays.labelled(2)).ok());
  for (const bool checkpointing : {false, true}) {
    taped = Taps();
    Owned<BertForSequenceClassification<>> trained;
    trained.model.base.checkpointing = checkpointing;
    auto gradients = Gradients<Ref>::of(trained.model, Ref());
    TrainingSession<BertForSequenceClassification<>, Ref> training(trained.model, Ref(), *gradients);
    training.set_taps(taped.sink());
    BOOST_TEST_REQUIRE(training.reserve(arrays.labelled(2)).ok());
    BOOST_TEST_REQUIRE(training.forward(arrays.labelled(2)).ok());
    BOOST_TEST_REQUIRE(training.backward().ok());
    BOOST_TEST(taped.names == inferred.names, boost::test_tools::per_element());
    BOOST_TEST(same_bits(taped.values, inferred.values));
  }
}
