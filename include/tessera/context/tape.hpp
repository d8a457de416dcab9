// Tape<B>: runs a model on backend B and can run it backwards.
//
// Each op leaves one plain record {op, views, attributes, numbers of the values}; backward is a loop over the records
// from the last, calling the ops' vjps. No closures, no virtual calls; after the first step no heap. A value's bytes
// are given back with its tensor unless an op said that its gradient needs them; gradients of values live in the same
// arena for as long as they are needed. `checkpoint` keeps a block's input instead of its inner values and runs it
// again.
#pragma once

#include "tessera/context/weights.hpp"

namespace tessera::inline TESSERA_ISA {

template <class B>
class Tape : public Frame<B> {
  using base = Frame<B>;

 public:
  using element = typename base::element;
  static constexpr bool training = true;

  explicit Tape(const B& backend) noexcept : base(backend) {}

  /// Where params' gradients go, by id. Must be set before a walk that is followed by backward.
  void set_gradients(const Gradients<B>* gradients) noexcept { gradients_ = gradients; }
  /// Dropout is drawn from this seed; `enabled` false is the evaluation mode with gradients.
  void set_dropout(bool enabled, std::uint64_t seed) noexcept {
    dropout_enabled_ = enabled;
    seed_ = seed;
  }
  bool dropout_enabled() const noexcept { return dropout_enabled_; }
  std::uint64_t seed() const noexcept { return seed_; }
  /// The number of the next dropout of this walk: the same whether ops are fused or not.
  std::int32_t next_dropout() noexcept { return dropouts_++; }

  void begin_plan() noexcept { begin_walk(true, Arena()); }
  void begin(const Arena& arena) noexcept { begin_walk(false, arena); }

  bool has(OpId id) const noexcept { return this->backend_.kernels().has(id) && this->backend_.vjps().has(id); }

  Operand param(const ParamBase& p) noexcept {
    Operand operand = base::param(p);
    base::require_of_param(p, operand.view.packing == 0, "is packed for inference, and gradients read it plain; layout",
                           0, operand.view.packing, Code::unsupported);
    if (p.role == ParamRole::trained) operand.value = first_param - (p.master >= 0 ? p.master : p.id);
    return operand;
  }

  TESSERA_NOINLINE void release(Slot slot, std::int32_t value) noexcept {
    if (value >= 0 && values_[index(value)].kept) {
      // The bytes stay, and yet a borrowed tensor must not read them: at inference they are gone.
      this->end_loans_of(slot.offset);
      values_[index(value)].slot = slot;
    } else {
      base::give_back(slot);
    }
  }

  template <class Op, class E, class... In>
  Tensor<Tape, E> apply(const typename Op::Attributes& attributes, const E& extents, const In&... in) noexcept {
    static_assert(sizeof...(In) <= max_inputs);
    const Operand operands[max_inputs] = {in...};
    View out = View::of(nullptr, detail::out_type<Op, element>(), extents);
    const Slot slot = base::allocate(out.bytes());
    out.data = base::address(slot);
    const std::int32_t value = perform(Op::id, &attributes, sizeof(attributes), operands, out, Op::keeps, &Op::flops);
    return Tensor<Tape, E>(*this, out, slot, value);
  }

  template <class Op, class E, class... In>
  Tensor<Tape, E> apply_to(const typename Op::Attributes& attributes, const View& memory, const In&... in) noexcept {
    const Operand operands[max_inputs] = {in...};
    const std::int32_t value =
        perform(Op::id, &attributes, sizeof(attributes), operands, memory, Op::keeps, &Op::flops);
    return Tensor<Tape, E>(*this, memory, Slot(), value);
  }

  template <class Op, class T, class... In>
  T apply_in_place(const typename Op::Attributes& attributes, T x, const In&... in) noexcept {
    const bool read_later = (Op::keeps & keeps_input(0)) != 0 || (x.value() >= 0 && values_[index(x.value())].kept);
    if (!x.owns_memory() || read_later) {
      typename T::extents extents;
      for (int i = 0; i < T::extents::rank; ++i) extents.size[i] = x.size(i);
      return apply<Op>(attributes, extents, x.operand(), in...);
    }
    const Operand operands[max_inputs] = {x.operand(), in...};
    x.set_value(perform(Op::id, &attributes, sizeof(attributes), operands, x.view(), Op::keeps, &Op::flops));
    this->end_loans_of(x.slot().offset);
    return x;
  }

