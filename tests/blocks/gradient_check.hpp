// Gradients of a whole model against central differences, in double arithmetic.
//
// The weights stay f32 (the master form), so a perturbation is what f32 makes of it: the difference quotient divides by
// the step that was really taken. Values are computed by Reference<double>; the error is that of the quotient.
#pragma once

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tessera/backends/reference/reference.hpp"
#include "tessera/context/training_session.hpp"

namespace gradient_check {

using Exact = tessera::Reference<double>;

template <class Model>
double loss_of(const Model& model, const typename Model::Input& input) {
  auto packed = tessera::Packed<Exact>::of(model, Exact());
  auto gradients = tessera::Gradients<Exact>::of(model, Exact());
  tessera::TrainingSession<Model, Exact> session(model, Exact(), *gradients, &*packed);
  BOOST_TEST_REQUIRE(session.reserve(input).ok());
  auto out = session.forward(input);
  BOOST_TEST_REQUIRE(out.ok(), out.error().message());
  return *(*out)->loss.view().template as<double>();
}

/// Every `stride`-th element of every trained weight. The model is bound to `weights`. Tolerance: relative to the
/// largest gradient of the param, plus 1e-9; 1e-5 covers the third derivative at a step of 5e-4.
template <class Model>
void check(Model& model, const typename Model::Input& input, tessera::Index stride = 1, double tolerance = 1e-5) {
  auto packed = tessera::Packed<Exact>::of(model, Exact());
  auto gradients = tessera::Gradients<Exact>::of(model, Exact());
  BOOST_TEST_REQUIRE(packed.ok());
  BOOST_TEST_REQUIRE(gradients.ok());
  tessera::TrainingSession<Model, Exact> session(model, Exact(), *gradients, &*packed);
  auto reserved = session.reserve(input);
  BOOST_TEST_REQUIRE(reserved.ok(), reserved.error().message());
  auto out = session.forward(input);
  BOOST_TEST_REQUIRE(out.ok(), out.error().message());
  auto back = session.backward();
  BOOST_TEST_REQUIRE(back.ok(), back.error().message());

  tessera::for_each_param(model, [&](const tessera::RolePath& path, tessera::ParamBase& param) {
    if (param.master >= 0 || param.role != tessera::ParamRole::trained) return;
    const double* analytic = (*gradients)[param.id].template as<double>();
    double largest = 0;
    for (tessera::Index i = 0; i < param.view.count(); ++i) largest = std::fmax(largest, std::fabs(analytic[i]));
    float* weight = param.view.template as<float>();
    for (tessera::Index i = 0; i < param.view.count(); i += stride) {
      const float kept = weight[i];
      weight[i] = kept + 5e-4F;
      const double up = static_cast<double>(weight[i]), loss_up = loss_of(model, input);
      weight[i] = kept - 5e-4F;
      const double down = static_cast<double>(weight[i]), loss_down = loss_of(model, input);
      weight[i] = kept;
      const double quotient = (loss_up - loss_down) / (up - down);
      BOOST_TEST(std::fabs(quotient - analytic[i]) <= tolerance * largest + 1e-9,
                 path.c_str() << "[" << i << "]: difference quotient " << quotient << ", gradient " << analytic[i]);
    }
  });
}

/// Fills a model's weights with numbers around zero (norm weights around one), reproducibly.
template <class Model>
void fill(Model& model, float size, unsigned seed = 1) {
  unsigned state = seed * 2654435761U + 12345U;
  tessera::for_each_param(model, [&](const tessera::RolePath& path, tessera::ParamBase& param) {
    if (param.master >= 0) return;
    const std::string_view role = path.c_str();
    const bool is_norm = role.find("norm.weight") != std::string_view::npos;
    for (tessera::Index i = 0; i < param.view.count(); ++i) {
      state = state * 1664525U + 1013904223U;
      const float u = static_cast<float>(state >> 8) * 0x1p-24F - 0.5F;
      param.view.template as<float>()[i] = (is_norm ? 1.0F : 0.0F) + 2 * size * u;
    }
  });
}

}  // namespace gradient_check
