// The forms of weights: masters in one block, with the same layout wherever they lie; stored ones of any floating type,
// converted when packed and shared when they need not be; and what is not bound is named, not read.
#define BOOST_TEST_MODULE context_weights
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "context/small_bert.hpp"
#include "tessera/context/training_session.hpp"

using namespace tessera;
using namespace small_bert;
using Model = BertForMaskedLM<>;

namespace {

using Constant = BertForMaskedLM<sizes>;
constexpr Index elements = master_elements(Constant(config()));
static_assert(elements % 16 == 0 && elements >= parameter_count(Constant(config())));

std::vector<float> run(const Model& model, const Packed<Ref>* packed = nullptr) {
  const Arrays arrays(2, 6);
  Session<Model, Ref> session(model, Ref(), packed);
  BOOST_TEST_REQUIRE(session.reserve(arrays.labelled(12)).ok());
  const auto out = session.run(arrays.labelled(12));
  BOOST_TEST_REQUIRE(out.ok(), out.error().message());
  return numbers(**out);
}

}  // namespace

BOOST_AUTO_TEST_CASE(masters_have_one_layout_wherever_they_lie) {
  Owned<Model> owned;
  BOOST_TEST(owned.weights.elements() == elements);
  std::vector<float> block(owned.weights.data(), owned.weights.data() + elements + 0);
  Model other(config());
  bind_masters(other, block.data());
  BOOST_TEST(same_bits(run(owned.model), run(other)));
  const auto layout = WeightLayout::of(other);
  BOOST_TEST_REQUIRE(layout.ok());
  for_each_param(other, [&](const RolePath& path, ParamBase& p) {
    BOOST_TEST((p.view.as<float>() == block.data() + layout->start(p.id)), path.c_str());
    BOOST_TEST(layout->start(p.id) % 16 == 0);
  });
  const auto gradients = Gradients<Ref>::of(other, Ref());
  BOOST_TEST(gradients->elements() == elements);
  for_each_param(other, [&](const RolePath& path, ParamBase& p) {
    BOOST_TEST(((*gradients)[p.id].as<float>() == gradients->data() + layout->start(p.id)), path.c_str());
  });
}

BOOST_AUTO_TEST_CASE(weights_that_a_backend_can_read_are_shared_and_others_converted) {
  const Owned<Model> owned;
  const auto shared = Packed<Ref>::of(owned.model, Ref());
  BOOST_TEST_REQUIRE(shared.ok());
  BOOST_TEST(shared->bytes() == 0U);
  const auto converted = Packed<Reference<double>>::of(owned.model, Reference<double>());
  BOOST_TEST_REQUIRE(converted.ok());
  BOOST_TEST(converted->bytes() >= static_cast<std::size_t>(parameter_count(owned.model)) * sizeof(double));
  for_each_param(owned.model, [&](const RolePath& path, const ParamBase& p) {
    BOOST_TEST((shared->views().views[p.id].data == p.view.data));
    for (Index i = 0; i < p.view.count(); ++i)
      BOOST_TEST_REQUIRE(converted->views().views[p.id].as<double>()[i] == static_cast<double>(p.view.as<float>()[i]),
                         path.c_str());
  });
}

