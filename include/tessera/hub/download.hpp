// One file from an address into the cache, by libcurl: what was begun goes on, and nothing is seen before it is whole.
//
// A HEAD request tells the ETag; a file of that ETag is fetched once. The data goes to a file ".part", which a later
// try goes on with if the server has the same version still, and which gets its name when its length is right, and its
// SHA-256 where one is given or the hub tells it (X-Linked-ETag). Where no connection can be made, the file that was
// fetched last is taken.
#pragma once

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/hub/cache.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/sha256.hpp"

namespace tessera::inline TESSERA_ISA::hub {

struct Options {
  /// Where files are kept; empty: cache_folder().
  std::string cache;
  /// A folder with folders of models, asked before the network.
  std::string mirror;
  /// The hub; empty: TESSERA_HUB_ENDPOINT, HF_ENDPOINT, or https://huggingface.co.
  std::string endpoint;
  /// Empty: http_proxy and its like, which libcurl reads.
  std::string proxy;
  long connect_timeout_ms = 10000;
  /// A transfer that brings less than a byte a second for so long has failed.
  long stall_seconds = 30;
  int attempts = 3;
  /// Between attempts; the second pause is twice as long.
  long pause_ms = 500;
  /// Never tries the network; also with TESSERA_OFFLINE=1.
  bool offline = false;
  /// Told how many bytes of how many are here (0: unknown); false stops the download.
  std::function<bool(const std::string& url, std::uint64_t now, std::uint64_t total)> progress = {};
};

inline bool is_offline(const Options& options) {
  const std::string value = detail::variable("TESSERA_OFFLINE");
  return options.offline || (!value.empty() && value != "0");
}

namespace detail {

/// What a server said.
struct Answer {
  long status = 0;
  std::string etag;
  std::int64_t length = -1;  ///< of the whole file, where it was told
  std::string sha256;        ///< of the whole file, where it was told: 64 hexadecimal digits
};

/// The value of a header line of this name (in lower case); empty for other lines.
inline std::string_view header_value(std::string_view line, std::string_view name) {
  const bool is_it = line.size() > name.size() && line[name.size()] == ':' &&
                     std::equal(name.begin(), name.end(), line.begin(), [](char a, char b) {
                       return a == static_cast<char>(std::tolower(static_cast<unsigned char>(b)));
                     });
  if (!is_it) return {};
  line.remove_prefix(name.size() + 1);
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  while (!line.empty() && static_cast<unsigned char>(line.back()) <= ' ') line.remove_suffix(1);
  return line;
}

/// The SHA-256 that an entity tag of the hub is for files in its large storage; empty for other tags.
inline std::string sha256_in(std::string_view tag) {
  if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"') tag = tag.substr(1, tag.size() - 2);
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return tag.size() == 64 && std::all_of(tag.begin(), tag.end(), is_hex) ? std::string(tag) : std::string();
}

/// One request.
class Request {
 public:
  Request(const std::string& url, const Options& options) : url_(url), options_(options) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (ready == CURLE_OK) curl_.reset(curl_easy_init());
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  ~Request() { curl_slist_free_all(headers_); }

  Result<Answer> head() {
    TESSERA_TRY(prepare());
    curl_easy_setopt(curl_.get(), CURLOPT_NOBODY, 1L);
    auto answer = perform();
    curl_off_t length = -1;
    if (answer.ok() && curl_easy_getinfo(curl_.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) == CURLE_OK) {
      answer->length = length;
    }
    return answer;
  }

  /// Appends to `part` what it lacks, or writes all of it anew.
  Result<Answer> get(const std::string& part, const std::string& etag) {
    TESSERA_TRY(prepare());
    std::error_code ignored;
    const std::uintmax_t there = std::filesystem::file_size(part, ignored);
    already_ = ignored ? 0 : static_cast<std::uint64_t>(there);
    if (already_ > 0 && !etag.empty()) {
      const std::string range = std::to_string(already_) + "-";
      curl_easy_setopt(curl_.get(), CURLOPT_RANGE, range.c_str());
      headers_ = curl_slist_append(headers_, ("If-Range: " + etag).c_str());
      curl_easy_setopt(curl_.get(), CURLOPT_HTTPHEADER, headers_);
    } else {
      already_ = 0;
    }
    part_ = part;
    told_etag_ = etag;
    curl_easy_setopt(curl_.get(), CURLOPT_WRITEFUNCTION, &Request::on_data);
    curl_easy_setopt(curl_.get(), CURLOPT_WRITEDATA, this);
    auto answer = perform();
    if (file_ != nullptr && std::fclose(std::exchange(file_, nullptr)) != 0 && answer.ok()) return cannot_write();
    return answer;
  }

  /// Whether trying again may help.
  bool may_recover() const noexcept { return recoverable_; }

 private:
  struct Cleanup {
    void operator()(CURL* curl) const noexcept { curl_easy_cleanup(curl); }
  };

