// Files: read as one span of memory, and written so that a reader never sees half of one.
//
// MappedFile maps a file read-only and reads what cannot be mapped (pipes). AtomicFile writes beside its target and
// renames at commit. Neither throws. A mapping is of the file as it is on disk: a program that shortens a file while
// it is mapped takes the pages away from its readers, as everywhere.
#pragma once

#include <atomic>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"

// 0 falls back to <cstdio>: no mapping, and a rename that may not replace. Defined by hand only to test that.
#if !defined(TESSERA_IO_POSIX)
#if defined(__unix__) || defined(__APPLE__)
#define TESSERA_IO_POSIX 1
#else
#define TESSERA_IO_POSIX 0
#endif
#endif

#if TESSERA_IO_POSIX
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#else
#include <filesystem>
#include <system_error>
#endif

namespace tessera::inline TESSERA_ISA::io {

namespace detail {

inline Error system_error(const char* action, const std::string& path) noexcept {
  const int number = errno;
  return Error::format(number == ENOENT || number == ENOTDIR ? Code::not_found : Code::io_failure, "%s: cannot %s: %s",
                       path.c_str(), action, std::strerror(number));
}

#if TESSERA_IO_POSIX
class Descriptor {
 public:
  explicit Descriptor(int number = -1) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  ~Descriptor() { reset(); }

  int get() const noexcept { return number_; }
  explicit operator bool() const noexcept { return number_ >= 0; }
  /// Closes; false when the system reports a write that failed late.
  bool reset() noexcept { return number_ < 0 || ::close(std::exchange(number_, -1)) == 0; }

 private:
  int number_;
};
#endif

}  // namespace detail

enum class PathKind { missing, file, folder, other };

/// What a path leads to, links followed.
inline PathKind kind_of(const std::string& path) noexcept {
#if TESSERA_IO_POSIX
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) return PathKind::missing;
  if (S_ISREG(status.st_mode)) return PathKind::file;
  return S_ISDIR(status.st_mode) ? PathKind::folder : PathKind::other;
#else
  std::error_code code;
  const auto status = std::filesystem::status(path, code);
  if (code || !std::filesystem::exists(status)) return PathKind::missing;
  if (std::filesystem::is_regular_file(status)) return PathKind::file;
  return std::filesystem::is_directory(status) ? PathKind::folder : PathKind::other;
#endif
}

/// folder + "/" + name, with one slash between.
inline std::string join_path(const std::string& folder, std::string_view name) {
  std::string path = folder;
  if (!path.empty() && path.back() != '/') path += '/';
  return path.append(name);
}

/// The part before the last slash ("." without one), and the part after it.
inline std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}
inline std::string name_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

namespace detail {

/// path + suffix, the name cut where it would get longer than file systems take (255 bytes).
inline std::string with_suffix(const std::string& path, const std::string& suffix) {
  constexpr std::size_t longest = 255;
  const std::size_t name = path.size() - name_of(path).size();
  std::size_t end = path.size();
  if (end - name + suffix.size() > longest && suffix.size() < longest) {
    end = name + longest - suffix.size();
    while (end > name && (static_cast<unsigned char>(path[end]) & 0xC0U) == 0x80U) --end;  // never inside a code point
  }
  return path.substr(0, end) + suffix;
}

#if TESSERA_IO_POSIX
/// What a chain of links leads to, whether that exists or not; the path itself when it is no link.
inline Result<std::string> follow_links(std::string path) {
  for (int links = 0; links < 40; ++links) {
    char target[4096];
    const ssize_t size = ::readlink(path.c_str(), target, sizeof target);
    if (size < 0 || size == static_cast<ssize_t>(sizeof target)) return path;
    const std::string_view to(target, static_cast<std::size_t>(size));
    path = to.starts_with('/') ? std::string(to) : join_path(folder_of(path), to);
  }
  errno = ELOOP;
  return system_error("write", path);
}
#endif

}  // namespace detail

