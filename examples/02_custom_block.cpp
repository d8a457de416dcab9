// A block of your own: parameters and one call operator. It runs on every backend, is planned, and has gradients,
// without another line. Here: a bottleneck adapter (Houlsby et al., 2019), x + up(gelu(down(norm(x)))), trained with
// AdamW to map rows of a table, chosen by ids, to fixed targets.
#include <cstdint>
#include <cstdio>

#include "tessera/backends/reference/reference.hpp"
#include "tessera/base/normal.hpp"
#include "tessera/blocks/batch.hpp"
#include "tessera/blocks/linear.hpp"
#include "tessera/blocks/norm.hpp"
#include "tessera/context/training_session.hpp"
#include "tessera/ops/activation.hpp"
#include "tessera/ops/embedding.hpp"
#include "tessera/ops/mean_squared_error.hpp"
#include "tessera/train/adamw.hpp"

using namespace tessera;

// The block: what it learns, and what it computes.
struct Adapter {
  LayerNorm<> norm;
  Linear<> down, up;

  Adapter(Index width, Index inner) : norm(width, 1e-5), down(width, inner), up(inner, width) {}

  void visit(auto&& v) {
    v("norm", norm);
    v("down", down);
    v("up", up);
  }

  // x: [n, width]. One op per statement: the order of ops is the model's.
  auto operator()(auto x) const {
    auto h = norm(x.borrow());
    h = down(h);
    h = gelu(std::move(h));
    h = up(h);
    return add(std::move(h), x);
  }
};

// A model around it: what goes in, what comes out.
struct AdapterModel {
  struct Input {
    View ids;     // [n], rows of the table; any integer type
    View target;  // [n, width], any number type
  };
  template <class Context>
  struct Output {
    Tensor<Context, Extents<1>> loss;
  };
  Param<dyn, dyn> table;
  Adapter adapter;

  AdapterModel(Index rows, Index width, Index inner)
      : table(ParamUse::table, Extents<dyn, dyn>(rows, width)), adapter(width, inner) {
    number_params(*this);
  }
  void visit(auto&& v) {
    v("table", table);
    v("adapter", adapter);
  }
  auto operator()(auto& context, const Input& in) const {
    // Host arrays become operands of ops, converted and copied to the backend's memory where that is needed.
    const Operand ids = context.ids(in.ids);
    const Operand target = context.numbers(in.target);
    auto x = embedding(context, table, ids);
    auto y = adapter(std::move(x));
    Output<std::remove_reference_t<decltype(context)>> out;
    out.loss = mean_squared_error(y, target);
    return out;
  }
  // Asked before each run: ids index memory, so no kernel may see a wrong one.
  Result<void> validate(const Input& in) const {
    TESSERA_TRY(check_ids("adapter", "ids", in.ids, in.ids.count(), 0, table.view.dim[0]));
    return check_numbers("adapter", "target", in.target, in.ids.count() * table.view.dim[1]);
  }
};

static Result<void> train() {
  constexpr Index rows = 10, n = 8, width = 12, inner = 4;
  AdapterModel model(rows, width, inner);
  TESSERA_TRY_ASSIGN(Weights weights, Weights::of(model));
  for (Index i = 0; i < weights.elements(); ++i) weights.data()[i] = 0.3F * normal(1, static_cast<std::uint64_t>(i));

  const std::int32_t ids[n] = {7, 2, 9, 0, 4, 1, 8, 5};
  float target[n * width];
  for (Index i = 0; i < n * width; ++i) target[i] = normal(2, static_cast<std::uint64_t>(i));
  AdapterModel::Input in;
  in.ids = View::of_const(ids, DType::i32, n);
  in.target = View::of_const(target, DType::f32, n, width);

  const Reference<float> backend;
  TESSERA_TRY_ASSIGN(auto gradients, Gradients<Reference<float>>::of(model, backend));
  AdamW::Options options;
  options.learning_rate = 0.02;
  TESSERA_TRY_ASSIGN(AdamW adam, AdamW::of(model, options));
  TrainingSession<AdapterModel, Reference<float>> session(model, backend, gradients);
  TESSERA_TRY(session.reserve(in));

  float first = 0, last = 0;
  for (int step = 0; step < 200; ++step) {
    gradients.clear();
    TESSERA_TRY_ASSIGN(const auto* out, session.forward(in));
    last = *out->loss.view().as<float>();
    if (step == 0) first = last;
    if (step % 40 == 0) std::printf("step %3d  loss %.4f\n", step, static_cast<double>(last));
    TESSERA_TRY(session.backward());
    adam.step(gradients.data());
  }
  std::printf("step 200  loss %.4f, arena %zu bytes\n", static_cast<double>(last), session.arena_bytes());
  if (!(last < 0.1F * first)) return Error::format(Code::invalid_argument, "the loss did not fall to a tenth");
  return {};
}

int main() {
  const auto trained = train();
  if (!trained) std::fprintf(stderr, "02_custom_block: %s\n", trained.error().message());
  return trained ? 0 : 1;
}
