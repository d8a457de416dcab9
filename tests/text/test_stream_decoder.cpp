// Decoding id by id gives what decoding at once gives, and never a part of a character.
#define BOOST_TEST_MODULE text_stream_decoder
#include <boost/test/unit_test.hpp>

#include <random>
#include <string>
#include <vector>

#include "tessera/text/bert.hpp"
#include "tessera/text/gpt2.hpp"
#include "tessera/text/openai_gpt.hpp"
#include "tessera/text/stream_decoder.hpp"
#include "text/bpe_files.hpp"
#include "text/golden.hpp"

namespace {

using golden::Json;
using namespace tessera::text;

/// What the stream gives in all; each part must be well formed.
std::string stream(StreamDecoder& decoder, const Ids& ids) {
  std::string all;
  for (const Id id : ids) {
    const auto part = decoder.push(id);
    BOOST_REQUIRE_MESSAGE(part.ok(), part.error().message());
    BOOST_TEST(utf8::is_valid(*part));
    all += *part;
  }
  return all + decoder.finish();
}

void check(const Tokenizer& tokenizer, const Ids& ids) {
  for (const bool skip : {false, true}) {
    StreamDecoder decoder(tokenizer, skip);
    const auto tokens = tokenizer.decode(ids, {skip, false});
    BOOST_REQUIRE(tokens.ok());
    if (tokens->is_list) continue;
    for (int again = 0; again < 2; ++again) BOOST_TEST(stream(decoder, ids) == tokens->text);
  }
}

void check_all(Tokenizer& tokenizer, const std::string& folder, bool any_ids) {
  std::mt19937 random(11);
  for (const Json& line : golden::lines(folder + "/cases.jsonl")) {
    if (!line.contains("tokens_any_of")) check(tokenizer, line.at("ids").get<Ids>());
  }
  BOOST_REQUIRE(tokenizer.add_tokens(std::vector<std::string>{"new_tok1", "tok\u00E4"}).ok());
  for (int i = 0; i < 500 && any_ids; ++i) {
    Ids ids;
    for (std::size_t n = random() % 12; n > 0; --n) {
      const bool byte = random() % 2 == 0;  // the first ids are mostly single bytes, of which most are no UTF-8
      ids.push_back(static_cast<Id>(random() % (byte ? 256 : tokenizer.size())));
      if (random() % 8 == 0) ids.push_back(static_cast<Id>(tokenizer.size() - 1));
    }
    check(tokenizer, ids);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(streamed_texts_are_decoded_texts) {
  auto gpt2 = golden::load_bpe<Gpt2Tokenizer, Gpt2Options>("gpt2");
  check_all(gpt2, "gpt2", true);
  Gpt2Options ignoring;
  ignoring.errors = DecodeErrors::ignore;
  auto gpt2_ignoring = golden::load_bpe<Gpt2Tokenizer>("gpt2", ignoring);
  check_all(gpt2_ignoring, "gpt2", true);
  auto gpt = golden::load_bpe<OpenAIGPTTokenizer, OpenAIGPTOptions>("openai_gpt");
  check_all(gpt, "openai_gpt", true);
  auto bert = BertTokenizer::from_memory(golden::text("bert/vocab.txt"));
  BOOST_REQUIRE(bert.ok());
  check_all(*bert, "bert", true);
}

BOOST_AUTO_TEST_CASE(a_character_comes_whole_with_its_last_byte) {
  const auto gpt2 = golden::load_bpe<Gpt2Tokenizer, Gpt2Options>("gpt2");
  StreamDecoder decoder(gpt2);
  const std::vector<std::string> tokens = {"a", "\u00F0", "\u0141", "\u013A", "\u0122", "b"};  // F0 9F 98 80
  const std::vector<std::string> parts = {"a", "", "", "", "\xF0\x9F\x98\x80", "b"};
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto id = gpt2.token_to_id(tokens[i]);
    BOOST_REQUIRE(id.ok());
    BOOST_TEST(*gpt2.id_to_token(*id) == tokens[i]);
    BOOST_TEST(*decoder.push(*id) == parts[i]);
  }
  BOOST_TEST(decoder.finish() == "");
  BOOST_TEST(*decoder.push(*gpt2.token_to_id("\u00F0")) == "");
  BOOST_TEST(decoder.finish() == "\uFFFD");
}

BOOST_AUTO_TEST_CASE(an_id_without_a_token_is_an_error_and_changes_nothing) {
  const auto gpt2 = golden::load_bpe<Gpt2Tokenizer, Gpt2Options>("gpt2");
  StreamDecoder decoder(gpt2);
  BOOST_TEST(*decoder.push(*gpt2.token_to_id("\u00C3")) == "");
  BOOST_TEST(!decoder.push(99999).ok());
  BOOST_TEST(*decoder.push(*gpt2.token_to_id("\u00A9")) == "\u00E9");
}
