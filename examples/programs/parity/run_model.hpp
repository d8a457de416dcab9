// Runs a golden case of one class: padded or ragged, in several calls, with gradients, after pruning or resizing.
//
// What an architecture has to say is an adapter:
//   struct BertAdapter {
//     static Result<void> fill(CallInputs& call, BertInput& in);             // the arrays of one call
//     Result<void> prepare(const Model&, const AnyBackend&, const GoldenCase&);   // optional: memory over the calls
//     Result<void> finish(const CallInputs& call, const AnyBackend&, Results&);   // optional: after each call
//   };
#pragma once

#include <algorithm>
#include <cstring>
#include <list>
#include <optional>
#include <set>

#include "model_classes.hpp"
#include "tessera/base/bit_cast.hpp"
#include "tessera/context/session.hpp"
#include "tessera/context/training_session.hpp"
#include "tessera/pretrained/model.hpp"

namespace tessera::parity {

namespace detail {

/// Collects hidden states and attentions in the order in which they come.
struct Collector {
  Results results;
  std::string prefix;
  std::map<std::string, int> seen;

  void begin(const std::string& step) {
    prefix = step;
    seen.clear();
  }
  TapSink sink() {
    TapSink s;
    s.state = this;
    s.wants = [](void*, const char* name) {
      return std::strcmp(name, "hidden_states") == 0 || std::strcmp(name, "attentions") == 0;
    };
    s.take = [](void* state, const char* name, const View& value, const Memory& memory) {
      auto& self = *static_cast<Collector*>(state);
      Computed& c = self.results[self.prefix + name + "." + std::to_string(self.seen[name]++)];
      c.values.resize(static_cast<std::size_t>(value.count()));
      tessera::detail::download(memory, c.values.data(), value.data, value.bytes());
    };
    return s;
  }
};

}  // namespace detail

/// The rows of a padded batch that exist.
struct RaggedRows {
  std::vector<std::int32_t> offsets{0};
  std::vector<Index> row;  ///< padded row of each ragged one

  Index longest() const {
    Index most = 0;
    for (std::size_t t = 1; t < offsets.size(); ++t) most = std::max<Index>(most, offsets[t] - offsets[t - 1]);
    return most;
  }
};

/// The arrays of one call, padded or without the rows of padding.
class CallInputs {
 public:
  CallInputs(const GoldenCase& c, const GoldenStep& s, bool ragged) : golden(c), step(s), wants_ragged_(ragged) {}

  const GoldenCase& golden;
  const GoldenStep& step;
  Index texts = 0, longest = 0;  ///< of the padded batch

  /// An array as it is.
  View array(const char* argument) const {
    asked_.insert(argument);
    return golden.input(step, argument);
  }
  /// An argument of the case that nobody asked for; empty: none.
  std::string unused() const {
    for (const auto& [argument, key] : step.inputs->items())
      if (asked_.find(argument) == asked_.end() && !key.is_null()) return argument;
    return {};
  }
  /// An array in the shape of input_ids, [.., a, b] as [rows, b]: choices are texts like others.
  View flat(const char* argument) {
    const View v = array(argument), ids = array("input_ids");
    if (!v.present()) return v;
    if (!same_shape(v, ids)) return refused(argument, "expected the shape of input_ids", ids, v);
    return View::of_const(v.data, v.type, v.rows(), v.columns());
  }
  /// The first array that does not fit to input_ids; the views of such arrays are of rank 0.
  const Error& problem() const { return problem_; }

  /// The layout of input_ids, [.., longest]. Ragged: rows whose `mask` is 1 ([texts, longest], ones first); all
  /// without.
  Result<Layout> layout(const View& mask = {}) {
    const View ids = array("input_ids");
    if (!ids.present()) return Error::format(Code::bad_format, "the case has no input_ids");
    if (ids.count() == 0)
      return Error::format(Code::invalid_argument, "input_ids is empty: expected at least one token");
    texts = ids.rows();
    longest = ids.columns();
    if (mask.present() && mask.count() != ids.count())
      refused("attention_mask", "expected a value for each id", ids, mask);
    if (problem_) return problem_;
    if (!wants_ragged_) return Layout::padded(texts, longest);
    RaggedRows r;
    for (Index t = 0; t < texts; ++t) {
      Index length = longest;
      if (mask.present()) {
        length = 0;
        while (length < longest && value(mask, t * longest + length) == 1) ++length;
        for (Index i = length; i < longest; ++i)
          if (value(mask, t * longest + i) != 0) return not_applicable("the mask hides more than padding at the end");
      }
      if (length == 0) return not_applicable("a text is empty");
      for (Index i = 0; i < length; ++i) r.row.push_back(t * longest + i);
      r.offsets.push_back(static_cast<std::int32_t>(r.row.size()));
    }
    rows_ = std::move(r);
    return Layout::ragged(texts, rows_->offsets.data());
  }
  bool ragged() const { return rows_.has_value(); }
  const RaggedRows& rows() const { return *rows_; }

