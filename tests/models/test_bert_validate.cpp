// Bad input to BERT and its heads: each is an error that says what, where, what was expected and what was found, and
// the session goes on with the next input. Also: what of the ops' own checks a run reports first.
#define BOOST_TEST_MODULE models_bert_validate
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "context/small_bert.hpp"
#include "tessera/context/training_session.hpp"

using namespace tessera;
using namespace small_bert;

namespace {

template <class Model>
struct Refuses {
  Owned<Model> owned;
  Arrays arrays{2, 6};
  using Input = typename Model::Input;

  /// The session refuses `bad` with a sentence that has all the parts, and still runs `good`.
  void operator()(const Input& good, const Input& bad, Code code, std::initializer_list<const char*> parts) {
    Session<Model, Ref> session(owned.model, Ref());
    BOOST_TEST_REQUIRE(session.reserve(good).ok());
    const auto before = session.run(good);
    BOOST_TEST_REQUIRE(before.ok(), before.error().message());
    const std::vector<float> bits = numbers(**before);
    const auto out = session.run(bad);
    BOOST_TEST_REQUIRE(!out.ok());
    const std::string sentence = out.error().message();
    BOOST_TEST((out.error().code() == code), sentence);
    for (const char* part : parts)
      BOOST_TEST(contains(sentence, part), "'" << sentence << "' does not say '" << part << "'");
    const auto after = session.run(good);
    BOOST_TEST_REQUIRE(after.ok());
    BOOST_TEST(same_bits(numbers(**after), bits));
  }
};

using Base = Refuses<Bert<>>;

}  // namespace

BOOST_FIXTURE_TEST_CASE(ids_that_the_tables_lack_are_named_with_their_position, Base) {
  const auto good = arrays.input();
  for (const std::int64_t wrong : {std::int64_t{29}, std::int64_t{-1}, std::int64_t{1} << 40}) {
    Arrays others = arrays;
    others.ids[7] = wrong;
    (*this)(good, others.input(), Code::out_of_range,
            {"input_ids", std::to_string(wrong).c_str(), "position 7", "[0, 29)"});
  }
  Arrays others = arrays;
  others.types[11] = 2;
  (*this)(good, others.input(), Code::out_of_range, {"token_type_ids", "2", "position 11", "[0, 2)"});
  std::vector<std::int32_t> positions(12, 0);
  positions[3] = 16;
  auto bad = good;
  bad.position_ids = View::of_const(positions.data(), DType::i32, 2, 6);
  (*this)(good, bad, Code::out_of_range, {"position_ids", "16", "position 3", "[0, 16)"});
}

BOOST_FIXTURE_TEST_CASE(ids_that_are_not_integers_or_not_there_are_refused, Base) {
  const auto good = arrays.input();
  const std::vector<float> floats(12, 1.0F);
  auto bad = good;
  bad.input_ids = View::of_const(floats.data(), DType::f32, 2, 6);
  (*this)(good, bad, Code::invalid_argument, {"input_ids", "integers", "float32"});
  bad.input_ids = View::of(nullptr, DType::i64, 2, 6);
  (*this)(good, bad, Code::not_found, {"input_ids", "no data"});
  bad.input_ids = View();
  (*this)(good, bad, Code::invalid_argument, {"input_ids"});
}

BOOST_FIXTURE_TEST_CASE(every_integer_type_serves_as_ids_with_the_same_bits, Base) {
  const auto good = arrays.input();
  Session<Bert<>, Ref> session(owned.model, Ref());
  BOOST_TEST_REQUIRE(session.reserve(good).ok());
  const std::vector<float> bits = numbers(**session.run(good));
  const std::vector<std::int32_t> i32(arrays.ids.begin(), arrays.ids.end());
  const std::vector<std::int16_t> i16(arrays.ids.begin(), arrays.ids.end());
  const std::vector<std::int8_t> i8(arrays.ids.begin(), arrays.ids.end());
  const std::vector<std::uint8_t> u8(arrays.ids.begin(), arrays.ids.end());
  for (const View& ids : {View::of_const(i32.data(), DType::i32, 12), View::of_const(i16.data(), DType::i16, 12),
                          View::of_const(i8.data(), DType::i8, 12), View::of_const(u8.data(), DType::u8, 12)}) {
    auto in = good;
    in.input_ids = ids;
    const auto out = session.run(in);
    BOOST_TEST_REQUIRE(out.ok(), out.error().message());
    BOOST_TEST(same_bits(numbers(**out), bits));
  }
}

