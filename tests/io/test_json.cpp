#define BOOST_TEST_MODULE json
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include "support.hpp"
#include "tessera/io/json.hpp"

using namespace tessera;
using namespace tessera::io;
using tessera::io::test::ScratchFolder;

namespace {
std::string formatted(std::string_view text) { return format_json(parse_json(text).value()).value(); }
}  // namespace

BOOST_AUTO_TEST_CASE(keys_keep_their_order_and_unknown_ones_stay) {
  const Json json = parse_json(R"({"z": 1, "a": {"y": [1, "x", null, true]}, "b": 2.5})").value();
  BOOST_TEST(json.dump() == R"({"z":1,"a":{"y":[1,"x",null,true]},"b":2.5})");
}

BOOST_AUTO_TEST_CASE(bad_text_is_refused_with_its_place) {
  for (const char* const text : {"", "{", "{\"a\" 1}", "[1,]", "{} x", "nul", "\"\xff\"", "\"\\ud800\"", "[1e999]",
                                 "01", "NaN", "{\"a\":1,}", "'a'", "\"tab\there\""})
    BOOST_TEST(!parse_json(text).ok(), text);
  const auto error = parse_json("{\"a\": }").error();
  BOOST_TEST((error.code() == Code::bad_format));
  BOOST_TEST(
      error.message() ==
      std::string("JSON: at byte 7, near '\"a\": }': syntax error while parsing value - unexpected '}'; expected "
                  "'[', '{', or a literal"));
  // Each thing once: the place, and what was read.
  for (const char* const text : {"[nul]", "{\"a\" 1}", "[1, 'a']", "\"\xff\""}) {
    const std::string sentence = parse_json(text).error().message();
    BOOST_TEST(sentence.find("line 1") == std::string::npos, sentence);
    BOOST_TEST(sentence.find("last read") == std::string::npos, sentence);
    BOOST_TEST(sentence.find("error", sentence.find("error") + 1) == std::string::npos, sentence);
  }
}

BOOST_AUTO_TEST_CASE(nesting_is_limited_and_does_not_use_the_stack) {
  JsonOptions options;
  options.max_depth = 3;
  BOOST_TEST(parse_json("[[[]]]", options).ok());
  BOOST_TEST(!parse_json("[[[[]]]]", options).ok());
  BOOST_TEST(!parse_json(std::string(1'000'000, '[')).ok());
  BOOST_TEST(!parse_json(std::string(1'000'000, '[') + std::string(1'000'000, ']')).ok());
}

BOOST_AUTO_TEST_CASE(of_equal_keys_the_last_wins_or_all_are_refused) {
  BOOST_TEST(parse_json(R"({"a": 1, "b": 2, "a": 3})").value().dump() == R"({"a":3,"b":2})");
  JsonOptions options;
  options.refuse_duplicates = true;
  BOOST_TEST(parse_json(R"({"a": {"a": 1}, "b": {"a": 2}})", options).ok());
  BOOST_TEST(!parse_json(R"({"a": 1, "\u0061": 2})", options).ok());
  // Many keys take the other way through a table.
  std::string many = "{";
  for (int i = 0; i < 100; ++i) many += "\"k" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  BOOST_TEST(parse_json(many + "\"l\":0}", options).ok());
  BOOST_TEST(!parse_json(many + "\"k3\":0}", options).ok());
  BOOST_TEST(!parse_json(many + "\"k99\":0}", options).ok());
  const Json json = parse_json(many + "\"k3\":-1}").value();
  BOOST_TEST(json.size() == 100U);
  BOOST_TEST(get_int(json, "k3").value() == -1);
}

