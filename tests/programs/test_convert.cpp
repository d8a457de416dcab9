// convert on the checkpoints of original releases: the written tensors are those that the reference loads, bit for bit.
#define BOOST_TEST_MODULE convert
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "program_fixture.hpp"
#include "tessera/io/json.hpp"
#include "tessera/io/narrow.hpp"
#include "tessera/io/safetensors.hpp"
#include "tessera/io/torch.hpp"
#include "tessera/io/torch_object.hpp"

namespace {

using namespace programs_test;
namespace io = tessera::io;

std::string dictionaries(const std::string& name) { return std::string(TESSERA_GOLDEN_DIR) + "/dictionaries/" + name; }
std::string tf(const std::string& name) { return std::string(TESSERA_GOLDEN_DIR) + "/tf/" + name; }

/// A sentence on the first difference; empty if there is none.
std::string difference(const io::State& expected, const io::State& found) {
  if (expected.size() != found.size()) return "number of tensors: " + std::to_string(found.size());
  for (const io::StateTensor& tensor : expected) {
    const io::StateTensor* const other = found.find(tensor.name);
    if (other == nullptr) return "missing: " + tensor.name;
    if (other->type != tensor.type || other->shape != tensor.shape) return "type or shape: " + tensor.name;
    if (tensor.bytes != 0 && std::memcmp(tensor.data, other->data, tensor.bytes) != 0) return "bits: " + tensor.name;
  }
  return {};
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_original_release_is_written_in_both_formats) {
  const struct {
    const char* checkpoint;
    const char* folder;
    const char* class_name;
  } cases[] = {{"bert_pretraining/v1/bert_model.ckpt", "bert_pretraining", "BertForPreTraining"},
               {"bert_squad/model.ckpt-7", "bert_squad", "BertForTokenClassification"},
               {"gpt2/model.ckpt", "gpt2", "GPT2LMHeadModel"},
               {"openai_gpt", "openai_gpt", "OpenAIGPTLMHeadModel"},
               {"transfo_xl", "transfo_xl", "TransfoXLLMHeadModel"},
               {"xlnet/xlnet_model.ckpt", "xlnet", "XLNetLMHeadModel"},
               {"xlnet_regression/model.ckpt", "xlnet_regression", "XLNetForSequenceClassification"}};
  const Workplace place;
  for (const auto& c : cases) {
    const auto expected = io::read_safetensors(tf(std::string(c.folder) + "/expected_state.safetensors"));
    BOOST_REQUIRE(expected.ok());
    for (const char* out : {"out.safetensors", "out.bin"}) {
      BOOST_TEST_CONTEXT(c.checkpoint << " " << out) {
        const Answer answer =
            place.run("convert", "'" + tf(c.checkpoint) + "' " + out + " --verify --class " + c.class_name);
        BOOST_TEST(answer.status == 0, answer.err);
        BOOST_TEST(answer.err == "");
        const std::string path = (place.folder / out).string();
        const auto written = std::string(out) == "out.bin" ? io::read_torch(path) : io::read_safetensors(path);
        BOOST_REQUIRE_MESSAGE(written.ok(), written.error().message());
        BOOST_TEST(difference(*expected, *written) == "");
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(names_of_the_reference_are_written_as_they_are_and_rounded_if_asked_for) {
  const Workplace place;
  const std::string source = tf("xlnet/expected_state.safetensors");
  BOOST_TEST(place.run("convert", "'" + source + "' a.bin --quiet").out == "");
  const auto expected = io::read_safetensors(source);
  const auto same = io::read_torch((place.folder / "a.bin").string());
  BOOST_REQUIRE(expected.ok() && same.ok());
  BOOST_TEST(difference(*expected, *same) == "");
  BOOST_TEST(place.run("convert", "a.bin b.safetensors --type bf16").status == 0);
  const auto rounded = io::read_safetensors((place.folder / "b.safetensors").string());
  BOOST_REQUIRE(rounded.ok());
  const auto exact = expected->find("transformer.mask_emb")->as<float>().value();
  const auto bits = rounded->find("transformer.mask_emb")->as<std::uint16_t>().value();
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const std::uint32_t widened = std::uint32_t{bits[i]} << 16;
    float value = 0;
    std::memcpy(&value, &widened, 4);
    BOOST_TEST(std::abs(value - exact[i]) <= std::abs(exact[i]) / 256);
  }
}

BOOST_AUTO_TEST_CASE(the_way_back_and_forth_again_gives_the_same_bits) {
  const struct {
    const char* folder;
    const char* class_name;
    const char* out;
  } cases[] = {{"bert_pretraining", "BertForPreTraining", "x.ckpt"},
               {"bert_squad", "BertForTokenClassification", "x.ckpt"},
               {"gpt2", "GPT2LMHeadModel", "x.ckpt"},
               {"openai_gpt", "OpenAIGPTLMHeadModel", "params_shapes.json"},
               {"transfo_xl", "TransfoXLLMHeadModel", "x.ckpt"},
               {"xlnet", "XLNetLMHeadModel", "x.ckpt"},
               {"xlnet_regression", "XLNetForSequenceClassification", "x.ckpt"}};
  for (const auto& c : cases) {
    BOOST_TEST_CONTEXT(c.folder) {
      const Workplace place;
      const std::string source = tf(std::string(c.folder) + "/expected_state.safetensors");
      const std::string options = std::string(" --class ") + c.class_name;
      const Answer back = place.run("convert", "'" + source + "' " + c.out + options);
      BOOST_TEST(back.status == 0, back.err);
      BOOST_TEST(place.files_with(".tmp-") == 0U);
      const Answer forth = place.run("convert", std::string(c.out) + " again.safetensors --verify" + options);
      BOOST_TEST(forth.status == 0, forth.err);
      const auto expected = io::read_safetensors(source);
      const auto again = io::read_safetensors((place.folder / "again.safetensors").string());
      BOOST_REQUIRE(expected.ok() && again.ok());
      BOOST_TEST(difference(*expected, *again) == "");
    }
  }
  // One bias for all layers, answers of SQuAD, and the old names of norms.
  for (const auto& [folder, class_name] :
       {std::pair("transfoxl-model-tiedr", "TransfoXLModel"), std::pair("bert-qa-inrange", "BertForQuestionAnswering"),
        std::pair("bert-model-gammabeta", "BertModel")}) {
    const Workplace place;
    const std::string source = "'" + std::string(TESSERA_GOLDEN_DIR) + "/models/" + folder + "' ";
    const std::string options = std::string(" --quiet --class ") + class_name;
    for (const std::string& step : {source + "a.safetensors", source + "x.ckpt", std::string("x.ckpt b.safetensors")}) {
      const Answer answer = place.run("convert", step + options);
      BOOST_TEST(answer.status == 0, answer.err);
    }
    const auto a = io::read_safetensors((place.folder / "a.safetensors").string());
    const auto b = io::read_safetensors((place.folder / "b.safetensors").string());
    BOOST_REQUIRE(a.ok() && b.ok());
    BOOST_TEST(difference(*a, *b) == "", folder);
  }
  const Answer untied =
      Workplace().run("convert", "'" + std::string(TESSERA_GOLDEN_DIR) +
                                     "/models/transfoxl-lm-untiedw' x.ckpt --class TransfoXLLMHeadModel");
  BOOST_TEST(contains(untied.err, "tensor 'crit.out_layers.0.weight' has no place"), untied.err);
  // The names and shapes are those that the original has.
  const Workplace place;
  BOOST_TEST(place
                 .run("convert",
                      "'" + tf("bert_pretraining/expected_state.safetensors") + "' x.ckpt --class BertForPreTraining")
                 .status == 0);
  const auto listed = [&](const std::string& path) {
    std::vector<std::string> lines;
    for (const std::string& line : lines_of(place.run("inspect", path).out)) {
      if (!contains(line, "adam") && !contains(line, "global_step") && contains(line, "/") && contains(line, "["))
        lines.push_back(line.substr(0, line.find(']')));
    }
    for (std::string& line : lines) line.erase(std::remove(line.begin(), line.end(), ' '), line.end());
    std::sort(lines.begin(), lines.end());
    return lines;
  };
  BOOST_TEST(listed("x.ckpt") == listed("'" + tf("bert_pretraining/v1/bert_model.ckpt") + "'"));
  const Answer wrong = place.run("convert", "'" + tf("gpt2/expected_state.safetensors") + "' y.ckpt --class BertModel");
  BOOST_TEST(wrong.status == 1);
  BOOST_TEST(contains(wrong.err, "is this a checkpoint of bert?"), wrong.err);
  const Answer arrays = place.run(
      "convert", "'" + tf("gpt2/expected_state.safetensors") + "' params_shapes.json --class GPT2LMHeadModel");
  BOOST_TEST(contains(arrays.err, "name a prefix *.ckpt"), arrays.err);
  BOOST_TEST(place.files_with("y.ckpt") == 0U);
}

BOOST_AUTO_TEST_CASE(a_checkpoint_of_one_class_is_written_as_another) {
  const Workplace place;
  const std::string source = "'" + tf("bert_pretraining/expected_state.safetensors") + "' ";
  const Answer base = place.run("convert", source + "base.safetensors --class BertModel");
  BOOST_TEST(base.status == 0, base.err);
  BOOST_TEST(contains(base.out, "left out, not of this class (8): cls."), base.out);
  BOOST_TEST(place.run("convert", "base.safetensors lm.bin --class BertForMaskedLM --quiet").status == 0);
  const auto whole = io::read_safetensors(tf("bert_pretraining/expected_state.safetensors"));
  const auto bare = io::read_safetensors((place.folder / "base.safetensors").string());
  const auto prefixed = io::read_torch((place.folder / "lm.bin").string());
  BOOST_REQUIRE(whole.ok() && bare.ok() && prefixed.ok());
  BOOST_TEST(bare->find("embeddings.word_embeddings.weight") != nullptr);
  BOOST_TEST(bare->size() == prefixed->size());
  for (const io::StateTensor& tensor : *prefixed) {
    const io::StateTensor* const same = whole->find(tensor.name);
    BOOST_REQUIRE(same != nullptr);
    BOOST_TEST(std::memcmp(same->data, tensor.data, tensor.bytes) == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_dump_of_xlm_becomes_weights_config_and_vocabulary_as_by_the_reference) {
  const Workplace place;
  const Answer answer = place.run("convert", "'" + dictionaries("xlm_dump.pth") + "' pytorch_model.bin");
  BOOST_TEST(answer.status == 0, answer.err);
  BOOST_TEST(read_file(place.folder / "config.json") == read_file(dictionaries("xlm_config.json")));
  BOOST_TEST(read_file(place.folder / "vocab.json") == read_file(dictionaries("xlm_vocab.json")));
  const auto weights = io::read_torch((place.folder / "pytorch_model.bin").string());
  const auto expected = io::read_json(dictionaries("xlm_weights.json"));
  BOOST_REQUIRE(weights.ok() && expected.ok());
  BOOST_TEST(weights->size() == expected->size());
  for (const io::StateTensor& tensor : *weights) {
    std::vector<float> numbers;
    for (const io::Json& row : expected->at(tensor.name)) {
      if (row.is_array())
        for (const io::Json& x : row) numbers.push_back(x.get<float>());
      else
        numbers.push_back(row.get<float>());
    }
    BOOST_REQUIRE(numbers.size() == tensor.elements());
    BOOST_TEST(std::memcmp(numbers.data(), tensor.data, tensor.bytes) == 0, tensor.name);
  }
  BOOST_TEST(
      place.run("convert", "'" + dictionaries("xlm_dump.pth") + "' lm.safetensors --class XLMWithLMHeadModel").status ==
      0);
  const auto lm = io::read_safetensors((place.folder / "lm.safetensors").string());
  BOOST_REQUIRE(lm.ok());
  BOOST_TEST(lm->find("transformer.attentions.0.q_lin.weight") != nullptr);
  BOOST_TEST(lm->find("pred_layer.proj.bias") != nullptr);
}

BOOST_AUTO_TEST_CASE(a_pickled_corpus_of_transformer_xl_becomes_a_vocabulary_and_the_rest) {
  const Workplace place;
  const Answer answer = place.run("convert", "'" + dictionaries("corpus.pkl") + "' vocab.bin");
  BOOST_TEST(answer.status == 0, answer.err);
  const auto expected = io::read_json(dictionaries("corpus.json"));
  BOOST_REQUIRE(expected.ok());
  for (const char* const name : {"vocab", "corpus"}) {
    BOOST_TEST_CONTEXT(name) {
      const std::string bytes = read_file(place.folder / (std::string(name) + ".bin"));
      const auto object = io::read_torch_object(io::bytes_of(bytes));
      BOOST_REQUIRE_MESSAGE(object.ok(), object.error().message());
      const io::Json& wanted = expected->at(name);
      BOOST_TEST(object->pickle.top().items.size() == 2 * wanted.size());
      for (const auto& [key, value] : wanted.items()) {
        const io::PickleValue* const found = object->find(key);
        BOOST_REQUIRE(found != nullptr);
        if (value.is_array()) BOOST_TEST(found->items.size() == value.size(), key);
        if (value.is_string()) BOOST_TEST(found->text == value.get<std::string>(), key);
        if (value.is_number()) BOOST_TEST(found->integer == value.get<std::int64_t>(), key);
        if (value.is_null()) BOOST_TEST((found->kind == io::PickleKind::none), key);
      }
    }
  }
  const auto corpus = io::read_torch((place.folder / "corpus.bin").string());
  BOOST_REQUIRE(corpus.ok());
  const auto train = corpus->find("train")->as<std::int64_t>().value();
  BOOST_TEST(std::vector<std::int64_t>(train.begin(), train.end()) ==
                 expected->at("corpus").at("train").at("array").get<std::vector<std::int64_t>>(),
             boost::test_tools::per_element());
  // The vocabulary is one that TransfoXLTokenizer reads.
  const Answer tokens =
      place.run("tokenize", "vocab.bin --class TransfoXLTokenizer", "{\"text\": \"the caf\u00e9 xyz\"}\n");
  BOOST_TEST(contains(tokens.out, "\"ids\":[1,2,4"), tokens.out + tokens.err);
  const Answer wrong = place.run("convert", "'" + dictionaries("corpus.pkl") + "' x.safetensors");
  BOOST_TEST(contains(wrong.err, "becomes vocab.bin and corpus.bin"), wrong.err);
}

BOOST_AUTO_TEST_CASE(int8_has_a_scale_for_each_row_and_comes_back_within_half_a_step) {
  const Workplace place;
  const std::string source = tf("gpt2/expected_state.safetensors");
  for (const char* const file : {"n.safetensors", "n.bin"}) {
    BOOST_TEST(place.run("convert", "'" + source + "' " + file + " --type int8").status == 0);
    BOOST_TEST(place.run("convert", std::string(file) + " w.safetensors --type f32").status == 0);
    const auto exact = io::read_safetensors(source);
    const std::string path = (place.folder / file).string();
    const auto narrow = std::string(file) == "n.bin" ? io::read_torch(path) : io::read_safetensors(path);
    const auto wide = io::read_safetensors((place.folder / "w.safetensors").string());
    BOOST_REQUIRE(exact.ok() && narrow.ok() && wide.ok());
    BOOST_TEST(wide->size() == exact->size());
    for (const io::StateTensor& tensor : *exact) {
      BOOST_TEST_CONTEXT(tensor.name) {
        const io::StateTensor* const found = wide->find(tensor.name);
        const io::StateTensor* const stored = narrow->find(tensor.name);
        BOOST_REQUIRE(found != nullptr && found->shape == tensor.shape && stored != nullptr);
        if (tensor.shape.size() < 2) {
          BOOST_TEST(std::memcmp(found->data, tensor.data, tensor.bytes) == 0);
          continue;
        }
        BOOST_TEST((stored->type == tessera::DType::i8));
        const auto scales = narrow->find(tensor.name + ".scale")->as<float>().value();
        const auto a = tensor.as<float>().value();
        const auto b = found->as<float>().value();
        const std::size_t each = a.size() / scales.size();
        for (std::size_t i = 0; i < a.size(); ++i) BOOST_TEST(std::abs(a[i] - b[i]) <= 0.5001F * scales[i / each]);
      }
    }
    // Tied matrices are one.
    BOOST_TEST(narrow->find("lm_head.weight")->data != nullptr);
  }
  // A program reads them as it reads others.
  place.make_model("plain");
  place.make_model("small");
  BOOST_TEST(place.run("convert", "small/pytorch_model.bin small/model.safetensors --type int8 --quiet").status == 0);
  fs::remove(place.folder / "small/pytorch_model.bin");
  const auto numbers = [&](const std::string& model) {
    const Answer answer = place.run("encode", "--backend reference --format tsv --model " + model, "a text\n");
    BOOST_TEST(answer.status == 0, answer.err);
    std::vector<double> out;
    std::istringstream in(answer.out);
    for (double x = 0; in >> x;) out.push_back(x);
    return out;
  };
  const auto exact = numbers("plain");
  const auto rounded = numbers("small");
  BOOST_REQUIRE(exact.size() == rounded.size() && !exact.empty());
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    dot += exact[i] * rounded[i];
    aa += exact[i] * exact[i];
    bb += rounded[i] * rounded[i];
  }
  BOOST_TEST(dot / std::sqrt(aa * bb) > 0.999);
  BOOST_TEST(exact != rounded, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(float16_refuses_what_it_cannot_hold) {
  const Workplace place;
  io::State state;
  const float large[] = {1, 1e6F};
  BOOST_REQUIRE(state.add({"w", tessera::DType::f32, {2}, large, sizeof large}).ok());
  BOOST_REQUIRE(io::write_safetensors(state, (place.folder / "a.safetensors").string()).ok());
  const Answer answer = place.run("convert", "a.safetensors b.safetensors --type f16");
  BOOST_TEST(answer.status == 1);
  BOOST_TEST(contains(answer.err, "1e+06 is too large for float16"), answer.err);
  BOOST_TEST(!fs::exists(place.folder / "b.safetensors"));
  BOOST_TEST(place.run("convert", "a.safetensors b.safetensors --type bf16").status == 0);
}

BOOST_AUTO_TEST_CASE(the_class_may_come_from_a_config_and_errors_are_one_line) {
  const Workplace place;
  write_file(place.folder / "config.json", "{\"architectures\": [\"GPT2Model\"]}");
  const std::string gpt2 = "'" + tf("gpt2/model.ckpt") + "' ";
  const Answer base = place.run("convert", gpt2 + "o.bin --config config.json");
  BOOST_TEST(base.status == 0, base.err);
  BOOST_TEST(contains(base.out, "left out, not of this class (1): lm_head.weight"), base.out);
  const auto fails = [&](const std::string& options, int status, const std::string& part) {
    const Answer answer = place.run("convert", options);
    BOOST_TEST(answer.status == status, options);
    BOOST_TEST(contains(answer.err, part), answer.err);
    BOOST_TEST(answer.err.find('\n') == answer.err.size() - 1);
  };
  fails(gpt2 + "o.bin", 1, "say by --class");
  fails(gpt2 + "o.bin --class Nonsense", 1, "class 'Nonsense' is unknown here");
  fails(gpt2 + "o.bin --class BertModel", 1, "has a name of the original bert");
  fails("'" TESSERA_GOLDEN_DIR "/models/bert-model-basic' o.bin --class GPT2Model", 1, "is this a checkpoint of gpt2?");
  fails("nowhere o.bin", 1, "nowhere: no such file or folder");
  fails(gpt2 + "o.txt", 2, ".safetensors or .bin expected");
  fails("", 2, "");
  BOOST_TEST(contains(place.run("convert", "--help").out, "XLNetForQuestionAnswering"));
}
