// Weights of a model from a State and back, under the checkpoint's names.
//
// Loading binds params to the state's bytes without copying; shapes must agree. Old names are understood (gamma and
// beta of a norm), and the prefix of the base model is added or dropped when a file was written by a head model or by
// the bare one. Nothing is skipped silently: the report names what is missing, unexpected and mismatched.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "tessera/context/weights.hpp"
#include "tessera/io/state.hpp"
#include "tessera/tensor/names.hpp"

namespace tessera::inline TESSERA_ISA {

struct LoadReport {
  std::vector<std::string> missing;     ///< params of the model that the file has not
  std::vector<std::string> unexpected;  ///< tensors of the file that the model has not
  std::vector<std::string> mismatched;  ///< "name: expected [2, 3], found [2, 4]"
  bool complete() const noexcept { return missing.empty() && mismatched.empty(); }
};

namespace detail {
/// Shape of a param as files have it.
inline std::vector<std::int64_t> shape_of(const View& v) { return {v.dim, v.dim + v.rank}; }

inline bool ends_with(std::string_view text, std::string_view end) noexcept {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// The name that this library expects for one in a file: gamma -> weight, beta -> bias, and what the table says.
inline std::string modern_name(const NameTable& names, std::string_view name) {
  for (int i = 0; i < names.old_count; ++i)
    if (name == names.old_names[i].role) return names.old_names[i].checkpoint;
  std::string modern(name);
  if (ends_with(name, ".gamma")) modern.replace(modern.size() - 5, 5, "weight");
  if (ends_with(name, ".beta")) modern.replace(modern.size() - 4, 4, "bias");
  return modern;
}

/// Whether a file's tensor is the causal mask of a layer, which models here do not read.
inline bool is_causal_mask(const NameTable& names, const std::string& name) {
  if (names.causal_mask == nullptr) return false;
  const char* digits = nullptr;
  const char* rest = match_role(skip_prefix(name.c_str(), names.base_prefix), names.causal_mask, digits);
  return rest != nullptr && *rest == '\0';
}
}  // namespace detail

/// Binds the model's params to the tensors of `state`, which must outlive them. A wrong shape is an error, as in the
/// reference; missing and unexpected names are not: look at the report.
template <class Model>
Result<LoadReport> load_weights(Model& model, const io::State& state) {
  const NameTable& names = Model::names;
  const std::string prefix = std::string(names.base_prefix) + ".";
  bool file_has_prefix = false, model_has_prefix = false;
  std::unordered_map<std::string, std::size_t> places;
  for (const io::StateTensor& tensor : state) {
    std::string modern = detail::modern_name(names, tensor.name);
    file_has_prefix = file_has_prefix || modern.compare(0, prefix.size(), prefix) == 0;
    const auto [place, is_new] = places.emplace(std::move(modern), places.size());
    if (!is_new)
      return Error::format(Code::bad_format, "weights: the file has %s twice, under an old and a new name",
                           place->first.c_str());
  }
  for_each_param(model, [&](const RolePath& path, ParamBase&) {
    model_has_prefix = model_has_prefix || std::string_view(path.c_str()).substr(0, prefix.size()) == prefix;
  });

  LoadReport report;
  std::vector<bool> used(places.size(), false);
  for_each_param(model, [&](const RolePath& path, ParamBase& param) {
    const std::string wanted = checkpoint_name(names, path.c_str()).text;
    std::string in_file = wanted;
    if (!model_has_prefix && file_has_prefix) in_file = prefix + wanted;
    if (model_has_prefix && !file_has_prefix && wanted.compare(0, prefix.size(), prefix) == 0)
      in_file = wanted.substr(prefix.size());
    const auto found = places.find(in_file);
    if (found == places.end()) {
      if (param.master < 0) report.missing.push_back(wanted);
      return;
    }
    used[found->second] = true;
    const io::StateTensor& tensor = state[found->second];
    if (tensor.shape != detail::shape_of(param.view)) {
      report.mismatched.push_back(wanted + ": expected " + io::format_shape(detail::shape_of(param.view)) + ", found " +
                                  io::format_shape(tensor.shape));
    } else if (!is_floating(tensor.type)) {
      report.mismatched.push_back(wanted + ": expected numbers with a fraction, found " + name(tensor.type));
    } else {
      param.view.data = const_cast<void*>(tensor.data);
      param.view.type = tensor.type;
      param.version = nullptr;
      param.read_only = true;
    }
  });
  for (std::size_t i = 0; i < used.size(); ++i)
    if (!used[i] && !detail::is_causal_mask(names, state[i].name)) report.unexpected.push_back(state[i].name);
  bind_ties(model);
  if (!report.mismatched.empty())
    return Error::format(Code::shape_mismatch, "weights: %zu of the model's tensors do not fit: %s%s",
                         report.mismatched.size(), report.mismatched.front().c_str(),
                         report.mismatched.size() > 1 ? ", ..." : "");
  return report;
}

/// The model's weights as a State under the checkpoint's names; tied ones under both. The bytes stay the model's.
template <class Model>
Result<io::State> weights_state(const Model& model) {
  io::State state;
  Error error;
  for_each_param(model, [&](const RolePath& path, const ParamBase& param) {
    if (error) return;
    const auto added = state.add({checkpoint_name(Model::names, path.c_str()).text, param.view.type,
                                  detail::shape_of(param.view), param.view.data, param.view.bytes()});
    if (!added) error = added.error();
  });
  if (error) return error;
  return state;
}

namespace detail {
template <class Base>
Result<void> add_causal_masks(const Base& base, io::State& state, std::vector<float>& mask, const std::string& prefix) {
  if constexpr (requires { base.context_size(); }) {
    const Index n = base.context_size();
    mask.assign(static_cast<std::size_t>(n * n), 0.0F);
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j <= i; ++j) mask[static_cast<std::size_t>(i * n + j)] = 1.0F;
    const std::string pattern = Base::names.causal_mask;
    const std::size_t place = pattern.find('#');
    for (Index layer = 0; layer < base.layers(); ++layer)
      TESSERA_TRY(state.add({prefix + pattern.substr(0, place) + std::to_string(layer) + pattern.substr(place + 1),
                             DType::f32,
                             {1, 1, n, n},
                             mask.data(),
                             mask.size() * sizeof(float)}));
  }
  return {};
}
}  // namespace detail

/// Adds the causal masks that the reference's files hold, all of them the same bytes, which `mask` keeps.
template <class Model>
Result<void> add_causal_masks(const Model& model, io::State& state, std::vector<float>& mask) {
  constexpr const NameTable& names = Model::names;
  if constexpr (requires { model.base; }) {
    return detail::add_causal_masks(model.base, state, mask, std::string(names.base_prefix) + ".");
  } else {
    return detail::add_causal_masks(model, state, mask, std::string());
  }
}
}  // namespace tessera
