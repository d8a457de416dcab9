// Generation: filtered distributions are the published ones; greedy continuations of tiny GPT, GPT-2, XLM,
// Transformer-XL and XLNet are the reference's, alone and of unequal prompts together, on every backend; beams are
// those of a search over whole texts (for GPT-2: those of another library); and a step allocates nothing.
#define BOOST_TEST_MODULE golden_generate
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <limits>
#include <map>

#include "context/counting.hpp"
#include "tessera/backends/reference/reference.hpp"
#include "tessera/generate/beam_search.hpp"
#include "tessera/generate/generator.hpp"
#include "tessera/pretrained/gpt.hpp"
#include "tessera/pretrained/transfo_xl.hpp"
#include "tessera/pretrained/xlm.hpp"
#include "tessera/pretrained/xlnet.hpp"
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

/// A model of a golden case, with some of its config changed.
template <class Model>
std::unique_ptr<Pretrained<Model>> load(const std::string& folder, const io::Json& changes = io::Json::object()) {
  const std::string path = std::string(TESSERA_GOLDEN_DIR) + "/models/" + folder;
  auto json = io::read_json(path + "/config.json");
  BOOST_TEST_REQUIRE(json.ok(), json.error().message());
  for (const auto& [key, value] : changes.items()) (*json)[key] = value;
  auto config = parse_config<typename Model::Config>(*json);
  BOOST_TEST_REQUIRE(config.ok(), config.error().message());
  auto state = io::load_state(path);
  BOOST_TEST_REQUIRE(state.ok(), state.error().message());
  auto loaded = from_state<Model>(std::move(*config), std::move(*state));
  BOOST_TEST_REQUIRE(loaded.ok(), loaded.error().message());
  return std::move(*loaded);
}

template <class G>
Tokens text_of(const G& generator, Index text) {
  return {generator.tokens(text), generator.tokens(text) + generator.length(text)};
}

/// Cases of one class, those together that are of one model.
std::map<std::string, std::vector<const io::Json*>> cases_of(const char* kind, const char* name) {
  std::map<std::string, std::vector<const io::Json*>> models;
  for (const io::Json& c : golden()[kind])
    if (c["class"] == name)
      models[c["folder"].get<std::string>() + c["config"].dump() + c["language"].dump()].push_back(&c);
  BOOST_TEST_REQUIRE(!models.empty());
  return models;
}
std::string folder_of(const io::Json& c) { return c["folder"]; }
Tokens tokens_of(const io::Json& c, const char* key) { return c[key]; }
void set_language(TextOptions& options, const io::Json& c) {
  options.language = c["language"].get<Index>();
  options.mask_token = c["mask"].get<Index>();
}

/// Every prompt alone, then all of a model together.
template <class Model>
void check_greedy(const char* name) {
  for (const auto& [key, cases] : cases_of("greedy", name)) {
    const auto p = load<Model>(folder_of(*cases[0]), (*cases[0])["config"]);
    for (const AnyBackend& backend : backends()) {
      BOOST_TEST_CONTEXT(key << " on " << backend.name()) {
        GenerateOptions options;
        options.sampling.temperature = 0;
        options.max_new_tokens = 1000;
        set_language(options, *cases[0]);
        std::vector<Tokens> prompts, texts;
        Index longest = 0;
        for (const io::Json* c : cases) {
          prompts.push_back(tokens_of(*c, "prompt"));
          texts.push_back(tokens_of(*c, "tokens"));
          Generator<Model, AnyBackend> one(p->model, backend);
          const auto reserved =
              one.reserve(1, static_cast<Index>(prompts.back().size()), static_cast<Index>(texts.back().size()));
          BOOST_TEST_REQUIRE(reserved.ok(), reserved.error().message());
          const auto done = one.run(PromptSet({prompts.back()}).view(), options);
          BOOST_TEST_REQUIRE(done.ok(), done.error().message());
          BOOST_TEST(text_of(one, 0) == texts.back(), boost::test_tools::per_element());
          longest = std::max<Index>(longest, static_cast<Index>(prompts.back().size()));
        }
        const auto room = static_cast<Index>(texts[0].size());
        Generator<Model, AnyBackend> together(p->model, backend);
        BOOST_TEST_REQUIRE(together.reserve(static_cast<Index>(prompts.size()), longest, room).ok());
        const auto done = together.run(PromptSet(prompts).view(), options);
        BOOST_TEST_REQUIRE(done.ok(), done.error().message());
        for (std::size_t t = 0; t < cases.size(); ++t) {
          const Tokens found = text_of(together, static_cast<Index>(t));
          // With holes the longest prompt fills the cache first; else each text goes on to its end.
          if (together.model().order() != ReadingOrder::with_holes) BOOST_TEST_REQUIRE(found.size() == texts[t].size());
          BOOST_TEST_REQUIRE(found.size() > prompts[t].size() + 2);
          const Tokens expected(texts[t].begin(), texts[t].begin() + static_cast<std::ptrdiff_t>(found.size()));
          BOOST_TEST(found == expected, boost::test_tools::per_element());
        }
      }
    }
  }
}

