// A golden case: a checkpoint, inputs, and what the reference computes from them; and the rule that outputs must meet.
//
// The format: a folder with case.json (class, inputs, outputs, gradients), tensors.safetensors (`in.*`, `out64.*`,
// `grad64.*`) and the checkpoint. The rule: max |ours - truth| <= 4 * ref_err + 1e-6 * scale, where ref_err is the
// reference's own float32 error and scale the largest magnitude of the truth; NaN must meet NaN.
#pragma once

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "tessera/io/json.hpp"
#include "tessera/io/safetensors.hpp"
#include "tessera/tensor/view.hpp"

namespace tessera::parity {

/// One output or gradient that a case expects.
struct Expected {
  std::string name;  ///< "last_hidden_state", "hidden_states.0", "loss", "grad.<parameter>"
  std::string key;   ///< in tensors.safetensors
  std::vector<std::int64_t> shape;
  double scale = 0;
  double ref_err = 0;    ///< the reference's worst float32 error over its ways of summing: the rule's
  double ref_err32 = 0;  ///< its error as it runs by default
  bool is_gradient = false;
};

/// A computed tensor.
struct Computed {
  std::vector<float> values;
  std::vector<bool> counted;  ///< one for each value; empty: all
};
using Results = std::map<std::string, Computed>;

/// One call of a case: most have one, those with memory several, whose outputs begin with "step<N>.".
struct GoldenStep {
  std::string prefix;  ///< "", "step0.", ...
  const io::Json* inputs = nullptr;
  bool last = true;
};

struct GoldenCase {
  std::string folder;
  io::Json json;
  io::State tensors;
  std::vector<Expected> expected;

  std::string class_name() const { return json.value("class", ""); }
  /// "pytorch-transformers 1.2.0", or "pytorch-pretrained-bert 0.6.2".
  std::string library() const { return json.value("library", ""); }
  std::vector<GoldenStep> steps() const {
    if (!json.contains("steps")) return {GoldenStep{"", &json["inputs"], true}};
    std::vector<GoldenStep> all;
    for (const io::Json& step : json["steps"])
      all.push_back(
          {"step" + std::to_string(all.size()) + ".", &step["inputs"], all.size() + 1 == json["steps"].size()});
    return all;
  }
  /// The input `argument` of the reference's forward as a view; of rank 0 when the call has none.
  View input(const GoldenStep& step, const std::string& argument) const {
    if (!step.inputs->contains(argument)) return {};
    const io::StateTensor* tensor = tensors.find((*step.inputs)[argument].get<std::string>());
    if (tensor == nullptr) return {};
    View v;
    v.data = const_cast<void*>(tensor->data);
    v.type = tensor->type;
    v.rank = static_cast<int>(tensor->shape.size());
    for (int i = 0; i < v.rank; ++i) v.dim[i] = tensor->shape[static_cast<std::size_t>(i)];
    v.row_stride = v.columns();
    return v;
  }
  View input(const std::string& argument) const { return input(GoldenStep{"", &json["inputs"], true}, argument); }
};

/// The numbers of an output, integers too.
inline Result<std::vector<double>> numbers_of(const io::StateTensor& tensor) {
  std::vector<double> numbers;
  if (tensor.type == DType::i64) {
    TESSERA_TRY_ASSIGN(const auto integers, tensor.as<std::int64_t>());
    for (const std::int64_t i : integers) numbers.push_back(static_cast<double>(i));
  } else {
    TESSERA_TRY_ASSIGN(const auto values, tensor.as<double>());
    numbers.assign(values.begin(), values.end());
  }
  return numbers;
}

inline Result<GoldenCase> read_case(const std::string& folder) {
  GoldenCase c;
  c.folder = folder;
  TESSERA_TRY_ASSIGN(c.json, io::read_json(folder + "/case.json"));
  TESSERA_TRY_ASSIGN(c.tensors, io::read_safetensors(folder + "/tensors.safetensors"));
  if (!c.json.is_object() || !c.json.contains("inputs") || !c.json.contains("outputs"))
    return Error::format(Code::bad_format, "%s/case.json: expected an object with inputs and outputs", folder.c_str());
  for (const bool gradients : {false, true}) {
    const char* list = gradients ? "grads" : "outputs";
    if (!c.json.contains(list) || c.json[list].is_null()) continue;
    for (const auto& entry : c.json[list]) {
      Expected e;
      e.name = entry.value("name", "");
      e.key = entry.value("key", "");
      e.shape = entry["shape"].get<std::vector<std::int64_t>>();
      e.ref_err = entry.value("ref_err", 0.0);
      e.ref_err32 = entry.value("ref_err32", e.ref_err);
      e.is_gradient = gradients;
      const io::StateTensor* truth = c.tensors.find(e.key);
      if (truth == nullptr)
        return Error::format(Code::not_found, "%s: tensors.safetensors has no %s", folder.c_str(), e.key.c_str());
      const auto values = numbers_of(*truth);
      if (!values) return values.error().in(folder.c_str());
      for (const double v : *values) e.scale = std::fmax(e.scale, std::fabs(v));
      e.scale = entry.value("scale", e.scale);
      if (truth->type == DType::i64) e.scale = e.ref_err = e.ref_err32 = 0;  // equal, or wrong
      c.expected.push_back(std::move(e));
    }
  }
  return c;
}

/// How one tensor did.
struct Verdict {
  std::string name;
  double error = 0;  ///< max |ours - truth|
  double allowed = 0;
  double ref_err = 0;
  double scale = 0;
  std::string problem;  ///< "missing", "12 values, expected 20"; empty when it could be compared
  bool good() const { return problem.empty() && error <= allowed; }
};

inline Verdict compare(const GoldenCase& c, const Expected& e, const Results& results) {
  Verdict v{e.name, 0, 4 * e.ref_err + 1e-6 * e.scale, e.ref_err, e.scale, {}};
  const auto found = results.find(e.name);
  if (found == results.end()) {
    v.problem = "missing";
    return v;
  }
  const auto truth = numbers_of(*c.tensors.find(e.key));
  const std::vector<float>& ours = found->second.values;
  if (ours.size() != truth->size()) {
    v.problem = std::to_string(ours.size()) + " values, expected " + std::to_string(truth->size());
    return v;
  }
  for (std::size_t i = 0; i < ours.size(); ++i) {
    if (!found->second.counted.empty() && !found->second.counted[i]) continue;
    const double a = static_cast<double>(ours[i]), b = (*truth)[i];
    if (std::isnan(a) && std::isnan(b)) continue;
    const double d = std::isnan(a) || std::isnan(b) ? std::numeric_limits<double>::infinity()
                     : a == b                       ? 0
                                                    : std::fabs(a - b);
    v.error = std::fmax(v.error, d);
  }
  return v;
}

}  // namespace tessera::parity
