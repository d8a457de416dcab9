// Tensor: a value of a context (planning, inference, tape). Move-only; its life is its memory's life.
//
// Ops take tensors and give tensors; the context behind them decides what an op does. The destructor gives the bytes
// back to the context, which keeps them when a gradient still needs them.
#pragma once

#include <type_traits>
#include <utility>

#include "tessera/base/assert.hpp"
#include "tessera/tensor/param.hpp"

namespace tessera::inline TESSERA_ISA {

/// Bytes of an arena. `bytes` 0: memory of somebody else.
struct Slot {
  std::size_t offset = 0;
  std::size_t bytes = 0;
  std::int32_t loan = -1;  ///< of a borrowed tensor: its entry in the frame's list of loans
};

/// What an op reads: a view, and the number by which a tape knows the value (-1: a constant).
struct Operand {
  View view;
  std::int32_t value = -1;
  Index start = 0;  ///< of a slice of a param: the element of the param where the view begins
  constexpr bool present() const noexcept { return view.present(); }
};

/// Rows [first, first + count) of a param that an op reads; elements, where it has one dimension.
constexpr Operand slice_rows(Operand param, Index first, Index count) noexcept {
  View& v = param.view;
  const Index step = v.rank > 1 ? v.row_stride : 1;
  v.dim[0] = count;
  if (v.rank == 1) v.row_stride = count;
  if (v.data != nullptr)
    v.data = static_cast<std::byte*>(v.data) + static_cast<std::size_t>(first * step) * size_of(v.type);
  param.start += first * step;
  return param;
}

template <class Context, class E>
class [[nodiscard]] Tensor {
 public:
  using context_type = Context;
  using extents = E;

  constexpr Tensor() noexcept = default;
  constexpr Tensor(Context& context, const View& view, Slot slot, std::int32_t value) noexcept
      : context_(&context), view_(view), slot_(slot), value_(value) {}
  constexpr Tensor(Tensor&& other) noexcept
      : context_(std::exchange(other.context_, nullptr)),
        view_(std::exchange(other.view_, View())),
        slot_(std::exchange(other.slot_, Slot())),
        value_(std::exchange(other.value_, -1)) {}
  constexpr Tensor& operator=(Tensor&& other) noexcept {
    if (this != &other) {
      reset();
      context_ = std::exchange(other.context_, nullptr);
      view_ = std::exchange(other.view_, View());
      slot_ = std::exchange(other.slot_, Slot());
      value_ = std::exchange(other.value_, -1);
    }
    return *this;
  }
  Tensor(const Tensor&) = delete;
  Tensor& operator=(const Tensor&) = delete;
  constexpr ~Tensor() { reset(); }

  /// False for an output that was not asked for, such as the loss without labels.
  constexpr explicit operator bool() const noexcept { return context_ != nullptr; }
  constexpr Context& context() const noexcept {
    if (!std::is_constant_evaluated())
      TESSERA_ASSERT(context_ != nullptr, "a tensor that was moved away, or that was never given, is read");
    return *context_;
  }
  constexpr const View& view() const noexcept { return view_; }
  constexpr Index size(int dimension) const noexcept { return view_.dim[dimension]; }
  constexpr Operand operand() const noexcept {
    if (slot_.loan >= 0) context_->require_loan(slot_.loan);
    return {view_, value_};
  }
  constexpr std::int32_t value() const noexcept { return value_; }
  constexpr void set_value(std::int32_t value) noexcept { value_ = value; }

  /// The same numbers with other sizes; the product must stay, and rows must lie one behind the other.
  template <class To>
  constexpr Tensor<Context, To> reshape(const To& sizes) && noexcept {
    View v = View::of(view_.data, view_.type, sizes);
    context().require(v.count() == view_.count() && view_.contiguous(),
                      "reshape: the elements must stay as many, in rows without gaps", view_.count(), v.count());
    Tensor<Context, To> shaped(*context_, v, slot_, value_);
    context_ = nullptr;
    slot_ = Slot();
    return shaped;
  }

  /// A second reader of the same bytes. It may be read as long as this tensor, or the one that it is moved to, is there
  /// and no op was given it to overwrite (`x = gelu(std::move(x))`): reading it later is a fault, which planning shows.
  constexpr Tensor borrow() const noexcept {
    Slot loan;
    loan.loan = slot_.bytes > 0   ? context().lend(slot_.offset)
                : slot_.loan >= 0 ? context().lend_again(slot_.loan)
                                  : -1;
    return Tensor(context(), view_, loan, value_);
  }

  constexpr const Slot& slot() const noexcept { return slot_; }
  /// True when the bytes are this tensor's own: an elementwise op may overwrite them.
  constexpr bool owns_memory() const noexcept { return slot_.bytes > 0; }

  constexpr void reset() noexcept {
    if (context_ != nullptr && slot_.bytes > 0) context_->release(slot_, value_);
    if (context_ != nullptr && slot_.loan >= 0) context_->end_loan(slot_.loan);
    context_ = nullptr;
    slot_ = Slot();
    view_ = View();
    value_ = -1;
  }

 private:
  Context* context_ = nullptr;
  View view_;
  Slot slot_;
  std::int32_t value_ = -1;
};

/// Constant size of dimension d of a tensor type, or dyn.
template <class T, int d>
inline constexpr Index size_of_dim = std::remove_cvref_t<T>::extents::constant[d];

}  // namespace tessera
