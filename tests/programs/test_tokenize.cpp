// The program tokenize: its answers are the recorded ones, and what it cannot read is one line and an exit code.
#define BOOST_TEST_MODULE tokenize
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "programs/program_fixture.hpp"

namespace {

using namespace programs_test;
using Json = nlohmann::ordered_json;

std::string golden_folder(const std::string& name) { return std::string(TESSERA_GOLDEN_DIR) + "/tokenizers/" + name; }

std::vector<Json> golden_lines(const std::string& name) {
  std::vector<Json> out;
  for (const std::string& line : lines_of(read_file(golden_folder(name)))) out.push_back(Json::parse(line));
  return out;
}

bool is_error_line(const Answer& answer) {
  return answer.err.rfind("tokenize: ", 0) == 0 && answer.err.find('\n') == answer.err.size() - 1;
}

const std::vector<std::string> folders = {"bert",    "bert_cased", "bert_base_uncased", "openai_gpt", "gpt2",
                                          "roberta", "xlnet",      "xlnet_bpe"};

}  // namespace

BOOST_AUTO_TEST_CASE(recorded_texts_come_out_as_recorded) {
  const Workplace place;
  for (const std::string& folder : folders) {
    const std::vector<Json> cases = golden_lines(folder + "/cases.jsonl");
    std::string input;
    for (const Json& line : cases) input += Json{{"text", line.at("text")}}.dump() + "\n";
    const Answer answer = place.run("tokenize", "'" + golden_folder(folder) + "'", input);
    BOOST_TEST(answer.status == 0);
    BOOST_TEST(answer.err == "");
    const std::vector<std::string> lines = lines_of(answer.out);
    BOOST_REQUIRE(lines.size() == cases.size());
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const Json found = Json::parse(lines[i]);
      for (const auto& [key, wanted] : cases[i].items()) {
        if (key == "group" || key == "text" || key == "tokens_any_of") continue;
        BOOST_TEST(found.at(key) == wanted, folder << ", " << key << " of " << cases[i].at("text"));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(recorded_pairs_come_out_as_recorded) {
  const Workplace place;
  for (const std::string& folder : folders) {
    const std::vector<Json> pairs = golden_lines(folder + "/pairs.jsonl");
    std::string input;
    for (const Json& line : pairs) input += Json{{"text", line.at("a")}, {"pair", line.at("b")}}.dump() + "\n";
    const Answer answer = place.run("tokenize", "'" + golden_folder(folder) + "'", input);
    BOOST_TEST(answer.status == 0);
    const std::vector<std::string> lines = lines_of(answer.out);
    BOOST_REQUIRE(lines.size() == pairs.size());
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      BOOST_TEST(Json::parse(lines[i]).at("ids_pair") == pairs[i].at("ids_pair"), folder << ", pair " << i);
    }
  }
}

BOOST_AUTO_TEST_CASE(class_and_arguments_come_from_the_command_line_too) {
  const Workplace place;
  write_file(place.folder / "words.txt", "[UNK]\nA\na\n[PAD]\n");
  const std::string text = "{\"text\": \"A\"}\n";
  const auto tokens = [&](const std::string& options) {
    const Answer answer = place.run("tokenize", options, text);
    BOOST_TEST(answer.status == 0, answer.err);
    return answer.status == 0 ? Json::parse(answer.out).at("tokens") : Json();
  };
  BOOST_TEST(tokens("words.txt --class BertTokenizer") == Json({"a"}));
  BOOST_TEST(tokens("words.txt --class distilbert --kwargs '{\"do_lower_case\": false}'") == Json({"A"}));
  const std::string gpt2 = golden_folder("gpt2");
  BOOST_TEST(tokens("'" + gpt2 + "' --class GPT2TokenizerFast") == Json({"\u0120A"}));
  const Answer strict = place.run("tokenize", "'" + gpt2 + "' --kwargs '{\"errors\": \"none\"}'", text);
  BOOST_TEST(strict.status == 1);
  BOOST_TEST(contains(strict.err, "errors: \"replace\", \"ignore\" or \"strict\" expected, found 'none'"));
}

BOOST_AUTO_TEST_CASE(what_has_no_answer_is_an_error_in_its_place) {
  const Workplace place;
  const std::string lines = "{\"text\": \"a\\ud800b\"}\n{\"text\": \"\\ud83d\\ude00\"}\n{\"text\": \"a\"}\n";
  const Answer gpt2 = place.run("tokenize", "'" + golden_folder("gpt2") + "'", lines);
  BOOST_TEST(gpt2.status == 0);
  const std::vector<std::string> answers = lines_of(gpt2.out);
  BOOST_REQUIRE(answers.size() == 3U);
  BOOST_TEST(contains(Json::parse(answers[0]).at("tokens").at("error").get<std::string>(), "lone surrogate, U+D800"));
  BOOST_TEST(Json::parse(answers[0]).at("decoded").contains("error"));
  BOOST_TEST(Json::parse(answers[1]).at("decoded") == " \xF0\x9F\x98\x80");
  BOOST_TEST(Json::parse(answers[2]).at("tokens") == Json({"\u0120a"}));
  const Answer bert = place.run("tokenize", "'" + golden_folder("bert") + "'", lines);
  BOOST_TEST(bert.status == 0);
  BOOST_TEST(Json::parse(lines_of(bert.out).at(0)).at("tokens") == Json({"ab"}));
}

BOOST_AUTO_TEST_CASE(lines_that_are_no_requests_end_the_run_and_are_named) {
  const Workplace place;
  const std::string good = "{\"text\": \"a\"}\n";
  for (const std::string bad : {"{", "[]", "7", "\"a\"", "", "{\"text\": 1}", "{\"txt\": \"a\"}",
                                "{\"text\": \"a\", \"pair\": 1}", "{\"text\": \"\xFF\"}"}) {
    const Answer answer = place.run("tokenize", "'" + golden_folder("roberta") + "'", good + bad + "\n" + good);
    BOOST_TEST_CONTEXT(bad) {
      BOOST_TEST(answer.status == 1);
      BOOST_TEST(lines_of(answer.out).size() == 1U);
      BOOST_TEST(is_error_line(answer), answer.err);
      BOOST_TEST(contains(answer.err, "tokenize: standard input: line 2: "));
    }
  }
  const Answer nothing = place.run("tokenize", "'" + golden_folder("gpt2") + "'", "");
  BOOST_TEST(nothing.status == 0);
  BOOST_TEST(nothing.out == "");
}

BOOST_AUTO_TEST_CASE(folders_that_cannot_be_read_are_one_line_and_status_1) {
  const Workplace place;
  const auto fails = [&](const std::string& options, const std::string& part) {
    const Answer answer = place.run("tokenize", options, "{\"text\": \"a\"}\n");
    BOOST_TEST_CONTEXT(options) {
      BOOST_TEST(answer.status == 1);
      BOOST_TEST(answer.out == "");
      BOOST_TEST(is_error_line(answer), answer.err);
      BOOST_TEST(contains(answer.err, part), answer.err);
    }
  };
  fails("nowhere", "nowhere: no such file or folder");
  fs::create_directories(place.folder / "x");
  fails("x", "no tokenizer class is named");
  fails("x --class gpt2", "x/vocab.json: the vocabulary file is missing");
  fails("x --class roberta", "x/vocab.json: the vocabulary file is missing");
  fails("x --class bert", "x/vocab.txt: the vocabulary file is missing");
  fails("x --class Nonsense", "'Nonsense' is unsupported");
  write_file(place.folder / "x/vocab.json", "{\"a\": -3}");
  fails("x --class gpt2", "x/merges.txt: the vocabulary file is missing");
  write_file(place.folder / "x/merges.txt", "");
  fails("x --class gpt2", "x/vocab.json: the id of 'a' is -3");
  write_file(place.folder / "x/vocab.json", "{\"a\": 3");
  fails("x --class openai-gpt", "x/vocab.json: JSON: at byte");
  fails("x --class bert --kwargs '{\"do_lower\": true}'", "BertTokenizer has no argument 'do_lower'");
  fails("x --class gpt2 --kwargs '{\"do_lower_case\": true}'", "GPT2Tokenizer has no argument 'do_lower_case'");
}

BOOST_AUTO_TEST_CASE(a_tokenizer_is_named_by_the_folder_here_by_its_model_and_by_a_name_in_a_mirror) {
  const Workplace place;
  fs::create_directories(place.folder / "mirror/distilbert-base-uncased");
  fs::copy(fs::path(TESSERA_GOLDEN_DIR) / "tokenizers/bert/vocab.txt", place.folder / "mirror/distilbert-base-uncased");
  const std::string input = "{\"text\": \"The end\"}\n";
  const Answer by_path = place.run("tokenize", "mirror/distilbert-base-uncased", input);
  BOOST_TEST(by_path.status == 0, by_path.err);
  BOOST_TEST(place.run("tokenize", "distilbert-base-uncased --offline --mirror mirror", input).out == by_path.out);
  // The name of "." is that of the folder.
  const std::string program = "'" TESSERA_BIN_DIR "/tokenize' .";
  BOOST_TEST(std::system(("cd '" + (place.folder / "mirror/distilbert-base-uncased").string() + "' && echo '" +
                          input.substr(0, input.size() - 1) + "' | " + program + " > ../../here")
                             .c_str()) == 0);
  BOOST_TEST(read_file(place.folder / "here") == by_path.out);
  const Answer offline = place.run("tokenize", "gpt2 --offline --cache nowhere", input);
  BOOST_TEST(offline.status == 1);
  BOOST_TEST(contains(offline.err,
                      "put its files by hand into nowhere/tessera-models/gpt2: config.json, vocab.json, "
                      "merges.txt"),
             offline.err);
}

BOOST_AUTO_TEST_CASE(wrong_usage_is_status_2_and_help_is_status_0) {
  const Workplace place;
  for (const std::string options : {"", "--frob", "a b", "a --kwargs", "a --kwargs '{'", "a --kwargs '[]'"}) {
    const Answer answer = place.run("tokenize", options);
    BOOST_TEST(answer.status == 2, options);
    BOOST_TEST(is_error_line(answer), answer.err);
  }
  const Answer help = place.run("tokenize", "--help");
  BOOST_TEST(help.status == 0);
  for (const char* name : {"BertTokenizer", "RobertaTokenizer", "OpenAIGPTTokenizer", "GPT2Tokenizer",
                           "TransfoXLTokenizer", "XLNetTokenizer", "XLMTokenizer"}) {
    BOOST_TEST(contains(help.out, name));
  }
  BOOST_TEST(place.run("tokenize", "--version").status == 0);
}
