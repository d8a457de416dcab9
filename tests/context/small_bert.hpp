// A small BERT with numbers for weights, inputs for it, and what tests of contexts ask of runs.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "tessera/backends/reference/reference.hpp"
#include "tessera/context/session.hpp"
#include "tessera/models/bert_heads.hpp"

namespace small_bert {

using namespace tessera;

using Ref = Reference<float>;

constexpr BertConfig config(Index layers = 2) {
  BertConfig c;
  c.vocab_size = 29;
  c.hidden_size = 12;
  c.num_hidden_layers = layers;
  c.num_attention_heads = 3;
  c.intermediate_size = 20;
  c.max_position_embeddings = 16;
  c.type_vocab_size = 2;
  c.num_labels = 3;
  return c;
}
constexpr BertSizes sizes{.vocabulary = 29, .hidden = 12, .layers = 2, .intermediate = 20, .positions = 16, .types = 2};

/// Reproducible numbers, around one for norms' weights.
template <class Model>
void fill(Model& model, float size = 0.3F) {
  unsigned state = 12345;
  for_each_param(model, [&](const RolePath& path, ParamBase& p) {
    if (p.master >= 0) return;
    const bool is_norm = std::string(path.c_str()).find("norm.weight") != std::string::npos;
    for (Index i = 0; i < p.view.count(); ++i) {
      state = state * 1664525U + 1013904223U;
      p.view.template as<float>()[i] =
          (is_norm ? 1.0F : 0.0F) + size * (static_cast<float>(state >> 8) * 0x1p-23F - 1.0F);
    }
  });
}

/// A model with weights of its own.
template <class Model>
struct Owned {
  Model model;
  Weights weights;
  explicit Owned(const BertConfig& c = config()) : model(c) {
    weights = std::move(Weights::of(model)).value();
    fill(model);
  }
};

/// Arrays for a batch; `labels` has a value for each row, each in [0, 3).
struct Arrays {
  std::vector<std::int64_t> ids, types, mask, labels;
  Index texts, longest;

  Arrays(Index n, Index length) : texts(n), longest(length) {
    for (Index i = 0; i < n * length; ++i) {
      ids.push_back((i * 7 + 3) % 29);
      types.push_back((i / 2) % 2);
      mask.push_back(i % length < length - i / length % length ? 1 : 0);
      labels.push_back(i % 3);
    }
  }
  template <class Input = BertInput>
  Input input() const {
    Input in;
    in.layout = Layout::padded(texts, longest);
    in.input_ids = View::of_const(ids.data(), DType::i64, texts, longest);
    in.token_type_ids = View::of_const(types.data(), DType::i64, texts, longest);
    in.attention_mask = View::of_const(mask.data(), DType::i64, texts, longest);
    return in;
  }
  /// With a label for each of the first `count` rows or texts.
  BertLabelledInput labelled(Index count) const {
    auto in = input<BertLabelledInput>();
    in.labels = View::of_const(labels.data(), DType::i64, count);
    return in;
  }
};

/// The bits of every output, one after the other.
template <class Output>
std::vector<float> numbers(const Output& output) {
  std::vector<float> all;
  output.visit([&](const char*, const auto& tensor) {
    if (tensor)
      all.insert(all.end(), tensor.view().template as<float>(),
                 tensor.view().template as<float>() + tensor.view().count());
  });
  return all;
}
inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

/// Collects taps: names in order, and all their values.
struct Taps {
  bool hidden = true, attentions = true;
  std::vector<std::string> names;
  std::vector<View> shapes;
  std::vector<float> values;

  TapSink sink() {
    TapSink s;
    s.state = this;
    s.wants = [](void* state, const char* name) {
      const auto& self = *static_cast<Taps*>(state);
      return (self.hidden && std::strcmp(name, "hidden_states") == 0) ||
             (self.attentions && std::strcmp(name, "attentions") == 0);
    };
    s.take = [](void* state, const char* name, const View& value, const Memory&) {
      auto& self = *static_cast<Taps*>(state);
      self.names.emplace_back(name);
      self.shapes.push_back(value);
      self.values.insert(self.values.end(), value.as<float>(), value.as<float>() + value.count());
    };
    return s;
  }
};

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace small_bert