BOOST_AUTO_TEST_CASE(weights_stored_in_half_the_bits_run_as_the_numbers_they_are) {
  Owned<Model> owned;
  // Numbers that both 16-bit types hold exactly: quarters up to 1.
  for_each_param(owned.model, [](const RolePath&, ParamBase& p) {
    for (Index i = 0; i < p.view.count(); ++i) p.view.as<float>()[i] = std::round(p.view.as<float>()[i] * 4) / 4;
  });
  const std::vector<float> truth = run(owned.model);
  for (const DType type : {DType::f16, DType::bf16, DType::f64}) {
    Model stored(config());
    std::vector<std::vector<std::byte>> bytes;
    for_each_param(owned.model, [&](const RolePath&, ParamBase& p) {
      std::vector<std::byte> data(static_cast<std::size_t>(p.view.count()) * size_of(type));
      for (Index i = 0; i < p.view.count(); ++i) {
        const float value = p.view.as<float>()[i];
        std::uint16_t half = to_bf16(value);
        // f16 of a multiple of 1/4 below 4: sign, exponent, two bits of mantissa, moved over from bf16.
        if (type == DType::f16) {
          const auto bits = std::bit_cast<std::uint32_t>(value);
          half = value == 0 ? std::uint16_t{0}
                            : static_cast<std::uint16_t>((bits >> 16 & 0x8000U) | (((bits >> 23 & 0xffU) - 112) << 10) |
                                                         (bits >> 13 & 0x3ffU));
        }
        const auto wide = static_cast<double>(value);
        const void* from = type == DType::f64 ? static_cast<const void*>(&wide) : &half;
        std::memcpy(data.data() + static_cast<std::size_t>(i) * size_of(type), from, size_of(type));
      }
      bytes.push_back(std::move(data));
    });
    for_each_param(stored, [&](const RolePath&, ParamBase& p) {
      if (p.master >= 0) return;
      p.view.data = bytes[static_cast<std::size_t>(p.id)].data();
      p.view.type = type;
    });
    bind_ties(stored);
    // Their bytes are never taken for f32.
    const Arrays arrays(2, 6);
    Session<Model, Ref> session(stored, Ref());
    BOOST_TEST_REQUIRE(session.reserve(arrays.labelled(12)).ok());
    auto gradients = Gradients<Ref>::of(stored, Ref());
    TrainingSession<Model, Ref> training(stored, Ref(), *gradients);
    BOOST_TEST_REQUIRE(training.reserve(arrays.labelled(12)).ok());
    for (const Error& refused :
         {session.run(arrays.labelled(12)).error(), training.forward(arrays.labelled(12)).error()}) {
      BOOST_TEST((refused.code() == Code::unsupported));
      const std::string found = "found " + std::to_string(size_of(type));
      for (const char* part : {"bert.embeddings.word.weight", "another type", "Packed", "expected 4", found.c_str()})
        BOOST_TEST(contains(refused.message(), part), refused.message());
    }
    const auto packed = Packed<Ref>::of(stored, Ref());
    BOOST_TEST_REQUIRE(packed.ok(), packed.error().message());
    BOOST_TEST(same_bits(run(stored, &*packed), truth), name(type));
    // And as masters.
    auto masters = Weights::of(stored);
    BOOST_TEST_REQUIRE(masters.ok());
    BOOST_TEST(same_bits(run(stored), truth), name(type));
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_bound_or_not_numbered_is_named) {
  Owned<Model> owned;
  owned.model.base.pooler.dense.bias.view.data = nullptr;
  auto packed = Packed<Ref>::of(owned.model, Ref());
  BOOST_TEST(!packed.ok());
  BOOST_TEST(contains(packed.error().message(), "bert.pooler.dense.bias"), packed.error().message());
  Owned<Model> tied;
  tied.model.predictions.decoder.weight.view.data = nullptr;
  packed = Packed<Ref>::of(tied.model, Ref());
  BOOST_TEST(!packed.ok());
  BOOST_TEST(contains(packed.error().message(), "bind_ties"), packed.error().message());
  Owned<Model> unnumbered;
  unnumbered.model.predictions.norm.bias.id = -1;
  packed = Packed<Ref>::of(unnumbered.model, Ref());
  BOOST_TEST(!packed.ok());
  BOOST_TEST(contains(packed.error().message(), "number_params"), packed.error().message());
  BOOST_TEST(!WeightLayout::of(unnumbered.model).ok());
}

BOOST_AUTO_TEST_CASE(a_run_with_a_param_that_is_not_bound_is_an_error_and_not_a_crash) {
  Owned<Model> owned;
  owned.model.base.encoder[1].feed_forward.output.weight.view.data = nullptr;
  const Arrays arrays(2, 6);
  Session<Model, Ref> session(owned.model, Ref());
  BOOST_TEST_REQUIRE(session.reserve(arrays.labelled(12)).ok());
  const auto out = session.run(arrays.labelled(12));
  BOOST_TEST(!out.ok());
  BOOST_TEST((out.error().code() == Code::not_found));
  for (const char* part : {"bert.encoder.1.feed_forward.output.weight", "bound to no memory", "found 0"})
    BOOST_TEST(contains(out.error().message(), part), out.error().message());
  auto gradients = Gradients<Ref>::of(owned.model, Ref());
  TrainingSession<Model, Ref> training(owned.model, Ref(), *gradients);
  BOOST_TEST_REQUIRE(training.reserve(arrays.labelled(12)).ok());
  BOOST_TEST(!training.forward(arrays.labelled(12)).ok());
}

BOOST_AUTO_TEST_CASE(what_was_packed_before_the_weights_changed_is_refused_until_packed_again) {
  Owned<Model> owned;
  using Exact = Reference<double>;  // its packed form is a copy
  auto packed = Packed<Exact>::of(owned.model, Exact());
  BOOST_TEST_REQUIRE(packed.ok());
  const Arrays arrays(2, 6);
  Session<Model, Exact> session(owned.model, Exact(), &*packed);
  BOOST_TEST_REQUIRE(session.reserve(arrays.labelled(12)).ok());
  BOOST_TEST(session.run(arrays.labelled(12)).ok());
  owned.weights.changed();
  BOOST_TEST(packed->stale());
  const auto refused = session.run(arrays.labelled(12));
  BOOST_TEST(!refused.ok());
  BOOST_TEST(std::string(refused.error().message()).find("pack them again") != std::string::npos);
  auto gradients = Gradients<Exact>::of(owned.model, Exact());
  TrainingSession<Model, Exact> training(owned.model, Exact(), *gradients, &*packed);
  BOOST_TEST_REQUIRE(training.reserve(arrays.labelled(12)).ok());
  BOOST_TEST(contains(training.forward(arrays.labelled(12)).error().message(), "pack them again"));
  *packed = *Packed<Exact>::of(owned.model, Exact());
  BOOST_TEST(training.forward(arrays.labelled(12)).ok());
  BOOST_TEST(session.run(arrays.labelled(12)).ok());
}

namespace {
/// A model of two matrices that are one weight; the tied one comes first in the walk.
struct Pair {
  Param<dyn, dyn> tied, master;
  Pair(Index rows, Index tied_rows)
      : tied(ParamUse::matrix, Extents<dyn, dyn>(tied_rows, Index{4})),
        master(ParamUse::matrix, Extents<dyn, dyn>(rows, Index{4})) {
    number_params(*this);
  }
  void visit(auto&& v) {
    v("tied", tied);
    v("master", master);
  }
  void ties(auto&& t) { t(master, tied); }
};
}  // namespace

BOOST_AUTO_TEST_CASE(a_tied_param_may_come_before_its_master_and_must_have_its_size) {
  Pair pair(3, 3);
  const auto weights = Weights::of(pair);
  BOOST_TEST_REQUIRE(weights.ok());
  BOOST_TEST(pair.tied.view.data == pair.master.view.data);
  BOOST_TEST(weights->elements() == 16);
  Pair other(3, 30);
  BOOST_TEST(!Weights::of(other).ok());
}

BOOST_AUTO_TEST_CASE(a_precision_that_a_backend_lacks_is_refused) {
  const Owned<Model> owned;
  const auto packed = Packed<Ref>::of(owned.model, Ref(), Precision::int8);
  BOOST_TEST(!packed.ok());
  BOOST_TEST((packed.error().code() == Code::unsupported));
}

namespace {
/// A backend that can lay out a linear's weight for any precision, and counts for which it was asked to.
struct Counting : Reference<float> {
  static inline int packed_as[3];
  static std::size_t bytes(const View& stored, ParamUse use, Precision) {
    return use == ParamUse::matrix ? stored.bytes() : 0;
  }
  static bool supports(Precision) { return true; }
  static View pack(const View& plain, ParamUse, Precision precision, void* destination, const Executor&) {
    ++packed_as[static_cast<int>(precision)];
    std::memcpy(destination, plain.data, plain.bytes());
    View packed = plain;
    packed.data = destination;
    return packed;
  }
  static const Packing& packing() {
    static constexpr Packing table = {&bytes, &supports, &pack};
    return table;
  }
};
}  // namespace

BOOST_AUTO_TEST_CASE(each_linear_may_have_a_precision_of_its_own) {
  const Owned<Model> owned;
  const auto choose = [](const RolePath& path, const ParamBase&) {
    const std::string role = path.c_str();
    if (role.find("attention.query") != std::string::npos) return Precision::bf16;
    return role.find("feed_forward") != std::string::npos ? Precision::int8 : Precision::f32;
  };
  int queries = 0, feed_forwards = 0, others = 0;
  for_each_param(owned.model, [&](const RolePath& path, const ParamBase& p) {
    if (p.use != ParamUse::matrix) return;
    const Precision precision = choose(path, p);
    ++(precision == Precision::bf16 ? queries : precision == Precision::int8 ? feed_forwards : others);
  });
  BOOST_TEST(queries > 0);
  BOOST_TEST(feed_forwards > queries);
  for (int& n : Counting::packed_as) n = 0;
  const auto packed = Packed<Counting>::of(owned.model, Counting(), choose);
  BOOST_TEST_REQUIRE(packed.ok());
  BOOST_TEST(Counting::packed_as[static_cast<int>(Precision::bf16)] == queries);
  BOOST_TEST(Counting::packed_as[static_cast<int>(Precision::int8)] == feed_forwards);
  BOOST_TEST(Counting::packed_as[static_cast<int>(Precision::f32)] == others);
  // One linear that the backend cannot do is an error, not another precision.
  const auto refused = Packed<Ref>::of(owned.model, Ref(), choose);
  BOOST_TEST(!refused.ok());
  BOOST_TEST(std::string(refused.error().message()).find("bf16") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_pack_serves_the_weights_that_it_was_made_from_and_no_others) {
  const Arrays arrays(2, 6);
  const auto refused = [&](const auto& model, const Packed<Ref>& packed, const char* role) {
    Session<std::remove_cvref_t<decltype(model)>, Ref> session(model, Ref(), &packed);
    for (const Error& error :
         {session.reserve(arrays.labelled(12)).error(), session.run(arrays.labelled(12)).error()}) {
      BOOST_TEST((error.code() == Code::invalid_argument), error.message());
      BOOST_TEST(contains(error.message(), "pack them again"), error.message());
      BOOST_TEST(contains(error.message(), role), error.message());
    }
  };
  Owned<Model> owned, other;
  const auto packed = Packed<Ref>::of(owned.model, Ref());
  const std::vector<float> truth = run(owned.model, &*packed);
  refused(other.model, *packed, "bert.embeddings.word.weight");
  // Weights that lie elsewhere now.
  auto moved = Weights::of(owned.model);
  BOOST_TEST_REQUIRE(moved.ok());
  refused(owned.model, *packed, "bert.embeddings.word.weight");
  const auto again = Packed<Ref>::of(owned.model, Ref());
  BOOST_TEST(same_bits(run(owned.model, &*again), truth));
  // A param that the model has forgotten to show, or that has no number.
  owned.model.base.encoder[1].output_norm.bias.id = -1;
  Session<Model, Ref> session(owned.model, Ref(), &*again);
  const Error error = session.reserve(arrays.labelled(12)).error();
  BOOST_TEST(contains(error.message(), "number_params"), error.message());
  owned.model.base.encoder[1].output_norm.bias.id = 1000;
  BOOST_TEST(!session.reserve(arrays.labelled(12)).ok());
}

namespace {
struct Namesakes {
  LayerNorm<> a{4, 1e-5}, b{4, 1e-5};
  const char* second = "a";
  Namesakes() { number_params(*this); }
  void visit(auto&& v) {
    v("a", a);
    v(second, b);
  }
};
}  // namespace

BOOST_AUTO_TEST_CASE(each_param_has_a_role_of_its_own) {
  Namesakes model;
  const auto weights = Weights::of(model);
  BOOST_TEST_REQUIRE(!weights.ok());
  BOOST_TEST(contains(weights.error().message(), "a.weight"), weights.error().message());
  const std::string name(RolePath::capacity, 'n');
  model.second = name.c_str();
  BOOST_TEST(contains(Weights::of(model).error().message(), "longer"));
  model.second = "b";
  BOOST_TEST(Weights::of(model).ok());
}

BOOST_AUTO_TEST_CASE(a_model_that_is_not_what_its_config_says_does_not_run) {
  Bert<sizes> misfit(config(3));
  const auto in = Arrays(2, 6).input();
  const Error refused = Session<Bert<sizes>, Ref>(misfit, Ref()).reserve(in).error();
  BOOST_TEST(contains(refused.message(), "num_hidden_layers is 3"), refused.message());
  BOOST_TEST((plan(misfit, in, Ref()).fault.code == Code::invalid_argument));
  Bert<> without(config(-1));
  BOOST_TEST(!without.complete());
  BOOST_TEST(!(Session<Bert<>, Ref>(without, Ref()).reserve(in).ok()));
  BOOST_TEST(!Packed<Ref>::of(without, Ref()).ok());
}
