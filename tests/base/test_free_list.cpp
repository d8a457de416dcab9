// The arena's bookkeeping against a model that marks every 64-byte unit, and what plans rely on: it is deterministic,
// constexpr, first fit, and says so when it runs out of holes or of room.
#define BOOST_TEST_MODULE base_free_list
#include <boost/test/unit_test.hpp>
#include <random>
#include <vector>

#include "tessera/base/free_list.hpp"

using tessera::FreeList;

namespace {

struct Piece {
  std::size_t offset, bytes;
};

/// First fit over an array of units.
class Model {
 public:
  explicit Model(std::size_t units) : taken_(units, false) {}
  std::size_t allocate(std::size_t bytes) {
    const std::size_t n = FreeList::rounded(bytes) / FreeList::alignment;
    for (std::size_t at = 0; at + n <= taken_.size(); ++at) {
      std::size_t free = 0;
      while (free < n && !taken_[at + free]) ++free;
      if (free < n) continue;
      for (std::size_t i = 0; i < n; ++i) taken_[at + i] = true;
      if (at + n > peak_) peak_ = at + n;
      return at * FreeList::alignment;
    }
    return FreeList::npos;
  }
  void release(const Piece& p) {
    for (std::size_t i = 0; i < FreeList::rounded(p.bytes) / FreeList::alignment; ++i)
      taken_[p.offset / FreeList::alignment + i] = false;
  }
  std::size_t end() const {
    std::size_t n = taken_.size();
    while (n > 0 && !taken_[n - 1]) --n;
    return n * FreeList::alignment;
  }
  std::size_t peak() const { return peak_ * FreeList::alignment; }

 private:
  std::vector<bool> taken_;
  std::size_t peak_ = 0;
};

constexpr std::size_t peak_of_a_short_life() {
  FreeList list;
  const auto a = list.allocate(100);  // 128
  const auto b = list.allocate(64);
  list.release(a, 100);
  const auto c = list.allocate(64);  // into the hole
  list.release(b, 64);
  list.release(c, 64);
  return list.end() == 0 && c == 0 && b == 128 ? list.peak() : 0;
}
static_assert(peak_of_a_short_life() == 192);
static_assert(FreeList::rounded(0) == 0 && FreeList::rounded(1) == 64 && FreeList::rounded(64) == 64);
static_assert(FreeList::rounded(FreeList::npos - 3) == FreeList::npos, "rounding up must not wrap around");
static_assert(FreeList(1024).allocate(FreeList::npos - 3) == FreeList::npos);

}  // namespace

BOOST_AUTO_TEST_CASE(random_allocations_and_releases_are_those_of_first_fit) {
  int refused = 0;
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 random(seed);
    const std::size_t units = 200 + random() % 400;
    FreeList list(units * FreeList::alignment);
    Model model(units);
    std::vector<Piece> live;
    for (int step = 0; step < 800; ++step) {
      if (live.empty() || random() % 100 < 55) {
        const std::size_t bytes = 1 + random() % (64 * 12);
        const std::size_t offset = list.allocate(bytes);
        BOOST_REQUIRE_EQUAL(offset, model.allocate(bytes));
        if (offset == FreeList::npos)
          ++refused;
        else
          live.push_back({offset, bytes});
      } else {
        const std::size_t i = random() % live.size();
        BOOST_REQUIRE(list.release(live[i].offset, live[i].bytes));
        model.release(live[i]);
        live[i] = live.back();
        live.pop_back();
      }
      BOOST_REQUIRE_EQUAL(list.end(), model.end());
      BOOST_REQUIRE_EQUAL(list.peak(), model.peak());
    }
    for (const Piece& p : live) BOOST_REQUIRE(list.release(p.offset, p.bytes));
    BOOST_TEST(list.end() == 0U);
  }
  BOOST_TEST(refused > 0);
}

BOOST_AUTO_TEST_CASE(offsets_are_aligned_and_an_exact_arena_is_enough) {
  FreeList list(3 * 64);
  BOOST_TEST(list.allocate(1) == 0U);
  BOOST_TEST(list.allocate(65) == 64U);
  BOOST_TEST(list.allocate(1) == FreeList::npos);
  BOOST_TEST(list.peak() == 192U);
  FreeList smaller(3 * 64 - 1);
  BOOST_TEST(smaller.allocate(1) == 0U);
  BOOST_TEST(smaller.allocate(65) == FreeList::npos);
}

BOOST_AUTO_TEST_CASE(nothing_takes_nothing) {
  FreeList list(64);
  const std::size_t offset = list.allocate(0);
  BOOST_TEST(offset != FreeList::npos);
  BOOST_TEST(list.end() == 0U);
  BOOST_TEST(list.release(offset, 0));
  BOOST_TEST(list.allocate(64) == 0U);
}

BOOST_AUTO_TEST_CASE(one_hole_too_many_is_refused_and_the_rest_goes_on) {
  FreeList list;
  constexpr int pieces = 2 * FreeList::max_holes + 4;
  for (int i = 0; i < pieces; ++i) BOOST_REQUIRE(list.allocate(64) == static_cast<std::size_t>(i) * 64);
  for (int i = 0; i < FreeList::max_holes; ++i) BOOST_REQUIRE(list.release(static_cast<std::size_t>(2 * i) * 64, 64));
  BOOST_TEST(!list.release(static_cast<std::size_t>(2 * FreeList::max_holes) * 64, 64));
  // A neighbour of a hole needs no new one, and allocation fills the lowest.
  BOOST_TEST(list.release(64, 64));
  BOOST_TEST(list.allocate(3 * 64) == 0U);
}
