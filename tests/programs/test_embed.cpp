// embed: the numbers of a checkpoint in a header and in an object file, in each storage; a model of constant sizes that
// is bound to them; what is refused. The headers are written while this is built (tests/weights_as_code.cmake).
#define BOOST_TEST_MODULE embed
#include <boost/test/unit_test.hpp>

#ifdef TESSERA_TEST_EMBEDDED
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "program_fixture.hpp"
#include "tessera/backends/reference/reference.hpp"
#include "tessera/context/session.hpp"
#include "tessera/io/narrow.hpp"
#include "tessera/io/open.hpp"
#include "tessera/io/safetensors.hpp"
#include "tessera/pretrained/bert.hpp"

#include "as_bf16.hpp"
#include "as_bf16_object.hpp"
#include "as_f16.hpp"
#include "as_f16_object.hpp"
#include "as_f32.hpp"
#include "as_int8.hpp"
#include "as_int8_object.hpp"

using namespace tessera;

namespace {

const std::string folder = std::string(TESSERA_SOURCE_DIR) + "/examples/data/tiny_bert";

constexpr BertSizes sizes{.vocabulary = 61, .hidden = 24, .layers = 2, .intermediate = 29, .positions = 16, .types = 2};
constexpr BertConfig config() {
  BertConfig c;
  c.vocab_size = sizes.vocabulary;
  c.hidden_size = sizes.hidden;
  c.num_hidden_layers = sizes.layers;
  c.num_attention_heads = 2;
  c.intermediate_size = sizes.intermediate;
  c.max_position_embeddings = sizes.positions;
  return c;
}
using Model = Bert<sizes>;

// f32 is read where it lies; of the others all matrices and tables are decoded.
static_assert(decoded_elements(Model(config()), as_f32::weights) == 0);
static_assert(decoded_elements(Model(config()), as_f16::weights) ==
              decoded_elements(Model(config()), as_int8_object::weights));
static_assert(decoded_elements(Model(config()), as_f16::weights) > 9'000);
static_assert(as_f32::weights.find("pooler.dense.bias")->dim[0] == 24 && as_f32::weights.find("pooler") == nullptr);

/// The numbers of a tensor as they will be computed with.
std::vector<float> numbers(const EmbeddedTensor& t) {
  View v;
  v.rank = t.rank;
  for (int i = 0; i < t.rank; ++i) v.dim[i] = t.dim[i];
  v.row_stride = v.columns();
  std::vector<float> out(static_cast<std::size_t>(v.count()));
  tessera::detail::decode(t, v, out.data());
  return out;
}

template <class Check>
void for_each_tensor(const EmbeddedWeights& weights, const Check& check) {
  const auto state = io::load_state(folder);
  BOOST_TEST_REQUIRE(state.ok());
  BOOST_TEST(static_cast<std::size_t>(weights.count) == state->size());
  for (const io::StateTensor& tensor : *state) {
    const EmbeddedTensor* const found = weights.find(tensor.name.c_str());
    BOOST_TEST_REQUIRE(found != nullptr, tensor.name);
    BOOST_TEST_REQUIRE(static_cast<std::size_t>(found->rank) == tensor.shape.size());
    for (int i = 0; i < found->rank; ++i) BOOST_TEST(found->dim[i] == tensor.shape[static_cast<std::size_t>(i)]);
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(found->data) % 64 == 0u);
    const auto expected = tensor.as<float>();
    BOOST_TEST_REQUIRE(expected.ok());
    BOOST_TEST_CONTEXT(tensor.name) {
      check(*found, numbers(*found), std::vector<float>(expected->begin(), expected->end()));
    }
  }
}

std::vector<float> run(const Model& model) {
  const std::int32_t ids[] = {2, 17, 8, 30, 5, 41, 23, 3};
  BertInput in;
  in.layout = Layout::padded(1, 8);
  in.input_ids = View::of_const(ids, DType::i32, 1, 8);
  Session<Model, Reference<float>> session(model, Reference<float>());
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  const auto out = session.run(in);
  BOOST_TEST_REQUIRE(out.ok(), out.error().message());
  const View v = (*out)->last_hidden_state.view();
  return std::vector<float>(v.as<float>(), v.as<float>() + v.count());
}

std::vector<float> run(const EmbeddedWeights& weights) {
  Model model(config());
  std::vector<float> decoded(static_cast<std::size_t>(decoded_elements(model, weights)) + 1, 7.0F);
  const auto bound = bind_embedded(model, weights, decoded.data());
  BOOST_TEST_REQUIRE(bound.ok(), bound.error().message());
  BOOST_TEST(decoded.back() == 7.0F);  // no more than it said
  return run(model);
}

}  // namespace