/// Beams of a prompt, and of it beside another one.
template <class Model>
void check_beams(const char* name) {
  for (const auto& [key, cases] : cases_of("beams", name)) {
    const auto p = load<Model>(folder_of(*cases[0]), (*cases[0])["config"]);
    for (const AnyBackend& backend : backends())
      for (const io::Json* given : cases) {
        const io::Json& c = *given;
        BOOST_TEST_CONTEXT(key << ", " << c["beams"] << " beams, stops " << c["stops"] << " on " << backend.name()) {
          const auto prompt = tokens_of(c, "prompt"), stops = tokens_of(c, "stops");
          const auto room = c["room"].get<Index>(), length = static_cast<Index>(prompt.size());
          BeamOptions options;
          options.max_new_tokens = room - length;
          options.stop_tokens = stops.data();
          options.stop_count = static_cast<Index>(stops.size());
          options.length_penalty = c["length_penalty"];
          options.early_stopping = c["early"];
          set_language(options, c);
          BeamSearch<Model, AnyBackend> search(p->model, backend);
          const auto reserved = search.reserve(2, c["beams"], length, room, options.stop_count);
          BOOST_TEST_REQUIRE(reserved.ok(), reserved.error().message());
          Tokens other(prompt.rbegin(), prompt.rend());
          if (search.model().takes_unequal_prompts()) other.pop_back();
          const auto done = search.run(PromptSet({prompt, other}).view(), options);
          BOOST_TEST_REQUIRE(done.ok(), done.error().message());
          const auto texts = c["texts"].get<std::vector<Tokens>>();
          const auto scores = c["scores"].get<std::vector<double>>();
          BOOST_TEST_REQUIRE(search.found(0) == static_cast<Index>(texts.size()));
          for (std::size_t rank = 0; rank < texts.size(); ++rank) {
            const auto r = static_cast<Index>(rank);
            const Tokens found(search.tokens(0, r), search.tokens(0, r) + search.length(0, r));
            BOOST_TEST(found == texts[rank], boost::test_tools::per_element());
            BOOST_TEST(std::abs(search.score(0, r) - scores[rank]) < 1e-4);
          }
        }
      }
  }
}

