// OpenAIGPTTokenizer against everything recorded from the reference, with both kinds of words.
#define BOOST_TEST_MODULE text_openai_gpt
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "tessera/text/openai_gpt.hpp"
#include "tessera/text/openai_gpt_v062.hpp"
#include "text/bpe_files.hpp"
#include "text/golden.hpp"

namespace {

using golden::Json;
using namespace tessera::text;

}  // namespace

BOOST_AUTO_TEST_CASE(everything_recorded_of_openai_gpt_comes_out_the_same) {
  const auto load = [](std::int64_t max_len) {
    OpenAIGPTOptions options;
    options.max_len = max_len;
    return golden::load_bpe<OpenAIGPTTokenizer>("openai_gpt", options);
  };
  for (const std::string& difference : golden::differences_of_folder("openai_gpt", load)) BOOST_ERROR(difference);
}

BOOST_AUTO_TEST_CASE(texts_are_standardized_and_tokenized_as_the_original_does) {
  OpenAIGPTOptions options;
  options.words = OpenAIGPTOptions::Words::standardized;
  options.special_tokens = SpecialTokens();  // no splitting at "<unk>" and no stripping before the text is standardized
  const auto tokenizer = golden::load_bpe<OpenAIGPTTokenizer>("openai_gpt", options);
  const std::vector<Json> lines = golden::lines("openai_gpt/text_standardize.jsonl");
  BOOST_TEST(lines.size() == 175U);
  for (const Json& line : lines) {
    const auto fixed = line.at("ftfy").get<std::string>();
    const auto text = line.at("text").get<std::string>();
    BOOST_TEST(text_standardize(text) == line.at("standardized_noftfy").get<std::string>());
    BOOST_TEST(text_standardize(fixed) == line.at("standardized").get<std::string>());
    BOOST_TEST(golden::value(tokenizer.tokenize(fixed)) == line.at("tokens"));
  }
}

BOOST_AUTO_TEST_CASE(ids_without_a_token_are_the_unknown_token) {
  const auto tokenizer = golden::load_bpe<OpenAIGPTTokenizer, OpenAIGPTOptions>("openai_gpt");
  for (const Id id : {-1, 1800, 1 << 30}) BOOST_TEST(*tokenizer.id_to_token(id) == "<unk>");
}

BOOST_AUTO_TEST_CASE(characters_outside_of_the_vocabulary_keep_their_spelling_as_tokens) {
  const auto tokenizer =
      golden::make_bpe<OpenAIGPTTokenizer, OpenAIGPTOptions>({"<unk>", "a", "b</w>", "ab</w>"}, "a b</w>\n");
  BOOST_TEST(golden::value(tokenizer.tokenize("ab a\u4E00b \u00E6ab \u00E6")) ==
             Json({"ab</w>", "a</w>", "\u4E00</w>", "b</w>", "\u00E6", "ab</w>", "\u00E6</w>"}));
  BOOST_TEST(golden::value(tokenizer.encode("ab a\u4E00b \u00E6ab \u00E6")) == Json({3, 0, 0, 2, 0, 3, 0}));
}

BOOST_AUTO_TEST_CASE(release_0_6_2_is_repeated) {
  const std::vector<Json> lines = golden::lines("openai_gpt/v062.jsonl");
  BOOST_TEST(lines.size() == 82U);
  for (const Json& line : lines) {
    GptOptionsV062 options;
    options.special_tokens = line.at("special_tokens").get<std::vector<std::string>>();
    static const auto tokenizer = golden::load_bpe<OpenAIGPTTokenizerV062>("openai_gpt", options);
    BOOST_TEST(tokenizer.size() == 1803U);
    const auto text = line.at("text").get<std::string>();
    BOOST_TEST(Json(tokenizer.tokenize(text)) == line.at("tokens"));
    const Ids ids = tokenizer.encode(text);
    BOOST_TEST(Json(ids) == line.at("ids"));
    BOOST_TEST(golden::value(tokenizer.decode(ids)) == line.at("decoded"));
    BOOST_TEST(golden::value(tokenizer.decode(ids, {false, false})) == line.at("decoded_noclean"));
    BOOST_TEST(golden::value(tokenizer.decode(ids, {true, true})) == line.at("decoded_skip"));
  }
}