  void tap(const char* tap_name, const View& value) noexcept {
    this->number_++;
    if (this->planning_ || this->failed() || replaying_) return;
    if (this->wants(tap_name)) this->taps_.take(this->taps_.state, tap_name, value, this->backend_.memory());
  }

  /// Runs the records backwards from `loss` ([1]), whose gradient is `seed`. Gradients are added to what is there.
  template <class T>
  void backward(const T& loss, double seed = 1) noexcept {
    if (!base::require(loss.value() >= 0 && loss.view().count() == 1, "backward: the loss must be one number", 1,
                       loss.view().count(), Code::invalid_argument))
      return;
    void* const gradient = gradient_of(loss.value(), loss.view()).data;
    if (!this->failed() && !this->planning_) {
      const element one = static_cast<element>(seed);
      detail::upload(this->backend_.memory(), gradient, &one, sizeof one);
    }
    backward_to(0);
  }

  /// y = block(x, extra), keeping x alone: backward runs the block again. See checkpoint().
  template <class Block, class T, class Extra>
  auto run_checkpointed(const Block& block, T x, const Extra& extra) noexcept {
    using Result = decltype(block(x.borrow(), extra));
    static_assert(std::is_trivially_copyable_v<Extra>, "checkpoint: the extra argument must be plain data");
    const bool was_recording = std::exchange(recording_, false);
    const std::int32_t number = this->number_, dropouts = dropouts_;
    const std::size_t first_value = values_.size();
    Result y = block(x.borrow(), extra);
    recording_ = was_recording;
    // A block that gave its input back (dropout that is off) computed nothing: there is nothing to run again.
    if (!this->failed() && y.value() == x.value() && !y.owns_memory()) return Result(std::move(x));
    if (this->failed() || !recording_) return y;

    // The inner values are gone; the output takes the first of their numbers.
    if (!values_.resize(first_value)) return y;
    const std::int32_t value = add_value(true);
    y.set_value(value);
    if (x.value() >= 0) values_[index(x.value())].kept = true;

    const Replay<Block, Extra> replay{&block, extra};
    Record record;
    record.number = number;
    record.dropouts = dropouts;
    record.in[0] = x.operand();
    record.out = Operand{y.view(), value};
    record.replay = &replay_block<Block, T, Extra>;
    push(record, &replay, sizeof replay);
    return y;
  }

 private:
  static constexpr std::int32_t first_param = -2;
  static constexpr std::size_t index(std::int32_t value) noexcept { return static_cast<std::size_t>(value); }

  struct Value {
    View gradient;  ///< rank 0: none yet
    Slot gradient_slot;
    Slot slot;            ///< bytes left behind by a tensor that is gone
    bool wanted = false;  ///< a gradient flows through it
    bool kept = false;    ///< a record will read its bytes
  };
  struct Record {
    OpId op = OpId::count;
    std::int32_t number = 0;
    std::int32_t dropouts = 0;  ///< dropouts before it, for a replay
    Operand in[max_inputs];
    Operand out;
    std::size_t attributes = 0;  ///< offset in attributes_
    void (*replay)(Tape&, const Record&) = nullptr;
  };
  template <class Block, class Extra>
  struct Replay {
    const Block* block;
    Extra extra;
  };

  void begin_walk(bool planning, const Arena& arena) noexcept {
    base::begin_frame(planning, arena);
    (void)(records_.resize(0) && values_.resize(0) && attributes_.resize(0));
    recording_ = true;
    replaying_ = false;
    dropouts_ = 0;
  }

  std::int32_t add_value(bool wanted) noexcept {
    Value value;
    value.wanted = wanted;
    if (!values_.push(value)) {
      base::require(false, "tape: no memory for its values", 1, 0, Code::out_of_memory);
      return -1;
    }
    return static_cast<std::int32_t>(values_.size()) - 1;
  }

