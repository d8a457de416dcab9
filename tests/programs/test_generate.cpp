// The program generate: prompts from options, files and pipes, texts and JSON lines, and errors of one line.
#define BOOST_TEST_MODULE programs_generate
#include <boost/test/unit_test.hpp>

#include "language_model_folder.hpp"
#include "programs/program_fixture.hpp"
#include "tessera/pretrained/gpt.hpp"

using namespace programs_test;
using tessera::io::Json;

namespace {

struct Fixture : Workplace {
  Fixture() {
    const auto made = language_model_test::make_folder<tessera::GPT2LMHeadModel<>>(
        folder / "gpt2", "gpt2-lm-nolabels",
        {{"vocab_size", 2001}, {"n_positions", 64}, {"n_ctx", 64}, {"initializer_range", 0.2}}, "gpt2",
        {"vocab.json", "merges.txt"});
    BOOST_TEST_REQUIRE(made.ok(), made.error().message());
  }
  Answer generate(const std::string& options, const std::string& input = "") const {
    return run("generate", "--model_name_or_path gpt2 --threads 1 " + options, input);
  }
};
std::vector<Json> parsed(const Answer& answer) {
  BOOST_TEST_REQUIRE(answer.status == 0, answer.err);
  BOOST_TEST(answer.err.empty());
  std::vector<Json> lines;
  for (const std::string& line : lines_of(answer.out)) {
    auto json = tessera::io::parse_json(line);
    BOOST_TEST_REQUIRE(json.ok(), line);
    lines.push_back(std::move(*json));
  }
  return lines;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(texts_and_json_lines_from_every_kind_of_input, Fixture) {
  const Answer plain = generate("--prompt 'A cat' --length 8");
  BOOST_TEST_REQUIRE(plain.status == 0, plain.err);
  BOOST_TEST(plain.err.empty());
  BOOST_TEST(plain.out.back() == '\n');
  const auto drawn = parsed(generate("--prompt 'A cat' --length 8 --format jsonl"));
  BOOST_TEST_REQUIRE(drawn.size() == 1U);
  BOOST_TEST(drawn[0]["prompt"] == "A cat");
  BOOST_TEST(drawn[0]["text"].get<std::string>() + "\n" == plain.out);
  BOOST_TEST(drawn[0]["tokens"].size() == 8U);
  BOOST_TEST(drawn[0]["ended_by"] == "length");
  BOOST_TEST(generate("--prompt 'A cat' --length 8 --seed 43").out != plain.out);

  const std::string three = "A cat\nOnce upon a time\nA dog\n";
  write_file(folder / "prompts.txt", three);
  const auto from_file = parsed(generate("--input prompts.txt --num_samples 2 --length 5 --format jsonl --batch 4"));
  BOOST_TEST_REQUIRE(from_file.size() == 6U);
  BOOST_TEST(from_file[3]["prompt"] == "Once upon a time");
  BOOST_TEST(from_file[3]["sample"] == 1);
  BOOST_TEST((parsed(generate("--num_samples 2 --length 5 --format jsonl --batch 1", three)) == from_file));
  BOOST_TEST_REQUIRE(
      generate("--input prompts.txt --num_samples 2 --length 5 --format jsonl --output out.jsonl").status == 0);
  BOOST_TEST(lines_of(read_file(folder / "out.jsonl")).size() == 6U);

  const auto greedy = parsed(generate("--greedy --length 6 --format jsonl", three));
  BOOST_TEST((parsed(generate("--temperature 0 --length 6 --format jsonl", three)) == greedy));
  const auto beams = parsed(generate("--num_beams 3 --length 6 --format jsonl", three));
  BOOST_TEST(beams[0]["score"].get<double>() < 0);
  // A stop out of the middle of a text; the text ends before it.
  const auto text = greedy[1]["text"].get<std::string>();
  const std::string stop = text.substr(text.size() / 2, 1);
  if (static_cast<unsigned char>(stop[0]) < 0x80 && stop != "'") {
    const auto stopped = parsed(generate("--greedy --length 6 --format jsonl --stop '" + stop + "'", three));
    BOOST_TEST(stopped[1]["text"] == text.substr(0, text.find(stop)));
    BOOST_TEST(stopped[1]["ended_by"] == "stop");
  }
}

BOOST_FIXTURE_TEST_CASE(errors_are_one_line, Fixture) {
  const auto fails = [&](const std::string& options, int status, const std::string& part, const std::string& in = "") {
    const Answer answer = generate(options, in);
    BOOST_TEST(answer.status == status, options);
    BOOST_TEST(lines_of(answer.err).size() == 1U);
    BOOST_TEST(contains(answer.err, "generate: "), answer.err);
    BOOST_TEST(contains(answer.err, part), answer.err);
  };
  fails("--prompt a --frob", 2, "--frob");
  fails("--prompt a --input b", 2, "excludes");
  fails("--prompt a --num_beams 1025", 2, "1025");
  fails("--prompt a --greedy --do_sample", 2, "excludes");
  fails("--prompt ''", 1, "expected at least one token");
  fails("--prompt a --length 64", 1, "the model has room for 64");
  fails("--prompt a --top_p 0", 1, "top_p");
  fails("--prompt a --xlm_lang en", 1, "'en'");
  fails("--prompt a --model_type xlm", 1, "lacks");
  fails("--input missing.txt", 1, "missing.txt: cannot open");
  fails("--format jsonl", 1, "standard input: prompt 2: expected at least one token", "a\n\n");
  const Answer nowhere = run("generate", "--model nowhere --prompt a");
  BOOST_TEST(nowhere.status == 1);
  BOOST_TEST(contains(nowhere.err, "nowhere: no such file or folder"));
  BOOST_TEST(run("generate", "--help").status == 0);
}
