// TextGenerator: continues texts with the language model and the tokenizer of a folder.
//
//   auto generator = TextGenerator::from_pretrained("gpt2");
//   (*generator)->prepare(backend);
//   auto texts = (*generator)->generate({"Once upon a time"}, request);
//
// What the example program run_generation of pytorch-transformers 1.2.0 does, in batches and with beams: the prompt is
// encoded without special tokens, for Transformer-XL and XLNet behind a padding text that gives them something to look
// back at (they continue short prompts badly), and of the new tokens the special ones are not shown.
#pragma once

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/pretrained/any_generator.hpp"
#include "tessera/pretrained/tokenizer_files.hpp"
#include "tessera/text/stream_decoder.hpp"

namespace tessera::inline TESSERA_ISA {

/// Sees the text that a token adds as soon as it is certain, never a part of a character, and nothing of what ends it.
/// What it sees is not cleaned up (GeneratedText::text). False ends the text. Not called in a search.
struct PieceSink {
  void* state = nullptr;
  bool (*take)(void* state, std::size_t prompt, Index sample, std::string_view piece) = nullptr;
};

struct TextRequest {
  Sampling sampling;
  Index max_new_tokens = 20;  ///< less than 0: as many as there is room for, 10000 at most
  Index samples = 1;          ///< texts for each prompt: drawn each from its own numbers, or the best of a search
  Index beams = 0;            ///< more than 0: a search, and `sampling` has no influence
  double length_penalty = 0;
  bool early_stopping = false;
  std::string padding_text;        ///< before each prompt, for Transformer-XL and XLNet; others ignore it
  std::string language;            ///< of the texts, for an XLM of several
  std::vector<std::string> stops;  ///< a text ends before the first of them; special tokens, or any text
  Index batch = 8;                 ///< texts that are run together; no influence on what is drawn
  std::uint64_t first_prompt = 0;  ///< the number of the first prompt: calls for parts of a list draw as one for all
  PieceSink sink;
};

struct GeneratedText {
  std::string text;                  ///< what follows the prompt, cleaned up as decode does
  std::vector<std::int32_t> tokens;  ///< the new ones, with what ended them
  double score = 0;                  ///< of a search
  bool stopped = false;              ///< ended by one of the stops (or by the sink), not by its length
};

class TextGenerator {
 public:
  static Result<std::unique_ptr<TextGenerator>> from_pretrained(
      const std::string& folder, std::optional<Architecture> architecture = {}) noexcept {
    return guarded([&]() -> Result<std::unique_ptr<TextGenerator>> {
      // NOLINTNEXTLINE(bugprone-unhandled-exception-at-new): guarded handles it
      auto made = std::unique_ptr<TextGenerator>(new TextGenerator());
      TESSERA_TRY_ASSIGN(made->model_, AnyGenerator::from_pretrained(folder, architecture));
      TESSERA_TRY_ASSIGN(auto loaded, pretrained::load_tokenizer(folder, class_of(made->model_->architecture())));
      made->tokenizer_ = std::move(loaded.tokenizer);
      return made;
    });
  }

  AnyGenerator& model() noexcept { return *model_; }
  const text::Tokenizer& tokenizer() const noexcept { return *tokenizer_; }
  Result<void> prepare(const AnyBackend& backend, const Executor& executor = {}, Precision precision = Precision::f32) {
    return model_->prepare(backend, executor, precision);
  }

  /// `samples` texts for each prompt, next to each other in the order of the prompts.
  Result<std::vector<GeneratedText>> generate(std::span<const std::string> prompts,
                                              const TextRequest& request) noexcept {
    return guarded([&]() -> Result<std::vector<GeneratedText>> {
      TESSERA_TRY_ASSIGN(Run run, begin(prompts, request));
      for (std::size_t first = 0; first < run.order.size();) {
        const std::size_t last = end_of_batch(run, first, request.batch);
        TESSERA_TRY(request.beams > 0 ? search(run, first, last) : draw(run, first, last));
        first = last;
      }
      return std::move(run.texts);
    });
  }

