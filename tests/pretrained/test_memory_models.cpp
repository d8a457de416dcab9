// Transformer-XL and XLNet from a folder and into one: config.json, weights under the reference's names, ties, and
// configs that are refused.
#define BOOST_TEST_MODULE pretrained_memory_models
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "tessera/pretrained/transfo_xl.hpp"
#include "tessera/pretrained/xlnet.hpp"

using namespace tessera;

namespace {

const std::string golden = std::string(TESSERA_GOLDEN_DIR) + "/models/";

struct Folder {
  std::string path;
  Folder() : path((std::filesystem::temp_directory_path() / "tessera_test_memory_models").string()) {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

/// Every tensor that the case's checkpoint has, in the same shape and bytes; and the same config.
template <class Model>
void check_round_trip(const std::string& name, WeightFormat format) {
  BOOST_TEST_CONTEXT(name) {
    auto loaded = from_pretrained<Model>(golden + name);
    BOOST_TEST_REQUIRE(loaded.ok(), loaded.error().message());
    BOOST_TEST((*loaded)->report.missing.empty());
    BOOST_TEST((*loaded)->report.unexpected.empty());
    const Folder folder;
    const auto saved = save_pretrained(**loaded, folder.path, format);
    BOOST_TEST_REQUIRE(saved.ok(), saved.error().message());
    auto before = io::load_state(golden + name), after = io::load_state(folder.path);
    BOOST_TEST_REQUIRE(after.ok());
    BOOST_TEST(after->size() == before->size());
    for (const io::StateTensor& t : *before) {
      const io::StateTensor* same = after->find(t.name);
      BOOST_TEST_REQUIRE(same != nullptr, t.name);
      BOOST_TEST((same->shape == t.shape), t.name);
      BOOST_TEST((same->bytes == t.bytes && std::memcmp(same->data, t.data, t.bytes) == 0), t.name);
    }
    BOOST_TEST((*io::read_json(folder.path + "/config.json") == *io::read_json(golden + name + "/config.json")));
    auto again = from_pretrained<Model>(folder.path);
    BOOST_TEST(again.ok());
  }
}

/// The sentence about the config of a case with one key changed.
template <class Config>
std::string refusal(const std::string& name, const char* key, const io::Json& value, Code code) {
  auto json = io::read_json(golden + name + "/config.json");
  (*json)[key] = value;
  const auto file = parse_config<Config>(*json);
  BOOST_TEST_REQUIRE(!file.ok(), key);
  BOOST_TEST((file.error().code() == code), file.error().message());
  return file.error().message();
}
bool contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return true;
  BOOST_TEST_MESSAGE("found: " << text);
  return false;
}

}  // namespace

BOOST_AUTO_TEST_CASE(checkpoints_come_back_bit_equal_under_the_same_names) {
  for (const char* name :
       {"transfoxl-lm-div1", "transfoxl-lm-div1proj", "transfoxl-lm-div2mems", "transfoxl-lm-div4",
        "transfoxl-lm-nocutoffs", "transfoxl-lm-noshare", "transfoxl-lm-noshare1", "transfoxl-lm-untiedw",
        "transfoxl-lm-learned", "transfoxl-lm-absolute", "transfoxl-lm-perlayer"})
    check_round_trip<TransfoXLLMHeadModel<>>(name, WeightFormat::torch);
  check_round_trip<TransfoXL<>>("transfoxl-model-tiedr", WeightFormat::safetensors);
  check_round_trip<XLNet<>>("xlnet-model-basic", WeightFormat::safetensors);
  check_round_trip<XLNetLMHeadModel<>>("xlnet-lm-loss", WeightFormat::torch);
  check_round_trip<XLNetForSequenceClassification<>>("xlnet-seqcls-mean", WeightFormat::torch);
  check_round_trip<XLNetForQuestionAnswering<>>("xlnet-qa-train", WeightFormat::safetensors);
}

BOOST_AUTO_TEST_CASE(a_bare_model_reads_the_checkpoint_of_one_with_a_head) {
  auto loaded = from_pretrained<TransfoXL<>>(golden + "transfoxl-lm-div2mems");
  BOOST_TEST_REQUIRE(loaded.ok(), loaded.error().message());
  BOOST_TEST((*loaded)->report.missing.empty());
  auto xlnet = from_pretrained<XLNet<>>(golden + "xlnet-lm-loss");
  BOOST_TEST_REQUIRE(xlnet.ok(), xlnet.error().message());
  BOOST_TEST((*xlnet)->report.missing.empty());
}

BOOST_AUTO_TEST_CASE(tied_weights_are_one) {
  auto p = from_pretrained<TransfoXLLMHeadModel<>>(golden + "transfoxl-lm-div2mems");
  BOOST_TEST_REQUIRE(p.ok());
  const auto& m = (*p)->model;
  for (Index i = 0; i < 3; ++i) {
    BOOST_TEST(m.crit.out_layers[i].weight.view.data == m.base.word_emb.emb_layers[i].weight.view.data);
    const bool tied = m.crit.out_projs[i].view.data == m.base.word_emb.emb_projs[i].view.data;
    BOOST_TEST(tied == (i > 0));
  }
  auto shared = from_pretrained<TransfoXL<>>(golden + "transfoxl-model-tiedr");
  auto& s = (*shared)->model;
  for (Index i = 0; i < s.layers(); ++i)
    s.stack[i].attention.chosen([&](auto& a) { BOOST_TEST(a.r_w_bias.view.data == s.r_w_bias.view.data); });
  auto untied = from_pretrained<TransfoXLLMHeadModel<>>(golden + "transfoxl-lm-untiedw");
  const auto& u = (*untied)->model;
  BOOST_TEST(u.crit.out_layers[0].weight.view.data != u.base.word_emb.emb_layers[0].weight.view.data);
}

BOOST_AUTO_TEST_CASE(configs_that_are_refused_say_why) {
  const std::string lm = "transfoxl-lm-div2mems";
  using XL = TransfoXLConfig;
  BOOST_TEST(contains(refusal<XL>(lm, "cutoffs", {37, 15}, Code::out_of_range), "found 15 after 37"));
  BOOST_TEST(contains(refusal<XL>(lm, "cutoffs", {15, 63}, Code::out_of_range), "less than the vocabulary 63"));
  BOOST_TEST(contains(refusal<XL>(lm, "cutoffs", {1, 2, 3, 4, 5, 6}, Code::unsupported), "at most 5, found 6"));
  BOOST_TEST(contains(refusal<XL>(lm, "attn_type", 1, Code::unsupported),
                      "untie_r: expected false (layers share r_w_bias) with attn_type 1"));
  BOOST_TEST(
      contains(refusal<XL>("transfoxl-lm-learned", "n_layer", 50, Code::unsupported), "n_layer: expected n_head"));
  BOOST_TEST(contains(refusal<XL>("transfoxl-lm-perlayer", "d_head", 3, Code::unsupported), "expected d_model"));
  BOOST_TEST(contains(refusal<XL>(lm, "attn_type", 7, Code::out_of_range), "attn_type"));
  BOOST_TEST(contains(refusal<XL>(lm, "sample_softmax", 100, Code::unsupported), "sample_softmax"));
  BOOST_TEST(contains(refusal<XL>(lm, "div_val", 0, Code::out_of_range), "div_val"));
  BOOST_TEST(contains(refusal<XL>(lm, "div_val", 64, Code::out_of_range), "less than one"));
  BOOST_TEST(contains(refusal<XL>(lm, "d_model", 31, Code::shape_mismatch), "even"));
  const std::string xlnet = "xlnet-model-basic";
  using Net = XLNetConfig;
  BOOST_TEST(contains(refusal<Net>(xlnet, "attn_type", "both", Code::unsupported), "bi or uni, found both"));
  BOOST_TEST(contains(refusal<Net>(xlnet, "ff_activation", "elu", Code::unsupported), "found elu"));
  BOOST_TEST(contains(refusal<Net>(xlnet, "summary_type", "attn", Code::unsupported), "found attn"));
  BOOST_TEST(contains(refusal<Net>(xlnet, "n_head", 5, Code::shape_mismatch), "n_head"));
  BOOST_TEST(contains(refusal<Net>(xlnet, "mem_len", -3, Code::out_of_range), "mem_len"));
  BOOST_TEST(
      contains(refusal<Net>(xlnet, "summary_proj_to_labels", true, Code::unsupported), "summary_proj_to_labels"));
  BOOST_TEST(contains(refusal<XL>(lm, "init", "constant", Code::unsupported), "normal or uniform, found constant"));
}

BOOST_AUTO_TEST_CASE(transformer_xl_is_drawn_as_its_config_says) {
  auto file = read_config<TransfoXLConfig>(golden + "transfoxl-lm-div4/config.json");
  BOOST_TEST_REQUIRE(file.ok(), file.error().message());
  file->config.proj_init_std = 4;
  file->config.init_std = 0.25;
  file->config.init_uniform = true;
  file->config.init_range = 0.5;
  auto p = from_state<TransfoXLLMHeadModel<>>(*file, io::State(), anything_missing, 3);
  BOOST_TEST_REQUIRE(p.ok(), p.error().message());
  auto& model = (*p)->model;
  const auto largest = [](const View& v) {
    float most = 0;
    for (Index i = 0; i < v.count(); ++i) most = std::max(most, std::fabs(v.as<float>()[i]));
    return most;
  };
  BOOST_TEST(largest(model.base.word_emb.emb_layers[0].weight.view) <= 0.5F);
  BOOST_TEST(largest(model.base.word_emb.emb_layers[0].weight.view) > 0.45F);
  // Norms are drawn around one.
  const View& norm = model.base.stack[0].attention_norm.weight.view;
  double sum = 0;
  for (Index i = 0; i < norm.count(); ++i) sum += static_cast<double>(norm.as<float>()[i]);
  BOOST_TEST(std::fabs(sum / static_cast<double>(norm.count()) - 1) < 0.25);
  BOOST_TEST(norm.as<float>()[0] != norm.as<float>()[1]);
  BOOST_TEST(largest(model.base.word_emb.emb_projs[0].view) > 4);  // of many, one is further out than its deviation
}

BOOST_AUTO_TEST_CASE(transformer_xl_keeps_its_vocabulary) {
  auto p = from_pretrained<TransfoXLLMHeadModel<>>(golden + "transfoxl-lm-div4");
  BOOST_TEST_REQUIRE(p.ok());
  BOOST_TEST_REQUIRE((*p)->own_weights().ok());
  const auto resized = (*p)->resize_token_embeddings(200, 1);
  BOOST_TEST(!resized.ok());
  BOOST_TEST(contains(resized.error().message(), "keeps its vocabulary"));
}

BOOST_AUTO_TEST_CASE(a_resized_vocabulary_keeps_its_rows_and_the_tie) {
  auto p = from_pretrained<XLNetLMHeadModel<>>(golden + "xlnet-lm-loss");
  BOOST_TEST_REQUIRE(p.ok());
  BOOST_TEST_REQUIRE((*p)->own_weights().ok());
  const View& table = (*p)->model.base.word_embedding.weight.view;
  const std::vector<float> before(table.as<float>(), table.as<float>() + table.count());
  const Index rows = table.dim[0];
  BOOST_TEST_REQUIRE((*p)->resize_token_embeddings(rows + 3, 1).ok());
  const View& after = (*p)->model.base.word_embedding.weight.view;
  BOOST_TEST(after.dim[0] == rows + 3);
  BOOST_TEST(std::memcmp(after.data, before.data(), before.size() * sizeof(float)) == 0);
  BOOST_TEST((*p)->model.lm_loss.weight.view.data == after.data);
  const View& bias = (*p)->model.lm_loss.bias.view;
  BOOST_TEST(bias.dim[0] == rows + 3);
  for (Index i = rows; i < rows + 3; ++i) BOOST_TEST(bias.as<float>()[i] == 0.0F);
}
