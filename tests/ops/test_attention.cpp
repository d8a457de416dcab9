// attention: its composition and its formula agree, values and gradients, for each visibility and layout.
#define BOOST_TEST_MODULE ops_attention
#include "conformance/fused.hpp"
#include "ops/op_check.hpp"
#include "tessera/ops/attention.hpp"

using namespace tessera;
using namespace tessera::op_check;

namespace {
using Context = Infer<Reference<double>>;
constexpr double infinity = std::numeric_limits<double>::infinity();

struct Example {
  Layout layout;
  std::vector<std::int32_t> offsets;
  Visibility visibility;
  Input keep;
  Input head_mask;

  Index heads = 2;
  Index width = 3;
  Index keys = 0;
  Index key_rows = 0;

  std::vector<Input> inputs() const {
    std::vector<Input> in;
    const Index key_count = keys > 0 ? layout.texts * key_rows : layout.rows;
    in.push_back(numbers({layout.rows, heads * width}, 1));
    in.push_back(numbers({key_count, heads * width}, 2));
    in.push_back(numbers({key_count, heads * width}, 3));
    in.push_back(offsets.empty() ? Input() : integers({layout.texts + 1}, {offsets.begin(), offsets.end()}));
    in.push_back(keep);
    in.push_back(head_mask);
    return in;
  }
  Check<op::attention> fused() const {
    return Check<op::attention>(inputs(), {layout.rows, heads * width},
                                {heads, layout.texts, layout.longest, 0.6, visibility, keys, key_rows})
        .function(&conformance::attention, &conformance::attention_vjp);
  }
  std::vector<double> composed() const {
    std::vector<op_check::Memory<double>> memory;
    for (const Input& in : inputs()) memory.emplace_back(in);
    std::vector<std::byte> bytes(1 << 20);
    Context context{Reference<double>()};
    context.begin(Arena{bytes.data(), bytes.size()});
    Sequence sequence;
    sequence.layout = layout;
    sequence.offsets = {memory[3].view(), -1};
    sequence.keep = {memory[4].view(), -1};
    sequence.visibility = visibility;
    sequence.keys = keys;
    sequence.key_rows = key_rows;
    if (keys > 0)
      sequence.key_ids = context.make_ids(
          layout.texts * keys, [&](Index i) { return static_cast<std::int32_t>(i / keys * key_rows + i % keys); });
    using Rows = Tensor<Context, Extents<dyn, dyn>>;
    Rows q(context, memory[0].view(), Slot(), -1);
    Rows k(context, memory[1].view(), Slot(), -1);
    Rows v(context, memory[2].view(), Slot(), -1);
    auto y = attention(std::move(q), std::move(k), std::move(v), heads, 0.6, sequence, {memory[5].view(), -1}, 0.0);
    BOOST_REQUIRE(!context.failed());
    return {y.view().as<double>(), y.view().as<double>() + y.view().count()};
  }
  void check() const {
    check_close(fused().forward(), composed(), 1e-13, 1e-13);
    fused().differentiates();
  }
};

Example padded(const Visibility& v, Input keep = {}) { return {Layout::padded(2, 4), {}, v, std::move(keep), {}}; }
Example ragged(const Visibility& v) {
  static const std::vector<std::int32_t> offsets = {0, 3, 3, 7, 8};
  return {Layout::ragged(4, offsets.data()), offsets, v, {}, {}};
}
}  // namespace

BOOST_AUTO_TEST_CASE(plain) {
  padded({}).check();
  ragged({}).check();
}

BOOST_AUTO_TEST_CASE(visibility) {
  const Input keys = given({2, 4}, {1, 1, 0, 0, 1, 0, 1, 1});
  Input pairs = given({2, 4, 4}, {});
  for (int i = 0; i < 32; ++i) pairs.value.push_back(i % 4 == 0 || i % 3 == 0 ? 1 : 0);
  const Visibility all[] = {{false, Fill::add, -1e4}, {false, Fill::replace, -2},  {false, Fill::set, -infinity},
                            {true, Fill::add, -3},    {true, Fill::replace, -1e9}, {true, Fill::set, -infinity}};
  for (const Visibility& v : all) {
    padded(v).check();
    padded(v, keys).check();
    padded(v, pairs).check();
    ragged(v).check();
  }
}

BOOST_AUTO_TEST_CASE(keys_of_a_cache) {
  const Input keys = given({2, 6}, {1, 1, 0, 0, 1, 0, 1, 1, 1, 0, 1, 1});
  for (const Visibility& v : {Visibility{true, Fill::replace, -1e4}, Visibility{true, Fill::set, -infinity},
                              Visibility{false, Fill::add, -1e4}})
    for (const Index key_rows : {6, 9})
      for (const Input& keep : {Input(), keys}) {
        Example e = padded(v, keep);
        e.keys = 6;
        e.key_rows = key_rows;
        e.check();
      }
}

BOOST_AUTO_TEST_CASE(head_mask) {
  for (Example e : {padded({}), ragged({true, Fill::set, -infinity})}) {
    e.head_mask = numbers({2}, 7);
    e.check();
    e.head_mask = given({2}, {0, 1});
    e.check();
  }
}

BOOST_AUTO_TEST_CASE(shape) {
  Walk walk;
  Sequence sequence;
  sequence.layout = Layout::padded(2, 4);
  const auto run = [&](Index q_rows, Index columns, Index v_rows, Index heads, const Operand& mask) {
    auto y = attention(walk.tensor(q_rows, columns), walk.tensor(8, columns), walk.tensor(v_rows, 6), heads, 1,
                       sequence, mask, 0.0);
    return walk.fine() ? std::string() : walk.refusal();
  };
  BOOST_CHECK_EQUAL(run(8, 6, 8, 2, {}), "");
  BOOST_CHECK(begins(run(8, 6, 8, 4, {}), "attention: columns must be a multiple of the heads: expected 4, found 6"));
  BOOST_CHECK(begins(run(8, 8, 8, 2, {}), "attention: q, k and v must have as many columns: expected 8, found 6"));
  BOOST_CHECK(begins(run(7, 6, 8, 2, {}), "attention: q must have a row for each token: expected 8, found 7"));
  BOOST_CHECK(begins(run(8, 6, 9, 2, {}), "attention: k and v must have a row for each key: expected 8, found 9"));
  BOOST_CHECK(begins(run(8, 6, 8, 2, Walk::operand(DType::f32, 3)),
                     "head_mask: it must have an entry for each head that is left: expected 2, found 3"));
  sequence.keys = 4;
  sequence.key_rows = 5;
  BOOST_CHECK(begins(run(8, 6, 10, 2, {}), "attention: k and v must have a row for each key: expected 10, found 8"));
  sequence.key_rows = 4;
  sequence.keys = 3;
  BOOST_CHECK(begins(run(8, 6, 8, 2, {}), "attention: there must be a key for each query: expected 4, found 3"));
  sequence.keys = sequence.key_rows = 0;
  sequence.keep = Walk::operand(DType::f32, 2, 5);
  BOOST_CHECK(begins(run(8, 6, 8, 2, {}), "softmax: the mask must have a column for each key: expected 4, found 5"));
}
