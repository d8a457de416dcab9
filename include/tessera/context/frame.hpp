// Frame: what inference and tape share: the arena, the op numbers, inputs, the first error, taps.
//
// A frame runs a model's call operator from its beginning each time (`begin`). The model's control flow never depends
// on tensor data, so each pass makes the same ops with the same numbers at the same addresses: planning, running and
// resuming are the same walk.
#pragma once

#include "tessera/base/assert.hpp"
#include "tessera/base/buffer.hpp"
#include "tessera/base/free_list.hpp"
#include "tessera/base/result.hpp"
#include "tessera/context/backend.hpp"
#include "tessera/tensor/sequence.hpp"

namespace tessera::inline TESSERA_ISA {

/// The first thing that went wrong in a frame. Plain data: the sentence is made when asked for.
struct Fault {
  Code code = Code::ok;
  OpId op = OpId::count;
  std::int32_t number = -1;  ///< number of the op
  const char* what = "";     ///< "linear: x columns must equal weight columns"
  Index expected = 0;
  Index found = 0;
  std::int32_t param = -1;                        ///< id of the param that cannot be read; -1: it is not about one
  static constexpr std::int32_t unnumbered = -2;  ///< a param that has no id

  /// `role`: the path of the param, for those who can name it (error_of in weights.hpp).
  Error error(const char* role = nullptr) const noexcept {
    if (code == Code::ok) return Error();
    if (param >= 0 && role != nullptr)
      return Error::format(code, "weights: %s %s: expected %lld, found %lld", role, what,
                           static_cast<long long>(expected), static_cast<long long>(found));
    if (param == unnumbered)
      return Error::format(code,
                           "weights: a param that the model's visit does not show, or that number_params has not seen, "
                           "%s: expected %lld, found %lld (op %d)",
                           what, static_cast<long long>(expected), static_cast<long long>(found),
                           static_cast<int>(number));
    if (param >= 0)
      return Error::format(code, "weights: param %d %s: expected %lld, found %lld", static_cast<int>(param), what,
                           static_cast<long long>(expected), static_cast<long long>(found));
    return Error::format(code, "%s: expected %lld, found %lld (op %d, %s)", what, static_cast<long long>(expected),
                         static_cast<long long>(found), static_cast<int>(number), name(op));
  }
};

/// Receives tapped values: "hidden_states", "attentions", ... in the order in which the model makes them.
struct TapSink {
  void* state = nullptr;
  bool (*wants)(void* state, const char* name) = nullptr;
  /// `value` lies in the backend's memory and is valid during the call.
  void (*take)(void* state, const char* name, const View& value, const Memory& memory) = nullptr;
};

/// Asked after each op of a resumable run, and inside of large linears; true stops it there. budget.hpp has one for a
/// time and a cancel flag.
struct StopRequest {
  bool (*stop)(void* state) = nullptr;
  void* state = nullptr;
};

/// What planning finds out.
struct Plan {
  std::size_t arena_bytes = 0;  ///< exact
  std::int64_t flops = 0;       ///< of matrix products, two for each multiply-add
  std::int64_t parameters = 0;  ///< trained elements of the model, a tied weight once
  std::int32_t ops = 0;
  Fault fault;
};

namespace detail {
/// Bytes of the backend's own memory, through its table or the host's heap.
inline void* allocate(const Memory& memory, std::size_t bytes) noexcept {
  if (memory.allocate != nullptr) return memory.allocate(bytes);
  return ::operator new (bytes, std::align_val_t{FreeList::alignment}, std::nothrow);
}
inline void release(const Memory& memory, void* data, std::size_t bytes) noexcept {
  if (data == nullptr) return;
  if (memory.release != nullptr) return memory.release(data, bytes);
  ::operator delete (data, std::align_val_t{FreeList::alignment});
}
inline void zero(const Memory& memory, void* data, std::size_t bytes) noexcept {
  if (memory.zero != nullptr) return memory.zero(data, bytes);
  std::memset(data, 0, bytes);
}
inline void upload(const Memory& memory, void* destination, const void* host, std::size_t bytes) noexcept {
  if (memory.upload != nullptr) return memory.upload(destination, host, bytes);
  std::memcpy(destination, host, bytes);
}
inline void download(const Memory& memory, void* host, const void* source, std::size_t bytes) noexcept {
  if (memory.download != nullptr) return memory.download(host, source, bytes);
  std::memcpy(host, source, bytes);
}

/// Element i of a host array of any number type, as T; rows may lie apart.
template <class T>
constexpr T element_as(const View& v, Index i) noexcept {
  const Index columns = v.columns();
  if (columns > 0 && !v.contiguous()) i = i / columns * v.row_stride + i % columns;
  switch (v.type) {
    case DType::f32: return static_cast<T>(v.as<const float>()[i]);
    case DType::f64: return static_cast<T>(v.as<const double>()[i]);
    case DType::i64: return static_cast<T>(v.as<const std::int64_t>()[i]);
    case DType::i32: return static_cast<T>(v.as<const std::int32_t>()[i]);
    case DType::i16: return static_cast<T>(v.as<const std::int16_t>()[i]);
    case DType::i8: return static_cast<T>(v.as<const std::int8_t>()[i]);
    case DType::u8: return static_cast<T>(v.as<const std::uint8_t>()[i]);
    case DType::boolean: return static_cast<T>(v.as<const std::uint8_t>()[i] != 0);
    case DType::f16: return static_cast<T>(from_f16(v.as<const std::uint16_t>()[i]));
    case DType::bf16: return static_cast<T>(from_bf16(v.as<const std::uint16_t>()[i]));
  }
  return T();
}

/// Host copies of device views, for as long as a host kernel runs in a device's place.
class HostCopies {
 public:
  explicit HostCopies(const Memory& memory) noexcept : memory_(memory) {}

