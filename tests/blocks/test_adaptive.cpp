// Adaptive embedding and softmax: against their formulas, gradients against finite differences, exact plans.
#define BOOST_TEST_MODULE adaptive
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "gradient_check.hpp"
#include "tessera/context/session.hpp"
#include "tessera/heads/adaptive_softmax.hpp"
#include "tessera/ops/reduce.hpp"

using namespace tessera;

namespace {

constexpr Index cut[] = {5, 9}, vocabulary = 15, model_width = 6;

struct LmInput {
  View ids, labels;
  bool in_cluster_order = true;
};

/// Embedding and softmax with nothing between.
struct Lm {
  using Input = LmInput;
  template <class Context>
  struct Output {
    Tensor<Context, Extents<1>> loss;
    Tensor<Context, Extents<dyn, dyn>> embedded, log_probabilities, nll;
  };
  AdaptiveEmbedding<> embedding;
  AdaptiveSoftmax<> softmax;
  bool tied;

  Lm(Index cutoffs, Index embed, Index div_val, bool tie = false) : tied(tie) {
    const Cutoffs cuts(cut, cutoffs, vocabulary);
    BOOST_TEST_REQUIRE(embedding.init(cuts, embed, model_width, div_val));
    BOOST_TEST_REQUIRE(softmax.init(cuts, embed, model_width, div_val));
    number_params(*this);
  }
  void visit(auto&& v) {
    v("embedding", embedding);
    v("softmax", softmax);
  }
  void ties(auto&& t) {
    for (Index i = 0; tied && i < embedding.emb_layers.size(); ++i)
      t(embedding.emb_layers[i].weight, softmax.out_layers[i].weight);
  }
  auto operator()(auto& context, const Input& in) const {
    Output<std::remove_reference_t<decltype(context)>> out;
    auto x = embedding(context, in.ids);
    out.log_probabilities = adaptive_log_probabilities(softmax, x);
    const NllOrder order = in.in_cluster_order ? NllOrder::clusters : NllOrder::tokens;
    auto nll = adaptive_nll(softmax, x, in.labels, order);
    out.loss = mean(nll);
    out.nll = std::move(nll).reshape(Extents<dyn, dyn>(in.labels.count(), 1));
    out.embedded = std::move(x);
    return out;
  }
  Result<void> validate(const Input&) const { return {}; }
};

const std::vector<std::int64_t> ids{0, 14, 5, 4, 8, 9, 9, 3}, labels{13, 4, 5, 9, 0, 8, 2, 14};

LmInput input(bool in_cluster_order = true) {
  return {View::of_const(ids.data(), DType::i64, 2, 4), View::of_const(labels.data(), DType::i64, 2, 4),
          in_cluster_order};
}

struct Run {
  std::vector<double> embedded, log_probabilities, nll;
};
Run run(const Lm& lm, const LmInput& in) {
  using Exact = Reference<double>;
  auto packed = Packed<Exact>::of(lm, Exact());
  Session<Lm, Exact> session(lm, Exact(), &*packed);
  // What is reserved for shapes alone is enough for any ids and labels.
  LmInput shape = in;
  shape.ids.data = shape.labels.data = nullptr;
  BOOST_TEST_REQUIRE(session.reserve(shape).ok());
  auto out = session.run(in);
  BOOST_TEST_REQUIRE(out.ok(), out.error().message());
  const auto read = [](const auto& t) {
    const double* data = t.view().template as<const double>();
    return std::vector<double>(data, data + t.view().count());
  };
  return {read((*out)->embedded), read((*out)->log_probabilities), read((*out)->nll)};
}

struct Shape {
  Index cutoffs, embed, div_val;
};
const Shape shapes[] = {{2, 6, 1}, {2, 4, 1}, {2, 8, 2}, {0, 6, 1}, {1, 4, 1}, {0, 4, 2}};

}  // namespace