  void push(Record& record, const void* attributes, std::size_t bytes) noexcept {
    record.attributes = attributes_.size();
    const std::size_t rounded = (bytes + 15) / 16 * 16;
    if (!attributes_.reserve(grown(record.attributes + rounded)) || !attributes_.resize(record.attributes + rounded) ||
        !records_.push(record)) {
      base::require(false, "tape: no memory for its records", 1, 0, Code::out_of_memory);
      return;
    }
    std::memcpy(attributes_.data() + record.attributes, attributes, bytes);
  }
  std::size_t grown(std::size_t bytes) const noexcept {
    return bytes <= attributes_.size() ? bytes : (bytes + 4095) / 4096 * 4096;
  }

  bool is_wanted(const Operand& operand) const noexcept {
    return operand.value <= first_param || (operand.value >= 0 && values_[index(operand.value)].wanted);
  }

  TESSERA_NOINLINE std::int32_t perform(OpId id, const void* attributes, std::size_t attribute_bytes, const Operand* in,
                                        const View& out, unsigned keeps,
                                        std::int64_t (*flops)(const View*, const View&)) noexcept {
    const std::int32_t number = this->number_++;
    if (this->failed()) return -1;
    const Kernels& kernels = this->backend_.kernels();
    if (!base::require(kernels.has(id), "backend: it has no kernel for this op", 1, 0, Code::unsupported, id))
      return -1;
    View views[max_inputs];
    bool wanted = false;
    for (int i = 0; i < max_inputs; ++i) {
      views[i] = in[i].view;
      wanted = wanted || (is_wanted(in[i]) && (keeps & no_gradient) == 0);
    }
    Call call;
    call.in = views;
    call.out = out;
    call.attributes = attributes;
    call.executor = &this->executor_;
    Slot scratch;
    if (const Scratch need = kernels.scratch[static_cast<int>(id)]; need != nullptr) {
      scratch = base::allocate(need(call));
      call.scratch = base::address(scratch);
    }
    if (this->planning_)
      this->flops_ += flops(views, out);
    else if (!this->failed())
      base::execute(id, call);
    base::give_back(scratch);

    const std::int32_t value = add_value(wanted && recording_);
    if (value < 0 || !wanted || !recording_) return value;
    Record record;
    record.op = id;
    record.number = number;
    for (int i = 0; i < max_inputs; ++i) {
      record.in[i] = in[i];
      if ((keeps & keeps_input(i)) != 0 && in[i].value >= 0) values_[index(in[i].value)].kept = true;
    }
    record.out = Operand{out, value};
    if ((keeps & keeps_output) != 0) values_[index(value)].kept = true;
    push(record, attributes, attribute_bytes);
    return value;
  }

  /// The gradient of a value, made of zeros at its first use.
  View gradient_of(std::int32_t value, const View& like) noexcept {
    Value& v = values_[index(value)];
    if (v.gradient.present()) {
      // A reshaped value: same bytes, the sizes of this use.
      View g = like;
      g.data = v.gradient.data;
      g.row_stride = g.columns();
      return g;
    }
    View g = like;
    g.row_stride = g.columns();
    g.packing = 0;
    v.gradient_slot = base::allocate(g.bytes());
    g.data = base::address(v.gradient_slot);
    v.gradient = g;
    if (!this->planning_ && !this->failed()) detail::zero(this->backend_.memory(), g.data, g.bytes());
    return g;
  }

  void drop_gradient(std::int32_t value) noexcept {
    Value& v = values_[index(value)];
    base::give_back(std::exchange(v.gradient_slot, Slot()));
    v.gradient = View();
  }

  void backward_to(std::size_t first) noexcept {
    while (records_.size() > first && !this->failed()) {
      const Record record = records_[records_.size() - 1];
      const std::int32_t out = record.out.value;
      if (values_[index(out)].gradient.present()) {
        if (record.replay != nullptr)
          record.replay(*this, record);
        else
          differentiate(record);
        drop_gradient(out);
      }
      Value& v = values_[index(out)];
      v.kept = false;  // its tensor, if it still lives, releases it as usual
      base::give_back(std::exchange(v.slot, Slot()));
      (void)(attributes_.resize(record.attributes) && records_.resize(records_.size() - 1));
    }
  }

