// The way back: a checkpoint of the reference under the names of the original release.
//
// The tables of original_names.hpp, read from right to left. What the reference saves and the original does not (second
// names of tied tensors, buffers that are computed) is left out and listed; a tensor that has no place in the original
// is an error, never lost. Source: convert_pytorch_checkpoint_to_tf of pytorch-transformers 1.2.0, which does so for
// BertModel.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/convert_original.hpp"
#include "tessera/io/model_classes.hpp"
#include "tessera/io/original_names.hpp"
#include "tessera/io/state.hpp"
#include "tessera/io/utf8.hpp"

namespace tessera::inline TESSERA_ISA::io {

/// What became of a checkpoint.
struct ConvertedBack {
  State state;
  std::vector<std::string> second_names;  ///< of tensors that are there under another name
  std::vector<std::string> buffers;       ///< that the original computes
};

namespace detail {

/// What stood for "#" and "*" in a name.
struct NameParts {
  std::vector<std::string_view> parts;
  std::optional<std::size_t> layer;  ///< the first "#"
};

/// Whether a name of the reference fits a pattern, in which "*" stands for a part without a dot.
inline std::optional<NameParts> fitted(std::string_view name, std::string_view pattern) {
  NameParts found;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c != '#' && c != '*') {
      if (name.empty() || name.front() != c) return std::nullopt;
      name.remove_prefix(1);
      continue;
    }
    // A part ends at the next dot, or where the rest of the pattern's part begins ("*_net").
    std::size_t end = (std::min)(c == '#' ? name.find_first_not_of("0123456789") : name.find('.'), name.size());
    if (c == '*') {
      const std::string_view tail = pattern.substr(i + 1, (std::min)(pattern.find('.', i), pattern.size()) - i - 1);
      if (!name.substr(0, end).ends_with(tail)) return std::nullopt;
      end -= tail.size();
    }
    if (end == 0) return std::nullopt;
    if (c == '#' && !found.layer) {
      std::size_t number = 0;
      for (const char digit : name.substr(0, (std::min<std::size_t>)(end, 6)))
        number = 10 * number + static_cast<std::size_t>(digit - '0');
      found.layer = number;
    }
    found.parts.push_back(name.substr(0, end));
    name.remove_prefix(end);
  }
  if (!name.empty()) return std::nullopt;
  return found;
}

/// A pattern with parts put in.
inline std::string filled_in(std::string_view pattern, const std::vector<std::string_view>& parts) {
  std::string name;
  std::size_t next = 0;
  for (const char c : pattern) {
    if ((c == '#' || c == '*') && next < parts.size())
      name += parts[next++];
    else
      name += c;
  }
  return name;
}

inline bool same_bytes(const StateTensor& a, const StateTensor& b) noexcept {
  return a.type == b.type && a.shape == b.shape &&
         (a.data == b.data || a.bytes == 0 || std::memcmp(a.data, b.data, a.bytes) == 0);
}

/// Layers of one variable, put one upon the other.
inline Result<void> add_stacked(State& out, std::string name, const std::map<std::size_t, const StateTensor*>& layers) {
  const StateTensor& first = *layers.begin()->second;
  std::size_t expected = 0;
  for (const auto& [layer, tensor] : layers) {
    if (layer != expected++ || tensor->shape != first.shape || tensor->type != first.type)
      return Error::format(Code::shape_mismatch, "variable %s: the layers are not all there, or not alike",
                           in_quotes(name).c_str());
  }
  TESSERA_TRY_ASSIGN(const Buffer buffer, Buffer::allocate(layers.size() * first.bytes));
  std::size_t at = 0;
  for (const auto& [layer, tensor] : layers) {
    if (tensor->bytes != 0) std::memcpy(buffer.data() + at, tensor->data, tensor->bytes);
    at += tensor->bytes;
  }
  std::vector<std::int64_t> shape = first.shape;
  shape.insert(shape.begin(), static_cast<std::int64_t>(layers.size()));
  TESSERA_TRY(out.keep(buffer.owner()));
  return out.add({std::move(name), first.type, std::move(shape), buffer.data(), at});
}