  /// The view with a host copy of its bytes behind it. Strided rows come with their gaps, so that it stays what it was.
  /// Two views of the same memory share a copy when `shared`: gradients of an input that is read twice add up in it.
  View down(const View& device, bool shared = false) noexcept {
    View host = device;
    const std::size_t bytes = span(device);
    if (device.data == nullptr || bytes == 0) return host;
    for (int i = 0; shared && i < count_; ++i) {
      if (from_[i] != device.data || copy_[i].size() != bytes) continue;
      host.data = copy_[i].data();
      return host;
    }
    host.data = room(bytes, device.data);
    if (host.data != nullptr) memory_.download(host.data, device.data, bytes);
    return host;
  }
  void up(const View& device, const View& host) noexcept {
    const std::size_t bytes = span(device);
    if (device.data != nullptr && bytes > 0) memory_.upload(device.data, host.data, bytes);
  }
  /// Aligned to 64.
  void* scratch(std::size_t bytes) noexcept {
    auto* data = static_cast<std::byte*>(room(bytes + FreeList::alignment, nullptr));
    if (data == nullptr) return nullptr;
    const std::size_t past = reinterpret_cast<std::uintptr_t>(data) % FreeList::alignment;
    return past == 0 ? data : data + (FreeList::alignment - past);
  }
  bool ok() const noexcept {
    TESSERA_ASSERT(ok_, "no host memory to run a kernel that the backend lacks");
    return ok_;
  }

 private:
  static std::size_t span(const View& v) noexcept {
    if (v.count() == 0) return 0;
    return static_cast<std::size_t>((v.rows() - 1) * v.row_stride + v.columns()) * size_of(v.type);
  }
  void* room(std::size_t bytes, const void* from) noexcept {
    if (count_ == capacity || !copy_[count_].resize(bytes)) {
      ok_ = false;
      return nullptr;
    }
    from_[count_] = from;
    return copy_[count_++].data();
  }

