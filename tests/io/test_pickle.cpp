#define BOOST_TEST_MODULE pickle
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#include "support.hpp"
#include "tessera/io/pickle.hpp"

using namespace tessera;
using namespace tessera::io;
using namespace std::string_literals;

namespace {

Result<Pickle> run(const std::string& program) { return read_pickle(bytes_of(program)); }

std::string refusal(const std::string& program) {
  const auto pickle = run(program);
  return pickle.ok() ? "read" : pickle.error().message();
}

bool refused_with(const std::string& program, std::string_view what) {
  const std::string why = refusal(program);
  BOOST_TEST_MESSAGE(why);
  return why.find(what) != std::string::npos;
}

std::int64_t integer(const std::string& program) {
  const std::string whole = "\x80\x02" + program + ".";
  const auto pickle = run(whole);
  BOOST_TEST_REQUIRE(pickle.ok());
  BOOST_TEST_REQUIRE((pickle->top().kind == PickleKind::integer));
  return pickle->top().integer;
}

}  // namespace

BOOST_AUTO_TEST_CASE(integers_of_every_opcode_keep_value_and_sign) {
  BOOST_TEST(integer("K\xff"s) == 255);
  BOOST_TEST(integer("M\xff\xff"s) == 65535);
  BOOST_TEST(integer("J\xff\xff\xff\xff"s) == -1);
  BOOST_TEST(integer("\x8a\x00"s) == 0);
  BOOST_TEST(integer("\x8a\x01\xff"s) == -1);
  BOOST_TEST(integer("\x8a\x02\xff\x00"s) == 255);
  BOOST_TEST(integer("\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80"s) == (std::numeric_limits<std::int64_t>::min)());
  BOOST_TEST(integer("\x8b\x02\x00\x00\x00\x00\x80"s) == -32768);
  BOOST_TEST(integer("I-12\n") == -12);
  BOOST_TEST(integer("L12L\n") == 12);
}

BOOST_AUTO_TEST_CASE(other_values_are_what_python_would_make) {
  const std::string program =
      "\x80\x02(G\x3f\xf8\x00\x00\x00\x00\x00\x00X\x02\x00\x00\x00hiN\x88\x89"
      "C\x01z"
      "t."s;
  const Pickle pickle = run(program).value();
  BOOST_TEST_REQUIRE((pickle.top().kind == PickleKind::tuple));
  const auto& items = pickle.top().items;
  BOOST_TEST_REQUIRE(items.size() == 6U);
  BOOST_TEST(pickle[items[0]].real == 1.5);
  BOOST_TEST(pickle[items[1]].text == "hi");
  BOOST_TEST((pickle[items[2]].kind == PickleKind::none));
  BOOST_TEST(pickle[items[3]].integer == 1);
  BOOST_TEST((pickle[items[4]].kind == PickleKind::boolean));
  BOOST_TEST((pickle[items[5]].kind == PickleKind::bytes));
  BOOST_TEST(pickle.length == program.size());
}

BOOST_AUTO_TEST_CASE(shared_values_are_one_value) {
  const Pickle pickle = run("\x80\x02]q\x00(h\x00h\x00"
                            "2e."s)
                            .value();
  const auto& items = pickle.top().items;
  BOOST_TEST_REQUIRE(items.size() == 3U);
  BOOST_TEST(items[0] == pickle.root);
  BOOST_TEST(items[1] == pickle.root);
}

BOOST_AUTO_TEST_CASE(the_ordered_dict_of_python_2_is_read) {
  const Pickle pickle = run("\x80\x02"
                            "ccollections\nOrderedDict\n](]"
                            "(U\x01"
                            "aK\x01"
                            "e]"
                            "(U\x01"
                            "bK\x02"
                            "ee\x85R."s)
                            .value();
  BOOST_TEST((pickle.top().kind == PickleKind::dict));
  BOOST_TEST(pickle.top().items.size() == 4U);
}

