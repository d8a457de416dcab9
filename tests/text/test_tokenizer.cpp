// What all tokenizers share, seen through BERT and through a toy: splitting, adding, layouts, decoding, batches.
#define BOOST_TEST_MODULE text_tokenizer
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "tessera/text/bert.hpp"
#include "text/golden.hpp"

namespace {

using golden::Json;
using namespace tessera::text;

BertTokenizer bert(BertOptions options = {}) {
  auto made = BertTokenizer::from_memory(golden::text("bert/vocab.txt"), std::move(options));
  BOOST_REQUIRE_MESSAGE(made.ok(), made.error().message());
  return std::move(made).value();
}

/// Splits at white space; a token is known if it has one letter. No special tokens in its layouts.
class Letters final : public Tokenizer {
 public:
  explicit Letters(SpecialTokens special = {}) : Tokenizer(std::move(special), no_max_len) { tokens_changed(); }
  const TokenizerTraits& traits() const noexcept override {
    static constexpr TokenizerTraits letters{"Letters", layout(first_text()), layout(first_text(), second_text()), 0,
                                             0};
    return letters;
  }
  std::size_t vocab_size() const noexcept override { return 26; }
  tessera::Result<std::vector<VocabularyFile>> vocabulary_files(std::vector<std::string>&) const override {
    return std::vector<VocabularyFile>();
  }
  tessera::Result<std::string> tokens_to_string(std::span<const std::string> tokens) const override {
    std::string joined;
    for (const std::string& token : tokens) joined += token;
    return joined;
  }

 private:
  tessera::Result<void> tokenize_chunk(std::string_view chunk, Tokens& out, TextScratch&) const override {
    for_each_word(chunk, [&out](std::string_view word) { out.emplace_back(word); });
    return {};
  }
  Id vocabulary_id(std::string_view token) const noexcept override {
    return token.size() == 1 ? static_cast<Id>(token[0] - 'a') : no_id;
  }
  bool in_vocabulary(std::string_view token) const noexcept override { return vocabulary_id(token) != no_id; }
  tessera::Result<std::string> vocabulary_token(Id id) const override {
    if (id < 0 || id >= 26) return tessera::Error::format(tessera::Code::out_of_range, "Letters: no letter %d", id);
    return std::string(1, static_cast<char>('a' + id));
  }
};

constexpr EncodeOptions with_special{true, 0};

}  // namespace

BOOST_AUTO_TEST_CASE(clean_up_is_the_fixed_chain_of_replacements) {
  const auto cases = golden::lines("raw/clean_up_tokenization.jsonl");
  BOOST_TEST(cases.size() == 30U);
  for (const Json& line : cases) {
    BOOST_TEST(clean_up_tokenization(line.at("text").get<std::string>()) == line.at("clean").get<std::string>());
  }
}

BOOST_AUTO_TEST_CASE(a_text_of_white_space_alone_is_the_first_added_token_or_else_a_special_one) {
  BertTokenizer tokenizer = bert();
  BOOST_TEST(golden::value(tokenizer.tokenize("")) == Json::array());
  BOOST_TEST(golden::value(tokenizer.tokenize(" ")) == Json({"[UNK]"}));
  BOOST_REQUIRE(tokenizer.add_tokens(Tokens{"new_tok"}).ok());
  BOOST_TEST(golden::value(tokenizer.tokenize(" ")) == Json({"new_tok"}));
  BOOST_TEST(golden::value(Letters().tokenize(" ")) == Json::array());
}

BOOST_AUTO_TEST_CASE(without_any_token_to_split_at_the_text_is_not_stripped_or_split) {
  BOOST_TEST(golden::value(Letters().tokenize(" a b ")) == Json({"a", "b"}));
}

BOOST_AUTO_TEST_CASE(tokens_are_cut_out_without_regard_to_words_and_with_regard_to_case) {
  BertTokenizer tokenizer = bert();
  BOOST_REQUIRE(tokenizer.add_tokens(Tokens{"zzq"}).ok());
  BOOST_TEST(golden::value(tokenizer.tokenize("thezzqthe[SEP]the [sep]")) ==
             Json({"the", "zzq", "the", "[SEP]", "the", "[", "se", "##p", "]"}));
}

BOOST_AUTO_TEST_CASE(of_tokens_that_hold_each_other_the_earlier_one_is_cut_out_first) {
  Letters tokenizer;
  BOOST_REQUIRE(tokenizer.add_tokens(Tokens{"xyz", "xy"}).ok());
  BOOST_TEST(golden::value(tokenizer.tokenize("axyzb xyb")) == Json({"a", "xyz", "b", "xy", "b"}));
  Letters other;
  BOOST_REQUIRE(other.add_tokens(Tokens{"xy", "xyz"}).ok());
  BOOST_TEST(golden::value(other.tokenize("axyzb")) == Json({"a", "xy", "zb"}));
  BOOST_TEST(golden::value(other.tokenize("xyz")) == Json({"xyz"}));  // a stretch that is a token is not cut
}