  /// A value for each token; those of padding are left out when ragged.
  View tokens(const char* argument) {
    const View all = array(argument);
    return !ragged() || !all.present() || !by_token(argument, all) ? all : gathered(all);
  }
  /// A label for each token, where `ignored` does not count. A label at padding makes a ragged batch not applicable.
  Result<View> labels(const char* argument, std::int64_t ignored) {
    const View all = array(argument);
    if (!ragged() || !all.present()) return all;
    if (!by_token(argument, all)) return View();
    std::vector<bool> real(static_cast<std::size_t>(all.count()), false);
    for (const Index row : rows_->row) real[static_cast<std::size_t>(row)] = true;
    for (Index i = 0; i < all.count(); ++i)
      if (!real[static_cast<std::size_t>(i)] && tessera::detail::element_as<std::int64_t>(all, i) != ignored)
        return not_applicable("the answer reads padded positions");
    return gathered(all);
  }

 private:
  static double value(const View& v, Index i) { return tessera::detail::element_as<double>(v, i); }
  View refused(const char* argument, const char* expected, const View& ids, const View& found) {
    const auto shape = [](const View& v) { return io::format_shape({v.dim, static_cast<std::size_t>(v.rank)}); };
    if (!problem_)
      problem_ = Error::format(Code::shape_mismatch, "%s: %s: input_ids is %s, found %s", argument, expected,
                               shape(ids).c_str(), shape(found).c_str());
    return View();
  }
  bool by_token(const char* argument, const View& all) {
    const View ids = array("input_ids");
    if (all.count() != ids.count()) refused(argument, "expected a value for each id", ids, all);
    return all.count() == ids.count();
  }
  /// The values of rows that exist.
  View gathered(const View& all) {
    auto& values = kept_.emplace_back();
    for (const Index row : rows_->row) values.push_back(tessera::detail::element_as<std::int64_t>(all, row));
    return View::of_const(values.data(), DType::i64, values.size());
  }

