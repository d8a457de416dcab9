// Every reader and writer when memory ends, when a file ends early, and when a disk is full: an error, or the right
// result, and nothing half-written.
//
// Each allocation of a call fails once, in its turn; each file is cut at each of its lengths (of large ones, at many).
// A new format is a line in `files` or `tokenizers`.
#define BOOST_TEST_MODULE failures
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "context/counting.hpp"
#include "tessera/io/convert_original.hpp"
#include "tessera/io/convert_to_original.hpp"
#include "tessera/io/narrow.hpp"
#include "tessera/io/open.hpp"
#include "tessera/io/original_dictionaries.hpp"
#include "tessera/pretrained/bert.hpp"
#include "tessera/pretrained/tokenizer_files.hpp"
#include "tessera/text/stream_decoder.hpp"

namespace {

namespace fs = std::filesystem;
namespace io = tessera::io;
namespace pretrained = tessera::pretrained;

std::string golden(const std::string& name) { return std::string(TESSERA_GOLDEN_DIR) + "/" + name; }

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "tessera-failures-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  std::string path_;
};

/// A number for what a state holds.
std::uint64_t digest(const io::State& state) {
  std::uint64_t sum = 14695981039346656037U;
  const auto add = [&sum](const void* data, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) sum = (sum ^ static_cast<const unsigned char*>(data)[i]) * 1099511628211U;
  };
  for (const io::StateTensor& tensor : state) {
    add(tensor.name.data(), tensor.name.size());
    add(tensor.shape.data(), tensor.shape.size() * sizeof(std::int64_t));
    add(tensor.data, tensor.bytes);
  }
  return sum;
}

/// What a call gives: nothing, when it fails, or a number for its result.
using Call = std::function<tessera::Result<std::uint64_t>()>;

/// Runs a call once for each of its allocations, which fails in that run. Returns how many runs gave an error.
long fail_each_allocation(
    const char* what, const Call& unguarded, const std::function<bool()>& is_tidy = [] { return true; }) {
  // The test's own strings may fail, too. The library's functions are noexcept: what one of them threw would end here.
  const auto call = [&] { return guarded(unguarded); };
#if defined(TESSERA_TEST_CAN_FAIL_ALLOCATIONS)
  const auto expected = call();
  BOOST_REQUIRE_MESSAGE(expected.ok(), what << ": " << expected.error().message());
  long errors = 0;
  long wrong = 0;
  long untidy = 0;
  for (long k = 0; k < 200000; ++k) {
    const long start = counting::allocations.load();
    counting::failing = start + k;
    const auto found = call();
    counting::failing = -1;
    const bool reached = counting::allocations.load() - start > k;
    if (!found.ok()) ++errors;
    if (found.ok() && *found != *expected) ++wrong;
    if (!is_tidy()) ++untidy;
    if (!reached) {
      BOOST_TEST(found.ok(), what << ": an error although no allocation failed");
      break;
    }
  }
  BOOST_TEST(wrong == 0, what);
  BOOST_TEST(untidy == 0, what);
  BOOST_TEST(errors > 0, what << ": no allocation mattered");
  BOOST_TEST_MESSAGE(what << ": " << errors << " allocations made it fail");
  return errors;
#else
  const auto expected = call();
  BOOST_TEST(expected.ok(), what);
  BOOST_TEST(is_tidy(), what);
  return 0;
#endif
}

/// A checkpoint in several files with an index.
void write_shards(const Folder& folder) {
  const float numbers[] = {1, 2, 3, 4};
  for (const char* const name : {"a", "b"}) {
    io::State state;
    BOOST_REQUIRE(state.add({name, tessera::DType::f32, {2, 2}, numbers, sizeof numbers}).ok());
    BOOST_REQUIRE(io::write_safetensors(state, folder / (std::string(name) + ".safetensors")).ok());
  }
  std::ofstream(folder / "model.safetensors.index.json")
      << R"({"metadata": {}, "weight_map": {"a": "a.safetensors", "b": "b.safetensors"}})";
}

