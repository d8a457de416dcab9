// Which vocabularies go with which models.
#define BOOST_TEST_MODULE pretrained_vocabulary_size
#include "tessera/pretrained/vocabulary_size.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

using namespace tessera;

BOOST_AUTO_TEST_CASE(a_table_may_be_padded) {
  BOOST_TEST(vocabulary_fits("vocab.txt", 30522, 30522).ok());
  BOOST_TEST(vocabulary_fits("vocab.txt", 30522, 30528).ok());
  BOOST_TEST(vocabulary_fits("vocab.txt", 50257, 50304).ok());
  BOOST_TEST(vocabulary_fits("vocab.txt", 1, 128).ok());
}

BOOST_AUTO_TEST_CASE(a_vocabulary_of_another_model_is_refused_with_both_sizes) {
  const auto refused = [](std::size_t tokens, Index rows, const char* named) {
    const auto fits = vocabulary_fits("folder/vocab.txt", tokens, rows);
    BOOST_TEST_REQUIRE(!fits.ok());
    const std::string why(fits.error().message());
    BOOST_TEST((fits.error().code() == Code::out_of_range));
    for (const std::string& part : {std::string("folder/vocab.txt"), std::string(named), std::to_string(rows)})
      BOOST_TEST(why.find(part) != std::string::npos, why);
  };
  refused(30523, 30522, "30523");
  refused(28996, 30522, "28996");
  refused(0, 128, "below 0");
}
