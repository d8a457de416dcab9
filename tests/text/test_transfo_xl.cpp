// Words as symbols: counting, vocabularies, corpora and batches as both releases of the reference have them.
#define BOOST_TEST_MODULE text_transfo_xl
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "tessera/io/sha256.hpp"
#include "tessera/text/lm_batches.hpp"
#include "tessera/text/transfo_xl.hpp"
#include "tessera/text/word_level.hpp"
#include "text/golden.hpp"

namespace {

using golden::Json;
using namespace tessera::text;

TransfoXLTokenizer from_symbols(std::int64_t max_len, bool lower_case) {
  TransfoXLOptions options;
  options.max_len = max_len;
  options.words.lower_case = lower_case;
  auto made = TransfoXLTokenizer::from_memory(golden::text("transfo_xl_txt/vocab.txt"), options);
  BOOST_REQUIRE_MESSAGE(made.ok(), made.error().message());
  return std::move(made).value();
}

WordLevelOptions options_of(const Json& arguments) {
  WordLevelOptions o;
  for (const auto& [key, value] : arguments.items()) {
    if (key == "special")
      o.special = value.get<std::vector<std::string>>();
    else if (key == "min_freq")
      o.min_freq = value.get<std::uint64_t>();
    else if (key == "max_size")
      o.max_size = value.get<std::size_t>();
    else if (key == "lower_case")
      o.lower_case = value.get<bool>();
    else if (key == "delimiter")
      o.delimiter = value.get<std::string>();
    else
      BOOST_FAIL("unknown argument " + key);
  }
  return o;
}

std::string digest_of(const Ids& ids) {
  std::string bytes;
  for (const Id id : ids) {
    for (int i = 0; i < 8; ++i) bytes += i < 4 ? static_cast<char>(static_cast<std::uint32_t>(id) >> (8 * i)) : '\0';
  }
  return tessera::io::sha256_hex(tessera::io::bytes_of(bytes));
}

void check_vocabulary(const Vocabulary& vocabulary, const SymbolCounter& counter, const Json& expected) {
  BOOST_TEST(Json(vocabulary.size()) == expected.at("vocab_size"));
  BOOST_TEST(Json(counter.total()) == expected.at("counter_total"));
  BOOST_TEST(Json(counter.unique()) == expected.at("counter_unique"));
  std::vector<std::string> symbols;
  for (std::size_t i = 0; i < vocabulary.size(); ++i) symbols.emplace_back(vocabulary.token(static_cast<Id>(i)));
  if (expected.contains("idx2sym")) {
    BOOST_TEST((Json(symbols) == expected.at("idx2sym")));
    return;
  }
  std::string joined;
  for (const std::string& symbol : symbols) joined.append(joined.empty() ? "" : "\n").append(symbol);
  BOOST_TEST(tessera::io::sha256_hex(tessera::io::bytes_of(joined)) ==
             expected.at("idx2sym_sha256").get<std::string>());
}

void check_corpus(const Ids& ids, const Json& expected) {
  if (expected.contains("ids")) {
    BOOST_TEST((Json(ids) == expected.at("ids")));
    return;
  }
  BOOST_TEST(Json(ids.size()) == expected.at("n"));
  const std::size_t n = (std::min)(ids.size(), expected.at("first").size());
  BOOST_TEST((Json(Ids(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(n))) == expected.at("first")));
  BOOST_TEST(digest_of(ids) == expected.at("sha256_int64").get<std::string>());
}

void check_batch(const LmBatch& batch, const Json& expected) {
  BOOST_TEST(Json(batch.length) == expected.at("seq_len"));
  const auto rows = [&batch](const Ids& cells, std::size_t columns) {
    Json out = Json::array();
    for (std::size_t row = 0; row < batch.rows; ++row) {
      const auto first = cells.begin() + static_cast<std::ptrdiff_t>(row * columns);
      out.push_back(Ids(first, first + static_cast<std::ptrdiff_t>(columns)));
    }
    return out;
  };
  BOOST_TEST(rows(batch.data, batch.columns) == expected.at("data"));
  BOOST_TEST(rows(batch.target, batch.length) == expected.at("target"));
}

}  // namespace

