// Downloads from a server on this machine: whole, cut, resumed, changed, missing, slow; the cache and the names.
#define BOOST_TEST_MODULE hub
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tessera/hub/from_pretrained.hpp"
#include "tessera/hub/models.hpp"
#include "tessera/pretrained/bert.hpp"

namespace {

namespace fs = std::filesystem;
namespace hub = tessera::hub;
namespace io = tessera::io;

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "tessera-hub-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// Answers one request after another, each with what is scripted for its path.
class Server {
 public:
  struct Page {
    std::string body = {};
    std::string etag = "\"v1\"";
    int status = 200;
    std::vector<std::size_t> cuts = {};  ///< so many bytes of the next answers, then the connection ends
    bool announces_more = false;
    bool stalls = false;
    bool ranges = true;
    std::string get_body = {};  ///< what GET answers where it is another than HEAD tells of
    std::string headers = {};   ///< more of them, each with its line's end
    int head_status = 200;
    std::string get_etag = {};  ///< of GET, where it is another than HEAD's
  };

  Server() {
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    BOOST_REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    BOOST_REQUIRE(::listen(socket_, 8) == 0);
    socklen_t size = sizeof address;
    BOOST_REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Server() {
    stop_ = true;
    ::shutdown(socket_, SHUT_RDWR);
    ::close(socket_);
    thread_.join();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string address() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::string url(const std::string& path) const { return address() + path; }
  void put(const std::string& path, Page page) {
    const std::lock_guard lock(mutex_);
    pages_[path] = std::move(page);
  }
  /// "GET /a", "GET /a 100-": what was asked for.
  std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  void serve() {
    while (!stop_) {
      const int connection = ::accept(socket_, nullptr, nullptr);
      if (connection < 0) return;
      answer(connection);
      ::close(connection);
    }
  }

  static void send_all(int connection, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  void answer(int connection) {
    std::string request;
    char buffer[4096];
    while (request.find("\r\n\r\n") == request.npos) {
      const ssize_t got = ::recv(connection, buffer, sizeof buffer, 0);
      if (got <= 0) return;
      request.append(buffer, static_cast<std::size_t>(got));
    }
    const std::string method = request.substr(0, request.find(' '));
    const std::size_t start = method.size() + 1;
    const std::string path = request.substr(start, request.find(' ', start) - start);
    std::size_t from = 0;
    std::string range;
    if (const std::size_t at = request.find("Range: bytes="); at != request.npos) {
      range = request.substr(at + 13, request.find("\r\n", at) - at - 13);
      from = std::stoul(range);
    }
    std::string if_range;
    if (const std::size_t at = request.find("If-Range: "); at != request.npos) {
      if_range = request.substr(at + 10, request.find("\r\n", at) - at - 10);
    }
    Page page;
    std::size_t cut = std::string::npos;
    {
      const std::lock_guard lock(mutex_);
      asked_.push_back(method + " " + path + (range.empty() ? "" : " " + range));
      const auto found = pages_.find(path);
      if (found == pages_.end()) {
        page.status = 404;
        page.body = "no such page";
      } else {
        page = found->second;
        if (method == "GET" && !found->second.cuts.empty()) {
          cut = found->second.cuts.front();
          found->second.cuts.erase(found->second.cuts.begin());
        }
      }
    }
    if (method == "GET" && !page.get_body.empty()) page.body = page.get_body;
    if (method == "GET" && !page.get_etag.empty()) page.etag = page.get_etag;
    const bool partial = page.status == 200 && page.ranges && from > 0 && if_range == page.etag;
    if (!partial) from = 0;
    const std::string body = page.body.substr(std::min(from, page.body.size()));
    const int status = partial ? 206 : method == "HEAD" && page.head_status != 200 ? page.head_status : page.status;
    std::string head = "HTTP/1.1 " + std::to_string(status) + " X\r\n" + page.headers;
    if (!page.etag.empty()) head += "ETag: " + page.etag + "\r\n";
    head += "Content-Length: " + std::to_string(body.size() + (page.announces_more ? 10 : 0)) +
            "\r\nConnection: close\r\n\r\n";
    send_all(connection, head);
    if (method == "HEAD") return;
    if (page.stalls) {
      char byte = 0;
      for (int i = 0; i < 400 && !stop_ && ::recv(connection, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      }
      return;
    }
    send_all(connection, std::string_view(body).substr(0, cut));
  }

  int socket_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
  mutable std::mutex mutex_;
  std::map<std::string, Page> pages_;
  std::vector<std::string> asked_;
};

hub::Options quick(const Folder& folder) {
  hub::Options options;
  options.cache = folder.path();
  options.pause_ms = 1;
  options.stall_seconds = 1;
  options.connect_timeout_ms = 2000;
  return options;
}

bool says(const tessera::Error& error, std::string_view what) {
  BOOST_TEST_MESSAGE(error.message());
  return std::string_view(error.message()).find(what) != std::string_view::npos;
}

std::string numbers(std::size_t size) {
  std::string out;
  while (out.size() < size) out += std::to_string(out.size()) + ",";
  out.resize(size);
  return out;
}

struct NoProxy {
  NoProxy() {
    for (const char* name : {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                             "TESSERA_OFFLINE", "TESSERA_MIRROR"}) {
      ::unsetenv(name);
    }
  }
};

}  // namespace

BOOST_TEST_GLOBAL_FIXTURE(NoProxy);

BOOST_AUTO_TEST_CASE(the_digest_is_sha256) {
  BOOST_TEST(io::sha256_hex({}) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  BOOST_TEST(io::sha256_hex(io::bytes_of("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  BOOST_TEST(io::sha256_hex(io::bytes_of(std::string(1000, 'a'))) ==
             "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
}

BOOST_AUTO_TEST_CASE(names_and_addresses_are_those_of_the_reference) {
  BOOST_TEST(hub::shortcut_names().size() == 35U);
  const auto url = [](const char* model, const char* name) {
    for (const hub::RemoteFile& file : hub::files_of(model, "http://hub")) {
      if (file.name == name) return file.url;
    }
    return std::string();
  };
  const std::string s3 = "https://s3.amazonaws.com/models.huggingface.co/bert/";
  BOOST_TEST(url("bert-base-uncased", "pytorch_model.bin") == s3 + "bert-base-uncased-pytorch_model.bin");
  BOOST_TEST(url("gpt2-large", "merges.txt") == s3 + "gpt2-large-merges.txt");
  BOOST_TEST(url("xlm-clm-ende-1024", "merges.txt") == s3 + "xlm-mlm-ende-1024-merges.txt");
  BOOST_TEST(url("distilbert-base-uncased-distilled-squad", "vocab.txt") == s3 + "bert-large-uncased-vocab.txt");
  BOOST_TEST(url("transfo-xl-wt103", "vocab.bin") == s3 + "transfo-xl-wt103-vocab.bin");
  BOOST_TEST(url("bert-base-german-cased", "vocab.txt").find("deepset") != std::string::npos);
  BOOST_TEST(url("user/model", "config.json") == "http://hub/user/model/resolve/main/config.json");
  for (const char* bad : {"model", "a/b/c", "../x", "a/..", "a/", "/a", "a b/c", "a/b?x", "folder/missing.bin"}) {
    BOOST_TEST(hub::files_of(bad, "http://hub").empty(), bad);
  }
  // As url_to_filename of the reference has them.
  const std::string plain = "84a097c0fa8c92edef5d511b7ea40ba34a619bd4eda787bfed43b9757f307fc1";
  BOOST_TEST(hub::cache_name("http://x/y", "") == plain);
  BOOST_TEST(hub::cache_name("http://x/y", "\"e\"") ==
             plain + ".8c8656c5d114d7f8b2a412d2d5fd03accce3ed050624a0493734591a9666b110");
}

BOOST_AUTO_TEST_CASE(a_file_is_fetched_once_for_each_version) {
  Server server;
  const Folder folder;
  const std::string body = numbers(300000);
  server.put("/a", {.body = body});
  const auto first = hub::fetch(server.url("/a"), quick(folder));
  BOOST_REQUIRE_MESSAGE(first.ok(), first.error().message());
  BOOST_TEST((content_of(*first) == body));
  BOOST_TEST(*first == folder / hub::cache_name(server.url("/a"), "\"v1\""));
  const auto metadata = io::read_json(*first + ".json");
  BOOST_REQUIRE(metadata.ok());
  BOOST_TEST(io::get_string(*metadata, "url").value() == server.url("/a"));
  BOOST_TEST(io::get_string(*metadata, "etag").value() == "\"v1\"");
  BOOST_TEST(*hub::fetch(server.url("/a"), quick(folder)) == *first);
  server.put("/a", {.body = "new", .etag = "\"v2\""});
  const auto second = hub::fetch(server.url("/a"), quick(folder));
  BOOST_REQUIRE(second.ok());
  BOOST_TEST(content_of(*second) == "new");
  BOOST_TEST(*second != *first);
  BOOST_TEST(server.asked() == std::vector<std::string>({"HEAD /a", "GET /a", "HEAD /a", "HEAD /a", "GET /a"}));
}

BOOST_AUTO_TEST_CASE(a_connection_that_is_cut_goes_on_where_it_was) {
  Server server;
  const Folder folder;
  const std::string body = numbers(200000);
  server.put("/cut", {.body = body, .cuts = {50000, 30000}});
  const auto path = hub::fetch(server.url("/cut"), quick(folder));
  BOOST_REQUIRE_MESSAGE(path.ok(), path.error().message());
  BOOST_TEST((content_of(*path) == body));
  BOOST_TEST(server.asked() ==
             std::vector<std::string>({"HEAD /cut", "GET /cut", "GET /cut 50000-", "GET /cut 80000-"}));
  // A server that knows no ranges sends all of it again; one with a new version, too.
  server.put("/all", {.body = body, .cuts = {70000}, .ranges = false});
  BOOST_TEST((content_of(*hub::fetch(server.url("/all"), quick(folder))) == body));
  // What a program left behind is gone on with by the next one.
  hub::Options once = quick(folder);
  once.attempts = 1;
  server.put("/later", {.body = body, .cuts = {60000}});
  BOOST_TEST(!hub::fetch(server.url("/later"), once).ok());
  BOOST_TEST((content_of(*hub::fetch(server.url("/later"), once)) == body));
  BOOST_TEST(server.asked().back() == "GET /later 60000-");
}

BOOST_AUTO_TEST_CASE(who_fetches_the_same_file_at_once_waits_for_the_first) {
  Server server;
  const Folder folder;
  const std::string body = numbers(300000);
  server.put("/same", {.body = body});
  std::vector<std::string> contents(4);
  std::vector<std::thread> threads;
  threads.reserve(contents.size());
  for (std::string& content : contents)
    threads.emplace_back([&] {
      const auto path = hub::fetch(server.url("/same"), quick(folder));
      content = path.ok() ? content_of(*path) : path.error().message();
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& content : contents) BOOST_TEST((content == body));
  const auto asked = server.asked();
  BOOST_TEST(std::count(asked.begin(), asked.end(), "GET /same") == 1);
  BOOST_TEST(!std::filesystem::exists(folder / (hub::cache_name(server.url("/same"), "\"v1\"") + ".lock")));
}

BOOST_AUTO_TEST_CASE(what_another_program_fetches_is_waited_for) {
  Server server;
  const Folder folder;
  server.put("/same", {.body = "from the server"});
  const std::string path = folder / hub::cache_name(server.url("/same"), "\"v1\"");
  std::string content;
  std::thread waits;
  {
    const hub::detail::FetchLock lock(path + ".lock");
    waits = std::thread([&] {
      const auto found = hub::fetch(server.url("/same"), quick(folder));
      content = found.ok() ? content_of(*found) : found.error().message();
    });
    while (server.asked().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    std::ofstream(path) << "from the other program";
  }
  waits.join();
  BOOST_TEST(content == "from the other program");
  BOOST_TEST(server.asked() == std::vector<std::string>({"HEAD /same"}));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_had_is_an_error_that_says_why_and_leaves_nothing_that_looks_whole) {
  Server server;
  const Folder folder;
  const auto error = [&](const std::string& path) {
    const auto found = hub::fetch(server.url(path), quick(folder));
    BOOST_REQUIRE(!found.ok());
    BOOST_TEST(hub::last_cached(folder.path(), server.url(path)).empty());
    return found.error();
  };
  BOOST_TEST((error("/missing").code() == tessera::Code::not_found));
  BOOST_TEST(says(error("/missing"), "/missing: the server answered 404 (not found)"));
  server.put("/broken", {.body = "x", .status = 500});
  BOOST_TEST(says(error("/broken"), "the server answered 500"));
  server.put("/short", {.body = numbers(1000), .announces_more = true});
  (void)error("/short");
  server.put("/slow", {.body = "x", .stalls = true});
  hub::Options once = quick(folder);
  once.attempts = 1;
  BOOST_TEST(!hub::fetch(server.url("/slow"), once).ok());
  BOOST_TEST(!hub::fetch("http://127.0.0.1:1/x", once).ok());
  BOOST_TEST(!hub::fetch("file:///etc/passwd", once).ok());
  server.put("/sum", {.body = "abc"});
  BOOST_TEST(says(hub::fetch(server.url("/sum"), once, std::string(64, '0')).error(), "its SHA-256 is ba7816bf"));
  BOOST_TEST(hub::fetch(server.url("/sum"), once, io::sha256_hex(io::bytes_of("abc"))).ok());
  server.put("/stop", {.body = numbers(100000)});
  once.progress = [](const std::string&, std::uint64_t, std::uint64_t) { return false; };
  BOOST_TEST((hub::fetch(server.url("/stop"), once).error().code() == tessera::Code::cancelled));
}

BOOST_AUTO_TEST_CASE(what_the_hub_tells_of_large_files_is_checked) {
  Server server;
  const Folder folder;
  const std::string good = io::sha256_hex(io::bytes_of("abc"));
  // The hub tells it before it redirects to where the file lies.
  const std::string location = "Location: " + server.url("/storage") + "\r\n";
  server.put("/storage", {.body = "abc", .etag = "\"parts-3\""});
  server.put("/good", {.etag = "\"x\"",
                       .status = 302,
                       .headers = location + "X-Linked-ETag: \"" + good + "\"\r\n",
                       .head_status = 302});
  const auto path = hub::fetch(server.url("/good"), quick(folder));
  BOOST_REQUIRE_MESSAGE(path.ok(), path.error().message());
  BOOST_TEST(content_of(*path) == "abc");
  BOOST_TEST(*path == folder / hub::cache_name(server.url("/good"), "\"parts-3\""));
  server.put("/bad", {.etag = "\"x\"",
                      .status = 302,
                      .headers = location + "x-linked-etag: \"" + std::string(64, 'a') + "\"\r\n",
                      .head_status = 302});
  BOOST_TEST(says(hub::fetch(server.url("/bad"), quick(folder)).error(), "its SHA-256 is ba7816bf"));
  BOOST_TEST(hub::last_cached(folder.path(), server.url("/bad")).empty());
  // What is no SHA-256 says nothing.
  server.put("/other", {.body = "abc", .headers = "X-Linked-ETag: \"5d41402a\"\r\n"});
  BOOST_TEST(hub::fetch(server.url("/other"), quick(folder)).ok());
}

BOOST_AUTO_TEST_CASE(a_server_without_head_is_asked_for_the_file) {
  Server server;
  const Folder folder;
  server.put("/plain", {.body = "abc", .etag = {}, .head_status = 405});
  const auto path = hub::fetch(server.url("/plain"), quick(folder));
  BOOST_REQUIRE_MESSAGE(path.ok(), path.error().message());
  BOOST_TEST(content_of(*path) == "abc");
  BOOST_TEST(*path == folder / hub::cache_name(server.url("/plain"), ""));
}

BOOST_AUTO_TEST_CASE(a_file_that_changes_while_it_is_fetched_is_not_mixed) {
  Server server;
  const Folder folder;
  server.put("/a", {.body = numbers(200000), .cuts = {60000}, .get_etag = "\"v2\""});
  BOOST_TEST(says(hub::fetch(server.url("/a"), quick(folder)).error(), "it changed while it was fetched"));
  BOOST_TEST(hub::last_cached(folder.path(), server.url("/a")).empty());
  // It changes between the two parts.
  hub::Options once = quick(folder);
  once.attempts = 1;
  server.put("/b", {.body = numbers(200000), .cuts = {60000}});
  BOOST_TEST(!hub::fetch(server.url("/b"), once).ok());
  server.put("/b", {.body = std::string(200000, 'x'), .get_etag = "\"v2\""});
  BOOST_TEST(!hub::fetch(server.url("/b"), quick(folder)).ok());
  server.put("/b", {.body = std::string(200000, 'x'), .etag = "\"v2\""});
  const auto path = hub::fetch(server.url("/b"), quick(folder));
  BOOST_REQUIRE_MESSAGE(path.ok(), path.error().message());
  BOOST_TEST((content_of(*path) == std::string(200000, 'x')));
}

BOOST_AUTO_TEST_CASE(what_was_begun_of_an_older_version_is_removed) {
  Server server;
  const Folder folder;
  hub::Options once = quick(folder);
  once.attempts = 1;
  server.put("/a", {.body = numbers(200000), .cuts = {60000}});
  BOOST_TEST(!hub::fetch(server.url("/a"), once).ok());
  const std::string part = folder / (hub::cache_name(server.url("/a"), "\"v1\"") + ".part");
  BOOST_TEST(fs::exists(part));
  server.put("/a", {.body = "new", .etag = "\"v2\""});
  const auto path = hub::fetch(server.url("/a"), once);
  BOOST_REQUIRE(path.ok());
  BOOST_TEST(content_of(*path) == "new");
  BOOST_TEST(!fs::exists(part));
  // A lock that another program holds is no version of the file.
  std::ofstream lock(folder / (hub::cache_name(server.url("/a"), "\"v3\"") + ".lock"));
  BOOST_REQUIRE(lock.is_open());
  BOOST_TEST(hub::last_cached(folder.path(), server.url("/a")) == *path);
}

BOOST_AUTO_TEST_CASE(without_a_connection_the_last_file_is_taken) {
  const Folder folder;
  std::string url;
  {
    Server server;
    url = server.url("/a");
    server.put("/a", {.body = "one"});
    BOOST_REQUIRE(hub::fetch(url, quick(folder)).ok());
    hub::Options offline = quick(folder);
    offline.offline = true;
    BOOST_TEST(content_of(*hub::fetch(url, offline)) == "one");
    BOOST_TEST(says(hub::fetch(server.url("/b"), offline).error(), "TESSERA_OFFLINE forbids to fetch it"));
    BOOST_TEST(server.asked().size() == 2U);
  }
  BOOST_TEST(content_of(*hub::fetch(url, quick(folder))) == "one");
}

BOOST_AUTO_TEST_CASE(a_model_of_the_hub_becomes_a_folder) {
  Server server;
  const Folder folder;
  hub::Options options = quick(folder);
  options.endpoint = server.address();
  const std::string base = "/me/tiny/resolve/main/";
  server.put(base + "config.json", {.body = "{}"});
  server.put(base + "vocab.txt", {.body = "[UNK]\n"});
  server.put(base + "pytorch_model.bin", {.body = "weights"});
  const auto model = hub::find_model("me/tiny", options);
  BOOST_REQUIRE_MESSAGE(model.ok(), model.error().message());
  BOOST_TEST(*model == hub::folder_of_model("me/tiny", options));
  BOOST_TEST(content_of(*model + "/vocab.txt") == "[UNK]\n");
  BOOST_TEST(content_of(*model + "/pytorch_model.bin") == "weights");
  BOOST_TEST(!fs::exists(*model + "/merges.txt"));
  // Safetensors are enough where there are both.
  server.put("/me/both/resolve/main/config.json", {.body = "{}"});
  server.put("/me/both/resolve/main/model.safetensors", {.body = "s"});
  server.put("/me/both/resolve/main/pytorch_model.bin", {.body = "p"});
  BOOST_TEST(!fs::exists(*hub::find_model("me/both", options) + "/pytorch_model.bin"));
  // Offline: what was fetched, and what was put there by hand.
  options.offline = true;
  BOOST_TEST(*hub::find_model("me/tiny", options) == *model);
  const auto none = hub::find_model("bert-base-uncased", options);
  BOOST_TEST(says(none.error(), "put its files by hand into " + folder.path() +
                                    "/tessera-models/bert-base-uncased: config.json, "
                                    "pytorch_model.bin, vocab.txt"));
  fs::create_directories(hub::folder_of_model("bert-base-uncased", options));
  for (const char* name : {"config.json", "pytorch_model.bin"}) {
    std::ofstream(hub::folder_of_model("bert-base-uncased", options) + "/" + name) << "x";
  }
  BOOST_TEST(hub::find_model("bert-base-uncased", options).ok());
}

BOOST_AUTO_TEST_CASE(files_in_the_cache_of_the_reference_make_a_folder_without_a_connection) {
  const Folder folder;
  hub::Options options = quick(folder);
  options.offline = true;
  BOOST_TEST(!hub::find_model("bert-base-uncased", options).ok());
  BOOST_TEST(!fs::exists(folder / "tessera-models"));
  // As its file_utils leaves them.
  for (const hub::RemoteFile& file : hub::files_of("bert-base-uncased", "http://hub")) {
    std::ofstream(folder / hub::cache_name(file.url, "\"etag\"")) << file.name;
  }
  const auto model = hub::find_model("bert-base-uncased", options);
  BOOST_REQUIRE_MESSAGE(model.ok(), model.error().message());
  for (const char* const name : {"config.json", "pytorch_model.bin", "vocab.txt"}) {
    BOOST_TEST(content_of(*model + "/" + name) == name);
  }
}

BOOST_AUTO_TEST_CASE(a_tokenizer_is_fetched_without_the_weights) {
  Server server;
  const Folder folder;
  hub::Options options = quick(folder);
  options.endpoint = server.address();
  for (const char* const name : {"config.json", "vocab.txt", "pytorch_model.bin"}) {
    server.put(std::string("/me/tiny/resolve/main/") + name, {.body = "{}"});
  }
  const auto found = hub::find_model("me/tiny", options, hub::Wanted::tokenizer);
  BOOST_REQUIRE_MESSAGE(found.ok(), found.error().message());
  BOOST_TEST(fs::exists(*found + "/vocab.txt"));
  BOOST_TEST(!fs::exists(*found + "/pytorch_model.bin"));
  for (const std::string& request : server.asked()) BOOST_TEST(request.find("pytorch_model") == request.npos);
  BOOST_TEST(fs::exists(*hub::find_model("me/tiny", options) + "/pytorch_model.bin"));
}

BOOST_AUTO_TEST_CASE(weights_in_several_files_are_fetched_by_their_index) {
  Server server;
  const Folder folder;
  hub::Options options = quick(folder);
  options.endpoint = server.address();
  const std::string base = "/me/large/resolve/main/";
  server.put(base + "config.json", {.body = "{}"});
  server.put(base + "model.safetensors.index.json",
             {.body = R"({"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}})"});
  server.put(base + "m-1.safetensors", {.body = "one"});
  const auto lacking = hub::find_model("me/large", options);
  BOOST_TEST(says(lacking.error(), "m-2.safetensors: the server answered 404"));
  server.put(base + "m-2.safetensors", {.body = "two"});
  const auto model = hub::find_model("me/large", options);
  BOOST_REQUIRE_MESSAGE(model.ok(), model.error().message());
  BOOST_TEST(content_of(*model + "/m-2.safetensors") == "two");
  server.put("/me/evil/resolve/main/config.json", {.body = "{}"});
  server.put("/me/evil/resolve/main/model.safetensors.index.json", {.body = R"({"weight_map": {"a": "../../x"}})"});
  BOOST_TEST(says(hub::find_model("me/evil", options).error(), "the name of a file beside it expected"));
}

BOOST_AUTO_TEST_CASE(a_proxy_gets_the_whole_address) {
  Server server;
  const Folder folder;
  hub::Options options = quick(folder);
  options.proxy = server.address();
  server.put("http://models.invalid/a", {.body = "by proxy"});
  const auto path = hub::fetch("http://models.invalid/a", options);
  BOOST_REQUIRE_MESSAGE(path.ok(), path.error().message());
  BOOST_TEST(content_of(*path) == "by proxy");
}

BOOST_AUTO_TEST_CASE(an_answer_that_grows_or_ends_early_is_no_file) {
  Server server;
  const Folder folder;
  // The head promised another length than the answer has: the file changed in between.
  server.put("/a", {.body = numbers(1000), .get_body = numbers(500)});
  const auto found = hub::fetch(server.url("/a"), quick(folder));
  BOOST_TEST(says(found.error(), "500 bytes came, the server had announced 1000"));
  BOOST_TEST(hub::last_cached(folder.path(), server.url("/a")).empty());
}

BOOST_AUTO_TEST_CASE(models_and_tokenizers_come_by_name) {
  const Folder mirror;
  const Folder cache;
  hub::Options options = quick(cache);
  options.mirror = mirror.path();
  options.offline = true;
  const fs::path golden = TESSERA_GOLDEN_DIR;
  fs::create_directories(mirror / "bert-base-uncased");
  for (const char* const name : {"config.json", "pytorch_model.bin"}) {
    fs::copy(golden / "models/bert-model-basic" / name, mirror / "bert-base-uncased");
  }
  fs::copy(golden / "encode/vocab.txt", mirror / "bert-base-uncased");
  const auto model = hub::from_pretrained<tessera::Bert<>>("bert-base-uncased", options);
  BOOST_REQUIRE_MESSAGE(model.ok(), model.error().message());
  BOOST_TEST((*model)->report.complete());
  const auto tokenizer = hub::load_tokenizer("bert-base-uncased", options);
  BOOST_REQUIRE_MESSAGE(tokenizer.ok(), tokenizer.error().message());
  BOOST_TEST(tokenizer->class_name == "BertTokenizer");
  // A file is read with the config beside it.
  const auto file = hub::from_pretrained<tessera::Bert<>>(mirror / "bert-base-uncased/pytorch_model.bin", options);
  BOOST_REQUIRE_MESSAGE(file.ok(), file.error().message());
  BOOST_TEST(!hub::load_tokenizer("me/none", options).ok());
  ::setenv("TESSERA_MIRROR", mirror.path().c_str(), 1);
  options.mirror.clear();
  BOOST_TEST(*hub::find_model("bert-base-uncased", options) == mirror / "bert-base-uncased");
  ::unsetenv("TESSERA_MIRROR");
}

BOOST_AUTO_TEST_CASE(paths_and_mirrors_come_before_the_network) {
  const Folder folder;
  const Folder mirror;
  hub::Options options = quick(folder);
  options.endpoint = "http://127.0.0.1:1";
  options.attempts = 1;
  options.mirror = mirror.path();
  fs::create_directories(mirror / "me/tiny");
  BOOST_TEST(*hub::find_model("me/tiny", options) == mirror / "me/tiny");
  BOOST_TEST(*hub::find_model(mirror.path(), options) == mirror.path());
  BOOST_TEST(says(hub::find_model("nonsense", options).error(), "nonsense: no such file or folder"));
  BOOST_TEST(says(hub::find_model("me/other", options).error(), "put its files by hand into"));
  ::setenv("TESSERA_OFFLINE", "1", 1);
  BOOST_TEST(hub::is_offline({}));
  ::setenv("TESSERA_OFFLINE", "0", 1);
  BOOST_TEST(!hub::is_offline({}));
  ::unsetenv("TESSERA_OFFLINE");
}

BOOST_AUTO_TEST_CASE(the_cache_is_where_the_reference_has_it) {
  for (const char* name :
       {"PYTORCH_TRANSFORMERS_CACHE", "PYTORCH_PRETRAINED_BERT_CACHE", "TORCH_HOME", "XDG_CACHE_HOME"})
    ::unsetenv(name);
  ::setenv("HOME", "/home/me", 1);
  BOOST_TEST(hub::cache_folder() == "/home/me/.cache/torch/pytorch_transformers");
  ::setenv("XDG_CACHE_HOME", "/x", 1);
  BOOST_TEST(hub::cache_folder() == "/x/torch/pytorch_transformers");
  ::setenv("TORCH_HOME", "~/t", 1);
  BOOST_TEST(hub::cache_folder() == "/home/me/t/pytorch_transformers");
  ::setenv("PYTORCH_PRETRAINED_BERT_CACHE", "/b", 1);
  BOOST_TEST(hub::cache_folder() == "/b");
  ::setenv("PYTORCH_TRANSFORMERS_CACHE", "/c", 1);
  BOOST_TEST(hub::cache_folder() == "/c");
  BOOST_TEST(hub::cache_folder("/d") == "/d");
}
