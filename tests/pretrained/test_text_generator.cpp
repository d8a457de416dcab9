// Text generation by folder: what is drawn does not depend on batches, pieces put together are the text, texts end
// before their stops, beams, padding texts, and what cannot be generated.
#define BOOST_TEST_MODULE pretrained_text_generator
#include "tessera/pretrained/text_generator.hpp"

#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "language_model_folder.hpp"
#include "tessera/backends/reference/reference.hpp"

using namespace tessera;
namespace fs = std::filesystem;

namespace {

struct Folders {
  fs::path root = fs::temp_directory_path() / ("tessera_text_generator_" + std::to_string(getpid()));
  std::string gpt2 = (root / "gpt2").string(), transfo_xl = (root / "transfo-xl").string(),
              xlnet = (root / "xlnet").string();
  Folders() {
    using language_model_test::make_folder;
    const auto small = make_folder<GPT2LMHeadModel<>>(
        gpt2, "gpt2-lm-nolabels",
        {{"vocab_size", 2001}, {"n_positions", 64}, {"n_ctx", 64}, {"initializer_range", 0.2}}, "gpt2",
        {"vocab.json", "merges.txt"});
    BOOST_TEST_REQUIRE(small.ok(), small.error().message());
    const auto segments = make_folder<TransfoXLLMHeadModel<>>(
        transfo_xl, "transfoxl-lm-div4",
        {{"n_token", 2914}, {"cutoffs", {100, 700}}, {"init_std", 0.2}, {"proj_init_std", 0.2}}, "transfo_xl",
        {"vocab.bin"});
    BOOST_TEST_REQUIRE(segments.ok(), segments.error().message());
    const auto permuted = make_folder<XLNetLMHeadModel<>>(
        xlnet, "xlnet-lm-nolabels", {{"n_token", 2200}, {"initializer_range", 0.5}}, "xlnet", {"spiece.model"});
    BOOST_TEST_REQUIRE(permuted.ok(), permuted.error().message());
  }
  ~Folders() { fs::remove_all(root); }
};
const Folders& folders() {
  static const Folders made;
  return made;
}

std::unique_ptr<TextGenerator> load(const std::string& folder) {
  auto generator = TextGenerator::from_pretrained(folder);
  BOOST_TEST_REQUIRE(generator.ok(), generator.error().message());
  const auto prepared = (*generator)->prepare(AnyBackend::of(Reference<float>()));
  BOOST_TEST_REQUIRE(prepared.ok(), prepared.error().message());
  return std::move(*generator);
}

const std::vector<std::string> prompts = {"Once upon a time there was", "A cat", "It rains. Żółw and 中文", "A dog"};

std::vector<GeneratedText> texts(TextGenerator& generator, const TextRequest& request,
                                 std::span<const std::string> of = prompts) {
  auto made = generator.generate(of, request);
  BOOST_TEST_REQUIRE(made.ok(), made.error().message());
  return std::move(*made);
}
void check_same(const std::vector<GeneratedText>& a, const std::vector<GeneratedText>& b) {
  BOOST_TEST_REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    BOOST_TEST(a[i].text == b[i].text);
    BOOST_TEST(a[i].tokens == b[i].tokens, boost::test_tools::per_element());
    BOOST_TEST(a[i].stopped == b[i].stopped);
  }
}
template <class R>
void says(const R& result, const char* part) {
  BOOST_TEST_REQUIRE(!result.ok());
  BOOST_TEST((std::string(result.error().message()).find(part) != std::string::npos), result.error().message());
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_drawn_does_not_depend_on_batches) {
  for (const std::string& folder : {folders().gpt2, folders().transfo_xl}) {
    BOOST_TEST_CONTEXT(folder) {
      const auto generator = load(folder);
      TextRequest request;
      request.samples = 2;
      request.sampling.seed = 9;
      request.max_new_tokens = 12;
      const auto together = texts(*generator, request);
      BOOST_TEST_REQUIRE(together.size() == 8U);
      BOOST_TEST((together[0].tokens != together[1].tokens));
      request.batch = 1;
      check_same(texts(*generator, request), together);
      request.batch = 3;
      check_same(texts(*generator, request), together);
      // In two calls.
      auto parts = texts(*generator, request, std::span(prompts).first(1));
      request.first_prompt = 1;
      for (GeneratedText& t : texts(*generator, request, std::span(prompts).subspan(1))) parts.push_back(std::move(t));
      check_same(parts, together);
      request.first_prompt = 0;
      request.sampling.seed = 10;
      BOOST_TEST((texts(*generator, request)[0].tokens != together[0].tokens));
    }
  }
}