  static constexpr int capacity = 2 * max_inputs + 3;
  const Memory& memory_;
  Buffer<std::byte> copy_[capacity];
  const void* from_[capacity] = {};
  int count_ = 0;
  bool ok_ = true;
};

/// Runs a host kernel for a device: inputs down, result up. The slow way, which Trace reports; allocates.
inline void run_through_host(const Memory& memory, Kernel kernel, Scratch need, const Call& call) noexcept {
  HostCopies copies(memory);
  View in[max_inputs];
  for (int i = 0; i < max_inputs; ++i) in[i] = copies.down(call.in[i]);
  Call on_host = call;
  on_host.in = in;
  on_host.out = copies.down(call.out);
  on_host.scratch = need != nullptr ? copies.scratch(need(call)) : nullptr;
  if (!copies.ok()) return;
  kernel(on_host);
  copies.up(call.out, on_host.out);
}

/// The same for a gradient. What vjps add to comes down, and goes up again.
inline void run_vjp_through_host(const Memory& memory, Vjp vjp, VjpScratch need, const VjpCall& call) noexcept {
  HostCopies copies(memory);
  View in[max_inputs], in_grad[max_inputs];
  VjpCall on_host = call;
  for (int i = 0; i < max_inputs; ++i) in_grad[i] = copies.down(call.in_grad[i], true);
  for (int i = 0; i < max_inputs; ++i) in[i] = copies.down(call.in[i]);
  on_host.in = in;
  on_host.in_grad = in_grad;
  on_host.out = copies.down(call.out);
  on_host.out_grad = copies.down(call.out_grad);
  on_host.scratch = need != nullptr ? copies.scratch(need(call)) : nullptr;
  if (!copies.ok()) return;
  vjp(on_host);
  for (int i = 0; i < max_inputs; ++i) copies.up(call.in_grad[i], in_grad[i]);
}
}  // namespace detail

/// Weights in a backend's form, by param id, and where each was made from: a pack serves those params alone.
struct PackedViews {
  const View* views = nullptr;
  const View* sources = nullptr;
  std::int32_t count = 0;
  constexpr bool present() const noexcept { return views != nullptr; }

  /// Whether the param is bound to what was packed. One that has been unbound since may be told by its sizes alone.
  constexpr bool made_from(const ParamBase& p) const noexcept {
    if (p.id < 0 || p.id >= count) return false;
    const View& source = sources[p.id];
    if (p.view.rank != source.rank || (p.view.data != nullptr && p.view.data != source.data)) return false;
    for (int i = 0; i < source.rank; ++i)
      if (p.view.dim[i] != source.dim[i]) return false;
    return true;
  }
};

/// An arena handed to a frame: the backend's memory, owned by a session or by the program.
struct Arena {
  void* data = nullptr;
  std::size_t bytes = 0;
};

template <class B>
class Frame {
 public:
  using backend_type = B;
  using element = typename B::element;

  constexpr explicit Frame(const B& backend) noexcept : backend_(backend) {}
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  constexpr const B& backend() const noexcept { return backend_; }
  constexpr void set_executor(const Executor& executor) noexcept { executor_ = executor; }
  constexpr void set_taps(const TapSink& taps) noexcept { taps_ = taps; }
  /// Weights in the backend's form. Absent: as they are stored.
  constexpr void set_weights(const PackedViews& packed) noexcept { weights_ = packed; }

  /// Whether products without weights may round what they multiply, as those of a model in bf16 or int8.
  constexpr void set_low_precision(bool low) noexcept { low_precision_ = low; }
  constexpr bool low_precision() const noexcept { return low_precision_; }

  constexpr bool planning() const noexcept { return planning_; }
  constexpr const Fault& fault() const noexcept { return fault_; }
  constexpr Plan plan() const noexcept { return {memory_.peak(), flops_, 0, number_, fault_}; }

  /// Records the first broken condition; all ops after it do nothing.
  TESSERA_NOINLINE constexpr bool require(bool condition, const char* what, Index expected, Index found,
                                          Code code = Code::shape_mismatch, OpId op = OpId::count) noexcept {
    if (!condition && fault_.code == Code::ok) fault_ = {code, op, number_, what, expected, found};
    return condition;
  }
  constexpr bool failed() const noexcept { return fault_.code != Code::ok; }

  /// True when the tap is asked for: a block then takes the composition that makes the value.
  constexpr bool wants(const char* tap_name) const noexcept {
    return taps_.wants != nullptr && taps_.wants(taps_.state, tap_name);
  }

  // --- loans: what borrowed tensors read, and whether it is still there ---

