// Auto: which architecture a folder has, and models of any of them behind one class: run, prune, resize, save.
#define BOOST_TEST_MODULE pretrained_auto
#include "tessera/pretrained/auto.hpp"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "tessera/backends/reference/reference.hpp"

using namespace tessera;
namespace fs = std::filesystem;

namespace {

/// A copy of a golden case's checkpoint in a folder of the given name.
struct Copy {
  fs::path root = fs::temp_directory_path() / ("tessera_auto_" + std::to_string(getpid()));
  fs::path path;
  Copy(const std::string& golden, const std::string& name) : path(root / name) {
    fs::create_directories(path);
    const fs::path from = fs::path(TESSERA_GOLDEN_DIR) / "models" / golden;
    for (const char* file : {"config.json", "pytorch_model.bin"}) fs::copy_file(from / file, path / file);
  }
  ~Copy() { fs::remove_all(root); }
  void set(const char* key, const io::Json& value) const {
    auto json = io::read_json((path / "config.json").string());
    (*json)[key] = value;
    BOOST_TEST_REQUIRE(io::write_json((path / "config.json").string(), *json).ok());
  }
  std::string text() const { return path.string(); }
};

const AnyBackend host = AnyBackend::of(Reference<float>());

/// Runs a batch of two texts.
void runs(AnyModel& model, const char* output, Index columns) {
  BOOST_TEST_REQUIRE(model.prepare(host).ok());
  const std::int32_t ids[] = {1, 4, 5, 6, 7, 8, 9, 3};
  AnyInput in;
  in.layout = Layout::padded(2, 4);
  in.input_ids = View::of_const(ids, DType::i32, 2, 4);
  const auto ran = model.run(in);
  BOOST_TEST_REQUIRE(ran.ok(), ran.error().message());
  const std::vector<Index> shape = model.shape(output);
  BOOST_TEST_REQUIRE(shape.size() == 2U);
  BOOST_TEST(shape[1] == columns);
  const std::vector<float> values = model.output(output);
  BOOST_TEST(values.size() == static_cast<std::size_t>(shape[0] * shape[1]));
  for (const float v : values) BOOST_TEST_REQUIRE(std::isfinite(v));
  BOOST_TEST(model.output("nothing").empty());
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_folders_name_tells_the_architecture_in_the_order_of_the_reference) {
  const std::pair<const char*, Architecture> names[] = {{"distilbert-base-uncased", Architecture::distilbert},
                                                        {"my-roberta-large", Architecture::roberta},
                                                        {"bert-base-cased", Architecture::bert},
                                                        {"openai-gpt", Architecture::openai_gpt},
                                                        {"gpt2-medium", Architecture::gpt2},
                                                        {"transfo-xl-wt103", Architecture::transfo_xl},
                                                        {"xlnet-base-cased", Architecture::xlnet},
                                                        {"xlm-mlm-en-2048", Architecture::xlm}};
  for (const auto& [folder, architecture] : names) {
    const Copy copy("gpt2-model-basic", folder);
    const auto found = architecture_of(copy.text());
    BOOST_TEST_REQUIRE(found.ok(), found.error().message());
    BOOST_TEST((*found == architecture), folder);
  }
  const Copy nameless("gpt2-model-basic", "model");
  const auto none = architecture_of(nameless.text());
  BOOST_TEST(!none.ok());
  // What config.json says wins.
  const Copy said("gpt2-model-basic", "bert-base");
  said.set("architectures", io::Json::array({"GPT2LMHeadModel"}));
  BOOST_TEST((*architecture_of(said.text()) == Architecture::gpt2));
  said.set("model_type", "xlm");
  BOOST_TEST((*architecture_of(said.text()) == Architecture::xlm));
  said.set("model_type", "t5");
  const auto unknown = architecture_of(said.text());
  BOOST_TEST(!unknown.ok());
  BOOST_TEST((std::string(unknown.error().message()).find("t5") != std::string::npos));
}

BOOST_AUTO_TEST_CASE(models_of_any_architecture_run_behind_one_class) {
  const std::pair<const char*, const char*> folders[] = {{"bert-model-basic", "bert-x"},
                                                         {"roberta-model-basic", "roberta-x"},
                                                         {"distilbert-model-basic", "distilbert-x"},
                                                         {"gpt-model-basic", "openai-gpt-x"},
                                                         {"gpt2-model-basic", "gpt2-x"},
                                                         {"xlm-model-basic", "xlm-x"}};
  for (const auto& [golden, name] : folders) {
    BOOST_TEST_CONTEXT(name) {
      const Copy copy(golden, name);
      auto model = AutoModel::from_pretrained(copy.text());
      BOOST_TEST_REQUIRE(model.ok(), model.error().message());
      runs(**model, "last_hidden_state", 24);
      BOOST_TEST((*model)->parameters() > 1000);
      BOOST_TEST((*model)->layers() == 2);
      // Pruned, given a larger vocabulary, saved and loaded.
      BOOST_TEST_REQUIRE((*model)->prune_heads({{0, {1}}}).ok());
      const Index rows = (*model)->vocabulary() + 3;
      BOOST_TEST_REQUIRE((*model)->resize_token_embeddings(rows, 5).ok());
      BOOST_TEST(!(*model)->run({}).ok());  // not prepared
      runs(**model, "last_hidden_state", 24);
      const std::vector<float> before = (*model)->output("last_hidden_state");
      BOOST_TEST_REQUIRE((*model)->save(copy.text(), WeightFormat::safetensors).ok());
      auto again = AutoModel::from_pretrained(copy.text());
      BOOST_TEST_REQUIRE(again.ok(), again.error().message());
      BOOST_TEST((*again)->vocabulary() == rows);
      runs(**again, "last_hidden_state", 24);
      BOOST_TEST((*again)->output("last_hidden_state") == before, boost::test_tools::per_element());
      const auto config = auto_config(copy.text());
      BOOST_TEST(config.ok());
    }
  }
}

BOOST_AUTO_TEST_CASE(classes_with_heads) {
  const Copy lm("gpt2-lm-nolabels", "gpt2-lm");
  auto model = AutoModelWithLMHead::from_pretrained(lm.text());
  BOOST_TEST_REQUIRE(model.ok(), model.error().message());
  runs(**model, "lm_logits", 61);
  const Copy classes("xlm-seqcls-first", "xlm-classes");
  auto classifier = AutoModelForSequenceClassification::from_pretrained(classes.text());
  BOOST_TEST_REQUIRE(classifier.ok(), classifier.error().message());
  runs(**classifier, "logits", 2);
  const Copy answers("distilbert-qa-inrange", "distilbert-qa");
  auto answerer = AutoModelForQuestionAnswering::from_pretrained(answers.text());
  BOOST_TEST_REQUIRE(answerer.ok(), answerer.error().message());
  runs(**answerer, "start_logits", 4);
  const auto none = AutoModelForQuestionAnswering::from_pretrained(lm.text());
  BOOST_TEST(!none.ok());
  BOOST_TEST((std::string(none.error().message()).find("AutoModelForQuestionAnswering has no class for gpt2") !=
              std::string::npos));
}

BOOST_AUTO_TEST_CASE(an_input_that_a_class_does_not_take_is_refused_by_its_name) {
  const Copy copy("gpt2-model-basic", "gpt2-x");
  auto model = AutoModel::from_pretrained(copy.text());
  BOOST_TEST_REQUIRE(model.ok());
  BOOST_TEST_REQUIRE((*model)->prepare(host).ok());
  const std::int32_t ids[] = {1, 2};
  AnyInput in;
  in.layout = Layout::padded(1, 2);
  in.input_ids = in.langs = View::of_const(ids, DType::i32, 1, 2);
  const auto ran = (*model)->run(in);
  BOOST_TEST(!ran.ok());
  BOOST_TEST((std::string(ran.error().message()) == "gpt2: this class takes no langs"), ran.error().message());
}
