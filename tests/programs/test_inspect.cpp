// inspect on recorded checkpoints: the list, the JSON document, the written copy, and files that are no checkpoints.
#define BOOST_TEST_MODULE inspect
#include <boost/test/unit_test.hpp>

#include <cstring>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "program_fixture.hpp"
#include "tessera/io/safetensors.hpp"

namespace {

using namespace programs_test;
using nlohmann::json;
namespace io = tessera::io;

const fs::path golden = fs::path(TESSERA_GOLDEN_DIR) / "checkpoint";

std::string file(const std::string& name) { return "'" + (golden / "files" / name).string() + "'"; }

const json recorded = json::parse(read_file(golden / "expect.json"));

bool is_error_line(const Answer& answer) {
  return answer.err.rfind("inspect: ", 0) == 0 && answer.err.find('\n') == answer.err.size() - 1;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_list_has_name_type_shape_and_bytes) {
  const Workplace place;
  const Answer answer = place.run("inspect", file("zip_tied.bin"));
  BOOST_TEST(answer.status == 0, answer.err);
  BOOST_TEST(answer.err == "");
  const auto lines = lines_of(answer.out);
  BOOST_TEST_REQUIRE(lines.size() >= 6u);
  BOOST_TEST(contains(lines[0], "zip_tied.bin: torch"), lines[0]);
  BOOST_TEST(contains(lines[0], "3 tensors"), lines[0]);
  BOOST_TEST(contains(answer.out, "emb.weight"));
  BOOST_TEST(contains(answer.out, "[9, 6]"));
  BOOST_TEST(contains(answer.out, "216"));
  BOOST_TEST(contains(answer.out, "216  = "));  // the second name of the same memory
  BOOST_TEST(contains(answer.out, "total: 3 tensors, 117 elements, 468 B (252 B without what is shared)"));
}

BOOST_AUTO_TEST_CASE(json_is_one_document_with_what_was_recorded) {
  const Workplace place;
  for (const auto& [name, entry] : recorded.items()) {
    if (entry["verdict"] != "accept") continue;
    BOOST_TEST_CONTEXT(name) {
      const Answer answer = place.run("inspect", file(name) + " --json");
      BOOST_TEST_REQUIRE(answer.status == 0, answer.err);
      const json found = json::parse(answer.out);
      const json& wanted = entry["tensors"];
      BOOST_TEST(found["format"].get<std::string>().rfind(entry["format"].get<std::string>(), 0) == 0u);
      BOOST_TEST(found["totals"]["tensors"] == wanted.size());
      BOOST_TEST_REQUIRE(found["tensors"].size() == wanted.size());
      for (const json& tensor : found["tensors"])
        BOOST_TEST(tensor["shape"] == wanted.at(tensor["name"].get<std::string>())["shape"]);
    }
  }
  const Answer folder = place.run("inspect", "'" TESSERA_GOLDEN_DIR "/models/bert-model-basic' --json");
  BOOST_TEST_REQUIRE(folder.status == 0, folder.err);
  BOOST_TEST(json::parse(folder.out)["config"] ==
             json::parse(read_file(TESSERA_GOLDEN_DIR "/models/bert-model-basic/config.json")));
}

BOOST_AUTO_TEST_CASE(the_written_copy_is_equal_bit_for_bit) {
  const Workplace place;
  for (const auto& [name, entry] : recorded.items()) {
    if (entry["verdict"] != "accept") continue;
    BOOST_TEST_CONTEXT(name) {
      BOOST_TEST_REQUIRE(place.run("inspect", file(name) + " --out copy").status == 0);
      const auto copy = io::read_safetensors((place.folder / "copy").string());
      const auto wanted = io::read_safetensors((golden / entry["expected"].get<std::string>()).string());
      BOOST_TEST_REQUIRE((copy.ok() && wanted.ok()));
      BOOST_TEST_REQUIRE(copy->size() == wanted->size());
      for (const io::StateTensor& tensor : *wanted) {
        const io::StateTensor* const other = copy->find(tensor.name);
        BOOST_TEST_REQUIRE(other != nullptr, tensor.name);
        BOOST_TEST((other->type == tensor.type && other->shape == tensor.shape && other->bytes == tensor.bytes));
        BOOST_TEST((tensor.bytes == 0 || std::memcmp(other->data, tensor.data, tensor.bytes) == 0), tensor.name);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_checkpoint_is_one_line_and_nothing_is_written) {
  const Workplace place;
  const auto fails = [&](const std::string& options) {
    const Answer answer = place.run("inspect", options + " --out result");
    BOOST_TEST_CONTEXT(options) {
      BOOST_TEST(answer.status == 1);
      BOOST_TEST(answer.out == "");
      BOOST_TEST(is_error_line(answer), answer.err);
      BOOST_TEST(place.files_with("result") == 0u);
    }
  };
  for (const auto& [name, entry] : recorded.items())
    if (entry["verdict"] == "reject") fails(file(name));
  fails("nowhere");
  fails(".");
  const Answer unwritable = place.run("inspect", file("zip_tied.bin") + " --out nowhere/copy");
  BOOST_TEST(unwritable.status == 1);
  BOOST_TEST(is_error_line(unwritable), unwritable.err);
}

BOOST_AUTO_TEST_CASE(a_file_is_listed_whatever_lies_beside_it) {
  const Workplace place;
  const fs::path folder = place.make_model("plain");
  write_file(folder / "config.json", "{");
  const Answer file_alone = place.run("inspect", "plain/pytorch_model.bin");
  BOOST_TEST(file_alone.status == 0, file_alone.err);
  BOOST_TEST(contains(file_alone.out, "total: "));
  BOOST_TEST(contains(file_alone.err, "inspect: not shown: plain/config.json: "), file_alone.err);
  const Answer whole = place.run("inspect", "plain");
  BOOST_TEST(whole.status == 1);
  BOOST_TEST(is_error_line(whole), whole.err);
}

BOOST_AUTO_TEST_CASE(a_full_standard_output_is_a_failure) {
  if (!fs::exists("/dev/full")) return;
  const Workplace place;
  for (const std::string& options : {file("zip_tied.bin"), file("zip_tied.bin") + " --json", std::string("--help")}) {
    // The fixture's own redirections go to the last command.
    const Answer answer = place.run("inspect", options + " > /dev/full 2> err; echo $? > status; true");
    BOOST_TEST(answer.status == 0, options);
    BOOST_TEST(read_file(place.folder / "status") == "1\n", options);
    const std::string err = read_file(place.folder / "err");
    BOOST_TEST(err.rfind("inspect: standard output: cannot write", 0) == 0u, err);
    BOOST_TEST(err.find('\n') == err.size() - 1, err);
  }
}

BOOST_AUTO_TEST_CASE(wrong_options_are_one_line_and_status_2) {
  const Workplace place;
  for (const char* options : {"", "--frob", "a b", "a --out"}) {
    const Answer answer = place.run("inspect", options);
    BOOST_TEST(answer.status == 2, options);
    BOOST_TEST(answer.out == "");
    BOOST_TEST(is_error_line(answer), answer.err);
    BOOST_TEST(contains(answer.err, "(see inspect --help)"), answer.err);
  }
  BOOST_TEST(place.run("inspect", "--help").status == 0);
  BOOST_TEST(place.run("inspect", "--version").status == 0);
}
