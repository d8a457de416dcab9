// add and bias.
#include "tessera/backends/eigen/maps.inl"
#include "tessera/ops/add.hpp"
#include "tessera/ops/bias.hpp"

namespace tessera::inline TESSERA_ISA::eigen {

void add(const Call& call) {
  const View& a = call.in[op::add::a];
  const View& b = call.in[op::add::b];
  lines(*call.executor, a, a.contiguous() && b.contiguous() && call.out.contiguous(),
        [&](Index r, Index first, Index count) {
          Line(call.out.row<float>(r) + first, count) =
              ConstLine(a.row<const float>(r) + first, count) + ConstLine(b.row<const float>(r) + first, count);
        });
}

void bias(const Call& call) {
  const View& x = call.in[op::bias::x];
  const ConstLine b(call.in[op::bias::b].as<const float>(), x.columns());
  lines(*call.executor, x, false, [&](Index r, Index, Index count) {
    Line(call.out.row<float>(r), count) = ConstLine(x.row<const float>(r), count) + b;
  });
}

}  // namespace tessera::eigen