BOOST_FIXTURE_TEST_CASE(counts_that_disagree_with_the_layout_are_named_with_both, Base) {
  const auto good = arrays.input();
  auto bad = good;
  bad.input_ids = View::of_const(arrays.ids.data(), DType::i64, 2, 5);
  (*this)(good, bad, Code::shape_mismatch, {"input_ids", "12", "10"});
  bad = good;
  bad.token_type_ids = View::of_const(arrays.types.data(), DType::i64, 11);
  (*this)(good, bad, Code::shape_mismatch, {"token_type_ids", "12", "11"});
  bad = good;
  bad.attention_mask = View::of_const(arrays.mask.data(), DType::i64, 1, 6);
  (*this)(good, bad, Code::shape_mismatch, {"attention_mask", "12", "6"});
  bad.attention_mask = View::of_const(arrays.mask.data(), DType::i64, 6, 2);
  (*this)(good, bad, Code::shape_mismatch, {"attention_mask", "2 texts, 6", "6, 2"});
  bad.attention_mask = View::of_const(arrays.mask.data(), DType::i64, 12);
  (*this)(good, bad, Code::shape_mismatch, {"attention_mask", "2 texts, 6", "[12]"});
  // Tokens before texts, as other libraries have them.
  bad = good;
  bad.input_ids = View::of_const(arrays.ids.data(), DType::i64, 6, 2);
  (*this)(good, bad, Code::shape_mismatch, {"input_ids", "2 texts, 6", "6, 2"});
}

BOOST_FIXTURE_TEST_CASE(reserve_names_the_array_that_does_not_fit_as_run_does, Base) {
  const auto good = arrays.input();
  auto short_ids = good, empty = good;
  short_ids.input_ids = View::of_const(arrays.ids.data(), DType::i64, 2, 5);
  empty.layout = Layout::padded(0, 6);
  empty.input_ids = View::of_const(arrays.ids.data(), DType::i64, 0, 6);
  auto gradients = Gradients<Ref>::of(owned.model, Ref());
  Session<Bert<>, Ref> session(owned.model, Ref());
  TrainingSession<Bert<>, Ref> training(owned.model, Ref(), *gradients);
  for (const Error& error :
       {session.reserve(short_ids).error(), session.plan(short_ids).error(), training.reserve(short_ids).error()}) {
    BOOST_TEST((error.code() == Code::shape_mismatch));
    for (const char* part : {"input_ids", "expected 12", "found 10"})
      BOOST_TEST(contains(error.message(), part), error.message());
  }
  BOOST_TEST(contains(session.reserve(empty).error().message(), "the input is empty"),
             session.reserve(empty).error().message());
  // Arrays that are not filled yet have the right shapes.
  auto unfilled = good;
  const std::vector<std::int64_t> garbage(12, -7);
  unfilled.input_ids = View::of_const(garbage.data(), DType::i64, 2, 6);
  BOOST_TEST(session.reserve(unfilled).ok());
  BOOST_TEST(session.run(good).ok());
  // Shapes without data: what an op says stays, as the arrays are not there to be named.
  auto shape = BertInput::shape(2, 6);
  shape.token_type_ids = View::of(nullptr, DType::i64, 11);
  BOOST_TEST((session.reserve(shape).error().code() == Code::shape_mismatch));
}

