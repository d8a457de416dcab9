// Signals and full outputs: a program ends at once, leaves no half of a file, and dies of the signal that it got.
#define BOOST_TEST_MODULE signals
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <cstdint>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program_fixture.hpp"

namespace {

using namespace programs_test;

const std::string bert = "'" TESSERA_GOLDEN_DIR "/tokenizers/bert'";

/// A pipe with a name, held open for writing: who reads it waits.
class Pipe {
 public:
  Pipe(const Workplace& place, const std::string& name) : path_((place.folder / name).string()) {
    BOOST_TEST_REQUIRE(::mkfifo(path_.c_str(), 0600) == 0);
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
    BOOST_TEST_REQUIRE(descriptor_ >= 0);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() { (void)::close(descriptor_); }

  void write(const std::string& text) const {
    BOOST_TEST_REQUIRE(::write(descriptor_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }

 private:
  std::string path_;
  int descriptor_;
};

/// A checkpoint of one tensor with this many bytes, on the disk almost nothing.
void make_large(const fs::path& path, std::uint64_t bytes) {
  std::string header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[" + std::to_string(bytes / 4) + "],\"data_offsets\":[0," +
                       std::to_string(bytes) + "]}}";
  header.append((8 - header.size() % 8) % 8, ' ');
  std::string start(8, '\0');
  for (unsigned i = 0; i < 8; ++i) start[i] = static_cast<char>(header.size() >> (8 * i));
  write_file(path, start + header);
  fs::resize_file(path, start.size() + header.size() + bytes);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_program_that_waits_for_input_dies_of_the_signal) {
  const Workplace place;
  place.make_model("plain");
  const Pipe pipe(place, "pipe");
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    for (const auto& [program, options] :
         {std::pair<std::string, std::string>{"tokenize", bert},
          {"encode", "--model plain --output result"},
          {"extract_features",
           "--input_file pipe --output_file result --layers=-1 --max_seq_length 16 --bert_model plain"},
          {"similarity", ""}}) {
      BOOST_TEST_CONTEXT(program << ", signal " << number) {
        const bool writes = options.find("result") != std::string::npos;
        Running running = place.start(program, options + " < pipe > out 2> err");
        if (writes) {
          BOOST_TEST(wait_for([&] { return place.files_with("result.tmp-") == 1; }));
        } else {
          std::this_thread::sleep_for(std::chrono::milliseconds(200));
        }
        running.signal(number);
        BOOST_TEST(running.wait() == number);
        BOOST_TEST(place.files_with("result") == 0u);
        BOOST_TEST(read_file(place.folder / "err") == "");
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_program_in_the_middle_of_its_work_dies_of_the_signal) {
  const Workplace place;
  make_large(place.folder / "large.safetensors", std::uint64_t{1} << 30);
  for (const std::string command : {"inspect large.safetensors --out result", "convert large.safetensors result.bin"}) {
    BOOST_TEST_CONTEXT(command) {
      const std::size_t space = command.find(' ');
      Running running = place.start(command.substr(0, space), command.substr(space) + " > out 2> err");
      BOOST_TEST(wait_for([&] { return place.files_with(".tmp-") == 1; }));
      running.signal(SIGINT);
      BOOST_TEST(running.wait() == SIGINT);
      BOOST_TEST(place.files_with("result") == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_signal_that_the_parent_ignores_stays_ignored) {
  const Workplace place;
  place.make_model("plain");
  const Pipe pipe(place, "pipe");
  for (const auto& [name, number] : {std::pair<std::string, int>{"HUP", SIGHUP}, {"INT", SIGINT}}) {
    BOOST_TEST_CONTEXT(name) {
      Running running = place.start("encode", "--model plain < pipe > out 2> err", "trap '' " + name + " &&");
      pipe.write("the cat\n");
      const auto rows = [&] { return lines_of(read_file(place.folder / "out")).size(); };
      BOOST_TEST(wait_for([&] { return rows() == 1; }));
      running.signal(number);
      pipe.write("a dog\n");
      BOOST_TEST(wait_for([&] { return rows() == 2; }));
      running.signal(SIGTERM);
      BOOST_TEST(running.wait() == SIGTERM);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_full_output_ends_a_run_whose_input_has_no_end) {
  const Workplace place;
  place.make_model("plain");
  for (const auto& [program, options] :
       {std::pair<std::string, std::string>{"tokenize", bert}, {"encode", "--model plain --input-format jsonl"}}) {
    BOOST_TEST_CONTEXT(program) {
      Running running = place.start(program, options + " > /dev/full 2> err", "yes '{\"text\": \"a\"}' |");
      BOOST_TEST(running.wait() == -1);
      BOOST_TEST(read_file(place.folder / "err") ==
                 program + ": standard output: cannot write: No space left on device\n");
    }
  }
}