BOOST_AUTO_TEST_CASE(pieces_put_together_are_the_text_and_texts_end_before_their_stops) {
  const auto generator = load(folders().gpt2);
  struct Seen {
    std::vector<std::string> texts = std::vector<std::string>(prompts.size());
    std::size_t pieces = 0, most = 1000;
  } seen;
  TextRequest request;
  request.max_new_tokens = 30;
  request.sink = {&seen, [](void* state, std::size_t prompt, Index sample, std::string_view piece) {
                    auto& s = *static_cast<Seen*>(state);
                    BOOST_TEST(sample == 0);
                    BOOST_TEST(!piece.empty());
                    BOOST_TEST(text::utf8::is_valid(piece));
                    s.texts[prompt] += piece;
                    return ++s.pieces < s.most;
                  }};
  const auto whole = texts(*generator, request);
  BOOST_TEST(seen.pieces > 4 * prompts.size());
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    BOOST_TEST(text::clean_up_tokenization(seen.texts[i]) == whole[i].text);
    text::DecodeOptions decoding;
    decoding.skip_special_tokens = true;
    const auto decoded = generator->tokenizer().decode(whole[i].tokens, decoding);
    BOOST_TEST_REQUIRE(decoded.ok());
    BOOST_TEST(decoded->text == whole[i].text);
    BOOST_TEST(!whole[i].stopped);
    BOOST_TEST(whole[i].tokens.size() == 30U);
  }
  // Some bytes of the middle of a text, which come in several tokens.
  const std::string first = seen.texts[0];
  std::size_t place = first.size() / 2;
  while ((static_cast<unsigned char>(first[place]) & 0xC0U) == 0x80U) ++place;
  std::size_t end = place + 9;
  while ((static_cast<unsigned char>(first[end]) & 0xC0U) == 0x80U) ++end;
  const std::string stop = first.substr(place, end - place);
  seen = Seen();
  request.stops = {"no such text", stop};
  const auto stopped = texts(*generator, request);
  BOOST_TEST(seen.texts[0] == first.substr(0, first.find(stop)));
  BOOST_TEST(stopped[0].text == text::clean_up_tokenization(seen.texts[0]));
  BOOST_TEST(stopped[0].stopped);
  BOOST_TEST(stopped[0].tokens.size() < 30U);
  // The sink ends a text.
  seen = Seen();
  seen.most = 3;
  request.stops.clear();
  BOOST_TEST(texts(*generator, request, std::span(prompts).first(1))[0].stopped);
  BOOST_TEST(seen.pieces == 3U);
}

BOOST_AUTO_TEST_CASE(a_search_gives_the_best_texts_and_at_least_the_greedy_one) {
  for (const std::string& folder : {folders().gpt2, folders().transfo_xl}) {
    BOOST_TEST_CONTEXT(folder) {
      const auto generator = load(folder);
      TextRequest request;
      request.max_new_tokens = 6;
      request.beams = 1;
      const auto one = texts(*generator, request);
      TextRequest greedy;
      greedy.max_new_tokens = 6;
      greedy.sampling.temperature = 0;
      check_same(one, texts(*generator, greedy));
      request.beams = 5;
      request.samples = 3;
      const auto best = texts(*generator, request);
      BOOST_TEST_REQUIRE(best.size() == 3 * prompts.size());
      for (std::size_t i = 0; i < best.size(); i += 3) {
        BOOST_TEST(best[i].score >= best[i + 1].score);
        BOOST_TEST(best[i + 1].score >= best[i + 2].score);
        BOOST_TEST(best[i].score >= one[i / 3].score - 1e-6);
      }
      request.batch = 1;
      check_same(texts(*generator, request), best);
    }
  }
}

BOOST_AUTO_TEST_CASE(padding_text_stands_before_prompts_of_transfo_xl_and_xlnet_alone) {
  const std::string padding = "It was the first day of spring. The trees were still bare. ";
  std::vector<std::string> longer;
  for (const std::string& prompt : prompts) longer.push_back(padding + prompt);
  for (const std::string& folder : {folders().gpt2, folders().transfo_xl, folders().xlnet}) {
    BOOST_TEST_CONTEXT(folder) {
      const auto generator = load(folder);
      TextRequest request;
      request.max_new_tokens = 8;
      request.sampling.temperature = 0;
      const auto without = texts(*generator, request), before = texts(*generator, request, longer);
      // Each prompt is continued in another way behind the padding: what the padding is worth can be seen.
      for (std::size_t i = 0; i < prompts.size(); ++i) BOOST_TEST((without[i].tokens != before[i].tokens));
      request.padding_text = padding;
      check_same(texts(*generator, request), folder == folders().gpt2 ? without : before);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_generated_is_refused_with_a_sentence) {
  auto unprepared = TextGenerator::from_pretrained(folders().gpt2);
  BOOST_TEST_REQUIRE(unprepared.ok());
  TextRequest request;
  says((*unprepared)->generate(prompts, request), "call prepare before");
  const auto generator = load(folders().gpt2);
  const std::vector<std::string> empty = {"a", ""};
  says(generator->generate(empty, request), "prompt 2: expected at least one token, found none");
  request.max_new_tokens = 64;
  says(generator->generate(prompts, request), "and 64 new ones: the model has room for 64");
  request.max_new_tokens = 0;
  says(generator->generate(prompts, request), "max_new_tokens: expected 1 or more, found 0");
  request.max_new_tokens = -1;  // to the end
  request.first_prompt = 1;
  const auto full = texts(*generator, request, std::span(prompts).subspan(1, 1));
  request.first_prompt = 0;
  BOOST_TEST(full[0].tokens.size() >= 60U);
  const auto all = texts(*generator, request);
  check_same({all[1]}, full);  // alone or among others
  request.batch = 1;
  check_same(texts(*generator, request), all);
  request.batch = 8;
  const std::vector<std::string> long_prompt = {std::string(400, '!')};
  says(generator->generate(long_prompt, request), "leave no room for another, the model has 64");
  request.max_new_tokens = 4;
  request.language = "fr";
  says(generator->generate(prompts, request), "has a language 'fr'");
  request.language.clear();
  request.samples = 3;
  request.beams = 2;
  says(generator->generate(prompts, request), "3 samples of 2 beams");
  request.beams = 0;
  request.samples = 0;
  says(generator->generate(prompts, request), "samples: expected 1 or more, found 0");
  request.samples = 1;
  request.sampling.top_k = -1;
  says(generator->generate(prompts, request), "top_k");
  BOOST_TEST(generator->generate({}, TextRequest()).ok());
  says(AnyGenerator::from_pretrained(std::string(TESSERA_GOLDEN_DIR) + "/models/bert-model-basic"),
       "bert generates no text");
}
