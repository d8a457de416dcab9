// add, multiply and bias.
#include "tessera/backends/eigen/maps.inl"
#include "tessera/ops/add.hpp"
#include "tessera/ops/bias.hpp"
#include "tessera/ops/multiply.hpp"

namespace tessera::inline TESSERA_ISA::eigen {

namespace {
/// y = of(a, b) for two inputs of the same sizes.
template <class Pair>
void pairs(const Call& call, const Pair& of) {
  const View& a = call.in[0];
  const View& b = call.in[1];
  lines(*call.executor, a, a.contiguous() && b.contiguous() && call.out.contiguous(),
        [&](Index r, Index first, Index count) {
          Line(call.out.row<float>(r) + first, count) =
              of(ConstLine(a.row<const float>(r) + first, count), ConstLine(b.row<const float>(r) + first, count));
        });
}
}  // namespace

void add(const Call& call) {
  pairs(call, [](const auto& a, const auto& b) { return a + b; });
}

void multiply(const Call& call) {
  pairs(call, [](const auto& a, const auto& b) { return a * b; });
}

void bias(const Call& call) {
  const View& x = call.in[op::bias::x];
  const ConstLine b(call.in[op::bias::b].as<const float>(), x.columns());
  lines(*call.executor, x, false, [&](Index r, Index, Index count) {
    Line(call.out.row<float>(r), count) = ConstLine(x.row<const float>(r), count) + b;
  });
}

}  // namespace tessera::eigen