BOOST_AUTO_TEST_CASE(f32_is_every_bit) {
  for_each_tensor(as_f32::weights,
                  [](const EmbeddedTensor& t, const std::vector<float>& found, const std::vector<float>& expected) {
                    BOOST_TEST((t.type == DType::f32));
                    BOOST_TEST((std::memcmp(found.data(), expected.data(), expected.size() * sizeof(float)) == 0));
                  });
}

BOOST_AUTO_TEST_CASE(f16_rounds_matrices_to_nearest) {
  for (const EmbeddedWeights& weights : {as_f16::weights, as_f16_object::weights})
    for_each_tensor(weights,
                    [](const EmbeddedTensor& t, const std::vector<float>& found, const std::vector<float>& expected) {
                      BOOST_TEST((t.type == (t.rank > 1 ? DType::f16 : DType::f32)));
                      for (std::size_t i = 0; i < found.size(); ++i)
                        BOOST_TEST(found[i] == (t.rank > 1 ? from_f16(to_f16(expected[i])) : expected[i]));
                    });
}

BOOST_AUTO_TEST_CASE(bf16_rounds_matrices_to_nearest) {
  for (const EmbeddedWeights& weights : {as_bf16::weights, as_bf16_object::weights})
    for_each_tensor(weights,
                    [](const EmbeddedTensor& t, const std::vector<float>& found, const std::vector<float>& expected) {
                      BOOST_TEST((t.type == (t.rank > 1 ? DType::bf16 : DType::f32)));
                      for (std::size_t i = 0; i < found.size(); ++i)
                        BOOST_TEST(found[i] == (t.rank > 1 ? from_bf16(to_bf16(expected[i])) : expected[i]));
                    });
}

BOOST_AUTO_TEST_CASE(int8_is_within_half_a_step_of_its_row) {
  for (const EmbeddedWeights& weights : {as_int8::weights, as_int8_object::weights})
    for_each_tensor(weights,
                    [](const EmbeddedTensor& t, const std::vector<float>& found, const std::vector<float>& expected) {
                      BOOST_TEST((t.type == (t.rank > 1 ? DType::i8 : DType::f32)));
                      const std::size_t columns = found.size() / static_cast<std::size_t>(t.dim[0]);
                      for (std::size_t i = 0; i < found.size(); ++i) {
                        if (t.rank == 1)
                          BOOST_TEST(found[i] == expected[i]);
                        else
                          BOOST_TEST(std::fabs(found[i] - expected[i]) <= 0.5001F * t.scale[i / columns]);
                      }
                    });
}

BOOST_AUTO_TEST_CASE(a_model_of_constant_sizes_runs_on_them) {
  const auto pretrained = from_pretrained<Bert<sizes>>(folder);
  BOOST_TEST_REQUIRE(pretrained.ok(), pretrained.error().message());
  const std::vector<float> exact = run((*pretrained)->model);
  BOOST_TEST((std::memcmp(run(as_f32::weights).data(), exact.data(), exact.size() * sizeof(float)) == 0));
  const auto cosine = [&](const std::vector<float>& x) {
    double xy = 0, xx = 0, yy = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      xy += static_cast<double>(x[i]) * static_cast<double>(exact[i]);
      xx += static_cast<double>(x[i]) * static_cast<double>(x[i]);
      yy += static_cast<double>(exact[i]) * static_cast<double>(exact[i]);
    }
    return xy / std::sqrt(xx * yy);
  };
  BOOST_TEST(cosine(run(as_f16::weights)) > 0.999999);
  BOOST_TEST(cosine(run(as_bf16::weights)) > 0.9999);
  BOOST_TEST(cosine(run(as_int8::weights)) > 0.999);
  BOOST_TEST((run(as_int8::weights) == run(as_int8_object::weights)));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_the_model_is_named) {
  BertConfig other = config();
  other.intermediate_size = 30;
  Bert<> wider(other);
  const auto sizes_differ = bind_embedded(wider, as_f32::weights, nullptr);
  BOOST_TEST(!sizes_differ.ok());
  BOOST_TEST(programs_test::contains(sizes_differ.error().message(), "encoder.layer.0.intermediate.dense.weight"));
  const EmbeddedWeights fewer{as_f32::tensors, as_f32::weights.count - 1};
  Model model(config());
  const auto missing = bind_embedded(model, fewer, nullptr);
  BOOST_TEST(!missing.ok());
  BOOST_TEST(programs_test::contains(missing.error().message(),
                                     std::string(as_f32::tensors[as_f32::weights.count - 1].name) + " is missing"));
}

