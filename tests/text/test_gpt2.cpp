// GPT2Tokenizer and RobertaTokenizer against everything recorded from the reference, and what only code can ask.
#define BOOST_TEST_MODULE text_gpt2
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "tessera/text/gpt2.hpp"
#include "tessera/text/gpt2_v062.hpp"
#include "tessera/text/roberta.hpp"
#include "text/bpe_files.hpp"
#include "text/golden.hpp"

namespace {

using golden::Json;
using namespace tessera::text;

std::string unhex(const std::string& digits) {
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

}  // namespace

BOOST_AUTO_TEST_CASE(everything_recorded_of_gpt2_comes_out_the_same) {
  const auto load = [](std::int64_t max_len) {
    Gpt2Options options;
    options.max_len = max_len;
    return golden::load_bpe<Gpt2Tokenizer>("gpt2", options);
  };
  for (const std::string& difference : golden::differences_of_folder("gpt2", load)) BOOST_ERROR(difference);
}

BOOST_AUTO_TEST_CASE(everything_recorded_of_roberta_comes_out_the_same) {
  const auto load = [](std::int64_t max_len) {
    RobertaOptions options;
    options.max_len = max_len;
    return golden::load_bpe<RobertaTokenizer>("roberta", options);
  };
  for (const std::string& difference : golden::differences_of_folder("roberta", load)) BOOST_ERROR(difference);
}

BOOST_AUTO_TEST_CASE(any_ids_decode_as_in_the_reference) {
  const auto gpt2 = golden::load_bpe<Gpt2Tokenizer, Gpt2Options>("gpt2");
  const auto roberta = golden::load_bpe<RobertaTokenizer, RobertaOptions>("roberta");
  for (const auto& [folder, tokenizer] :
       {std::pair<std::string, const Tokenizer*>{"gpt2", &gpt2}, {"roberta", &roberta}}) {
    const std::vector<Json> lines = golden::lines(folder + "/decode_ids.jsonl");
    BOOST_TEST(lines.size() == 150U);
    for (const Json& line : lines) {
      const auto ids = line.at("ids").get<Ids>();
      BOOST_TEST(golden::value(tokenizer->ids_to_tokens(ids)) == line.at("tokens"));
      BOOST_TEST(golden::value(tokenizer->decode(ids)) == line.at("decoded"));
      BOOST_TEST(golden::value(tokenizer->decode(ids, {false, false})) == line.at("decoded_noclean"));
    }
  }
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_utf8_are_ignored_or_refused_when_asked_for) {
  const std::vector<Json> lines = golden::lines("gpt2/decode_errors.jsonl");
  BOOST_TEST(lines.size() == 80U);
  for (const Json& line : lines) {
    Gpt2Options options;
    options.errors = line.at("errors") == "strict" ? DecodeErrors::strict : DecodeErrors::ignore;
    const auto tokenizer = golden::load_bpe<Gpt2Tokenizer>("gpt2", options);
    const auto decoded = tokenizer.decode(line.at("ids").get<Ids>());
    if (line.at("decoded").is_object()) {
      BOOST_TEST(!decoded.ok());
      BOOST_TEST(std::string(decoded.error().message()).find("GPT2Tokenizer: the tokens spell no UTF-8") == 0U);
    } else {
      BOOST_TEST(golden::value(decoded) == line.at("decoded"));
    }
  }
}

BOOST_AUTO_TEST_CASE(invalid_utf8_is_replaced_before_it_is_tokenized) {
  const auto tokenizer = golden::load_bpe<Gpt2Tokenizer, Gpt2Options>("gpt2");
  for (const Json& line : golden::lines("raw/invalid_utf8.jsonl")) {
    const std::string bytes = unhex(line.at("hex").get<std::string>());
    if (line.contains("replace_gpt2_tokens") && line.at("replace_gpt2_tokens").is_array()) {
      BOOST_TEST(golden::value(tokenizer.tokenize(bytes)) == line.at("replace_gpt2_tokens"));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_lone_surrogate_is_an_error) {
  const auto tokenizer = golden::load_bpe<Gpt2Tokenizer, Gpt2Options>("gpt2");
  for (const Json& line : golden::lines("raw/lone_surrogates.jsonl")) {
    std::u32string text;
    for (const Json& c : line.at("code_points")) text.push_back(c.get<std::uint32_t>());
    const auto tokens = tokenizer.tokenize(text);
    BOOST_REQUIRE(!tokens.ok());
    BOOST_TEST(std::string(tokens.error().message()).find("lone surrogate, U+D") != std::string::npos);
    BOOST_TEST(!tokenizer.encode(text, text).ok());
  }
}

BOOST_AUTO_TEST_CASE(ids_and_tokens_that_stand_for_nothing_are_errors) {
  const auto tokenizer = golden::load_bpe<Gpt2Tokenizer, Gpt2Options>("gpt2");
  for (const Id id : {-1, 2001, 1 << 30}) {
    const auto decoded = tokenizer.decode(Ids{id});
    BOOST_REQUIRE(!decoded.ok());
    BOOST_TEST(std::string(decoded.error().message()).find("has no token") != std::string::npos);
  }
  const std::vector<std::string> tokens = {"a b"};
  BOOST_TEST(std::string(tokenizer.tokens_to_string(tokens).error().message()) ==
             "GPT2Tokenizer: token \"a b\" holds U+0020, which stands for no byte");
}

BOOST_AUTO_TEST_CASE(without_a_byte_and_without_an_unknown_token_a_text_is_an_error) {
  Gpt2Options options;
  options.special_tokens = SpecialTokens();
  const auto tokenizer = golden::make_bpe<Gpt2Tokenizer>({"a", "\u0120"}, "", options);
  BOOST_TEST(golden::value(tokenizer.encode("a")) == Json({1, 0}));
  const auto row = tokenizer.encode("ab");
  BOOST_REQUIRE(!row.ok());
  BOOST_TEST(std::string(row.error().message()).find("neither token \"b\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_symbol_that_only_the_merges_know_is_unknown_unless_it_was_added) {
  auto tokenizer =
      golden::make_bpe<Gpt2Tokenizer, Gpt2Options>({"a", "b", "\u0120", "<|endoftext|>"}, "\u0120 a\na b\n");
  BOOST_TEST(golden::value(tokenizer.tokenize("ab")) == Json({"\u0120a", "b"}));
  BOOST_TEST(golden::value(tokenizer.encode("ab")) == Json({3, 1}));
  TextScratch scratch;
  Ids ids;
  BOOST_TEST(tokenizer.encode_into("ab", ids, scratch).ok());
  BOOST_TEST(*tokenizer.add_tokens(std::vector<std::string>{"\u0120a"}) == 1U);
  BOOST_TEST(golden::value(tokenizer.encode("ab")) == Json({4, 1}));
  BOOST_TEST(tokenizer.encode_into("ab", ids, scratch).ok());
  BOOST_TEST(ids == Ids({3, 1, 4, 1}));
}

BOOST_AUTO_TEST_CASE(one_scratch_serves_several_tokenizers) {
  const auto gpt2 = golden::load_bpe<Gpt2Tokenizer, Gpt2Options>("gpt2");
  const auto roberta = golden::load_bpe<RobertaTokenizer, RobertaOptions>("roberta");
  TextScratch scratch;
  for (int i = 0; i < 3; ++i) {
    for (const Tokenizer* tokenizer : {static_cast<const Tokenizer*>(&gpt2), static_cast<const Tokenizer*>(&roberta)}) {
      Ids ids;
      BOOST_TEST(tokenizer->encode_into("the other vices", ids, scratch).ok());
      BOOST_TEST(Json(ids) == golden::value(tokenizer->encode("the other vices")));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_cache_changes_no_id_of_a_long_text_nor_do_its_evictions) {
  const auto tokenizer = golden::load_bpe<Gpt2Tokenizer, Gpt2Options>("gpt2");
  std::string text;
  for (const Json& line : golden::lines("gpt2/cases.jsonl")) text += line.at("text").get<std::string>() + " ";
  unsigned state = 1;
  for (int i = 0; i < 60000; ++i) {
    state = state * 1664525U + 1013904223U;
    text += " w" + std::to_string(state >> 12) + "x";
  }
  Ids ids;
  TextScratch scratch;
  BOOST_REQUIRE(tokenizer.encode_into(text, ids, scratch).ok());
  Ids again;
  BOOST_REQUIRE(tokenizer.encode_into(text, again, scratch).ok());
  BOOST_TEST((ids == again));
  const auto slowly = tokenizer.tokens_to_ids(*tokenizer.tokenize(text));
  BOOST_REQUIRE(slowly.ok());
  BOOST_TEST((*slowly == ids));
}

BOOST_AUTO_TEST_CASE(a_long_word_without_spaces_decodes_to_itself) {
  const auto tokenizer = golden::load_bpe<Gpt2Tokenizer, Gpt2Options>("gpt2");
  for (const std::string piece : {"a", "th", "ther", "\xF0\x9F\x98\x80", "xyzzy", "\xE4\xB8\x80\xE4\xB8\x81"}) {
    std::string text;
    while (text.size() < 300000) text += piece;
    const auto row = tokenizer.encode(text);
    BOOST_REQUIRE(row.ok());
    BOOST_TEST((tokenizer.decode(row->ids)->text == " " + text));
  }
}

BOOST_AUTO_TEST_CASE(release_0_6_2_is_repeated_with_its_errors) {
  const std::vector<Json> lines = golden::lines("gpt2/v062.jsonl");
  BOOST_TEST(lines.size() == 82U);
  for (const Json& line : lines) {
    GptOptionsV062 options;
    options.special_tokens = line.at("special_tokens").get<std::vector<std::string>>();
    static const auto tokenizer = golden::load_bpe<Gpt2TokenizerV062>("gpt2", options);
    BOOST_TEST(tokenizer.size() == 2003U);
    const auto tokens = tokenizer.tokenize(line.at("text").get<std::string>());
    if (line.at("tokens").is_object()) {
      BOOST_TEST(!tokens.ok());
      continue;
    }
    BOOST_TEST(golden::value(tokens) == line.at("tokens"));
    const auto ids = tokenizer.encode(line.at("text").get<std::string>());
    BOOST_TEST(golden::value(ids) == line.at("ids"));
    BOOST_TEST(golden::value(tokenizer.decode(*ids)) == line.at("decoded"));
  }
}
