// Byte-pair encoding against the plain definition, with orderly and with wild tables; and hostile merges.
#define BOOST_TEST_MODULE text_bpe
#include <boost/test/unit_test.hpp>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "tessera/text/bpe.hpp"
#include "tessera/text/byte_bpe.hpp"
#include "tessera/text/gpt2.hpp"
#include "text/bpe_files.hpp"

namespace {

using namespace tessera::text;
using tessera::Code;
using Strings = std::vector<std::string>;

Merges merges_of(const std::string& lines) {
  auto merges = Merges::read("header\n" + lines);
  BOOST_REQUIRE_MESSAGE(merges.ok(), merges.error().message());
  return std::move(merges).value();
}

/// The definition: of all ranked pairs the best one, everywhere, from left to right; and again.
Strings encode_plainly(const Merges& merges, Strings word) {
  std::map<std::pair<std::string, std::string>, std::size_t> ranks;
  for (std::size_t rank = 0; rank < merges.rank_bound(); ++rank) {
    if (const auto m = merges.at(rank)) ranks[{std::string(m->left), std::string(m->right)}] = rank;
  }
  while (true) {
    auto best = ranks.end();
    for (std::size_t i = 0; i + 1 < word.size(); ++i) {
      const auto found = ranks.find({word[i], word[i + 1]});
      if (found != ranks.end() && (best == ranks.end() || found->second < best->second)) best = found;
    }
    if (best == ranks.end()) return word;
    Strings next;
    for (std::size_t i = 0; i < word.size(); ++i) {
      if (i + 1 < word.size() && word[i] == best->first.first && word[i + 1] == best->first.second) {
        next.push_back(word[i] + word[i + 1]);
        ++i;
      } else {
        next.push_back(word[i]);
      }
    }
    word = std::move(next);
  }
}

Strings letters_of(const std::string& word) {
  Strings out;
  for (const char c : word) out.emplace_back(1, c);
  return out;
}

Strings encode(const Bpe& bpe, const std::string& word, BpeScratch& scratch, std::size_t at_once = Bpe::window) {
  Strings out;
  std::size_t n = 0;
  for (const BpeToken& token : bpe.encode(
           word.size(), [&](std::size_t i) { return bpe.find(word.substr(i, 1)); }, scratch, at_once)) {
    n += token.length;
    out.emplace_back(bpe.string(token.symbol));
  }
  BOOST_TEST(n == word.size());
  return out;
}

/// A table over "abc". Orderly ones only join what was made before; wild ones have their lines shuffled.
std::string random_merges(std::mt19937& random, bool wild) {
  Strings made = {"a", "b", "c"};
  Strings lines;
  for (int i = 0; i < 12; ++i) {
    const std::string left = made[random() % made.size()];
    const std::string right = made[random() % made.size()];
    lines.push_back(left + " " + right + "\n");
    made.push_back(left + right);
  }
  if (wild) std::shuffle(lines.begin(), lines.end(), random);
  std::string out;
  for (const std::string& line : lines) out += line;
  return out;
}

Bpe bpe_of(const Merges& merges) {
  Vocabulary vocabulary;
  for (const char* letter : {"a", "b", "c"}) BOOST_REQUIRE(vocabulary.set(letter, *letter).ok());
  auto bpe = Bpe::make(vocabulary, merges);
  BOOST_REQUIRE(bpe.ok());
  return std::move(bpe).value();
}

}  // namespace

BOOST_AUTO_TEST_CASE(short_long_and_windowed_words_are_encoded_as_defined) {
  std::mt19937 random(7);
  BpeScratch scratch;
  std::size_t wrong = 0;
  for (int table = 0; table < 300; ++table) {
    const Merges merges = merges_of(random_merges(random, table % 2 == 1));
    const Bpe bpe = bpe_of(merges);
    for (int i = 0; i < 12; ++i) {
      const std::size_t length = i < 6 ? 1 + random() % 32 : 33 + random() % 400;
      const std::size_t letters = 1 + random() % 3;
      std::string word;
      while (word.size() < length) word += static_cast<char>('a' + random() % letters);
      const Strings expected = encode_plainly(merges, letters_of(word));
      wrong += encode(bpe, word, scratch) != expected ? 1 : 0;
      for (const std::size_t at_once : {33U, 40U, 100U}) {
        wrong += encode(bpe, word, scratch, at_once) != expected ? 1 : 0;
      }
    }
  }
  BOOST_TEST(wrong == 0U);
}

BOOST_AUTO_TEST_CASE(windows_of_any_size_give_the_same_where_symbols_are_as_long_as_windows) {
  // a, aa, aaaa, ... up to 1024 letters, so that no window of 64 sees a whole symbol.
  std::string lines;
  for (std::size_t n = 1; n < 1024; n *= 2) lines += std::string(n, 'a') + " " + std::string(n, 'a') + "\n";
  const Bpe bpe = bpe_of(merges_of(lines));
  BpeScratch scratch;
  for (const std::size_t length : {1024U, 1023U, 4096U, 5000U, 5001U}) {
    const std::string word(length, 'a');
    const Strings expected = encode(bpe, word, scratch);
    for (const std::size_t at_once : {33U, 64U, 1000U}) BOOST_TEST((encode(bpe, word, scratch, at_once) == expected));
  }
}