BOOST_FIXTURE_TEST_CASE(empty_and_too_long_inputs_are_refused, Base) {
  const auto good = arrays.input();
  auto bad = good;
  bad.layout = Layout::padded(0, 6);
  (*this)(good, bad, Code::invalid_argument, {"empty", "at least one token"});
  bad.layout = Layout::padded(2, 0);
  (*this)(good, bad, Code::invalid_argument, {"empty"});
  bad.layout = Layout::padded(-1, -6);
  (*this)(good, bad, Code::invalid_argument, {"empty"});
  const Arrays longer(1, 17);
  (*this)(good, longer.input(), Code::out_of_range, {"17", "max_position_embeddings", "16"});
}

BOOST_FIXTURE_TEST_CASE(ragged_layouts_must_cover_all_rows_and_take_no_mask, Base) {
  const auto good = arrays.input();
  auto bad = good;
  const std::int32_t fine[] = {0, 6, 12}, gap[] = {2, 6, 12}, empty[] = {0, 12, 12}, back[] = {0, 9, 5};
  bad.layout = Layout::ragged(2, fine);
  (*this)(good, bad, Code::invalid_argument, {"ragged", "attention_mask"});
  bad.attention_mask = View();
  bad.layout = Layout::ragged(2, gap);
  (*this)(good, bad, Code::shape_mismatch, {"rows", "[0, 12)", "[2, 12)"});
  bad.layout = Layout::ragged(2, empty);
  (*this)(good, bad, Code::invalid_argument, {"text 1", "empty"});
  bad.layout = Layout::ragged(2, back);
  (*this)(good, bad, Code::invalid_argument, {"text 1"});
  bad.layout = Layout{2, 3, 12, fine};  // filled by hand, and wrong
  (*this)(good, bad, Code::shape_mismatch, {"text 0", "6", "3"});
}

BOOST_FIXTURE_TEST_CASE(masks_must_be_finite_numbers, Base) {
  const auto good = arrays.input();
  for (const float wrong : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    std::vector<float> mask(12, 1.0F);
    mask[4] = wrong;
    auto bad = good;
    bad.attention_mask = View::of_const(mask.data(), DType::f32, 2, 6);
    (*this)(good, bad, Code::out_of_range, {"attention_mask", "position 4", "finite"});
    bad = good;
    bad.head_mask = View::of_const(mask.data() + 3, DType::f32, 3);
    (*this)(good, bad, Code::out_of_range, {"head_mask", "position 1", "finite"});
  }
}

BOOST_FIXTURE_TEST_CASE(head_masks_have_a_number_for_each_head_of_each_layer, Base) {
  const auto good = arrays.input();
  const std::vector<float> ones(64, 1.0F);
  auto bad = good;
  bad.head_mask = View::of_const(ones.data(), DType::f32, 4);
  (*this)(good, bad, Code::shape_mismatch, {"head_mask", "expected 3", "found 4"});
  bad.head_mask = View::of_const(ones.data(), DType::f32, 3, 3);
  (*this)(good, bad, Code::shape_mismatch, {"head_mask", "2 layers"});
  bad.head_mask = View::of_const(ones.data(), DType::f32, 2, 2);
  (*this)(good, bad, Code::shape_mismatch, {"head_mask", "expected 3", "found 2"});
  bad.head_mask = View::of_const(ones.data(), DType::f32, 2, 1, 3);
  (*this)(good, bad, Code::shape_mismatch, {"head_mask"});
}

