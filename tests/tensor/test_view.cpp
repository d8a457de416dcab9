// Extents, views, layouts and tensors: sizes that are constants or not, rows that lie apart, memory that is given back
// exactly once.
#define BOOST_TEST_MODULE tensor_view
#include <boost/test/unit_test.hpp>
#include <type_traits>
#include <vector>

#include "tessera/tensor/sequence.hpp"
#include "tessera/tensor/tensor.hpp"

using namespace tessera;

namespace {

static_assert(Extents<2, dyn>::rank == 2 && Extents<2, dyn>::constant[0] == 2 && Extents<2, dyn>::constant[1] == dyn);
static_assert(Extents<2, dyn>(2, 7)[1] == 7);
static_assert(Extents<2, 3>()[1] == 3);
static_assert(may_equal(dyn, 3) && may_equal(3, dyn) && may_equal(3, 3) && !may_equal(3, 4));
static_assert(product(2, 3) == 6 && product(dyn, 3) == dyn && product(2, dyn) == dyn);

constexpr View flat = View::of(nullptr, DType::f32, 2, 3, 4);
static_assert(flat.rank == 3 && flat.rows() == 6 && flat.columns() == 4 && flat.count() == 24 && flat.bytes() == 96);
static_assert(flat.contiguous() && flat.present() && !View().present() && View().count() == 0);
static_assert(same_shape(flat, View::of(nullptr, DType::i64, 2, 3, 4)) &&
              !same_shape(flat, View::of(nullptr, DType::f32, 6, 4)));

constexpr Layout padded = Layout::padded(3, 5);
static_assert(padded.rows == 15 && padded.first(2) == 10 && padded.length(2) == 5 && !padded.is_ragged());
constexpr std::int32_t offsets[] = {0, 2, 7, 8};
constexpr Layout ragged = Layout::ragged(3, offsets);
static_assert(ragged.rows == 8 && ragged.longest == 5 && ragged.length(1) == 5 && ragged.first(2) == 7 &&
              ragged.is_ragged());
static_assert(Layout::ragged(0, offsets).rows == 0);

/// Notes what tensors give back, and what is lent.
struct Ledger {
  std::vector<std::size_t> released, lent;
  int ended = 0, broken = 0;
  void release(Slot slot, std::int32_t) { released.push_back(slot.offset); }
  std::int32_t lend(std::size_t offset) {
    lent.push_back(offset);
    return static_cast<std::int32_t>(lent.size()) - 1;
  }
  std::int32_t lend_again(std::int32_t loan) { return lend(lent[static_cast<std::size_t>(loan)]); }
  void end_loan(std::int32_t) { ++ended; }
  void require_loan(std::int32_t) {}
  bool require(bool condition, const char*, Index, Index) {
    broken += condition ? 0 : 1;
    return condition;
  }
};
using T = Tensor<Ledger, Extents<2, dyn>>;
static_assert(!std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T>);
static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>);
static_assert(size_of_dim<T, 0> == 2 && size_of_dim<const T&, 1> == dyn);

T tensor(Ledger& ledger, std::size_t offset) {
  return T(ledger, View::of(nullptr, DType::f32, 2, 3), Slot{offset, 64}, -1);
}

}  // namespace

BOOST_AUTO_TEST_CASE(rows_that_lie_apart_are_found_by_the_stride) {
  float data[] = {0, 1, 2, -1, 10, 11, 12, -1};
  View v = View::of(data, DType::f32, 2, 3);
  v.row_stride = 4;
  BOOST_TEST(!v.contiguous());
  BOOST_TEST(v.row<float>(1)[2] == 12);
  v.dim[0] = 1;
  BOOST_TEST(v.contiguous());
}

BOOST_AUTO_TEST_CASE(a_tensor_gives_its_memory_back_exactly_once) {
  Ledger ledger;
  {
    T a = tensor(ledger, 0);
    T b = std::move(a);
    BOOST_TEST(!a);  // NOLINT: that is the claim
    BOOST_TEST(static_cast<bool>(b));
    BOOST_TEST(ledger.released.empty());
  }
  BOOST_TEST(ledger.released == (std::vector<std::size_t>{0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(assignment_gives_the_old_value_back_first) {
  Ledger ledger;
  {
    T a = tensor(ledger, 0);
    a = tensor(ledger, 64);
    BOOST_TEST(ledger.released == (std::vector<std::size_t>{0}), boost::test_tools::per_element());
    T& same = a;
    a = std::move(same);
    BOOST_TEST(static_cast<bool>(a));
    a.reset();
    a.reset();
  }
  BOOST_TEST(ledger.released == (std::vector<std::size_t>{0, 64}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_borrowed_tensor_gives_nothing_back_and_a_reshaped_one_keeps_the_memory) {
  Ledger ledger;
  {
    T a = tensor(ledger, 0);
    {
      const T b = a.borrow();
      BOOST_TEST(!b.owns_memory());
      BOOST_TEST(b.size(1) == 3);
      const T c = b.borrow();
      BOOST_TEST(ledger.lent == (std::vector<std::size_t>{0, 0}), boost::test_tools::per_element());
    }
    BOOST_TEST(ledger.ended == 2);
    BOOST_TEST(ledger.released.empty());
    const auto flat_tensor = std::move(a).reshape(Extents<dyn>(6));
    BOOST_TEST(flat_tensor.view().rank == 1);
    BOOST_TEST(flat_tensor.owns_memory());
    BOOST_TEST(ledger.broken == 0);
    BOOST_TEST(!a);  // NOLINT: that is the claim
  }
  BOOST_TEST(ledger.released == (std::vector<std::size_t>{0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(reshaping_keeps_the_number_of_elements) {
  Ledger ledger;
  const auto larger = tensor(ledger, 0).reshape(Extents<dyn, dyn>(100, 8));
  BOOST_TEST(ledger.broken == 1);
}
