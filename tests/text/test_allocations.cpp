// encode_into with a kept scratch allocates nothing once its buffers have grown.
#define BOOST_TEST_MODULE text_allocations
#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "tessera/text/bert.hpp"
#include "tessera/text/gpt2.hpp"
#include "tessera/text/openai_gpt.hpp"
#include "tessera/text/roberta.hpp"
#include "text/bpe_files.hpp"
#include "text/golden.hpp"

namespace {
long allocations = 0;
}

// Not malloc itself, which the sanitizers have replaced already. Not inlined: g++ would warn of free() after new.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* const memory = std::malloc(bytes > 0 ? bytes : 1)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using golden::Json;
using namespace tessera::text;

void check(const Tokenizer& tokenizer, const std::string& text) {
  BOOST_TEST_CONTEXT(tokenizer.traits().class_name) {
    TextScratch scratch;
    Ids ids;
    // The cache grows with the words it has stored, so that it takes a few rounds.
    for (int i = 0; i < 5; ++i) {
      ids.clear();
      BOOST_REQUIRE(tokenizer.encode_into(text, ids, scratch).ok());
    }
    ids.clear();
    const long before = allocations;
    const bool good = tokenizer.encode_into(text, ids, scratch).ok();
    const long during = allocations - before;
    BOOST_TEST(good);
    BOOST_TEST(during == 0);
    BOOST_TEST(before > 0);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_kept_scratch_allocates_nothing_once_its_buffers_have_grown) {
  std::string text;
  for (const Json& line : golden::lines("gpt2/cases.jsonl")) {
    if (line.at("group") != "empty") text += line.at("text").get<std::string>() + " ";
  }
  text += std::string(20000, 'e') + " " + std::string(3000, '-');
  check(golden::load_bpe<Gpt2Tokenizer, Gpt2Options>("gpt2"), text);
  check(golden::load_bpe<RobertaTokenizer, RobertaOptions>("roberta"), text);

  // What an unknown character becomes is looked up as a string, so that the others get words that they know.
  std::string known;
  for (const Json& line : golden::lines("gpt2/cases.jsonl")) {
    if (line.at("group") == "plain") known += line.at("text").get<std::string>() + " ";
  }
  check(golden::load_bpe<OpenAIGPTTokenizer, OpenAIGPTOptions>("openai_gpt"), known);
  auto bert = BertTokenizer::from_memory(golden::text("bert/vocab.txt"));
  BOOST_REQUIRE(bert.ok());
  check(*bert, known);
}