BOOST_AUTO_TEST_CASE(labels_outside_of_their_classes_are_named) {
  {
    Refuses<BertForSequenceClassification<>> refuses;
    const auto good = refuses.arrays.labelled(2);
    const std::int64_t labels[] = {0, 3};
    auto bad = good;
    bad.labels = View::of_const(labels, DType::i64, 2);
    refuses(good, bad, Code::out_of_range, {"labels", "3", "position 1", "[0, 3)"});
    bad.labels = View::of_const(labels, DType::i64, 1);
    refuses(good, bad, Code::shape_mismatch, {"labels", "2", "1"});
  }
  {
    Refuses<BertForMaskedLM<>> refuses;
    const auto good = refuses.arrays.labelled(12);
    auto bad = good;
    std::vector<std::int64_t> labels(12, -1);
    labels[9] = -2;
    bad.labels = View::of_const(labels.data(), DType::i64, 12);
    refuses(good, bad, Code::out_of_range, {"masked_lm_labels", "-2", "position 9", "[-1, 29)"});
  }
  {
    Refuses<BertForTokenClassification<>> refuses;
    const auto good = refuses.arrays.labelled(12);
    auto bad = good;
    std::vector<std::int64_t> labels(12, 2);
    labels[0] = -1;
    bad.labels = View::of_const(labels.data(), DType::i64, 12);
    refuses(good, bad, Code::out_of_range, {"labels", "-1", "position 0", "[0, 3)"});
  }
}

BOOST_AUTO_TEST_CASE(labels_of_tokens_that_the_mask_hides_are_not_read_and_minus_100_does_not_count) {
  // As in the reference: only the logits of active tokens reach CrossEntropyLoss, which passes over -100.
  const Owned<BertForTokenClassification<>> owned;
  const Arrays arrays(2, 6);  // the last row is hidden
  Session<BertForTokenClassification<>, Ref> session(owned.model, Ref());
  auto in = arrays.labelled(12);
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  const auto loss = [&](const std::vector<std::int64_t>& labels) {
    in.labels = View::of_const(labels.data(), DType::i64, 12);
    const auto out = session.run(in);
    BOOST_TEST_REQUIRE(out.ok(), out.error().message());
    return *(*out)->loss.view().as<float>();
  };
  const float truth = loss(arrays.labels);
  for (const std::int64_t odd : {std::int64_t{3}, std::int64_t{-1}, std::int64_t{-100}, std::int64_t{1} << 40}) {
    auto labels = arrays.labels;
    labels[11] = odd;
    BOOST_TEST(loss(labels) == truth);
  }
  auto labels = arrays.labels;
  labels[0] = -100;
  const float without_first = loss(labels);
  BOOST_TEST(without_first != truth);
  // Of the 11 rows that are seen, 10 count.
  const auto out = session.run(in);
  BOOST_TEST_REQUIRE(out.ok());
  const View logits = (*out)->logits.view();
  double sum = 0;
  for (Index row = 1; row < 11; ++row) {
    const float* x = logits.row<float>(row);
    double total = 0;
    for (Index c = 0; c < 3; ++c) total += std::exp(static_cast<double>(x[c]));
    sum += std::log(total) - static_cast<double>(x[arrays.labels[static_cast<std::size_t>(row)]]);
  }
  BOOST_TEST(std::fabs(without_first - sum / 10) < 1e-6);
}

BOOST_AUTO_TEST_CASE(choices_that_do_not_divide_the_texts_are_refused) {
  Refuses<BertForMultipleChoice<>> refuses;
  auto good = refuses.arrays.input<BertMultipleChoiceInput>();
  good.choices = 2;
  for (const Index choices : {Index{3}, Index{0}, Index{-2}}) {
    auto bad = good;
    bad.choices = choices;
    refuses(good, bad, Code::shape_mismatch, {"2 texts", std::to_string(choices).c_str()});
  }
}

BOOST_AUTO_TEST_CASE(span_positions_need_padded_texts) {
  Refuses<BertForQuestionAnswering<>> refuses;
  const std::int64_t positions[] = {1, 2};
  auto good = refuses.arrays.input<BertQuestionAnsweringInput>();
  good.start_positions = good.end_positions = View::of_const(positions, DType::i64, 2);
  auto bad = good;
  const std::int32_t offsets[] = {0, 6, 12};
  bad.layout = Layout::ragged(2, offsets);
  bad.attention_mask = View();
  refuses(good, bad, Code::unsupported, {"span", "ragged"});
  bad = good;
  bad.end_positions = View::of_const(positions, DType::i64, 1);
  refuses(good, bad, Code::shape_mismatch, {"end_positions", "2", "1"});
}
