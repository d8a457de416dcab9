// The program parity: what it says of a good case and of a wrong one, and that case files that are not what they claim
// to be are one line on standard error, never a crash.
#define BOOST_TEST_MODULE parity
#include <boost/test/unit_test.hpp>

#include <functional>

#include "programs/program_fixture.hpp"
#include "tessera/io/json.hpp"
#include "tessera/io/open.hpp"
#include "tessera/io/safetensors.hpp"

using namespace tessera;
using namespace programs_test;

namespace {

template <class T>
io::Bytes bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const std::byte*>(values.data()), values.size() * sizeof(T)};
}

/// A copy of a golden case that may be spoiled.
struct Case : Workplace {
  io::Json json;
  io::State tensors;
  explicit Case(const std::string& name = "bert-model-mask") {
    fs::copy(fs::path(TESSERA_GOLDEN_DIR) / "models" / name, folder / "case", fs::copy_options::recursive);
    json = std::move(io::read_json((folder / "case/case.json").string())).value();
    tensors = std::move(io::read_safetensors((folder / "case/tensors.safetensors").string())).value();
  }
  /// Puts another tensor in the place of the input `argument`: `count` values of `value` in these sizes.
  void input(const std::string& argument, std::vector<std::int64_t> shape, std::int64_t value = 1) {
    std::size_t count = 1;
    for (const std::int64_t n : shape) count *= static_cast<std::size_t>(n);
    const std::vector<std::int64_t> values(count, value);
    io::State all;
    for (const io::StateTensor& t : tensors)
      if (t.name != "in." + argument) BOOST_TEST_REQUIRE(all.add(t).ok());
    BOOST_TEST_REQUIRE(all.add_copy("in." + argument, DType::i64, std::move(shape), bytes_of(values)).ok());
    BOOST_TEST_REQUIRE(io::write_safetensors(all, (folder / "case/tensors.safetensors").string()).ok());
    tensors = std::move(io::read_safetensors((folder / "case/tensors.safetensors").string())).value();
    json["inputs"][argument] = "in." + argument;
  }
  Answer parity(const std::string& options = "") {
    write_file(folder / "case/case.json", json.dump());
    return run("parity", options + " case");
  }
  /// One line on standard error that has all the parts, and status 1.
  void refused(const std::string& options, std::initializer_list<const char*> parts) {
    const Answer answer = parity(options);
    BOOST_TEST(answer.status == 1, answer.status << ": " << answer.err);
    BOOST_TEST(lines_of(answer.err).size() == 1U, answer.err);
    BOOST_TEST(answer.err.rfind("parity: ", 0) == 0U, answer.err);
    BOOST_TEST(!contains(answer.err, "unexpected"), answer.err);
    for (const char* part : parts) BOOST_TEST(contains(answer.err, part), "'" << part << "' in: " << answer.err);
  }
};

/// The case with its json spoiled.
void refused(const std::function<void(io::Json&)>& spoil, std::initializer_list<const char*> parts) {
  Case c;
  spoil(c.json);
  c.refused("", parts);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_golden_case_is_inside_the_rule_and_a_wrong_weight_is_not) {
  Case c("bert-mlm-loss");
  for (const char* options : {"", "--gradients"}) {
    const Answer answer = c.parity(options);
    BOOST_TEST(answer.status == 0, answer.err << answer.out);
    BOOST_TEST(contains(answer.out, "1 of 1 cases"), answer.out);
  }
  c.json["outputs"][0]["scale"] = 0.0;
  c.json["outputs"][0]["ref_err"] = 0.0;
  const Answer answer = c.parity();
  BOOST_TEST(answer.status == 1);
  BOOST_TEST(contains(answer.out, "too far"), answer.out);
  BOOST_TEST(contains(answer.out, "the first difference, in the order of the model: loss"), answer.out);
}

BOOST_AUTO_TEST_CASE(the_first_difference_is_the_first_that_the_model_computes) {
  Case c("bert-mlm-loss");
  for (io::Json& output : c.json["outputs"]) {
    const auto name = output["name"].get<std::string>();
    if (name == "loss" || name == "prediction_scores" || name == "hidden_states.2" || name == "attentions.1")
      output["scale"] = output["ref_err"] = 0.0;
  }
  const Answer answer = c.parity("--gradients");
  BOOST_TEST(answer.status == 1);
  BOOST_TEST(contains(answer.out, "the first difference, in the order of the model: attentions.1"), answer.out);
}

BOOST_AUTO_TEST_CASE(a_case_that_cannot_be_run_does_not_hide_the_others) {
  const Workplace place;
  const std::string good = TESSERA_GOLDEN_DIR "/models/bert-model-basic";
  const Answer answer = place.run("parity", "nowhere '" + good + "'");
  BOOST_TEST(answer.status == 1);
  BOOST_TEST(contains(answer.err, "nowhere"));
  BOOST_TEST(contains(answer.out, "1 cases could not be run"));
  BOOST_TEST(contains(answer.out, "1 of 1 cases"));
}