/// A text that is drawn, and at each step the distribution that it is drawn from.
template <class Model>
void check_sampled(const char* name) {
  for (const auto& [key, cases] : cases_of("sampled", name)) {
    const io::Json& c = *cases[0];
    const auto p = load<Model>(folder_of(c), c["config"]);
    const auto prompt = tokens_of(c, "prompt"), expected = tokens_of(c, "tokens");
    for (const AnyBackend& backend : backends()) {
      BOOST_TEST_CONTEXT(key << " on " << backend.name()) {
        GenerateOptions options;
        set_language(options, c);
        Sampling& s = options.sampling;
        s.temperature = c["temperature"];
        s.top_k = c["top_k"];
        s.top_p = c["top_p"];
        s.repetition_penalty = c["repetition_penalty"];
        s.seed = c["seed"];
        Generator<Model, AnyBackend> generator(p->model, backend);
        const auto length = static_cast<Index>(prompt.size()), room = static_cast<Index>(expected.size());
        BOOST_TEST_REQUIRE(generator.reserve(1, length, room).ok());
        BOOST_TEST_REQUIRE(generator.start(PromptSet({prompt}).view(), options).ok());
        Sampler sampler;
        BOOST_TEST_REQUIRE(sampler.reserve(generator.model().vocabulary()).ok());
        for (const io::Json& step : c["probabilities"]) {
          const std::vector<double> published = step;
          sampler.set_scores(generator.scores(0));
          sampler.penalise(generator.tokens(0), generator.length(0), s.repetition_penalty);
          // The rule for scores, 1e-6 of their scale, as penalty and temperature stretch it.
          float scale = 0;
          for (std::size_t i = 0; i < published.size(); ++i) scale = std::max(scale, std::abs(generator.scores(0)[i]));
          const double allowed = 1e-6 * static_cast<double>(scale) * s.repetition_penalty / s.temperature;
          const double* const found = sampler.distribution(s);
          for (std::size_t i = 0; i < published.size(); ++i) {
            BOOST_TEST_REQUIRE((found[i] == 0) == (published[i] == 0), "token " << i);
            BOOST_TEST_REQUIRE(std::abs(found[i] - published[i]) <= allowed);
          }
          BOOST_TEST_REQUIRE(generator.step().ok());
        }
        BOOST_TEST(text_of(generator, 0) == expected, boost::test_tools::per_element());
      }
    }
  }
}