 private:
  /// One call: what is made of its request and prompts.
  struct Run {
    const TextRequest* request = nullptr;
    TextOptions common;
    std::vector<std::int32_t> stop_tokens;
    std::vector<std::string> stop_texts;
    std::size_t longest_stop = 0;
    std::vector<text::Ids> prompts;
    std::vector<std::size_t> order;  ///< of texts to draw (samples of each prompt), or of prompts: by length
    std::vector<GeneratedText> texts;
  };
  /// A text that comes into being.
  struct Growing {
    text::StreamDecoder decoder;
    std::size_t number = 0;  ///< among all of the call
    std::size_t shown = 0;   ///< bytes that the sink has seen
  };
  struct Batch {
    TextGenerator* generator = nullptr;
    Run* run = nullptr;
    std::vector<Growing> growing;
    Error error;
  };

  TextGenerator() = default;

  static std::string class_of(Architecture architecture) {
    switch (architecture) {
      case Architecture::openai_gpt: return "OpenAIGPTTokenizer";
      case Architecture::gpt2: return "GPT2Tokenizer";
      case Architecture::transfo_xl: return "TransfoXLTokenizer";
      case Architecture::xlnet: return "XLNetTokenizer";
      default: return "XLMTokenizer";
    }
  }

  Result<Run> begin(std::span<const std::string> prompts, const TextRequest& request) const {
    if (request.samples <= 0 || request.batch <= 0)
      return Error::format(Code::out_of_range, "text generation: %s: expected 1 or more, found %lld",
                           request.samples <= 0 ? "samples" : "batch",
                           static_cast<long long>(request.samples <= 0 ? request.samples : request.batch));
    if (request.beams < 0 || (request.beams > 0 && request.samples > request.beams))
      return Error::format(Code::out_of_range, "text generation: %lld samples of %lld beams",
                           static_cast<long long>(request.samples), static_cast<long long>(request.beams));
    Run run;
    run.request = &request;
    const Architecture architecture = model_->architecture();
    const bool pads = architecture == Architecture::transfo_xl || architecture == Architecture::xlnet;
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      auto row = tokenizer_->encode(pads ? request.padding_text + prompts[i] : prompts[i]);
      const std::string where = "prompt " + std::to_string(request.first_prompt + i + 1);
      if (!row) return row.error().in(where.c_str());
      if (row->ids.empty())
        return Error::format(Code::invalid_argument, "%s: expected at least one token, found none", where.c_str());
      if (const auto tokens = static_cast<Index>(row->ids.size()); tokens >= model_->context_size())
        return Error::format(Code::out_of_range, "%s: its %lld tokens leave no room for another, the model has %lld",
                             where.c_str(), static_cast<long long>(tokens),
                             static_cast<long long>(model_->context_size()));
      run.prompts.push_back(std::move(row->ids));
    }
    run.common.max_new_tokens = request.max_new_tokens;
    TESSERA_TRY_ASSIGN(run.common.language, language_id(request.language));
    if (architecture == Architecture::xlm) {
      TESSERA_TRY_ASSIGN(run.common.mask_token, mask_id());
    }
    const auto& special = tokenizer_->all_special_tokens();
    for (const std::string& stop : request.stops) {
      if (std::find(special.begin(), special.end(), stop) != special.end()) {
        TESSERA_TRY_ASSIGN(const text::Id id, tokenizer_->token_to_id(stop));
        run.stop_tokens.push_back(id);
      } else if (!stop.empty()) {
        run.stop_texts.push_back(stop);
        run.longest_stop = (std::max)(run.longest_stop, stop.size());
      }
    }
    run.common.stop_tokens = run.stop_tokens.data();  // stays where it is when the run is moved
    run.common.stop_count = static_cast<Index>(run.stop_tokens.size());
    run.texts.resize(prompts.size() * static_cast<std::size_t>(request.samples));
    run.order.resize(request.beams > 0 ? prompts.size() : run.texts.size());
    std::iota(run.order.begin(), run.order.end(), std::size_t{0});
    std::stable_sort(run.order.begin(), run.order.end(),
                     [&](std::size_t a, std::size_t b) { return ids_of(run, a).size() < ids_of(run, b).size(); });
    return run;
  }
  static const text::Ids& ids_of(const Run& run, std::size_t i) {
    return run.prompts[run.request->beams > 0 ? i : i / static_cast<std::size_t>(run.request->samples)];
  }
  std::size_t end_of_batch(const Run& run, std::size_t first, Index batch) const {
    const std::size_t most = (std::min)(run.order.size(), first + static_cast<std::size_t>(batch));
    std::size_t last = first + 1;
    // Texts that end where the room ends are of one length, too: each has the room that it has alone.
    const bool unequal = model_->takes_unequal_prompts() && run.request->max_new_tokens >= 0;
    while (last < most && (unequal || ids_of(run, run.order[last]).size() == ids_of(run, run.order[first]).size()))
      ++last;
    return last;
  }
  /// The options of a batch that begins with text `first` of the order.
  TextOptions options_of(const Run& run, std::size_t first) const {
    TextOptions options = run.common;
    if (options.max_new_tokens < 0) {
      const Index room = model_->context_size() - static_cast<Index>(ids_of(run, run.order[first]).size());
      options.max_new_tokens = (std::min)(room, most_new_tokens);
    }
    return options;
  }

