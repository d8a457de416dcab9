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

BOOST_AUTO_TEST_CASE(models_of_relative_attention_run_behind_the_same_class) {
  const std::pair<const char*, const char*> folders[] = {{"transfoxl-model-basic", "transfo-xl-x"},
                                                         {"xlnet-model-basic", "xlnet-x"}};
  for (const auto& [golden, name] : folders) {
    BOOST_TEST_CONTEXT(name) {
      const Copy copy(golden, name);
      auto model = AutoModel::from_pretrained(copy.text());
      BOOST_TEST_REQUIRE(model.ok(), model.error().message());
      const auto config = auto_config(copy.text());
      BOOST_TEST_REQUIRE(config.ok(), config.error().message());
      const Index width = (*config)["d_model"];
      runs(**model, "last_hidden_state", width);
      BOOST_TEST((*model)->layers() == 2);
      const auto pruned = (*model)->prune_heads({{0, {1}}});
      BOOST_TEST(!pruned.ok());
      BOOST_TEST((std::string(pruned.error().message()).find("relative attention") != std::string::npos));
      if ((*model)->architecture() == Architecture::xlnet) {
        BOOST_TEST_REQUIRE((*model)->resize_token_embeddings((*model)->vocabulary() + 3, 5).ok());
      }
      runs(**model, "last_hidden_state", width);
      const std::vector<float> before = (*model)->output("last_hidden_state");
      BOOST_TEST_REQUIRE((*model)->save(copy.text(), WeightFormat::torch).ok());
      auto again = AutoModel::from_pretrained(copy.text());
      BOOST_TEST_REQUIRE(again.ok(), again.error().message());
      runs(**again, "last_hidden_state", width);
      BOOST_TEST((*again)->output("last_hidden_state") == before, boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_model_that_remembers_goes_on_where_the_last_run_ended) {
  const std::int32_t ids[] = {1, 4, 5, 6, 7, 8, 9, 3};
  const auto part = [&](Index first, Index length) {
    AnyInput in;
    in.layout = Layout::padded(1, length);
    in.input_ids = View::of_const(ids + first, DType::i32, 1, length);
    return in;
  };
  const auto run = [](AnyModel& model, const AnyInput& in) {
    const auto ran = model.run(in);
    BOOST_TEST_REQUIRE(ran.ok(), ran.error().message());
    return model.output("last_hidden_state");
  };
  // Two parts with what the first left are the whole: keys and values, and a memory where each token sees as many.
  const std::pair<const char*, const char*> folders[] = {
      {"gpt2-model-basic", "gpt2-x"}, {"gpt-model-basic", "openai-gpt-x"}, {"transfoxl-model-mems", "transfo-xl-x"}};
  for (const auto& [golden, name] : folders) {
    BOOST_TEST_CONTEXT(name) {
      const Copy copy(golden, name);
      if (std::string(name) == "transfo-xl-x") {
        copy.set("same_length", true);
        copy.set("ext_len", 0);
      }
      auto loaded = AutoModel::from_pretrained(copy.text());
      BOOST_TEST_REQUIRE(loaded.ok(), loaded.error().message());
      AnyModel& model = **loaded;
      BOOST_TEST(!model.remember(1, 8).ok());  // not prepared
      BOOST_TEST_REQUIRE(model.prepare(host).ok());
      const std::vector<float> whole = run(model, part(0, 8));
      BOOST_TEST_REQUIRE(model.remember(1, 8).ok());
      std::vector<float> parts = run(model, part(0, 5));
      for (const float x : run(model, part(5, 3))) parts.push_back(x);
      BOOST_TEST_REQUIRE(parts.size() == whole.size());
      for (std::size_t i = 0; i < whole.size(); ++i) BOOST_TEST(std::abs(parts[i] - whole[i]) < 1e-5F);
      // New texts, and no memory again.
      BOOST_TEST_REQUIRE(model.remember(1, 8).ok());
      BOOST_TEST(run(model, part(0, 8)) == whole, boost::test_tools::per_element());
      BOOST_TEST_REQUIRE(model.remember(2, 8).ok());
      BOOST_TEST(!model.run(part(0, 8)).ok());  // of two texts
      BOOST_TEST_REQUIRE(model.remember(0, 0).ok());
      run(model, part(0, 8));
      BOOST_TEST(run(model, part(0, 8)) == whole, boost::test_tools::per_element());
    }
  }
  const Copy bert("bert-model-basic", "bert-x");
  auto forgets = AutoModel::from_pretrained(bert.text());
  BOOST_TEST_REQUIRE((forgets.ok() && (*forgets)->prepare(host).ok()));
  const auto refused = (*forgets)->remember(1, 8);
  BOOST_TEST(!refused.ok());
  BOOST_TEST((std::string(refused.error().message()) == "bert: this class remembers nothing from run to run"));
  const Copy xlm("xlm-model-basic", "xlm-x");
  const auto masked = AutoModel::from_pretrained(xlm.text());
  BOOST_TEST_REQUIRE((masked.ok() && (*masked)->prepare(host).ok()));
  BOOST_TEST((std::string((*masked)->remember(1, 8).error().message()) ==
              "xlm: past: only causal models keep keys and values"));
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
  const Copy words("transfoxl-lm-div1", "transfo-xl-lm");
  auto adaptive = AutoModelWithLMHead::from_pretrained(words.text());
  BOOST_TEST_REQUIRE(adaptive.ok(), adaptive.error().message());
  runs(**adaptive, "log_probs", 65);
  const Copy spans("xlnet-qa-beam", "xlnet-qa");
  auto finder = AutoModelForQuestionAnswering::from_pretrained(spans.text());
  BOOST_TEST_REQUIRE(finder.ok(), finder.error().message());
  BOOST_TEST_REQUIRE((*finder)->prepare(host).ok());
  // An answer begins with no token that p_mask rules out.
  const std::int32_t question[] = {1, 4, 5, 6, 7, 8, 9, 3};
  float no_answer[] = {1, 1, 1, 0, 1, 1, 1, 1};
  AnyInput asked;
  asked.layout = Layout::padded(1, 8);
  asked.input_ids = View::of_const(question, DType::i32, 1, 8);
  asked.p_mask = View::of(no_answer, DType::f32, 1, 8);
  const auto answered = (*finder)->run(asked);
  BOOST_TEST_REQUIRE(answered.ok(), answered.error().message());
  BOOST_TEST((*finder)->output("start_top_index")[0] == 3.0F);
  const Copy kinds("xlnet-seqcls-first", "xlnet-classes");
  auto sorter = AutoModelForSequenceClassification::from_pretrained(kinds.text());
  BOOST_TEST_REQUIRE(sorter.ok(), sorter.error().message());
  BOOST_TEST_REQUIRE((*sorter)->prepare(host).ok());
  const Copy targets("xlnet-lm-twostream", "xlnet-lm");
  auto predicts = AutoModelWithLMHead::from_pretrained(targets.text());
  BOOST_TEST_REQUIRE(predicts.ok(), predicts.error().message());
  BOOST_TEST_REQUIRE((*predicts)->prepare(host).ok());
  const std::int32_t ids[] = {1, 4, 5};
  const float hidden[] = {0, 0, 1, 0, 0, 1, 0, 0, 1}, last[] = {0, 0, 1};
  AnyInput in;
  in.layout = Layout::padded(1, 3);
  in.input_ids = View::of_const(ids, DType::i32, 1, 3);
  in.perm_mask = View::of_const(hidden, DType::f32, 1, 3, 3);
  in.target_mapping = View::of_const(last, DType::f32, 1, 1, 3);
  const auto ran = (*predicts)->run(in);
  BOOST_TEST_REQUIRE(ran.ok(), ran.error().message());
  BOOST_TEST(((*predicts)->shape("logits") == std::vector<Index>{1, 65}));
  in.input_ids = View();
  BOOST_TEST(!(*predicts)->run(in).ok());
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
