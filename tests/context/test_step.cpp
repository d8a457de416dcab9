// Runs in pieces: stopped after every op, or after random ones, they give the bits of a run in one piece, and each tap
// once; a session starts again after an error or when a run is given up.
#define BOOST_TEST_MODULE context_step
#include <boost/test/unit_test.hpp>
#include <random>

#include "context/small_bert.hpp"

using namespace tessera;
using namespace small_bert;
using Model = BertForTokenClassification<>;

namespace {

const StopRequest always{[](void*) { return true; }, nullptr};

struct Whole {
  std::vector<float> outputs;
  Taps taps;
};

Whole in_one_piece(const Model& model, const BertLabelledInput& in, bool with_taps) {
  Whole whole;
  Session<Model, Ref> session(model, Ref());
  if (with_taps) session.set_taps(whole.taps.sink());
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  auto out = session.run(in);
  BOOST_TEST_REQUIRE(out.ok(), out.error().message());
  whole.outputs = numbers(**out);
  return whole;
}

/// Steps until done; returns how many it took.
int finish(Session<Model, Ref>& session, const StopRequest& stop) {
  for (int steps = 1; steps < 10000; ++steps) {
    const auto done = session.step(stop);
    BOOST_TEST_REQUIRE(done.ok(), done.error().message());
    if (*done) return steps;
  }
  return 0;
}

}  // namespace

BOOST_AUTO_TEST_CASE(stopping_after_every_op_gives_the_same_bits_and_each_tap_once) {
  const Owned<Model> owned;
  const Arrays arrays(3, 7);
  const auto in = arrays.labelled(21);
  for (const bool with_taps : {false, true}) {
    const Whole whole = in_one_piece(owned.model, in, with_taps);
    Taps taps;
    Session<Model, Ref> session(owned.model, Ref());
    if (with_taps) session.set_taps(taps.sink());
    BOOST_TEST_REQUIRE(session.reserve(in).ok());
    BOOST_TEST_REQUIRE(session.start(in).ok());
    BOOST_TEST(finish(session, always) > 30);
    BOOST_TEST(same_bits(numbers(session.output()), whole.outputs));
    BOOST_TEST(taps.names == whole.taps.names, boost::test_tools::per_element());
    BOOST_TEST(same_bits(taps.values, whole.taps.values));
  }
}

BOOST_AUTO_TEST_CASE(stopping_after_random_ops_gives_the_same_bits) {
  const Owned<Model> owned;
  const Arrays arrays(2, 9);
  const auto in = arrays.labelled(18);
  const Whole whole = in_one_piece(owned.model, in, true);
  std::mt19937 random(3);
  const StopRequest sometimes{[](void* state) { return (*static_cast<std::mt19937*>(state))() % 7 == 0; }, &random};
  Taps taps;
  Session<Model, Ref> session(owned.model, Ref());
  session.set_taps(taps.sink());
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  for (int round = 0; round < 20; ++round) {
    taps.names.clear();
    taps.values.clear();
    BOOST_TEST_REQUIRE(session.start(in).ok());
    BOOST_TEST(finish(session, sometimes) > 0);
    BOOST_TEST(same_bits(numbers(session.output()), whole.outputs));
    BOOST_TEST(same_bits(taps.values, whole.taps.values));
  }
}

BOOST_AUTO_TEST_CASE(a_stop_comes_after_the_op_at_work_and_no_op_runs_twice) {
  const Owned<Model> owned;
  const Arrays arrays(1, 4);
  const auto in = arrays.labelled(4);
  int asked = 0, asked_in_pieces = 0;
  Session<Model, Ref> session(owned.model, Ref());
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  BOOST_TEST_REQUIRE(session.start(in).ok());
  finish(session, {[](void* n) { return ++*static_cast<int*>(n) < 0; }, &asked});
  BOOST_TEST_REQUIRE(session.start(in).ok());
  finish(session, {[](void* n) { return ++*static_cast<int*>(n) > 0; }, &asked_in_pieces});
  BOOST_TEST(asked > 30);
  BOOST_TEST(asked_in_pieces == asked);
}

BOOST_AUTO_TEST_CASE(a_run_that_is_given_up_leaves_nothing_behind) {
  const Owned<Model> owned;
  const Arrays first(3, 7), second(2, 5);
  const Whole whole = in_one_piece(owned.model, second.labelled(10), false);
  Session<Model, Ref> session(owned.model, Ref());
  BOOST_TEST_REQUIRE(session.reserve(first.labelled(21)).ok());
  for (int steps = 0; steps < 60; steps += 7) {
    BOOST_TEST_REQUIRE(session.start(first.labelled(21)).ok());
    for (int i = 0; i < steps; ++i)
      if (const auto done = session.step(always); !done.ok() || *done) break;
    const auto out = session.run(second.labelled(10));
    BOOST_TEST_REQUIRE(out.ok());
    BOOST_TEST(same_bits(numbers(**out), whole.outputs));
  }
}

BOOST_AUTO_TEST_CASE(there_is_nothing_to_go_on_with_before_start_after_the_end_and_after_an_error) {
  const Owned<Model> owned;
  const Arrays arrays(2, 5);
  auto in = arrays.labelled(10);
  Session<Model, Ref> session(owned.model, Ref());
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  const auto nothing = [&] {
    const auto step = session.step({});
    BOOST_TEST(!step.ok());
    BOOST_TEST(contains(step.error().message(), "start"), step.error().message());
  };
  nothing();
  BOOST_TEST_REQUIRE(session.run(in).ok());
  nothing();
  // A refused start gives up the run that was under way.
  BOOST_TEST_REQUIRE(session.start(in).ok());
  BOOST_TEST_REQUIRE(session.step(always).ok());
  auto bad = in;
  bad.input_ids = View();
  BOOST_TEST(!session.start(bad).ok());
  nothing();
  // New memory does too: its bytes are not those of the ops that ran.
  BOOST_TEST_REQUIRE(session.start(in).ok());
  BOOST_TEST_REQUIRE(session.step(always).ok());
  BOOST_TEST_REQUIRE(session.reserve(in).ok());
  nothing();
  BOOST_TEST(session.run(in).ok());
}
