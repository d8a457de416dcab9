// A model of any architecture from a folder and into one: config.json, weights, pruned heads, a resized vocabulary.
//
// What is read is a Pretrained<Model>: the model, its config and what keeps its weights alive. The header of each
// architecture (pretrained/bert.hpp, ...) has the keys of its config.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "tessera/base/philox.hpp"
#include "tessera/blocks/prune_heads.hpp"
#include "tessera/context/resize.hpp"
#include "tessera/io/narrow.hpp"
#include "tessera/io/open.hpp"
#include "tessera/io/safetensors.hpp"
#include "tessera/io/torch.hpp"
#include "tessera/pretrained/config.hpp"
#include "tessera/pretrained/load.hpp"

namespace tessera::inline TESSERA_ISA {

/// The base model of a head model, or the model itself.
template <class Model>
auto& base_of(Model& model) noexcept {
  if constexpr (requires { model.base; })
    return model.base;
  else
    return model;
}

/// Whether heads of this model can be pruned: its sizes are known at run time only, and its attention is absolute.
template <class Model>
inline constexpr bool can_prune_heads = requires(Model& model, const std::int64_t* heads) {
  expect_pruned_heads(base_of(model).attention(0), heads, Index{});
};

/// Sizes for weights that were saved after pruning.
template <class Model>
Result<void> expect_pruned_heads(Model& model, const PrunedHeads& pruned) {
  for (const auto& [layer, heads] : pruned)
    TESSERA_TRY(expect_pruned_heads(base_of(model).attention(layer), heads.data(), static_cast<Index>(heads.size())));
  return {};
}

/// Prunes heads of a model that is bound to `weights`, and makes the weights compact again. A list that names what is
/// not there changes nothing.
template <class Model>
Result<void> prune_heads(Model& model, ConfigFile<typename Model::Config>& file, const PrunedHeads& heads,
                         Weights& weights) {
  static_assert(can_prune_heads<Model>, "prune_heads: sizes must be run-time ones, and attention absolute");
  auto& base = base_of(model);
  for (const auto& [layer, list] : heads) {
    if (layer < 0 || layer >= base.layers())
      return Error::format(Code::out_of_range, "prune_heads: there is no layer %lld", static_cast<long long>(layer));
    const auto gone = detail::heads_to_prune(base.attention(layer), list.data(), static_cast<Index>(list.size()));
    if (!gone) return gone.error();
  }
  for (const auto& [layer, list] : heads) {
    TESSERA_TRY(prune_heads(base.attention(layer), list.data(), static_cast<Index>(list.size())));
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

/// How the reference draws a param before training: normal around `mean`, or evenly within `range` where that is above
/// 0.
struct Initial {
  double mean = 0;
  double deviation = 0;
  double range = 0;
};
/// Matrices normal, norms one and zero, biases zero. Another overload for an architecture that does it in another way.
template <class Config>
Initial initial(const Config& config, std::string_view role, const ParamBase& p) {
  if (p.view.rank > 1) return {0, config.deviation(), 0};
  return {detail::ends_with(role, "weight") ? 1.0 : 0.0, 0, 0};
}

/// A model with what keeps its weights alive: the file's mapping, or memory of its own.
template <class Model>
struct Pretrained {
  ConfigFile<typename Model::Config> file;
  Model model;
  io::State state;
  Weights weights;  ///< only when something was missing in the file, or after own_weights
  LoadReport report;

  /// Packs the weights for a backend, and gives the pages of a mapped file back behind itself: never both in memory.
  template <class B>
  Result<Packed<B>> pack(const B& backend, Precision precision = Precision::f32, const Executor& executor = {}) {
    const auto drop = [](void* kept, const View& stored) {
      static_cast<const io::State*>(kept)->drop_pages(stored.data, stored.bytes());
    };
    return Packed<B>::of(model, backend, precision, executor, {&state, drop});
  }
  /// Moves all weights to writable f32 memory: before training, pruning or resizing.
  Result<void> own_weights() {
    TESSERA_TRY_ASSIGN(Weights owned, Weights::of(model));
    weights = std::move(owned);
    bind_ties(model);
    state = io::State();
    return {};
  }
  /// A vocabulary of `rows`; new rows are drawn from `seed`. Needs own_weights.
  Result<void> resize_token_embeddings(Index rows, std::uint64_t seed) {
    ParamBase table;
    table.view.rank = 2;
    table.use = ParamUse::table;
    const double deviation = initial(file.config, "weight", table).deviation;
    TESSERA_TRY_ASSIGN(Weights resized, tessera::resize_token_embeddings(model, rows, deviation, seed));
    weights = std::move(resized);
    file.config.set_vocabulary(rows);
    return {};
  }
};

/// Draws the params that are still bound to nothing, as `initial` says.
template <class Model>
Result<Weights> initialise_missing(Model& model, const typename Model::Config& config, std::uint64_t seed) {
  std::vector<bool> unbound;
  for_each_param(model, [&](const RolePath&, ParamBase& p) { unbound.push_back(p.view.data == nullptr); });
  TESSERA_TRY_ASSIGN(Weights weights, Weights::of(model));
  for_each_param(model, [&](const RolePath& path, ParamBase& p) {
    if (!unbound[static_cast<std::size_t>(p.id)] || p.master >= 0) return;
    auto* target = p.view.template as<float>();
    const Initial how = initial(config, path.c_str(), p);
    const std::uint64_t stream = seed + static_cast<std::uint64_t>(p.id);
    for (Index i = 0; i < p.view.count(); ++i) {
      const auto at = static_cast<std::uint64_t>(i);
      const double drawn = how.range > 0       ? how.range * (2 * uniform_double(Philox::at(stream, at, 0)) - 1)
                           : how.deviation > 0 ? static_cast<float>(how.deviation) * normal(stream, at)
                                               : 0.0F;
      target[i] = static_cast<float>(how.mean + drawn);
    }
  });
  return weights;
}

/// Whether a parameter may be missing in a checkpoint, and be drawn at random instead (heads before fine-tuning).
using MayBeMissing = bool (*)(std::string_view parameter);
inline bool nothing_missing(std::string_view) { return false; }
inline bool anything_missing(std::string_view) { return true; }

/// Builds the model of `config` and binds it to `state`. Params that the state lacks are an error, or
/// initialised from `seed` where `may_be_missing` says so. Matrices in int8 (io/narrow.hpp) are turned to f32.
template <class Model>
Result<std::unique_ptr<Pretrained<Model>>> from_state(ConfigFile<typename Model::Config> file, io::State state,
                                                      MayBeMissing may_be_missing = nothing_missing,
                                                      std::uint64_t seed = 0) {
  auto loaded = std::make_unique<Pretrained<Model>>();
  loaded->file = std::move(file);
  loaded->model = Model(loaded->file.config);
  TESSERA_TRY(detail::check_complete(loaded->model));
  if constexpr (can_prune_heads<Model>) {
    TESSERA_TRY(expect_pruned_heads(loaded->model, loaded->file.pruned_heads));
  } else if (!loaded->file.pruned_heads.empty()) {
    return Error::format(Code::unsupported,
                         "config: pruned_heads: a model with constant sizes or relative attention takes none");
  }
  if (io::has_int8_rows(state)) {
    TESSERA_TRY_ASSIGN(state, io::from_int8_rows(state));
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
    TESSERA_TRY_ASSIGN(loaded->weights, initialise_missing(loaded->model, loaded->file.config, seed));
  }
  return loaded;
}

/// config.json and the weights of a folder, or a file of weights with config.json beside it. By name: see
/// hub/from_pretrained.hpp.
template <class Model>
Result<std::unique_ptr<Pretrained<Model>>> from_pretrained(const std::string& path,
                                                           MayBeMissing may_be_missing = nothing_missing,
                                                           std::uint64_t seed = 0) {
  // A prefix of TensorFlow is no file of its own.
  if (io::kind_of(path) == io::PathKind::missing) TESSERA_TRY(io::find_checkpoint(path));
  const std::string folder = io::kind_of(path) == io::PathKind::folder ? path : io::folder_of(path);
  TESSERA_TRY_ASSIGN(auto file, read_config<typename Model::Config>(io::join_path(folder, "config.json")));
  TESSERA_TRY_ASSIGN(io::State state, io::load_state(path));
  auto loaded = from_state<Model>(std::move(file), std::move(state), may_be_missing, seed);
  if (!loaded) return loaded.error().in(path.c_str());
  return loaded;
}

enum class WeightFormat : unsigned char { safetensors, torch };

/// Writes config.json and model.safetensors or pytorch_model.bin, each under a temporary name first.
template <class Model>
Result<void> save_pretrained(const Pretrained<Model>& p, const std::string& folder, WeightFormat format) {
  TESSERA_TRY_ASSIGN(io::State state, weights_state(p.model));
  std::vector<float> causal_mask;
  TESSERA_TRY(add_causal_masks(p.model, state, causal_mask));
  // The weights first: should the disk be full, the folder stays what it was.
  TESSERA_TRY(format == WeightFormat::safetensors ? io::write_safetensors(state, folder + "/model.safetensors")
                                                  : io::write_torch(state, folder + "/pytorch_model.bin"));
  return io::write_json(folder + "/config.json", format_config(p.file));
}

}  // namespace tessera
