// BertTokenizer against everything recorded from the reference: ids, tokens, decoded forms, warnings.
#define BOOST_TEST_MODULE text_bert
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "tessera/text/bert.hpp"
#include "tessera/text/bert_v062.hpp"
#include "text/golden.hpp"

namespace {

using golden::Json;
using namespace tessera::text;

const std::vector<std::string> folders = {"bert", "bert_cased", "bert_base_uncased"};

BertOptions options_of(const Json& arguments) {
  BertOptions o;
  for (const auto& [key, value] : arguments.items()) {
    if (key == "do_lower_case")
      o.do_lower_case = value.get<bool>();
    else if (key == "do_basic_tokenize")
      o.do_basic_tokenize = value.get<bool>();
    else if (key == "tokenize_chinese_chars")
      o.tokenize_chinese_chars = value.get<bool>();
    else if (key == "never_split")
      o.never_split = value.get<std::vector<std::string>>();
    else if (key == "max_len")
      o.max_len = value.get<std::int64_t>();
    else if (key == "additional_special_tokens")
      o.special_tokens.set_additional(value.get<std::vector<std::string>>());
    else if (role_named(key))
      o.special_tokens.set(*role_named(key), value.get<std::string>());
    else
      BOOST_FAIL("unknown argument " + key);
  }
  return o;
}

BertTokenizer load(const std::string& folder, Json arguments = Json::object()) {
  Json all = golden::json(folder + "/info.json").at("kwargs");
  all.update(arguments);
  auto made = BertTokenizer::from_memory(golden::text(folder + "/vocab.txt"), options_of(all));
  BOOST_REQUIRE_MESSAGE(made.ok(), made.error().message());
  return std::move(made).value();
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_recorded_text_gives_the_tokens_ids_and_decoded_forms_of_the_reference) {
  for (const std::string& folder : folders) {
    const BertTokenizer tokenizer = load(folder);
    const std::vector<Json> cases = golden::lines(folder + "/cases.jsonl");
    BOOST_TEST(cases.size() == 488U);
    for (const Json& line : cases) {
      const std::string difference = golden::differences(tokenizer, line);
      BOOST_CHECK_MESSAGE(difference.empty(), folder + ", " + difference);
    }
  }
}

BOOST_AUTO_TEST_CASE(sizes_and_special_tokens_are_those_of_the_reference) {
  for (const std::string& folder : folders) {
    const BertTokenizer tokenizer = load(folder);
    const Json info = golden::json(folder + "/info.json");
    BOOST_TEST(tokenizer.vocab_size() == info.at("vocab_size").get<std::size_t>());
    BOOST_TEST(tokenizer.size() == info.at("len").get<std::size_t>());
    BOOST_TEST(tokenizer.max_len() == info.at("max_len").get<std::int64_t>());
    BOOST_TEST(tokenizer.max_len_single_sentence() == info.at("max_len_single_sentence").get<std::int64_t>());
    BOOST_TEST(tokenizer.max_len_sentences_pair() == info.at("max_len_sentences_pair").get<std::int64_t>());
    for (const Role role : {Role::sep, Role::pad, Role::cls, Role::mask, Role::unk}) {
      const auto id = tokenizer.special_id(role);
      BOOST_REQUIRE(id.ok());
      BOOST_TEST(*id == info.at(std::string(name(role)) + "_id").get<Id>());
    }
    Ids ids = tokenizer.all_special_ids();
    std::sort(ids.begin(), ids.end());
    BOOST_TEST(ids == info.at("all_special_ids_sorted").get<Ids>());
  }
}

BOOST_AUTO_TEST_CASE(pairs_are_joined_and_decoded_as_in_the_reference) {
  for (const std::string& folder : folders) {
    const BertTokenizer tokenizer = load(folder);
    const std::vector<Json> pairs = golden::lines(folder + "/pairs.jsonl");
    BOOST_TEST(pairs.size() == 40U);
    for (const Json& line : pairs) {
      const auto a = line.at("a").get<std::string>();
      const auto b = line.at("b").get<std::string>();
      const auto apart = tokenizer.encode(a, b);
      const auto joined = tokenizer.encode(a, b, {.add_special_tokens = true, .max_length = 0});
      BOOST_REQUIRE(apart.ok() && joined.ok());
      BOOST_TEST(Json(apart->ids) == line.at("ids_a"));
      BOOST_TEST(Json(apart->pair_ids) == line.at("ids_b"));
      BOOST_TEST(Json(joined->ids) == line.at("ids_pair"));
      BOOST_TEST(Json(joined->warnings) == line.at("warnings"));
      BOOST_TEST(golden::value(tokenizer.decode(joined->ids)) == line.at("decoded_pair"));
      BOOST_TEST(golden::value(tokenizer.decode(joined->ids, {true, true})) == line.at("decoded_pair_skip"));
      BOOST_TEST(golden::value(tokenizer.decode(joined->ids, {false, false})) == line.at("decoded_pair_noclean"));
    }
  }
}

BOOST_AUTO_TEST_CASE(texts_longer_than_max_len_are_kept_whole_and_warned_of) {
  for (const std::string& folder : folders) {
    const std::vector<Json> cases = golden::lines(folder + "/max_len.jsonl");
    BOOST_TEST(cases.size() == 16U);
    for (const Json& line : cases) {
      const BertTokenizer tokenizer = load(folder, {{"max_len", line.at("max_len")}});
      const auto row = tokenizer.encode(line.at("text").get<std::string>());
      BOOST_REQUIRE(row.ok());
      BOOST_TEST(Json(row->ids) == line.at("ids"));
      BOOST_TEST(Json(row->warnings) == line.at("warnings"));
      BOOST_TEST(Json(tokenizer.max_len_single_sentence()) == line.at("max_len_single_sentence"));
      BOOST_TEST(Json(tokenizer.max_len_sentences_pair()) == line.at("max_len_sentences_pair"));
    }
  }
}

BOOST_AUTO_TEST_CASE(constructor_arguments_act_as_in_the_reference) {
  const std::vector<Json> cases = golden::lines("bert/options.jsonl");
  BOOST_TEST(cases.size() == 270U);
  for (const Json& line : cases) {
    const BertTokenizer tokenizer = load("bert", line.at("init_kwargs"));
    const auto text = line.at("text").get<std::string>();
    BOOST_TEST_CONTEXT(line.at("init_kwargs").dump() << " " << text) {
      BOOST_TEST(golden::value(tokenizer.tokenize(text)) == line.at("tokens"));
      BOOST_TEST(golden::value(tokenizer.encode(text)) == line.at("ids"));
    }
  }
}

BOOST_AUTO_TEST_CASE(release_0_6_2_keeps_protected_words_whole_and_warns_in_its_own_words) {
  const std::vector<Json> cases = golden::lines("bert/v062.jsonl");
  BOOST_TEST(cases.size() == 175U);
  for (const Json& line : cases) {
    BertOptionsV062 options;
    for (const auto& [key, value] : line.at("init_kwargs").items()) {
      if (key == "do_lower_case")
        options.do_lower_case = value.get<bool>();
      else if (key == "do_basic_tokenize")
        options.do_basic_tokenize = value.get<bool>();
      else if (key == "never_split")
        options.never_split = value.get<std::vector<std::string>>();
      else if (key == "max_len")
        options.max_len = value.get<std::int64_t>();
      else
        BOOST_FAIL("unknown argument " + key);
    }
    const auto tokenizer = BertTokenizerV062::from_memory(golden::text("bert/vocab.txt"), options);
    BOOST_REQUIRE(tokenizer.ok());
    const Tokens tokens = tokenizer->tokenize(line.at("text").get<std::string>());
    BOOST_TEST(Json(tokens) == line.at("tokens"));
    std::vector<std::string> warnings;
    const auto ids = tokenizer->tokens_to_ids(tokens, &warnings);
    BOOST_REQUIRE(ids.ok());
    BOOST_TEST(Json(*ids) == line.at("ids"));
    BOOST_TEST(Json(warnings) == line.at("warnings"));
  }
}

BOOST_AUTO_TEST_CASE(release_0_6_2_has_no_id_for_an_unknown_token) {
  const auto tokenizer = BertTokenizerV062::from_memory("[UNK]\n a \n");
  BOOST_REQUIRE(tokenizer.ok());
  BOOST_TEST(Json(*tokenizer->tokens_to_ids(Tokens{"a", "[UNK]"})) == Json({1, 0}));
  BOOST_TEST(tokenizer->tokens_to_ids(Tokens{"b"}).error().message() ==
             std::string("BertTokenizerV062: token \"b\" is not in the vocabulary"));
  BOOST_TEST(!tokenizer->ids_to_tokens(Ids{2}).ok());
}

BOOST_AUTO_TEST_CASE(bytes_that_are_not_utf8_are_replaced_as_python_does) {
  const BertTokenizer tokenizer = load("bert");
  for (const Json& line : golden::lines("raw/invalid_utf8.jsonl")) {
    const auto hex = line.at("hex").get<std::string>();
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
      bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
    if (line.contains("replace_bert_tokens")) {
      BOOST_TEST(golden::value(tokenizer.tokenize(bytes)) == line.at("replace_bert_tokens"));
    }
    if (line.contains("ignore_bert_tokens")) {
      BOOST_TEST(golden::value(tokenizer.tokenize(utf8::repair(bytes, utf8::OnError::ignore))) ==
                 line.at("ignore_bert_tokens"));
    }
  }
}

BOOST_AUTO_TEST_CASE(lone_surrogates_and_code_points_after_unicode_14_are_dropped) {
  const BertTokenizer tokenizer = load("bert");
  for (const Json& line : golden::lines("raw/lone_surrogates.jsonl")) {
    std::u32string text;
    for (const Json& c : line.at("code_points")) text.push_back(static_cast<char32_t>(c.get<unsigned>()));
    const Json expected = line.at("bert_tokens").is_null() ? Json::array() : line.at("bert_tokens");
    BOOST_TEST(golden::value(tokenizer.tokenize(text)) == expected);
  }
  for (const Json& line : golden::lines("raw/recent_code_points.jsonl")) {
    BOOST_TEST(golden::value(tokenizer.tokenize(line.at("text").get<std::string>())) == line.at("bert_tokens"));
  }
}

BOOST_AUTO_TEST_CASE(encode_into_appends_what_encode_returns_and_a_scratch_can_be_kept) {
  const BertTokenizer tokenizer = load("bert");
  TextScratch scratch;
  Ids all;
  for (const Json& line : golden::lines("bert/cases.jsonl")) {
    if (!line.contains("ids")) continue;
    const std::size_t before = all.size();
    BOOST_REQUIRE(tokenizer.encode_into(line.at("text").get<std::string>(), all, scratch).ok());
    BOOST_TEST(Json(Ids(all.begin() + static_cast<std::ptrdiff_t>(before), all.end())) == line.at("ids"));
  }
}

BOOST_AUTO_TEST_CASE(the_unknown_token_of_wordpiece_is_that_of_the_constructor) {
  BertTokenizer tokenizer = load("bert");
  const std::vector<SpecialTokenChange> change{{Role::unk, {"[MASK]"}}};
  BOOST_TEST(*tokenizer.add_special_tokens(change) == 0U);
  BOOST_TEST(golden::value(tokenizer.tokenize("\xF0\x9F\x98\x80")) == Json({"[UNK]"}));
  BOOST_TEST(golden::value(tokenizer.encode("\xF0\x9F\x98\x80")) == Json({3}));
  BOOST_TEST(*tokenizer.token_to_id("no such token") == 6);
}

BOOST_AUTO_TEST_CASE(a_vocabulary_without_the_unknown_token_gives_an_error_that_names_both_tokens) {
  const auto tokenizer = BertTokenizer::from_memory("a\nb\n");
  BOOST_REQUIRE(tokenizer.ok());
  BOOST_TEST(golden::value(tokenizer->encode("a b")) == Json({0, 1}));
  const auto failed = tokenizer->encode("a c");
  BOOST_REQUIRE(!failed.ok());
  BOOST_TEST((failed.error().code() == tessera::Code::not_found));
  BOOST_TEST(failed.error().message() == std::string("BertTokenizer: the vocabulary has neither token \"[UNK]\" nor "
                                                     "the unknown token \"[UNK]\""));
}

BOOST_AUTO_TEST_CASE(segments_number_the_two_texts) {
  const BertTokenizer tokenizer = load("bert");
  const auto pair = tokenizer.encode("the", "the other", {.add_special_tokens = true, .max_length = 0});
  BOOST_REQUIRE(pair.ok());
  BOOST_TEST(Json(pair->ids) == Json({4, 643, 5, 643, 1090, 5}));
  BOOST_TEST(Json(pair->segments) == Json({0, 0, 0, 1, 1, 1}));
}