BOOST_AUTO_TEST_CASE(a_report_is_one_page_that_needs_nothing_else) {
  Case c("bert-mlm-loss");
  const Answer answer = c.parity("--gradients --report page.html");
  BOOST_TEST(answer.status == 0, answer.err << answer.out);
  const std::string page = read_file(c.folder / "page.html");
  for (const char* part : {"<!doctype html>", "<svg", "BertForMaskedLM", "hidden_states.2", "grad.bert.embeddings",
                           "predicted tokens that are the same", "</html>"})
    BOOST_TEST(contains(page, part), part);
  for (const char* part : {"<script", "src=", "href=", "nan"}) BOOST_TEST(!contains(page, part), part);
  const Answer both = c.parity("--report page.html --out results.safetensors");
  BOOST_TEST(both.status == 2, both.err);
}

BOOST_AUTO_TEST_CASE(weights_of_other_types_are_converted_with_gradients_too) {
  Case c("bert-mlm-loss");
  // float64 holds each weight exactly: all figures stay.
  auto state = io::load_state((c.folder / "case").string());
  BOOST_TEST_REQUIRE(state.ok(), state.error().message());
  io::State wide;
  for (const io::StateTensor& t : *state) {
    const auto values = t.as<float>();
    BOOST_TEST_REQUIRE(values.ok());
    const std::vector<double> doubles(values->begin(), values->end());
    BOOST_TEST_REQUIRE(wide.add_copy(t.name, DType::f64, t.shape, bytes_of(doubles)).ok());
  }
  fs::remove(c.folder / "case/pytorch_model.bin");
  BOOST_TEST_REQUIRE(io::write_safetensors(wide, (c.folder / "case/model.safetensors").string()).ok());
  const Answer answer = c.parity("--gradients");
  BOOST_TEST(answer.status == 0, answer.err << answer.out);
}

BOOST_AUTO_TEST_CASE(inputs_of_a_wrong_rank_or_size_are_named) {
  for (const char* options : {"", "--ragged"}) {
    for (const std::size_t rank : {std::size_t{0}, std::size_t{6}, std::size_t{14}, std::size_t{32}}) {
      Case c;
      c.input("input_ids", std::vector<std::int64_t>(rank, 1));
      c.refused(options, {"case.json", "input_ids", "dimensions"});
    }
    {
      Case c;
      c.input("attention_mask", {1, 1, 1, 1, 1, 1, 1, 10});
      c.refused(options, {"attention_mask", "dimensions", "8"});
    }
    {
      Case c;
      c.input("input_ids", {1, 400000});
      c.input("attention_mask", {1});
      c.refused(options, {"attention_mask", "[1]"});
    }
    {
      Case c;
      c.input("attention_mask", {2, 1, 5});
      c.refused(options, {"attention_mask", "[2, 1, 5]", "input_ids"});
    }
    {
      Case c;
      c.input("token_type_ids", {3}, 0);
      c.refused(options, {"token_type_ids", "3"});
    }
    {
      Case c;
      c.input("input_ids", {2, 0});
      c.input("attention_mask", {2, 0});
      c.refused(options, {"empty"});
    }
  }
}

BOOST_AUTO_TEST_CASE(arguments_that_a_class_does_not_take_are_named) {
  refused([](io::Json& j) { j["inputs"]["frobnicate"] = "in.input_ids"; }, {"frobnicate", "takes no such argument"});
  refused([](io::Json& j) { j["inputs"]["labels"] = "in.input_ids"; }, {"labels", "takes no such argument"});
}

BOOST_AUTO_TEST_CASE(case_files_that_are_not_what_they_claim_name_the_key) {
  refused([](io::Json& j) { j = io::Json::array(); }, {"case.json", "object"});
  refused([](io::Json& j) { j["class"] = 3; }, {"case.json", "class"});
  refused([](io::Json& j) { j["class"] = "Nothing"; }, {"Nothing"});
  refused([](io::Json& j) { j["inputs"] = "ids"; }, {"case.json", "inputs"});
  refused([](io::Json& j) { j["inputs"]["input_ids"] = 7; }, {"case.json", "input_ids"});
  refused([](io::Json& j) { j["inputs"]["input_ids"] = "in.nothing"; }, {"case.json", "input_ids", "in.nothing"});
  refused([](io::Json& j) { j.erase("inputs"); }, {"case.json", "inputs"});
  refused([](io::Json& j) { j["steps"] = 1; }, {"case.json", "steps"});
  refused([](io::Json& j) { j["steps"] = io::Json::array({1}); }, {"case.json", "steps[0]", "inputs"});
  refused([](io::Json& j) { j["outputs"] = 2; }, {"case.json", "outputs"});
  refused([](io::Json& j) { j["outputs"][0] = 2; }, {"case.json", "outputs[0]"});
  refused([](io::Json& j) { j["outputs"][1].erase("shape"); }, {"case.json", "outputs[1]", "shape"});
  refused([](io::Json& j) { j["outputs"][0]["shape"] = {1, 1}; }, {"case.json", "outputs[0]", "[1, 1]"});
  refused([](io::Json& j) { j["outputs"][0]["ref_err"] = "small"; }, {"case.json", "ref_err"});
  refused([](io::Json& j) { j["kwargs"] = 5; }, {"case.json", "kwargs"});
  refused([](io::Json& j) { j["kwargs"]["prune_heads"] = {{"first", {0}}}; }, {"case.json", "prune_heads", "first"});
  refused([](io::Json& j) { j["kwargs"]["prune_heads"] = {{"0", "all"}}; }, {"case.json", "prune_heads"});
  refused([](io::Json& j) { j["kwargs"]["resize_token_embeddings"] = "many"; },
          {"case.json", "resize_token_embeddings"});
}