  /// A tensor that reads the bytes at `offset` without owning them. The loan's number.
  TESSERA_NOINLINE constexpr std::int32_t lend(std::size_t offset) noexcept { return add_loan({offset, true, false}); }
  /// The same of a borrowed tensor.
  constexpr std::int32_t lend_again(std::int32_t loan) noexcept { return add_loan(loans_[loan]); }
  constexpr void end_loan(std::int32_t loan) noexcept {
    if (loans_[loan].lent) --lent_;
    loans_[loan] = Loan();
  }
  constexpr void require_loan(std::int32_t loan) noexcept {
    require(!loans_[loan].gone,
            "borrow: a borrowed tensor is read after the one it was borrowed from was released or overwritten", 1, 0,
            Code::invalid_argument);
  }

  // --- inputs: host arrays become operands in the backend's memory, for as long as the frame lasts ---

  /// Ids, lengths, labels: any integer array, as i32. Not copied when it is i32 in host memory already.
  constexpr Operand ids(const View& host) noexcept { return input<std::int32_t>(host); }
  /// Masks and targets: any number array, in the element type.
  constexpr Operand numbers(const View& host) noexcept { return input<element>(host); }
  /// n ids that the model itself derives: f(i) for i in [0, n), called in this order.
  template <class F>
  constexpr Operand make_ids(Index n, F f) noexcept {
    return make<std::int32_t>(View::of(nullptr, DType::i32, n), std::move(f));
  }

  /// Numbers that the model itself derives, in the sizes of `shape`: f(i) for each, called in this order.
  template <class F>
  constexpr Operand make_numbers(const View& shape, F f) noexcept {
    return make<element>(shape, [&](Index i) { return static_cast<element>(f(i)); });
  }

  constexpr Operand param(const ParamBase& p) noexcept {
    if (weights_.present() && !weights_.made_from(p)) {
      require_of_param(
          p, false,
          "is not what was packed (weights of another model, of other memory or of other sizes): pack them "
          "again; packed forms of it",
          1, 0, Code::invalid_argument);
      return {p.view, -1};
    }
    const View& view = weights_.present() ? weights_.views[p.id] : p.view;
    if (!planning_) require_readable(p, view);
    return {view, -1};
  }

 protected:
  constexpr void begin_frame(bool planning, const Arena& arena) noexcept {
    planning_ = planning;
    arena_ = arena;
    memory_ = FreeList(planning ? FreeList::npos : arena.bytes);
    number_ = 0;
    flops_ = 0;
    fault_ = Fault();
    for (Loan& loan : loans_) loan = Loan();
    lent_ = 0;
  }

  /// The bytes at `offset` are somebody else's from now on.
  constexpr void end_loans_of(std::size_t offset) noexcept {
    for (Loan& loan : loans_)
      if (lent_ > 0 && loan.lent && loan.offset == offset) loan.gone = true;
  }

  /// As a param, with the param named in the fault.
  constexpr void require_of_param(const ParamBase& p, bool condition, const char* what, Index expected, Index found,
                                  Code code) noexcept {
    const bool first = !failed();
    if (!require(condition, what, expected, found, code) && first) fault_.param = p.id >= 0 ? p.id : Fault::unnumbered;
  }
  /// Kernels take the bytes of a param for elements of the backend, in its own layout and its own memory.
  TESSERA_NOINLINE constexpr void require_readable(const ParamBase& p, const View& view) noexcept {
    if (view.count() == 0) return;
    require_of_param(p, view.data != nullptr, "is bound to no memory; bytes", static_cast<Index>(view.bytes()), 0,
                     Code::not_found);
    require_of_param(p, view.packing != 0 || view.type == dtype_of<element>,
                     "is stored in another type than the backend reads: pack the weights (Packed<B>::of), or make them "
                     "masters (Weights::of, own_weights); bytes of an element",
                     static_cast<Index>(sizeof(element)), static_cast<Index>(size_of(view.type)), Code::unsupported);
    require_of_param(p, weights_.present() || backend_.memory().host(),
                     "lies in the host's memory, and the backend has its own: pack the weights (Packed<B>::of); forms",
                     1, 0, Code::unsupported);
  }

