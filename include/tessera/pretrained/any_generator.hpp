// AnyGenerator: continues texts of tokens with the language model of a folder, of any architecture that has one.
//
// Architectures: OpenAI GPT, GPT-2, Transformer-XL, XLNet, XLM. Texts are drawn (Generator) or searched for
// (BeamSearch); with text in and out: text_generator.hpp.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "tessera/generate/beam_search.hpp"
#include "tessera/generate/generator.hpp"
#include "tessera/pretrained/auto.hpp"

namespace tessera::inline TESSERA_ISA {

class AnyGenerator {
 public:
  virtual ~AnyGenerator() = default;

  /// The model of a folder; `architecture`: without it, the one that the folder has.
  static Result<std::unique_ptr<AnyGenerator>> from_pretrained(const std::string& folder,
                                                               std::optional<Architecture> architecture = {});

  virtual Architecture architecture() const noexcept = 0;
  virtual const LoadReport& report() const noexcept = 0;
  virtual const io::Json& config() const noexcept = 0;
  virtual Index vocabulary() const noexcept = 0;
  /// The most tokens of a text, prompt included; 2^30 where positions are relative.
  virtual Index context_size() const noexcept = 0;

  /// Packs the weights for a backend. Before anything is generated.
  virtual Result<void> prepare(const AnyBackend& backend, const Executor& executor = {},
                               Precision precision = Precision::f32) = 0;
  /// Whether prompts of one call may differ in length. After prepare.
  virtual bool takes_unequal_prompts() const noexcept = 0;
  /// Continues each prompt by up to max_new_tokens tokens. Memory is taken when a call needs more than those before.
  virtual Result<void> generate(const Prompts& prompts, const GenerateOptions& options) = 0;
  /// The same by a search with `width` beams.
  virtual Result<void> search(const Prompts& prompts, Index width, const BeamOptions& options) = 0;

  /// What the last call found for a prompt, best first: one text that was drawn, or up to `width`.
  virtual Index found(Index text) const noexcept = 0;
  /// Prompt and continuation.
  virtual const std::int32_t* tokens(Index text, Index rank = 0) const noexcept = 0;
  virtual Index length(Index text, Index rank = 0) const noexcept = 0;
  /// Of a search; 0 for a text that was drawn.
  virtual double score(Index text, Index rank = 0) const noexcept = 0;
};

namespace detail {

template <class Model>
class AnyGeneratorOf final : public AnyGenerator {
 public:
  AnyGeneratorOf(Architecture architecture, std::unique_ptr<Pretrained<Model>> loaded)
      : architecture_(architecture), loaded_(std::move(loaded)) {}

  Architecture architecture() const noexcept override { return architecture_; }
  const LoadReport& report() const noexcept override { return loaded_->report; }
  const io::Json& config() const noexcept override { return loaded_->file.json; }
  Index vocabulary() const noexcept override { return loaded_->file.config.vocabulary(); }
  Index context_size() const noexcept override { return most_tokens(loaded_->model.base, Index{1} << 30); }

  Result<void> prepare(const AnyBackend& backend, const Executor& executor, Precision precision) override {
    generator_.reset();
    search_.reset();
    TESSERA_TRY_ASSIGN(packed_, loaded_->pack(backend, precision, executor));
    generator_ = std::make_unique<Generator<Model, AnyBackend>>(loaded_->model, backend, &packed_, executor);
    search_ = std::make_unique<BeamSearch<Model, AnyBackend>>(loaded_->model, backend, &packed_, executor);
    drawn_room_ = beam_room_ = Room();
    return {};
  }
  bool takes_unequal_prompts() const noexcept override {
    return generator_ == nullptr || generator_->model().takes_unequal_prompts();
  }
  Result<void> generate(const Prompts& prompts, const GenerateOptions& options) override {
    TESSERA_TRY_ASSIGN(const Room room, room_for(prompts, 1, options, drawn_room_));
    if (!(room == drawn_room_)) {
      drawn_room_ = Room();
      TESSERA_TRY(generator_->reserve(room.texts, room.prompt, room.capacity));
      drawn_room_ = room;
    }
    searched_ = false;
    return generator_->run(prompts, options);
  }
  Result<void> search(const Prompts& prompts, Index width, const BeamOptions& options) override {
    TESSERA_TRY_ASSIGN(Room room, room_for(prompts, width, options, beam_room_));
    room.stops = (std::max)(options.stop_count, room.stops);
    if (!(room == beam_room_)) {
      beam_room_ = Room();
      TESSERA_TRY(search_->reserve(room.texts, width, room.prompt, room.capacity, room.stops));
      beam_room_ = room;
    }
    searched_ = true;
    return search_->run(prompts, options);
  }

