// Tokenizers from folders: the recorded scenarios of adding, saving and loading again, and what broken folders give.
#define BOOST_TEST_MODULE pretrained_tokenizer_files
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tessera/io/sha256.hpp"
#include "tessera/pretrained/tokenizer_files.hpp"
#include "tessera/text/offsets.hpp"
#include "text/golden.hpp"

namespace {

namespace fs = std::filesystem;
using golden::Json;
using namespace tessera::pretrained;
using namespace tessera::text;

/// A folder that is gone when the test is.
class Folder {
 public:
  explicit Folder(const std::string& name = "folder") {
    std::string pattern = (fs::temp_directory_path() / "tessera-XXXXXX").string();
    BOOST_REQUIRE(mkdtemp(pattern.data()) != nullptr);
    root_ = pattern;
    fs::create_directory(root_ / name);
    path_ = (root_ / name).string();
  }
  ~Folder() { fs::remove_all(root_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& path() const { return path_; }
  Folder& put(const std::string& name, const std::string& content) {
    std::ofstream(path_ + "/" + name, std::ios::binary) << content;
    return *this;
  }

 private:
  fs::path root_;
  std::string path_;
};

LoadedTokenizer load(const std::string& path, const std::string& name = "", const Json& arguments = Json::object()) {
  auto loaded = load_tokenizer(path, name, arguments);
  BOOST_REQUIRE_MESSAGE(loaded.ok(), loaded.error().message());
  return std::move(loaded).value();
}

std::string error_of(const std::string& path, const std::string& name = "", const Json& arguments = Json::object()) {
  const auto loaded = load_tokenizer(path, name, arguments);
  BOOST_REQUIRE(!loaded.ok());
  return loaded.error().message();
}

Json state_of(const Tokenizer& tokenizer) {
  Json state;
  state["len"] = tokenizer.size();
  state["vocab_size"] = tokenizer.vocab_size();
  Json added = Json::object();
  for (const auto& [token, id] : tokenizer.added_tokens()) added[token] = id;
  state["added_tokens_encoder"] = added;
  state["special_tokens_map"] = special_tokens_map(tokenizer);
  std::vector<std::string> tokens = tokenizer.all_special_tokens();
  std::sort(tokens.begin(), tokens.end());
  state["all_special_tokens_sorted"] = tokens;
  Ids ids = tokenizer.all_special_ids();
  std::sort(ids.begin(), ids.end());
  state["all_special_ids_sorted"] = ids;
  return state;
}

std::vector<SpecialTokenChange> changes_of(const Json& dictionary) {
  std::vector<SpecialTokenChange> changes;
  for (const auto& [key, value] : dictionary.items()) {
    const auto role = role_named(key);
    BOOST_REQUIRE(role.has_value());
    changes.push_back({*role, value.is_array() ? value.get<std::vector<std::string>>()
                                               : std::vector<std::string>{value.get<std::string>()}});
  }
  return changes;
}

constexpr EncodeOptions with_special{true, 0};

std::vector<std::string> symbols_of(const std::string& lines) {
  std::vector<std::string> symbols;
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find('\n', at);
    symbols.push_back(lines.substr(at, end - at));
    at = end + 1;
  }
  return symbols;
}

std::vector<std::string> read_torch_vocabulary_of(const std::string& bytes) {
  const auto read = tessera::pretrained::detail::read_torch_vocabulary(tessera::io::bytes_of(bytes));
  BOOST_REQUIRE_MESSAGE(read.ok(), read.error().message());
  std::vector<std::string> symbols;
  for (std::size_t i = 0; i < read->first.size(); ++i) symbols.emplace_back(read->first.token(static_cast<Id>(i)));
  return symbols;
}

void play(const std::string& folder, const Json& scenario) {
  const std::string path = golden::path(folder);
  const Json info = golden::json(folder + "/info.json");
  const auto class_name = info.at("class").get<std::string>();
  LoadedTokenizer loaded = load(path, class_name, info.at("kwargs"));
  Tokenizer& tokenizer = *loaded.tokenizer;
  const Folder saved;
  for (const Json& step : scenario.at("steps")) {
    const auto op = step.at("op").get<std::string>();
    BOOST_TEST_CONTEXT(folder << ", " << scenario.at("name") << ", " << op) {
      if (op == "add_tokens") {
        const auto n = tokenizer.add_tokens(step.at("arg").get<std::vector<std::string>>());
        BOOST_REQUIRE(n.ok());
        BOOST_TEST(*n == step.at("returns").get<std::size_t>());
      } else if (op == "add_special_tokens") {
        const auto n = tokenizer.add_special_tokens(changes_of(step.at("arg")));
        BOOST_REQUIRE(n.ok());
        BOOST_TEST(*n == step.at("returns").get<std::size_t>());
      } else if (op == "encode_pair") {
        const auto a = step.at("a").get<std::string>();
        const auto b = step.at("b").get<std::string>();
        const auto apart = tokenizer.encode(a, b);
        const auto joined = tokenizer.encode(a, b, with_special);
        BOOST_REQUIRE(apart.ok() && joined.ok());
        BOOST_TEST(Json({apart->ids, apart->pair_ids}) == step.at("returns"));
        BOOST_TEST(Json(joined->ids) == step.at("returns_special"));
      } else if (op == "save_pretrained") {
        const auto paths = save_tokenizer(loaded, saved.path());
        BOOST_REQUIRE_MESSAGE(paths.ok(), paths.error().message());
        Json names = Json::array();
        for (const std::string& p : *paths) names.push_back(fs::path(p).filename().string());
        BOOST_TEST(names == step.at("returns"));
        for (const auto& [name, content] : step.at("files").items()) {
          const std::string bytes = golden::bytes(saved.path() + "/" + name);
          if (content.contains("torch_save")) {
            BOOST_TEST(read_torch_vocabulary_of(bytes) == symbols_of(golden::text("transfo_xl/vocab_symbols.txt")));
          } else if (content.contains("text")) {
            BOOST_TEST(bytes == content.at("text").get<std::string>());
          } else {
            BOOST_TEST(tessera::io::sha256_hex(tessera::io::bytes_of(bytes)) ==
                       content.at("sha256").get<std::string>());
          }
        }
      } else if (op == "reload") {
        const LoadedTokenizer again = load(saved.path(), class_name);
        BOOST_TEST(state_of(*again.tokenizer) == step.at("state"));
        std::size_t i = 0;
        for (const Json& same : step.at("same_tokens")) {
          const auto text = scenario.at("cases").at(i++).at("text").get<std::string>();
          if (scenario.at("cases").at(i - 1).contains("tokens_any_of")) continue;
          const bool equal = golden::value(again.tokenizer->tokenize(text)) == golden::value(tokenizer.tokenize(text));
          BOOST_TEST(equal == same.get<bool>());
        }
      } else {
        BOOST_TEST(op == "load");
      }
      if (step.contains("state") && op != "reload") BOOST_TEST(state_of(tokenizer) == step.at("state"));
    }
  }
  for (const Json& line : scenario.at("cases")) {
    const std::string difference = golden::differences(tokenizer, line);
    BOOST_CHECK_MESSAGE(difference.empty(), folder << ", " << scenario.at("name").dump() << ", " << difference);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(recorded_scenarios_of_adding_saving_and_loading_play_as_in_the_reference) {
  for (const std::string folder : {"bert", "bert_cased", "bert_base_uncased", "openai_gpt", "gpt2", "roberta",
                                   "transfo_xl", "xlnet", "xlnet_bpe", "xlm", "xlm_cased"}) {
    const Json scenarios = golden::json(folder + "/scenarios.json");
    BOOST_TEST(scenarios.size() == 6U);
    for (const Json& scenario : scenarios) play(folder, scenario);
  }
}

BOOST_AUTO_TEST_CASE(where_later_versions_answer_otherwise_the_reference_is_followed) {
  const Json differences = golden::json("version_differences.json");
  std::size_t seen = 0;
  for (const auto& [folder, entry] : differences.items()) {
    if (!entry.is_object() || !entry.contains("examples") || folder.find_first_of(": ") != folder.npos) continue;
    const LoadedTokenizer loaded = load(golden::path(folder), "", golden::json(folder + "/info.json").at("kwargs"));
    for (const Json& example : entry.at("examples")) {
      auto tokens = loaded.tokenizer->tokenize(example.at("text").get<std::string>());
      BOOST_REQUIRE(tokens.ok());
      // The examples show the first forty tokens, and of a long text the start, whose last word may be cut.
      auto wanted = example.at("golden").get<Tokens>();
      if (tokens->size() < wanted.size()) tokens->pop_back();
      const std::size_t shown = std::min(tokens->size(), wanted.size());
      tokens->resize(shown);
      wanted.resize(shown);
      BOOST_TEST(*tokens == wanted, folder << ": " << example.at("text"));
      ++seen;
    }
  }
  BOOST_TEST(seen > 40U);
}

BOOST_AUTO_TEST_CASE(tokens_are_found_again_in_their_text) {
  const auto spelled = [](std::string_view text) {
    std::vector<tessera::text::detail::Pairing::Letter> letters;
    for (const char32_t c : utf8::decode(text)) tessera::text::detail::append_folded(c, 0, letters);
    std::u32string out;
    for (const auto& letter : letters) out.push_back(letter.value);
    return out;
  };
  // What is left are characters that became several tokens: Hangul, ligatures, "..." - and a "１" that is a quote.
  const std::pair<std::string, double> folders[] = {
      {"bert", 0.98},      {"bert_cased", 0.99}, {"bert_base_uncased", 0.98}, {"openai_gpt", 0.98},
      {"gpt2", 1},         {"roberta", 1},       {"transfo_xl", 1},           {"xlnet", 0.98},
      {"xlnet_bpe", 0.98}, {"xlm", 0.98},        {"xlm_cased", 0.99}};
  for (const auto& [folder, least] : folders) {
    const LoadedTokenizer loaded = load(golden::path(folder), "", golden::json(folder + "/info.json").at("kwargs"));
    const Tokenizer& tokenizer = *loaded.tokenizer;
    double all = 0;
    double equal = 0;
    for (const Json& line : golden::lines(folder + "/cases.jsonl")) {
      if (!line.contains("tokens")) continue;
      const auto text = line.at("text").get<std::string>();
      const auto tokens = line.at("tokens").get<Tokens>();
      const auto spans = token_offsets(tokenizer, text, tokens);
      BOOST_REQUIRE(spans.ok());
      BOOST_REQUIRE(spans->size() == tokens.size());
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        const TokenSpan& span = (*spans)[i];
        BOOST_REQUIRE((span.byte_begin <= span.byte_end && span.byte_end <= text.size()));
        BOOST_REQUIRE(span.point_begin <= span.point_end);
        if (tokens[i] == tokenizer.special_tokens()[Role::unk]) continue;
        const std::string part = text.substr(span.byte_begin, span.byte_end - span.byte_begin);
        if (!tokenizer.spells_bytes()) BOOST_REQUIRE(utf8::count(part) == span.point_end - span.point_begin);
        std::string surface;
        BOOST_REQUIRE(tokenizer.append_run_text(tokens[i], false, surface).ok());
        const bool same =
            tokenizer.spells_bytes() ? part == surface || " " + part == surface : spelled(part) == spelled(surface);
        all += 1;
        equal += same ? 1 : 0;
      }
    }
    BOOST_TEST(equal >= least * all, folder << ": " << equal << " of " << all);
  }
}

BOOST_AUTO_TEST_CASE(spans_count_bytes_and_code_points) {
  const auto spans = [](const Tokenizer& tokenizer, const std::string& text) {
    const auto tokens = tokenizer.tokenize(text);
    BOOST_REQUIRE(tokens.ok());
    const auto found = token_offsets(tokenizer, text, *tokens);
    BOOST_REQUIRE(found.ok());
    Json out = Json::array();
    for (const TokenSpan& s : *found) out.push_back({s.byte_begin, s.byte_end, s.point_begin, s.point_end});
    return out;
  };
  const LoadedTokenizer bert = load(golden::path("bert"));
  BOOST_TEST(golden::value(bert.tokenizer->tokenize(" The \u00C9 \U0001F600\U0001F600 the.")) ==
             Json({"the", "e", "[UNK]", "the", "."}));
  BOOST_TEST(spans(*bert.tokenizer, " The \u00C9 \U0001F600\U0001F600 the.") ==
             Json({{1, 4, 1, 4}, {5, 7, 5, 6}, {8, 16, 7, 9}, {17, 20, 10, 13}, {20, 21, 13, 14}}));
  BOOST_TEST(spans(*bert.tokenizer, "e\u0301\xFF the") == Json({{0, 3, 0, 2}, {5, 8, 4, 7}}));
  BOOST_TEST(spans(*bert.tokenizer, "").empty());
  const LoadedTokenizer gpt2 = load(golden::path("gpt2"));
  BOOST_TEST(golden::value(gpt2.tokenizer->tokenize("  the\u20AC")) ==
             Json({"\u0120the", "\u00E2", "\u0124", "\u00AC"}));
  BOOST_TEST(spans(*gpt2.tokenizer, "  the\u20AC") == Json({{2, 5, 2, 5}, {5, 6, 5, 6}, {6, 7, 5, 6}, {7, 8, 5, 6}}));
  const Tokens wrapped = {"[CLS]", "the", "[UNK]", "[SEP]"};
  const auto around = token_offsets(*bert.tokenizer, "the xyz", wrapped);
  BOOST_REQUIRE(around.ok());
  BOOST_TEST((around->front() == TokenSpan{0, 0, 0, 0}));
  BOOST_TEST((around->at(2) == TokenSpan{4, 7, 4, 7}));
}

BOOST_AUTO_TEST_CASE(rows_are_cut_by_the_strategy_asked_for) {
  const LoadedTokenizer loaded = load(golden::path("bert"));
  const auto row = [&loaded](Truncation how, std::size_t length) {
    return golden::value(loaded.tokenizer->encode("the the other", "other the", {true, length, how}));
  };
  BOOST_TEST(row(Truncation::longest_first, 7) == Json({4, 643, 643, 5, 1090, 643, 5}));
  BOOST_TEST(row(Truncation::only_first, 6) == Json({4, 643, 5, 1090, 643, 5}));
  BOOST_TEST(row(Truncation::first_start, 6) == Json({4, 1090, 5, 1090, 643, 5}));
  BOOST_TEST(row(Truncation::only_second, 6) == Json({4, 643, 643, 1090, 5, 5}));
  BOOST_TEST(row(Truncation::none, 8) == Json({4, 643, 643, 1090, 5, 1090, 643, 5}));
  for (const auto how : {Truncation::only_first, Truncation::first_start, Truncation::only_second, Truncation::none}) {
    BOOST_TEST(row(how, how == Truncation::none ? 7 : 3).contains("error"));
  }
}

BOOST_AUTO_TEST_CASE(vocab_bin_is_read_in_both_of_torchs_formats_and_vocab_txt_wins_over_it) {
  const std::vector<std::string> symbols = symbols_of(golden::text("transfo_xl/vocab_symbols.txt"));
  BOOST_TEST(symbols.size() == 2914U);
  Folder f;
  for (const char* name : {"vocab.bin", "vocab.zip.bin"}) {
    const std::string bytes = golden::text(std::string("transfo_xl/") + name);
    BOOST_TEST((read_torch_vocabulary_of(bytes) == symbols));
    f.put("vocab.bin", bytes);
    const LoadedTokenizer loaded = load(f.path(), "TransfoXLTokenizer");
    BOOST_TEST(loaded.tokenizer->vocab_size() == 2914U);
    BOOST_TEST(golden::value(loaded.tokenizer->encode("The evidence")) == Json({13, 2062}));
    const LoadedTokenizer lower = load(f.path() + "/vocab.bin", "transfo-xl", {{"lower_case", true}});
    BOOST_TEST(golden::value(lower.tokenizer->encode("The evidence")) == Json({2, 2062}));
  }
  f.put("vocab.txt", "<unk>\nevidence\n");
  BOOST_TEST(golden::value(load(f.path(), "transfo-xl").tokenizer->encode("The evidence")) == Json({0, 1}));
  const std::string good = golden::text("transfo_xl/vocab.bin");
  for (const std::size_t size : {0UL, 10UL, 40UL, 300UL, good.size() / 2}) {
    Folder cut;
    cut.put("vocab.bin", good.substr(0, size));
    BOOST_TEST(!load_tokenizer(cut.path(), "transfo-xl").ok(), size << " bytes");
  }
}

BOOST_AUTO_TEST_CASE(the_language_of_xlm_comes_with_the_arguments) {
  const std::string path = golden::path("xlm");
  const Json arguments = {{"lang", "fr"}, {"lang2id", {{"en", 0}, {"fr", 1}}}};
  BOOST_TEST(golden::value(load(path, "", arguments).tokenizer->tokenize("L'eau")) !=
             golden::value(load(path).tokenizer->tokenize("L'eau")));
  BOOST_TEST(error_of(path, "xlm", {{"lang2id", 7}}).find("lang2id: an object") == 0U);
  BOOST_TEST(!load(path, "xlm", {{"lang", "zh"}}).tokenizer->tokenize("a").ok());
}

BOOST_AUTO_TEST_CASE(call_arguments_win_over_the_config_and_the_config_over_the_map) {
  Folder f;
  f.put("vocab.txt", "[UNK]\n[PAD]\nA\na\n<a>\n<b>\n<c>\n");
  f.put("tokenizer_config.json", R"({"do_lower_case": false, "max_len": 7, "pad_token": "<a>", "init_inputs": []})");
  f.put("special_tokens_map.json",
        R"({"pad_token": "<b>", "mask_token": "<c>", "additional_special_tokens": ["<b>"]})");
  const LoadedTokenizer one = load(f.path(), "BertTokenizer");
  BOOST_TEST(golden::value(one.tokenizer->tokenize("A")) == Json({"A"}));
  BOOST_TEST(one.tokenizer->max_len() == 7);
  BOOST_TEST(one.tokenizer->special_tokens()[Role::pad] == "<a>");
  BOOST_TEST(one.tokenizer->special_tokens()[Role::mask] == "<c>");
  const LoadedTokenizer two = load(f.path(), "bert", {{"do_lower_case", true}, {"max_len", nullptr}});
  BOOST_TEST(golden::value(two.tokenizer->tokenize("A")) == Json({"a"}));
  BOOST_TEST(two.tokenizer->max_len() == Tokenizer::no_max_len);

  const Folder out;
  BOOST_REQUIRE(save_tokenizer(two, out.path()).ok());
  BOOST_TEST(golden::bytes(out.path() + "/tokenizer_config.json") ==
             R"({"do_lower_case": true, "max_len": null, "pad_token": "<a>", "mask_token": "<c>", )"
             R"("additional_special_tokens": ["<b>"], "init_inputs": []})");
}

BOOST_AUTO_TEST_CASE(a_single_vocabulary_file_loads_with_its_neighbours) {
  Folder f;
  f.put("words.txt", "[UNK]\na\n").put("added_tokens.json", R"({"zz": 9})");
  const LoadedTokenizer loaded = load(f.path() + "/words.txt", "BertTokenizer");
  BOOST_TEST(golden::value(loaded.tokenizer->encode("azz")) == Json({1, 9}));
}

BOOST_AUTO_TEST_CASE(a_vocabulary_with_a_repeated_token_is_saved_without_the_gap_and_with_a_warning) {
  Folder f;
  f.put("vocab.txt", "[UNK]\na\nb\na\n");
  const LoadedTokenizer loaded = load(f.path(), "BertTokenizer");
  const Folder out;
  std::vector<std::string> warnings;
  BOOST_REQUIRE(save_tokenizer(loaded, out.path(), &warnings).ok());
  BOOST_TEST(golden::bytes(out.path() + "/vocab.txt") == "[UNK]\nb\na\n");
  BOOST_TEST(warnings.size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_class_is_found_in_the_files_and_then_in_the_name_of_the_folder) {
  BOOST_TEST(*tokenizer_class(golden::path("bert")) == "BertTokenizer");
  Folder by_name("my-distilbert_base");
  BOOST_TEST(*tokenizer_class(by_name.path()) == "DistilBertTokenizer");
  by_name.put("config.json", R"({"architectures": ["RobertaForMaskedLM"]})");
  BOOST_TEST(*tokenizer_class(by_name.path()) == "RobertaTokenizer");
  by_name.put("config.json", R"({"model_type": "bert", "architectures": ["RobertaForMaskedLM"]})");
  BOOST_TEST(*tokenizer_class(by_name.path()) == "BertTokenizer");
  by_name.put("tokenizer_config.json", R"({"tokenizer_class": "XLMTokenizer"})");
  BOOST_TEST(*tokenizer_class(by_name.path()) == "XLMTokenizer");
  by_name.put("info.json", R"({"class": "DistilBertTokenizerFast"})");
  BOOST_TEST(*tokenizer_class(by_name.path()) == "DistilBertTokenizer");
  const Folder nameless("x");
  BOOST_TEST(!tokenizer_class(nameless.path()).ok());
}

BOOST_AUTO_TEST_CASE(special_tokens_are_read_as_later_packages_write_them) {
  Folder f("later");
  f.put("vocab.txt", "[UNK]\n[CLS]\n[SEP]\n<m>\n<x>\na\n")
      .put("tokenizer_config.json", R"({"pad_token": null})")
      .put("special_tokens_map.json",
           R"({"mask_token": {"content": "<m>", "lstrip": true}, "additional_special_tokens": [{"content": "<x>"}]})");
  const auto loaded = load(f.path(), "BertTokenizer");
  BOOST_TEST(loaded.tokenizer->special_tokens()[Role::mask] == "<m>");
  BOOST_TEST(golden::value(loaded.tokenizer->encode("a <x> <m>")) == Json({5, 4, 3}));
}

BOOST_AUTO_TEST_CASE(broken_folders_give_errors_that_say_where_and_what) {
  const auto has = [](const std::string& message, const std::string& part) {
    BOOST_TEST(message.find(part) != std::string::npos, message << " lacks: " << part);
  };
  has(error_of("/no/such/folder"), "/no/such/folder: no such file or folder");
  Folder f;
  has(error_of(f.path(), "BertTokenizer"), "vocab.txt: the vocabulary file is missing");
  has(error_of(f.path(), "XLNetTokenizer"), "spiece.model: the vocabulary file is missing");
  has(error_of(f.path(), "Nonsense"), "'Nonsense' is unsupported");
  f.put("vocab.txt", "a\n\xFF\n");
  has(error_of(f.path(), "BertTokenizer"),
      "vocab.txt: vocabulary: expected UTF-8, found an invalid byte 0xFF at offset 2");
  f.put("vocab.txt", "a\n");
  has(error_of(f.path(), "BertTokenizer", {{"unk_token", 5}}), "'unk_token' is of type number, string expected");
  has(error_of(f.path(), "BertTokenizer", {{"never_split", "x"}}), "a list of strings expected");
  has(error_of(f.path(), "BertTokenizer", {{"max_len", "x"}}), "'max_len' is of type string");
  has(error_of(f.path(), "BertTokenizer", Json::array()), "an object expected, found array");
  f.put("added_tokens.json", R"({"x": -1})");
  has(error_of(f.path(), "BertTokenizer"), "added_tokens.json: the id of 'x' is -1");
  f.put("added_tokens.json", R"({"x": "y"})");
  has(error_of(f.path(), "BertTokenizer"), "integer expected");
  f.put("added_tokens.json", "[]");
  has(error_of(f.path(), "BertTokenizer"), "added_tokens.json: an object expected, found array");
  f.put("added_tokens.json", "{");
  has(error_of(f.path(), "BertTokenizer"), "added_tokens.json: JSON:");
  f.put("added_tokens.json", "{}").put("tokenizer_config.json", R"({"init_inputs": ["vocab.txt"]})");
  has(error_of(f.path(), "BertTokenizer"), "positional arguments");
  f.put("tokenizer_config.json", "{}");
  BOOST_TEST(!save_tokenizer(load(f.path(), "BertTokenizer"), f.path() + "/none").ok());
}

BOOST_AUTO_TEST_CASE(arguments_of_byte_pair_tokenizers_come_from_the_files) {
  Folder f("my-gpt2");
  f.put("vocab.json", R"({"\u00c3": 0, "b": 7, "<x>": 3})").put("merges.txt", "#version: 0.2\n");
  f.put("tokenizer_config.json", R"({"errors": "ignore", "max_len": 5, "unk_token": "<x>"})");
  const LoadedTokenizer loaded = load(f.path());
  BOOST_TEST(loaded.class_name == "GPT2Tokenizer");
  BOOST_TEST(loaded.tokenizer->max_len() == 5);
  BOOST_TEST(golden::value(loaded.tokenizer->encode("cb")) == Json({3, 3, 7}));
  BOOST_TEST(loaded.tokenizer->decode(Ids{7, 0, 7})->text == "bb");
  BOOST_TEST(load(f.path(), "roberta").tokenizer->special_tokens()[Role::mask] == "<mask>");
  BOOST_TEST(load(f.path(), "OpenAIGPTTokenizer").tokenizer->decode(Ids{7, 9})->text == "b<x>");
  BOOST_TEST(error_of(f.path(), "gpt2", {{"errors", "surrogateescape"}}).find("errors: \"replace\"") == 0U);
  BOOST_TEST(error_of(f.path() + "/vocab.json", "gpt2").find("a folder with vocab.json and merges.txt") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_hostile_vocabulary_gives_one_clear_error_or_a_defined_result) {
  const std::string good_merges = "#version: 0.2\na b\n";
  const struct {
    const char* vocabulary;
    const char* part;  // of the error; nullptr where the folder loads
  } cases[] = {
      {"", "vocab.json: JSON:"},
      {"{", "vocab.json: JSON:"},
      {R"({"a": 0, "b)", "vocab.json: JSON:"},
      {R"({"a": 0} x)", "vocab.json: JSON:"},
      {"[]", "vocab.json: an object of tokens and ids expected, found array"},
      {"7", "found number"},
      {R"({"a": "0"})", "vocab.json: JSON: 'a' is of type string, integer expected"},
      {R"({"a": null})", "'a' is of type null"},
      {R"({"a": 1.0})", "'a' is of type number"},
      {R"({"a": {"b": 1}})", "'a' is of type object"},
      {R"({"a": -1})", "vocab.json: the id of 'a' is -1, expected 0 to 67108863"},
      {R"({"a": 67108864})", "the id of 'a' is 67108864"},
      {R"({"a": 99999999999999999999})", "vocab.json: JSON: 'a' is of type number"},
      {R"({"a": 18446744073709551615})", "larger than a 64-bit integer holds"},
      {"{\"a\xff\": 1}", "vocab.json: JSON:"},
      {R"({"\ud800": 1})", "vocab.json: JSON:"},
      {R"({})", nullptr},
      {R"({"": 0})", nullptr},
      {R"({"a": 0, "a": 1})", nullptr},
      {R"({"a": 5, "b": 5})", nullptr},
      {R"({"a": 0, "b": 1000000})", nullptr},
      {"{\"a\\u0000b\": 0, \"\\n\": 1}", nullptr},
  };
  for (const auto& c : cases) {
    for (const char* const name : {"gpt2", "roberta", "openai-gpt"}) {
      BOOST_TEST_CONTEXT(name << " " << c.vocabulary) {
        Folder f;
        f.put("vocab.json", c.vocabulary).put("merges.txt", good_merges);
        const auto loaded = load_tokenizer(f.path(), name);
        BOOST_TEST(loaded.ok() == (c.part == nullptr));
        if (!loaded.ok()) {
          BOOST_TEST(std::string(loaded.error().message()).find(c.part) != std::string::npos, loaded.error().message());
          continue;
        }
        // Whatever the answers are, there are some.
        for (const char* const text : {"a", "b", "ab", " \n", "<s>", "<unk>", "\xF0\x9F\x98\x80"}) {
          (void)loaded->tokenizer->tokenize(text);
          (void)loaded->tokenizer->encode(text, {.add_special_tokens = true, .max_length = 0});
          (void)loaded->tokenizer->encode(text, text);
        }
        for (const Id id : {-1, 0, 1, 5, 1000000, 67108863}) (void)loaded->tokenizer->decode(Ids{id, id});
        const Folder out;
        BOOST_TEST(save_tokenizer(*loaded, out.path()).ok());
        BOOST_TEST(load_tokenizer(out.path(), name).ok());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(equal_keys_and_equal_ids_of_a_vocabulary_count_as_in_python) {
  Folder f;
  f.put("merges.txt", "x\n").put("vocab.json", R"({"a": 0, "b": 5, "c": 5, "a": 2})");
  const auto vocabulary = read_json_vocabulary(f.path() + "/vocab.json");
  BOOST_REQUIRE(vocabulary.ok());
  BOOST_TEST(vocabulary->size() == 3U);
  BOOST_TEST(vocabulary->find("a") == 2);
  BOOST_TEST(vocabulary->find("b") == 5);
  BOOST_TEST(vocabulary->token(5) == "c");
  BOOST_TEST(!vocabulary->has(0));
  const LoadedTokenizer loaded = load(f.path(), "gpt2");
  const Folder out;
  BOOST_REQUIRE(save_tokenizer(loaded, out.path()).ok());
  BOOST_TEST(golden::bytes(out.path() + "/vocab.json") == R"({"a": 2, "b": 5, "c": 5})");
}

BOOST_AUTO_TEST_CASE(hostile_merges_give_one_clear_error_or_a_defined_result) {
  const auto has = [](const std::string& message, const std::string& part) {
    BOOST_TEST(message.find(part) != std::string::npos, message << " lacks: " << part);
  };
  Folder f;
  f.put("vocab.json", R"({"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3, "\u0120": 4})");
  has(error_of(f.path(), "gpt2"), "merges.txt: the vocabulary file is missing");
  f.put("merges.txt", "x\na b\n\xC3");
  has(error_of(f.path(), "gpt2"), "merges.txt: merges: expected UTF-8, found an invalid byte 0xC3 at offset 6");
  const struct {
    std::string merges;
    Json ids;
  } cases[] = {
      {"", {4, 0, 1}},           {"a b", {4, 0, 1}},
      {"x\na b", {4, 0, 1}},     {"x\na b\n", {4, 2}},
      {"x\r\na b\r\n", {4, 2}},  {"x\na b c\na\n\n \n", {4, 0, 1}},
      {"x\na b\na b\n", {4, 2}}, {std::string("x\na b\0\n", 7), {4, 0, 1}},
  };
  for (const auto& c : cases) {
    f.put("merges.txt", c.merges);
    BOOST_TEST_CONTEXT(c.merges) { BOOST_TEST(golden::value(load(f.path(), "gpt2").tokenizer->encode("ab")) == c.ids); }
  }
  std::vector<std::string> warnings;
  f.put("merges.txt", "x\na b\na b\n");
  const Folder out;
  BOOST_REQUIRE(save_tokenizer(load(f.path(), "gpt2"), out.path(), &warnings).ok());
  BOOST_TEST(golden::bytes(out.path() + "/merges.txt") == "#version: 0.2\na b\n");
  BOOST_TEST(warnings.size() == 1U);
}
