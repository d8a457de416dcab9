// Moses and XLMTokenizer against everything recorded: step by step, by language, and each abbreviation.
#define BOOST_TEST_MODULE text_xlm
#include <boost/test/unit_test.hpp>

#include <map>
#include <string>
#include <vector>

#include "tessera/text/xlm.hpp"
#include "text/bpe_files.hpp"
#include "text/golden.hpp"

namespace {

using golden::Json;
using namespace tessera::text;

XLMOptions options_of(const std::string& folder) {
  XLMOptions options;
  const Json arguments = golden::json(folder + "/info.json").at("kwargs");
  options.do_lowercase_and_remove_accent = arguments.value("do_lowercase_and_remove_accent", true);
  for (const auto& [key, value] : arguments.items()) BOOST_TEST(key == "do_lowercase_and_remove_accent");
  return options;
}

std::vector<std::string> words_of(const moses::Tokenizer& tokenizer, std::u32string text) {
  std::vector<std::string> words;
  tokenizer.for_each_token(text, [&words](std::u32string_view word) { words.push_back(utf8::encode(word)); });
  return words;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = (std::min)(text.find(' ', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_step_of_moses_is_as_recorded) {
  const std::vector<Json> lines = golden::lines("xlm/moses.jsonl");
  BOOST_TEST(Json(lines.size()) == golden::json("counts.json").at("xlm").at("moses"));
  std::map<std::string, moses::Tokenizer> tokenizers;
  for (const Json& line : lines) {
    const auto language = line.at("lang").get<std::string>();
    BOOST_TEST_CONTEXT(language << ": " << line.at("text")) {
      std::u32string text = utf8::decode(line.at("text").get<std::string>());
      moses::replace_unicode_punctuation(text);
      BOOST_TEST(utf8::encode(text) == line.at("replace_unicode_punct").get<std::string>());
      moses::normalize_punctuation(text, language);
      BOOST_TEST(utf8::encode(text) == line.at("punct_norm").get<std::string>());
      moses::remove_non_printing(text);
      BOOST_TEST(utf8::encode(text) == line.at("remove_non_printing_char").get<std::string>());
      if (language == "ro") moses::strip_romanian_diacritics(text);
      BOOST_TEST(utf8::encode(text) == line.at("romanian").get<std::string>());
      const auto& tokenizer = tokenizers.try_emplace(language, language).first->second;
      const std::vector<std::string> words = words_of(tokenizer, text);
      BOOST_TEST(Json(words) == line.at("moses"));
      std::u32string joined;
      for (const std::string& word : words) joined += (joined.empty() ? U"" : U" ") + utf8::decode(word);
      std::u32string lowered;
      XLMTokenizer::append_lowered(joined, lowered);
      BOOST_TEST(Json(split(utf8::encode(lowered))) == line.at("lowercase_and_remove_accent"));
    }
  }
}

BOOST_AUTO_TEST_CASE(each_abbreviation_keeps_or_loses_its_full_stop_as_recorded) {
  const std::vector<Json> lines = golden::lines("xlm/moses_prefixes.jsonl");
  BOOST_TEST(Json(lines.size()) == golden::json("counts.json").at("xlm").at("moses_prefixes"));
  std::map<std::string, moses::Tokenizer> tokenizers;
  for (const Json& line : lines) {
    const auto language = line.at("lang").get<std::string>();
    const auto& tokenizer = tokenizers.try_emplace(language, language).first->second;
    const std::u32string prefix = U"x " + utf8::decode(line.at("prefix").get<std::string>()) + U".";
    BOOST_TEST_CONTEXT(language << ": " << line.at("prefix")) {
      BOOST_TEST(Json(words_of(tokenizer, prefix + U" Word")) == line.at("upper"));
      BOOST_TEST(Json(words_of(tokenizer, prefix + U" 12")) == line.at("number"));
      BOOST_TEST(Json(words_of(tokenizer, prefix)) == line.at("final"));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_classes_are_those_of_the_tables) {
  const Json tables = golden::json("unicode_tables.json");
  const std::pair<const char*, unsigned> classes[] = {{"moses_IsAlnum", moses::Class::alnum},
                                                      {"moses_IsAlpha", moses::Class::alpha},
                                                      {"moses_IsN", moses::Class::number},
                                                      {"moses_IsLower", moses::Class::lower}};
  for (const auto& [name, which] : classes) {
    Json ranges = Json::array();
    unsigned first = 0;
    bool inside = false;
    for (unsigned c = 0; c <= 0x110000; ++c) {
      const bool member = c < 0x110000 && (moses::classes_of(c) & which) != 0;
      if (member && !inside) first = c;
      if (!member && inside) ranges.push_back({first, c - 1});
      inside = member;
    }
    BOOST_TEST((ranges == tables.at(name)), name);
  }
}

BOOST_AUTO_TEST_CASE(everything_recorded_of_xlm_comes_out_the_same) {
  for (const std::string folder : {"xlm", "xlm_cased"}) {
    const auto load = [&folder](std::int64_t max_len) {
      XLMOptions options = options_of(folder);
      options.max_len = max_len;
      return golden::load_bpe<XLMTokenizer>(folder, options);
    };
    for (const std::string& difference : golden::differences_of_folder(folder, load)) BOOST_ERROR(difference);
  }
}

BOOST_AUTO_TEST_CASE(languages_and_segmenters_act_as_recorded) {
  for (const std::string folder : {"xlm", "xlm_cased"}) {
    const std::vector<Json> lines = golden::lines(folder + "/languages.jsonl");
    BOOST_TEST(Json(lines.size()) == golden::json("counts.json").at(folder).at("languages"));
    XLMOptions options = options_of(folder);
    std::string seen;
    std::vector<std::string> answer;
    options.segmenter = [&](std::string_view text) {
      seen = text;
      return answer;
    };
    options.lang2id = {{"en", 0}, {"fr", 1}, {"de", 2}};
    auto tokenizer = golden::load_bpe<XLMTokenizer>(folder, options);
    options.bypass_tokenizer = true;
    const auto bypassing = golden::load_bpe<XLMTokenizer>(folder, options);
    for (const Json& line : lines) {
      const auto text = line.at("text").get<std::string>();
      BOOST_TEST_CONTEXT(folder << ": " << line.value("lang", std::string("bypass")) << ", " << line.at("text")) {
        if (line.contains("bypass_tokenizer")) {
          BOOST_TEST(golden::value(bypassing.tokenize(text)) == line.at("tokens"));
          BOOST_TEST(golden::value(bypassing.encode(text)) == line.at("ids"));
          continue;
        }
        tokenizer.set_language(line.at("lang").get<std::string>());
        if (line.contains("segmenter_output")) answer = line.at("segmenter_output").get<std::vector<std::string>>();
        BOOST_TEST(golden::value(tokenizer.tokenize(text)) == line.at("tokens"));
        if (line.contains("segmenter_input")) BOOST_TEST(seen == line.at("segmenter_input").get<std::string>());
        if (line.contains("ids")) BOOST_TEST(golden::value(tokenizer.encode(text)) == line.at("ids"));
        if (line.contains("warnings")) {
          BOOST_TEST(line.at("lang2id").size() == 3U);
          const auto warning = tokenizer.language_warning();
          BOOST_TEST((warning ? Json({*warning}) : Json::array()) == line.at("warnings"));
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(languages_that_need_a_segmenter_are_refused_by_name) {
  auto tokenizer = golden::load_bpe<XLMTokenizer, XLMOptions>("xlm");
  for (const char* language : {"zh", "th", "ja"}) {
    tokenizer.set_language(language);
    const auto tokens = tokenizer.tokenize("abc");
    BOOST_REQUIRE(!tokens.ok());
    BOOST_TEST((tokens.error().code() == tessera::Code::unsupported));
    BOOST_TEST(std::string(tokens.error().message()).find(std::string("\"") + language + "\"") != std::string::npos);
    BOOST_TEST(!tokenizer.encode("abc").ok());
  }
}

BOOST_AUTO_TEST_CASE(hostile_runs_take_no_quadratic_time) {
  const auto tokenizer = golden::load_bpe<XLMTokenizer, XLMOptions>("xlm");
  for (const char* piece : {".", "'", "\"", "\".", ")", "( ", ",", "\xC2\xA0", "1\xC2\xA0", "x.", "\xCC\x81", "DOT"}) {
    std::string text = "x";
    for (int i = 0; i < 100000; ++i) text += piece;
    BOOST_TEST(tokenizer.encode(text + "y").ok());
  }
}
