// The forms of a model's weights: Weights (master, f32), Packed<B> (as a backend wants them), Gradients<B>.
//
// The stored form belongs to a file mapping or to an array in the program: Param::view points at it. `Weights` owns
// one block that the params are bound to; `Packed` is made from whatever the params point at, at set-up; `Gradients`
// has the masters' layout, so an optimizer is one loop over segments.
#pragma once

#include "tessera/context/frame.hpp"
#include "tessera/tensor/walk.hpp"

namespace tessera::inline TESSERA_ISA {

/// Bytes of a backend's memory, released with their owner.
class MemoryBlock {
 public:
  MemoryBlock() = default;
  MemoryBlock(MemoryBlock&& other) noexcept
      : memory_(other.memory_), data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryBlock& operator=(MemoryBlock&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemoryBlock() { detail::release(memory_, data_, bytes_); }

  static Result<MemoryBlock> allocate(const Memory& memory, std::size_t bytes) noexcept {
    MemoryBlock block;
    block.memory_ = memory;
    if (bytes == 0) return block;
    block.data_ = detail::allocate(memory, bytes);
    if (block.data_ == nullptr)
      return Error::format(Code::out_of_memory, "memory: expected room for %zu bytes, found none", bytes);
    block.bytes_ = bytes;
    return block;
  }
  std::byte* data() const noexcept { return static_cast<std::byte*>(data_); }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  Memory memory_;
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

namespace detail {
/// Copies n host elements of any floating type to T.
template <class T>
void convert(const View& from, T* to) noexcept {
  if (!from.contiguous()) {
    for (Index r = 0; r < from.rows(); ++r) {
      View row = View::of(nullptr, from.type, from.columns());
      row.data =
          static_cast<std::byte*>(from.data) + static_cast<std::size_t>(r * from.row_stride) * size_of(from.type);
      convert(row, to + r * from.columns());
    }
    return;
  }
  if (from.type == dtype_of<T>) {
    std::memcpy(to, from.data, static_cast<std::size_t>(from.count()) * sizeof(T));
    return;
  }
  for (Index i = 0; i < from.count(); ++i) to[i] = element_as<T>(from, i);
}

template <class Model>
Result<void> check_bound(const Model& model) noexcept {
  Error error;
  for_each_param(model, [&](const RolePath& path, const ParamBase& param) {
    if (error) return;
    if (param.id < 0)
      error =
          Error::format(Code::invalid_argument, "weights: %s has no number; call number_params first", path.c_str());
    else if (param.view.data == nullptr && param.view.count() > 0)
      error = Error::format(Code::not_found, "weights: %s is bound to no memory%s", path.c_str(),
                            param.master >= 0 ? "; its master may be: call bind_ties" : "");
  });
  if (error) return error;
  return {};
}
}  // namespace detail

namespace detail {
/// A model whose config did not fit the constants of its type, or that has no memory for its layers, computes nothing.
template <class Model>
constexpr Fault fault_of_sizes(const Model& model) noexcept {
  Fault fault;
  if constexpr (requires { static_cast<bool>(model.complete()); }) {
    if (model.complete()) return fault;
    fault.code = Code::invalid_argument;
    fault.what =
        "model: it is not complete: no memory for its layers, or sizes in the config that no model has; complete";
    fault.expected = 1;
    if constexpr (requires { model.misfit().name; })
      if (model.misfit().name != nullptr) {
        fault.what =
            "model: a size of the config is not the constant that the type was compiled for (misfit() names it)";
        fault.expected = model.misfit().expected;
        fault.found = model.misfit().found;
      }
  }
  return fault;
}
template <class Model>
Result<void> check_complete(const Model& model) noexcept {
  if constexpr (requires { model.misfit().name; })
    if (const auto misfit = model.misfit(); misfit.name != nullptr)
      return Error::format(Code::shape_mismatch, "config: %s is %lld, this model was compiled for %lld", misfit.name,
                           static_cast<long long>(misfit.found), static_cast<long long>(misfit.expected));
  if (const Fault fault = fault_of_sizes(model); fault.code != Code::ok)
    return Error::format(fault.code, "%s: expected %lld, found %lld", fault.what,
                         static_cast<long long>(fault.expected), static_cast<long long>(fault.found));
  return {};
}

/// The sentence of a fault, with the role of the param that it is about.
template <class Model>
Error error_of(const Fault& fault, const Model& model) noexcept {
  Error error = fault.error();
  if (fault.param < 0) return error;
  for_each_param(model, [&](const RolePath& path, const ParamBase& param) {
    if (param.id == fault.param) error = fault.error(path.c_str());
  });
  return error;
}

/// The sentence of a walk that only planned. What the model says of its input comes first: it names the array that does
/// not fit, where an op knows numbers alone. An input of shapes without data is no reason here.
template <class Model>
Error error_of_plan(const Fault& fault, const Model& model, const typename Model::Input& input) noexcept {
  if (const auto valid = model.validate(input); !valid && valid.error().code() != Code::not_found) return valid.error();
  return error_of(fault, model);
}
/// A plan with what the walk cannot see.
template <class Model>
constexpr Plan plan_of_model(const Model& model, Plan plan) noexcept {
  plan.parameters = parameter_count(model);
  return plan;
}

/// Whether `user` (an optimizer, ...) may write the param as f32.
inline Result<void> check_writable(const char* user, const char* role, const ParamBase& param) noexcept {
  if (param.view.data == nullptr || param.view.type != DType::f32)
    return Error::format(Code::invalid_argument, "%s: %s must be bound to f32 memory (Weights)", user, role);
  if (param.read_only)
    return Error::format(Code::invalid_argument,
                         "%s: %s lies in memory that may only be read (a mapped file); move the weights to memory of "
                         "their own first: own_weights of what from_pretrained returned, or Weights::of",
                         user, role);
  return {};
}
}  // namespace detail

/// Lets each tied param read its master's bytes. Call after binding params by hand.
template <class Model>
void bind_ties(Model& model) noexcept {
  if constexpr (requires { model.ties([](ParamBase&, ParamBase&) {}); })
    model.ties([](ParamBase& master, ParamBase& tied) {
      tied.view.data = master.view.data;
      tied.view.type = master.view.type;
      tied.version = master.version;
      tied.read_only = master.read_only;
    });
}

namespace detail {
/// Elements a master takes in a block: each starts on a cache line of its own.
constexpr Index block_elements(const ParamBase& param) noexcept {
  return saturating_sum(param.view.count(), 15) / 16 * 16;
}
/// Elements beyond which no memory can be meant.
inline constexpr Index most_elements = Index{1} << 56;
}  // namespace detail

/// Elements of one block with all masters of the model: the size of an array for bind_masters. A constant expression
/// for models with constant sizes.
template <class Model>
constexpr Index master_elements(const Model& model) noexcept {
  Index n = 0;
  for_each_param(model, [&](const RolePath&, const ParamBase& param) {
    if (param.master < 0) n = saturating_sum(n, detail::block_elements(param));
  });
  return n;
}

/// Binds the model to f32 memory of the program, master_elements(model) long, in the order of the walk. No heap.
template <class Model>
void bind_masters(Model& model, float* block) noexcept {
  for_each_param(model, [&](const RolePath&, ParamBase& param) {
    if (param.master >= 0) return;
    param.view.data = block;
    param.view.type = DType::f32;
    param.read_only = false;
    block += detail::block_elements(param);
  });
  bind_ties(model);
}

namespace detail {
/// Tied params are one weight, so they have one shape.
template <class Model>
Result<void> check_ties(const Model& model) noexcept {
  Error error;
  if constexpr (requires(Model & m) { m.ties([](ParamBase&, ParamBase&) {}); })
    const_cast<Model&>(model).ties([&](ParamBase& master, ParamBase& tied) {
      if (!error && master.view.count() != tied.view.count())
        error = Error::format(Code::shape_mismatch, "weights: tied params must have as many elements: %lld and %lld",
                              static_cast<long long>(master.view.count()), static_cast<long long>(tied.view.count()));
    });
  if (error) return error;
  return {};
}
}  // namespace detail

/// Where each param starts in a block of T that holds all masters one after the other.
class WeightLayout {
 public:
  template <class Model>
  static Result<WeightLayout> of(const Model& model) noexcept {
    WeightLayout layout;
    Error error;
    Buffer<std::uint64_t> hashes;  // of the roles, each of which is the name of one param
    for_each_param(model, [&](const RolePath& path, const ParamBase& param) {
      if (error) return;
      const std::uint64_t hash = path.hash();
      for (const std::uint64_t other : hashes)
        if (other == hash)
          error = Error::format(Code::invalid_argument,
                                "weights: two params have the role %s: give each a name of its own", path.c_str());
      for (int d = 0; d < param.view.rank; ++d)
        if (param.view.dim[d] < 0)
          error = Error::format(Code::out_of_range, "weights: %s has a size of %lld: the config is not one of a model",
                                path.c_str(), static_cast<long long>(param.view.dim[d]));
      if (path.cut_short())
        error = Error::format(Code::out_of_range, "weights: the role %s... is longer than %d characters", path.c_str(),
                              RolePath::capacity - 1);
      if (!hashes.push(hash)) error = Error::format(Code::out_of_memory, "weights: no memory for the table");
      if (param.id != static_cast<std::int32_t>(layout.start_.size()))
        error = Error::format(Code::invalid_argument,
                              "weights: %s has no number of its own: number_params was not called, or the walk meets "
                              "the param twice (tie two params instead)",
                              path.c_str());
      if (!layout.start_.push(layout.elements_))
        error = Error::format(Code::out_of_memory, "weights: no memory for the table");
      if (param.master < 0) layout.elements_ = saturating_sum(layout.elements_, detail::block_elements(param));
    });
    if (error) return error;
    if (layout.elements_ > detail::most_elements)
      return Error::format(Code::out_of_range,
                           "weights: the sizes of the model add up to more elements than any memory has");
    // A tied param may come before its master.
    for_each_param(model, [&](const RolePath& path, const ParamBase& param) {
      if (error || param.master < 0) return;
      if (static_cast<std::size_t>(param.master) >= layout.start_.size())
        error = Error::format(Code::invalid_argument, "weights: %s is tied to a param that the walk does not meet",
                              path.c_str());
      else
        layout.start_[static_cast<std::size_t>(param.id)] = layout.start_[static_cast<std::size_t>(param.master)];
    });
    if (error) return error;
    TESSERA_TRY(detail::check_ties(model));
    return layout;
  }
  Index start(std::int32_t id) const noexcept { return start_[static_cast<std::size_t>(id)]; }
  std::size_t params() const noexcept { return start_.size(); }
  Index elements() const noexcept { return elements_; }

 private:
  Buffer<Index> start_;
  Index elements_ = 0;
};

/// The master form: one f32 block in host memory that every param of a model is bound to.
class Weights {
 public:
  Weights() = default;

  /// Allocates for the model's sizes and binds its params. What they were bound to before is copied (and converted);
  /// params that were bound to nothing start as zeros.
  template <class Model>
  static Result<Weights> of(Model& model) noexcept {
    TESSERA_TRY(detail::check_complete(model));
    TESSERA_TRY_ASSIGN(WeightLayout layout, WeightLayout::of(model));
    Weights weights;
    // The version comes first, where it does not move with this object.
    const std::size_t bytes = static_cast<std::size_t>(layout.elements()) * sizeof(float) + head;
    TESSERA_TRY_ASSIGN(weights.block_, MemoryBlock::allocate(Memory(), bytes));
    std::memset(weights.block_.data(), 0, bytes);
    float* base = weights.data();
    for_each_param(model, [&](const RolePath&, ParamBase& param) {
      float* target = base + layout.start(param.id);
      if (param.master < 0 && param.view.data != nullptr) detail::convert(param.view, target);
      param.view.data = target;
      param.view.type = DType::f32;
      param.read_only = false;
      param.version = reinterpret_cast<std::uint32_t*>(weights.block_.data());
    });
    weights.elements_ = layout.elements();
    return weights;
  }
  float* data() const noexcept { return reinterpret_cast<float*>(block_.data() + head); }
  Index elements() const noexcept { return elements_; }

  /// Marks what was packed from them as stale. Optimizers do it; a program that writes weights itself must.
  void changed() noexcept { ++*reinterpret_cast<std::uint32_t*>(block_.data()); }

 private:
  static constexpr std::size_t head = FreeList::alignment;

  MemoryBlock block_;
  Index elements_ = 0;
};

/// Sees the stored form of each param once it has been packed, and is not read any more. A loader gives its pages back.
struct StoredSink {
  void* state = nullptr;
  void (*done)(void* state, const View& stored) = nullptr;
};

/// The form a backend computes with, by param id. Made at set-up; shared by sessions; read only.
template <class B>
class Packed {
 public:
  using element = typename B::element;

  /// Packs every param: as the backend's Packing says, else as plain elements. Params whose stored form already is
  /// what the backend reads are not copied, and must stay bound while this lives. In a low precision attention may
  /// round to bf16 too, where the backend is faster by that.
  template <class Model>
  static Result<Packed> of(const Model& model, const B& backend, Precision precision = Precision::f32,
                           const Executor& executor = {}, const StoredSink& sink = {}) noexcept {
    auto packed = of(
        model, backend, [precision](const RolePath&, const ParamBase&) { return precision; }, executor, sink);
    if (packed) packed->low_precision_ = precision != Precision::f32;
    return packed;
  }

  /// The same with a precision of each linear's own: choose(const RolePath&, const ParamBase&) -> Precision. It is
  /// asked more than once, and of weights of linears alone counts what it says.
  template <class Model, class Choose>
  requires std::is_invocable_r_v<Precision, const Choose&, const RolePath&, const ParamBase&>
  static Result<Packed> of(const Model& model, const B& backend, const Choose& choose, const Executor& executor = {},
                           const StoredSink& sink = {}) noexcept {
    TESSERA_TRY(detail::check_complete(model));
    TESSERA_TRY(detail::check_bound(model));
    TESSERA_TRY(detail::check_ties(model));
    const Packing& packing = backend.packing();
    Error unsupported;
    for_each_param(model, [&](const RolePath& path, const ParamBase& p) {
      const Precision precision = choose(path, p);
      if (unsupported || precision == Precision::f32) return;
      if (packing.supports == nullptr || !packing.supports(precision))
        unsupported = Error::format(Code::unsupported, "backend %s: it computes no linears in %s", backend.name(),
                                    name(precision));
    });
    if (unsupported) return unsupported;
    Packed packed;
    std::size_t total = 0, largest = 0;
    bool room = true;
    // Matrices with more dimensions are packed as the op reads them: [first, all others].
    const auto matrix = [](View v) noexcept {
      while (v.rank > 2) {
        v.dim[1] *= v.dim[2];
        for (int d = 2; d + 1 < v.rank; ++d) v.dim[d] = v.dim[d + 1];
        --v.rank;
      }
      v.row_stride = v.columns();
      return v;
    };
    const auto own_form = [&](const RolePath& path, const ParamBase& p) noexcept -> std::size_t {
      return packing.bytes != nullptr ? packing.bytes(matrix(p.view), p.use, choose(path, p)) : 0;
    };
    const auto form = [&](const RolePath& path, const ParamBase& p) noexcept -> std::size_t {
      if (const std::size_t own = own_form(path, p); own > 0) return own;
      if (backend.memory().host() && p.view.type == dtype_of<element>) return 0;
      return static_cast<std::size_t>(p.view.count()) * sizeof(element);
    };
    for_each_param(model, [&](const RolePath& path, const ParamBase& p) {
      if (!room || !(room = packed.views_.push(p.view) && packed.sources_.push(p.view))) return;
      if (packed.version_ == nullptr && p.version != nullptr) {
        packed.version_ = p.version;
        packed.packed_version_ = *p.version;
      }
      const ParamBase* same = shared_form(model, p);
      if (same != nullptr) return;
      total += FreeList::rounded(form(path, p));
      const std::size_t elements = static_cast<std::size_t>(p.view.count()) * sizeof(element);
      largest = elements > largest ? elements : largest;
    });
    if (!room) return Error::format(Code::out_of_memory, "weights: no memory for the table of packed weights");
    TESSERA_TRY_ASSIGN(packed.block_, MemoryBlock::allocate(backend.memory(), total));

    Buffer<std::byte> plain, staged;
    std::size_t offset = 0;
    Error error;
    for_each_param(model, [&](const RolePath& path, const ParamBase& p) {
      if (error) return;
      View& view = packed.views_[static_cast<std::size_t>(p.id)];
      if (const ParamBase* same = shared_form(model, p); same != nullptr) {
        view = packed.views_[static_cast<std::size_t>(same->id)];
        return;
      }
      const std::size_t bytes = form(path, p);
      if (bytes == 0) return;
      View source = p.view;
      if (source.type != dtype_of<element>) {
        if (!plain.resize(static_cast<std::size_t>(source.count()) * sizeof(element))) {
          error = Error::format(Code::out_of_memory, "weights: no memory to convert %s", path.c_str());
          return;
        }
        detail::convert(source, reinterpret_cast<element*>(plain.data()));
        source.data = plain.data();
        source.type = dtype_of<element>;
      }
      void* target = packed.block_.data() + offset;
      offset += FreeList::rounded(bytes);
      void* host = target;
      if (!backend.memory().host()) {
        if (!staged.resize(bytes)) {
          error = Error::format(Code::out_of_memory, "weights: no memory to stage %s", path.c_str());
          return;
        }
        host = staged.data();
      }
      if (own_form(path, p) > 0) {
        view = packing.pack(matrix(source), p.use, choose(path, p), host, executor);
      } else {
        std::memcpy(host, source.data, bytes);
        view = source;
      }
      if (host != target) backend.memory().upload(target, host, bytes);
      view.data = target;
      if (sink.done != nullptr) sink.done(sink.state, p.view);
    });
    if (error) return error;
    return packed;
  }

  PackedViews views() const noexcept {
    return {views_.data(), sources_.data(), static_cast<std::int32_t>(views_.size())};
  }
  /// Whether all linears are in bf16 or int8, so that other products may round as well.
  bool low_precision() const noexcept { return low_precision_; }
  /// True when the weights have changed since: pack them again (`packed = *Packed<B>::of(...)`; sessions see it).
  bool stale() const noexcept { return block_.bytes() > 0 && version_ != nullptr && *version_ != packed_version_; }
  /// Bytes that this owns (what was not shared with the stored form).
  std::size_t bytes() const noexcept { return block_.bytes(); }

 private:
  /// The master of a tied param, when both are read in the same way and one packed form serves both.
  template <class Model>
  static const ParamBase* shared_form(const Model& model, const ParamBase& p) noexcept {
    if (p.master < 0) return nullptr;
    const ParamBase* found = nullptr;
    for_each_param(model, [&](const RolePath&, const ParamBase& other) {
      if (other.id == p.master && other.use == p.use) found = &other;
    });
    return found;
  }

  Buffer<View> views_, sources_;
  MemoryBlock block_;
  const std::uint32_t* version_ = nullptr;
  std::uint32_t packed_version_ = 0;
  bool low_precision_ = false;
};

/// One gradient for each trained master, in the backend's memory, in the layout of Weights.
template <class B>
class Gradients {
 public:
  using element = typename B::element;

  template <class Model>
  static Result<Gradients> of(const Model& model, const B& backend) noexcept {
    TESSERA_TRY_ASSIGN(WeightLayout layout, WeightLayout::of(model));
    Gradients gradients;
    gradients.memory_ = backend.memory();
    const std::size_t bytes = static_cast<std::size_t>(layout.elements()) * sizeof(element);
    TESSERA_TRY_ASSIGN(gradients.block_, MemoryBlock::allocate(backend.memory(), bytes));
    if (!gradients.views_.resize(layout.params()))
      return Error::format(Code::out_of_memory, "gradients: no memory for the table");
    for_each_param(model, [&](const RolePath&, const ParamBase& p) {
      View v = p.view;
      v.packing = 0;
      v.row_stride = v.columns();
      v.type = dtype_of<element>;
      v.data = gradients.block_.data() + static_cast<std::size_t>(layout.start(p.id)) * sizeof(element);
      gradients.views_[static_cast<std::size_t>(p.id)] = p.role == ParamRole::trained ? v : View();
    });
    gradients.elements_ = layout.elements();
    gradients.clear();
    return gradients;
  }

  void clear() noexcept {
    if (block_.bytes() > 0) detail::zero(memory_, block_.data(), block_.bytes());
  }
  /// The gradient of param `id`; of rank 0 when it is not trained.
  const View& operator[](std::int32_t id) const noexcept { return views_[static_cast<std::size_t>(id)]; }
  element* data() const noexcept { return reinterpret_cast<element*>(block_.data()); }
  Index elements() const noexcept { return elements_; }

 private:
  Memory memory_;
  Buffer<View> views_;
  MemoryBlock block_;
  Index elements_ = 0;
};

}  // namespace tessera