  /// The model's number of a language: config.json's lang2id, else the tokenizer's. -1: no language is given.
  Result<Index> language_id(const std::string& language) const {
    if (language.empty()) return Index{-1};
    const io::Json* const ids = io::find_key(model_->config(), "lang2id");
    if (ids != nullptr && ids->is_object())
      if (const io::Json* const id = io::find_key(*ids, language)) {
        TESSERA_TRY_ASSIGN(const std::int64_t number, io::as_int(*id, language));
        return static_cast<Index>(number);
      }
    if (const auto* const xlm = dynamic_cast<const text::XLMTokenizer*>(tokenizer_.get()))
      for (const auto& [known, id] : xlm->options().lang2id)
        if (known == language) return static_cast<Index>(id);
    return Error::format(Code::not_found, "language: neither config.json nor the tokenizer has a language %s",
                         io::in_quotes(language).c_str());
  }
  /// The token that a masked XLM fills in: config.json's mask_index, else the tokenizer's mask token.
  Result<Index> mask_id() const {
    if (const io::Json* const id = io::find_key(model_->config(), "mask_index")) {
      TESSERA_TRY_ASSIGN(const std::int64_t number, io::as_int(*id, "mask_index"));
      return static_cast<Index>(number);
    }
    TESSERA_TRY_ASSIGN(const text::Id id, tokenizer_->special_id(text::Role::mask));
    return static_cast<Index>(id);
  }

  /// Texts [first, last) of the order as the model takes them.
  struct PromptRows {
    std::vector<std::int32_t> ids, offsets{0};
    Prompts view() const { return {ids.data(), offsets.data(), static_cast<Index>(offsets.size()) - 1}; }
  };
  static PromptRows rows_of(const Run& run, std::size_t first, std::size_t last) {
    PromptRows rows;
    for (std::size_t i = first; i < last; ++i) {
      const text::Ids& ids = ids_of(run, run.order[i]);
      rows.ids.insert(rows.ids.end(), ids.begin(), ids.end());
      rows.offsets.push_back(static_cast<std::int32_t>(rows.ids.size()));
    }
    return rows;
  }