/// Checkpoints, one of each format. The second is what is cut, where it is another file than what is read.
struct File {
  std::string read;
  std::string cut;
};
std::vector<File> files(const Folder& made) {
  const std::string checkpoint = golden("checkpoint/files/");
  const std::string squad = golden("tf/bert_squad/model.ckpt-7");
  return {{golden("tf/gpt2/expected_state.safetensors"), ""},
          {checkpoint + "zip_views.bin", ""},
          {checkpoint + "legacy_views.bin", ""},
          {golden("dictionaries/xlm_dump.pth"), ""},
          {golden("tf/openai_gpt/params_3.npy"), ""},
          {golden("tf/arrays.npz"), ""},
          {golden("tf/arrays_packed.npz"), ""},
          {squad, squad + ".index"},
          {squad, squad + ".data-00000-of-00001"},
          {golden("tf/bert_pretraining/v1/bert_model.ckpt"), ""},
          {golden("tf/openai_gpt"), golden("tf/openai_gpt/params_shapes.json")},
          {golden("tf/openai_gpt"), golden("tf/openai_gpt/params_9.npy")},
          {made / "model.safetensors.index.json", ""},
          {made / "model.safetensors.index.json", made / "b.safetensors"}};
}

/// Folders of tokenizers: one of each kind of vocabulary.
constexpr const char* tokenizers[] = {"bert", "gpt2", "transfo_xl", "transfo_xl_txt", "xlnet", "xlnet_bpe", "xlm"};

tessera::Result<std::uint64_t> ids_of(const std::string& folder, const std::string& class_name = {}) {
  TESSERA_TRY_ASSIGN(const auto loaded, pretrained::load_tokenizer(folder, class_name));
  TESSERA_TRY_ASSIGN(const auto row, loaded.tokenizer->encode("The caf\u00e9 of 1,000 th\u0323ings!"));
  std::uint64_t sum = 7;
  for (const auto id : row.ids) sum = sum * 1000003U + static_cast<std::uint64_t>(id);
  return sum;
}

tessera::Result<std::uint64_t> digest_of(const tessera::Result<io::State>& state) {
  if (!state.ok()) return state.error();
  return digest(*state);
}

io::State bert_state() {
  auto state = io::load_state(golden("models/bert-model-basic"));
  BOOST_REQUIRE(state.ok());
  return *state;
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_allocation_of_each_reader_may_fail) {
  const Folder made;
  write_shards(made);
  for (const File& file : files(made)) {
    if (!file.cut.empty() && !file.cut.ends_with(".index")) continue;  // read by the line before
    fail_each_allocation(file.read.c_str(), [&] { return digest_of(io::load_state(file.read)); });
  }
  const std::string corpus = content_of(golden("dictionaries/corpus.pkl"));
  fail_each_allocation("corpus.pkl", [&]() -> tessera::Result<std::uint64_t> {
    TESSERA_TRY_ASSIGN(const auto read, io::read_transfo_xl_corpus(io::bytes_of(corpus)));
    io::MemorySink sink;
    TESSERA_TRY(io::write_torch_value(read.pickle, read.vocabulary, corpus.size(), sink));
    return std::uint64_t{sink.take().size()};
  });
}

BOOST_AUTO_TEST_CASE(each_allocation_of_each_conversion_may_fail) {
  const auto original = io::load_state(golden("tf/transfo_xl"));
  BOOST_REQUIRE(original.ok());
  const auto converted = io::convert_original(*original, "TransfoXLLMHeadModel");
  BOOST_REQUIRE(converted.ok());
  fail_each_allocation("convert_original", [&]() -> tessera::Result<std::uint64_t> {
    TESSERA_TRY_ASSIGN(const auto result, io::convert_original(*original, "TransfoXLLMHeadModel"));
    return digest(result.state);
  });
  fail_each_allocation("convert_to_original", [&]() -> tessera::Result<std::uint64_t> {
    TESSERA_TRY_ASSIGN(const auto result, io::convert_to_original(converted->state, "TransfoXLLMHeadModel"));
    return digest(result.state);
  });
  fail_each_allocation("int8 and back", [&]() -> tessera::Result<std::uint64_t> {
    TESSERA_TRY_ASSIGN(const auto narrow, io::narrowed(converted->state, tessera::DType::i8));
    return digest_of(io::from_int8_rows(narrow));
  });
}

