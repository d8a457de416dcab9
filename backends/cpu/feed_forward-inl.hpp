// feed_forward: two linears with an activation between, some hundred rows at a time.
//
// What lies between stays in the second-level cache until the second linear reads it, and the activation meets each
// block of it in the first. Where the second weight is bf16, it is written as the prepared rows of that product: half
// the bytes, and no pass of its own that rounds.
#if defined(TESSERA_CPU_FEED_FORWARD_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TESSERA_CPU_FEED_FORWARD_INL
#undef TESSERA_CPU_FEED_FORWARD_INL
#else
#define TESSERA_CPU_FEED_FORWARD_INL
#endif

#include "tessera/backends/cpu/elementwise-inl.hpp"
#include "tessera/backends/cpu/linear-inl.hpp"
#include "tessera/ops/feed_forward.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ISA {
namespace TESSERA_CPU_FORM {
namespace HWY_NAMESPACE {

/// Rows of whole vectors in one loop, which keeps the constants in registers.
template <class Op>
HWY_NOINLINE inline void activate_block(float* c, Index c_row, Index rows, Index columns) {
  const F32 d;
  const Index step = lanes();
  const Index whole = columns / step * step;
  for (Index r = 0; r < rows; ++r)
    for (Index j = 0; j < whole; j += step) {
      float* const y = c + r * c_row + j;
      hn::StoreU(Op::of(hn::LoadU(d, y)), d, y);
    }
  for (Index r = 0; whole < columns && r < rows; ++r)
    map_row<Op>(c + r * c_row + whole, c + r * c_row + whole, columns - whole);
}

inline Activate activate_of(Activation activation) {
  switch (activation) {
    case Activation::gelu: return &activate_block<Gelu>;
    case Activation::gelu_tanh: return &activate_block<GeluTanh>;
    case Activation::relu: return &activate_block<Relu>;
    case Activation::swish: return &activate_block<Swish>;
    case Activation::tanh: return &activate_block<Tanh>;
  }
  return nullptr;
}

/// How a call is cut, and where its parts lie in scratch: rows of x as the first weight wants them, what lies between
/// in f32, and the same as the second weight wants it.
struct FeedForwardPlan {
  Index rows_each = 0;                           ///< of a chunk
  bool narrow = false;                           ///< from the first product to bf16
  std::size_t x = 0, between = 0, prepared = 0;  ///< bytes

  explicit FeedForwardPlan(const Call& call) {
    using op::feed_forward;
    const View& inner_weight = call.in[feed_forward::inner_weight];
    const View& weight = call.in[feed_forward::weight];
    const Index inner = call.in[feed_forward::x].columns(), rows = call.in[feed_forward::x].rows();
    const Index width = call.in[feed_forward::inner_bias].count();
    narrow = weight.packing == bf16_panels && is_low(inner_weight) && low_code(bf16_panels).tiles != nullptr &&
             low_code(inner_weight.packing).tiles != nullptr && inner > 0 && width > 0;
    // Weights are read again for each chunk: so many rows that this is little beside multiplying them.
    const Index most = narrow ? 512 : 256;
    const Index chunks = rows > most ? (rows + most - 1) / most : 1;
    rows_each = cpu::round_up((rows + chunks - 1) / chunks, 32);
    if (rows_each > rows) rows_each = rows;
    // Room for the largest chunk that so many rows can have: fewer rows, a part of the call, must need no more.
    const Index room = rows < most ? rows : most;
    x = bytes_of_prepared(inner_weight, room, inner);
    between = narrow ? 0 : static_cast<std::size_t>(cpu::round_up(room * width, 16)) * sizeof(float);
    prepared = bytes_of_prepared(weight, room, width);
  }
};

inline std::size_t feed_forward_scratch(const Call& call) {
  const FeedForwardPlan plan(call);
  return plan.x + plan.between + plan.prepared;
}

inline void feed_forward(const Call& call) {
  using op::feed_forward;
  const FeedForwardPlan plan(call);
  const View& x = call.in[feed_forward::x];
  const auto& attributes = call.as<feed_forward>();
  auto* const scratch = static_cast<std::uint8_t*>(call.scratch);
  void* const prepared = scratch + plan.x + plan.between;
  const Index width = call.in[feed_forward::inner_bias].count();
  for (Index row = 0; row < x.rows(); row += plan.rows_each) {
    RowLinear first;
    first.a = x.row<float>(row);
    first.a_row = x.row_stride;
    first.rows = x.rows() - row < plan.rows_each ? x.rows() - row : plan.rows_each;
    first.weight = &call.in[feed_forward::inner_weight];
    first.in_out = attributes.in_out;
    first.bias = call.in[feed_forward::inner_bias].as<float>();
    first.activate = activate_of(attributes.activation);
    RowLinear second;
    second.rows = first.rows;
    second.weight = &call.in[feed_forward::weight];
    second.in_out = attributes.in_out;
    second.bias = call.in[feed_forward::bias].as<float>();
    second.c = call.out.row<float>(row);
    second.c_row = call.out.row_stride;
    if (plan.narrow) {
      LowGemm g = low_product(first);
      g.low = PreparedRows::in(prepared, bf16_panels, first.rows, width);
      run_low(g, scratch, *call.executor);
      cpu::multiply_prepared(low_code(bf16_panels), low_product(second), g.low, *call.executor);
    } else {
      auto* const between = reinterpret_cast<float*>(scratch + plan.x);
      first.c = between;
      first.c_row = width;
      run_linear(first, scratch, *call.executor);
      second.a = between;
      second.a_row = width;
      run_linear(second, prepared, *call.executor);
    }
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace TESSERA_CPU_FORM
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#endif
