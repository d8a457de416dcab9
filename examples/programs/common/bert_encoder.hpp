// A BERT from a folder, ready to run ragged batches on a backend: what encode and extract_features share.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/thread_pool.hpp"
#include "tessera/context/session.hpp"
#include "tessera/io/file.hpp"
#include "tessera/pretrained/bert.hpp"

namespace tessera::programs {

/// Texts one after the other, without padding.
struct RaggedBatch {
  std::vector<std::int32_t> offsets{0};
  std::vector<std::int32_t> ids;

  void clear() {
    offsets.assign(1, 0);
    ids.clear();
  }
  void add(std::span<const std::int32_t> text) {
    ids.insert(ids.end(), text.begin(), text.end());
    offsets.push_back(static_cast<std::int32_t>(ids.size()));
  }
  Index texts() const noexcept { return static_cast<Index>(offsets.size()) - 1; }
  Index rows() const noexcept { return static_cast<Index>(ids.size()); }
};

/// The model of a folder, exactly: what comes out of another would be noise. A weight that the file lacks is an error;
/// only the pooler, which no embedding reads, may be missing. So is one that the model lacks, such as a further layer;
/// only heads, and the counters that later packages write, may be left over.
inline Result<std::unique_ptr<Pretrained<Bert<>>>> load_bert(const std::string& folder) {
  if (io::kind_of(folder) != io::PathKind::folder)
    return Error::format(Code::not_found,
                         "%s: no such folder; a model is a folder with config.json, vocab.txt and model.safetensors or "
                         "pytorch_model.bin",
                         folder.c_str());
  // Folders of the older packages call it bert_config.json.
  std::string config = io::join_path(folder, "config.json");
  if (io::kind_of(config) == io::PathKind::missing) {
    const std::string older = io::join_path(folder, "bert_config.json");
    if (io::kind_of(older) != io::PathKind::missing) config = older;
  }
  TESSERA_TRY_ASSIGN(ConfigFile<BertConfig> file, read_config<BertConfig>(config));
  TESSERA_TRY_ASSIGN(const std::string type, io::get_string_or(file.json, "model_type", "bert"));
  if (type != "bert")
    return Error::format(Code::unsupported, "%s: model_type is %s, bert expected", config.c_str(),
                         io::in_quotes(type).c_str());
  TESSERA_TRY_ASSIGN(io::State state, io::load_state(folder));
  auto loaded = from_state<Bert<>>(std::move(file), std::move(state),
                                   [](std::string_view name) { return name.starts_with("pooler."); });
  if (!loaded) return loaded.error().in(folder.c_str());
  for (const std::string& name : (*loaded)->report.unexpected) {
    std::string_view in_model = name;
    if (in_model.starts_with("bert.")) in_model.remove_prefix(5);
    if (in_model == "embeddings.position_ids" || in_model == "embeddings.token_type_ids") continue;
    if (in_model.starts_with("encoder.") || in_model.starts_with("embeddings."))
      return Error::format(Code::unsupported, "%s: the checkpoint has %s, which the model of its %s has not",
                           folder.c_str(), io::in_quotes(name).c_str(), io::name_of(config).c_str());
  }
  return loaded;
}

/// A session that grows with its largest batch. Must not outlive the model and the executor's pool.
class BertEncoder {
 public:
  static Result<std::unique_ptr<BertEncoder>> make(Pretrained<Bert<>>& loaded, const AnyBackend& backend,
                                                   Precision precision, const Executor& executor,
                                                   const TapSink& taps = {}) {
    TESSERA_TRY_ASSIGN(auto packed, loaded.pack(backend, precision, executor));
    return std::unique_ptr<BertEncoder>(new BertEncoder(loaded.model, backend, executor, taps, std::move(packed)));
  }

  /// Runs the batch; hidden() and the taps then have its values.
  Result<void> run(const RaggedBatch& batch) {
    BertInput in;
    in.layout = Layout::ragged(batch.texts(), batch.offsets.data());
    in.input_ids = View::of_const(batch.ids.data(), DType::i32, batch.rows());
    TESSERA_TRY_ASSIGN(const Plan needed, session_.plan(in));
    if (needed.arena_bytes > session_.arena_bytes()) TESSERA_TRY(session_.reserve(in));
    TESSERA_TRY_ASSIGN(const auto* output, session_.run(in));
    const View last = output->last_hidden_state.view();
    width_ = last.columns();
    if (backend_.memory().host() && last.contiguous()) {
      hidden_ = last.as<const float>();
    } else {
      host_.resize(static_cast<std::size_t>(last.count()));
      session_.read(last, host_.data());
      hidden_ = host_.data();
    }
    return {};
  }

  /// The last hidden states of the last batch, [rows, width], until the next run.
  const float* hidden() const noexcept { return hidden_; }
  Index width() const noexcept { return width_; }

 private:
  BertEncoder(const Bert<>& model, const AnyBackend& backend, const Executor& executor, const TapSink& taps,
              Packed<AnyBackend> packed)
      : model_(model),
        backend_(backend),
        executor_(executor),
        taps_(taps),
        packed_(std::move(packed)),
        session_(model_, backend_, &packed_, executor_) {
    session_.set_taps(taps_);
  }

  const Bert<>& model_;
  AnyBackend backend_;
  Executor executor_;
  TapSink taps_;
  Packed<AnyBackend> packed_;
  Session<Bert<>, AnyBackend> session_;
  std::vector<float> host_;
  const float* hidden_ = nullptr;
  Index width_ = 0;
};

}  // namespace tessera::programs
