// Params: one visit lists them with their roles and kinds; they are numbered, tied, counted, and named as checkpoints
// name them.
#define BOOST_TEST_MODULE tensor_walk
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "tessera/models/bert_heads.hpp"
#include "tessera/tensor/names.hpp"
#include "tessera/tensor/walk.hpp"

using namespace tessera;

namespace {

struct Block {
  Param<2, 3> weight{ParamUse::matrix, Extents<2, 3>(2, 3)};
  Param<dyn> bias{ParamUse::vector, Extents<dyn>(2), ParamRole::frozen};
  constexpr void visit(auto&& v) {
    v("weight", weight);
    v("bias", bias);
  }
};
/// A template, as clang 14 evaluates members of a plain struct too late for a constant.
template <Index N>
struct ModelOf {
  Block layer[static_cast<std::size_t>(N)];
  Param<5> table{ParamUse::table, Extents<5>(5), ParamRole::buffer};
  Param<2, 3> copy{ParamUse::matrix, Extents<2, 3>(2, 3)};
  constexpr ModelOf() { count = number_params(*this); }
  constexpr void visit(auto&& v) {
    for (Index i = 0; i < N; ++i) v(i, layer[i]);
    v("table", table);
    v("copy", copy);
  }
  constexpr void ties(auto&& t) { t(layer[3].weight, copy); }
  int count = 0;
};

using Model = ModelOf<12>;

constexpr Model constant_model;
static_assert(constant_model.count == 26 && constant_model.copy.id == 25 && constant_model.copy.master == 6);
static_assert(parameter_count(constant_model) == 12 * 6, "frozen, buffers and tied ones do not count");

constexpr bool is(const ParamName& name, const char* text) {
  int i = 0;
  for (; text[i] != '\0'; ++i)
    if (name.text[i] != text[i]) return false;
  return name.text[i] == '\0' && name.length == i;
}
static_assert(is(checkpoint_name(bert_names, "bert.encoder.11.attention.query.weight"),
                 "bert.encoder.layer.11.attention.self.query.weight"));
static_assert(is(checkpoint_name(bert_names, "encoder.0.output_norm.bias"), "encoder.layer.0.output.LayerNorm.bias"));
static_assert(is(checkpoint_name(bert_names, "predictions.decoder.bias"), "cls.predictions.bias"));
static_assert(is(checkpoint_name(bert_names, "predictions.decoder.weight"), "cls.predictions.decoder.weight"));
static_assert(is(checkpoint_name(bert_names, "classifier.weight"), "classifier.weight"));
// A rule matches whole roles only.
static_assert(is(checkpoint_name(bert_names, "embeddings.words"), "embeddings.words"));
static_assert(is(checkpoint_name(bert_names, "encoder.x.attention.query.weight"), "encoder.x.attention.query.weight"));
static_assert(is(checkpoint_name(bert_names, "bertha.embeddings.word.weight"), "bertha.embeddings.word.weight"));

}  // namespace

BOOST_AUTO_TEST_CASE(a_walk_sees_every_param_once_in_order_with_its_path) {
  Model model;
  std::vector<std::string> paths;
  for_each_param(model, [&](const RolePath& path, ParamBase& p) {
    BOOST_TEST(p.id == static_cast<std::int32_t>(paths.size()));
    paths.emplace_back(path.c_str());
  });
  BOOST_TEST(paths.size() == 26U);
  BOOST_TEST(paths[0] == "0.weight");
  BOOST_TEST(paths[1] == "0.bias");
  BOOST_TEST(paths[23] == "11.bias");
  BOOST_TEST(paths[24] == "table");
  BOOST_TEST(paths[25] == "copy");
}

BOOST_AUTO_TEST_CASE(roles_kinds_and_ties_are_what_the_block_says) {
  const Model model;
  for_each_param(model, [&](const RolePath& path, const ParamBase& p) {
    const std::string name = path.c_str();
    const bool is_bias = name.find("bias") != std::string::npos;
    BOOST_TEST((p.role == (is_bias ? ParamRole::frozen : name == "table" ? ParamRole::buffer : ParamRole::trained)));
    BOOST_TEST((p.use == (is_bias ? ParamUse::vector : name == "table" ? ParamUse::table : ParamUse::matrix)));
    BOOST_TEST(p.master == (name == "copy" ? 6 : -1));
    BOOST_TEST((p.view.data == nullptr));
  });
}

BOOST_AUTO_TEST_CASE(role_paths_grow_and_are_cut_and_stop_at_their_capacity) {
  RolePath path;
  path.push("encoder");
  const int length = path.length();
  path.push(Index{120});
  path.push("weight");
  BOOST_TEST(std::string(path.c_str()) == "encoder.120.weight");
  path.cut(length);
  path.push(Index{0});
  BOOST_TEST(std::string(path.c_str()) == "encoder.0");
  path.push(std::string(500, 'x').c_str());
  BOOST_TEST(path.length() == RolePath::capacity - 1);
  BOOST_TEST(std::strlen(path.c_str()) == static_cast<std::size_t>(RolePath::capacity - 1));
}

BOOST_AUTO_TEST_CASE(every_param_of_bert_has_a_checkpoint_name_of_its_own) {
  BertConfig c;
  c.num_hidden_layers = 3;
  BertForPreTraining<> model(c);
  std::vector<std::string> names;
  for_each_param(model, [&](const RolePath& path, ParamBase&) {
    names.emplace_back(checkpoint_name(bert_names, path.c_str()).text);
  });
  BOOST_TEST(names.size() == 5U + 3 * 16 + 2 + 6 + 2);
  for (std::size_t i = 0; i < names.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) BOOST_TEST(names[i] != names[j]);
}
