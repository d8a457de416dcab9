// Runs a BERT golden case: any of the eight classes, padded or ragged, with gradients, after pruning or resizing.
#pragma once

#include <algorithm>
#include <cstring>
#include <optional>

#include "golden_case.hpp"
#include "tessera/context/session.hpp"
#include "tessera/context/training_session.hpp"
#include "tessera/pretrained/bert.hpp"

namespace tessera::parity {

struct RunOptions {
  Executor executor;
  bool gradients = false;
  bool ragged = false;
  bool outputs_from_tape = false;  ///< outputs of the training forward, to compare both
};

namespace detail {

/// Collects hidden states and attentions in the order in which they come.
struct Collector {
  Results results;
  std::map<std::string, int> seen;

  TapSink sink() {
    TapSink s;
    s.state = this;
    s.wants = [](void*, const char* name) {
      return std::strcmp(name, "hidden_states") == 0 || std::strcmp(name, "attentions") == 0;
    };
    s.take = [](void* state, const char* name, const View& value, const Memory& memory) {
      auto& self = *static_cast<Collector*>(state);
      Computed& c = self.results[std::string(name) + "." + std::to_string(self.seen[name]++)];
      c.values.resize(static_cast<std::size_t>(value.count()));
      tessera::detail::download(memory, c.values.data(), value.data, value.bytes());
    };
    return s;
  }
};

/// The rows of a padded batch that exist, when its mask says so by leading ones.
struct RaggedRows {
  std::vector<std::int32_t> offsets{0};
  std::vector<Index> row;  ///< padded row of each ragged one
};
inline std::optional<RaggedRows> ragged_rows(const View& mask, Index texts, Index longest) {
  RaggedRows r;
  for (Index t = 0; t < texts; ++t) {
    Index length = longest;
    if (mask.present()) {
      length = 0;
      while (length < longest && tessera::detail::element_as<double>(mask, t * longest + length) == 1) ++length;
      for (Index i = length; i < longest; ++i)
        if (tessera::detail::element_as<double>(mask, t * longest + i) != 0) return std::nullopt;
    }
    if (length == 0) return std::nullopt;
    for (Index i = 0; i < length; ++i) r.row.push_back(t * longest + i);
    r.offsets.push_back(static_cast<std::int32_t>(r.row.size()));
  }
  return r;
}

/// The values of `rows` of a token array.
inline std::vector<std::int64_t> gather(const View& tokens, const std::vector<Index>& rows) {
  std::vector<std::int64_t> out;
  if (tokens.present())
    for (const Index row : rows) out.push_back(tessera::detail::element_as<std::int64_t>(tokens, row));
  return out;
}
inline View view_of(const std::vector<std::int64_t>& values) {
  return values.empty() ? View() : View::of_const(values.data(), DType::i64, values.size());
}

/// Rows of a ragged result back at their padded places, zeros between; only they count.
inline void spread_rows(Computed& c, const RaggedRows& rows, Index padded_rows) {
  const std::size_t width = c.values.size() / rows.row.size();
  std::vector<float> padded(static_cast<std::size_t>(padded_rows) * width, 0.0F);
  c.counted.assign(padded.size(), false);
  for (std::size_t i = 0; i < rows.row.size(); ++i)
    for (std::size_t j = 0; j < width; ++j) {
      const std::size_t at = static_cast<std::size_t>(rows.row[i]) * width + j;
      padded[at] = c.values[i * width + j];
      c.counted[at] = true;
    }
  c.values = std::move(padded);
}
/// Attentions [texts, heads, L, L] of the longest ragged text as [texts, heads, T, T]; real pairs count.
inline void spread_attentions(Computed& c, const RaggedRows& rows, Index texts, Index longest) {
  Index ours = 0;
  for (Index t = 0; t < texts; ++t)
    ours = std::max<Index>(ours,
                           rows.offsets[static_cast<std::size_t>(t) + 1] - rows.offsets[static_cast<std::size_t>(t)]);
  const Index heads = static_cast<Index>(c.values.size()) / (texts * ours * ours);
  std::vector<float> padded(static_cast<std::size_t>(texts * heads * longest * longest), 0.0F);
  c.counted.assign(padded.size(), false);
  for (Index t = 0; t < texts; ++t) {
    const Index length = rows.offsets[static_cast<std::size_t>(t) + 1] - rows.offsets[static_cast<std::size_t>(t)];
    for (Index h = 0; h < heads; ++h)
      for (Index i = 0; i < length; ++i)
        for (Index j = 0; j < length; ++j) {
          const auto at = static_cast<std::size_t>(((t * heads + h) * longest + i) * longest + j);
          padded[at] = c.values[static_cast<std::size_t>(((t * heads + h) * ours + i) * ours + j)];
          c.counted[at] = true;
        }
  }
  c.values = std::move(padded);
}

/// Fills the labels that a class takes. False when the case's answer reads padded positions of a ragged batch.
inline bool fill_labels(const GoldenCase&, BertInput&, const RaggedRows*, std::vector<std::int64_t>&) { return true; }
inline bool fill_labels(const GoldenCase& c, BertLabelledInput& in, const RaggedRows* rows,
                        std::vector<std::int64_t>& kept) {
  const char* argument = c.class_name() == "BertForMaskedLM"                 ? "masked_lm_labels"
                         : c.class_name() == "BertForNextSentencePrediction" ? "next_sentence_label"
                                                                             : "labels";
  in.labels = c.input(argument);
  if (rows == nullptr || !in.labels.present() || in.labels.count() != in.input_ids.count()) return true;
  // A label for each token: those of padding must not count. Token classification leaves them out by the mask.
  if (c.class_name() == "BertForMaskedLM") {
    std::vector<bool> real(static_cast<std::size_t>(in.labels.count()), false);
    for (const Index row : rows->row) real[static_cast<std::size_t>(row)] = true;
    for (Index i = 0; i < in.labels.count(); ++i)
      if (!real[static_cast<std::size_t>(i)] && tessera::detail::element_as<Index>(in.labels, i) != -1) return false;
  }
  kept = gather(in.labels, rows->row);
  in.labels = view_of(kept);
  return true;
}
inline bool fill_labels(const GoldenCase& c, BertPreTrainingInput& in, const RaggedRows* rows,
                        std::vector<std::int64_t>& kept) {
  in.masked_lm_labels = c.input("masked_lm_labels");
  in.next_sentence_label = c.input("next_sentence_label");
  if (rows == nullptr || !in.masked_lm_labels.present()) return true;
  std::vector<bool> real(static_cast<std::size_t>(in.masked_lm_labels.count()), false);
  for (const Index row : rows->row) real[static_cast<std::size_t>(row)] = true;
  for (Index i = 0; i < in.masked_lm_labels.count(); ++i)
    if (!real[static_cast<std::size_t>(i)] && tessera::detail::element_as<Index>(in.masked_lm_labels, i) != -1)
      return false;
  kept = gather(in.masked_lm_labels, rows->row);
  in.masked_lm_labels = view_of(kept);
  return true;
}
inline bool fill_labels(const GoldenCase& c, BertQuestionAnsweringInput& in, const RaggedRows* rows,
                        std::vector<std::int64_t>&) {
  in.start_positions = c.input("start_positions");
  in.end_positions = c.input("end_positions");
  return rows == nullptr || !in.start_positions.present();
}

/// The checkpoint of a case: its folder, or the one before pruning or resizing with the operation applied.
template <class Model>
Result<std::unique_ptr<Pretrained<Model>>> load_model(const GoldenCase& c) {
  const auto& kwargs = c.json["kwargs"];
  const bool prunes = kwargs.contains("prune_heads"), resizes = kwargs.contains("resize_token_embeddings");
  if (!prunes && !resizes) return from_pretrained<Model>(c.folder);
  TESSERA_TRY_ASSIGN(auto after, from_pretrained<Model>(c.folder));
  TESSERA_TRY_ASSIGN(auto p, from_pretrained<Model>(c.folder + (prunes ? "/pre_prune" : "/pre_resize")));
  TESSERA_TRY(p->own_weights());
  if (prunes) {
    PrunedHeads heads;
    for (const auto& [layer, list] : kwargs["prune_heads"].items())
      heads[std::stoll(layer)] = list.template get<std::vector<std::int64_t>>();
    TESSERA_TRY(prune_heads(p->model, p->file, heads, p->weights));
    if (p->file.pruned_heads != after->file.pruned_heads)
      return Error::format(Code::shape_mismatch, "prune_heads: config.pruned_heads differs from the reference's");
  } else {
    const Index rows = kwargs["resize_token_embeddings"].template get<Index>();
    TESSERA_TRY_ASSIGN(Weights resized, resize_token_embeddings(p->model, rows, p->file.config.initializer_range, 1));
    p->weights = std::move(resized);
    p->file.config.vocab_size = rows;
  }
  // What stays must be bit-equal to the reference's; new rows are random there, so take them over.
  std::vector<View> truth;
  for_each_param(after->model, [&](const RolePath&, ParamBase& q) { truth.push_back(q.view); });
  const Index old_rows = [&] {
    const auto before = read_bert_config(c.folder + (prunes ? "/pre_prune" : "/pre_resize") + "/config.json");
    return before ? before->config.vocab_size : 0;
  }();
  Error error;
  for_each_param(p->model, [&](const RolePath& path, ParamBase& q) {
    const View& t = truth[static_cast<std::size_t>(q.id)];
    if (error || q.master >= 0) return;
    bool same = same_shape(t, q.view);
    if (same && resizes && t.dim[0] > old_rows && q.id == base_of(p->model).embeddings.word.weight.id) {
      const auto skip = static_cast<std::size_t>(old_rows * t.columns()) * sizeof(float);
      std::memcpy(q.view.template as<char>() + skip, t.template as<const char>() + skip, t.bytes() - skip);
    }
    same = same && std::memcmp(t.data, q.view.data, t.bytes()) == 0;
    if (!same)
      error =
          Error::format(Code::shape_mismatch, "%s: not bit-equal to the reference's after the operation", path.c_str());
  });
  if (error) return error;
  return p;
}

template <class Model, class B>
Result<Results> run(const GoldenCase& c, const B& backend, const RunOptions& options) {
  TESSERA_TRY_ASSIGN(auto loaded, load_model<Model>(c));
  const Model& model = loaded->model;

  typename Model::Input in;
  in.input_ids = c.input("input_ids");
  if (!in.input_ids.present())
    return Error::format(Code::bad_format, "%s: the case has no input_ids", c.folder.c_str());
  const Index longest = in.input_ids.columns(), texts = in.input_ids.rows();
  if constexpr (requires { in.choices; })
    if (in.input_ids.rank == 3) in.choices = in.input_ids.dim[1];
  in.layout = Layout::padded(texts, longest);
  in.token_type_ids = c.input("token_type_ids");
  in.position_ids = c.input("position_ids");
  in.attention_mask = c.input("attention_mask");
  in.head_mask = c.input("head_mask");
  // Masks of three dimensions (multiple choice) are rows of texts all the same.
  if (in.attention_mask.rank == 3)
    in.attention_mask = View::of_const(in.attention_mask.data, in.attention_mask.type, texts, longest);

  std::optional<RaggedRows> rows;
  std::vector<std::int64_t> ids, types, positions, labels;
  if (options.ragged) {
    rows = ragged_rows(in.attention_mask, texts, longest);
    if (!rows) return Error::format(Code::unsupported, "not applicable: the mask hides more than padding at the end");
  }
  if (!fill_labels(c, in, rows ? &*rows : nullptr, labels))
    return Error::format(Code::unsupported, "not applicable: the answer reads padded positions");
  if (rows) {
    ids = gather(in.input_ids, rows->row);
    types = gather(in.token_type_ids, rows->row);
    positions = gather(in.position_ids, rows->row);
    in.input_ids = view_of(ids);
    in.token_type_ids = view_of(types);
    in.position_ids = view_of(positions);
    in.attention_mask = View();
    in.layout = Layout::ragged(texts, rows->offsets.data());
  }

  TESSERA_TRY_ASSIGN(const Packed<B> packed, Packed<B>::of(model, backend, Precision::f32, options.executor));
  Collector collector;
  const auto keep = [&](const auto& session, const auto& output) {
    output.visit([&](const char* name, const auto& tensor) {
      if (!tensor) return;
      Computed& value = collector.results[name];
      value.values.resize(static_cast<std::size_t>(tensor.view().count()));
      session.read(tensor.view(), value.values.data());
    });
  };
  if (!options.outputs_from_tape) {
    Session<Model, B> session(model, backend, &packed, options.executor);
    session.set_taps(collector.sink());
    TESSERA_TRY(session.reserve(in));
    TESSERA_TRY_ASSIGN(const auto* output, session.run(in));
    keep(session, *output);
  }
  if (options.gradients || options.outputs_from_tape) {
    TESSERA_TRY_ASSIGN(Gradients<B> gradients, Gradients<B>::of(model, backend));
    TrainingSession<Model, B> training(model, backend, gradients, nullptr, options.executor);
    if (options.outputs_from_tape) training.set_taps(collector.sink());
    TESSERA_TRY(training.reserve(in));
    TESSERA_TRY_ASSIGN(const auto* output, training.forward(in));
    if (options.outputs_from_tape) keep(training, *output);
    if constexpr (requires { output->loss; }) {
      if (options.gradients && output->loss) {
        TESSERA_TRY(training.backward());
        for_each_param(model, [&](const RolePath& path, const ParamBase& p) {
          if (p.master >= 0 || !gradients[p.id].present()) return;
          Computed& value = collector.results[std::string("grad.") + checkpoint_name(Model::names, path.c_str()).text];
          value.values.resize(static_cast<std::size_t>(p.view.count()));
          tessera::detail::download(backend.memory(), value.values.data(), gradients[p.id].data,
                                    gradients[p.id].bytes());
        });
      }
    }
  }
  if (rows)
    for (auto& [name, value] : collector.results) {
      if (name.compare(0, 11, "attentions.") == 0) spread_attentions(value, *rows, texts, longest);
      const bool by_token = name.compare(0, 14, "hidden_states.") == 0 || name == "last_hidden_state" ||
                            name == "prediction_scores" || name == "start_logits" || name == "end_logits" ||
                            (name == "logits" && c.class_name() == "BertForTokenClassification");
      if (by_token) spread_rows(value, *rows, texts * longest);
    }
  return std::move(collector.results);
}

}  // namespace detail

/// The base model has no loss, so its training session is not instantiated.
template <class B>
Result<Results> run_bert(const GoldenCase& c, const B& backend, const RunOptions& options) {
  const std::string name = c.class_name();
  if (name == "BertModel") return detail::run<Bert<>>(c, backend, options);
  if (name == "BertForPreTraining") return detail::run<BertForPreTraining<>>(c, backend, options);
  if (name == "BertForMaskedLM") return detail::run<BertForMaskedLM<>>(c, backend, options);
  if (name == "BertForNextSentencePrediction") return detail::run<BertForNextSentencePrediction<>>(c, backend, options);
  if (name == "BertForSequenceClassification") return detail::run<BertForSequenceClassification<>>(c, backend, options);
  if (name == "BertForMultipleChoice") return detail::run<BertForMultipleChoice<>>(c, backend, options);
  if (name == "BertForTokenClassification") return detail::run<BertForTokenClassification<>>(c, backend, options);
  if (name == "BertForQuestionAnswering") return detail::run<BertForQuestionAnswering<>>(c, backend, options);
  return Error::format(Code::unsupported, "parity: there is no class %s", name.c_str());
}

}  // namespace tessera::parity
