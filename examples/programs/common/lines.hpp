// Texts come in by lines: a reader with bounded memory whose errors say which file, line and byte.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tessera/base/result.hpp"
#include "tessera/text/utf8.hpp"

namespace tessera::programs {

enum class LineEnds : unsigned char {
  newline,    ///< "\n", with a "\r" before it
  universal,  ///< also "\r" alone, as Python reads text files
};

class LineReader {
 public:
  /// A line that is longer has to be an accident: another kind of file.
  static constexpr std::size_t longest_line = std::size_t{64} << 20;

  /// An empty path: standard input.
  static Result<LineReader> open(const std::string& path, LineEnds ends = LineEnds::newline) {
    LineReader reader;
    reader.name_ = path.empty() ? "standard input" : path;
    reader.ends_ = ends;
    reader.descriptor_ = path.empty() ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (reader.descriptor_ < 0)
      return Error::format(Code::not_found, "%s: cannot open: %s", reader.name_.c_str(), std::strerror(errno));
    struct stat status = {};
    if (::fstat(reader.descriptor_, &status) == 0) {
      if (S_ISDIR(status.st_mode))
        return Error::format(Code::io_failure, "%s: a folder, where a file of texts was expected",
                             reader.name_.c_str());
      if (S_ISREG(status.st_mode)) reader.total_ = static_cast<std::uint64_t>(status.st_size);
    }
    return reader;
  }
  LineReader(LineReader&& other) noexcept
      : name_(std::move(other.name_)),
        ends_(other.ends_),
        descriptor_(std::exchange(other.descriptor_, -1)),
        buffer_(std::move(other.buffer_)),
        at_(std::exchange(other.at_, 0)),
        number_(other.number_),
        taken_(other.taken_),
        total_(other.total_),
        ended_(other.ended_),
        after_return_(other.after_return_) {}
  LineReader& operator=(LineReader&&) = delete;
  ~LineReader() {
    if (descriptor_ > STDIN_FILENO) (void)::close(descriptor_);
  }

  /// The next line without its end; false when there is none. Its bytes are UTF-8, or it is an error.
  Result<bool> next(std::string& line) {
    line.clear();
    bool any = false;
    for (;;) {
      if (at_ == buffer_.size()) {
        TESSERA_TRY(fill());
        if (buffer_.empty()) {
          if (!any) return false;
          break;  // the last line has no end
        }
        // The "\n" of an "\r\n" that lay on both sides of a buffer's end.
        if (std::exchange(after_return_, false) && buffer_.front() == '\n') step(1);
        continue;
      }
      any = true;
      const std::string_view rest(buffer_.data() + at_, buffer_.size() - at_);
      const std::size_t end = ends_ == LineEnds::newline ? rest.find('\n') : rest.find_first_of("\r\n");
      const std::string_view part = rest.substr(0, end);
      if (line.size() + part.size() > longest_line) {
        ++number_;
        return Error::format(Code::out_of_range, "a line longer than %zu bytes", longest_line).in(here().c_str());
      }
      line.append(part);
      step(part.size());
      if (end == std::string_view::npos) continue;
      const bool is_return = rest[end] == '\r';
      step(1);
      if (is_return && at_ < buffer_.size() && buffer_[at_] == '\n')
        step(1);
      else
        after_return_ = is_return && at_ == buffer_.size();
      break;
    }
    ++number_;
    if (ends_ == LineEnds::newline && !line.empty() && line.back() == '\r') line.pop_back();
    const std::size_t invalid = text::utf8::find_invalid(line);
    if (invalid == line.size()) return true;
    return error(Code::bad_format, "byte " + std::to_string(invalid + 1) + " is not UTF-8");
  }

  /// False when next() would have to wait for who writes the other end.
  bool ready() const noexcept {
    if (at_ < buffer_.size() || ended_) return true;
    struct pollfd wait = {};
    wait.fd = descriptor_;
    wait.events = POLLIN;
    return ::poll(&wait, 1, 0) != 0;
  }

  /// Of the line that next() gave, from 1.
  std::uint64_t number() const noexcept { return number_; }
  /// "texts.txt: line 12"
  std::string here() const { return name_ + ": line " + std::to_string(number_); }
  Error error(Code code, const std::string& what) const {
    return Error::format(code, "%s: %s", here().c_str(), what.c_str());
  }
  const std::string& name() const noexcept { return name_; }

  /// Bytes of the lines so far, and of the whole file (0 for a pipe).
  std::uint64_t taken() const noexcept { return taken_; }
  std::uint64_t total() const noexcept { return total_; }

 private:
  LineReader() = default;

  void step(std::size_t bytes) noexcept {
    at_ += bytes;
    taken_ += bytes;
  }
  /// The next bytes; an empty buffer at the end.
  Result<void> fill() {
    at_ = 0;
    buffer_.clear();
    if (ended_) return {};
    buffer_.resize(std::size_t{1} << 16);
    for (;;) {
      const ssize_t got = ::read(descriptor_, buffer_.data(), buffer_.size());
      if (got >= 0) {
        buffer_.resize(static_cast<std::size_t>(got));
        ended_ = got == 0;
        return {};
      }
      if (errno != EINTR)
        return Error::format(Code::io_failure, "%s: cannot read: %s", name_.c_str(), std::strerror(errno));
    }
  }

  std::string name_;
  LineEnds ends_ = LineEnds::newline;
  int descriptor_ = -1;
  std::vector<char> buffer_;
  std::size_t at_ = 0;
  std::uint64_t number_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t total_ = 0;
  bool ended_ = false;
  bool after_return_ = false;
};

}  // namespace tessera::programs
