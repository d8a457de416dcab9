// extract_features on a tiny model: what pytorch-pretrained-bert 0.6.2 gives, and bad input.
#define BOOST_TEST_MODULE extract_features
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "program_fixture.hpp"

namespace {

using namespace programs_test;
using Json = nlohmann::ordered_json;

const fs::path golden = fs::path(TESSERA_GOLDEN_DIR) / "encode";

/// The same keys and tokens. Numbers: the recorded ones are float32, whose own error on this model is 1.6e-6, rounded
/// to 6 digits.
bool alike(const Json& a, const Json& b) {
  if (a.is_number_float() && b.is_number_float()) return std::abs(a.get<double>() - b.get<double>()) <= 3e-6;
  if (a.type() != b.type() || a.size() != b.size()) return false;
  if (a.is_array()) {
    for (std::size_t i = 0; i < a.size(); ++i)
      if (!alike(a[i], b[i])) return false;
    return true;
  }
  if (a.is_object()) {
    for (auto i = a.begin(), j = b.begin(); i != a.end(); ++i, ++j)
      if (i.key() != j.key() || !alike(i.value(), j.value())) return false;
    return true;
  }
  return a == b;
}

/// Options that are missing get a value that fits the model.
std::string options(const std::string& more = "", const std::string& input = (golden / "pairs.txt").string()) {
  const auto unless = [&](const char* name, const char* value) {
    return contains(more, name) ? std::string() : std::string(name) + value;
  };
  return "--input_file '" + input + "' --output_file result --bert_model features " +
         unless("--max_seq_length", " 14 ") + unless("--layers", " -1,-2 ") + more;
}

}  // namespace

BOOST_AUTO_TEST_CASE(features_are_those_of_the_older_package) {
  const Workplace place;
  place.make_model("features");
  const auto expected = lines_of(read_file(golden / "features.jsonl"));
  for (const char* more :
       {"", "--batch_size 1 --no_cuda --local_rank -1", "--batch_size 3 --backend reference --threads 1"}) {
    const Answer answer = place.run("extract_features", options(std::string("--layers -1,-2,0 ") + more));
    BOOST_TEST(answer.status == 0, answer.err);
    BOOST_TEST(answer.out + answer.err == "");
    const auto rows = lines_of(read_file(place.folder / "result"));
    BOOST_TEST_REQUIRE(rows.size() == expected.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      BOOST_TEST(alike(Json::parse(rows[i]), Json::parse(expected[i])), "line " << i + 1 << " of " << more);
      // Not one byte differs but for the last digits: spaces, exponents and escapes are Python's.
      BOOST_TEST(rows[i].substr(0, rows[i].find("values")) == expected[i].substr(0, expected[i].find("values")));
      BOOST_TEST(std::abs(static_cast<long>(rows[i].size()) - static_cast<long>(expected[i].size())) <= 20);
    }
  }
}

BOOST_AUTO_TEST_CASE(low_precision_is_near) {
  const Workplace place;
  place.make_model("features");
  if (!contains(place.run("extract_features", "--help").out, "cpu")) return;
  const auto expected = lines_of(read_file(golden / "features.jsonl"));
  const Answer answer = place.run("extract_features", options("--layers -1,-2,0 --backend cpu --precision bf16"));
  BOOST_TEST(answer.status == 0, answer.err);
  const auto rows = lines_of(read_file(place.folder / "result"));
  BOOST_TEST_REQUIRE(rows.size() == expected.size());
  double largest = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Json a = Json::parse(rows[i]), b = Json::parse(expected[i]);
    for (std::size_t t = 0; t < b["features"].size(); ++t)
      for (std::size_t l = 0; l < b["features"][t]["layers"].size(); ++l) {
        const auto x = a["features"][t]["layers"][l]["values"].get<std::vector<double>>();
        const auto y = b["features"][t]["layers"][l]["values"].get<std::vector<double>>();
        for (std::size_t k = 0; k < y.size(); ++k) largest = std::max(largest, std::abs(x[k] - y[k]));
      }
  }
  BOOST_TEST(largest > 1e-5);
  BOOST_TEST(largest < 0.1);
}