/// The whole content of a file as one read-only span. Move-only; the span lives as long as the object.
class MappedFile {
 public:
  /// Maps a regular file; reads a pipe or socket to its end, up to `most_from_pipe` bytes.
  static Result<MappedFile> open(const std::string& path,
                                 std::uint64_t most_from_pipe = std::uint64_t{1} << 34) noexcept {
    return guarded([&]() -> Result<MappedFile> {
      MappedFile file;
#if TESSERA_IO_POSIX
      int number = -1;
      do {
        number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      } while (number < 0 && errno == EINTR);
      const detail::Descriptor descriptor(number);
      if (!descriptor) return detail::system_error("open", path);
      struct stat status = {};
      if (::fstat(descriptor.get(), &status) != 0) return detail::system_error("look at", path);
      if (S_ISDIR(status.st_mode))
        return Error::format(Code::io_failure, "%s: a folder, where a file was expected", path.c_str());
      if (S_ISREG(status.st_mode) && status.st_size > 0) {
        if (static_cast<std::uint64_t>(status.st_size) > SIZE_MAX / 2)
          return Error::format(Code::out_of_memory, "%s: larger than the address space", path.c_str());
        const auto size = static_cast<std::size_t>(status.st_size);
        void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor.get(), 0);
        if (address != MAP_FAILED) {
          file.mapping_ = address;
          file.size_ = size;
          return file;
        }
        // Some file systems cannot map; what they hold can still be read.
        most_from_pipe = size;
      } else if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode) && !S_ISSOCK(status.st_mode)) {
        return Error::format(Code::io_failure, "%s: a device, where a file was expected", path.c_str());
      }
      const auto read_some = [&](std::byte* to, std::size_t count) -> Result<std::size_t> {
        for (;;) {
          const ssize_t got = ::read(descriptor.get(), to, count);
          if (got >= 0) return static_cast<std::size_t>(got);
          if (errno != EINTR) return detail::system_error("read", path);
        }
      };
#else
      struct Close {
        std::FILE* stream;
        ~Close() {
          if (stream != nullptr) std::fclose(stream);
        }
      } const stream{std::fopen(path.c_str(), "rb")};
      if (stream.stream == nullptr) return detail::system_error("open", path);
      if (kind_of(path) == PathKind::folder)
        return Error::format(Code::io_failure, "%s: a folder, where a file was expected", path.c_str());
      const auto read_some = [&](std::byte* to, std::size_t count) -> Result<std::size_t> {
        const std::size_t got = std::fread(to, 1, count, stream.stream);
        if (got == 0 && std::ferror(stream.stream) != 0) return detail::system_error("read", path);
        return got;
      };
#endif
      constexpr std::size_t step = std::size_t{1} << 18;
      for (;;) {
        const std::size_t before = file.own_.size();
        file.own_.resize(before + step);
        TESSERA_TRY_ASSIGN(const std::size_t got, read_some(file.own_.data() + before, step));
        file.own_.resize(before + got);
        if (got == 0) break;
        if (file.own_.size() > most_from_pipe)
          return Error::format(Code::out_of_memory, "%s: more than the %llu bytes that are read from a pipe",
                               path.c_str(), static_cast<unsigned long long>(most_from_pipe));
      }
      file.size_ = file.own_.size();
      return file;
    });
  }

  MappedFile(MappedFile&& other) noexcept
      : mapping_(std::exchange(other.mapping_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        own_(std::move(other.own_)) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    if (this != &other) {
      unmap();
      mapping_ = std::exchange(other.mapping_, nullptr);
      size_ = std::exchange(other.size_, 0);
      own_ = std::move(other.own_);
    }
    return *this;
  }
  ~MappedFile() { unmap(); }

  Bytes bytes() const noexcept {
    return {mapping_ != nullptr ? static_cast<const std::byte*>(mapping_) : own_.data(), size_};
  }
  std::string_view text() const noexcept { return text_of(bytes()); }
  bool is_mapped() const noexcept { return mapping_ != nullptr; }

  /// Gives the memory of the whole pages inside [data, data + count) back to the system; a later read fetches them
  /// again. For loaders that pack weights as they go. Does nothing for memory that is not part of a mapping.
  void drop(const void* data, std::size_t count) const noexcept {
#if TESSERA_IO_POSIX
    const auto first = reinterpret_cast<std::uintptr_t>(mapping_);
    const auto from = reinterpret_cast<std::uintptr_t>(data);
    if (mapping_ == nullptr || from < first || from - first > size_ || count > size_ - (from - first)) return;
    const long page_or_error = ::sysconf(_SC_PAGESIZE);
    if (page_or_error <= 0) return;
    const auto page = static_cast<std::uintptr_t>(page_or_error);
    const std::uintptr_t begin = (from + page - 1) / page * page;
    const std::uintptr_t end = (from + count) / page * page;
    if (begin < end) (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
#else
    (void)data;
    (void)count;
#endif
  }

 private:
  MappedFile() = default;
  void unmap() noexcept {
#if TESSERA_IO_POSIX
    if (mapping_ != nullptr) ::munmap(mapping_, size_);
#endif
    mapping_ = nullptr;
  }

  void* mapping_ = nullptr;
  std::size_t size_ = 0;
  std::vector<std::byte> own_;
};

/// The content of a small file (a config, a vocabulary) as text, refused above `most` bytes.
inline Result<std::string> read_text(const std::string& path, std::size_t most = std::size_t{1} << 30) noexcept {
  return guarded([&]() -> Result<std::string> {
    auto file = MappedFile::open(path, most);
    if (!file) return file.error();
    if (file->text().size() > most)
      return Error::format(Code::unsupported, "%s: %zu bytes, at most %zu expected", path.c_str(), file->text().size(),
                           most);
    return std::string(file->text());
  });
}

/// A file that appears under its name only when commit() succeeds. Until then, and when anything fails, the old file
/// of that name is untouched, and the temporary one is removed. The new file has the old one's permissions. A link is
/// followed and stays, also one that leads to nothing yet; a pipe or device, which cannot be replaced, is written
/// directly.
class AtomicFile {
 public:
  /// `before`: told the name of the temporary file before it is made, for a program that removes it when it is killed.
  static Result<AtomicFile> create(const std::string& path,
                                   void (*before)(const std::string& temporary) = nullptr) noexcept {
    return guarded([&]() -> Result<AtomicFile> {
      AtomicFile file;
      file.path_ = path;
      if (kind_of(path) == PathKind::folder)
        return Error::format(Code::io_failure, "%s: a folder, where a file was to be written", path.c_str());
      // Two writers of one name, in one process or in several, must not share a temporary file.
      static std::atomic<unsigned> counter{0};
#if TESSERA_IO_POSIX
      struct stat old = {};
      const bool replaces = ::stat(path.c_str(), &old) == 0;
      if (replaces && !S_ISREG(old.st_mode)) {
        file.descriptor_ = detail::Descriptor(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
        if (!file.descriptor_) return detail::system_error("write", path);
        return file;
      }
      TESSERA_TRY_ASSIGN(file.path_, detail::follow_links(path));
      for (int attempt = 0; attempt < 100 && !file.descriptor_; ++attempt) {
        file.temporary_ = detail::with_suffix(file.path_, ".tmp-" + std::to_string(static_cast<long>(::getpid())) +
                                                              "-" + std::to_string(counter.fetch_add(1)));
        if (before != nullptr) before(file.temporary_);
        file.descriptor_ = detail::Descriptor(::open(file.temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                                                     replaces ? old.st_mode & mode_t{0777} : mode_t{0666}));
        if (!file.descriptor_ && errno != EEXIST && errno != EINTR) break;
      }
      if (!file.descriptor_) {
        file.temporary_.clear();  // not ours: nothing to remove
        return detail::system_error("write", path);
      }
      // Past the umask. Some file systems have no permissions, and none to lose.
      if (replaces) (void)::fchmod(file.descriptor_.get(), old.st_mode & mode_t{0777});
#else
      file.temporary_ = detail::with_suffix(file.path_, ".tmp-" + std::to_string(counter.fetch_add(1)));
      if (before != nullptr) before(file.temporary_);
      file.stream_ = std::fopen(file.temporary_.c_str(), "wbx");
      if (file.stream_ == nullptr) {
        file.temporary_.clear();
        return detail::system_error("write", path);
      }
#endif
      return file;
    });
  }

  AtomicFile(AtomicFile&& other) noexcept { swap(other); }
  AtomicFile& operator=(AtomicFile&& other) noexcept {
    AtomicFile taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~AtomicFile() { discard(); }

  Result<void> write(Bytes bytes) noexcept {
#if TESSERA_IO_POSIX
    if (!descriptor_) return closed();
    while (!bytes.empty()) {
      // Linux writes at most 2 GiB at a time, and macOS refuses more.
      const std::size_t step = bytes.size() < (std::size_t{1} << 30) ? bytes.size() : std::size_t{1} << 30;
      const ssize_t done = ::write(descriptor_.get(), bytes.data(), step);
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) return fail();
      bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
#else
    if (stream_ == nullptr) return closed();
    if (std::fwrite(bytes.data(), 1, bytes.size(), stream_) != bytes.size()) return fail();
#endif
    return {};
  }
  Result<void> write(std::string_view text) noexcept { return write(bytes_of(text)); }

  /// Makes the file visible under its name. With `sync` the data is on the disk before, so that even a power cut
  /// leaves the old file or the new one.
  Result<void> commit(bool sync = false) noexcept {
#if TESSERA_IO_POSIX
    if (!descriptor_) return closed();
    if (sync && !temporary_.empty() && ::fsync(descriptor_.get()) != 0) return fail();
    if (!descriptor_.reset()) return fail();
    if (!temporary_.empty() && std::rename(temporary_.c_str(), path_.c_str()) != 0) return fail();
#else
    (void)sync;
    if (stream_ == nullptr) return closed();
    if (std::fclose(std::exchange(stream_, nullptr)) != 0) return fail();
    std::error_code code;
    std::filesystem::rename(temporary_, path_, code);
    if (code) {
      const Error error =
          Error::format(Code::io_failure, "%s: cannot rename: %s", path_.c_str(), code.message().c_str());
      discard();
      return error;
    }
#endif
    temporary_.clear();
    return {};
  }

  /// The name until commit(): for programs that end without destructors and tidy up by themselves. Empty when the
  /// target is written directly.
  const std::string& temporary() const noexcept { return temporary_; }

  /// Removes what was written. The destructor does it, too, unless commit() succeeded.
  void discard() noexcept {
#if TESSERA_IO_POSIX
    (void)descriptor_.reset();
#else
    if (stream_ != nullptr) std::fclose(std::exchange(stream_, nullptr));
#endif
    if (!temporary_.empty()) (void)std::remove(temporary_.c_str());
    temporary_.clear();
  }

 private:
  AtomicFile() = default;
  void swap(AtomicFile& other) noexcept {
    path_.swap(other.path_);
    temporary_.swap(other.temporary_);
#if TESSERA_IO_POSIX
    std::swap(descriptor_, other.descriptor_);
#else
    std::swap(stream_, other.stream_);
#endif
  }
  Error fail() noexcept {
    const Error error = detail::system_error("write", path_);
    discard();
    return error;
  }
  Error closed() const noexcept {
    return Error::format(Code::invalid_argument, "%s: written after it was committed or given up", path_.c_str());
  }

  std::string path_;
  std::string temporary_;
#if TESSERA_IO_POSIX
  detail::Descriptor descriptor_;
#else
  std::FILE* stream_ = nullptr;
#endif
};

/// Writes `content` to `path` in one step, as AtomicFile does.
inline Result<void> write_file(const std::string& path, Bytes content) noexcept {
  auto file = AtomicFile::create(path);
  if (!file) return file.error();
  TESSERA_TRY(file->write(content));
  return file->commit();
}
inline Result<void> write_text(const std::string& path, std::string_view content) noexcept {
  return write_file(path, bytes_of(content));
}

/// What the writers of tessera/io write to.
template <class S>
concept ByteSink = requires(S& sink, Bytes bytes, std::string_view text) {
  { sink.write(bytes) } -> std::same_as<Result<void>>;
  { sink.write(text) } -> std::same_as<Result<void>>;
};

/// A sink that keeps everything in memory.
class MemorySink {
 public:
  Result<void> write(Bytes bytes) noexcept {
    return guarded([&]() -> Result<void> {
      content_.insert(content_.end(), bytes.begin(), bytes.end());
      return {};
    });
  }
  Result<void> write(std::string_view text) noexcept { return write(bytes_of(text)); }

  const std::vector<std::byte>& content() const noexcept { return content_; }
  std::vector<std::byte> take() noexcept { return std::move(content_); }

 private:
  std::vector<std::byte> content_;
};

}  // namespace tessera::io