/// The first name of a tensor that the reference saves twice; empty if it has one alone.
inline std::string first_name(const OriginalNames& table, std::string_view name) {
  for (const TiedName& tied : table.tied) {
    if (tied.name == name) return std::string(tied.original);
  }
  const auto moved = [name](std::string_view from, std::string_view to) {
    return name.starts_with(from) ? std::string(to).append(name.substr(from.size())) : std::string();
  };
  if (table.architecture != "transfo-xl") return {};
  if (std::string out = moved("crit.out_projs.", "transformer.word_emb.emb_projs."); !out.empty()) return out;
  if (name.ends_with(".weight")) return moved("crit.out_layers.", "transformer.word_emb.emb_layers.");
  const std::size_t attention = name.find(".dec_attn.r_");
  return attention == name.npos ? std::string() : std::string("transformer.").append(name.substr(attention + 10));
}

/// A buffer that the reference saves and computes anew.
inline bool is_buffer(const OriginalNames& table, std::string_view name) {
  if (table.architecture == "transfo-xl") return name == "transformer.pos_emb.inv_freq";
  return table.rules.data() == names::gpt && name.ends_with(".attn.bias");
}

}  // namespace detail

/// The tensors of a checkpoint under the names of the original release of a class's architecture.
inline Result<ConvertedBack> convert_to_original(const State& state, std::string_view class_name) noexcept {
  return guarded([&]() -> Result<ConvertedBack> {
    TESSERA_TRY_ASSIGN(const ModelClassNames* const model, get_model_class(class_name));
    const OriginalNames& table = *find_architecture(model->architecture);
    if (table.rules.empty())
      return Error::format(Code::unsupported,
                           "%.*s: there is no original release of it in TensorFlow's or NumPy's form",
                           static_cast<int>(model->name.size()), model->name.data());
    TESSERA_TRY_ASSIGN(const State all, with_base_prefix(state, table));
    const bool answers = model->name.ends_with("QuestionAnswering");
    // Those of stacked layers are looked at first: "*" would take their last part.
    std::vector<const NameRule*> rules;
    for (const NameRule& rule : table.rules) rules.push_back(&rule);
    std::stable_sort(rules.begin(), rules.end(), [](const NameRule* a, const NameRule* b) {
      return a->change == Change::unstack && b->change != Change::unstack;
    });
    ConvertedBack out;
    TESSERA_TRY(out.state.keep_all_of(all));
    std::map<std::string, std::map<std::size_t, const StateTensor*>> stacks;
    for (const StateTensor& tensor : all) {
      if (detail::is_buffer(table, tensor.name)) {
        out.buffers.push_back(tensor.name);
        continue;
      }
      const std::string first = detail::first_name(table, tensor.name);
      if (const StateTensor* const other = first.empty() ? nullptr : all.find(first);
          other != nullptr && detail::same_bytes(tensor, *other)) {
        out.second_names.push_back(tensor.name);
        continue;
      }
      std::string name = tensor.name;
      if (answers && name.starts_with("qa_outputs.")) name.replace(0, 10, "classifier");
      bool known = false;
      for (const NameRule* const rule : rules) {
        if (rule->original.starts_with(answers ? "output_" : "cls/squad/")) continue;
        if (rule->change == Change::unstack && tensor.shape.size() == 2 && name.starts_with("transformer.r_") &&
            std::string_view(rule->name).ends_with(name.substr(11))) {
          // One bias for all layers.
          StateTensor shared = tensor;
          shared.name = rule->original;
          TESSERA_TRY(out.state.add(std::move(shared)));
          known = true;
          break;
        }
        const auto fit = detail::fitted(name, rule->name);
        if (!fit) continue;
        known = true;
        const std::string original = detail::filled_in(rule->original, fit->parts);
        StateTensor renamed = tensor;
        renamed.name = original;
        switch (rule->change) {
          case Change::none: TESSERA_TRY(out.state.add(std::move(renamed))); break;
          case Change::squeeze:
            if (renamed.shape.size() == 2) renamed.shape.insert(renamed.shape.begin(), 1);
            TESSERA_TRY(out.state.add(std::move(renamed)));
            break;
          case Change::transpose: TESSERA_TRY(detail::add_transposed(out.state, original, tensor)); break;
          case Change::unstack: stacks[std::string(rule->original)].emplace(fit->layer.value_or(0), &tensor); break;
        }
        break;
      }
      if (!known)
        return Error::format(Code::unsupported, "tensor %s has no place in the original release of %.*s",
                             in_quotes(tensor.name).c_str(), static_cast<int>(model->architecture.size()),
                             model->architecture.data());
    }
    for (auto& [name, layers] : stacks) TESSERA_TRY(detail::add_stacked(out.state, name, layers));
    return out;
  });
}

}  // namespace tessera::io