BOOST_AUTO_TEST_CASE(what_would_call_or_construct_is_refused_by_name) {
  BOOST_TEST(refused_with("cos\nsystem\nU\x02ls\x85R."s, "'os.system'"));
  BOOST_TEST(
      refused_with("\x80\x04\x8c\x08"
                   "builtins\x8c\x04"
                   "eval\x93."s,
                   "'builtins.eval'"));
  BOOST_TEST(
      refused_with("\x80\x02"
                   "ctorch.storage\n_load_from_bytes\n."s,
                   "_load_from_bytes"));
  BOOST_TEST(refused_with("\x80\x02(ios\nsystem\n."s, "INST"));
  BOOST_TEST(
      refused_with("\x80\x02"
                   "ccollections\nOrderedDict\n)\x81."s,
                   "NEWOBJ"));
  BOOST_TEST(
      refused_with("\x80\x04"
                   "ccollections\nOrderedDict\n)}\x92."s,
                   "NEWOBJ_EX"));
  BOOST_TEST(refused_with("\x80\x02(o."s, "OBJ"));
  BOOST_TEST(refused_with("\x80\x02\x82\x01."s, "EXT"));
  BOOST_TEST(refused_with("\x80\x05\x97."s, "NEXT_BUFFER"));
  BOOST_TEST(
      refused_with("\x80\x02"
                   "ctorch\nComplexFloatStorage\n."s,
                   "element type"));
  BOOST_TEST(
      refused_with("\x80\x02"
                   "ctorch\nfloat32\n)R."s,
                   "float32"));
  BOOST_TEST(
      refused_with("\x80\x02"
                   "U\x01xQ."s,
                   "persistent id"));
  BOOST_TEST(refused_with("\x80\x02]}b."s, "attributes"));
}

BOOST_AUTO_TEST_CASE(broken_programs_are_refused) {
  // clang-format off
  for (const std::string& program :
       {""s, "."s, "\x80"s, "\x80\x06."s, "K"s, "N"s, "NN."s, "(N."s, "(."s, "0."s, "1."s, "2."s, "a."s, "]a."s,
        "]NNs."s, "}(Nu."s, "}K\x01" "a."s, "(Nl"s, "\x85."s, "N\x86."s, "(\x85."s, "h\x00."s, "Nr\x01\x00\x00"s,
        "j\x01\x00\x00\x00."s, "\x94."s, "NR."s, ")R."s, "NNR."s, "NQ."s, "b."s, "Nb."s, "c"s, "cx\n"s, "\x93."s,
        "NN\x93."s, "\xff."s, "X\xff\xff\xff\xff" "abc"s, "\x8d\xff\xff\xff\xff\xff\xff\xff\x7f" "abc"s,
        "\x8e\xff\xff\xff\xff\xff\xff\xff\xff"s, "\x95\xff\xff\xff\xff\xff\xff\xff\xff."s, "\x8b\xff\xff\xff\xff."s,
        "G\x00."s, "I1x\n."s, "I\n."s, "I99999999999999999999\n."s})
    // clang-format on
    BOOST_TEST(!run(program).ok(), program);
}

BOOST_AUTO_TEST_CASE(a_memo_entry_of_any_number_costs_one_entry) {
  BOOST_TEST(run("\x80\x02Nr\xff\xff\xff\xff"
                 "0j\xff\xff\xff\xff."s)
                 .ok());
}

BOOST_AUTO_TEST_CASE(depth_costs_no_stack) {
  const std::string deep = "\x80\x02" + std::string(1'000'000, ']') + std::string(999'999, 'a') + ".";
  BOOST_TEST(run(deep).ok());
}

BOOST_AUTO_TEST_CASE(the_number_of_values_is_limited) {
  PickleLimits limits;
  limits.most_values = 1000;
  const std::string many = "(" + std::string(2000, 'N') + "t.";
  BOOST_TEST(!read_pickle(bytes_of(many), limits).ok());
  // One long list turned into dicts over and over: each turn is short, its copy is not.
  std::string copies =
      "ccollections\nOrderedDict\nq\x01"
      "0](";
  for (int i = 0; i < 100; ++i) copies += "NN\x86";
  copies +=
      "eq\x02"
      "0";
  for (int i = 0; i < 100; ++i)
    copies +=
        "h\x01h\x02\x85R"
        "0";
  BOOST_TEST(!read_pickle(bytes_of(copies + "N."), limits).ok());
}