  Result<void> prepare() {
    if (curl_ == nullptr) return Error::format(Code::io_failure, "%s: libcurl cannot be started", url_.c_str());
    CURL* const curl = curl_.get();
    curl_easy_setopt(curl, CURLOPT_URL, url_.c_str());
    // http and https alone: an address, or where it leads, must not name a file of this machine.
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, options_.connect_timeout_ms);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, options_.stall_seconds);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "tessera");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message_);
    if (!options_.proxy.empty()) curl_easy_setopt(curl, CURLOPT_PROXY, options_.proxy.c_str());
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &Request::on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
    if (options_.progress) {
      curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
      curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &Request::on_progress);
      curl_easy_setopt(curl, CURLOPT_XFERINFODATA, this);
    }
    return {};
  }

  Result<Answer> perform() {
    const CURLcode code = curl_easy_perform(curl_.get());
    curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &answer_.status);
    if (write_failed_) return cannot_write();
    if (changed_)
      return Error::format(Code::io_failure, "%s: it changed while it was fetched: try again", url_.c_str());
    if (stopped_) return Error::format(Code::cancelled, "%s: the download was stopped", url_.c_str());
    if (code == CURLE_OK) return answer_;
    recoverable_ =
        code != CURLE_UNSUPPORTED_PROTOCOL && code != CURLE_URL_MALFORMAT && code != CURLE_TOO_MANY_REDIRECTS;
    return Error::format(Code::io_failure, "%s: %s", url_.c_str(),
                         message_[0] != 0 ? message_ : curl_easy_strerror(code));
  }

  Error cannot_write() const { return Error::format(Code::io_failure, "%s: cannot write", part_.c_str()); }

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) {
    Answer& answer = static_cast<Request*>(self)->answer_;
    const std::string_view line(data, size);
    if (line.starts_with("HTTP/")) answer.etag.clear();  // the next answer, after a redirection
    if (const std::string_view tag = header_value(line, "etag"); !tag.empty()) answer.etag = tag;
    // The hub says it of what it then redirects to.
    if (const std::string sha256 = sha256_in(header_value(line, "x-linked-etag")); !sha256.empty())
      answer.sha256 = sha256;
    return size;
  }

  static std::size_t on_data(char* data, std::size_t, std::size_t size, void* pointer) {
    auto& self = *static_cast<Request*>(pointer);
    long status = 0;
    curl_easy_getinfo(self.curl_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 && status != 206) return size;  // the page of an error
    if (self.file_ == nullptr && !self.write_failed_) {
      // Another version than HEAD told of must not go on in the file of that one.
      const std::string& etag = self.answer_.etag;
      if (!self.told_etag_.empty() && !etag.empty() && etag != self.told_etag_) {
        self.changed_ = true;
        return 0;
      }
      if (status == 200) self.already_ = 0;
      self.file_ = std::fopen(self.part_.c_str(), status == 206 ? "ab" : "wb");
    }
    if (self.file_ == nullptr || std::fwrite(data, 1, size, self.file_) != size) {
      self.write_failed_ = true;
      return 0;
    }
    return size;
  }

  static int on_progress(void* pointer, curl_off_t total, curl_off_t now, curl_off_t, curl_off_t) {
    auto& self = *static_cast<Request*>(pointer);
    const auto all = total > 0 ? static_cast<std::uint64_t>(total) + self.already_ : 0;
    self.stopped_ = !self.options_.progress(self.url_, static_cast<std::uint64_t>(now) + self.already_, all);
    return self.stopped_ ? 1 : 0;
  }

  std::string url_;
  const Options& options_;
  std::unique_ptr<CURL, Cleanup> curl_;
  curl_slist* headers_ = nullptr;
  Answer answer_;
  std::string part_;
  std::string told_etag_;
  std::FILE* file_ = nullptr;
  std::uint64_t already_ = 0;
  bool write_failed_ = false;
  bool changed_ = false;
  bool stopped_ = false;
  bool recoverable_ = false;
  char message_[CURL_ERROR_SIZE] = {};
};

inline Result<void> check_sha256(const std::string& path, const std::string& expected) {
  TESSERA_TRY_ASSIGN(const io::MappedFile file, io::MappedFile::open(path));
  const std::string found = io::sha256_hex(file.bytes());
  if (found == expected) return {};
  return Error::format(Code::bad_format, "%s: its SHA-256 is %s, expected %s", path.c_str(), found.c_str(),
                       expected.c_str());
}

inline Error status_error(const std::string& url, long status) {
  return Error::format(status == 404 ? Code::not_found : Code::io_failure, "%s: the server answered %ld%s", url.c_str(),
                       status,
                       status == 404                    ? " (not found)"
                       : status == 401 || status == 403 ? " (not allowed)"
                                                        : "");
}

