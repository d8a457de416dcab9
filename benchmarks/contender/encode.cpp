// The tasks `encode` and `load` of every architecture: ids in, the last hidden state out, without a pooler.
#include "contender/contestant.hpp"
#include "sequence_output.hpp"
#include "tessera/blocks/memory.hpp"
#include "tessera/context/session.hpp"
#include "tessera/pretrained/bert.hpp"
#include "tessera/pretrained/distilbert.hpp"
#include "tessera/pretrained/gpt.hpp"
#include "tessera/pretrained/roberta.hpp"
#include "tessera/pretrained/transfo_xl.hpp"
#include "tessera/pretrained/xlm.hpp"
#include "tessera/pretrained/xlnet.hpp"

namespace tessera::contender {
namespace {

template <class Model>
class Encode : public Contestant {
  using Base = benchmarks::SequenceOutput<Model>;

 public:
  static Result<std::unique_ptr<Contestant>> make(const Case& c) {
    auto made = std::unique_ptr<Encode>(new Encode(c));
    TESSERA_TRY(made->pool_.start(c.threads));
    const Executor executor = made->pool_.executor();
    const auto no_pooler = [](std::string_view name) { return name.starts_with("pooler."); };
    TESSERA_TRY_ASSIGN(made->pretrained_, from_pretrained<Model>(c.folder, no_pooler));
    Model& model = made->pretrained_->model;
    TESSERA_TRY_ASSIGN(made->packed_, made->pretrained_->pack(Cpu(), c.precision, executor));
    made->base_ = Base{&model};
    made->input_.layout =
        c.lengths.empty() ? Layout::padded(c.batch, c.seq) : Layout::ragged(c.batch, made->ids_.offsets.data());
    made->input_.input_ids = made->ids_.view();
    made->session_ = std::make_unique<Session<Base, Cpu>>(made->base_, Cpu(), &made->packed_, executor);
    if constexpr (remembers) {
      TESSERA_TRY(made->fill_memory(c));
    } else {
      TESSERA_TRY(made->session_->reserve(made->input_));
    }
    return std::unique_ptr<Contestant>(std::move(made));
  }

  Result<void> go() override {
    TESSERA_TRY_ASSIGN(const auto* const output, session_->run(input_));
    hidden_ = output->last_hidden_state.view().template as<const float>();
    return {};
  }
  io::Json check() override { return rounded(hidden_, 4); }

 private:
  static constexpr bool remembers = std::is_same_v<Model, TransfoXL<>>;

  explicit Encode(const Case& c) : ids_(c) {}

  /// The memory that the segment itself leaves, until it is full: keys and values, as inference keeps them. Each
  /// repetition reads it and writes the next one, which nobody looks at.
  Result<void> fill_memory(const Case& c) {
    const Model& model = pretrained_->model;
    TESSERA_TRY_ASSIGN(memory_, MemoryCache<Cpu>::of(model, Cpu(), c.batch, MemoryForm::keys_and_values));
    input_.mems = memory_.mems().full();
    TESSERA_TRY(session_->reserve(input_));
    for (Index i = 0; i < model.memory_length() / c.seq; ++i) {
      input_.mems = memory_.mems();
      TESSERA_TRY(go());
      memory_.advance(model, c.seq);
    }
    input_.mems = memory_.mems();
    return {};
  }

  ThreadPool pool_;
  CaseIds ids_;
  std::unique_ptr<Pretrained<Model>> pretrained_;
  Packed<Cpu> packed_;
  Base base_{};
  typename Model::Input input_;
  MemoryCache<Cpu> memory_;
  std::unique_ptr<Session<Base, Cpu>> session_;
  const float* hidden_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Contestant>> make_encode(const Case& c) {
  if (c.arch == "bert") return Encode<Bert<>>::make(c);
  if (c.arch == "roberta") return Encode<Roberta<>>::make(c);
  if (c.arch == "distilbert") return Encode<DistilBert<>>::make(c);
  if (c.arch == "openai-gpt") return Encode<OpenAIGPT<>>::make(c);
  if (c.arch == "gpt2") return Encode<GPT2<>>::make(c);
  if (c.arch == "transfo-xl") return Encode<TransfoXL<>>::make(c);
  if (c.arch == "xlnet") return Encode<XLNet<>>::make(c);
  if (c.arch == "xlm") return Encode<Xlm<>>::make(c);
  return unsupported(c);
}

}  // namespace tessera::contender
