// Generation: filtered distributions are the published ones; greedy continuations of tiny GPT, GPT-2 and XLM are the
// reference's, with keys and values kept and without, prompts of unequal length together, on every backend; and a step
// allocates nothing.
#define BOOST_TEST_MODULE golden_generate
#include <boost/test/unit_test.hpp>
#include <map>

#include "context/counting.hpp"
#include "tessera/backends/reference/reference.hpp"
#include "tessera/generate/generator.hpp"
#include "tessera/pretrained/gpt.hpp"
#include "tessera/pretrained/xlm.hpp"
#ifdef TESSERA_WITH_CPU
#include "tessera/backends/cpu/cpu.hpp"
#endif
#ifdef TESSERA_WITH_EIGEN
#include "tessera/backends/eigen/eigen.hpp"
#endif

using namespace tessera;

namespace {

std::vector<AnyBackend> backends() {
  return {
      AnyBackend::of(Reference<float>()),
#ifdef TESSERA_WITH_EIGEN
      AnyBackend::of(EigenBackend()),
#endif
#ifdef TESSERA_WITH_CPU
      AnyBackend::of(Cpu()),
#endif
  };
}

const io::Json& golden() {
  static const io::Json json = [] {
    auto read = io::read_json(std::string(TESSERA_GOLDEN_DIR) + "/generate/generate.json");
    BOOST_TEST_REQUIRE(read.ok(), read.error().message());
    return std::move(*read);
  }();
  return json;
}

using Tokens = std::vector<std::int32_t>;

struct PromptSet {
  Tokens ids, offsets{0};
  explicit PromptSet(const std::vector<Tokens>& prompts) {
    for (const Tokens& p : prompts) {
      ids.insert(ids.end(), p.begin(), p.end());
      offsets.push_back(static_cast<std::int32_t>(ids.size()));
    }
  }
  Prompts view() const { return {ids.data(), offsets.data(), static_cast<Index>(offsets.size()) - 1}; }
};

template <class Model>
std::unique_ptr<Pretrained<Model>> load(const std::string& folder) {
  auto loaded = from_pretrained<Model>(std::string(TESSERA_GOLDEN_DIR) + "/models/" + folder);
  BOOST_TEST_REQUIRE(loaded.ok(), loaded.error().message());
  return std::move(*loaded);
}

template <class G>
Tokens text_of(const G& generator, Index text) {
  return {generator.tokens(text), generator.tokens(text) + generator.length(text)};
}

/// Every prompt alone, then all of a folder together.
template <class Model>
void check_greedy(const char* name) {
  std::map<std::string, std::vector<std::pair<Tokens, Tokens>>> folders;
  for (const io::Json& c : golden()["greedy"])
    if (c["class"] == name)
      folders[c["folder"].get<std::string>()].emplace_back(c["prompt"].get<Tokens>(), c["tokens"].get<Tokens>());
  BOOST_TEST_REQUIRE(!folders.empty());
  for (const auto& [folder, cases] : folders) {
    const auto p = load<Model>(folder);
    for (const AnyBackend& backend : backends()) {
      BOOST_TEST_CONTEXT(folder << " on " << backend.name()) {
        GenerateOptions options;
        options.sampling.temperature = 0;
        options.max_new_tokens = 1000;
        std::vector<Tokens> all;
        Index longest = 0;
        for (const auto& [prompt, tokens] : cases) {
          Generator<Model, AnyBackend> one(p->model, backend);
          BOOST_TEST_REQUIRE(one.reserve(1, static_cast<Index>(prompt.size()), static_cast<Index>(tokens.size())).ok());
          const auto done = one.run(PromptSet({prompt}).view(), options);
          BOOST_TEST_REQUIRE(done.ok(), done.error().message());
          BOOST_TEST(text_of(one, 0) == tokens, boost::test_tools::per_element());
          all.push_back(prompt);
          longest = std::max<Index>(longest, static_cast<Index>(prompt.size()));
        }
        const auto room = static_cast<Index>(cases[0].second.size());
        Generator<Model, AnyBackend> together(p->model, backend);
        BOOST_TEST_REQUIRE(together.reserve(static_cast<Index>(all.size()), longest, room).ok());
        const auto done = together.run(PromptSet(all).view(), options);
        BOOST_TEST_REQUIRE(done.ok(), done.error().message());
        for (std::size_t t = 0; t < cases.size(); ++t) {
          const Tokens found = text_of(together, static_cast<Index>(t));
          // The longest prompt fills the cache first.
          BOOST_TEST_REQUIRE(found.size() > cases[t].first.size() + 2);
          const Tokens expected(cases[t].second.begin(),
                                cases[t].second.begin() + static_cast<std::ptrdiff_t>(found.size()));
          BOOST_TEST(found == expected, boost::test_tools::per_element());
        }
      }
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(filtered_distributions_are_the_published_ones) {
  int cases = 0;
  for (const io::Json& c : golden()["filters"]) {
    const auto scores = c["scores"].get<std::vector<float>>();
    const auto seen = c["seen"].get<Tokens>();
    const auto expected = c["probabilities"].get<std::vector<double>>();
    Sampling s;
    s.temperature = c["temperature"];
    s.top_k = c["top_k"];
    s.top_p = c["top_p"];
    s.repetition_penalty = c["repetition_penalty"];
    Sampler sampler;
    BOOST_TEST_REQUIRE(sampler.reserve(static_cast<Index>(scores.size())).ok());
    sampler.set_scores(scores.data());
    sampler.penalise(seen.data(), static_cast<Index>(seen.size()), s.repetition_penalty);
    const double* found = sampler.distribution(s);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      BOOST_TEST((found[i] == 0) == (expected[i] == 0), "case " << cases << ", token " << i);
      BOOST_TEST(std::abs(found[i] - expected[i]) <= 1e-12);
    }
    // Drawn by inverting the distribution function.
    double sum = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (expected[i] > 1e-9) BOOST_TEST(sampler.draw(sum + expected[i] / 2) == static_cast<std::int32_t>(i));
      sum += expected[i];
    }
    ++cases;
  }
  BOOST_TEST(cases == 21);
}

BOOST_AUTO_TEST_CASE(draws_come_as_often_as_they_are_probable_and_the_same_again_for_a_seed) {
  const float scores[] = {0.0F, 1.0F, -1.0F, 2.0F};
  Sampler sampler;
  BOOST_TEST_REQUIRE(sampler.reserve(4).ok());
  Sampling s;
  s.seed = 42;
  int count[4] = {};
  constexpr int draws = 20000;
  for (int i = 0; i < draws; ++i) {
    const std::int32_t token = sampler.next(scores, nullptr, 0, s, static_cast<std::uint64_t>(i), 0);
    BOOST_TEST_REQUIRE(token == sampler.next(scores, nullptr, 0, s, static_cast<std::uint64_t>(i), 0));
    ++count[token];
  }
  sampler.set_scores(scores);
  const double* p = sampler.distribution(s);
  for (int i = 0; i < 4; ++i)  // four standard deviations
    BOOST_TEST(std::abs(count[i] - draws * p[i]) < 4 * std::sqrt(draws * p[i] * (1 - p[i])));
}

BOOST_AUTO_TEST_CASE(greedy_texts_of_gpt2_are_the_references) { check_greedy<GPT2LMHeadModel<>>("GPT2LMHeadModel"); }
BOOST_AUTO_TEST_CASE(greedy_texts_of_gpt_are_the_references) {
  check_greedy<OpenAIGPTLMHeadModel<>>("OpenAIGPTLMHeadModel");
}

BOOST_AUTO_TEST_CASE(greedy_texts_of_a_causal_xlm_are_the_references) {
  check_greedy<XLMWithLMHeadModel<>>("XLMWithLMHeadModel");
}

BOOST_AUTO_TEST_CASE(a_step_allocates_nothing_and_texts_end_where_they_should) {
  const auto p = load<GPT2LMHeadModel<>>("gpt2-lm-nolabels");
  for (const AnyBackend& backend : backends()) {
    if (std::string(backend.name()) == "eigen") continue;  // Eigen allocates inside
    auto packed = Packed<AnyBackend>::of(p->model, backend);
    Generator<GPT2LMHeadModel<>, AnyBackend> generator(p->model, backend, &*packed);
    BOOST_TEST_REQUIRE(generator.reserve(2, 5, 13).ok());
    const PromptSet prompts({{3, 1, 4, 1, 5}, {9, 2, 6}});
    GenerateOptions options;
    options.sampling.temperature = 0.8;
    options.sampling.top_k = 10;
    options.sampling.top_p = 0.9;
    options.sampling.repetition_penalty = 1.1;
    options.max_new_tokens = 6;
    struct Seen {
      int tokens = 0;
      bool stop_second = false;
    } seen;
    options.sink = {&seen, [](void* state, Index text, std::int32_t) {
                      auto& s = *static_cast<Seen*>(state);
                      ++s.tokens;
                      return !(s.stop_second && text == 1);
                    }};
    bool good = true;
    BOOST_TEST(counting::during([&] { good = generator.run(prompts.view(), options).ok(); }) == 0);
    BOOST_TEST(good);
    BOOST_TEST(generator.length(0) == 11);
    BOOST_TEST(generator.length(1) == 9);
    BOOST_TEST(seen.tokens == 12);
    const Tokens first = text_of(generator, 0);
    BOOST_TEST_REQUIRE(generator.run(prompts.view(), options).ok());
    BOOST_TEST(text_of(generator, 0) == first, boost::test_tools::per_element());
    // The caller ends one text; the other goes on as it did.
    seen = {0, true};
    BOOST_TEST_REQUIRE(generator.run(prompts.view(), options).ok());
    BOOST_TEST(generator.length(1) == 4);
    BOOST_TEST(text_of(generator, 0) == first, boost::test_tools::per_element());
    // A stop token belongs to the text that it ends.
    const std::int32_t stop = first[7];
    options.stop_tokens = &stop;
    options.stop_count = 1;
    options.sink = {};
    BOOST_TEST_REQUIRE(generator.run(prompts.view(), options).ok());
    const Tokens stopped = text_of(generator, 0);
    BOOST_TEST(stopped.back() == stop);
    BOOST_TEST(stopped.size() <= 8U);
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_generated_is_refused_with_a_sentence) {
  const auto p = load<GPT2LMHeadModel<>>("gpt2-lm-nolabels");
  Generator<GPT2LMHeadModel<>, AnyBackend> generator(p->model, AnyBackend::of(Reference<float>()));
  const auto says = [](const auto& result, const char* part) {
    BOOST_TEST(!result.ok());
    BOOST_TEST((std::string(result.error().message()).find(part) != std::string::npos), result.error().message());
  };
  says(generator.reserve(1, 5, 1000), "has room for 13 tokens, found 1000");
  says(generator.reserve(0, 5, 13), "0 texts");
  says(generator.step(), "start it");
  BOOST_TEST_REQUIRE(generator.reserve(1, 4, 13).ok());
  const PromptSet long_prompt({{1, 2, 3, 4, 5}}), two({{1}, {2}}), wrong({{1, 61}}), good({{1, 2}});
  GenerateOptions options;
  says(generator.run(long_prompt.view(), options), "prompt 0 has 5 tokens");
  says(generator.run(two.view(), options), "expected 1 prompts");
  const auto xlm = load<XLMWithLMHeadModel<>>("xlm-lm-langscausal");
  Generator<XLMWithLMHeadModel<>, AnyBackend> causal(xlm->model, AnyBackend::of(Reference<float>()));
  BOOST_TEST_REQUIRE(causal.reserve(2, 3, 10).ok());
  says(causal.run(PromptSet({{1}, {3, 4}}).view(), options), "one length");
  says(generator.run(wrong.view(), options), "61");
  options.sampling.top_p = 0;
  says(generator.run(good.view(), options), "top_p");
  options.sampling = {};
  options.sampling.temperature = -1;
  says(generator.run(good.view(), options), "temperature");
  options.sampling = {};
  BOOST_TEST(generator.run(good.view(), options).ok());
}