/// One process or thread at a time fetches a file; the others wait, and then find it. A lock that cannot be had (a file
/// system without them) is passed over.
class FetchLock {
 public:
  explicit FetchLock(std::string path) : path_(std::move(path)) {
    for (;;) {
      descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
      if (descriptor_ < 0) return;
      while (::flock(descriptor_, LOCK_EX) != 0 && errno == EINTR) {
      }
      // The one before removes the file when it is done: then this is the lock of nothing.
      struct stat here {};
      struct stat there {};
      if (::fstat(descriptor_, &here) == 0 && ::stat(path_.c_str(), &there) == 0 && here.st_ino == there.st_ino) return;
      ::close(descriptor_);
    }
  }
  FetchLock(const FetchLock&) = delete;
  FetchLock& operator=(const FetchLock&) = delete;
  ~FetchLock() {
    if (descriptor_ < 0) return;
    ::unlink(path_.c_str());
    ::close(descriptor_);
  }

 private:
  std::string path_;
  int descriptor_ = -1;
};

/// The data of an address as the file `path`.
inline Result<void> download(const std::string& url, const std::string& path, const Answer& told,
                             const std::string& sha256, const Options& options) {
  const FetchLock lock(path + ".lock");
  if (io::kind_of(path) == io::PathKind::file) return {};  // somebody else fetched it meanwhile
  const std::string part = path + ".part";
  Error last;
  for (int attempt = 0; attempt < (std::max)(options.attempts, 1); ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(std::chrono::milliseconds(options.pause_ms * attempt));
    Request request(url, options);
    const auto answer = request.get(part, told.etag);
    if (!answer.ok()) {
      last = answer.error();
      if (!request.may_recover()) return last;
      continue;
    }
    if (answer->status == 416) {
      // The part is no start of what the server has.
      std::error_code ignored;
      std::filesystem::remove(part, ignored);
      last = status_error(url, answer->status);
      continue;
    }
    if (answer->status != 200 && answer->status != 206) {
      last = status_error(url, answer->status);
      if (answer->status < 500) return last;
      continue;
    }
    if (io::kind_of(part) == io::PathKind::missing) TESSERA_TRY(io::write_text(part, ""));  // an empty file
    std::error_code unknown;
    const std::uintmax_t size = std::filesystem::file_size(part, unknown);
    if (told.length >= 0 && !unknown && size != static_cast<std::uintmax_t>(told.length)) {
      std::error_code ignored;
      std::filesystem::remove(part, ignored);
      last = Error::format(Code::io_failure, "%s: %llu bytes came, the server had announced %lld", url.c_str(),
                           static_cast<unsigned long long>(size), static_cast<long long>(told.length));
      continue;
    }
    for (const std::string* const expected : {&sha256, &told.sha256}) {
      if (expected->empty()) continue;
      if (const auto checked = check_sha256(part, *expected); !checked.ok()) {
        std::error_code ignored;
        std::filesystem::remove(part, ignored);
        return checked.error();
      }
    }
    std::error_code code;
    std::filesystem::rename(part, path, code);
    if (code) return Error::format(Code::io_failure, "%s: cannot rename: %s", part.c_str(), code.message().c_str());
    return {};
  }
  return last;
}

}  // namespace detail

/// The path of an address's file in the cache, fetched if it is not there or another version is on the server.
/// `sha256`: what a fetched file must have; empty: anything.
inline Result<std::string> fetch(const std::string& url, const Options& options = {},
                                 const std::string& sha256 = {}) noexcept {
  return guarded([&]() -> Result<std::string> {
    const std::string folder = cache_folder(options.cache);
    if (is_offline(options)) {
      std::string cached = last_cached(folder, url);
      if (!cached.empty()) return cached;
      return Error::format(Code::not_found, "%s: not in the cache %s, and TESSERA_OFFLINE forbids to fetch it",
                           url.c_str(), folder.c_str());
    }
    std::error_code code;
    std::filesystem::create_directories(folder, code);
    if (code)
      return Error::format(Code::io_failure, "%s: cannot make the folder: %s", folder.c_str(), code.message().c_str());

    auto answer = detail::Request(url, options).head();
    if (!answer.ok() || answer->status != 200) {
      std::string cached = last_cached(folder, url);
      if (!cached.empty()) return cached;
      if (!answer.ok()) return answer.error();
      if (answer->status != 405 && answer->status != 501) return detail::status_error(url, answer->status);
      *answer = {};  // a server without HEAD: of a version that has no name, as in the reference
    }
    const std::string path = io::join_path(folder, cache_name(url, answer->etag));
    if (io::kind_of(path) == io::PathKind::file) return path;
    TESSERA_TRY(detail::download(url, path, *answer, sha256, options));
    TESSERA_TRY(write_metadata(path, url, answer->etag));
    remove_parts(folder, url);
    return path;
  });
}

}  // namespace tessera::hub