  bool wants_ragged_;
  mutable std::set<std::string, std::less<>> asked_;
  Error problem_;
  std::optional<RaggedRows> rows_;
  std::list<std::vector<std::int64_t>> kept_;
};

namespace detail {

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
  const Index ours = rows.longest();
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
/// Ragged results in the padded shapes that the case expects.
inline void spread(Results& results, const GoldenCase& c, const CallInputs& call) {
  const RaggedRows& rows = call.rows();
  for (auto& [name, value] : results) {
    if (name.find("attentions.") != std::string::npos) {
      spread_attentions(value, rows, call.texts, call.longest);
      continue;
    }
    const auto wanted = std::find_if(c.expected.begin(), c.expected.end(),
                                     [&, &key = name](const Expected& e) { return e.name == key; });
    if (wanted == c.expected.end() || wanted->is_gradient) continue;
    std::size_t count = 1;
    for (const std::int64_t n : wanted->shape) count *= static_cast<std::size_t>(n);
    if (value.values.size() == count) continue;  // not by token, or no padding
    if (count % static_cast<std::size_t>(call.texts * call.longest) == 0 && value.values.size() % rows.row.size() == 0)
      spread_rows(value, rows, call.texts * call.longest);
  }
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
  const Index old_rows = p->file.config.vocabulary();
  if (prunes) {
    if constexpr (can_prune_heads<Model>) {
      PrunedHeads heads;
      for (const auto& [layer, list] : kwargs["prune_heads"].items())
        heads[std::stoll(layer)] = list.template get<std::vector<std::int64_t>>();
      TESSERA_TRY(prune_heads(p->model, p->file, heads, p->weights));
      if (p->file.pruned_heads != after->file.pruned_heads)
        return Error::format(Code::shape_mismatch, "prune_heads: config.pruned_heads differs from the reference's");
    }
  } else {
    TESSERA_TRY(p->resize_token_embeddings(kwargs["resize_token_embeddings"].template get<Index>(), 1));
  }
  // What stays must be bit-equal to the reference's; new rows of the embedding are random there, so take them over.
  std::vector<View> truth;
  for_each_param(after->model, [&](const RolePath&, ParamBase& q) { truth.push_back(q.view); });
  Error error;
  bool first_of_vocabulary = true;
  base_of(p->model).vocabulary([&](auto& member) {
    ParamBase& table = tessera::detail::vocabulary_param(member);
    const View& t = truth[static_cast<std::size_t>(table.id)];
    if (!resizes || !std::exchange(first_of_vocabulary, false) || !same_shape(t, table.view) || t.dim[0] <= old_rows)
      return;
    const auto skip = static_cast<std::size_t>(old_rows * t.columns()) * sizeof(float);
    std::memcpy(table.view.template as<char>() + skip, t.template as<const char>() + skip, t.bytes() - skip);
  });
  for_each_param(p->model, [&](const RolePath& path, ParamBase& q) {
    const View& t = truth[static_cast<std::size_t>(q.id)];
    if (error || q.master >= 0) return;
    if (!same_shape(t, q.view) || std::memcmp(t.data, q.view.data, t.bytes()) != 0)
      error =
          Error::format(Code::shape_mismatch, "%s: not bit-equal to the reference's after the operation", path.c_str());
  });
  if (error) return error;
  return p;
}

/// All outputs of a call under their names.
void keep_outputs(Collector& collector, const auto& session, const auto& output) {
  output.visit([&](const char* name, const auto& tensor) {
    if (!tensor) return;
    Computed& value = collector.results[collector.prefix + name];
    value.values.resize(static_cast<std::size_t>(tensor.view().count()));
    session.read(tensor.view(), value.values.data());
    if (tensor.view().type != DType::i32) return;
    for (float& number : value.values) number = static_cast<float>(bit_cast<std::int32_t>(number));
  });
}

template <class Model>
void keep_gradients(Results& results, const Model& model, const AnyBackend& backend,
                    const Gradients<AnyBackend>& gradients) {
  for_each_param(model, [&](const RolePath& path, const ParamBase& p) {
    if (p.master >= 0 || !gradients[p.id].present()) return;
    const std::string name = checkpoint_name(Model::names, path.c_str()).text;
    Computed& value = results["grad." + name];
    value.values.resize(static_cast<std::size_t>(p.view.count()));
    tessera::detail::download(backend.memory(), value.values.data(), gradients[p.id].data, gradients[p.id].bytes());
    // Cases of the older library use its names.
    for (int i = 0; i < Model::names.old_count; ++i)
      if (name == Model::names.old_names[i].checkpoint)
        results[std::string("grad.") + Model::names.old_names[i].role] = value;
  });
}

}  // namespace detail

/// A case of the class Model.
template <class Model, class Adapter>
Result<Results> run_model(const GoldenCase& c, const AnyBackend& backend, const RunOptions& options) {
  using Base = AnyBackend;
  TESSERA_TRY_ASSIGN(auto loaded, detail::load_model<Model>(c));
  // Training reads masters: f32, whatever the file has.
  if (options.gradients || options.outputs_from_tape) TESSERA_TRY(loaded->own_weights());
  const Model& model = loaded->model;
  TESSERA_TRY_ASSIGN(const Packed<Base> packed, Packed<Base>::of(model, backend, Precision::f32, options.executor));
  Adapter adapter;
  if constexpr (requires { adapter.prepare(model, backend, c); }) TESSERA_TRY(adapter.prepare(model, backend, c));

  detail::Collector collector;
  Session<Model, Base> session(model, backend, &packed, options.executor);
  session.set_taps(collector.sink());
  for (const GoldenStep& step : c.steps()) {
    collector.begin(step.prefix);
    CallInputs call(c, step, options.ragged);
    typename Model::Input in;
    TESSERA_TRY(adapter.fill(call, in));
    if (call.problem()) return call.problem();
    if (const std::string unused = call.unused(); !unused.empty() && !call.ragged())
      return Error::format(Code::invalid_argument, "inputs: %s: this class takes no such argument", unused.c_str());
    if (const auto valid = model.validate(in); !valid)
      return call.ragged() && valid.error().code() == Code::unsupported ? not_applicable(valid.error().message())
                                                                        : valid.error();
    if (!options.outputs_from_tape) {
      TESSERA_TRY(session.reserve(in));
      TESSERA_TRY_ASSIGN(const auto* output, session.run(in));
      detail::keep_outputs(collector, session, *output);
    }
    if (options.outputs_from_tape || (options.gradients && step.last)) {
      TESSERA_TRY_ASSIGN(auto gradients, Gradients<Base>::of(model, backend));
      TrainingSession<Model, Base> training(model, backend, gradients, backend.memory().host() ? nullptr : &packed,
                                            options.executor);
      if (options.outputs_from_tape) training.set_taps(collector.sink());
      TESSERA_TRY(training.reserve(in));
      TESSERA_TRY_ASSIGN(const auto* output, training.forward(in));
      if (options.outputs_from_tape) detail::keep_outputs(collector, training, *output);
      if constexpr (requires { output->loss; }) {
        if (options.gradients && step.last && output->loss) {
          TESSERA_TRY(training.backward());
          detail::keep_gradients(collector.results, model, backend, gradients);
        }
      }
    }
    if (call.ragged()) detail::spread(collector.results, c, call);
    if constexpr (requires { adapter.finish(call, backend, collector.results); })
      TESSERA_TRY(adapter.finish(call, backend, collector.results));
  }
  return std::move(collector.results);
}

}  // namespace tessera::parity
