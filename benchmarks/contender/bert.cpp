// The tasks `encode` and `load` of BERT: ids in, the last hidden state out, without the pooler.
#include <cmath>

#include "contender/contestant.hpp"
#include "sequence_output.hpp"
#include "tessera/backends/cpu/cpu.hpp"
#include "tessera/base/thread_pool.hpp"
#include "tessera/context/session.hpp"
#include "tessera/pretrained/bert.hpp"

namespace tessera::contender {
namespace {

using benchmarks::SequenceOutput;

class BertEncode : public Contestant {
 public:
  static Result<std::unique_ptr<Contestant>> make(const Case& c) {
    auto made = std::unique_ptr<BertEncode>(new BertEncode);
    TESSERA_TRY(made->pool_.start(c.threads));
    const auto no_pooler = [](std::string_view name) { return name.starts_with("pooler."); };
    TESSERA_TRY_ASSIGN(made->pretrained_, from_pretrained<Bert<>>(c.folder, no_pooler));
    TESSERA_TRY_ASSIGN(made->packed_,
                       Packed<Cpu>::of(made->pretrained_->model, Cpu(), c.precision, made->pool_.executor()));
    made->fill(c);
    made->model_.reset(new SequenceOutput{&made->pretrained_->model});
    made->session_.reset(
        new Session<SequenceOutput, Cpu>(*made->model_, Cpu(), &made->packed_, made->pool_.executor()));
    TESSERA_TRY(made->session_->reserve(made->input_));
    return std::unique_ptr<Contestant>(std::move(made));
  }

  Result<void> go() override {
    TESSERA_TRY_ASSIGN(const auto* const output, session_->run(input_));
    hidden_ = output->last_hidden_state.view().as<const float>();
    return {};
  }

  io::Json check() override {
    io::Json numbers = io::Json::array();
    for (int i = 0; i < 4; ++i) numbers.push_back(std::round(static_cast<double>(hidden_[i]) * 1e5) / 1e5);
    return numbers;
  }

  std::string note() const override { return std::string("cpu backend, ") + Cpu::target(); }

 private:
  void fill(const Case& c) {
    for (Index b = 0; b < c.batch; ++b) {
      const Index length = c.lengths.empty() ? c.seq : c.lengths[static_cast<std::size_t>(b)];
      for (Index i = 0; i < length; ++i) ids_.push_back(token_id(c.vocabulary, b, i));
      offsets_.push_back(static_cast<std::int32_t>(ids_.size()));
    }
    input_.layout = c.lengths.empty() ? Layout::padded(c.batch, c.seq) : Layout::ragged(c.batch, offsets_.data());
    input_.input_ids = View::of_const(ids_.data(), DType::i32, input_.layout.rows);
  }

  ThreadPool pool_;
  std::unique_ptr<Pretrained<Bert<>>> pretrained_;
  Packed<Cpu> packed_;
  std::vector<std::int32_t> ids_;
  std::vector<std::int32_t> offsets_{0};
  BertInput input_;
  std::unique_ptr<SequenceOutput> model_;
  std::unique_ptr<Session<SequenceOutput, Cpu>> session_;
  const float* hidden_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Contestant>> make_bert(const Case& c) {
  if (c.task != "encode" && c.task != "load")
    return Error::format(Code::unsupported, "bert: the task %s is not supported", c.task.c_str());
  return BertEncode::make(c);
}

}  // namespace tessera::contender
