// The program profile: a table of ops whose FLOPs are the plan's, for each architecture, and the graph.
#define BOOST_TEST_MODULE profile
#include <boost/test/unit_test.hpp>

#include "programs/program_fixture.hpp"

using namespace programs_test;

namespace {
/// A golden model in a folder whose name says its architecture.
std::string model(const Workplace& place, const std::string& golden, const std::string& name) {
  fs::copy(fs::path(TESSERA_GOLDEN_DIR) / "models" / golden, place.folder / name, fs::copy_options::recursive);
  return name;
}
}  // namespace

BOOST_AUTO_TEST_CASE(every_architecture_has_a_profile) {
  const std::pair<const char*, const char*> models[] = {
      {"bert-model-basic", "bert"},      {"roberta-model-basic", "roberta"}, {"distilbert-model-basic", "distilbert"},
      {"gpt-model-basic", "openai-gpt"}, {"gpt2-model-basic", "gpt2"},       {"transfoxl-model-mems", "transfo-xl"},
      {"xlnet-model-mems", "xlnet"},     {"xlm-model-basic", "xlm"},
  };
  Workplace place;
  for (const auto& [golden, name] : models) {
    const Answer answer =
        place.run("profile", "--tokens 8 --repeat 1 --backend reference " + model(place, golden, name));
    BOOST_TEST(answer.status == 0, name << ": " << answer.err);
    for (const char* part : {"linear", "share", "all "}) BOOST_TEST(contains(answer.out, part), answer.out);
    const Answer lm = place.run("profile", std::string("--lm --ops --tokens 8 --repeat 1 --backend reference ") + name);
    BOOST_TEST(lm.status == 0, name << ": " << lm.err);
    BOOST_TEST(lines_of(lm.out).size() > 5U);
  }
}

BOOST_AUTO_TEST_CASE(the_graph_joins_ops_weights_and_inputs) {
  Workplace place;
  const Answer answer = place.run(
      "profile", "--ops --tokens 8 --backend reference --dot bert.dot " + model(place, "bert-model-basic", "bert"));
  BOOST_TEST(answer.status == 0, answer.err);
  BOOST_TEST(contains(answer.out, "0 embedding [8, 24]"), answer.out);
  const std::string dot = read_file(place.folder / "bert.dot");
  // The query's linear reads what the embeddings' norm wrote, its weight and its bias.
  for (const char* part : {"digraph \"bert\"", "label=\"encoder.layer.0.attention.self.query.weight\"",
                           "label=\"embedding\\n[8, 24]\"", "label=\"input\"", "op0 -> op"})
    BOOST_TEST(contains(dot, part), part);
  const auto count = [&](const std::string& part) {
    std::size_t n = 0;
    for (std::size_t at = dot.find(part); at != std::string::npos; at = dot.find(part, at + 1)) ++n;
    return n;
  };
  BOOST_TEST(count("label=\"linear") == 13U);  // six in each layer, and the pooler's
  BOOST_TEST(count("label=\"encoder.layer.1.output.dense.weight\"") == 1U);
}

BOOST_AUTO_TEST_CASE(what_is_no_model_is_one_line) {
  Workplace place;
  fs::create_directories(place.folder / "bert");
  const Answer answer = place.run("profile", "bert");
  BOOST_TEST(answer.status == 1);
  BOOST_TEST(lines_of(answer.err).size() == 1U, answer.err);
  BOOST_TEST(place.run("profile", "").status == 2);
}
