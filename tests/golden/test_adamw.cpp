// AdamW against trajectories of the reference: 30 steps of four params, with and without bias correction, decay,
// groups, clipped gradients, and params that have no gradient in some steps. The rule is that of the golden cases.
#define BOOST_TEST_MODULE golden_adamw
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "tessera/io/json.hpp"
#include "tessera/io/safetensors.hpp"
#include "tessera/train/adamw.hpp"

using namespace tessera;

namespace {

/// The four params of the cases.
struct Params {
  Param<dyn, dyn> w{ParamUse::matrix, Extents<dyn, dyn>(5, 7)};
  Param<dyn> b{ParamUse::vector, Extents<dyn>(7)};
  Param<dyn, dyn> v{ParamUse::matrix, Extents<dyn, dyn>(3, 4)};
  Param<dyn> s{ParamUse::vector, Extents<dyn>(1)};
  Params() { number_params(*this); }
  void visit(auto&& visitor) {
    visitor("w", w);
    visitor("b", b);
    visitor("v", v);
    visitor("s", s);
  }
};

void follow(const std::string& name) {
  const std::string folder = std::string(TESSERA_GOLDEN_DIR) + "/optim/" + name;
  const auto json = io::read_json(folder + "/case.json");
  const auto tensors = io::read_safetensors(folder + "/tensors.safetensors");
  BOOST_TEST_REQUIRE(json.ok(), json.error().message());
  BOOST_TEST_REQUIRE(tensors.ok(), tensors.error().message());
  const io::Json& c = *json;

  AdamW::Options options;
  const io::Json& hyper = c["hyper"];
  options.learning_rate = hyper.value("lr", options.learning_rate);
  options.eps = hyper.value("eps", options.eps);
  options.weight_decay = hyper.value("weight_decay", options.weight_decay);
  options.correct_bias = hyper.value("correct_bias", options.correct_bias);
  if (hyper.contains("betas")) {
    options.beta1 = hyper["betas"][0].get<double>();
    options.beta2 = hyper["betas"][1].get<double>();
  }

  Params params;
  auto weights = Weights::of(params);
  BOOST_TEST_REQUIRE(weights.ok());
  const auto values = [&](const std::string& key) {
    const io::StateTensor* tensor = tensors->find(key);
    BOOST_TEST_REQUIRE((tensor != nullptr), key);
    std::vector<double> numbers;
    const View v =
        View::of_const(tensor->data, tensor->type, static_cast<Index>(tensor->bytes / size_of(tensor->type)));
    for (Index i = 0; i < v.count(); ++i) numbers.push_back(detail::element_as<double>(v, i));
    return numbers;
  };
  for_each_param(params, [&](const RolePath& path, ParamBase& p) {
    const auto start = values(std::string("in.init.") + path.c_str());
    BOOST_TEST_REQUIRE(static_cast<Index>(start.size()) == p.view.count());
    for (std::size_t i = 0; i < start.size(); ++i) p.view.as<float>()[i] = static_cast<float>(start[i]);
  });
  const auto group_of = [&](const RolePath& path, const ParamBase&) {
    AdamW::Group group{1, options.weight_decay};
    for (const auto& g : c["groups"])
      for (const auto& param : g["params"])
        if (param.get<std::string>() == path.c_str()) {
          group.rate = g.value("lr", options.learning_rate) / options.learning_rate;
          group.weight_decay = g.value("weight_decay", options.weight_decay);
        }
    return group;
  };
  auto adam = AdamW::of(params, options, group_of);
  BOOST_TEST_REQUIRE(adam.ok(), adam.error().message());

  const int steps = c["steps"].get<int>();
  std::vector<float> gradients(static_cast<std::size_t>(weights->elements()), 0.0F);
  double worst = 0;
  for (int step = 0; step < steps; ++step) {
    double squares = 0;
    for_each_param(params, [&](const RolePath& path, ParamBase& p) {
      const auto all = values(std::string("in.grads.") + path.c_str());
      const std::size_t n = static_cast<std::size_t>(p.view.count());
      float* target = gradients.data() + (p.view.as<float>() - weights->data());
      for (std::size_t i = 0; i < n; ++i) {
        target[i] = static_cast<float>(all[static_cast<std::size_t>(step) * n + i]);
        squares += static_cast<double>(target[i]) * static_cast<double>(target[i]);
      }
      const auto& without = c["no_grad_at"];
      if (without.contains(path.c_str()))
        for (const auto& at : without[path.c_str()])
          if (at.get<int>() == step) adam->skip(p.id);
    });
    if (c.contains("clip_grad_norm")) {
      const double factor = c["clip_grad_norm"].get<double>() / (std::sqrt(squares) + 1e-6);
      if (factor < 1)
        for (float& g : gradients) g *= static_cast<float>(factor);
    }
    adam->step(gradients.data());
    for (const auto& output : c["outputs"]) {
      const auto truth = values(output["key"].get<std::string>());
      const double allowed = 4 * output["ref_err"].get<double>() + 1e-6 * output["scale"].get<double>();
      for_each_param(params, [&](const RolePath& path, ParamBase& p) {
        if (output["name"].get<std::string>() != path.c_str()) return;
        const std::size_t n = static_cast<std::size_t>(p.view.count());
        for (std::size_t i = 0; i < n; ++i) {
          const double error =
              std::fabs(static_cast<double>(p.view.as<float>()[i]) - truth[static_cast<std::size_t>(step) * n + i]);
          worst = std::fmax(worst, error / allowed);
          BOOST_TEST_REQUIRE(error <= allowed, name << ": " << path.c_str() << "[" << i << "] after step " << step
                                                    << ": error " << error << ", allowed " << allowed);
        }
      });
    }
  }
  BOOST_TEST(adam->steps() == steps);
  std::printf("%-16s worst error %.2f of what is allowed\n", name.c_str(), worst);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_defaults_follow_the_reference) { follow("adamw-default"); }
BOOST_AUTO_TEST_CASE(decay_without_bias_correction_follows_the_reference) { follow("adamw-nocorrect"); }
BOOST_AUTO_TEST_CASE(params_without_gradient_are_skipped_and_count_their_own_steps) { follow("adamw-correct"); }
BOOST_AUTO_TEST_CASE(clipped_gradients_follow_the_reference) { follow("adamw-clip"); }
BOOST_AUTO_TEST_CASE(groups_have_rates_and_decays_of_their_own) { follow("adamw-groups"); }