/// Neither a step nor a search allocates.
template <class Model>
void check_allocations(const char* folder, const io::Json& changes = io::Json::object()) {
  const auto p = load<Model>(folder, changes);
  for (const AnyBackend& backend : backends()) {
    if (std::string(backend.name()) == "eigen") continue;  // Eigen allocates inside
    BOOST_TEST_CONTEXT(folder << " on " << backend.name()) {
      const auto packed = Packed<AnyBackend>::of(p->model, backend);
      const PromptSet prompts({{3, 1, 4}, {9, 6, 5}});
      Generator<Model, AnyBackend> generator(p->model, backend, &*packed);
      BOOST_TEST_REQUIRE(generator.reserve(2, 3, 10).ok());
      GenerateOptions options;
      options.max_new_tokens = 7;
      options.mask_token = 5;
      bool good = true;
      BOOST_TEST(counting::during([&] { good = generator.run(prompts.view(), options).ok(); }) == 0);
      BOOST_TEST(good);
      BOOST_TEST(generator.length(1) == 10);
      BeamSearch<Model, AnyBackend> search(p->model, backend, &*packed);
      BOOST_TEST_REQUIRE(search.reserve(2, 3, 3, 10).ok());
      BeamOptions beams;
      beams.max_new_tokens = 7;
      beams.mask_token = 5;
      BOOST_TEST(counting::during([&] { good = search.run(prompts.view(), beams).ok(); }) == 0);
      BOOST_TEST(good);
      BOOST_TEST(search.found(1) == 3);
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

BOOST_AUTO_TEST_CASE(the_largest_score_is_the_first_of_equal_ones_wherever_it_lies) {
  std::uint32_t state = 1;
  const auto random = [&] { return (state = state * 1664525U + 1013904223U) >> 16; };
  for (int c = 0; c < 2000; ++c) {
    std::vector<float> scores(1 + random() % 700);
    for (float& x : scores) x = -static_cast<float>(random() % 50);
    if (c % 3 == 0) scores[random() % scores.size()] = 1;
    if (c % 7 == 0) scores.assign(scores.size(), -std::numeric_limits<float>::infinity());
    Sampler sampler;
    BOOST_TEST_REQUIRE(sampler.reserve(static_cast<Index>(scores.size())).ok());
    BOOST_TEST(sampler.largest(scores.data()) ==
               static_cast<std::int32_t>(std::max_element(scores.begin(), scores.end()) - scores.begin()));
  }
}

BOOST_AUTO_TEST_CASE(texts_and_beams_of_gpt2_are_the_references) {
  check_greedy<GPT2LMHeadModel<>>("GPT2LMHeadModel");
  check_sampled<GPT2LMHeadModel<>>("GPT2LMHeadModel");
  check_beams<GPT2LMHeadModel<>>("GPT2LMHeadModel");
}
BOOST_AUTO_TEST_CASE(texts_and_beams_of_gpt_are_the_references) {
  check_greedy<OpenAIGPTLMHeadModel<>>("OpenAIGPTLMHeadModel");
  check_sampled<OpenAIGPTLMHeadModel<>>("OpenAIGPTLMHeadModel");
  check_beams<OpenAIGPTLMHeadModel<>>("OpenAIGPTLMHeadModel");
}
BOOST_AUTO_TEST_CASE(texts_and_beams_of_xlm_are_the_references) {
  check_greedy<XLMWithLMHeadModel<>>("XLMWithLMHeadModel");
  check_sampled<XLMWithLMHeadModel<>>("XLMWithLMHeadModel");
  check_beams<XLMWithLMHeadModel<>>("XLMWithLMHeadModel");
}
BOOST_AUTO_TEST_CASE(texts_and_beams_of_transformer_xl_are_the_references) {
  check_greedy<TransfoXLLMHeadModel<>>("TransfoXLLMHeadModel");
  check_sampled<TransfoXLLMHeadModel<>>("TransfoXLLMHeadModel");
  check_beams<TransfoXLLMHeadModel<>>("TransfoXLLMHeadModel");
}
BOOST_AUTO_TEST_CASE(texts_and_beams_of_xlnet_are_the_references) {
  check_greedy<XLNetLMHeadModel<>>("XLNetLMHeadModel");
  check_sampled<XLNetLMHeadModel<>>("XLNetLMHeadModel");
  check_beams<XLNetLMHeadModel<>>("XLNetLMHeadModel");
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

BOOST_AUTO_TEST_CASE(slots_take_what_others_had_in_every_way_there_is) {
  constexpr Index count = 5;
  for (Index code = 0; code < 3125; ++code) {  // 5^5 maps
    Index from[count], work[2 * count], slot[count + 1];
    for (Index t = 0, rest = code; t < count; ++t, rest /= count) from[t] = rest % count;
    for (Index t = 0; t < count; ++t) slot[t + 1] = t;
    slot[0] = -1;  // the spare one
    reorder_slots(from, count, work, [&](Index to, Index source) { slot[to + 1] = slot[source + 1]; });
    for (Index t = 0; t < count; ++t) BOOST_TEST_REQUIRE(slot[t + 1] == from[t], "map " << code);
  }
}

BOOST_AUTO_TEST_CASE(no_model_allocates_for_a_token) {
  check_allocations<GPT2LMHeadModel<>>("gpt2-lm-nolabels");
  check_allocations<OpenAIGPTLMHeadModel<>>("gpt-lm-nolabels");
  check_allocations<XLMWithLMHeadModel<>>("xlm-lm-langscausal");
  check_allocations<XLMWithLMHeadModel<>>("xlm-lm-nolabels");
  check_allocations<TransfoXLLMHeadModel<>>("transfoxl-lm-div2mems");
  check_allocations<TransfoXLLMHeadModel<>>("transfoxl-lm-untiedw", {{"mem_len", 7}});
  check_allocations<XLNetLMHeadModel<>>("xlnet-lm-nolabels");
}

BOOST_AUTO_TEST_CASE(a_search_with_a_beam_for_each_beginning_finds_what_trying_all_texts_finds) {
  constexpr Index words = 5, more = 4;
  auto json = io::read_json(std::string(TESSERA_GOLDEN_DIR) + "/models/gpt2-lm-nolabels/config.json");
  BOOST_TEST_REQUIRE(json.ok());
  (*json)["vocab_size"] = words;
  (*json)["initializer_range"] = 0.6;  // far from uniform
  for (const double length_penalty : {0.0, 0.9}) {
    auto p = from_state<GPT2LMHeadModel<>>(
        *parse_config<GPT2Config>(*json), io::State(), [](std::string_view) { return true; }, 11);
    BOOST_TEST_REQUIRE(p.ok(), p.error().message());
    const auto& model = (*p)->model;
    const AnyBackend backend = AnyBackend::of(Reference<float>());
    Session<GPT2LMHeadModel<>, AnyBackend> session(model, backend);
    // The sum of the log-probabilities of the tokens behind the prompt.
    const auto log_probability = [&](const Tokens& tokens, std::size_t prompt) {
      GPT2LMHeadModel<>::Input in;
      in.layout = Layout::padded(1, static_cast<Index>(tokens.size()));
      in.input_ids = View::of_const(tokens.data(), DType::i32, Index{1}, in.layout.longest);
      BOOST_TEST_REQUIRE(session.reserve(in).ok());
      const auto out = session.run(in);
      BOOST_TEST_REQUIRE(out.ok(), out.error().message());
      double all = 0;
      for (std::size_t t = prompt; t < tokens.size(); ++t) {
        const float* const scores = (*out)->logits.view().template as<const float>() + (t - 1) * words;
        double sum = 0;
        for (Index i = 0; i < words; ++i) sum += std::exp(static_cast<double>(scores[i]));
        all += static_cast<double>(scores[tokens[t]]) - std::log(sum);
      }
      return all;
    };
    const Tokens prompt{1, 3};
    const std::int32_t stop = 2;
    std::vector<std::pair<double, Tokens>> all;
    const auto try_all = [&](const auto& again, const Tokens& tokens) -> void {
      for (std::int32_t i = 0; i < words; ++i) {
        Tokens longer = tokens;
        longer.push_back(i);
        const std::size_t grown = longer.size() - prompt.size();
        if (i != stop && grown < more) {
          again(again, longer);
          continue;
        }
        const double penalty = std::pow((5.0 + static_cast<double>(grown)) / 6.0, length_penalty);
        all.emplace_back(log_probability(longer, prompt.size()) / penalty, longer);
      }
    };
    try_all(try_all, prompt);
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first > b.first; });

    BeamSearch<GPT2LMHeadModel<>, AnyBackend> search(model, backend);
    constexpr Index width = 64;  // beginnings of three tokens that do not stop
    BOOST_TEST_REQUIRE(search.reserve(1, width, 2, 2 + more).ok());
    BeamOptions options;
    options.max_new_tokens = more;
    options.stop_tokens = &stop;
    options.stop_count = 1;
    options.length_penalty = length_penalty;
    const auto done = search.run(PromptSet({prompt}).view(), options);
    BOOST_TEST_REQUIRE(done.ok(), done.error().message());
    BOOST_TEST_REQUIRE(search.found(0) == width);
    for (Index rank = 0; rank < width; ++rank) {
      const auto& [score, tokens] = all[static_cast<std::size_t>(rank)];
      const Tokens found(search.tokens(0, rank), search.tokens(0, rank) + search.length(0, rank));
      BOOST_TEST(found == tokens, boost::test_tools::per_element());
      BOOST_TEST(std::abs(search.score(0, rank) - score) < 1e-5);
    }
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
  says(generator.reserve(1, 13, 13), "prompts of 13 tokens and a new one do not fit into 13");
  says(generator.step(), "start it");
  BOOST_TEST_REQUIRE(generator.reserve(1, 4, 13).ok());
  const PromptSet long_prompt({{1, 2, 3, 4, 5}}), two({{1}, {2}}), wrong({{1, 61}}), good({{1, 2}});
  GenerateOptions options;
  says(generator.run(long_prompt.view(), options), "prompt 0 has 5 tokens");
  says(generator.run(two.view(), options), "expected 1 prompts");
  says(generator.run(wrong.view(), options), "61");
  options.sampling.top_p = 0;
  says(generator.run(good.view(), options), "top_p");
  options.sampling = {};
  for (const double temperature : {-1.0, 1e-310, 1e40}) {
    options.sampling.temperature = temperature;
    says(generator.run(good.view(), options), "temperature");
  }
  options.sampling = {};
  options.language = 1;
  says(generator.run(good.view(), options), "takes no language");
  options.language = -1;
  options.max_new_tokens = 0;
  says(generator.run(good.view(), options), "max_new_tokens: expected 1 or more, found 0");
  options.max_new_tokens = 3;
  says(generator.run(PromptSet(std::vector<Tokens>(1)).view(), options), "prompt 0 has 0 tokens, expected 1 to 4");
  BOOST_TEST(generator.run(good.view(), options).ok());
  says(generator.reserve(2, 4, 14), "has room for 13 tokens, found 14");
  says(generator.run(two.view(), options), "call reserve");
  BOOST_TEST_REQUIRE(generator.reserve(1, 4, 13).ok());

  BeamSearch<GPT2LMHeadModel<>, AnyBackend> search(p->model, AnyBackend::of(Reference<float>()));
  BeamOptions beams;
  says(search.run(good.view(), beams), "call reserve");
  says(search.reserve(1, 0, 4, 13), "beams: expected 1 to 1024, found 0");
  says(search.reserve(1, 2, 4, 14), "has room for 13 tokens, found 14");
  BOOST_TEST_REQUIRE(search.reserve(1, 2, 4, 13, 1).ok());
  says(search.run(two.view(), beams), "expected 1 prompts as reserved, found 2");
  beams.length_penalty = -1;
  says(search.run(good.view(), beams), "length_penalty: expected 0 to 100, found -1");
  beams.length_penalty = 0;
  const std::int32_t stops[] = {1, 2};
  beams.stop_tokens = stops;
  beams.stop_count = 2;
  says(search.run(good.view(), beams), "2 stop tokens, reserved for 1");
  beams.stop_count = 1;
  // Of damaged weights nothing is generated.
  BOOST_TEST_REQUIRE(p->own_weights().ok());
  for (const float damage : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    p->model.base.embeddings.word.weight.view.row<float>(7)[0] = damage;
    says(generator.run(good.view(), options), "are no numbers");
    says(search.run(good.view(), beams), "are no numbers");
  }

  const AnyBackend reference = AnyBackend::of(Reference<float>());
  const auto masked = load<XLMWithLMHeadModel<>>("xlm-lm-nolabels");
  Generator<XLMWithLMHeadModel<>, AnyBackend> fills_in(masked->model, reference);
  BOOST_TEST_REQUIRE(fills_in.reserve(1, 4, 13).ok());
  says(fills_in.run(good.view(), options), "expected the id of its mask token");
  options.mask_token = 62;
  says(fills_in.run(good.view(), options), "value 62 at position 2 is outside of [0, 62)");
  options.mask_token = 5;
  options.language = 0;
  says(fills_in.run(good.view(), options), "one language");
  options.language = 9;
  const auto two_languages = load<XLMWithLMHeadModel<>>("xlm-lm-langscausal");
  Generator<XLMWithLMHeadModel<>, AnyBackend> speaks(two_languages->model, reference);
  BOOST_TEST_REQUIRE(speaks.reserve(1, 4, 13).ok());
  says(speaks.run(good.view(), options), "langs: value 9");
  options.language = -1;
  const auto segments = load<TransfoXLLMHeadModel<>>("transfoxl-lm-div4");
  Generator<TransfoXLLMHeadModel<>, AnyBackend> unequal(segments->model, reference);
  BOOST_TEST_REQUIRE(unequal.reserve(2, 2, 10).ok());
  says(unequal.run(PromptSet({{1}, {3, 4}}).view(), options), "expected prompts of one length, found 1 to 2 tokens");
  // Without a memory same_length hides every key, so that what stands behind a text counts, too.
  for (const bool same_length : {true, false}) {
    TransfoXLConfig config = segments->file.config;
    config.mem_len = 0;
    config.same_length = same_length;
    TransfoXLLMHeadModel<> model(config);
    const auto weights = Weights::of(model);
    BOOST_TEST_REQUIRE(weights.ok());
    bind_ties(model);
    Generator<TransfoXLLMHeadModel<>, AnyBackend> whole(model, reference);
    BOOST_TEST_REQUIRE(whole.reserve(2, 2, 10).ok());
    const auto ran = whole.run(PromptSet({{1}, {3, 4}}).view(), options);
    if (same_length)
      says(ran, "expected prompts of one length");
    else
      BOOST_TEST(ran.ok(), ran.error().message());
  }
}