BOOST_AUTO_TEST_CASE(each_word_has_the_table_of_its_cluster_projected_and_scaled) {
  for (const Shape& s : shapes) {
    Lm lm(s.cutoffs, s.embed, s.div_val);
    auto weights = Weights::of(lm);
    gradient_check::fill(lm, 0.5F);
    const Run r = run(lm, input());
    const Cutoffs cuts(cut, s.cutoffs, vocabulary);
    for (std::size_t n = 0; n < ids.size(); ++n) {
      const int c = s.div_val == 1 ? 0 : cuts.cluster_of(ids[n]);
      const View& table = lm.embedding.emb_layers[c].weight.view;
      const float* row = table.row<float>(ids[n] - (s.div_val == 1 ? 0 : cuts.first(c)));
      for (Index h = 0; h < model_width; ++h) {
        double expected = 0;
        if (lm.embedding.emb_projs.size() == 0)
          expected = static_cast<double>(row[h]);
        else
          for (Index k = 0; k < table.columns(); ++k)
            expected +=
                static_cast<double>(row[k]) * static_cast<double>(lm.embedding.emb_projs[c].view.row<float>(h)[k]);
        expected *= std::sqrt(6.0);
        BOOST_TEST(std::fabs(r.embedded[n * 6 + static_cast<std::size_t>(h)] - expected) < 1e-12);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(probabilities_of_all_words_add_up_to_one_and_the_nll_is_theirs_in_either_order) {
  for (const Shape& s : shapes) {
    Lm lm(s.cutoffs, s.embed, s.div_val);
    auto weights = Weights::of(lm);
    gradient_check::fill(lm, 0.5F, 3);
    const Run sorted = run(lm, input()), plain = run(lm, input(false));
    for (std::size_t n = 0; n < ids.size(); ++n) {
      double total = 0;
      for (std::size_t w = 0; w < vocabulary; ++w) total += std::exp(plain.log_probabilities[n * vocabulary + w]);
      BOOST_TEST(std::fabs(total - 1) < 1e-12);
      const double expected = -plain.log_probabilities[n * vocabulary + static_cast<std::size_t>(labels[n])];
      BOOST_TEST(std::fabs(plain.nll[n] - expected) < 1e-12);
    }
    // The shortlist's tokens first, then those of each tail, each in their order.
    const Cutoffs cuts(cut, s.cutoffs, vocabulary);
    std::size_t place = 0;
    for (int c = 0; c < cuts.count; ++c)
      for (std::size_t n = 0; n < labels.size(); ++n)
        if (cuts.cluster_of(labels[n]) == c) BOOST_TEST(sorted.nll[place++] == plain.nll[n]);
  }
}

BOOST_AUTO_TEST_CASE(gradients_equal_finite_differences_for_slices_of_a_weight_and_tied_tables_too) {
  for (const Shape& s : shapes)
    for (bool tied : {false, true}) {
      Lm lm(s.cutoffs, s.embed, s.div_val, tied);
      auto weights = Weights::of(lm);
      gradient_check::fill(lm, 0.5F, 2);
      gradient_check::check(lm, input());
    }
}

BOOST_AUTO_TEST_CASE(cutoffs_must_rise_inside_of_the_vocabulary) {
  const auto refused = [](std::vector<Index> cutoffs, Code code) {
    const auto r = check_cutoffs("cutoffs", cutoffs.data(), static_cast<Index>(cutoffs.size()), 100);
    BOOST_TEST(!r.ok());
    BOOST_TEST((r.error().code() == code));
    return std::string(r.error().message());
  };
  const Index good[] = {10, 20, 99};
  BOOST_TEST(check_cutoffs("cutoffs", good, 3, 100).ok());
  BOOST_TEST(refused({20, 10}, Code::out_of_range) ==
             "config: cutoffs: each must be more than the one before and less than the vocabulary 100, found 10 after "
             "20");
  refused({10, 10}, Code::out_of_range);
  refused({0}, Code::out_of_range);
  refused({100}, Code::out_of_range);
  refused({1, 2, 3, 4, 5, 6}, Code::unsupported);
}