BOOST_AUTO_TEST_CASE(an_empty_token_is_an_error_when_a_text_is_split) {
  Letters tokenizer;
  BOOST_REQUIRE(tokenizer.add_tokens(Tokens{""}).ok());
  BOOST_TEST(tokenizer.tokenize("a").error().message() ==
             std::string("Letters: an added or special token is empty, so no text can be split"));
  BOOST_TEST(tokenizer.tokenize("").ok());
}

BOOST_AUTO_TEST_CASE(a_token_twice_in_one_call_is_counted_twice_and_leaves_a_gap) {
  BertTokenizer tokenizer = bert();
  BOOST_TEST(*tokenizer.add_tokens(Tokens{"dupl", "dupl", "other_t", "the", "[UNK]"}) == 3U);
  BOOST_TEST(tokenizer.size() == 2402U);
  const std::vector<std::pair<std::string, Id>> expected{{"dupl", 2401}, {"other_t", 2402}};
  BOOST_TEST((tokenizer.added_tokens() == expected));
  BOOST_TEST(*tokenizer.add_tokens(Tokens{"dupl"}) == 0U);
  BOOST_TEST(*tokenizer.add_tokens(Tokens{}) == 0U);
}

BOOST_AUTO_TEST_CASE(an_added_token_is_unknown_in_a_pair) {
  BertTokenizer tokenizer = bert();
  BOOST_REQUIRE(tokenizer.add_tokens(Tokens{"zzq"}).ok());
  BOOST_TEST(Json(tokenizer.encode("zzq")->ids) == Json({2400}));
  const auto pair = tokenizer.encode("zzq", "the");
  BOOST_TEST(Json(pair->ids) == Json({3}));
  BOOST_TEST(Json(pair->pair_ids) == Json({643}));
}

BOOST_AUTO_TEST_CASE(added_special_tokens_count_as_the_unknown_id_when_special_tokens_are_skipped) {
  BertTokenizer tokenizer = bert();
  const std::vector<SpecialTokenChange> changes{{Role::cls, {"[NEW]"}}, {Role::additional, {"<a>", "<b>"}}};
  BOOST_TEST(*tokenizer.add_special_tokens(changes) == 3U);
  BOOST_TEST(Json(*tokenizer.ids_to_tokens(Ids{2400, 3, 643, 5}, true)) == Json({"[NEW]", "the"}));
  BOOST_TEST(*tokenizer.special_id(Role::cls) == 2400);
  BOOST_TEST(!tokenizer.add_special_tokens(std::vector<SpecialTokenChange>{{Role::bos, {}}}).ok());
}

BOOST_AUTO_TEST_CASE(restored_tokens_keep_their_ids_and_hide_those_of_the_vocabulary) {
  BertTokenizer tokenizer = bert();
  const std::vector<std::pair<std::string, Id>> saved{{"the", 7000}, {"<x>", 643}};
  BOOST_REQUIRE(tokenizer.restore_added_tokens(saved).ok());
  BOOST_TEST(golden::value(tokenizer.encode("the new")) == Json({7000, 1032}));
  BOOST_TEST(Json(tokenizer.encode("the", "other")->ids) == Json({643}));
  BOOST_TEST(*tokenizer.id_to_token(643) == "<x>");
  const std::vector<std::pair<std::string, Id>> bad{{"y", -3}};
  BOOST_TEST(!tokenizer.restore_added_tokens(bad).ok());
}

BOOST_AUTO_TEST_CASE(decoding_gives_a_list_where_the_separator_occurs) {
  const BertTokenizer tokenizer = bert();
  const auto decoded = tokenizer.decode(Ids{4, 643, 5, 5, 1090});
  BOOST_REQUIRE(decoded.ok());
  BOOST_TEST(decoded->is_list);
  BOOST_TEST(Json(decoded->parts) == Json({" the ", " ", " other"}));
  BOOST_TEST(Json(tokenizer.decode(Ids{5})->parts) == Json::array());
  BOOST_TEST(!tokenizer.decode(Ids{643})->is_list);
  BOOST_TEST(*tokenizer.id_to_token(-5) == "[UNK]");
  BOOST_TEST(tokenizer.decode(Ids{})->text == "");
}

