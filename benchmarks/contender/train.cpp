// The task `train`: forward, backward and a step of AdamW, of a BERT that classifies texts and of GPT-2. In f32.
#include "contender/contestant.hpp"
#include "tessera/context/training_session.hpp"
#include "tessera/pretrained/bert.hpp"
#include "tessera/pretrained/gpt.hpp"
#include "tessera/train/adamw.hpp"

namespace tessera::contender {
namespace {

void set_dropout(BertConfig& c, double rate) { c.hidden_dropout_prob = c.attention_probs_dropout_prob = rate; }
void set_dropout(GPT2Config& c, double rate) { c.resid_pdrop = c.embd_pdrop = c.attn_pdrop = rate; }

template <class Model>
class Train : public Contestant {
  static constexpr bool predicts_tokens = std::is_same_v<Model, GPT2LMHeadModel<>>;

 public:
  /// A language model sees one token more, the last to be predicted.
  explicit Train(const Case& c) : case_(c), ids_(c, predicts_tokens ? 1 : 0) {}

  Result<void> prepare() {
    TESSERA_TRY(pool_.start(case_.threads));
    TESSERA_TRY_ASSIGN(auto file, read_config<typename Model::Config>(io::join_path(case_.folder, "config.json")));
    TESSERA_TRY_ASSIGN(io::State state, io::load_state(case_.folder));
    set_dropout(file.config, case_.dropout);
    TESSERA_TRY_ASSIGN(pretrained_, from_state<Model>(std::move(file), std::move(state)));
    TESSERA_TRY(pretrained_->own_weights());
    const Model& model = pretrained_->model;
    TESSERA_TRY_ASSIGN(gradients_, Gradients<Cpu>::of(model, Cpu()));
    AdamW::Options options;
    options.learning_rate = 1e-4;
    options.eps = 1e-8;
    TESSERA_TRY_ASSIGN(adam_, AdamW::of(model, options));
    input_.layout = Layout::padded(case_.batch, static_cast<Index>(ids_.ids.size()) / case_.batch);
    input_.input_ids = ids_.view();
    if constexpr (predicts_tokens) {
      input_.labels = ids_.view();
    } else {
      for (Index b = 0; b < case_.batch; ++b) labels_.push_back(static_cast<std::int32_t>(b % 2));
      input_.labels = View::of(labels_.data(), DType::i32, case_.batch);
    }
    session_ = std::make_unique<TrainingSession<Model, Cpu>>(model, Cpu(), gradients_, nullptr, pool_.executor());
    return session_->reserve(input_);
  }

  Result<void> go() override {
    session_->set_dropout(case_.dropout > 0, losses_.size() + 1);
    gradients_.clear();
    TESSERA_TRY_ASSIGN(const auto* const output, session_->forward(input_));
    losses_.push_back(*output->loss.view().template as<const float>());
    TESSERA_TRY(session_->backward());
    adam_.step(gradients_.data());
    return {};
  }
  io::Json check() override { return rounded(losses_.data(), 2); }

 private:
  Case case_;
  CaseIds ids_;
  ThreadPool pool_;
  std::unique_ptr<Pretrained<Model>> pretrained_;
  Gradients<Cpu> gradients_;
  AdamW adam_;
  std::vector<std::int32_t> labels_;
  typename Model::Input input_;
  std::unique_ptr<TrainingSession<Model, Cpu>> session_;
  std::vector<float> losses_;
};

template <class Model>
Result<std::unique_ptr<Contestant>> prepared(const Case& c) {
  auto made = std::make_unique<Train<Model>>(c);
  TESSERA_TRY(made->prepare());
  return std::unique_ptr<Contestant>(std::move(made));
}

}  // namespace

Result<std::unique_ptr<Contestant>> make_train(const Case& c) {
  if (c.precision != Precision::f32)
    return Error::format(Code::unsupported, "train: gradients are computed in f32 alone");
  if (c.arch == "bert") return prepared<BertForSequenceClassification<>>(c);
  if (c.arch == "gpt2") return prepared<GPT2LMHeadModel<>>(c);
  return unsupported(c);
}

}  // namespace tessera::contender
