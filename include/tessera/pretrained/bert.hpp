// BERT from a folder and into one: config.json, weights, pruned heads.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "tessera/blocks/prune_heads.hpp"
#include "tessera/context/resize.hpp"
#include "tessera/io/json.hpp"
#include "tessera/io/open.hpp"
#include "tessera/io/safetensors.hpp"
#include "tessera/io/torch.hpp"
#include "tessera/models/bert_heads.hpp"
#include "tessera/pretrained/load.hpp"

namespace tessera::inline TESSERA_ISA {

/// Heads to prune, by layer, under their original numbers.
using PrunedHeads = std::map<std::int64_t, std::vector<std::int64_t>>;

/// config.json of a BERT: the sizes, the pruned heads, and every key as it was read (unknown ones are kept).
struct BertFile {
  BertConfig config;
  PrunedHeads pruned_heads;
  io::Json json = io::Json::object();
};

namespace detail {
struct ActivationName {
  const char* name;
  Activation activation;
};
inline constexpr ActivationName activation_names[] = {
    {"gelu", Activation::gelu}, {"relu", Activation::relu}, {"swish", Activation::swish}};

/// A size in a config: an integer in [1, limit].
inline Result<void> read_size(const io::Json& json, const char* key, Index& size) {
  TESSERA_TRY_ASSIGN(const std::int64_t value, io::get_int_or(json, key, size));
  constexpr std::int64_t limit = 1 << 28;
  if (value < 1 || value > limit)
    return Error::format(Code::out_of_range, "config: %s: expected a size from 1 to %lld, found %lld", key,
                         static_cast<long long>(limit), static_cast<long long>(value));
  size = value;
  return {};
}

inline Result<void> read_rate(const io::Json& json, const char* key, double& rate, double limit) {
  TESSERA_TRY_ASSIGN(const double value, io::get_double_or(json, key, rate));
  if (!(value >= 0 && value <= limit))
    return Error::format(Code::out_of_range, "config: %s: expected a number from 0 to %g, found %g", key, limit, value);
  rate = value;
  return {};
}
}  // namespace detail

/// Reads the reference's keys; what is not there keeps the reference's default.
inline Result<BertFile> parse_bert_config(const io::Json& json) {
  if (!json.is_object()) return Error::format(Code::bad_format, "config: expected a JSON object");
  BertFile file;
  file.json = json;
  BertConfig& c = file.config;
  TESSERA_TRY(detail::read_size(json, "vocab_size", c.vocab_size));
  TESSERA_TRY(detail::read_size(json, "hidden_size", c.hidden_size));
  TESSERA_TRY(detail::read_size(json, "num_hidden_layers", c.num_hidden_layers));
  TESSERA_TRY(detail::read_size(json, "num_attention_heads", c.num_attention_heads));
  TESSERA_TRY(detail::read_size(json, "intermediate_size", c.intermediate_size));
  TESSERA_TRY(detail::read_size(json, "max_position_embeddings", c.max_position_embeddings));
  TESSERA_TRY(detail::read_size(json, "type_vocab_size", c.type_vocab_size));
  TESSERA_TRY(detail::read_size(json, "num_labels", c.num_labels));
  TESSERA_TRY(detail::read_rate(json, "hidden_dropout_prob", c.hidden_dropout_prob, 1));
  TESSERA_TRY(detail::read_rate(json, "attention_probs_dropout_prob", c.attention_probs_dropout_prob, 1));
  TESSERA_TRY(detail::read_rate(json, "layer_norm_eps", c.layer_norm_eps, 1));
  TESSERA_TRY(detail::read_rate(json, "initializer_range", c.initializer_range, 100));
  if (c.num_hidden_layers > 4096)
    return Error::format(Code::out_of_range, "config: num_hidden_layers: expected at most 4096, found %lld",
                         static_cast<long long>(c.num_hidden_layers));
  if (c.hidden_size % c.num_attention_heads != 0)
    return Error::format(Code::shape_mismatch, "config: hidden_size %lld is not a multiple of num_attention_heads %lld",
                         static_cast<long long>(c.hidden_size), static_cast<long long>(c.num_attention_heads));
  TESSERA_TRY_ASSIGN(const std::string act, io::get_string_or(json, "hidden_act", "gelu"));
  const auto* known = std::find_if(std::begin(detail::activation_names), std::end(detail::activation_names),
                                   [&](const auto& a) { return act == a.name; });
  if (known == std::end(detail::activation_names))
    return Error::format(Code::unsupported, "config: hidden_act: expected gelu, relu or swish, found %.80s",
                         act.c_str());
  c.hidden_act = known->activation;

  if (const io::Json* pruned = io::find_key(json, "pruned_heads"); pruned != nullptr && !pruned->is_null()) {
    if (!pruned->is_object())
      return Error::format(Code::bad_format, "config: pruned_heads: expected an object of lists");
    for (const auto& [layer, heads] : pruned->items()) {
      const char* end = layer.c_str();
      const long long number = std::strtoll(layer.c_str(), const_cast<char**>(&end), 10);
      if (*end != '\0' || layer.empty() || number < 0 || number >= c.num_hidden_layers)
        return Error::format(Code::out_of_range, "config: pruned_heads: there is no layer %.40s", layer.c_str());
      TESSERA_TRY_ASSIGN(file.pruned_heads[number], io::as_ints(heads, "pruned_heads"));
    }
  }
  return file;
}

inline Result<BertFile> read_bert_config(const std::string& path) {
  TESSERA_TRY_ASSIGN(const io::Json json, io::read_json(path));
  auto file = parse_bert_config(json);
  if (!file) return file.error().in(path.c_str());
  return file;
}

/// The base model of a head model, or the model itself.
template <class Model>
auto& base_of(Model& model) noexcept {
  if constexpr (requires { model.bert; })
    return model.bert;
  else
    return model;
}

/// Sizes for weights that were saved after pruning.
template <class Model>
Result<void> expect_pruned_heads(Model& model, const PrunedHeads& pruned) {
  for (const auto& [layer, heads] : pruned)
    TESSERA_TRY(
        expect_pruned_heads(base_of(model).encoder[layer].attention, heads.data(), static_cast<Index>(heads.size())));
  return {};
}

/// Prunes heads of a model that is bound to `weights`, and makes the weights compact again. A list that names what is
/// not there changes nothing.
template <class Model>
Result<void> prune_heads(Model& model, BertFile& file, const PrunedHeads& heads, Weights& weights) {
  auto& base = base_of(model);
  for (const auto& [layer, list] : heads) {
    if (layer < 0 || layer >= base.encoder.size())
      return Error::format(Code::out_of_range, "prune_heads: there is no layer %lld", static_cast<long long>(layer));
    const auto gone =
        detail::heads_to_prune(base.encoder[layer].attention, list.data(), static_cast<Index>(list.size()));
    if (!gone) return gone.error();
  }
  for (const auto& [layer, list] : heads) {
    TESSERA_TRY(prune_heads(base.encoder[layer].attention, list.data(), static_cast<Index>(list.size())));
    auto& all = file.pruned_heads[layer];
    all.insert(all.end(), list.begin(), list.end());
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
  }
  TESSERA_TRY_ASSIGN(Weights compact, Weights::of(model));
  weights = std::move(compact);
  bind_ties(model);
  return {};
}

/// A model with what keeps its weights alive: the file's mapping, or memory of its own.
template <class Model>
struct Pretrained {
  BertFile file;
  Model model;
  io::State state;
  Weights weights;  ///< only when something was missing in the file, or after own_weights
  LoadReport report;