BOOST_AUTO_TEST_CASE(everything_recorded_of_transfo_xl_comes_out_the_same) {
  for (const std::string folder : {"transfo_xl", "transfo_xl_txt"}) {
    const bool lower_case = folder == "transfo_xl_txt";
    const auto load = [lower_case](std::int64_t max_len) { return from_symbols(max_len, lower_case); };
    for (const std::string& difference : golden::differences_of_folder(folder, load)) BOOST_ERROR(difference);
  }
}

BOOST_AUTO_TEST_CASE(counted_and_built_vocabularies_and_encoded_corpora_are_those_of_both_releases) {
  const Json cases = golden::json("transfo_xl/build_vocab.json");
  BOOST_TEST(Json(cases.size()) == golden::json("counts.json").at("transfo_xl").at("build_vocab"));
  const auto vocabulary_of_the_first = [&cases] {
    Vocabulary vocabulary;
    for (const Json& symbol : cases.at(0).at("idx2sym")) {
      BOOST_REQUIRE(vocabulary.set(symbol.get<std::string>(), static_cast<Id>(vocabulary.size())).ok());
    }
    return vocabulary;
  };
  for (const Json& expected : cases) {
    Json shown = expected;
    shown.erase("idx2sym");
    if (shown.contains("encode_file")) shown.erase("encode_file");
    BOOST_TEST_CONTEXT(shown) {
      const std::string corpus = golden::text("transfo_xl/" + expected.value("file", std::string("corpus.txt")));
      const WordLevelOptions options = options_of(expected.at("kwargs"));
      const bool add_eos = expected.value("count_add_eos", expected.value("add_eos", false));
      const LineEnd end = add_eos ? LineEnd::eos : LineEnd::none;
      Ids ids;
      if (expected.at("version") == "1.2.0") {
        TransfoXLOptions all;
        all.words = options;
        TransfoXLTokenizer tokenizer(all);
        BOOST_REQUIRE(tokenizer.count(corpus, end).ok());
        BOOST_REQUIRE(tokenizer.build().ok());
        check_vocabulary(tokenizer.vocabulary(), tokenizer.counter(), expected);
        BOOST_REQUIRE(tokenizer.encode_corpus(corpus, LineEnd::eos, ids).ok());
        check_corpus(ids, expected.at("encode_file"));
        continue;
      }
      const WordLevel words(options);
      if (expected.contains("error")) {
        SymbolCounter counter;
        BOOST_TEST(!count_corpus(words, corpus, end, counter).ok());
        continue;
      }
      Vocabulary vocabulary = vocabulary_of_the_first();
      if (expected.contains("vocab_size")) {
        SymbolCounter counter;
        BOOST_REQUIRE(count_corpus(words, corpus, end, counter).ok());
        auto built = words.build(counter);
        BOOST_REQUIRE(built.ok());
        check_vocabulary(*built, counter, expected);
        vocabulary = std::move(*built);
      }
      const auto encoded = encode_corpus(words, vocabulary, corpus, LineEnd::eos, ids);
      if (expected.at("encode_file").contains("error")) {
        BOOST_TEST(!encoded.ok());
      } else {
        BOOST_REQUIRE_MESSAGE(encoded.ok(), encoded.error().message());
        check_corpus(ids, expected.at("encode_file"));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(batches_are_those_of_the_reference) {
  const Json cases = golden::json("transfo_xl/iterators.json");
  BOOST_TEST(Json(cases.size()) == golden::json("counts.json").at("transfo_xl").at("iterators"));
  Ids numbers;
  for (Id i = 1; i <= 211; ++i) numbers.push_back(i);
  for (const Json& expected : cases) {
    const LmBatchOptions options{expected.at("bsz").get<std::size_t>(), expected.at("bptt").get<std::size_t>(),
                                 expected.value("ext_len", std::size_t{0})};
    BOOST_TEST_CONTEXT("batches of " << options.batch_size << " x " << options.length << " + " << options.extension) {
      std::vector<Ids> sentences;
      const auto check = [&expected](auto batches) {
        BOOST_REQUIRE(batches.ok());
        for (const Json& batch : expected.at("batches")) check_batch(batches->next(), batch);
        BOOST_TEST(batches->next().rows == 0U);
      };
      if (expected.contains("sentences")) {
        for (const Json& sentence : expected.at("sentences")) sentences.push_back(sentence.get<Ids>());
        check(SentenceBatches::make(sentences, options));
        continue;
      }
      auto ordered = OrderedBatches::make(numbers, options);
      BOOST_REQUIRE(ordered.ok());
      BOOST_TEST(Json(ordered->size()) == expected.at("n_batch"));
      check(std::move(ordered));
    }
  }
  BOOST_TEST(!OrderedBatches::make(numbers, {0, 1, 0}).ok());
  BOOST_TEST(!SentenceBatches::make({}, {1, 0, 0}).ok());
  BOOST_TEST(OrderedBatches::make({}, {2, 3, 0})->next().rows == 0U);
}

BOOST_AUTO_TEST_CASE(sentence_batches_repeat_the_end_of_the_batch_before) {
  const std::vector<Ids> sentences = {{1, 2, 3, 4, 5, 6, 7}};
  auto batches = SentenceBatches::make(sentences, {1, 2, 3});
  BOOST_REQUIRE(batches.ok());
  BOOST_TEST(batches->next().data == Ids({1, 2}));
  BOOST_TEST(batches->next().data == Ids({1, 2, 3, 4}));
  BOOST_TEST(batches->next().data == Ids({2, 3, 4, 5, 6}));
}

BOOST_AUTO_TEST_CASE(line_ends_delimiters_and_blank_lines) {
  const auto symbols = [](const WordLevelOptions& options, std::string_view line, LineEnd end) {
    Json out = Json::array();
    BOOST_REQUIRE(WordLevel(options).for_each_symbol(line, end, [&out](std::string_view s) { out.push_back(s); }).ok());
    return out;
  };
  WordLevelOptions options;
  BOOST_TEST(symbols(options, " a b ", LineEnd::double_eos) == Json({"<S>", "a", "b", "<S>"}));
  BOOST_TEST(symbols(options, " ", LineEnd::eos) == Json({"<eos>"}));
  options.delimiter = "--";
  options.lower_case = true;
  BOOST_TEST(symbols(options, "A--B ----c", LineEnd::none) == Json({"a", "b ", "", "c"}));
  BOOST_TEST(symbols(options, "", LineEnd::none) == Json({""}));
  options.delimiter = "";
  BOOST_TEST(symbols(options, "\xC3\x84 b", LineEnd::none) == Json({"\xC3\xA4", " ", "b"}));
  std::vector<std::string> lines;
  BOOST_REQUIRE(for_each_line("a\r\nb\rc\n\nd", [&lines](std::string_view line) -> tessera::Result<void> {
                  lines.emplace_back(line);
                  return {};
                }).ok());
  BOOST_TEST(Json(lines) == Json({"a", "b", "c", "", "d"}));
  TransfoXLOptions empty_delimiter;
  empty_delimiter.words.delimiter = "";
  BOOST_TEST(!TransfoXLTokenizer(empty_delimiter).tokenize("ab").ok());
}

BOOST_AUTO_TEST_CASE(vocabularies_without_an_unknown_symbol_and_blank_lines_are_refused) {
  const auto error = [](const char* file) {
    return std::string(TransfoXLTokenizer::from_memory(file).error().message());
  };
  BOOST_TEST(error("a\nb\n") == "vocabulary: 2 symbols, but neither <UNK> nor <unk>");
  BOOST_TEST(error("a\n \n<unk>\n") == "vocabulary: line 2 is blank, a symbol expected");
  BOOST_TEST(error("a\n\xFF\n").find("found an invalid byte 0xFF at offset 2") != std::string::npos);
  const auto both = TransfoXLTokenizer::from_memory("<unk> 7\n<UNK>\na 1\na 2\nb\n");
  BOOST_REQUIRE(both.ok());
  BOOST_TEST(golden::value(both->encode("a b c")) == Json({2, 3, 1}));
  BOOST_TEST(!both->decode(Ids{4}).ok());
  TransfoXLTokenizer counted;
  BOOST_REQUIRE(counted.count("a a b\n", LineEnd::none).ok());
  BOOST_REQUIRE(counted.build().ok());
  BOOST_TEST(golden::value(counted.encode("b a")) == Json({1, 0}));
  BOOST_TEST(!counted.encode("c").ok());
}
