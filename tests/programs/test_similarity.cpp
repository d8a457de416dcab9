// The program that `./dev demo` ends with: nearest neighbours and the matrix.
#define BOOST_TEST_MODULE similarity
#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <string>

#include <sys/wait.h>

namespace {

struct Answer {
  int status;
  std::string text;  // standard output and standard error
};

Answer ask(const std::string& lines, const std::string& options = "") {
  const std::string command = "printf '%s' '" + lines + "' | '" TESSERA_BIN_DIR "/similarity' " + options + " 2>&1";
  Answer answer{-1, ""};
  FILE* pipe = popen(command.c_str(), "r");
  BOOST_REQUIRE(pipe != nullptr);
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) answer.text += static_cast<char>(c);
  answer.status = WEXITSTATUS(pclose(pipe));
  return answer;
}

bool contains(const Answer& answer, const std::string& part) { return answer.text.find(part) != std::string::npos; }

const std::string three =
    "{\"text\": \"a\", \"embedding\": [1, 0]}\n"
    "{\"text\": \"b\", \"embedding\": [3, 4]}\n"
    "{\"text\": \"c\", \"embedding\": [0, 2]}\n";

}  // namespace

BOOST_AUTO_TEST_CASE(nearest_neighbours_and_matrix_use_the_cosine) {
  const Answer answer = ask(three);
  BOOST_TEST(answer.status == 0);
  BOOST_TEST(contains(answer, " 1  a\n      0.600   2  b\n"));
  BOOST_TEST(contains(answer, " 2  b\n      0.800   3  c\n"));
  BOOST_TEST(contains(answer, "  2   0.60  1.00  0.80  b\n"));
  BOOST_TEST(!contains(answer, "\033["));
}

BOOST_AUTO_TEST_CASE(colour_is_blocks_when_asked_for) {
  const Answer answer = ask(three, "--colour always");
  BOOST_TEST(answer.status == 0);
  BOOST_TEST(contains(answer, "\033[48;5;46m  \033[0m"));
}

BOOST_AUTO_TEST_CASE(bad_input_is_one_line_and_status_1) {
  for (const std::string& lines : std::initializer_list<std::string>{
           "", "{", "{\"text\": 1, \"embedding\": []}", "{\"text\": \"a\", \"embedding\": [0, 0]}",
           "{\"text\": \"a\", \"embedding\": [1]}\n{\"text\": \"b\", \"embedding\": [1, 2]}"}) {
    const Answer answer = ask(lines);
    BOOST_TEST(answer.status == 1);
    BOOST_TEST(answer.text.rfind("similarity: ", 0) == 0u);
    BOOST_TEST(answer.text.find('\n') == answer.text.size() - 1);
  }
  BOOST_TEST(contains(ask(three, "--input /"), "similarity: /: a folder, where a file of texts was expected"));
  BOOST_TEST(contains(ask(three, "--input /nowhere"), "similarity: /nowhere: cannot open"));
  BOOST_TEST(ask(three, "--frob").status == 2);
}
