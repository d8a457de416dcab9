// The conformance suite itself: backends that break one promise each, and are found out.
#define BOOST_TEST_MODULE conformance_suite
#include "conformance/conformance.hpp"

using namespace tessera;

namespace {
/// The reference with another kernel or gradient for one op.
struct Altered : Reference<float> {
  Kernels table;
  Vjps gradients;

  Altered() {
    table.inherit(Reference<float>::kernels());
    gradients.inherit(Reference<float>::vjps());
  }
  static Altered with(OpId id, Kernel kernel, Scratch scratch = nullptr) {
    Altered a;
    a.table.set(id, kernel, scratch);
    return a;
  }
  static Altered with_gradient(OpId id, Vjp vjp, VjpScratch scratch = nullptr) {
    Altered a;
    a.gradients.set(id, vjp, scratch);
    return a;
  }
  const Kernels& kernels() const noexcept { return table; }
  const Vjps& vjps() const noexcept { return gradients; }

  int broken(OpId id) const { return conformance::Suite(*this).broken(id); }
};
}  // namespace

BOOST_AUTO_TEST_CASE(nothing_broken) {
  BOOST_CHECK_EQUAL(Altered::with(OpId::gelu, &reference::gelu<float>).broken(OpId::gelu), 0);
  BOOST_CHECK_EQUAL(Altered::with_gradient(OpId::gelu, &reference::gelu_vjp<float>).broken(OpId::gelu), 0);
  BOOST_CHECK_EQUAL(Altered().broken(OpId::gelu), 0);
}

BOOST_AUTO_TEST_CASE(missing) { BOOST_CHECK_GT(Altered::with(OpId::gelu, nullptr).broken(OpId::gelu), 0); }

BOOST_AUTO_TEST_CASE(writes_past_the_end) {
  const auto overrun = [](const Call& call) {
    reference::linear<float>(call);
    call.out.as<float>()[call.out.count()] = 0;
  };
  BOOST_CHECK_GT(Altered::with(OpId::linear, overrun).broken(OpId::linear), 0);
}

BOOST_AUTO_TEST_CASE(writes_past_its_scratch) {
  const auto overrun = [](const Call& call) {
    static_cast<float*>(call.scratch)[16] = 0;
    reference::gelu<float>(call);
  };
  const auto need = [](const Call&) -> std::size_t { return 64; };
  BOOST_CHECK_GT(Altered::with(OpId::gelu, overrun, need).broken(OpId::gelu), 0);
}

BOOST_AUTO_TEST_CASE(forgets_the_row_stride) {
  const auto dense = [](const Call& call) {
    const View& x = call.in[0];
    for (Index i = 0; i < x.count(); ++i) call.out.as<float>()[i] = x.as<float>()[i] > 0 ? x.as<float>()[i] : 0;
  };
  BOOST_CHECK_GT(Altered::with(OpId::relu, dense).broken(OpId::relu), 0);
}

BOOST_AUTO_TEST_CASE(forgets_that_the_output_may_be_the_input) {
  const auto clears_first = [](const Call& call) {
    for (Index i = 0; i < call.out.count(); ++i) reference::at<float>(call.out, i) = 0;
    reference::layer_norm<float>(call);
  };
  BOOST_CHECK_GT(Altered::with(OpId::layer_norm, clears_first).broken(OpId::layer_norm), 0);
}

BOOST_AUTO_TEST_CASE(forgets_the_last_columns) {
  const auto by_eight = [](const Call& call) {
    reference::gelu<float>(call);
    for (Index r = 0; r < call.out.rows(); ++r)
      for (Index c = call.out.columns() / 8 * 8; c < call.out.columns(); ++c) call.out.row<float>(r)[c] = 0;
  };
  BOOST_CHECK_GT(Altered::with(OpId::gelu, by_eight).broken(OpId::gelu), 0);
}

BOOST_AUTO_TEST_CASE(changes_an_input) {
  const auto writes = [](const Call& call) {
    reference::linear<float>(call);
    if (call.in[1].count() > 0) call.in[1].as<float>()[0] += 1;
  };
  BOOST_CHECK_GT(Altered::with(OpId::linear, writes).broken(OpId::linear), 0);
}

BOOST_AUTO_TEST_CASE(adds_in_an_order_of_threads) {
  const auto cut_by_threads = [](const Call& call) {
    const View& x = call.in[0];
    const Index parts = call.executor->threads();
    float total = 0;
    for (Index p = 0; p < parts; ++p) {
      float part = 0;
      for (Index i = x.count() * p / parts; i < x.count() * (p + 1) / parts; ++i) part += reference::at<float>(x, i);
      total += part;
    }
    *call.out.as<float>() = total;
  };
  BOOST_CHECK_GT(Altered::with(OpId::sum, cut_by_threads).broken(OpId::sum), 0);
}

BOOST_AUTO_TEST_CASE(loses_digits) {
  const auto one_pass = [](const Call& call) {
    const View& x = call.in[0];
    for (Index r = 0; r < x.rows(); ++r) {
      float sum = 0;
      float squares = 0;
      for (Index c = 0; c < x.columns(); ++c) {
        sum += x.row<float>(r)[c];
        squares += x.row<float>(r)[c] * x.row<float>(r)[c];
      }
      const float mean = sum / static_cast<float>(x.columns());
      const float variance = squares / static_cast<float>(x.columns()) - mean * mean;
      const float scale = 1 / std::sqrt(variance + static_cast<float>(call.as<op::layer_norm>().eps));
      for (Index c = 0; c < x.columns(); ++c)
        call.out.row<float>(r)[c] =
            (x.row<float>(r)[c] - mean) * scale * call.in[1].as<float>()[c] + call.in[2].as<float>()[c];
    }
  };
  BOOST_CHECK_GT(Altered::with(OpId::layer_norm, one_pass).broken(OpId::layer_norm), 0);
}

BOOST_AUTO_TEST_CASE(sets_a_gradient_instead_of_adding) {
  const auto sets = [](const VjpCall& call) {
    for (Index i = 0; i < call.in_grad[0].count(); ++i) call.in_grad[0].as<float>()[i] = 0;
    reference::gelu_vjp<float>(call);
  };
  BOOST_CHECK_GT(Altered::with_gradient(OpId::gelu, sets).broken(OpId::gelu), 0);
}

BOOST_AUTO_TEST_CASE(reads_what_is_not_kept) {
  // tanh keeps its output alone; its input is gone.
  const auto from_input = [](const VjpCall& call) {
    reference::map_vjp<float>(call, call.in[0], [](double x) { return 1 - std::tanh(x) * std::tanh(x); });
  };
  BOOST_CHECK_GT(Altered::with_gradient(OpId::tanh, from_input).broken(OpId::tanh), 0);
}

BOOST_AUTO_TEST_CASE(forgets_a_gradient) {
  const auto without_bias = [](const VjpCall& call) {
    const View in_grad[] = {call.in_grad[0], call.in_grad[1], View()};
    VjpCall shorter = call;
    shorter.in_grad = in_grad;
    reference::linear_vjp<float>(shorter);
  };
  BOOST_CHECK_GT(Altered::with_gradient(OpId::linear, without_bias).broken(OpId::linear), 0);
}

BOOST_AUTO_TEST_CASE(inherits_from_something_else) {
  Altered a;
  a.table.run[static_cast<int>(OpId::relu)] = &reference::gelu<float>;
  BOOST_CHECK_GT(a.broken(OpId::relu), 0);
}