BOOST_AUTO_TEST_CASE(what_stands_for_nothing_is_never_joined) {
  const Bpe bpe = bpe_of(merges_of("a b\n"));
  BpeScratch scratch;
  const std::vector<Symbol> word = {bpe.find("a"), Bpe::first_foreign | 77, bpe.find("a"), bpe.find("b")};
  const auto tokens = bpe.encode(
      word.size(), [&](std::size_t i) { return word[i]; }, scratch);
  BOOST_REQUIRE(tokens.size() == 3U);
  BOOST_TEST(tokens[1].symbol == (Bpe::first_foreign | 77));
  BOOST_TEST(bpe.id(tokens[1].symbol) == no_id);
  BOOST_TEST(bpe.id(tokens[2].symbol) == no_id);
  BOOST_TEST(bpe.string(tokens[2].symbol) == "ab");
  BOOST_TEST(bpe.encode(
                    0, [](std::size_t) { return Symbol{0}; }, scratch)
                 .empty());
}

BOOST_AUTO_TEST_CASE(long_words_are_cut_only_where_nothing_joins) {
  std::mt19937 random(3);
  for (int table = 0; table < 50; ++table) {
    const Merges merges = merges_of(random_merges(random, true));
    Vocabulary vocabulary;
    const auto bytes = ByteBpe::make(vocabulary, merges);
    BOOST_REQUIRE(bytes.ok());
    BpeScratch scratch;
    for (int i = 0; i < 20; ++i) {
      std::string word;
      while (word.size() < 60) word += static_cast<char>('a' + random() % 4);
      Strings found;
      for (std::string_view rest = word; !rest.empty();) {
        const std::size_t cut = bytes->first_cut(rest);
        for (const BpeToken& t : bytes->encode(rest.substr(0, cut), scratch)) {
          found.emplace_back(bytes->bpe().string(t.symbol));
        }
        rest.remove_prefix(cut);
      }
      BOOST_TEST((found == encode_plainly(merges, letters_of(word))));
    }
  }
}

BOOST_AUTO_TEST_CASE(merges_are_read_as_the_reference_reads_them) {
  const auto read = [](const std::string& file, MergesFormat format = {}) {
    const auto merges = Merges::read(file, format);
    BOOST_REQUIRE_MESSAGE(merges.ok(), merges.error().message());
    std::string out;
    for (std::size_t rank = 0; rank < merges->rank_bound(); ++rank) {
      if (const auto m = merges->at(rank)) {
        out += std::to_string(rank) + ":" + std::string(m->left) + "+" + std::string(m->right) + ";";
      }
    }
    return out;
  };
  BOOST_TEST(read("") == "");
  BOOST_TEST(read("#version") == "");
  BOOST_TEST(read("#version\na b") == "");  // no line end, no merge
  BOOST_TEST(read("a b\nc d\ne f\n") == "0:c+d;1:e+f;");
  BOOST_TEST(read("x\r\na b\r\nc d\re f\n") == "0:a+b;1:c+d;2:e+f;");
  BOOST_TEST(read("x\n a\t b \n\nc\nd e f\ng h\n") == "0:a+b;4:g+h;");
  BOOST_TEST(read("x\na b\nc d\na b\n") == "1:c+d;2:a+b;");
  BOOST_TEST(read("x\na\u2003b\na\u200Bb\n") == "0:a+b;");
  BOOST_TEST(read("a b 12\nc d 5\n", {.header = false, .most_fields = 2}) == "0:a+b;1:c+d;");
  BOOST_TEST(!Merges::read("x\na \xFF\n").ok());
  BOOST_TEST(std::string(Merges::read("x\na \xFF\n").error().message()) ==
             "merges: expected UTF-8, found an invalid byte 0xFF at offset 4");
}

BOOST_AUTO_TEST_CASE(merges_are_written_as_the_reference_writes_them) {
  const Merges merges = merges_of("a  b\nc d\n\na b\nlast one");
  bool gaps = false;
  BOOST_TEST(merges.file(gaps) == "#version: 0.2\nc d\n\na b\n");
  BOOST_TEST(gaps);
}

BOOST_AUTO_TEST_CASE(a_million_merges_of_nothing_and_merges_into_each_other_are_harmless) {
  std::string lines;
  for (int i = 0; i < 1000000; ++i) lines += "q" + std::to_string(i) + " z\n";
  const auto tokenizer = golden::make_bpe<Gpt2Tokenizer, Gpt2Options>({"a", "b", "\u0120", "<|endoftext|>"}, lines);
  BOOST_TEST(golden::value(tokenizer.encode("ab")) == golden::Json({2, 0, 1}));
  // Strings that are made in several ways, pairs in both orders, and a pair better ranked than what it is made of.
  const auto odd =
      golden::make_bpe<Gpt2Tokenizer, Gpt2Options>({"a", "b", "\u0120", "<|endoftext|>", "aba", "ab", "ba"},
                                                   "ab a\na ba\nb a\na b\n\u4E00 \u4E01\n\xEF\xBF\xBD a\n");
  BOOST_TEST(golden::value(odd.tokenize("abab")) == golden::Json({"\u0120", "aba", "b"}));
}

BOOST_AUTO_TEST_CASE(one_very_long_merge_line_is_one_symbol) {
  const std::string half(1 << 20, 'x');
  const std::string line = half + " " + half + "\n";
  const auto tokenizer = golden::make_bpe<Gpt2Tokenizer, Gpt2Options>({"x", "\u0120", "<|endoftext|>"}, line);
  BOOST_TEST(golden::value(tokenizer.encode("xx")) == golden::Json({1, 0, 0}));
}
