// BERT checkpoints: names old and new, prefixes added and dropped, a report of what does not fit, ties saved under both
// names, round trips in both formats, heads pruned in two calls, vocabularies resized.
#define BOOST_TEST_MODULE pretrained_bert
#include "tessera/pretrained/bert.hpp"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "context/small_bert.hpp"
#include "tessera/context/training_session.hpp"
#include "tessera/train/adamw.hpp"

using namespace tessera;
using namespace small_bert;
namespace fs = std::filesystem;

namespace {

/// A folder that goes with the test.
struct Folder {
  fs::path path = fs::temp_directory_path() / ("tessera_bert_" + std::to_string(getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
};

/// The weights of a model under names that `rename` gives; an empty name leaves one out.
template <class Model, class F>
io::State renamed(const Model& model, const F& rename) {
  auto state = weights_state(model);
  BOOST_TEST_REQUIRE(state.ok());
  io::State out;
  for (const io::StateTensor& t : *state) {
    io::StateTensor copy = t;
    copy.name = rename(t.name);
    if (!copy.name.empty()) BOOST_TEST_REQUIRE(out.add(std::move(copy)).ok());
  }
  return out;
}

ConfigFile<BertConfig> file_of(const BertConfig& c = config()) {
  ConfigFile<BertConfig> f;
  f.config = c;
  return f;
}

template <class Model>
void same_weights(const Model& a, const Model& b) {
  std::vector<View> views;
  for_each_param(a, [&](const RolePath&, const ParamBase& p) { views.push_back(p.view); });
  for_each_param(b, [&](const RolePath& path, const ParamBase& p) {
    const View& other = views[static_cast<std::size_t>(p.id)];
    BOOST_TEST_REQUIRE(same_shape(p.view, other), path.c_str());
    BOOST_TEST(std::memcmp(p.view.data, other.data, other.bytes()) == 0, path.c_str());
  });
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.rfind(from);
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

template <class Model>
std::vector<float> run(const Model& model) {
  const Arrays arrays(2, 6);
  const auto in = arrays.input<typename Model::Input>();
  Session<Model, Ref> session(model, Ref());
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  const auto out = session.run(in);
  BOOST_TEST_REQUIRE(out.ok(), out.error().message());
  return numbers(**out);
}

}  // namespace

BOOST_AUTO_TEST_CASE(gamma_and_beta_are_the_old_names_of_a_norm) {
  const Owned<Bert<>> owned;
  int old_names = 0;
  auto state = renamed(owned.model, [&](const std::string& name) {
    if (!contains(name, "LayerNorm")) return name;
    ++old_names;
    return replaced(replaced(name, "LayerNorm.weight", "LayerNorm.gamma"), "LayerNorm.bias", "LayerNorm.beta");
  });
  BOOST_TEST(old_names == 2 * 5);
  auto loaded = from_state<Bert<>>(file_of(), std::move(state));
  BOOST_TEST_REQUIRE(loaded.ok(), loaded.error().message());
  BOOST_TEST((*loaded)->report.complete());
  BOOST_TEST((*loaded)->report.unexpected.empty());
  same_weights(owned.model, (*loaded)->model);
}

BOOST_AUTO_TEST_CASE(the_base_prefix_is_added_and_dropped) {
  const Owned<Bert<>> base;
  auto loaded =
      from_state<Bert<>>(file_of(), renamed(base.model, [](const std::string& name) { return "bert." + name; }));
  BOOST_TEST_REQUIRE(loaded.ok(), loaded.error().message());
  BOOST_TEST((*loaded)->report.complete());
  same_weights(base.model, (*loaded)->model);
  // The bare model's file for a head model: the head is missing and drawn, the base is as it was.
  const auto same = [](const std::string& name) { return name; };
  auto refused = from_state<BertForSequenceClassification<>>(file_of(), renamed(base.model, same));
  BOOST_TEST(!refused.ok());
  BOOST_TEST(contains(refused.error().message(), "lacks 2 weights of the model: classifier.weight"));
  auto head = from_state<BertForSequenceClassification<>>(file_of(), renamed(base.model, same), anything_missing);
  BOOST_TEST_REQUIRE(head.ok(), head.error().message());
  BOOST_TEST((*head)->report.missing == (std::vector<std::string>{"classifier.weight", "classifier.bias"}),
             boost::test_tools::per_element());
  same_weights(base.model, (*head)->model.base);
  BOOST_TEST(*(*head)->model.classifier.bias.view.as<float>() == 0.0F);
  BOOST_TEST(*(*head)->model.classifier.weight.view.as<float>() != 0.0F);
}

BOOST_AUTO_TEST_CASE(missing_and_unexpected_tensors_are_reported_by_name) {
  const Owned<Bert<>> owned;
  auto loaded = from_state<Bert<>>(
      file_of(),
      renamed(owned.model,
              [](const std::string& name) { return name == "pooler.dense.bias" ? "pooler.dense.Bias" : name; }),
      anything_missing);
  BOOST_TEST_REQUIRE(loaded.ok(), loaded.error().message());
  BOOST_TEST(!(*loaded)->report.complete());
  BOOST_TEST((*loaded)->report.missing == (std::vector<std::string>{"pooler.dense.bias"}),
             boost::test_tools::per_element());
  BOOST_TEST((*loaded)->report.unexpected == (std::vector<std::string>{"pooler.dense.Bias"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_shape_that_does_not_fit_is_an_error_with_both_shapes) {
  const Owned<Bert<>> owned;
  BertConfig larger = config();
  larger.vocab_size = 30;
  auto loaded = from_state<Bert<>>(file_of(larger), renamed(owned.model, [](const std::string& name) { return name; }));
  BOOST_TEST(!loaded.ok());
  BOOST_TEST((loaded.error().code() == Code::shape_mismatch));
  for (const char* part : {"embeddings.word_embeddings.weight", "[30, 12]", "[29, 12]"})
    BOOST_TEST(contains(loaded.error().message(), part), loaded.error().message());
}

BOOST_AUTO_TEST_CASE(sizes_that_no_memory_has_are_an_error_and_take_none) {
  BertConfig huge = config();
  huge.hidden_size = huge.intermediate_size = huge.vocab_size = Index{1} << 28;
  huge.num_attention_heads = 1;
  huge.num_hidden_layers = 21;
  // Without weights in the file nothing of these sizes is taken; with leave to draw them, the sum is refused.
  auto refused = from_state<Bert<>>(file_of(huge), io::State());
  BOOST_TEST((refused.error().code() == Code::not_found));
  auto drawn = from_state<Bert<>>(file_of(huge), io::State(), anything_missing);
  BOOST_TEST((drawn.error().code() == Code::out_of_range), drawn.error().message());
}

BOOST_AUTO_TEST_CASE(an_old_and_a_new_name_of_one_weight_in_a_file_are_refused) {
  const Owned<Bert<>> owned;
  auto twice = renamed(owned.model, [](const std::string& name) { return name; });
  std::vector<float> gamma(12, 0.0F);
  BOOST_TEST_REQUIRE(twice.add({"embeddings.LayerNorm.gamma", DType::f32, {12}, gamma.data(), gamma.size() * 4}).ok());
  auto loaded = from_state<Bert<>>(file_of(), std::move(twice));
  BOOST_TEST(contains(loaded.error().message(), "embeddings.LayerNorm.weight twice"), loaded.error().message());
}

BOOST_AUTO_TEST_CASE(a_model_without_any_of_the_files_weights_is_drawn_from_the_seed) {
  io::State none;
  auto first = from_state<Bert<>>(file_of(), std::move(none), anything_missing, 7);
  auto again = from_state<Bert<>>(file_of(), io::State(), anything_missing, 7);
  auto other = from_state<Bert<>>(file_of(), io::State(), anything_missing, 8);
  BOOST_TEST_REQUIRE(first.ok());
  same_weights((*first)->model, (*again)->model);
  BOOST_TEST(!same_bits(run((*first)->model), run((*other)->model)));
}

BOOST_AUTO_TEST_CASE(a_tied_pair_is_saved_under_both_names_with_the_embeddings_bytes) {
  const Owned<BertForMaskedLM<>> owned;
  const auto state = weights_state(owned.model);
  BOOST_TEST_REQUIRE(state.ok());
  const auto* embedding = state->find("bert.embeddings.word_embeddings.weight");
  const auto* decoder = state->find("cls.predictions.decoder.weight");
  BOOST_TEST_REQUIRE((embedding != nullptr && decoder != nullptr));
  BOOST_TEST(embedding->data == decoder->data);
  // A file that has the decoder under its own name alone still ties to the embedding; other numbers there lose.
  std::vector<float> others(29 * 12, 5.0F);
  auto changed = renamed(owned.model,
                         [](const std::string& name) { return name == "cls.predictions.decoder.weight" ? "" : name; });
  BOOST_TEST_REQUIRE(
      changed.add({"cls.predictions.decoder.weight", DType::f32, {29, 12}, others.data(), others.size() * 4}).ok());
  auto loaded = from_state<BertForMaskedLM<>>(file_of(), std::move(changed));
  BOOST_TEST_REQUIRE(loaded.ok());
  const auto& model = (*loaded)->model;
  BOOST_TEST(model.predictions.decoder.weight.view.data == model.base.embeddings.word.weight.view.data);
  BOOST_TEST(*model.predictions.decoder.weight.view.as<float>() != 5.0F);
  // Without the decoder's name nothing is missing.
  auto bare = from_state<BertForMaskedLM<>>(file_of(), renamed(owned.model, [](const std::string& name) {
                                              return name == "cls.predictions.decoder.weight" ? "" : name;
                                            }));
  BOOST_TEST_REQUIRE(bare.ok());
  BOOST_TEST((*bare)->report.complete());
}

BOOST_AUTO_TEST_CASE(save_and_load_give_the_same_bits_in_both_formats) {
  const Owned<BertForMaskedLM<>> owned;
  auto p = from_state<BertForMaskedLM<>>(file_of(), renamed(owned.model, [](const std::string& name) { return name; }));
  BOOST_TEST_REQUIRE(p.ok());
  (*p)->file.json["a_key_of_somebody_else"] = 42;
  for (const WeightFormat format : {WeightFormat::safetensors, WeightFormat::torch}) {
    const Folder folder;
    const auto saved = save_pretrained(**p, folder.path.string(), format);
    BOOST_TEST_REQUIRE(saved.ok(), saved.error().message());
    auto loaded = from_pretrained<BertForMaskedLM<>>(folder.path.string());
    BOOST_TEST_REQUIRE(loaded.ok(), loaded.error().message());
    BOOST_TEST((*loaded)->report.complete());
    BOOST_TEST((*loaded)->report.unexpected.empty());
    same_weights(owned.model, (*loaded)->model);
    BOOST_TEST(same_bits(run((*loaded)->model), run(owned.model)));
    BOOST_TEST((*loaded)->file.json["a_key_of_somebody_else"].get<int>() == 42);
  }
}

BOOST_AUTO_TEST_CASE(fine_tuning_needs_weights_of_its_own_and_says_so) {
  const Owned<BertForMaskedLM<>> owned;
  const Folder folder;
  auto made =
      from_state<BertForMaskedLM<>>(file_of(), renamed(owned.model, [](const std::string& name) { return name; }));
  BOOST_TEST_REQUIRE(save_pretrained(**made, folder.path.string(), WeightFormat::safetensors).ok());
  auto p = from_pretrained<BertForMaskedLM<>>(folder.path.string());
  BOOST_TEST_REQUIRE(p.ok());
  auto& model = (*p)->model;
  const auto refused = AdamW::of(model, {});
  BOOST_TEST(!refused.ok());
  for (const char* part : {"bert.embeddings.word.weight", "only be read", "own_weights"})
    BOOST_TEST(contains(refused.error().message(), part), refused.error().message());
  const auto pruned = prune_heads(model, (*p)->file, {{0, {1}}}, (*p)->weights);
  BOOST_TEST(!pruned.ok());
  BOOST_TEST(contains(pruned.error().message(), "own_weights"), pruned.error().message());

  BOOST_TEST_REQUIRE((*p)->own_weights().ok());
  auto adam = AdamW::of(model, {});
  BOOST_TEST_REQUIRE(adam.ok(), adam.error().message());
  auto gradients = Gradients<Ref>::of(model, Ref());
  TrainingSession<BertForMaskedLM<>, Ref> session(model, Ref(), *gradients);
  const Arrays arrays(2, 6);
  const auto in = arrays.labelled(12);
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  const float before = *(*session.forward(in))->loss.view().as<float>();
  BOOST_TEST_REQUIRE(session.backward().ok());
  adam->step(gradients->data());
  BOOST_TEST(*(*session.forward(in))->loss.view().as<float>() < before);
  // The file is what it was.
  auto again = from_pretrained<BertForMaskedLM<>>(folder.path.string());
  BOOST_TEST_REQUIRE(again.ok());
  same_weights(owned.model, (*again)->model);
}

BOOST_AUTO_TEST_CASE(heads_pruned_in_two_calls_by_their_original_numbers_are_those_of_one_call) {
  const Owned<Bert<>> owned;
  const auto pruned = [&](std::initializer_list<PrunedHeads> calls) {
    auto p = from_state<Bert<>>(file_of(), renamed(owned.model, [](const std::string& name) { return name; }));
    BOOST_TEST_REQUIRE(p.ok());
    BOOST_TEST_REQUIRE((*p)->own_weights().ok());
    for (const PrunedHeads& heads : calls) {
      const auto done = prune_heads((*p)->model, (*p)->file, heads, (*p)->weights);
      BOOST_TEST_REQUIRE(done.ok(), done.error().message());
    }
    return std::move(*p);
  };
  const auto once = pruned({{{0, {0, 2}}, {1, {1}}}});
  const auto twice = pruned({{{0, {0}}}, {{0, {2, 0}}, {1, {1}}}});
  BOOST_TEST(once->model.encoder[0].attention.heads == 1);
  BOOST_TEST(once->model.encoder[0].attention.query.weight.view.dim[0] == 4);
  BOOST_TEST(once->model.encoder[0].attention.output.weight.view.dim[1] == 4);
  same_weights(once->model, twice->model);
  BOOST_TEST((once->file.pruned_heads == twice->file.pruned_heads));
  BOOST_TEST(same_bits(run(once->model), run(twice->model)));
  // The same as a mask over all heads.
  const Arrays arrays(2, 6);
  auto in = arrays.input();
  const float mask[] = {0, 1, 0, 1, 0, 1};
  in.head_mask = View::of_const(mask, DType::f32, 2, 3);
  Session<Bert<>, Ref> session(owned.model, Ref());
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  const std::vector<float> masked = numbers(**session.run(in)), gone = run(once->model);
  for (std::size_t i = 0; i < gone.size(); ++i) BOOST_TEST(std::fabs(gone[i] - masked[i]) < 1e-5F);
  // What was saved after pruning loads again.
  const Folder folder;
  BOOST_TEST_REQUIRE(save_pretrained(*once, folder.path.string(), WeightFormat::safetensors).ok());
  auto loaded = from_pretrained<Bert<>>(folder.path.string());
  BOOST_TEST_REQUIRE(loaded.ok(), loaded.error().message());
  same_weights(once->model, (*loaded)->model);
}

BOOST_AUTO_TEST_CASE(heads_that_are_not_there_or_all_of_them_are_refused) {
  Owned<Bert<>> owned;
  ConfigFile<BertConfig> file = file_of();
  const auto refused = [&](const PrunedHeads& heads, const char* why) {
    const auto done = prune_heads(owned.model, file, heads, owned.weights);
    BOOST_TEST(!done.ok());
    BOOST_TEST(contains(done.error().message(), why), done.error().message());
  };
  const std::vector<float> before = run(owned.model);
  refused({{0, {3}}}, "head 3");
  refused({{0, {-1}}}, "head -1");
  refused({{2, {0}}}, "layer 2");
  refused({{0, {0, 1, 2}}}, "at least one");
  refused({{0, {1}}, {1, {7}}}, "head 7");
  BOOST_TEST(same_bits(run(owned.model), before));
  BOOST_TEST(file.pruned_heads.empty());
}

BOOST_AUTO_TEST_CASE(a_vocabulary_grows_and_shrinks_and_what_stays_is_bit_equal) {
  for (const Index rows : {Index{20}, Index{29}, Index{40}}) {
    Owned<BertForMaskedLM<>> owned;
    const std::vector<float> before(owned.weights.data(), owned.weights.data() + 29 * 12);
    auto resized = resize_token_embeddings(owned.model, rows, 0.02, 3);
    BOOST_TEST_REQUIRE(resized.ok(), resized.error().message());
    const View& table = owned.model.base.embeddings.word.weight.view;
    BOOST_TEST(table.dim[0] == rows);
    BOOST_TEST((owned.model.base.embeddings.word.padding_row == 0) == (rows == 29));  // a table that stays is untouched
    BOOST_TEST(owned.model.predictions.decoder.weight.view.dim[0] == rows);
    BOOST_TEST(owned.model.predictions.decoder.bias.view.dim[0] == rows);
    BOOST_TEST(owned.model.predictions.decoder.weight.view.data == table.data);
    const auto kept = static_cast<std::size_t>(std::min<Index>(rows, 29) * 12);
    BOOST_TEST(std::memcmp(before.data(), table.data, kept * sizeof(float)) == 0);
    for (Index i = static_cast<Index>(kept); i < table.count(); ++i) BOOST_TEST(std::fabs(table.as<float>()[i]) < 0.2F);
    for (Index i = 29; i < rows; ++i) BOOST_TEST(owned.model.predictions.decoder.bias.view.as<float>()[i] == 0.0F);
    if (rows >= 29) BOOST_TEST(run(owned.model).size() == static_cast<std::size_t>(12 * rows));
  }
  Owned<BertForMaskedLM<>> owned;
  const auto none = resize_token_embeddings(owned.model, 0, 0.02, 3);
  BOOST_TEST(!none.ok());
  BOOST_TEST(contains(none.error().message(), "expected 1 to"), none.error().message());
}
