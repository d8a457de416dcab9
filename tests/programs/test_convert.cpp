// convert on the checkpoints of original releases: the written tensors are those that the reference loads, bit for bit.
#define BOOST_TEST_MODULE convert
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "program_fixture.hpp"
#include "tessera/io/safetensors.hpp"
#include "tessera/io/torch.hpp"

namespace {

using namespace programs_test;
namespace io = tessera::io;

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
  fails("nowhere o.bin", 1, "nowhere: no such file or folder");
  fails(gpt2 + "o.txt", 2, ".safetensors or .bin expected");
  fails("", 2, "");
  BOOST_TEST(contains(place.run("convert", "--help").out, "XLNetForQuestionAnswering"));
}
