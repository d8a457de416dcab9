// Vocabularies trained here: the merges that the package `tokenizers` learns from the same corpus, and what tokenizers
// make of them.
#define BOOST_TEST_MODULE text_train_vocabulary
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "tessera/text/bert.hpp"
#include "tessera/text/gpt2.hpp"
#include "tessera/text/openai_gpt.hpp"
#include "tessera/text/train_vocabulary.hpp"
#include "text/golden.hpp"

namespace {

using golden::Json;
using namespace tessera::text;

SymbolCounter words_of(const std::string& name, bool basic) {
  SymbolCounter counter;
  const BasicTokenizer tokenizer;
  const auto counted = for_each_line(golden::text(name), [&](std::string_view line) -> tessera::Result<void> {
    return basic ? count_basic_words(line, tokenizer, counter) : count_gpt2_words(line, counter);
  });
  BOOST_REQUIRE(counted.ok());
  return counter;
}

SymbolCounter counted(const std::vector<std::pair<std::string, int>>& words) {
  SymbolCounter counter;
  for (const auto& [word, n] : words) {
    for (int i = 0; i < n; ++i) BOOST_REQUIRE(counter.add(word).ok());
  }
  return counter;
}

TrainedVocabulary train(const SymbolCounter& counter, const TrainOptions& options) {
  auto trained = train_vocabulary(counter, options);
  BOOST_REQUIRE_MESSAGE(trained.ok(), trained.error().message());
  return std::move(trained).value();
}

}  // namespace

BOOST_AUTO_TEST_CASE(byte_level_merges_are_those_of_another_library) {
  const Json expected = golden::json("trained_byte_bpe.json");
  TrainOptions options;
  options.vocab_size = expected.at("vocab_size").get<std::size_t>();
  options.min_frequency = expected.at("min_frequency").get<std::uint64_t>();
  options.special_tokens = expected.at("special_tokens").get<std::vector<std::string>>();
  const TrainedVocabulary trained = train(words_of(expected.at("corpus").get<std::string>(), false), options);
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < trained.vocabulary.size(); ++i) {
    tokens.emplace_back(trained.vocabulary.token(static_cast<Id>(i)));
  }
  BOOST_TEST(tokens == expected.at("tokens").get<std::vector<std::string>>());
  BOOST_TEST((Json(trained.merges) == expected.at("merges")));

  // And they work: any text comes back, and in fewer tokens than bytes.
  auto tokenizer = Gpt2Tokenizer::from_memory(trained.vocabulary, trained.merges_txt());
  BOOST_REQUIRE(tokenizer.ok());
  const std::string text = "the president of the company \xF0\x9F\x98\x80 caf\xC3\xA9";
  const auto row = tokenizer->encode(text);
  BOOST_REQUIRE(row.ok());
  BOOST_TEST(row->ids.size() < text.size());
  BOOST_TEST(tokenizer->decode(row->ids)->text == " " + text);
}

BOOST_AUTO_TEST_CASE(the_most_frequent_pair_is_joined_first_and_the_smaller_one_among_equals) {
  TrainOptions options;
  options.pieces = TrainedPieces::word_end;
  options.special_tokens = {"<unk>"};
  options.vocab_size = 11;
  const TrainedVocabulary trained = train(counted({{"abab", 3}, {"ab", 2}, {"cd", 5}, {"x", 9}}), options);
  // a b + b</w>: 3 ab, 3 ba, 3 ab</w> + 2; cd</w> 5: equal to ab</w>, whose numbers are smaller.
  BOOST_TEST((Json(trained.merges) == Json::parse(R"([["a", "b</w>"], ["c", "d</w>"]])")));
  BOOST_TEST(trained.merges_txt() == "#version: 0.2\na b</w>\nc d</w>\n");
  BOOST_TEST(trained.vocabulary.find("<unk>") == 0);
  BOOST_TEST(trained.vocabulary.size() == 11U);
}

BOOST_AUTO_TEST_CASE(pieces_of_words_are_continued) {
  TrainOptions options;
  options.pieces = TrainedPieces::continued;
  options.special_tokens = {"[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"};
  options.vocab_size = 1200;
  const TrainedVocabulary trained = train(words_of("transfo_xl/corpus.txt", true), options);
  BOOST_TEST(trained.vocabulary.size() == 1200U);
  auto tokenizer = BertTokenizer::from_memory(trained.vocab_txt());
  BOOST_REQUIRE(tokenizer.ok());
  const auto row = tokenizer->encode("The presidents of companies", {.add_special_tokens = true, .max_length = 0});
  BOOST_REQUIRE(row.ok());
  BOOST_TEST(row->ids.front() == 1);
  BOOST_TEST(tokenizer->decode(row->ids, {true, true})->text == "the presidents of companies");
  BOOST_TEST(row->ids.size() < 16U);
}

BOOST_AUTO_TEST_CASE(overlapping_pairs_of_one_letter_are_joined_from_the_left) {
  TrainOptions options;
  options.pieces = TrainedPieces::word_end;
  options.min_frequency = 1;
  const TrainedVocabulary trained = train(counted({{"aaaaa", 4}}), options);
  BOOST_TEST((Json(trained.merges) == Json::parse(R"([["a", "a"], ["aa", "a</w>"], ["aa", "aaa</w>"]])")));
  auto tokenizer = OpenAIGPTTokenizer::from_memory(trained.vocabulary, trained.merges_txt());
  BOOST_REQUIRE(tokenizer.ok());
  BOOST_TEST(golden::value(tokenizer->tokenize("aaaaa")) == Json({"aaaaa</w>"}));
}

BOOST_AUTO_TEST_CASE(without_words_there_is_the_alphabet_alone) {
  BOOST_TEST(train(SymbolCounter(), {}).vocabulary.size() == 256U);
  TrainOptions options;
  options.pieces = TrainedPieces::continued;
  BOOST_TEST(train(SymbolCounter(), options).vocabulary.empty());
  BOOST_TEST(train(counted({{"b", 1}, {"a", 1}}), options).vocab_txt() == "a\nb\n");
}