  void differentiate(const Record& record) noexcept {
    const Vjps& vjps = this->backend_.vjps();
    const int op_index = static_cast<int>(record.op);
    if (!base::require(vjps.run[op_index] != nullptr, "backend: it has no gradient for this op", 1, 0,
                       Code::unsupported, record.op))
      return;
    View in[max_inputs], in_grad[max_inputs];
    for (int i = 0; i < max_inputs; ++i) {
      in[i] = record.in[i].view;
      const std::int32_t value = record.in[i].value;
      if (value <= first_param) {
        if (gradients_ != nullptr && (*gradients_)[first_param - value].present()) {
          // The master's gradient, in the sizes in which the op reads the weight.
          in_grad[i] = in[i];
          in_grad[i].data = static_cast<element*>((*gradients_)[first_param - value].data) + record.in[i].start;
          in_grad[i].type = dtype_of<element>;
          in_grad[i].row_stride = in[i].columns();
          in_grad[i].packing = 0;
        }
      } else if (value >= 0 && values_[index(value)].wanted) {
        in_grad[i] = gradient_of(value, in[i]);
      }
    }
    VjpCall call;
    call.in = in;
    call.in_grad = in_grad;
    call.out = record.out.view;
    call.out_grad = gradient_of(record.out.value, record.out.view);
    call.attributes = attributes_.data() + record.attributes;
    call.executor = &this->executor_;
    Slot scratch;
    if (const VjpScratch need = vjps.scratch[op_index]; need != nullptr) {
      scratch = base::allocate(need(call));
      call.scratch = base::address(scratch);
    }
    if (!this->planning_ && !this->failed()) {
      if (vjps.origin[op_index] == Origin::reference && !this->backend_.memory().host())
        detail::run_vjp_through_host(this->backend_.memory(), vjps.run[op_index], vjps.scratch[op_index], call);
      else
        vjps.run[op_index](call);
    }
    base::give_back(scratch);
  }

  template <class Block, class T, class Extra>
  static void replay_block(Tape& tape, const Record& record) noexcept {
    Replay<Block, Extra> replay;
    std::memcpy(&replay, tape.attributes_.data() + record.attributes, sizeof replay);
    const std::int32_t number = std::exchange(tape.number_, record.number);
    const std::int32_t dropouts = std::exchange(tape.dropouts_, record.dropouts);
    const bool was_replaying = std::exchange(tape.replaying_, true);
    const std::size_t first_record = tape.records_.size();
    const std::size_t first_value = tape.values_.size();
    {
      const T x(tape, record.in[0].view, Slot(), record.in[0].value);
      auto y = (*replay.block)(x.borrow(), replay.extra);
      if (!tape.failed() && y.value() >= 0) {
        // The output's gradient moves to its second life.
        Value& old_life = tape.values_[index(record.out.value)];
        Value& new_life = tape.values_[index(y.value())];
        new_life.gradient = std::exchange(old_life.gradient, View());
        new_life.gradient_slot = std::exchange(old_life.gradient_slot, Slot());
      }
    }
    tape.backward_to(first_record);
    for (std::size_t i = first_value; i < tape.values_.size(); ++i) {
      tape.give_back(std::exchange(tape.values_[i].slot, Slot()));
      tape.give_back(std::exchange(tape.values_[i].gradient_slot, Slot()));
    }
    (void)tape.values_.resize(first_value);
    tape.replaying_ = was_replaying;
    tape.number_ = number;
    tape.dropouts_ = dropouts;
  }

  const Gradients<B>* gradients_ = nullptr;
  Buffer<Record> records_;
  Buffer<Value> values_;
  Buffer<std::byte> attributes_;
  std::uint64_t seed_ = 0;
  std::int32_t dropouts_ = 0;
  bool dropout_enabled_ = false;
  bool recording_ = true;
  bool replaying_ = false;
};

}  // namespace tessera
