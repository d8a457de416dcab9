// Original checkpoints: TensorFlow V2 and V1, OpenAI GPT's parameters, npz, files with an index; and their names.
#define BOOST_TEST_MODULE tensorflow
#include <boost/test/unit_test.hpp>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "support.hpp"
#include "tessera/io/convert_original.hpp"
#include "tessera/io/crc32c.hpp"
#include "tessera/io/json.hpp"
#include "tessera/io/open.hpp"

using namespace tessera;
using namespace tessera::io;
using tessera::io::test::ScratchFolder;

namespace {

std::string golden_tf(const std::string& name) { return std::string(TESSERA_GOLDEN_DIR) + "/tf/" + name; }

State open(const std::string& path) {
  LoadOptions options;
  options.checksums = true;
  auto state = load_state(path, options);
  BOOST_REQUIRE_MESSAGE(state.ok(), state.error().message());
  return std::move(state).value();
}

bool says(const Error& error, std::string_view what) {
  BOOST_TEST_MESSAGE(error.message());
  return std::string_view(error.message()).find(what) != std::string_view::npos;
}

const std::vector<std::pair<std::string, std::string>> checkpoints = {
    {"bert_pretraining", "bert_pretraining/bert_model.ckpt"},
    {"bert_pretraining", "bert_pretraining/bert_model.ckpt.index"},
    {"bert_pretraining", "bert_pretraining/bert_model.ckpt.data-00000-of-00001"},
    {"bert_pretraining", "bert_pretraining"},
    {"bert_pretraining", "bert_pretraining/v2_sharded/bert_model.ckpt"},
    {"bert_pretraining", "bert_pretraining/v1/bert_model.ckpt"},
    {"bert_pretraining", "bert_pretraining/v1_sharded/bert_model.ckpt"},
    {"bert_pretraining", "bert_pretraining/v1_sharded/bert_model.ckpt-00001-of-00002"},
    {"bert_squad", "bert_squad/model.ckpt-7"},
    {"gpt2", "gpt2/model.ckpt"},
    {"transfo_xl", "transfo_xl/model.ckpt"},
    {"xlnet", "xlnet/xlnet_model.ckpt"},
    {"xlnet_regression", "xlnet_regression/model.ckpt"},
};

std::string class_of(const std::string& folder) {
  if (folder == "openai_gpt") return "OpenAIGPTLMHeadModel";
  const Json variables = read_json(golden_tf(folder + "/variables.json")).value();
  return get_string(variables, "class").value();
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_checksum_is_that_of_the_standard) {
  // RFC 3720, B.4.
  const std::vector<std::byte> zeros(32, std::byte{0});
  BOOST_TEST(crc32c(zeros) == 0x8A9136AAU);
  BOOST_TEST(crc32c(std::vector<std::byte>(32, std::byte{0xFF})) == 0x62A8AB43U);
  BOOST_TEST(crc32c(bytes_of("123456789")) == 0xE3069283U);
  BOOST_TEST(crc32c(bytes_of("56789"), crc32c(bytes_of("1234"))) == 0xE3069283U);
}

BOOST_AUTO_TEST_CASE(each_variable_is_read_with_its_type_and_shape) {
  for (const auto& [folder, path] : checkpoints) {
    BOOST_TEST_CONTEXT(path) {
      const State state = open(golden_tf(path));
      const Json listed = read_json(golden_tf(folder + "/variables.json")).value();
      const Json& variables = *find_key(listed, "variables");
      BOOST_TEST(state.size() == variables.size());
      for (const Json& variable : variables) {
        const StateTensor* const tensor = state.find(get_string(variable, "name").value());
        BOOST_TEST_REQUIRE(tensor != nullptr, variable.dump());
        auto shape = as_ints(*find_key(variable, "shape"), "shape").value();
        // The list has counters as single numbers; the files hold them as vectors of one.
        if (shape.empty()) shape = {1};
        BOOST_TEST((tensor->shape == shape), variable.dump());
        const std::string type = get_string(variable, "dtype").value();
        BOOST_TEST((tensor->type == (type == "int64" ? DType::i64 : DType::f32)), variable.dump());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(converted_weights_are_bit_equal_to_those_that_the_reference_loads) {
  auto all = checkpoints;
  all.emplace_back("openai_gpt", "openai_gpt");
  for (const auto& [folder, path] : all) {
    BOOST_TEST_CONTEXT(path) {
      const State original = open(golden_tf(path));
      BOOST_TEST(has_original_names(original));
      const auto converted = convert_original(original, class_of(folder));
      BOOST_REQUIRE_MESSAGE(converted.ok(), converted.error().message());
      BOOST_TEST(converted->unknown.empty());
      BOOST_TEST(converted->other_heads.empty());
      const auto expected = read_safetensors(golden_tf(folder + "/expected_state.safetensors"));
      BOOST_REQUIRE(expected.ok());
      const std::string difference = test::difference(*expected, converted->state);
      BOOST_TEST(difference.empty(), difference);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_class_gets_the_tensors_that_it_has) {
  const State original = open(golden_tf("bert_pretraining"));
  const auto base = convert_original(original, "BertModel");
  BOOST_REQUIRE(base.ok());
  BOOST_TEST(base->state.find("embeddings.word_embeddings.weight") != nullptr);
  BOOST_TEST(base->other_heads.size() == 8U);
  BOOST_TEST(base->training.size() == 2U * 46U + 1U);
  const auto lm = convert_original(original, "BertForMaskedLM");
  BOOST_TEST(lm->state.find("cls.predictions.decoder.weight") != nullptr);
  BOOST_TEST(lm->state.find("cls.seq_relationship.weight") == nullptr);
  const auto answers = convert_original(open(golden_tf("bert_squad")), "BertForQuestionAnswering");
  BOOST_TEST(answers->state.find("qa_outputs.weight") != nullptr);
  BOOST_TEST(
      says(convert_original(original, "Nonsense").error(), "class 'Nonsense' is unknown here, one of BertModel"));
  BOOST_TEST(says(convert_original(original, "XLNetModel").error(), "has a name of the original xlnet"));
}

BOOST_AUTO_TEST_CASE(damaged_and_missing_files_are_named) {
  const ScratchFolder folder;
  const auto copy = [&folder](const std::string& from, const std::string& to) {
    std::filesystem::copy_file(golden_tf(from), folder / to, std::filesystem::copy_options::overwrite_existing);
  };
  copy("gpt2/model.ckpt.index", "m.index");
  BOOST_TEST(says(load_state(folder / "m").error(), "m.data-00000-of-00001"));
  auto data = test::slurp(golden_tf("gpt2/model.ckpt.data-00000-of-00001"));
  data[100] ^= std::byte{1};
  BOOST_REQUIRE(write_file(folder / "m.data-00000-of-00001", data).ok());
  LoadOptions checked;
  checked.checksums = true;
  BOOST_TEST(load_state(folder / "m").ok());
  BOOST_TEST(says(load_state(folder / "m", checked).error(), "has a wrong checksum"));
  data.resize(1000);
  BOOST_REQUIRE(write_file(folder / "m.data-00000-of-00001", data).ok());
  BOOST_TEST(says(load_state(folder / "m").error(), "lies past the end of its data file"));
  auto index = test::slurp(golden_tf("gpt2/model.ckpt.index"));
  index[20] ^= std::byte{1};
  BOOST_REQUIRE(write_file(folder / "m.index", index).ok());
  BOOST_TEST(says(load_state(folder / "m").error(), "the checksum of a block is wrong"));
  copy("bert_pretraining/v1_sharded/bert_model.ckpt-00000-of-00002", "b-00000-of-00002");
  BOOST_TEST(says(load_state(folder / "b").error(), "b-00001-of-00002"));
  BOOST_TEST(says(load_state(folder / "none").error(), "no such file or folder"));
}

BOOST_AUTO_TEST_CASE(changed_tables_are_refused_or_read_but_do_no_harm) {
  std::mt19937 random(5);
  for (const char* name : {"gpt2/model.ckpt.index", "bert_pretraining/v1/bert_model.ckpt"}) {
    const auto good = test::slurp(golden_tf(name));
    for (int i = 0; i < 400; ++i) {
      auto bad = good;
      if (i % 5 == 0) bad.resize(random() % bad.size());
      for (int k = 0; k < 3 && !bad.empty(); ++k) bad[random() % bad.size()] = static_cast<std::byte>(random());
      (void)tf::read_bundle_index(bad);
      State state;
      (void)tf::read_v1_table(bad, false, state);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_parameters_of_gpt_must_fill_their_shapes) {
  const ScratchFolder folder;
  for (const auto& entry : std::filesystem::directory_iterator(golden_tf("openai_gpt"))) {
    std::filesystem::copy_file(entry.path(), folder / entry.path().filename().string());
  }
  BOOST_TEST(load_state(folder.path()).ok());
  std::filesystem::remove(folder / "params_7.npy");
  BOOST_TEST(says(load_state(folder.path()).error(), "params_7.npy"));
  std::filesystem::copy_file(folder / "params_6.npy", folder / "params_7.npy");
  BOOST_TEST(load_state(folder.path()).ok());
  BOOST_REQUIRE(write_text(folder / "params_shapes.json", "[[18, 16], [47, 1600]]").ok());
  BOOST_TEST(says(load_state(folder.path()).error(), "expected one more shape than names"));
  BOOST_REQUIRE(write_text(folder / "parameters_names.json", "[\"model/we:0\"]").ok());
  BOOST_TEST(says(load_state(folder.path()).error(), "lies past the end"));
}

BOOST_AUTO_TEST_CASE(arrays_of_an_npz_come_under_their_names) {
  const State state = open(golden_tf("arrays.npz"));
  BOOST_TEST(state.format == "npz");
  BOOST_TEST(state.size() == 3U);
  BOOST_TEST((state.find("weight")->shape == std::vector<std::int64_t>{2, 3}));
  BOOST_TEST(state.find("weight")->as<float>()->back() == 5.0F);
  BOOST_TEST(state.find("deep/ids")->as<std::int64_t>()->front() == 7);
  const State packed = open(golden_tf("arrays_packed.npz"));
  BOOST_TEST(test::difference(state, packed) == "");
  auto bytes = test::slurp(golden_tf("arrays_packed.npz"));
  bytes.resize(bytes.size() / 2);
  BOOST_TEST(!load_state(Bytes(bytes)).ok());
}

BOOST_AUTO_TEST_CASE(files_with_an_index_are_one_state) {
  const ScratchFolder folder;
  State first;
  State second;
  const float one[] = {1, 2};
  BOOST_REQUIRE(first.add({"a", DType::f32, {2}, one, 8}).ok());
  BOOST_REQUIRE(first.add({"extra", DType::f32, {2}, one, 8}).ok());
  BOOST_REQUIRE(second.add({"b", DType::f32, {1, 2}, one, 8}).ok());
  BOOST_REQUIRE(write_safetensors(first, folder / "m-1.safetensors").ok());
  BOOST_REQUIRE(write_torch(second, folder / "m-2.bin").ok());
  const auto index = [&folder](const std::string& map) {
    BOOST_REQUIRE(write_text(folder / "model.safetensors.index.json", "{\"weight_map\": " + map + "}").ok());
    return load_state(folder.path());
  };
  const auto good = index(R"({"a": "m-1.safetensors", "b": "m-2.bin"})");
  BOOST_REQUIRE_MESSAGE(good.ok(), good.error().message());
  BOOST_TEST(good->size() == 2U);
  BOOST_TEST(good->find("b")->as<float>()->back() == 2.0F);
  BOOST_TEST(good->ignored.size() == 1U);
  BOOST_TEST(says(index(R"({"a": "m-2.bin"})").error(), "tensor 'a' is not in m-2.bin"));
  BOOST_TEST(says(index(R"({"a": "../m-1.safetensors"})").error(), "the name of a file beside it expected"));
  BOOST_TEST(says(index(R"({"a": "x.index.json"})").error(), "names another index"));
  BOOST_TEST(says(index(R"({"a": "none.safetensors"})").error(), "no such file"));
  BOOST_TEST(says(index("[]").error(), "weight_map is of type array"));
  BOOST_TEST(says(index(R"({"a": 1})").error(), "'a' is of type number"));
}
