// encode on a tiny model: the embeddings that PyTorch computes, every format, and bad input of each kind.
#define BOOST_TEST_MODULE encode
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "program_fixture.hpp"

namespace {

using namespace programs_test;
using Rows = std::vector<std::vector<double>>;

const fs::path golden = fs::path(TESSERA_GOLDEN_DIR) / "encode";

std::vector<nlohmann::json> parse_lines(const std::string& text) {
  std::vector<nlohmann::json> rows;
  for (const std::string& line : lines_of(text)) rows.push_back(nlohmann::json::parse(line));
  return rows;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return INFINITY;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

std::vector<std::string> backends(const Workplace& place) {
  const std::string help = place.run("encode", "--help").out;
  const std::size_t from = help.find("--backend TEXT:{") + 16;
  std::vector<std::string> names(1);
  for (const char c : help.substr(from, help.find('}', from) - from)) {
    if (c == ',')
      names.emplace_back();
    else
      names.back() += c;
  }
  return names;
}

/// One line on stderr that starts with the program's name and has all parts; nothing on stdout; no file left.
void check_failure(const Workplace& place, const Answer& answer, const std::vector<std::string>& parts) {
  BOOST_TEST(answer.status == 1);
  BOOST_TEST(answer.out == "");
  BOOST_TEST(answer.err.rfind("encode: ", 0) == 0u, answer.err);
  BOOST_TEST(answer.err.find('\n') == answer.err.size() - 1, answer.err);
  for (const std::string& part : parts) BOOST_TEST(contains(answer.err, part), "'" + part + "' not in: " + answer.err);
  BOOST_TEST(place.files_with("result") == 0u);
  (void)std::remove((place.folder / "result").c_str());  // one failure is enough
}

}  // namespace

BOOST_AUTO_TEST_CASE(embeddings_are_those_of_pytorch_on_every_backend) {
  const Workplace place;
  const std::vector<std::string> names = backends(place);
  BOOST_TEST(names.size() >= 1u);
  for (const char* folder : {"plain", "normalised", "cls_and_max"}) {
    place.make_model(folder);
    const auto expected = parse_lines(read_file(golden / ("embeddings." + std::string(folder) + ".jsonl")));
    for (const std::string& backend : names) {
      const Answer probe = place.run("encode", std::string("--model ") + folder + " --backend " + backend);
      if (contains(probe.err, "no such device")) continue;
      for (const char* more : {"", " --threads 1 --batch-tokens 1", " --threads 3 --batch-tokens 40"}) {
        const Answer answer = place.run("encode", std::string("--model ") + folder + " --backend " + backend + more +
                                                      " --input '" + (golden / "texts.txt").string() + "'");
        BOOST_TEST_CONTEXT(folder << " " << backend << more) {
          BOOST_TEST(answer.status == 0, answer.err);
          BOOST_TEST(answer.err == "");
          const auto rows = parse_lines(answer.out);
          BOOST_TEST_REQUIRE(rows.size() == expected.size());
          for (std::size_t i = 0; i < rows.size(); ++i) {
            BOOST_TEST(rows[i]["text"] == expected[i]["text"]);
            BOOST_TEST(largest_difference(rows[i]["embedding"], expected[i]["embedding"]) <= 2e-6);
          }
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(low_precision_is_near_or_refused) {
  const Workplace place;
  place.make_model("normalised");
  const std::string options = "--model normalised --input '" + (golden / "texts.txt").string() + "' --backend ";
  const auto cosine = [](const nlohmann::json& a, const nlohmann::json& b) {
    const auto x = a["embedding"].get<std::vector<double>>();
    const auto y = b["embedding"].get<std::vector<double>>();
    double xy = 0, xx = 0, yy = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      xy += x[i] * y[i];
      xx += x[i] * x[i];
      yy += y[i] * y[i];
    }
    return xy / std::sqrt(xx * yy);
  };
  for (const std::string& backend : backends(place)) {
    const Answer exact = place.run("encode", options + backend);
    if (contains(exact.err, "no such device")) continue;
    for (const auto& [precision, least] : {std::pair<std::string, double>{"bf16", 0.9999}, {"int8", 0.99}}) {
      const std::string command = options + backend + " --precision " + precision;
      const Answer answer = place.run("encode", command);
      if (backend != "cpu") {
        check_failure(place, answer, {"backend " + backend, "no linears in " + precision});
        continue;
      }
      BOOST_TEST_REQUIRE(answer.status == 0, answer.err);
      BOOST_TEST(answer.out != exact.out);
      const auto expected = parse_lines(exact.out), found = parse_lines(answer.out);
      BOOST_TEST_REQUIRE(found.size() == expected.size());
      BOOST_TEST(found.size() > 0u);
      for (std::size_t i = 0; i < found.size(); ++i) BOOST_TEST(cosine(found[i], expected[i]) > least);
      // A text has the same numbers in any batch and with any number of threads.
      BOOST_TEST(place.run("encode", command + " --threads 3 --batch-tokens 1").out == answer.out);
    }
  }
}

BOOST_AUTO_TEST_CASE(formats_hold_the_same_floats) {
  const Workplace place;
  place.make_model("normalised");
  const std::string common = "--model normalised --input '" + (golden / "texts.txt").string() + "' ";
  const auto rows = parse_lines(place.run("encode", common).out);
  BOOST_TEST_REQUIRE(rows.size() == 16u);

  const auto table = lines_of(place.run("encode", common + "--format tsv").out);
  BOOST_TEST_REQUIRE(table.size() == rows.size());
  BOOST_TEST(place.run("encode", common + "--format npy --output result.npy").status == 0);
  const std::string npy = read_file(place.folder / "result.npy");
  BOOST_TEST(npy == place.run("encode", common + "--format npy").out);
  BOOST_TEST(contains(npy, "{'descr': '<f4', 'fortran_order': False, 'shape': (16, 24), }"));
  BOOST_TEST_REQUIRE(npy.size() == 128 + 16 * 24 * sizeof(float));
  const char* at = npy.data() + 128;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::string line;
    for (const auto& value : rows[i]["embedding"]) {
      float stored = 0;
      std::memcpy(&stored, at, sizeof stored);
      at += sizeof stored;
      BOOST_TEST(value.get<float>() == stored);
    }
    std::istringstream cells(table[i]);
    for (const auto& value : rows[i]["embedding"]) {
      std::string cell;
      BOOST_TEST_REQUIRE(static_cast<bool>(std::getline(cells, cell, '\t')));
      BOOST_TEST(std::stof(cell) == value.get<float>());
    }
  }
}

BOOST_AUTO_TEST_CASE(input_is_lines_or_json_lines_from_a_file_or_a_pipe) {
  const Workplace place;
  place.make_model("plain");
  const std::string expected = place.run("encode", "--model plain", "the cat\n\n\"a\\b\"").out;
  BOOST_TEST(lines_of(expected).size() == 3u);
  BOOST_TEST(place.run("encode", "--model plain", "the cat\r\n\r\n\"a\\b\"\r\n").out == expected);
  const std::string json =
      "{\"text\": \"the cat\", \"id\": 7}\n{\"text\": \"\"}\n{\"id\": [], \"text\": \"\\\"a\\\\b\\\"\"}\n";
  BOOST_TEST(place.run("encode", "--model plain --input-format jsonl", json).out == expected);
  write_file(place.folder / "in.jsonl", json);
  BOOST_TEST(place.run("encode", "--model plain --input in.jsonl").out == expected);
  const Answer answer = place.run("encode", "--model plain --input in.jsonl --output result.jsonl");
  BOOST_TEST(answer.status == 0);
  BOOST_TEST(answer.out + answer.err == "");
  BOOST_TEST(read_file(place.folder / "result.jsonl") == expected);
  BOOST_TEST(place.files_with("tmp") == 0u);
  // No text at all.
  BOOST_TEST(place.run("encode", "--model plain").status == 0);
  BOOST_TEST(place.run("encode", "--model plain --format npy").out.size() == 128u);
}

BOOST_AUTO_TEST_CASE(rows_stay_in_order_over_many_chunks) {
  const Workplace place;
  place.make_model("plain");
  std::string texts;
  for (int i = 0; i < 5000; ++i)
    texts += std::string(static_cast<std::size_t>(i * 7 % 13), 'a') + " " + std::to_string(i) + "\n";
  const auto given = lines_of(texts), rows = lines_of(place.run("encode", "--model plain", texts).out);
  BOOST_TEST_REQUIRE(rows.size() == given.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    BOOST_TEST_REQUIRE(rows[i].rfind("{\"text\": \"" + given[i] + "\", \"embedding\": [", 0) == 0u);
  // Texts of the same tokens have the same embedding, wherever they stand: "0" and "7" are both unknown.
  const auto embedding = [](const std::string& row) { return row.substr(row.find('[')); };
  BOOST_TEST(embedding(rows[0]) == embedding(rows[13 * 300]));
}

BOOST_AUTO_TEST_CASE(texts_of_any_length_are_cut_to_the_limit) {
  const Workplace place;
  place.make_model("plain");
  std::string longer, longest;
  for (int i = 0; i < 14; ++i) longer += "cat ";
  for (int i = 0; i < 200000; ++i) longest += "cat ";
  const auto rows = lines_of(place.run("encode", "--model plain --format tsv", longer + "\n" + longest + "\n").out);
  BOOST_TEST_REQUIRE(rows.size() == 2u);
  BOOST_TEST(rows[0] == rows[1]);
}

BOOST_AUTO_TEST_CASE(bad_texts_name_the_line) {
  const Workplace place;
  place.make_model("plain");
  const std::string to_file = "--model plain --output result";
  check_failure(place, place.run("encode", to_file, "fine\nnot \xff fine\n"),
                {"standard input: line 2", "byte 5", "UTF-8"});
  check_failure(place, place.run("encode", to_file, "cut \xe4\xb8"), {"line 1", "byte 5", "UTF-8"});
  const std::string json = to_file + " --input-format jsonl";
  check_failure(place, place.run("encode", json, "{\"text\": \"a\"}\n{\"text\": \n"), {"line 2", "JSON"});
  check_failure(place, place.run("encode", json, "{\"text\": \"a\"}\n\n"), {"line 2", "empty line"});
  check_failure(place, place.run("encode", json, "{\"words\": \"a\"}\n"), {"line 1", "'text'", "missing"});
  check_failure(place, place.run("encode", json, "{\"text\": 3}\n"), {"line 1", "'text'", "string"});
  check_failure(place, place.run("encode", json, "[\"a\"]\n"), {"line 1"});
  check_failure(place, place.run("encode", json, "{\"text\": \"\\ud800\"}\n"), {"line 1", "JSON"});
  write_file(place.folder / "bad.txt", "\xc3\x28\n");
  check_failure(place, place.run("encode", to_file + " --input bad.txt"), {"bad.txt: line 1"});
}

BOOST_AUTO_TEST_CASE(a_failed_run_leaves_the_old_output) {
  const Workplace place;
  place.make_model("plain");
  write_file(place.folder / "kept", "before");
  BOOST_TEST(place.run("encode", "--model plain --output kept", "a\n\xff\n").status == 1);
  BOOST_TEST(read_file(place.folder / "kept") == "before");
  BOOST_TEST(place.files_with("tmp") == 0u);
}

BOOST_AUTO_TEST_CASE(bad_places_are_named) {
  const Workplace place;
  place.make_model("plain");
  check_failure(place, place.run("encode", "--model nowhere"), {"nowhere", "no such file or folder", "user/model"});
  check_failure(place, place.run("encode", "--model bert-base-uncased --offline --cache none"),
                {"bert-base-uncased", "none/tessera-models/bert-base-uncased"});
  check_failure(place, place.run("encode", "--model plain --input nothing.txt"), {"nothing.txt", "No such file"});
  check_failure(place, place.run("encode", "--model plain --input plain"), {"plain", "a folder"});
  check_failure(place, place.run("encode", "--model plain --output nowhere/result"),
                {"nowhere/result", "cannot write"});
}

BOOST_AUTO_TEST_CASE(an_empty_name_of_a_file_is_wrong_usage_and_lines_that_look_like_json_are_pointed_out) {
  const Workplace place;
  place.make_model("plain");
  for (const char* const option : {"--input ''", "--output ''"}) {
    const Answer answer = place.run("encode", std::string("--model plain ") + option, "a\n");
    BOOST_TEST(answer.status == 2);
    BOOST_TEST(contains(answer.err, "a file's name expected"), answer.err);
  }
  const std::string json = "{\"text\": \"a\"}\n";
  const Answer hinted = place.run("encode", "--model plain", json);
  BOOST_TEST(hinted.status == 0);
  BOOST_TEST(contains(hinted.err, "line 1: taken as a text as it is, but it looks like JSON"), hinted.err);
  BOOST_TEST(place.run("encode", "--model plain --input-format lines", json).err == "");
  BOOST_TEST(place.run("encode", "--model plain", "{a}\n").err == "");
  // By name, out of a mirror.
  fs::create_directories(place.folder / "mirror");
  fs::rename(place.folder / "plain", place.folder / "mirror/bert-base-uncased");
  const Answer named = place.run("encode", "--model bert-base-uncased --offline --mirror mirror", "a\n");
  BOOST_TEST(named.status == 0, named.err);
}

BOOST_AUTO_TEST_CASE(bad_models_are_named) {
  const Workplace place;
  const auto with = [&](const std::string& name, const std::string& file, const std::string& content,
                        const std::vector<std::string>& parts) {
    const fs::path folder = place.make_model(name);
    if (content.empty())
      fs::remove(folder / file);
    else
      write_file(folder / file, content);
    BOOST_TEST_CONTEXT(name) {
      check_failure(place, place.run("encode", "--model " + name + " --output result", "a\n"), parts);
    }
  };
  with("no_config", "config.json", "", {"no_config/config.json"});
  with("no_weights", "pytorch_model.bin", "", {"no_weights", "model.safetensors or pytorch_model.bin"});
  with("no_vocabulary", "vocab.txt", "", {"no_vocabulary/vocab.txt"});
  with("broken_config", "config.json", "{\"vocab_size\": ", {"broken_config/config.json", "JSON"});
  with("broken_weights", "pytorch_model.bin", "not a model", {"broken_weights/pytorch_model.bin"});
  with("other_type", "config.json", "{\"model_type\": \"t5\"}", {"other_type/config.json", "'t5'"});
  with("other_sizes", "config.json", "{\"vocab_size\": 61, \"hidden_size\": 48, \"num_attention_heads\": 2}",
       {"other_sizes", "expected ["});
  with("no_cls", "vocab.txt", "[UNK]\n[SEP]\na\n", {"[CLS]"});
  std::string words = read_file(golden / "vocab.txt") + "one\ntwo\n";
  with("more_words", "vocab.txt", words, {"more_words", "vocab.txt", "63", "vocab_size is 61"});
  with("added_words", "added_tokens.json", "{\"new\": 61}", {"added_tokens.json", "61"});
  with("other_pooling", "modules.json",
       "[{\"type\": \"x.Transformer\", \"path\": \"\"}, {\"type\": \"x.Dense\", \"path\": \"1\"}]",
       {"modules.json", "'x.Dense'"});
  with("accents", "tokenizer_config.json", "{\"strip_accents\": false}", {"strip_accents"});
  for (const char* limit : {"0", "-1"})
    with(std::string("limit") + limit, "sentence_bert_config.json", std::string("{\"max_seq_length\": ") + limit + "}",
         {"sentence_bert_config.json: max_seq_length: ", limit});
  with("other_words", "tokenizer_config.json", "{\"tokenizer_class\": \"MPNetTokenizer\"}", {"MPNetTokenizer"});
  const auto pooling = [&](const std::string& name, const std::string& content, const std::string& part) {
    fs::create_directories(place.make_model(name) / "1_Pooling");
    write_file(place.folder / name / "1_Pooling/config.json", content);
    check_failure(place, place.run("encode", "--model " + name + " --output result", "a\n"),
                  {name + "/1_Pooling/config.json: ", part});
  };
  pooling("attention", "{\"pooling_mode_attention\": true}", "'pooling_mode_attention'");
  pooling("none", "{\"pooling_mode_mean_tokens\": false}", "all are false");
  pooling("unnamed", "{\"pooling_mode\": \"middle\"}", "'middle'");
  fs::remove(place.make_model("normalised") / "1_Pooling/config.json");
  check_failure(place, place.run("encode", "--model normalised --output result", "a\n"),
                {"normalised/1_Pooling/config.json: cannot open"});

  place.make_model("damaged");
  place.damage("damaged");
  check_failure(place, place.run("encode", "--model damaged --output result", "a\n"),
                {"line 1: the embedding has a value that is no number"});
}

BOOST_AUTO_TEST_CASE(configs_of_other_models_are_named) {
  const Workplace place;
  const auto with = [&](const std::string& key, const nlohmann::json& value, const std::vector<std::string>& parts) {
    const fs::path folder = place.make_model(key);
    auto config = nlohmann::json::parse(read_file(folder / "config.json"));
    config[key] = value;
    write_file(folder / "config.json", config.dump());
    BOOST_TEST_CONTEXT(key) {
      check_failure(place, place.run("encode", "--model " + key + " --output result", "a\n"), parts);
    }
    fs::remove_all(folder);
  };
  with("position_embedding_type", "relative_key", {"position_embedding_type: only \"absolute\"", "\"relative_key\""});
  with("is_decoder", true, {"is_decoder: only false", "true"});
  // The file has two layers.
  with("num_hidden_layers", 3, {"lacks 16 weights", "encoder.layer.2."});
  with("num_hidden_layers", 1, {"the checkpoint has 'encoder.layer.1.", "config.json"});
}

BOOST_AUTO_TEST_CASE(wrong_options_are_status_2) {
  const Workplace place;
  for (const char* options :
       {"", "--model", "--model plain --format xml", "--model plain --threads 0", "--model plain --frob",
        "--model plain --backend abacus", "--model plain --input-format csv"}) {
    const Answer answer = place.run("encode", options);
    BOOST_TEST(answer.status == 2, options);
    BOOST_TEST(answer.out == "");
    BOOST_TEST(answer.err.rfind("encode: ", 0) == 0u, answer.err);
    BOOST_TEST(answer.err.find(" (see encode --help)\n") == answer.err.size() - 21, answer.err);
  }
  BOOST_TEST(place.run("encode", "").err == "encode: --model is required (see encode --help)\n");
  const Answer help = place.run("encode", "--help");
  BOOST_TEST(help.status == 0);
  for (const char* option : {"--model", "--input", "--input-format", "--format", "--output", "--threads", "--backend"})
    BOOST_TEST(contains(help.out, option));
}
