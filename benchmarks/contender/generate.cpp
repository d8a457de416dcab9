// The tasks `prefill` (a prompt in, the scores of what follows it out, keys and values kept) and `decode` (greedy
// tokens, one at a time) of GPT-2.
#include "contender/contestant.hpp"
#include "tessera/generate/generator.hpp"
#include "tessera/pretrained/gpt.hpp"

namespace tessera::contender {
namespace {

/// A language model that keeps keys and values.
template <class Model>
class LanguageModel : public Contestant {
 public:
  explicit LanguageModel(const Case& c) : case_(c), ids_(c) {}

  Result<void> load() {
    TESSERA_TRY(pool_.start(case_.threads));
    TESSERA_TRY_ASSIGN(pretrained_, from_pretrained<Model>(case_.folder));
    TESSERA_TRY_ASSIGN(packed_, pretrained_->pack(Cpu(), case_.precision, pool_.executor()));
    return {};
  }

 protected:
  Case case_;
  CaseIds ids_;
  ThreadPool pool_;
  std::unique_ptr<Pretrained<Model>> pretrained_;
  Packed<Cpu> packed_;
};

template <class Model>
class Prefill : public LanguageModel<Model> {
 public:
  using LanguageModel<Model>::LanguageModel;

  Result<void> prepare() {
    TESSERA_TRY(this->load());
    const Model& model = this->pretrained_->model;
    const Case& c = this->case_;
    TESSERA_TRY_ASSIGN(cache_, KeyValueCache<Cpu>::of(model, Cpu(), c.batch, c.seq));
    for (Index b = 0; b < c.batch; ++b) last_.push_back(static_cast<std::int32_t>((b + 1) * c.seq - 1));
    input_.layout = Layout::padded(c.batch, c.seq);
    input_.input_ids = this->ids_.view();
    input_.score_rows = View::of(last_.data(), DType::i32, c.batch);
    input_.past = cache_.past();
    session_ = std::make_unique<Session<Model, Cpu>>(model, Cpu(), &this->packed_, this->pool_.executor());
    return session_->reserve(input_);
  }
  Result<void> go() override {
    TESSERA_TRY_ASSIGN(const auto* const output, session_->run(input_));
    logits_ = output->logits.view().template as<const float>();
    return {};
  }
  io::Json check() override { return rounded(logits_, 4); }

 private:
  KeyValueCache<Cpu> cache_;
  std::vector<std::int32_t> last_;
  typename Model::Input input_;
  std::unique_ptr<Session<Model, Cpu>> session_;
  const float* logits_ = nullptr;
};

template <class Model>
class Decode : public LanguageModel<Model> {
 public:
  using LanguageModel<Model>::LanguageModel;

  Result<void> prepare() {
    TESSERA_TRY(this->load());
    const Case& c = this->case_;
    generator_ = std::make_unique<Generator<Model, Cpu>>(this->pretrained_->model, Cpu(), &this->packed_,
                                                         this->pool_.executor());
    return generator_->reserve(c.batch, c.seq, c.seq + c.new_tokens);
  }
  Result<void> go() override {
    GenerateOptions options;
    options.sampling.temperature = 0;
    options.max_new_tokens = this->case_.new_tokens;
    return generator_->run({this->ids_.ids.data(), this->ids_.offsets.data(), this->case_.batch}, options);
  }
  io::Json check() override {
    io::Json ids = io::Json::array();
    const Index begin = this->case_.seq;
    for (Index i = begin; i < begin + 8 && i < generator_->length(0); ++i) ids.push_back(generator_->tokens(0)[i]);
    return ids;
  }

 private:
  std::unique_ptr<Generator<Model, Cpu>> generator_;
};

template <class Task>
Result<std::unique_ptr<Contestant>> prepared(const Case& c) {
  auto made = std::make_unique<Task>(c);
  TESSERA_TRY(made->prepare());
  return std::unique_ptr<Contestant>(std::move(made));
}

}  // namespace

Result<std::unique_ptr<Contestant>> make_generate(const Case& c) {
  if (c.arch == "gpt2" && c.task == "prefill") return prepared<Prefill<GPT2LMHeadModel<>>>(c);
  if (c.arch == "gpt2" && c.task == "decode") return prepared<Decode<GPT2LMHeadModel<>>>(c);
  return unsupported(c);
}

}  // namespace tessera::contender