BOOST_AUTO_TEST_CASE(files_are_written_whole_or_not_at_all) {
  const programs_test::Workplace place;
  const std::string model = "'" + folder + "' ";
  for (const auto& [options, status, part] :
       {std::tuple<std::string, int, std::string>{model, 2, "--output is required"},
        {model + "--output result.hpp --storage int4", 2, "--storage"},
        {model + "--output result.hpp --name 'a b'", 1, "--name 'a b'"},
        {model + "--output result.hpp --name class", 1, "--name 'class': a word of C++ itself"},
        {model + "--output nowhere/result.hpp", 1, "nowhere/result.hpp"},
        {"nothing --output result.hpp", 1, "nothing"},
        {"'" TESSERA_GOLDEN_DIR "/tf/gpt2/model.ckpt' --output result.hpp", 1, "names of an original release"},
        {model + "--assembly --output 'result\".hpp'", 1, "takes no quote"},
        {model + "--output result.hpp --without e --without p", 1, "no weights"}}) {
    const programs_test::Answer answer = place.run("embed", options);
    BOOST_TEST(answer.status == status, options);
    BOOST_TEST(programs_test::contains(answer.err, part), answer.err);
    BOOST_TEST(place.files_with("result") == 0u);
  }
  // The header of the tutorial is what the program writes today.
  const programs_test::Answer tutorial = place.run("embed", model + "--output tiny_bert.hpp --storage int8");
  BOOST_TEST(tutorial.status == 0, tutorial.err);
  BOOST_TEST((programs_test::read_file(place.folder / "tiny_bert.hpp") ==
              programs_test::read_file(folder + "/tiny_bert.hpp")));

  const programs_test::Answer good = place.run("embed", model + "--output 2-results.hpp --without pooler.");
  BOOST_TEST(good.status == 0, good.err);
  const std::string header = programs_test::read_file(place.folder / "2-results.hpp");
  BOOST_TEST(programs_test::contains(header, "namespace weights_2_results {"));
  BOOST_TEST(programs_test::contains(header, "\"encoder.layer.1.output.dense.bias\""));
  BOOST_TEST(!programs_test::contains(header, "pooler"));
  BOOST_TEST(place.run("embed", model + "--output new.hpp").status == 0);
  BOOST_TEST(programs_test::contains(programs_test::read_file(place.folder / "new.hpp"), "namespace weights_new {"));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_in_int8_keeps_its_matrices) {
  const programs_test::Workplace place;
  const auto state = io::load_state(folder);
  BOOST_TEST_REQUIRE(state.ok());
  const auto narrow = io::narrowed(*state, DType::i8);
  BOOST_TEST_REQUIRE(narrow.ok());
  BOOST_TEST_REQUIRE(io::write_safetensors(*narrow, (place.folder / "narrow.safetensors").string()).ok());
  BOOST_TEST(place.run("embed", "narrow.safetensors --output narrow.hpp --storage int8 --name tiny_bert").status == 0);
  const std::string header = programs_test::read_file(place.folder / "narrow.hpp");
  const std::string of_floats = programs_test::read_file(folder + "/tiny_bert.hpp");
  // The same numbers, in whatever order the file has its tensors, and as many of each type.
  const auto arrays = [](const std::string& text) {
    std::vector<std::string> all;
    for (std::size_t at = text.find("std::int8_t"); at != std::string::npos; at = text.find("std::int8_t", at + 1)) {
      const std::size_t begin = text.find("] = {", at);
      all.push_back(text.substr(begin, text.find("};", begin) - begin));
    }
    std::sort(all.begin(), all.end());
    return all;
  };
  BOOST_TEST(arrays(header).size() > 10U);
  BOOST_TEST((arrays(header) == arrays(of_floats)));
  const auto count = [](const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
  };
  for (const char* type : {"DType::i8", "DType::f32"}) BOOST_TEST(count(header, type) == count(of_floats, type));
}
#else
BOOST_AUTO_TEST_CASE(not_built_here) { BOOST_TEST_MESSAGE("the program embed is not built here"); }
#endif
