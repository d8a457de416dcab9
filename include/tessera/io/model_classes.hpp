// The classes of the reference, and which tensors each of them has: a checkpoint of one class as one of another.
//
// The table of classes is in original_names.hpp. Which sizes the tensors must have is the models' business.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/original_names.hpp"
#include "tessera/io/state.hpp"
#include "tessera/io/utf8.hpp"

namespace tessera::inline TESSERA_ISA::io {

/// The class of that name, or null.
inline const ModelClassNames* find_model_class(std::string_view name) noexcept {
  for (const ModelClassNames& c : model_class_names) {
    if (c.name == name) return &c;
  }
  return nullptr;
}

/// The class of that name, or an error with all names.
inline Result<const ModelClassNames*> get_model_class(std::string_view name) {
  if (const ModelClassNames* const found = find_model_class(name); found != nullptr) return found;
  std::string known;
  for (const ModelClassNames& c : model_class_names) known.append(known.empty() ? "" : ", ").append(c.name);
  return Error::format(Code::unsupported, "class %s is unknown here, one of %s expected", in_quotes(name).c_str(),
                       known.c_str());
}

inline const OriginalNames* find_architecture(std::string_view architecture) noexcept {
  for (const OriginalNames& table : original_names) {
    if (table.architecture == architecture) return &table;
  }
  return nullptr;
}

namespace detail {

/// What a tensor of a class is called, or nothing if the class does not have it.
inline std::optional<std::string> name_in_class(std::string_view name, const ModelClassNames& model,
                                                std::string_view base) {
  if (name.starts_with(base))
    return std::string(model.heads.empty() && model.name.ends_with("Model") && !model.name.ends_with("HeadModel") &&
                               !model.name.ends_with("HeadsModel")
                           ? name.substr(base.size())
                           : name);
  std::string_view heads = model.heads;
  while (!heads.empty()) {
    const std::size_t space = (std::min)(heads.find(' '), heads.size());
    std::string_view prefix = heads.substr(0, space);
    heads.remove_prefix((std::min)(space + 1, heads.size()));
    std::string_view called = prefix;
    if (const std::size_t equal = prefix.find('='); equal != prefix.npos) {
      called = prefix.substr(equal + 1);
      prefix = prefix.substr(0, equal);
    }
    if (name.starts_with(prefix)) return std::string(called).append(name.substr(prefix.size()));
  }
  return std::nullopt;
}

}  // namespace detail

/// Appends the tensors of a class to `out`, under the names of that class; the others are listed. The names in `all`
/// have the prefix of the base model.
inline Result<void> take_class(const State& all, const ModelClassNames& model, const OriginalNames& table, State& out,
                               std::vector<std::string>& other_heads) {
  TESSERA_TRY(out.keep_all_of(all));
  for (const StateTensor& tensor : all) {
    auto name = detail::name_in_class(tensor.name, model, table.base);
    if (!name) {
      other_heads.push_back(tensor.name);
      continue;
    }
    StateTensor kept = tensor;
    kept.name = std::move(*name);
    TESSERA_TRY(out.add(std::move(kept)));
  }
  return {};
}

/// A state with the reference's names whose base model has its prefix, whichever class wrote it: a bare base model gets
/// it. Old names of norms become new ones.
inline Result<State> with_base_prefix(const State& state, const OriginalNames& table) {
  const bool bare = std::none_of(state.begin(), state.end(),
                                 [&](const StateTensor& tensor) { return tensor.name.starts_with(table.base); });
  // What a bare model may have beside it, as the dumps of XLM do.
  const auto is_head = [&](std::string_view name) {
    for (const ModelClassNames& c : model_class_names) {
      if (c.architecture != table.architecture) continue;
      if (detail::name_in_class(name, c, table.base)) return true;
    }
    return false;
  };
  State out;
  out.metadata = state.metadata;
  out.ignored = state.ignored;
  out.format = state.format;
  TESSERA_TRY(out.keep_all_of(state));
  for (StateTensor tensor : state) {
    if (tensor.name.ends_with(".gamma")) tensor.name.replace(tensor.name.size() - 5, 5, "weight");
    if (tensor.name.ends_with(".beta")) tensor.name.replace(tensor.name.size() - 4, 4, "bias");
    if (bare && !is_head(tensor.name)) tensor.name.insert(0, table.base);
    TESSERA_TRY(out.add(std::move(tensor)));
  }
  const std::string word = std::string(table.base).append(table.word);
  if (std::none_of(out.begin(), out.end(), [&](const StateTensor& tensor) { return tensor.name == word; }))
    return Error::format(Code::not_found, "none of the %zu tensors is %s: is this a checkpoint of %s?", state.size(),
                         std::string(table.word).c_str(), std::string(table.architecture).c_str());
  return out;
}

/// A state with the reference's names as one of a class: heads that the class does not have are left out and listed,
/// and the base model's prefix is put on or taken off.
inline Result<State> as_class(const State& state, std::string_view class_name,
                              std::vector<std::string>& other_heads) noexcept {
  return guarded([&]() -> Result<State> {
    TESSERA_TRY_ASSIGN(const ModelClassNames* const model, get_model_class(class_name));
    const OriginalNames& table = *find_architecture(model->architecture);
    TESSERA_TRY_ASSIGN(const State all, with_base_prefix(state, table));
    State out;
    out.metadata = state.metadata;
    out.format = state.format;
    TESSERA_TRY(take_class(all, *model, table, out, other_heads));
    if (out.empty())
      return Error::format(Code::not_found, "none of the %zu tensors has a name of class %s", state.size(),
                           in_quotes(class_name).c_str());
    return out;
  });
}

}  // namespace tessera::io