  /// Moves all weights to writable f32 memory: before training, pruning or resizing.
  Result<void> own_weights() {
    TESSERA_TRY_ASSIGN(Weights owned, Weights::of(model));
    weights = std::move(owned);
    bind_ties(model);
    state = io::State();
    return {};
  }
};

/// Draws the params that are still bound to nothing as the reference initialises them: matrices from a normal
/// distribution, norms one and zero, biases zero.
template <class Model>
Result<Weights> initialise_missing(Model& model, double deviation, std::uint64_t seed) {
  std::vector<bool> unbound;
  for_each_param(model, [&](const RolePath&, ParamBase& p) { unbound.push_back(p.view.data == nullptr); });
  TESSERA_TRY_ASSIGN(Weights weights, Weights::of(model));
  for_each_param(model, [&](const RolePath& path, ParamBase& p) {
    if (!unbound[static_cast<std::size_t>(p.id)] || p.master >= 0) return;
    auto* target = p.view.template as<float>();
    const std::string_view role = path.c_str();
    const bool is_norm_weight = p.view.rank == 1 && detail::ends_with(role, "weight");
    for (Index i = 0; i < p.view.count(); ++i)
      target[i] = p.view.rank > 1 ? static_cast<float>(deviation) *
                                        normal(seed + static_cast<std::uint64_t>(p.id), static_cast<std::uint64_t>(i))
                  : is_norm_weight ? 1.0F
                                   : 0.0F;
  });
  return weights;
}

/// Whether a parameter may be missing in a checkpoint, and be drawn at random instead (heads before fine-tuning).
using MayBeMissing = bool (*)(std::string_view parameter);
inline bool nothing_missing(std::string_view) { return false; }
inline bool anything_missing(std::string_view) { return true; }

/// Builds the model of `config` and binds it to `state`. Params that the state lacks are an error, or
/// initialised from `seed` where `may_be_missing` says so.
template <class Model>
Result<std::unique_ptr<Pretrained<Model>>> from_state(BertFile file, io::State state,
                                                      MayBeMissing may_be_missing = nothing_missing,
                                                      std::uint64_t seed = 0) {
  auto loaded = std::make_unique<Pretrained<Model>>();
  loaded->file = std::move(file);
  loaded->model = Model(loaded->file.config);
  if (const Misfit& misfit = loaded->model.misfit(); misfit.name != nullptr)
    return Error::format(Code::shape_mismatch, "config: %s is %lld, this model was compiled for %lld", misfit.name,
                         static_cast<long long>(misfit.found), static_cast<long long>(misfit.expected));
  if (!loaded->model.complete())
    return Error::format(Code::out_of_memory, "config: no memory for %lld layers",
                         static_cast<long long>(loaded->file.config.num_hidden_layers));
  if constexpr (std::is_same_v<std::remove_reference_t<decltype(base_of(loaded->model).encoder[0].attention)>,
                               SelfAttention<>>) {
    TESSERA_TRY(expect_pruned_heads(loaded->model, loaded->file.pruned_heads));
  } else if (!loaded->file.pruned_heads.empty()) {
    return Error::format(Code::unsupported, "config: pruned_heads: a model with constant sizes takes none");
  }
  loaded->state = std::move(state);
  TESSERA_TRY_ASSIGN(loaded->report, load_weights(loaded->model, loaded->state));
  // Before anything of the config's sizes is allocated: a file that lacks most of what its config claims is refused.
  std::size_t lacking = 0;
  const std::string* first = nullptr;
  for (const std::string& name : loaded->report.missing)
    if (!may_be_missing(name) && ++lacking == 1) first = &name;
  if (first != nullptr)
    return Error::format(Code::not_found, "the checkpoint lacks %zu weights of the model: %s%s", lacking,
                         first->c_str(), lacking > 1 ? ", ..." : "");
  if (!loaded->report.missing.empty()) {
    TESSERA_TRY_ASSIGN(loaded->weights, initialise_missing(loaded->model, loaded->file.config.initializer_range, seed));
  }
  return loaded;
}

/// config.json and the weights of a folder.
template <class Model>
Result<std::unique_ptr<Pretrained<Model>>> from_pretrained(const std::string& folder,
                                                           MayBeMissing may_be_missing = nothing_missing,
                                                           std::uint64_t seed = 0) {
  TESSERA_TRY_ASSIGN(BertFile file, read_bert_config(folder + "/config.json"));
  TESSERA_TRY_ASSIGN(io::State state, io::load_state(folder));
  auto loaded = from_state<Model>(std::move(file), std::move(state), may_be_missing, seed);
  if (!loaded) return loaded.error().in(folder.c_str());
  return loaded;
}

enum class WeightFormat : unsigned char { safetensors, torch };

/// Writes config.json and model.safetensors or pytorch_model.bin, each under a temporary name first.
template <class Model>
Result<void> save_pretrained(const Pretrained<Model>& p, const std::string& folder, WeightFormat format) {
  io::Json json = p.file.json;
  const BertConfig& c = p.file.config;
  json["vocab_size"] = c.vocab_size;
  json["hidden_size"] = c.hidden_size;
  json["num_hidden_layers"] = c.num_hidden_layers;
  json["num_attention_heads"] = c.num_attention_heads;
  json["intermediate_size"] = c.intermediate_size;
  json["max_position_embeddings"] = c.max_position_embeddings;
  json["type_vocab_size"] = c.type_vocab_size;
  json["num_labels"] = c.num_labels;
  json["hidden_dropout_prob"] = c.hidden_dropout_prob;
  json["attention_probs_dropout_prob"] = c.attention_probs_dropout_prob;
  json["layer_norm_eps"] = c.layer_norm_eps;
  json["initializer_range"] = c.initializer_range;
  for (const auto& a : detail::activation_names)
    if (a.activation == c.hidden_act) json["hidden_act"] = a.name;
  json["pruned_heads"] = io::Json::object();
  for (const auto& [layer, heads] : p.file.pruned_heads) json["pruned_heads"][std::to_string(layer)] = heads;
  TESSERA_TRY_ASSIGN(const io::State state, weights_state(p.model));
  // The weights first: should the disk be full, the folder stays what it was.
  TESSERA_TRY(format == WeightFormat::safetensors ? io::write_safetensors(state, folder + "/model.safetensors")
                                                  : io::write_torch(state, folder + "/pytorch_model.bin"));
  return io::write_json(folder + "/config.json", json);
}

}  // namespace tessera