  Result<void> draw(Run& run, std::size_t first, std::size_t last) {
    const TextRequest& request = *run.request;
    Batch batch{this, &run, {}, {}};
    std::vector<std::uint64_t> streams;
    for (std::size_t i = first; i < last; ++i) {
      batch.growing.push_back({text::StreamDecoder(*tokenizer_, true), run.order[i], 0});
      streams.push_back(request.first_prompt * static_cast<std::uint64_t>(request.samples) + run.order[i]);
    }
    GenerateOptions options{options_of(run, first), request.sampling, streams.data()};
    options.sink = {&batch, [](void* state, Index text, std::int32_t token) {
                      auto& all = *static_cast<Batch*>(state);
                      auto goes_on = guarded([&] { return take(all, static_cast<std::size_t>(text), token); });
                      if (goes_on) return *goes_on;
                      all.error = goes_on.error();
                      return false;
                    }};
    const PromptRows rows = rows_of(run, first, last);
    TESSERA_TRY(model_->generate(rows.view(), options));
    for (Growing& growing : batch.growing) {
      if (batch.error) break;
      GeneratedText& out = run.texts[growing.number];
      if (!out.stopped) out.text += growing.decoder.finish();
      const std::size_t end = cut_at_stop(run, out, growing.shown);
      (void)show(run, growing, end);
      out.text = text::clean_up_tokenization(out.text);
    }
    if (batch.error) return batch.error;
    return {};
  }
  /// A new token of a text of the batch; false when it is the last.
  static Result<bool> take(Batch& batch, std::size_t place, std::int32_t token) {
    Run& run = *batch.run;
    Growing& growing = batch.growing[place];
    GeneratedText& out = run.texts[growing.number];
    out.tokens.push_back(token);
    if (run.common.stops_at(token)) {
      out.stopped = true;
      out.text += growing.decoder.finish();
      return false;
    }
    TESSERA_TRY_ASSIGN(const std::string piece, growing.decoder.push(token));
    const std::size_t before = out.text.size();
    out.text += piece;
    // A stop may have begun in what was there before.
    const std::size_t held = run.longest_stop > 0 ? run.longest_stop - 1 : 0;
    const std::size_t end = cut_at_stop(run, out, before > held ? before - held : 0);
    if (out.stopped) return false;
    std::size_t certain = end > held ? end - held : 0;
    while (certain > 0 && certain < end && (static_cast<unsigned char>(out.text[certain]) & 0xC0U) == 0x80U) --certain;
    if (show(run, growing, certain)) return true;
    out.stopped = true;
    return false;
  }
  /// Cuts a text at the first of the stops behind `from`. Returns where it ends.
  static std::size_t cut_at_stop(const Run& run, GeneratedText& out, std::size_t from) {
    std::size_t end = out.text.size();
    for (const std::string& stop : run.stop_texts) end = (std::min)(end, out.text.find(stop, from));
    if (end < out.text.size()) {
      out.text.resize(end);
      out.stopped = true;
    }
    return end;
  }
  /// Shows a text up to `end`; false when the sink wants no more.
  static bool show(const Run& run, Growing& growing, std::size_t end) {
    const PieceSink& sink = run.request->sink;
    if (sink.take == nullptr || end <= growing.shown) return true;
    const std::string_view piece =
        std::string_view(run.texts[growing.number].text).substr(growing.shown, end - growing.shown);
    growing.shown = end;
    const auto samples = static_cast<std::size_t>(run.request->samples);
    return sink.take(sink.state, growing.number / samples, static_cast<Index>(growing.number % samples), piece);
  }

  Result<void> search(Run& run, std::size_t first, std::size_t last) {
    const TextRequest& request = *run.request;
    const PromptRows rows = rows_of(run, first, last);
    TESSERA_TRY(model_->search(rows.view(), request.beams,
                               BeamOptions{options_of(run, first), request.length_penalty, request.early_stopping}));
    for (std::size_t i = first; i < last; ++i) {
      const auto t = static_cast<Index>(i - first), begin = static_cast<Index>(ids_of(run, run.order[i]).size());
      const Index found = (std::min)(request.samples, model_->found(t));
      for (Index rank = 0; rank < found; ++rank) {
        GeneratedText& out =
            run.texts[run.order[i] * static_cast<std::size_t>(request.samples) + static_cast<std::size_t>(rank)];
        out.tokens.assign(model_->tokens(t, rank) + begin, model_->tokens(t, rank) + model_->length(t, rank));
        out.score = model_->score(t, rank);
        out.stopped = !out.tokens.empty() && run.common.stops_at(out.tokens.back());
        text::StreamDecoder decoder(*tokenizer_, true);
        for (const std::int32_t token : out.tokens) {
          TESSERA_TRY_ASSIGN(const std::string piece, decoder.push(token));
          out.text += piece;
        }
        out.text += decoder.finish();
        cut_at_stop(run, out, 0);
        out.text = text::clean_up_tokenization(out.text);
      }
    }
    return {};
  }

  static constexpr Index most_new_tokens = 10000;

  std::unique_ptr<AnyGenerator> model_;
  std::unique_ptr<text::Tokenizer> tokenizer_;
};

}  // namespace tessera
