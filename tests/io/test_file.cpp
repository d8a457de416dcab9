#define BOOST_TEST_MODULE file
#include <boost/test/unit_test.hpp>

#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.hpp"
#include "tessera/io/file.hpp"

using namespace tessera;
using namespace tessera::io;
using tessera::io::test::ScratchFolder;

BOOST_AUTO_TEST_CASE(a_regular_file_is_mapped_and_survives_moves) {
  const ScratchFolder folder;
  BOOST_TEST_REQUIRE(write_text(folder / "a", "content").ok());
  auto file = MappedFile::open(folder / "a");
  BOOST_TEST_REQUIRE(file.ok());
  BOOST_TEST(file->is_mapped());
  MappedFile moved = std::move(*file);
  BOOST_TEST(moved.text() == "content");
  MappedFile other = MappedFile::open(folder / "a").value();
  other = std::move(moved);
  BOOST_TEST(other.text() == "content");
  other.drop(other.bytes().data(), other.bytes().size());
  BOOST_TEST(other.text() == "content");
}

BOOST_AUTO_TEST_CASE(pages_given_back_are_read_again) {
  const ScratchFolder folder;
  const std::string content(100'000, 'x');
  BOOST_TEST_REQUIRE(write_text(folder / "a", content).ok());
  const MappedFile file = MappedFile::open(folder / "a").value();
  file.drop(file.bytes().data() + 10, 90'000);
  file.drop(&content, 1 << 20);  // not part of it: nothing happens
  BOOST_TEST((file.text() == content));
}

BOOST_AUTO_TEST_CASE(an_empty_file_is_an_empty_span) {
  const ScratchFolder folder;
  BOOST_TEST_REQUIRE(write_text(folder / "a", "").ok());
  const auto file = MappedFile::open(folder / "a");
  BOOST_TEST_REQUIRE(file.ok());
  BOOST_TEST(file->bytes().empty());
}

BOOST_AUTO_TEST_CASE(a_pipe_is_read_to_its_end) {
  const ScratchFolder folder;
  const std::string path = folder / "pipe";
  BOOST_TEST_REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const std::string content(300'000, 'y');
  std::thread writer([&] {
    const int descriptor = ::open(path.c_str(), O_WRONLY);
    std::size_t done = 0;
    while (done < content.size()) {
      const ssize_t n = ::write(descriptor, content.data() + done, content.size() - done);
      if (n <= 0) break;
      done += static_cast<std::size_t>(n);
    }
    ::close(descriptor);
  });
  const auto file = MappedFile::open(path);
  writer.join();
  BOOST_TEST_REQUIRE(file.ok());
  BOOST_TEST(!file->is_mapped());
  BOOST_TEST((file->text() == content));
}

BOOST_AUTO_TEST_CASE(errors_name_the_path_and_what_the_system_said) {
  const ScratchFolder folder;
  const auto missing = MappedFile::open(folder / "missing");
  BOOST_TEST((missing.error().code() == Code::not_found));
  BOOST_TEST(std::string_view(missing.error().message()).ends_with("/missing: cannot open: No such file or directory"));
  BOOST_TEST((MappedFile::open(folder.path()).error().code() == Code::io_failure));
  BOOST_TEST((MappedFile::open("/dev/zero").error().code() == Code::io_failure));
  BOOST_TEST((AtomicFile::create(folder / "no/such/folder").error().code() == Code::not_found));
  BOOST_TEST((AtomicFile::create(folder.path()).error().code() == Code::io_failure));
}

BOOST_AUTO_TEST_CASE(read_text_refuses_more_than_its_limit) {
  const ScratchFolder folder;
  BOOST_TEST_REQUIRE(write_text(folder / "a", "12345").ok());
  BOOST_TEST(read_text(folder / "a", 5).value() == "12345");
  BOOST_TEST(!read_text(folder / "a", 4).ok());
}

BOOST_AUTO_TEST_CASE(a_file_appears_only_at_commit) {
  const ScratchFolder folder;
  {
    auto file = AtomicFile::create(folder / "a");
    BOOST_TEST_REQUIRE(file.ok());
    BOOST_TEST_REQUIRE(file->write(std::string_view("new")).ok());
    BOOST_TEST((kind_of(folder / "a") == PathKind::missing));
    BOOST_TEST_REQUIRE(file->commit(true).ok());
    BOOST_TEST(!file->write(std::string_view("more")).ok());
    BOOST_TEST(!file->commit().ok());
  }
  BOOST_TEST(read_text(folder / "a").value() == "new");
  BOOST_TEST(folder.files() == 1U);
}

BOOST_AUTO_TEST_CASE(the_temporary_name_is_told_before_the_file_is_made) {
  static std::string told;
  static bool was_there;
  const ScratchFolder folder;
  const auto file = AtomicFile::create(folder / "a", [](const std::string& temporary) {
    told = temporary;
    was_there = std::filesystem::exists(temporary);
  });
  BOOST_TEST_REQUIRE(file.ok());
  BOOST_TEST(told == file->temporary());
  BOOST_TEST(!was_there);
  BOOST_TEST(std::filesystem::exists(told));
}

BOOST_AUTO_TEST_CASE(an_uncommitted_file_leaves_the_old_one_and_no_other_behind) {
  const ScratchFolder folder;
  BOOST_TEST_REQUIRE(write_text(folder / "a", "old").ok());
  {
    auto file = AtomicFile::create(folder / "a");
    BOOST_TEST_REQUIRE(file.ok());
    BOOST_TEST_REQUIRE(file->write(std::string_view("new")).ok());
    BOOST_TEST(folder.files() == 2U);
    const AtomicFile moved = std::move(*file);
  }
  BOOST_TEST(read_text(folder / "a").value() == "old");
  BOOST_TEST(folder.files() == 1U);
}

BOOST_AUTO_TEST_CASE(a_link_is_followed_and_stays_a_link) {
  const ScratchFolder folder;
  BOOST_TEST_REQUIRE(write_text(folder / "a", "old").ok());
  std::filesystem::create_symlink("a", folder / "link");
  BOOST_TEST_REQUIRE(write_text(folder / "link", "new").ok());
  BOOST_TEST(std::filesystem::is_symlink(folder / "link"));
  BOOST_TEST(read_text(folder / "a").value() == "new");
}

BOOST_AUTO_TEST_CASE(a_link_to_nothing_yet_stays_and_leads_to_the_new_file) {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder / "inside");
  std::filesystem::create_symlink("inside/second", folder / "first");
  std::filesystem::create_symlink("target", folder / "inside/second");
  BOOST_TEST_REQUIRE(write_text(folder / "first", "new").ok());
  BOOST_TEST(std::filesystem::is_symlink(folder / "first"));
  BOOST_TEST(std::filesystem::is_symlink(folder / "inside/second"));
  BOOST_TEST(read_text(folder / "inside/target").value() == "new");
  std::filesystem::create_symlink("circle", folder / "circle");
  const auto endless = write_text(folder / "circle", "new");
  BOOST_TEST_REQUIRE(!endless.ok());
  BOOST_TEST(
      std::string_view(endless.error().message()).ends_with("/circle: cannot write: Too many levels of symbolic links"),
      endless.error().message());
}

BOOST_AUTO_TEST_CASE(a_replaced_file_keeps_its_permissions) {
  const ScratchFolder folder;
  const std::string path = folder / "a";
  for (const mode_t mode : {mode_t{0600}, mode_t{0666}, mode_t{0755}}) {
    BOOST_TEST_REQUIRE(write_text(path, "old").ok());
    BOOST_TEST_REQUIRE(::chmod(path.c_str(), mode) == 0);
    auto file = AtomicFile::create(path);
    BOOST_TEST_REQUIRE(file.ok());
    struct stat status = {};
    BOOST_TEST_REQUIRE(::stat(file->temporary().c_str(), &status) == 0);
    BOOST_TEST((status.st_mode & 0777) == mode);  // nobody reads in the meantime what nobody else may read
    BOOST_TEST_REQUIRE(file->commit().ok());
    BOOST_TEST_REQUIRE(::stat(path.c_str(), &status) == 0);
    BOOST_TEST((status.st_mode & 0777) == mode);
  }
}

BOOST_AUTO_TEST_CASE(the_longest_names_can_be_written) {
  const ScratchFolder folder;
  std::string name(251, 'x');
  name += "\xC3\xA9\xC3\xA9";  // 255 bytes, the last four of them two letters
  BOOST_TEST_REQUIRE(write_text(folder / name, "new").ok());
  BOOST_TEST(read_text(folder / name).value() == "new");
  BOOST_TEST(folder.files() == 1U);
  BOOST_TEST(!write_text(folder / (name + "x"), "new").ok());
}

BOOST_AUTO_TEST_CASE(a_device_is_written_and_not_replaced) {
  BOOST_TEST(write_text("/dev/null", "gone").ok());
  BOOST_TEST((kind_of("/dev/null") == PathKind::other));
  // Like /dev/stdout: a link, but what it names is no path.
  int ends[2];
  BOOST_TEST_REQUIRE(::pipe(ends) == 0);
  const std::string pipe = "/dev/fd/" + std::to_string(ends[1]);
  if (kind_of(pipe) == PathKind::other) {
    BOOST_TEST(write_text(pipe, "through").ok());
    char got[8] = {};
    BOOST_TEST(::read(ends[0], got, sizeof got) == 7);
    BOOST_TEST(std::string_view(got) == "through");
  }
  (void)::close(ends[0]);
  (void)::close(ends[1]);
}

BOOST_AUTO_TEST_CASE(paths_are_joined_and_taken_apart) {
  BOOST_TEST(join_path("a", "b") == "a/b");
  BOOST_TEST(join_path("a/", "b") == "a/b");
  BOOST_TEST(folder_of("a/b/c") == "a/b");
  BOOST_TEST(folder_of("c") == ".");
  BOOST_TEST(folder_of("/c") == "/");
  BOOST_TEST(name_of("a/b/c") == "c");
}