BOOST_AUTO_TEST_CASE(errors_of_the_architecture_come_through) {
  BOOST_TEST(Letters().decode(Ids{0, 99}).error().message() == std::string("Letters: no letter 99"));
  BOOST_TEST(!Letters().encode("ab").ok());
  BOOST_TEST(!Letters().special_id(Role::pad).ok());
  const std::vector<Encoding> rows(1);
  BOOST_TEST(Letters().pad(rows).error().message() ==
             std::string("Letters: pad_token is asked for, but it is not set"));
}

BOOST_AUTO_TEST_CASE(layouts_without_special_tokens_join_the_texts_and_say_so) {
  const auto one = Letters().encode("a b", with_special);
  BOOST_TEST(Json(one->ids) == Json({0, 1}));
  BOOST_TEST(one->warnings.size() == 1U);
  BOOST_TEST(one->warnings.front() ==
             "This tokenizer does not make use of special tokens. The sequence has been "
             "returned with no modification.");
  const auto two = Letters().encode("a b", "c", with_special);
  BOOST_TEST(Json(two->ids) == Json({0, 1, 2}));
  BOOST_TEST(two->warnings.front() ==
             "This tokenizer does not make use of special tokens. The two sequences have been concatenated.");
}

BOOST_AUTO_TEST_CASE(a_length_limit_cuts_the_end_of_the_longer_text_and_counts_special_tokens) {
  const BertTokenizer tokenizer = bert();
  const auto one = tokenizer.encode("the the the other", {true, 4});
  BOOST_TEST(Json(one->ids) == Json({4, 643, 643, 5}));
  BOOST_TEST(Json(tokenizer.encode("the other", {false, 1})->ids) == Json({643}));
  const auto two = tokenizer.encode("the the other", "other other", {true, 6});
  BOOST_TEST(Json(two->ids) == Json({4, 643, 643, 5, 1090, 5}));
  BOOST_TEST(Json(two->segments) == Json({0, 0, 0, 0, 1, 1}));
  BOOST_TEST(tokenizer.encode("the", "the", {true, 2}).error().message() ==
             std::string("BertTokenizer: max_length is 2, expected at least the 3 special tokens of the layout"));
}

BOOST_AUTO_TEST_CASE(rows_are_padded_to_the_longest_at_the_chosen_side) {
  const BertTokenizer tokenizer = bert();
  std::vector<Encoding> rows;
  for (const char* text : {"the", "the other"}) {
    auto row = tokenizer.encode(text, with_special);
    BOOST_REQUIRE(row.ok());
    rows.push_back(std::move(row).value());
  }
  const auto right = tokenizer.pad(rows);
  BOOST_REQUIRE(right.ok());
  BOOST_TEST(Json(right->ids) == Json({4, 643, 5, 0, 4, 643, 1090, 5}));
  BOOST_TEST(Json(right->mask) == Json({1, 1, 1, 0, 1, 1, 1, 1}));
  BOOST_TEST(Json(right->lengths) == Json({3, 4}));
  const auto left = tokenizer.pad(rows, {PadOptions::Side::left, 0, 3, 4});
  BOOST_TEST(left->columns == 6U);
  BOOST_TEST(Json(left->ids) == Json({0, 0, 0, 4, 643, 5, 0, 0, 4, 643, 1090, 5}));
  BOOST_TEST(Json(left->segments) == Json({4, 4, 4, 0, 0, 0, 4, 4, 0, 0, 0, 0}));
  BOOST_TEST(tokenizer.pad({})->ids.empty());
  for (const std::size_t columns : {static_cast<std::size_t>(-1), std::size_t{1} << 63}) {
    BOOST_TEST(!tokenizer.pad(rows, {PadOptions::Side::left, columns, 8, 4}).ok());
  }
  BOOST_TEST(!tokenizer.pad(rows, {PadOptions::Side::right, 0, 0, 0}).ok());
}

BOOST_AUTO_TEST_CASE(special_tokens_are_listed_once_and_in_the_order_of_the_roles) {
  SpecialTokens special;
  special.set(Role::cls, "</s>").set(Role::sep, "</s>").set(Role::bos, "<s>").set_additional({"<s>", "<x>"});
  BOOST_TEST(Json(special.all()) == Json({"<s>", "</s>", "<x>"}));
  BOOST_TEST(!special.has(Role::mask));
  BOOST_TEST(special.has(Role::additional));
  BOOST_TEST((role_named("additional_special_tokens") == Role::additional));
  BOOST_TEST(!role_named("other").has_value());
  for (std::size_t i = 0; i <= single_roles; ++i) {
    BOOST_TEST((role_named(name(static_cast<Role>(i))) == static_cast<Role>(i)));
  }
}
