// sentencepiece models and XLNetTokenizer against everything recorded, and what broken models give.
#define BOOST_TEST_MODULE text_sentencepiece
#include <boost/test/unit_test.hpp>

#include <limits>
#include <random>
#include <string>
#include <vector>

#include "tessera/text/sentencepiece.hpp"
#include "tessera/text/xlnet.hpp"
#include "text/golden.hpp"

namespace {

using golden::Json;
using namespace tessera::text;

const std::vector<std::string> folders = {"xlnet", "xlnet_bpe"};

XLNetTokenizer load(const std::string& folder, XLNetOptions options = {}) {
  auto made = XLNetTokenizer::from_memory(golden::text(folder + "/spiece.model"), std::move(options));
  BOOST_REQUIRE_MESSAGE(made.ok(), made.error().message());
  return std::move(made).value();
}

XLNetOptions options_of(const Json& arguments) {
  XLNetOptions o;
  for (const auto& [key, value] : arguments.items()) {
    if (key == "do_lower_case")
      o.do_lower_case = value.get<bool>();
    else if (key == "remove_space")
      o.remove_space = value.get<bool>();
    else if (key == "keep_accents")
      o.keep_accents = value.get<bool>();
    else
      BOOST_FAIL("unknown argument " + key);
  }
  return o;
}

// --- models made here

std::string varint(std::uint64_t n) {
  std::string out;
  for (; n >= 0x80; n >>= 7) out += static_cast<char>(0x80U | (n & 0x7FU));
  return out + static_cast<char>(n);
}
std::string bytes_field(unsigned id, const std::string& bytes) {
  return varint(id << 3 | 2) + varint(bytes.size()) + bytes;
}
std::string number_field(unsigned id, std::uint64_t n) { return varint(id << 3) + varint(n); }
std::string piece(const std::string& text, float score, PieceType type = PieceType::normal) {
  std::string bits(4, '\0');
  std::memcpy(bits.data(), &score, 4);
  return bytes_field(1,
                     bytes_field(1, text) + varint(2 << 3 | 5) + bits + number_field(3, static_cast<unsigned>(type)));
}
const std::string unknown = piece("<unk>", 0, PieceType::unknown);
std::string kind(SentencePieceModel::Kind k) { return bytes_field(2, number_field(3, static_cast<unsigned>(k))); }

std::vector<std::string> cut(const std::string& model, const std::string& text) {
  auto made = SentencePiece::from_memory(model);
  BOOST_REQUIRE_MESSAGE(made.ok(), made.error().message());
  SentencePieceScratch scratch;
  BOOST_REQUIRE(made->encode(text, scratch).ok());
  std::vector<std::string> out;
  for (const PieceSpan& span : scratch.spans) out.push_back(scratch.normal.substr(span.begin, span.length));
  return out;
}

std::string error_of(const std::string& model) {
  const auto made = SentencePiece::from_memory(model);
  BOOST_REQUIRE(!made.ok());
  return made.error().message();
}

const std::string space = "\xE2\x96\x81";

}  // namespace

