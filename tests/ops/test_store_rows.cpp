// store_rows: rows into memory that is not the context's, in place; their gradient comes back from there.
#define BOOST_TEST_MODULE ops_store_rows
#include "ops/op_check.hpp"
#include "tessera/ops/columns.hpp"
#include "tessera/ops/store_rows.hpp"

using namespace tessera;
using namespace tessera::op_check;

BOOST_AUTO_TEST_CASE(gradient_of_what_is_stored) {
  const Input x = numbers({3, 4}, 1);
  const Input ids = integers({3}, {2, 0, 1});
  const auto formula = [&](Index i) { return x[(i / 4 == 2 ? 0 : i / 4 + 1) * 4 + i % 4]; };
  Check<op::store_rows>({x, ids}, {3, 4}).gives(formula).differentiates();
  Check<op::store_rows>({apart(x), ids}, {3, 4}).gives(formula);
}

BOOST_AUTO_TEST_CASE(other_rows_of_the_memory_stay_and_it_outlives_the_walk) {
  using Context = Infer<Reference<double>>;
  double memory[5 * 2] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  double rows[2 * 2] = {-1, -2, -3, -4};
  const std::int32_t ids[] = {3, 1};
  std::vector<std::byte> bytes(4096);
  for (int walk = 0; walk < 2; ++walk) {
    Context context{Reference<double>()};
    context.begin(Arena{bytes.data(), bytes.size()});
    Tensor<Context, Extents<dyn, dyn>> x(context, View::of(rows, DType::f64, 2, 2), Slot(), -1);
    const View target = View::of(memory, DType::f64, 5, 2);
    auto stored = store_rows(x, target, Operand{View::of_const(ids, DType::i32, 2), -1});
    BOOST_CHECK(!context.failed());
    BOOST_CHECK(stored.view().data == memory);
    BOOST_CHECK(!stored.owns_memory());
  }
  const double expected[] = {0, 1, -3, -4, 4, 5, -1, -2, 8, 9};
  BOOST_CHECK_EQUAL_COLLECTIONS(memory, memory + 10, expected, expected + 10);
}

BOOST_AUTO_TEST_CASE(a_row_outside_of_the_memory) {
  const Check<op::store_rows> check({given({1, 2}, {1, 2}), integers({1}, {3})}, {3, 2});
  BOOST_CHECK(asserts([&] { (void)check.forward(); }));
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  auto x = walk.tensor(3, 4);
  auto stored = store_rows(x, View::of(nullptr, DType::f32, 8, 4), Walk::operand(DType::i32, 3));
  BOOST_CHECK(walk.fine());
  BOOST_CHECK_EQUAL(stored.size(0), 8);
  auto wide = store_rows(x, View::of(nullptr, DType::f32, 8, 5), Walk::operand(DType::i32, 3));
  BOOST_CHECK(begins(walk.refusal(), "store_rows: memory must have x's columns: expected 4, found 5"));
  auto few = store_rows(x, View::of(nullptr, DType::f32, 8, 4), Walk::operand(DType::i32, 2));
  BOOST_CHECK(begins(walk.refusal(), "store_rows: there must be an id for each row of x: expected 3, found 2"));
}

BOOST_AUTO_TEST_CASE(columns_are_read_in_place_in_inference) {
  using Context = Infer<Reference<double>>;
  double rows[2 * 4] = {0, 1, 2, 3, 4, 5, 6, 7};
  std::vector<std::byte> bytes(4096);
  Context context{Reference<double>()};
  context.begin(Arena{bytes.data(), bytes.size()});
  Tensor<Context, Extents<dyn, dyn>> x(context, View::of(rows, DType::f64, 2, 4), Slot(), -1);
  auto middle = column_reader(x, 1, 2);
  BOOST_CHECK(middle.view().data == rows + 1);
  BOOST_CHECK_EQUAL(middle.view().row<double>(1)[1], 6);
  auto outside = column_reader(x, 3, 2);
  BOOST_CHECK(context.failed());
}