BOOST_AUTO_TEST_CASE(each_allocation_of_each_tokenizer_may_fail) {
  // Thousands of allocations make a large vocabulary: small ones show the same.
  const Folder small;
  const auto put = [&](const std::string& name, const std::string& content) { std::ofstream(small / name) << content; };
  put("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncafe\nof\n1\n,\n000\nthings\n!\n");
  fail_each_allocation("vocab.txt", [&] { return ids_of(small.path(), "BertTokenizer"); });
  put("symbols.txt", "<eos>\n<unk>\nThe\nof\n");
  fail_each_allocation("symbols.txt", [&] { return ids_of(small / "symbols.txt", "TransfoXLTokenizer"); });
  put("tokenizer_config.json", R"({"max_len": 12, "do_lower_case": false, "init_inputs": []})");
  put("special_tokens_map.json", R"({"unk_token": "the", "additional_special_tokens": ["of"]})");
  put("added_tokens.json", R"({"new": 13})");
  put("vocab.json", R"({"<unk>": 0, "t": 1, "h": 2, "th": 3, "!": 4, "<|endoftext|>": 5})");
  put("merges.txt", "#version: 0.2\nt h\n");
  for (const char* const name : {"BertTokenizer", "GPT2Tokenizer", "OpenAIGPTTokenizer", "XLMTokenizer"}) {
    fail_each_allocation(name, [&]() -> tessera::Result<std::uint64_t> {
      TESSERA_TRY_ASSIGN(const auto loaded, pretrained::load_tokenizer(small.path(), name));
      return std::uint64_t{loaded.tokenizer->size()};
    });
  }
  const std::string merges = "#version: 0.2\nt h\nth e</w>\n";
  const std::string symbols = "<unk>\nt\nh\nth\ne</w>\nthe</w>\n!\n<s>\n</s>\n<pad>\n<special1>\ne\n";
  fail_each_allocation("merges.txt", [&]() -> tessera::Result<std::uint64_t> {
    TESSERA_TRY_ASSIGN(auto vocabulary, tessera::text::read_vocabulary(symbols));
    TESSERA_TRY_ASSIGN(const auto made, tessera::text::XLMTokenizer::from_memory(std::move(vocabulary), merges));
    TESSERA_TRY_ASSIGN(const auto row, made.encode("the the!"));
    return std::uint64_t{row.ids.size()};
  });
  fail_each_allocation("vocab.bin", [&] { return ids_of(golden("tokenizers/transfo_xl"), "TransfoXLTokenizer"); });
  const std::string pieces = content_of(golden("tokenizers/xlnet/spiece.model"));
  fail_each_allocation("spiece.model", [&]() -> tessera::Result<std::uint64_t> {
    TESSERA_TRY_ASSIGN(const auto made, tessera::text::XLNetTokenizer::from_memory(pieces));
    TESSERA_TRY_ASSIGN(const auto row, made.encode("The caf\u00e9 of 1,000"));
    return std::uint64_t{row.ids.size()};
  });
}

BOOST_AUTO_TEST_CASE(each_allocation_of_each_call_of_a_tokenizer_may_fail) {
  for (const char* const name : tokenizers) {
    auto loaded = pretrained::load_tokenizer(golden("tokenizers/" + std::string(name)), {});
    BOOST_REQUIRE_MESSAGE(loaded.ok(), name << ": " << loaded.error().message());
    tessera::text::Tokenizer& tokenizer = *loaded->tokenizer;
    const std::string text = "The caf\u00e9 of 1,000 th\u0323ings!";
    const std::string added[] = {"<new>", "<newer>"};
    BOOST_REQUIRE(tokenizer.add_tokens(added).ok());
    fail_each_allocation(name, [&]() -> tessera::Result<std::uint64_t> {
      TESSERA_TRY_ASSIGN(const auto tokens, tokenizer.tokenize(text + "<new>"));
      TESSERA_TRY_ASSIGN(const auto ids, tokenizer.tokens_to_ids(tokens));
      TESSERA_TRY_ASSIGN(const auto back, tokenizer.ids_to_tokens(ids, true));
      TESSERA_TRY_ASSIGN(const auto row, tokenizer.encode(text));
      TESSERA_TRY_ASSIGN(const auto pair, tokenizer.encode(text, text));
      TESSERA_TRY_ASSIGN(const auto marked, tokenizer.with_special_tokens(row.ids));
      TESSERA_TRY_ASSIGN(const auto decoded, tokenizer.decode(marked.ids));
      tessera::text::StreamDecoder stream(tokenizer, false);
      std::size_t streamed = 0;
      for (const auto id : marked.ids) {
        TESSERA_TRY_ASSIGN(const std::string piece, stream.push(id));
        streamed += piece.size();
      }
      return std::uint64_t{back.size() + 100 * pair.ids.size() + 10000 * decoded.text.size() + 1000000 * streamed};
    });
    fail_each_allocation(name, [&]() -> tessera::Result<std::uint64_t> {
      TESSERA_TRY(tokenizer.add_tokens(added));  // none of them is new
      return std::uint64_t{tokenizer.size()};
    });
  }
}

