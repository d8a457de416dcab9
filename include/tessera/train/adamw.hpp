// AdamW: Adam with decoupled weight decay, as pytorch-transformers 1.2.0 has it.
//
// Source: Loshchilov, Hutter, "Decoupled Weight Decay Regularization" (2019). Two particulars of the reference: epsilon
// is added to the root before bias correction, which lies in the step size; and the decay uses the value that the step
// has already changed, times the plain learning rate. Computed in f32; the step size in double.
#pragma once

#include <cmath>

#include "tessera/context/weights.hpp"

namespace tessera {

class AdamW {
 public:
  struct Options {
    double learning_rate = 1e-3;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double eps = 1e-6;
    double weight_decay = 0;
    bool correct_bias = true;
  };

  /// Moments for the trained masters of a model that is bound to one block of weights (Weights, bind_masters).
  template <class Model>
  static Result<AdamW> of(const Model& model, const Options& options) noexcept {
    AdamW adam;
    adam.options_ = options;
    TESSERA_TRY_ASSIGN(WeightLayout layout, WeightLayout::of(model));
    bool room = adam.first_.resize(static_cast<std::size_t>(layout.elements())) &&
                adam.second_.resize(static_cast<std::size_t>(layout.elements()));
    for_each_param(model, [&](const RolePath&, const ParamBase& p) {
      if (p.master < 0 && p.role == ParamRole::trained)
        room = room && adam.segments_.push({p.view.template as<float>(), layout.start(p.id), p.view.count()});
    });
    if (!room) return Error::format(Code::out_of_memory, "adamw: no memory for the moments");
    return adam;
  }

  /// One step over all segments. gradients: in the layout of the weights (Gradients::data()).
  void step(const float* gradients, double learning_rate) noexcept {
    ++steps_;
    double size = learning_rate;
    if (options_.correct_bias)
      size *= std::sqrt(1 - std::pow(options_.beta2, steps_)) / (1 - std::pow(options_.beta1, steps_));
    const auto rate = static_cast<float>(size), b1 = static_cast<float>(options_.beta1), b2 = static_cast<float>(options_.beta2);
    const auto eps = static_cast<float>(options_.eps), decay = static_cast<float>(learning_rate * options_.weight_decay);
    for (const Segment& s : segments_)
      for (Index i = 0; i < s.count; ++i) {
        const float g = gradients[s.start + i];
        float& m = first_[static_cast<std::size_t>(s.start + i)];
        float& v = second_[static_cast<std::size_t>(s.start + i)];
        m = b1 * m + (1 - b1) * g;
        v = b2 * v + (1 - b2) * g * g;
        float w = s.weight[i];
        w -= rate * m / (std::sqrt(v) + eps);
        if (decay > 0) w -= decay * w;
        s.weight[i] = w;
      }
  }
  void step(const float* gradients) noexcept { step(gradients, options_.learning_rate); }
  std::int64_t steps() const noexcept { return steps_; }

 private:
  struct Segment {
    float* weight;
    Index start, count;
  };
  Options options_;
  Buffer<float> first_, second_;
  Buffer<Segment> segments_;
  std::int64_t steps_ = 0;
};

}  // namespace tessera
