#define BOOST_TEST_MODULE open
#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>

#include <sys/resource.h>

#include "support.hpp"
#include "tessera/io/json.hpp"
#include "tessera/io/open.hpp"

using namespace tessera;
using namespace tessera::io;
using tessera::io::test::golden;
using tessera::io::test::ScratchFolder;

namespace {

bool says(const Error& error, std::string_view what) {
  BOOST_TEST_MESSAGE(error.message());
  return std::string_view(error.message()).find(what) != std::string_view::npos;
}

}  // namespace

// Verdicts are those of expect.json: accept (and then bit for bit), reject, either.
BOOST_AUTO_TEST_CASE(every_golden_checkpoint_is_accepted_or_refused_as_expected) {
  const Json expected = read_json(golden("expect.json")).value();
  const Json& files = find_key(expected, "files") != nullptr ? *find_key(expected, "files") : expected;
  std::size_t seen = 0;
  for (const auto& [name, entry] : files.items()) {
    const std::string verdict = get_string(entry, "verdict").value();
    const auto state = load_state(golden("files/" + name));
    if (verdict == "accept") BOOST_TEST(state.ok(), name + ": " + state.error().message());
    if (verdict == "reject") BOOST_TEST(!state.ok(), name);
    if (state && find_key(entry, "expected") != nullptr) {
      const auto right = read_safetensors(golden(get_string(entry, "expected").value()));
      BOOST_TEST_REQUIRE(right.ok(), name);
      const std::string difference = test::difference(*right, *state);
      BOOST_TEST(difference.empty(), name + ": " + difference);
    }
    if (!state) {
      // One line that says which file.
      BOOST_TEST(says(state.error(), name));
      BOOST_TEST(!says(state.error(), "\n"));
    }
    ++seen;
  }
  BOOST_TEST(seen == 112U);
  for (const auto& entry : std::filesystem::directory_iterator("."))
    BOOST_TEST(!entry.path().filename().string().starts_with("PWNED_"));
}

BOOST_AUTO_TEST_CASE(the_content_decides_and_not_the_name) {
  const ScratchFolder folder;
  const State state = test::every_type();
  BOOST_TEST_REQUIRE(write_torch(state, folder / "a.npy").ok());
  BOOST_TEST_REQUIRE(write_safetensors(state, folder / "b.bin").ok());
  BOOST_TEST_REQUIRE(write_npy(state[0], folder / "c.safetensors").ok());
  BOOST_TEST(load_state(folder / "a.npy").value().format == "torch");
  BOOST_TEST(load_state(folder / "b.bin").value().format == "safetensors");
  BOOST_TEST(load_state(folder / "c.safetensors").value().format == "npy");
  BOOST_TEST(load_state(golden("files/legacy_tied.bin")).value().format == "torch");
}

BOOST_AUTO_TEST_CASE(bytes_in_memory_are_loaded_too) {
  const State state = test::every_type();
  const auto memory = write_torch(state).value();
  BOOST_TEST(test::difference(load_state(Bytes(memory)).value(), state).empty());
}

BOOST_AUTO_TEST_CASE(of_a_folder_safetensors_is_taken_before_the_pickle) {
  const ScratchFolder folder;
  const auto none = load_state(folder.path());
  BOOST_TEST((none.error().code() == Code::not_found));
  BOOST_TEST(says(none.error(), "model.safetensors or pytorch_model.bin"));
  BOOST_TEST_REQUIRE(write_torch(test::every_type(), folder / "pytorch_model.bin").ok());
  BOOST_TEST(load_state(folder.path()).value().format == "torch");
  BOOST_TEST_REQUIRE(write_safetensors(test::every_type(), folder / "model.safetensors").ok());
  BOOST_TEST(load_state(folder.path() + "/").value().format == "safetensors");
  BOOST_TEST((load_state(folder / "missing").error().code() == Code::not_found));
}

BOOST_AUTO_TEST_CASE(files_that_are_something_else_are_called_by_their_name) {
  const auto refused = [](std::string_view content) { return load_state(bytes_of(content)).error(); };
  BOOST_TEST(says(refused(""), "is empty"));
  BOOST_TEST(says(refused("version https://git-lfs.github.com/spec/v1\n"), "Git LFS pointer"));
  BOOST_TEST(says(refused("\x89HDF\r\n\x1a\n"), "HDF5"));
  BOOST_TEST(says(refused("\x1f\x8b\x08"), "gzip"));
  BOOST_TEST(says(refused("<!DOCTYPE html>"), "web page"));
  BOOST_TEST(says(refused("\x80\x02}."), "not of torch"));
  BOOST_TEST(says(refused("what is\nthis"), "'what is\\x0athis'"));
}

BOOST_AUTO_TEST_CASE(hostile_files_take_little_memory) {
  rusage before = {};
  rusage after = {};
  BOOST_TEST_REQUIRE(::getrusage(RUSAGE_SELF, &before) == 0);
  for (const auto& entry : std::filesystem::directory_iterator(golden("files")))
    (void)load_state(entry.path().string()).ok();
  BOOST_TEST_REQUIRE(::getrusage(RUSAGE_SELF, &after) == 0);
  // The largest file has 400 kB and becomes 200000 values; sanitizers at most double that.
  BOOST_TEST(after.ru_maxrss - before.ru_maxrss < 100'000);
}