  TESSERA_NOINLINE constexpr Slot allocate(std::size_t bytes) noexcept {
    if (failed() || bytes == 0) return {};
    const std::size_t offset = memory_.allocate(bytes);
    if (offset == FreeList::npos) {
      require(false, "arena: too small for this input (planned bytes, bytes of the arena)",
              static_cast<Index>(memory_.end() + bytes), static_cast<Index>(arena_.bytes), Code::out_of_memory);
      return {};
    }
    return {offset, bytes};
  }
  constexpr void give_back(Slot slot) noexcept {
    if (slot.bytes > 0 && lent_ > 0) end_loans_of(slot.offset);
    if (slot.bytes > 0 && !memory_.release(slot.offset, slot.bytes))
      require(false, "arena: more holes than the free list can hold", FreeList::max_holes, FreeList::max_holes + 1,
              Code::out_of_memory);
  }
  constexpr void* address(Slot slot) const noexcept {
    return planning_ || slot.bytes == 0 ? nullptr : static_cast<std::byte*>(arena_.data) + slot.offset;
  }

  struct Loan {
    std::size_t offset = 0;
    bool lent = false;
    bool gone = false;
  };
  static constexpr std::int32_t most_loans = 32;  ///< at once; a block that lends has one or two
  constexpr std::int32_t add_loan(const Loan& loan) noexcept {
    for (std::int32_t i = 0; i < most_loans; ++i) {
      if (loans_[i].lent) continue;
      loans_[i] = loan;
      ++lent_;
      return i;
    }
    require(false, "borrow: more borrowed tensors at once than are kept account of", most_loans, most_loans + 1,
            Code::out_of_memory);
    return -1;
  }

  template <class T, class F>
  constexpr Operand make(const View& shape, F f) noexcept {
    View v = shape;
    v.type = dtype_of<T>;
    v.row_stride = v.columns();
    const Slot slot = allocate(v.bytes());
    v.data = address(slot);
    // After a stop the bytes may still be those of a value that lives where the walk was stopped.
    if (v.data != nullptr && !failed() && !stopped_) {
      T* target = v.template as<T>();
      if (!backend_.memory().host()) {
        if (!staging_.resize(v.bytes())) {
          require(false, "input: no host memory to stage it", static_cast<Index>(v.bytes()), 0, Code::out_of_memory);
          return {v, -1};
        }
        target = reinterpret_cast<T*>(staging_.data());
      }
      for (Index i = 0; i < v.count(); ++i) target[i] = f(i);
      if (!backend_.memory().host()) backend_.memory().upload(v.data, target, v.bytes());
    }
    return {v, -1};
  }

  template <class T>
  constexpr Operand input(const View& host) noexcept {
    if (!host.present()) return {};
    if (!planning_ &&
        !require(host.data != nullptr || host.count() == 0, "input: an array of the call has no data; bytes",
                 static_cast<Index>(host.bytes()), 0, Code::not_found))
      return {host, -1};
    if (host.type == dtype_of<T> && backend_.memory().host()) return {host, -1};
    return make<T>(host, [&](Index i) { return detail::element_as<T>(host, i); });
  }

  /// The kernel, directly or through the host for a device that has none of its own.
  void execute(OpId id, const Call& call) const noexcept {
    const Kernels& kernels = backend_.kernels();
    const int i = static_cast<int>(id);
    if (kernels.origin[i] == Origin::reference && !backend_.memory().host())
      detail::run_through_host(backend_.memory(), kernels.run[i], kernels.scratch[i], call);
    else
      kernels.run[i](call);
  }

  B backend_;
  Executor executor_;
  TapSink taps_;
  PackedViews weights_;
  Arena arena_;
  FreeList memory_;
  Buffer<std::byte> staging_;
  Fault fault_;
  Loan loans_[most_loans];
  std::int32_t lent_ = 0;
  std::int64_t flops_ = 0;
  std::int32_t number_ = 0;
  bool planning_ = true;
  bool low_precision_ = false;
  bool stopped_ = false;  ///< the walk goes on without computing
};

}  // namespace tessera