BOOST_AUTO_TEST_CASE(a_file_that_is_cut_is_an_error_at_every_length) {
  const Folder made;
  write_shards(made);
  for (const File& file : files(made)) {
    const Folder folder;
    const std::string cut = file.cut.empty() ? file.read : file.cut;
    // All files of the checkpoint, one of them cut.
    std::string read = folder / io::name_of(file.read);
    if (io::kind_of(file.read) == io::PathKind::folder) {
      read = folder.path();
      fs::copy(file.read, folder.path(), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    } else {
      const std::string prefix = io::name_of(file.read);
      for (const auto& entry : fs::directory_iterator(io::folder_of(file.read))) {
        const std::string name = entry.path().filename().string();
        if (entry.is_regular_file() && (name.starts_with(prefix) || io::folder_of(file.read) == made.path()))
          fs::copy(entry.path(), folder.path());
      }
    }
    const auto copied = io::load_state(read);
    BOOST_REQUIRE_MESSAGE(copied.ok(), copied.error().message());
    const std::string whole = content_of(cut);
    const std::string path = folder / io::name_of(cut);
    std::size_t accepted = 0;
    const std::size_t step = whole.size() / 700 + 1;
    for (std::size_t n = 0; n < whole.size(); n += n < 400 || n + 400 > whole.size() ? 1 : step) {
      BOOST_REQUIRE(::truncate(path.c_str(), 0) == 0);
      std::ofstream(path, std::ios::binary) << whole.substr(0, n);
      if (io::load_state(read).ok()) ++accepted;
    }
    BOOST_TEST(accepted == 0U, cut);
  }
}

BOOST_AUTO_TEST_CASE(a_vocabulary_that_is_cut_is_read_or_refused) {
  for (const char* const name : tokenizers) {
    const Folder folder;
    fs::copy(golden("tokenizers/" + std::string(name)), folder.path(),
             fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    for (const char* const file : {"vocab.txt", "vocab.json", "merges.txt", "vocab.bin", "spiece.model"}) {
      const std::string path = folder / file;
      if (!fs::exists(path)) continue;
      const std::string whole = content_of(path);
      std::size_t refused = 0;
      for (std::size_t n = 0; n < whole.size(); n += whole.size() / 60 + 1) {
        std::ofstream(path, std::ios::binary) << whole.substr(0, n);
        if (!ids_of(folder.path()).ok()) ++refused;
      }
      // Lines that are missing are no fault that a reader could see; objects and pickles that end early are.
      if (std::string_view(file) == "vocab.json" || std::string_view(file) == "vocab.bin")
        BOOST_TEST(refused >= 50U, path);
      std::ofstream(path, std::ios::binary) << whole;
    }
    const auto whole = ids_of(folder.path());
    BOOST_TEST(whole.ok(), name << ": " << whole.error().message());
  }
}

BOOST_AUTO_TEST_CASE(a_pipe_that_gives_little_at_a_time_is_read_to_its_end) {
  const std::string whole = content_of(golden("checkpoint/files/zip_views.bin"));
  const auto expected = digest_of(io::load_state(golden("checkpoint/files/zip_views.bin")));
  for (const std::size_t length : {whole.size(), whole.size() - 1, whole.size() / 2, std::size_t{1}}) {
    int ends[2];
    BOOST_REQUIRE(::pipe(ends) == 0);
    std::thread writer([&] {
      for (std::size_t at = 0; at < length; at += 97) {
        const std::size_t part = std::min<std::size_t>(97, length - at);
        if (::write(ends[1], whole.data() + at, part) != static_cast<ssize_t>(part)) break;
      }
      ::close(ends[1]);
    });
    const auto found = digest_of(io::load_state("/dev/fd/" + std::to_string(ends[0])));
    writer.join();
    ::close(ends[0]);
    BOOST_TEST(found.ok() == (length == whole.size()));
    if (found.ok()) BOOST_TEST(*found == *expected);
  }
}

namespace {

struct Saving {
  const char* name;
  const char* file;  ///< the last that is written
  std::function<tessera::Result<void>(const std::string& folder)> save;
};

std::vector<Saving> savings(const io::State& state, const pretrained::LoadedTokenizer& tokenizer,
                            const tessera::Pretrained<tessera::Bert<>>& model) {
  return {
      {"safetensors", "a.safetensors",
       [&](const std::string& f) { return io::write_safetensors(state, f + "/a.safetensors"); }},
      {"torch", "a.bin", [&](const std::string& f) { return io::write_torch(state, f + "/a.bin"); }},
      {"TensorFlow", "a.ckpt.index", [&](const std::string& f) { return io::write_tf_bundle(state, f + "/a.ckpt"); }},
      {"npy", "a.npy", [&](const std::string& f) { return io::write_npy(state[0], f + "/a.npy"); }},
      {"save_pretrained", "config.json",
       [&](const std::string& f) { return tessera::save_pretrained(model, f, tessera::WeightFormat::torch); }},
      {"save_tokenizer", "added_tokens.json", [&](const std::string& f) -> tessera::Result<void> {
         const auto saved = pretrained::save_tokenizer(tokenizer, f);
         return saved.ok() ? tessera::Result<void>() : tessera::Result<void>(saved.error());
       }}};
}

/// No temporary file, and each file is whole: as it was before, or as it is after a good run.
bool is_tidy(const Folder& folder, const Folder& good) {
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    const std::string name = entry.path().filename().string();
    const std::string content = content_of(entry.path());
    if (name.find(".tmp") != name.npos) return false;
    if (content != "old" && content != content_of(good / name)) return false;
  }
  return true;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_save_that_fails_leaves_old_files_whole_and_nothing_else) {
  const io::State state = bert_state();
  const auto tokenizer = pretrained::load_tokenizer(golden("tokenizers/bert_cased"));
  const auto model = tessera::from_pretrained<tessera::Bert<>>(golden("models/bert-model-basic"));
  BOOST_REQUIRE(tokenizer.ok() && model.ok());
  for (const Saving& saving : savings(state, *tokenizer, **model)) {
    BOOST_TEST_CONTEXT(saving.name) {
      const Folder good;
      BOOST_REQUIRE(saving.save(good.path()).ok());
      BOOST_REQUIRE(fs::exists(good / saving.file));
      const Folder folder;
      const auto age = [&] {
        for (const auto& entry : fs::directory_iterator(good.path()))
          std::ofstream(folder / entry.path().filename().string()) << "old";
      };
      age();

      fail_each_allocation(
          saving.name,
          [&]() -> tessera::Result<std::uint64_t> {
            TESSERA_TRY(saving.save(folder.path()));
            return std::uint64_t{1};
          },
          [&] { return is_tidy(folder, good); });
      // A disk that is full after so many bytes of a file.
      std::uintmax_t largest = 0;
      for (const auto& entry : fs::directory_iterator(good.path())) largest = std::max(largest, entry.file_size());
      age();
      (void)std::signal(SIGXFSZ, SIG_IGN);
      rlimit before = {};
      BOOST_REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
      std::size_t succeeded = 0;
      std::size_t untidy = 0;
      for (std::uintmax_t most = 0; most < largest; most += largest / 40 + 1) {
        rlimit limit = before;
        limit.rlim_cur = most;
        BOOST_REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
        const bool ok = saving.save(folder.path()).ok();
        BOOST_REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
        if (ok) ++succeeded;
        if (!is_tidy(folder, good)) ++untidy;
      }
      BOOST_TEST(succeeded == 0U);
      BOOST_TEST(untidy == 0U);
      BOOST_TEST(saving.save(folder.path()).ok());
      BOOST_TEST(content_of(folder / saving.file) == content_of(good / saving.file));
    }
  }
}
