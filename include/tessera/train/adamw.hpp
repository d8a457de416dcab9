// AdamW: Adam with decoupled weight decay, as pytorch-transformers 1.2.0 has it.
//
// Source: Loshchilov, Hutter, "Decoupled Weight Decay Regularization" (2019). Two particulars of the reference: epsilon
// is added to the root before bias correction, which lies in the step size; and the decay uses the value that the step
// has already changed, times the plain learning rate. Computed in f32; the step size in double.
#pragma once

#include <cmath>

#include "tessera/context/weights.hpp"

namespace tessera::inline TESSERA_ISA {

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

  /// What a param may have of its own.
  struct Group {
    double rate = 1;  ///< times the learning rate
    double weight_decay = 0;
  };

  /// Moments for the trained masters of a model that is bound to f32 memory that may be written (Weights,
  /// bind_masters). group_of(const RolePath&, const ParamBase&) tells each param's group.
  template <class Model, class F>
  static Result<AdamW> of(const Model& model, const Options& options, const F& group_of) noexcept {
    AdamW adam;
    adam.options_ = options;
    TESSERA_TRY_ASSIGN(WeightLayout layout, WeightLayout::of(model));
    bool room = adam.first_.resize(static_cast<std::size_t>(layout.elements())) &&
                adam.second_.resize(static_cast<std::size_t>(layout.elements()));
    Error error;
    for_each_param(model, [&](const RolePath& path, const ParamBase& p) {
      if (error || p.master >= 0 || p.role != ParamRole::trained) return;
      error = detail::check_writable("adamw", path.c_str(), p).error();
      if (error) return;
      Segment s;
      s.weight = p.view.template as<float>();
      s.start = layout.start(p.id);
      s.count = p.view.count();
      s.id = p.id;
      s.group = group_of(path, p);
      room = room && adam.segments_.push(s);
      if (p.version != nullptr) adam.version_ = p.version;
    });
    if (error) return error;
    if (!room) return Error::format(Code::out_of_memory, "adamw: no memory for the moments");
    return adam;
  }
  /// All params with the same learning rate and decay.
  template <class Model>
  static Result<AdamW> of(const Model& model, const Options& options) noexcept {
    return of(model, options, [&](const RolePath&, const ParamBase&) { return Group{1, options.weight_decay}; });
  }

  /// The next step leaves the param alone, as one that has no gradient; its own count of steps does not go on.
  void skip(std::int32_t id) noexcept {
    for (Segment& s : segments_) s.skipped = s.skipped || s.id == id;
  }

  /// One step over all segments. gradients: in the layout of the weights (Gradients::data()).
  void step(const float* gradients, double learning_rate) noexcept {
    ++steps_;
    if (version_ != nullptr) ++*version_;  // what was packed is stale
    // The complements in double: 1 - 0.999F is off by 5e-5 of itself.
    const auto b1 = static_cast<float>(options_.beta1), c1 = static_cast<float>(1 - options_.beta1);
    const auto b2 = static_cast<float>(options_.beta2), c2 = static_cast<float>(1 - options_.beta2);
    const auto eps = static_cast<float>(options_.eps);
    for (Segment& s : segments_) {
      if (std::exchange(s.skipped, false)) continue;
      const double own_rate = learning_rate * s.group.rate;
      double size = own_rate;
      ++s.steps;
      if (options_.correct_bias)
        size *= std::sqrt(1 - std::pow(options_.beta2, s.steps)) / (1 - std::pow(options_.beta1, s.steps));
      const auto rate = static_cast<float>(size), decay = static_cast<float>(own_rate * s.group.weight_decay);
      for (Index i = 0; i < s.count; ++i) {
        const float g = gradients[s.start + i];
        float& m = first_[static_cast<std::size_t>(s.start + i)];
        float& v = second_[static_cast<std::size_t>(s.start + i)];
        m = b1 * m + c1 * g;
        v = b2 * v + c2 * g * g;
        float w = s.weight[i];
        w -= rate * m / (std::sqrt(v) + eps);
        if (decay > 0) w -= decay * w;
        s.weight[i] = w;
      }
    }
  }
  void step(const float* gradients) noexcept { step(gradients, options_.learning_rate); }
  std::int64_t steps() const noexcept { return steps_; }

 private:
  struct Segment {
    float* weight = nullptr;
    Index start = 0, count = 0;
    std::int32_t id = -1;
    Group group;
    std::int64_t steps = 0;
    bool skipped = false;
  };
  Options options_;
  Buffer<float> first_, second_;
  Buffer<Segment> segments_;
  std::uint32_t* version_ = nullptr;
  std::int64_t steps_ = 0;
};

}  // namespace tessera