  Index found(Index text) const noexcept override { return searched_ ? search_->found(text) : 1; }
  const std::int32_t* tokens(Index text, Index rank) const noexcept override {
    return searched_ ? search_->tokens(text, rank) : generator_->tokens(text);
  }
  Index length(Index text, Index rank) const noexcept override {
    return searched_ ? search_->length(text, rank) : generator_->length(text);
  }
  double score(Index text, Index rank) const noexcept override { return searched_ ? search_->score(text, rank) : 0; }

 private:
  /// What is reserved.
  struct Room {
    Index texts = 0, width = 1, prompt = 0, capacity = 0, stops = 0;
    bool operator==(const Room&) const = default;
  };

  /// Room for these prompts, and for those that there was room for already.
  Result<Room> room_for(const Prompts& prompts, Index width, const TextOptions& options, const Room& old) const {
    if (generator_ == nullptr)
      return Error::format(Code::invalid_argument, "%s: call prepare before", std::string(name(architecture_)).c_str());
    Index longest = 0;
    for (Index t = 0; t < prompts.texts; ++t) longest = (std::max)(longest, prompts.length(t));
    const Index all = context_size(), more = options.max_new_tokens;
    if (more > 0 && (longest > all || more > all - longest))
      return Error::format(Code::out_of_range,
                           "generator: a prompt of %lld tokens and %lld new ones: the model has room for %lld",
                           static_cast<long long>(longest), static_cast<long long>(more), static_cast<long long>(all));
    Room room{prompts.texts, width, (std::max)(longest, Index{1}),
              (std::max)(longest, Index{1}) + (std::max)(more, Index{1}), old.stops};
    if (old.texts != room.texts || old.width != room.width) return room;
    room.prompt = (std::max)(room.prompt, old.prompt);
    room.capacity = (std::max)(room.capacity, old.capacity);
    return room;
  }

  Architecture architecture_;
  std::unique_ptr<Pretrained<Model>> loaded_;
  Packed<AnyBackend> packed_;
  std::unique_ptr<Generator<Model, AnyBackend>> generator_;
  std::unique_ptr<BeamSearch<Model, AnyBackend>> search_;
  Room drawn_room_, beam_room_;
  bool searched_ = false;
};

template <class Model>
Result<std::unique_ptr<AnyGenerator>> load_generator(Architecture architecture, const std::string& folder) {
  TESSERA_TRY_ASSIGN(auto loaded, tessera::from_pretrained<Model>(folder));
  return std::unique_ptr<AnyGenerator>(std::make_unique<AnyGeneratorOf<Model>>(architecture, std::move(loaded)));
}

}  // namespace detail

inline Result<std::unique_ptr<AnyGenerator>> AnyGenerator::from_pretrained(const std::string& folder,
                                                                           std::optional<Architecture> architecture) {
  if (!architecture) {
    TESSERA_TRY_ASSIGN(architecture, architecture_of(folder));
  }
  switch (*architecture) {
    case Architecture::openai_gpt: return detail::load_generator<OpenAIGPTLMHeadModel<>>(*architecture, folder);
    case Architecture::gpt2: return detail::load_generator<GPT2LMHeadModel<>>(*architecture, folder);
    case Architecture::transfo_xl: return detail::load_generator<TransfoXLLMHeadModel<>>(*architecture, folder);
    case Architecture::xlnet: return detail::load_generator<XLNetLMHeadModel<>>(*architecture, folder);
    case Architecture::xlm: return detail::load_generator<XLMWithLMHeadModel<>>(*architecture, folder);
    case Architecture::bert:
    case Architecture::roberta:
    case Architecture::distilbert: break;
  }
  return Error::format(Code::unsupported, "%s: %s generates no text; openai-gpt, gpt2, transfo-xl, xlnet and xlm do",
                       folder.c_str(), std::string(name(*architecture)).c_str());
}

}  // namespace tessera