BOOST_AUTO_TEST_CASE(the_model_alone_normalizes_cuts_and_joins_as_recorded) {
  for (const std::string& folder : folders) {
    const auto model = SentencePiece::from_memory(golden::text(folder + "/spiece.model"));
    BOOST_REQUIRE_MESSAGE(model.ok(), model.error().message());
    const std::vector<Json> lines = golden::lines(folder + "/sentencepiece_direct.jsonl");
    BOOST_TEST(Json(lines.size()) == golden::json("counts.json").at(folder).at("sentencepiece_direct"));
    SentencePieceScratch scratch;
    for (const Json& line : lines) {
      BOOST_TEST_CONTEXT(folder << ": " << line.at("text")) {
        BOOST_REQUIRE(model->encode(line.at("text").get<std::string>(), scratch).ok());
        BOOST_TEST(scratch.normal == line.at("normalized").get<std::string>());
        std::vector<std::string> pieces;
        std::vector<std::string> pieces_of_ids;
        Ids ids;
        for (const PieceSpan& span : scratch.spans) {
          pieces.push_back(scratch.normal.substr(span.begin, span.length));
          ids.push_back(span.id);
          pieces_of_ids.emplace_back(model->piece(span.id));
        }
        BOOST_TEST(Json(pieces) == line.at("pieces"));
        BOOST_TEST(Json(ids) == line.at("ids"));
        BOOST_TEST(model->decode(pieces) == line.at("decoded_pieces").get<std::string>());
        BOOST_TEST(model->decode(pieces_of_ids) == line.at("decoded_ids").get<std::string>());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(the_pieces_of_a_file_are_those_listed_beside_it) {
  for (const std::string& folder : folders) {
    const auto model = SentencePiece::from_memory(golden::text(folder + "/spiece.model"));
    BOOST_REQUIRE(model.ok());
    std::string listed;
    char score[40];
    for (const SentencePieceEntry& entry : model->model().pieces) {
      std::snprintf(score, sizeof score, "%.9g", static_cast<double>(entry.score));
      const char* const type = entry.type == PieceType::unknown   ? "unknown"
                               : entry.type == PieceType::control ? "control"
                                                                  : "normal";
      listed.append(entry.piece).append("\t").append(score).append("\t").append(type).append("\n");
    }
    BOOST_TEST((listed == golden::text(folder + "/pieces.tsv")));
  }
}

BOOST_AUTO_TEST_CASE(everything_recorded_of_xlnet_comes_out_the_same) {
  for (const std::string& folder : folders) {
    const auto loader = [&folder](std::int64_t max_len) {
      XLNetOptions options;
      options.max_len = max_len;
      return load(folder, options);
    };
    for (const std::string& difference : golden::differences_of_folder(folder, loader)) BOOST_ERROR(difference);
  }
}

BOOST_AUTO_TEST_CASE(constructor_arguments_act_as_in_the_reference) {
  for (const std::string& folder : folders) {
    const std::vector<Json> lines = golden::lines(folder + "/options.jsonl");
    BOOST_TEST(Json(lines.size()) == golden::json("counts.json").at(folder).at("options"));
    for (const Json& line : lines) {
      const XLNetTokenizer tokenizer = load(folder, options_of(line.at("init_kwargs")));
      const auto text = line.at("text").get<std::string>();
      BOOST_TEST_CONTEXT(folder << ": " << line.at("init_kwargs") << " " << line.at("text")) {
        BOOST_TEST(tokenizer.preprocess(text) == line.at("preprocessed").get<std::string>());
        BOOST_TEST(golden::value(tokenizer.tokenize(text)) == line.at("tokens"));
        BOOST_TEST(golden::value(tokenizer.encode(text)) == line.at("ids"));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(words_that_are_remembered_get_the_ids_of_a_cut_of_the_whole_text) {
  // Long texts, so that the sums grow until rounding matters: ids by words and ids by the whole must be the same.
  for (const std::string& folder : folders) {
    const XLNetTokenizer tokenizer = load(folder);
    std::vector<std::string> words;
    for (const Json& line : golden::lines(folder + "/cases.jsonl")) {
      for_each_word(line.at("text").get<std::string>(), [&words](std::string_view word) { words.emplace_back(word); });
    }
    std::mt19937 random(7);
    TextScratch scratch;
    for (const std::size_t count : {10U, 1000U, 30000U}) {
      std::string text;
      for (std::size_t i = 0; i < count; ++i) text += words[random() % words.size()] + " ";
      Ids ids;
      BOOST_REQUIRE(tokenizer.encode_into(text, ids, scratch).ok());
      const auto tokens = tokenizer.tokenize(text);
      BOOST_REQUIRE(tokens.ok());
      const auto whole = tokenizer.tokens_to_ids(*tokens);
      BOOST_REQUIRE(whole.ok());
      BOOST_TEST((ids == *whole), folder << ", " << count << " words");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_window_of_any_size_cuts_a_text_in_the_same_way) {
  const auto made = SentencePiece::from_memory(golden::text("xlnet/spiece.model"));
  BOOST_REQUIRE(made.ok());
  std::string text;
  for (const Json& line : golden::lines("xlnet/cases.jsonl")) text += line.at("text").get<std::string>();
  std::string normal;
  made->normalizer().append(text, normal);
  const auto ids = [&](std::size_t window) {
    Ids out;
    UnigramScratch scratch;
    float score = 0;
    made->unigram().cut(
        normal, score, scratch, [&out](const PieceSpan& span) { out.push_back(span.id); }, window);
    BOOST_TEST(score < 0);
    return out;
  };
  const Ids whole = ids(std::size_t{1} << 30);
  BOOST_TEST(whole.size() > 1000U);
  for (const std::size_t window : {1U, 2U, 7U, 100U, 5000U}) BOOST_TEST((ids(window) == whole), "window " << window);
}

BOOST_AUTO_TEST_CASE(user_defined_pieces_win_and_unused_ones_are_taken_apart) {
  const std::string word = unknown + piece(space, -1) + piece("a", -1) + piece("b", -1) + piece("c", -1);
  BOOST_TEST(Json(cut(word + piece("ab", -0.5F) + piece("bc", -9, PieceType::user_defined), "abc")) ==
             Json({space, "a", "bc"}));
  BOOST_TEST(Json(cut(word + piece("ab", 5, PieceType::unused), "abc")) == Json({space, "a", "b", "c"}));
  const std::string bpe = kind(SentencePieceModel::Kind::bpe) + word;
  BOOST_TEST(Json(cut(bpe + piece("ab", -1) + piece("abc", -2), "abc")) == Json({space, "abc"}));
  BOOST_TEST(Json(cut(bpe + piece("ab", -1) + piece("abc", -2, PieceType::unused), "abc")) == Json({space, "ab", "c"}));
  BOOST_TEST(Json(cut(bpe + piece("ab", -1, PieceType::unused), "abc")) == Json({space, "a", "b", "c"}));
  BOOST_TEST(Json(cut(bpe + piece("ab", -2) + piece("bc", -1, PieceType::user_defined), "abc")) ==
             Json({space, "a", "bc"}));
  BOOST_TEST(Json(cut(bpe + piece("ab", -2) + piece("bc", -2), "abc")) == Json({space, "ab", "c"}));
}

BOOST_AUTO_TEST_CASE(what_no_model_can_be_is_refused_with_its_reason) {
  BOOST_TEST(error_of("").find("hold no piece") != std::string::npos);
  BOOST_TEST(error_of("\xFF\xFF").find("has no readable tag") != std::string::npos);
  BOOST_TEST(error_of("\x0A\x50xyz").find("is longer than what is left") != std::string::npos);
  BOOST_TEST(error_of(piece("a", 0)).find("none of 1 pieces is of type unknown") != std::string::npos);
  BOOST_TEST(error_of(unknown + unknown).find("is there twice") != std::string::npos);
  BOOST_TEST(error_of(unknown + piece("u", 0, PieceType::unknown)).find("pieces 0 and 1 are both of type unknown") !=
             std::string::npos);
  BOOST_TEST(error_of(unknown + piece("", 0)).find("piece 1 is empty") != std::string::npos);
  BOOST_TEST(error_of(unknown + piece("\xFF", 0)).find("piece 1 is not UTF-8") != std::string::npos);
  BOOST_TEST(error_of(unknown + piece("a", std::numeric_limits<float>::infinity())).find("is not finite") !=
             std::string::npos);
  BOOST_TEST(error_of(unknown + kind(SentencePieceModel::Kind::word)).find("\"word\" are not supported") !=
             std::string::npos);
  BOOST_TEST(error_of(unknown + bytes_field(2, number_field(35, 1))).find("byte_fallback") != std::string::npos);
  const auto charsmap = [](const std::string& blob) { return unknown + bytes_field(3, bytes_field(2, blob)); };
  BOOST_TEST(error_of(charsmap("ab")).find("expected 4 or more") != std::string::npos);
  BOOST_TEST(error_of(charsmap(std::string("\xFF\x00\x00\x00", 4))).find("has 255 bytes") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_cut_or_changed_model_is_refused_or_works_but_does_no_harm) {
  const std::string good = golden::text("xlnet/spiece.model");
  std::mt19937 random(3);
  for (int i = 0; i < 200; ++i) {
    std::string bad = good;
    if (i % 4 == 0) bad.resize(random() % bad.size());
    // The trie of the normalizer is what can go wrong; it lies behind the pieces.
    for (int k = 0; k < 20; ++k)
      bad[bad.size() / static_cast<std::size_t>(i % 2 + 1) - 1 - random() % (bad.size() / 2)] =
          static_cast<char>(random());
    const auto model = SentencePiece::from_memory(bad);
    if (!model.ok()) continue;
    SentencePieceScratch scratch;
    BOOST_TEST(model->encode("The \xC3\x89t\xC3\xA9 \xEF\xBC\xA1\xE3\x8E\x8F 12, \xF0\x9F\x98\x80", scratch).ok());
  }
}

BOOST_AUTO_TEST_CASE(a_lone_surrogate_is_an_error) {
  const XLNetTokenizer tokenizer = load("xlnet");
  const std::u32string text = {U'a', 0xD800};
  BOOST_TEST(!tokenizer.tokenize(text).ok());
  BOOST_TEST(!tokenizer.encode(text, text).ok());
}