BOOST_AUTO_TEST_CASE(the_older_name_of_the_config_is_read) {
  const Workplace place;
  const fs::path folder = place.make_model("features");
  fs::rename(folder / "config.json", folder / "bert_config.json");
  BOOST_TEST(place.run("extract_features", options("--layers=-1")).status == 0);
}

BOOST_AUTO_TEST_CASE(lower_case_and_lines_as_python_reads_them) {
  const Workplace place;
  place.make_model("features");
  write_file(place.folder / "texts", "The\rCat\r\nÉ\n\n");
  BOOST_TEST(place.run("extract_features", options("--do_lower_case --layers 1", "texts")).status == 0);
  const auto rows = lines_of(read_file(place.folder / "result"));
  BOOST_TEST_REQUIRE(rows.size() == 4u);
  const char* tokens[] = {"the", "cat", "e", nullptr};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Json row = Json::parse(rows[i]);
    BOOST_TEST(row["linex_index"] == i);
    BOOST_TEST(row["features"].size() == (tokens[i] != nullptr ? 3u : 2u));
    if (tokens[i] != nullptr) BOOST_TEST(row["features"][1]["token"].get<std::string>() == tokens[i]);
    BOOST_TEST(row["features"][0]["layers"].size() == 1u);
    BOOST_TEST(row["features"][0]["layers"][0]["values"].size() == 24u);
  }
}

BOOST_AUTO_TEST_CASE(bad_input_is_one_line_and_nothing_is_written) {
  const Workplace place;
  place.make_model("features");
  write_file(place.folder / "bad", "fine\n\xff\n");
  const auto fails = [&](const std::string& given, const std::vector<std::string>& parts) {
    const Answer answer = place.run("extract_features", given);
    BOOST_TEST_CONTEXT(given) {
      BOOST_TEST(answer.status == 1);
      BOOST_TEST(answer.err.rfind("extract_features: ", 0) == 0u, answer.err);
      BOOST_TEST(answer.err.find('\n') == answer.err.size() - 1, answer.err);
      for (const std::string& part : parts)
        BOOST_TEST(contains(answer.err, part), "'" + part + "' not in: " + answer.err);
      BOOST_TEST(place.files_with("result") == 0u);
    }
  };
  fails(options("", "bad"), {"bad: line 2", "UTF-8"});
  fails(options("", "nothing"), {"nothing", "No such file"});
  fails(options("--layers 2"), {"--layers", "no layer 2", "-2 to 1"});
  fails(options("--max_seq_length 17"), {"17", "16 positions"});
  fails("--input_file bad --output_file result --offline --cache cache --bert_model bert-base-uncased",
        {"bert-base-uncased", "by hand", "config.json", "vocab.txt", "pytorch_model.bin"});
  write_file(place.folder / "features/vocab.txt", read_file(golden / "vocab.txt") + "one\n");
  fails(options("--layers 1"), {"vocab.txt", "62", "61"});
  write_file(place.folder / "features/vocab.txt", read_file(golden / "vocab.txt"));
  write_file(place.folder / "good", "a\n");
  place.damage("features");
  fails(options("--layers 1", "good"), {"line 1: a hidden state has a value that is no number"});
}

BOOST_AUTO_TEST_CASE(wrong_options_are_status_2) {
  const Workplace place;
  for (const char* given :
       {"", "--input_file a", "--layers 1,", "--layers one", "--local_rank 0", "--max_seq_length 2"})
    BOOST_TEST(place.run("extract_features", std::string("--input_file a --output_file b ") + given).status == 2,
               given);
  BOOST_TEST(place.run("extract_features", "--help").status == 0);
}
