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
  /// The input `argument` of the reference's forward as a view; of rank 0 when the call has none. read_case has seen
  /// that those it has are there and fit into a view.
  View input(const GoldenStep& step, const std::string& argument) const {
    const io::Json* key = io::find_key(*step.inputs, argument);
    if (key == nullptr) return {};
    const io::StateTensor& tensor = *tensors.find(key->get_ref<const std::string&>());
    View v;
    v.data = const_cast<void*>(tensor.data);
    v.type = tensor.type;
    v.rank = static_cast<int>(tensor.shape.size());
    for (int i = 0; i < v.rank; ++i) v.dim[i] = tensor.shape[static_cast<std::size_t>(i)];
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

namespace detail {

/// An object whose members name tensors of the file, each of a rank that a View has.
inline Result<void> check_inputs(const io::Json& parent, const io::State& tensors) {
  TESSERA_TRY_ASSIGN(const io::Json* inputs, io::get_key(parent, "inputs"));
  if (!inputs->is_object()) return Error::format(Code::bad_format, "inputs: expected an object");
  for (const auto& [argument, key] : inputs->items()) {
    TESSERA_TRY_ASSIGN(const std::string name, io::as_string(key, argument));
    const auto tensor = tensors.get(name);
    if (!tensor) return tensor.error().in(("inputs: " + argument).c_str());
    const std::size_t rank = (*tensor)->shape.size();
    if (rank < 1 || rank > View::max_rank)
      return Error::format(Code::shape_mismatch, "inputs: %s: expected 1 to %d dimensions, found %zu", argument.c_str(),
                           View::max_rank, rank);
  }
  return {};
}

/// The calls' inputs, and what is done to the model before: the members of kwargs that parity knows.
inline Result<void> check_calls(io::Json& json, const io::State& tensors) {
  const io::Json* steps = io::find_key(json, "steps");
  if (steps == nullptr) TESSERA_TRY(check_inputs(json, tensors));
  if (steps != nullptr && (!steps->is_array() || steps->empty()))
    return Error::format(Code::bad_format, "steps: expected an array of calls");
  for (std::size_t i = 0; steps != nullptr && i < steps->size(); ++i)
    if (const auto good = check_inputs((*steps)[i], tensors); !good)
      return good.error().in(("steps[" + std::to_string(i) + "]").c_str());

  if (!json.contains("kwargs") || json["kwargs"].is_null()) json["kwargs"] = io::Json::object();
  const io::Json& kwargs = json["kwargs"];
  if (!kwargs.is_object()) return Error::format(Code::bad_format, "kwargs: expected an object");
  if (const io::Json* cache = io::find_key(kwargs, "cache"); cache != nullptr)
    TESSERA_TRY(io::as_bool(*cache, "cache"));
  if (const io::Json* rows = io::find_key(kwargs, "resize_token_embeddings"); rows != nullptr)
    TESSERA_TRY(io::as_int(*rows, "resize_token_embeddings"));
  if (const io::Json* layers = io::find_key(kwargs, "prune_heads"); layers != nullptr) {
    if (!layers->is_object()) return Error::format(Code::bad_format, "prune_heads: expected an object");
    for (const auto& [layer, heads] : layers->items()) {
      // Small enough for every integer type that names layers.
      if (layer.empty() || layer.size() > 6 || layer.find_first_not_of("0123456789") != std::string::npos)
        return Error::format(Code::bad_format, "prune_heads: expected the number of a layer, found %s",
                             io::in_quotes(layer).c_str());
      TESSERA_TRY(io::as_ints(heads, "prune_heads"));
    }
  }
  return {};
}

/// An output or a gradient that case.json lists.
inline Result<Expected> read_expected(const io::Json& entry, bool is_gradient, const io::State& tensors) {
  Expected e;
  e.is_gradient = is_gradient;
  TESSERA_TRY_ASSIGN(e.name, io::get_string(entry, "name"));
  TESSERA_TRY_ASSIGN(e.key, io::get_string(entry, "key"));
  TESSERA_TRY_ASSIGN(e.shape, io::get_ints(entry, "shape"));
  TESSERA_TRY_ASSIGN(e.ref_err, io::get_double_or(entry, "ref_err", 0.0));
  TESSERA_TRY_ASSIGN(e.ref_err32, io::get_double_or(entry, "ref_err32", e.ref_err));
  TESSERA_TRY_ASSIGN(const io::StateTensor* truth, tensors.get(e.key));
  if (e.shape != truth->shape)
    return Error::format(Code::shape_mismatch, "%s: expected the shape %s, found %s in tensors.safetensors",
                         e.name.c_str(), io::format_shape(e.shape).c_str(), io::format_shape(truth->shape).c_str());
  TESSERA_TRY_ASSIGN(const std::vector<double> values, numbers_of(*truth));
  for (const double v : values) e.scale = std::fmax(e.scale, std::fabs(v));
  TESSERA_TRY_ASSIGN(e.scale, io::get_double_or(entry, "scale", e.scale));
  if (truth->type == DType::i64) e.scale = e.ref_err = e.ref_err32 = 0;  // equal, or wrong
  return e;
}

inline Result<void> check_and_expect(GoldenCase& c) {
  if (!c.json.is_object()) return Error::format(Code::bad_format, "expected an object");
  TESSERA_TRY(io::get_string(c.json, "class"));
  TESSERA_TRY(io::get_string_or(c.json, "library", ""));
  TESSERA_TRY(check_calls(c.json, c.tensors));
  TESSERA_TRY(io::get_key(c.json, "outputs"));
  for (const char* list : {"outputs", "grads"}) {
    const io::Json* entries = io::find_key(c.json, list);
    if (entries == nullptr || entries->is_null()) continue;
    if (!entries->is_array()) return Error::format(Code::bad_format, "%s: expected an array", list);
    for (std::size_t i = 0; i < entries->size(); ++i) {
      auto e = read_expected((*entries)[i], std::string_view(list) == "grads", c.tensors);
      if (!e) return e.error().in((list + ("[" + std::to_string(i) + "]")).c_str());
      c.expected.push_back(std::move(*e));
    }
  }
  return {};
}

}  // namespace detail

/// Reads a case and checks it as a whole: what is used of it afterwards is there, of its type, and of a size that fits.
inline Result<GoldenCase> read_case(const std::string& folder) {
  GoldenCase c;
  c.folder = folder;
  TESSERA_TRY_ASSIGN(c.json, io::read_json(folder + "/case.json"));
  TESSERA_TRY_ASSIGN(c.tensors, io::read_safetensors(folder + "/tensors.safetensors"));
  if (const auto good = detail::check_and_expect(c); !good) return good.error().in((folder + "/case.json").c_str());
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