BOOST_AUTO_TEST_CASE(a_hundred_thousand_keys_are_read_in_linear_time) {
  std::string many = "{\"first\":0";
  for (int i = 0; i < 100'000; ++i) many += ",\"k" + std::to_string(i) + "\":1";
  BOOST_TEST(parse_json(many + "}").value().size() == 100'001U);
}

BOOST_AUTO_TEST_CASE(getters_give_the_type_or_an_error_that_names_the_key) {
  const Json json =
      parse_json(R"({"i": -3, "u": 18446744073709551615, "d": 1e-12, "b": true, "s": "x", "n": null, "l": [1, 2]})")
          .value();
  BOOST_TEST(get_int(json, "i").value() == -3);
  BOOST_TEST(get_double(json, "i").value() == -3.0);
  BOOST_TEST(get_double(json, "d").value() == 1e-12);
  BOOST_TEST(get_bool(json, "b").value());
  BOOST_TEST(get_string(json, "s").value() == "x");
  BOOST_TEST(get_ints(json, "l").value().size() == 2U);
  BOOST_TEST((get_int(json, "u").error().code() == Code::out_of_range));
  BOOST_TEST(get_int(json, "d").error().message() == "JSON: 'd' is of type number, integer expected");
  BOOST_TEST(get_int(json, "x").error().message() == "JSON: the key 'x' is missing");
  BOOST_TEST(!get_bool(json, "i").ok());
  BOOST_TEST(!get_string(json, "n").ok());
  BOOST_TEST(!get_ints(json, "s").ok());
  BOOST_TEST(!get_int(Json(3), "i").ok());
}

BOOST_AUTO_TEST_CASE(defaults_stand_for_missing_and_null_but_not_for_wrong_types) {
  const Json json = parse_json(R"({"n": null, "s": "x", "i": 4})").value();
  BOOST_TEST(get_int_or(json, "i", 7).value() == 4);
  BOOST_TEST(get_int_or(json, "x", 7).value() == 7);
  BOOST_TEST(get_double_or(json, "n", 0.5).value() == 0.5);
  BOOST_TEST(get_string_or(json, "x", "y").value() == "y");
  BOOST_TEST(get_bool_or(json, "x", true).value());
  BOOST_TEST(!get_int_or(json, "s", 7).ok());
}

// Expected texts are from Python 3.11: json.dumps(value, indent=2, sort_keys=True).
BOOST_AUTO_TEST_CASE(written_text_is_that_of_python) {
  BOOST_TEST(formatted(R"({"b": [], "a": {}, "C": [1, [2]], "d": {"x": null, "w": false}})") ==
             "{\n  \"C\": [\n    1,\n    [\n      2\n    ]\n  ],\n  \"a\": {},\n  \"b\": [],\n  \"d\": {\n    \"w\": "
             "false,\n    "
             "\"x\": null\n  }\n}");
  BOOST_TEST(formatted("\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \\u0007 \\u007f \\/ \\\\ \\\" \\b\\f\\n\\r\\t\"") ==
             "\"\\u00e9 \\u20ac \\ud83d\\ude00 \\u0007 \\u007f / \\\\ \\\" \\b\\f\\n\\r\\t\"");
}

BOOST_AUTO_TEST_CASE(written_numbers_are_those_of_python) {
  for (const char* const text : {"0",
                                 "-1",
                                 "18446744073709551615",
                                 "0.0",
                                 "-0.0",
                                 "1.0",
                                 "0.1",
                                 "1e-12",
                                 "1e-05",
                                 "0.0001",
                                 "0.00012345",
                                 "123456.789",
                                 "1e+16",
                                 "1.5e+16",
                                 "1000000000000000.0",
                                 "9007199254740993.0",
                                 "1e+22",
                                 "5e-324",
                                 "1.7976931348623157e+308",
                                 "0.30000000000000004",
                                 "-2.5e-07",
                                 "100.0",
                                 "1e-100"})
    // 2^53 + 1 is no double: Python, too, reads and writes 2^53.
    BOOST_TEST(formatted(text) == (std::string_view(text) == "9007199254740993.0" ? "9007199254740992.0" : text));
  BOOST_TEST(format_json(Json(std::numeric_limits<double>::infinity())).value() == "Infinity");
  BOOST_TEST(format_json(Json(std::nan(""))).value() == "NaN");
}

BOOST_AUTO_TEST_CASE(a_written_config_ends_with_one_newline_and_reads_back) {
  const ScratchFolder folder;
  const Json config = parse_json(R"({"vocab_size": 99, "layer_norm_eps": 1e-12, "pruned_heads": {}})").value();
  BOOST_TEST_REQUIRE(write_json(folder / "config.json", config).ok());
  BOOST_TEST(read_text(folder / "config.json").value() ==
             "{\n  \"layer_norm_eps\": 1e-12,\n  \"pruned_heads\": {},\n  \"vocab_size\": 99\n}\n");
  BOOST_TEST(get_int(read_json(folder / "config.json").value(), "vocab_size").value() == 99);
  BOOST_TEST_REQUIRE(write_text(folder / "bad.json", "{").ok());
  BOOST_TEST(std::string_view(read_json(folder / "bad.json").error().message()).find("bad.json: JSON") !=
             std::string_view::npos);
}
