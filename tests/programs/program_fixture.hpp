// Runs a built program in a folder of its own, and makes tiny BERT folders for it.
#pragma once

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace programs_test {

namespace fs = std::filesystem;

inline std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}
inline void write_file(const fs::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}
inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

struct Answer {
  int status = -1;
  std::string out;
  std::string err;
};

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A program that runs beside the test, with those that it is in a pipeline with.
class Running {
 public:
  explicit Running(pid_t process) : process_(process) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    if (process_ > 0) {
      signal(SIGKILL);
      (void)wait();
    }
  }

  void signal(int number) const { (void)::kill(-process_, number); }
  /// The signal that it died of, or minus its exit status; SIGKILL when it had to be stopped after `seconds`.
  int wait(int seconds = 20) {
    int status = 0;
    for (int i = 0; i < seconds * 100; ++i) {
      if (::waitpid(process_, &status, WNOHANG) == process_) {
        process_ = 0;
        return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    signal(SIGKILL);
    (void)::waitpid(process_, &status, 0);
    process_ = 0;
    return SIGKILL;
  }

 private:
  pid_t process_;
};

/// Until `true_now()`, for 20 seconds at most; what it says in the end.
template <class Condition>
bool wait_for(Condition&& true_now) {
  for (int i = 0; i < 2000 && !true_now(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return true_now();
}

/// Removes its folder when the test ends.
class Workplace {
 public:
  Workplace() {
    std::string name = (fs::temp_directory_path() / "tessera-XXXXXX").string();
    folder = ::mkdtemp(name.data()) != nullptr ? name : "";
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;
  ~Workplace() {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }

  /// Runs a program with the shell's syntax for its options, here.
  Answer run(const std::string& program, const std::string& options, const std::string& input = "") const {
    const fs::path streams = folder / "streams";
    fs::create_directories(streams);
    write_file(streams / "in", input);
    const std::string command = "cd '" + folder.string() + "' && '" TESSERA_BIN_DIR "/" + program + "' " + options +
                                " < streams/in > streams/out 2> streams/err";
    const int status = std::system(command.c_str());
    return {WEXITSTATUS(status), read_file(streams / "out"), read_file(streams / "err")};
  }

  /// Starts a program with the shell's syntax for its options and redirections, here; `before` stands before it, such
  /// as "yes |".
  Running start(const std::string& program, const std::string& options, const std::string& before = "") const {
    const std::string command =
        "cd '" + folder.string() + "' && " + before + " exec '" TESSERA_BIN_DIR "/" + program + "' " + options;
    const pid_t process = ::fork();
    (void)::setpgid(process, process);  // in both: whoever comes first
    if (process == 0) {
      (void)::execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
      ::_exit(127);
    }
    return Running(process);
  }

  /// The recorded tiny model with the vocabulary of tests/golden/encode, as folder `name`; with the files of its folder
  /// of that name, when there is one.
  fs::path make_model(const std::string& name) const {
    const fs::path golden = TESSERA_GOLDEN_DIR, to = folder / name;
    fs::create_directories(to);
    if (fs::exists(golden / "encode" / name)) fs::copy(golden / "encode" / name, to, fs::copy_options::recursive);
    fs::copy(golden / "encode/vocab.txt", to);
    for (const char* file : {"config.json", "pytorch_model.bin"})
      fs::copy(golden / "models/bert-model-basic" / file, to);
    return to;
  }

  /// Makes all weights of a folder such that nothing computed from them is a number.
  void damage(const std::string& name) const {
    const fs::path weights = folder / name / "pytorch_model.bin", written = folder / name / "model.safetensors";
    (void)run("convert", "'" + weights.string() + "' '" + written.string() + "'");
    fs::remove(weights);
    std::string bytes = read_file(written);
    std::uint64_t header = 0;
    for (unsigned i = 0; i < 8; ++i) header |= std::uint64_t{static_cast<unsigned char>(bytes.at(i))} << (8 * i);
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(8 + header), bytes.end(), '\xFF');
    write_file(written, bytes);
  }

  /// Files here whose name has `part`: what a failed run may not leave behind.
  std::size_t files_with(const std::string& part) const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(folder))
      count += contains(entry.path().filename().string(), part) ? 1 : 0;
    return count;
  }

  fs::path folder;
};

}  // namespace programs_test
