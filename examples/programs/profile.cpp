// profile: what each op of a model costs, and the graph of its ops.
//
//   profile MODEL_FOLDER [--lm] [--texts N] [--tokens N] [--ops] [--dot FILE] [--backend B] ...
//
// Runs a model of any architecture on made-up tokens under Trace, several times, and takes the best time of each
// op. A table by kind of op, with --ops one line for each op; --dot writes the graph for Graphviz.
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "common/backend.hpp"
#include "common/model_path.hpp"
#include "common/output.hpp"
#include "common/program.hpp"
#include "tessera/base/version.hpp"
#include "tessera/context/trace.hpp"
#include "tessera/pretrained/auto.hpp"
#include "tessera/pretrained/transfo_xl.hpp"
#include "tessera/pretrained/xlnet.hpp"

namespace {

using namespace tessera;

struct Options {
  std::string folder, model_type, dot;
  Index texts = 1, tokens = 32;
  int repeat = 5;
  bool every_op = false, lm = false;
  programs::BackendOptions where;
  programs::ModelPath model_path;
};

std::string shape_of(const View& v) {
  std::string text = "[";
  for (int i = 0; i < v.rank; ++i) text += (i > 0 ? ", " : "") + std::to_string(v.dim[i]);
  return text + "]";
}

/// An array that an op reads: what made it, and its sizes.
struct Edge {
  std::int64_t from = -1;  ///< index of the op; -1: a weight or an input
  std::string name;        ///< of the weight; empty: an input
  std::string shape;
};

struct OpRecord {
  OpId op = OpId::count;
  std::string shape;
  double microseconds = 0;
  std::int64_t flops = 0;
  std::size_t bytes = 0;
  bool borrowed = false;
  std::vector<Edge> inputs;
};

/// Collects the ops of several runs of one model: the graph of the first, the best times of all.
class Profile {
 public:
  explicit Profile(std::map<const void*, std::string> weights) : weights_(std::move(weights)) {}

  static void take(void* state, const TraceEvent& event) { static_cast<Profile*>(state)->add(event); }
  void begin_run() { next_ = 0; }

  const std::vector<OpRecord>& ops() const { return ops_; }

 private:
  struct Range {
    const std::byte* first;
    const std::byte* end;
    DType type;
  };

  void add(const TraceEvent& event) {
    if (next_ < ops_.size()) {
      OpRecord& op = ops_[next_++];
      op.microseconds = std::min(op.microseconds, event.microseconds);
      return;
    }
    OpRecord op{event.op, shape_of(event.out), event.microseconds, event.flops, event.bytes(), event.borrowed, {}};
    for (int i = 0; i < max_inputs; ++i)
      if (event.in[i].present()) op.inputs.push_back(source_of(event.in[i]));
    const auto* first = event.out.as<const std::byte>();
    const Index last_row = std::max<Index>(event.out.rows() - 1, 0);
    const auto elements = static_cast<std::size_t>(last_row * event.out.row_stride + event.out.columns());
    made_.push_back({first, first + elements * size_of(event.out.type), event.out.type});
    ops_.push_back(std::move(op));
    next_ = ops_.size();
  }
  /// The latest op that wrote where `v` begins: memory is used again, so earlier ones do not count.
  Edge source_of(const View& v) const {
    const auto weight = weights_.find(v.data);
    if (weight != weights_.end()) return {-1, weight->second, shape_of(v)};
    const auto* place = v.as<const std::byte>();
    for (std::size_t i = made_.size(); i-- > 0;)
      if (made_[i].type == v.type && made_[i].first <= place && place < made_[i].end)
        return {static_cast<std::int64_t>(i), {}, shape_of(v)};
    return {-1, {}, shape_of(v)};
  }

  std::map<const void*, std::string> weights_;
  std::vector<OpRecord> ops_;
  std::vector<Range> made_;
  std::size_t next_ = 0;
};

double gigas(double count, double microseconds) { return microseconds > 0 ? count / microseconds * 1e-3 : 0; }

void print_row(const std::string& label, int times, double microseconds, double of_all, double flops, double bytes) {
  std::printf("%-44s %5d %11.1f %6.1f %% %10.4g %8.1f %10.4g %8.1f\n", label.c_str(), times, microseconds,
              of_all > 0 ? 100 * microseconds / of_all : 0.0, flops * 1e-6, gigas(flops, microseconds), bytes * 1e-6,
              gigas(bytes, microseconds));
}

void print(const std::vector<OpRecord>& ops, bool every_op) {
  double all = 0, flops = 0, bytes = 0;
  for (const OpRecord& op : ops) {
    all += op.microseconds;
    flops += static_cast<double>(op.flops);
    bytes += static_cast<double>(op.bytes);
  }
  std::printf("%-44s %5s %11s %8s %10s %8s %10s %8s\n", every_op ? "op" : "kind of op", "times", "us", "share", "MFLOP",
              "GFLOP/s", "MB", "GB/s");
  if (every_op) {
    for (std::size_t i = 0; i < ops.size(); ++i) {
      std::string label = std::to_string(i) + " " + name(ops[i].op) + " " + ops[i].shape;
      if (ops[i].borrowed) label += " (reference)";
      print_row(label, 1, ops[i].microseconds, all, static_cast<double>(ops[i].flops),
                static_cast<double>(ops[i].bytes));
    }
  } else {
    struct Kind {
      std::string label;
      int times = 0;
      double microseconds = 0, flops = 0, bytes = 0;
    };
    std::map<std::string, Kind> kinds;
    for (const OpRecord& op : ops) {
      const std::string label = std::string(name(op.op)) + (op.borrowed ? " (reference)" : "");
      Kind& kind = kinds[label];
      kind.label = label;
      ++kind.times;
      kind.microseconds += op.microseconds;
      kind.flops += static_cast<double>(op.flops);
      kind.bytes += static_cast<double>(op.bytes);
    }
    std::vector<Kind> order;
    order.reserve(kinds.size());
    for (auto& [label, kind] : kinds) order.push_back(std::move(kind));
    std::sort(order.begin(), order.end(), [](const Kind& a, const Kind& b) { return a.microseconds > b.microseconds; });
    for (const Kind& kind : order) print_row(kind.label, kind.times, kind.microseconds, all, kind.flops, kind.bytes);
  }
  print_row("all", static_cast<int>(ops.size()), all, all, flops, bytes);
}

/// Nodes are ops with their kind and sizes, and weights with their names; edges are arrays.
Result<void> write_dot(const std::vector<OpRecord>& ops, const std::string& title, const std::string& path) {
  std::string text = "digraph \"" + title +
                     "\" {\n  node [shape=box, fontname=\"sans-serif\", fontsize=10];\n"
                     "  edge [fontname=\"sans-serif\", fontsize=8];\n";
  std::map<std::string, std::string> weights;  // name to node
  int inputs = 0;
  const auto line = [&text](const auto&... parts) { (text.append(parts), ...).append("\n"); };
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const std::string node = "op" + std::to_string(i);
    line("  ", node, " [label=\"", name(ops[i].op), "\\n", ops[i].shape, "\", style=filled, fillcolor=\"",
         ops[i].flops > 0 ? "#cfe2ff" : "#f1f3f5", "\"];");
    for (const Edge& edge : ops[i].inputs) {
      std::string from;
      if (edge.from >= 0) {
        from = "op" + std::to_string(edge.from);
      } else if (!edge.name.empty()) {
        const auto [place, is_new] = weights.emplace(edge.name, "w" + std::to_string(weights.size()));
        from = place->second;
        if (is_new) line("  ", from, " [label=\"", edge.name, "\", shape=plaintext, fontsize=9];");
      } else {
        from = "in" + std::to_string(inputs++);
        line("  ", from, " [label=\"input\", shape=ellipse];");
      }
      line("  ", from, " -> ", node, " [label=\"", edge.shape, "\"];");
    }
  }
  text += "}\n";
  TESSERA_TRY_ASSIGN(programs::Output output, programs::Output::open(path));
  TESSERA_TRY(output.write(text));
  return output.commit();
}

/// The architecture of a base model, or of a class with a head on one.
template <class Model>
const char* title_of(const Model& model) {
  if constexpr (requires { model.base; })
    return title_of(model.base);
  else
    return Model::name;
}

template <class Model>
Result<void> profile(const Options& options, const AnyBackend& backend, const Executor& executor) {
  // A head that the checkpoint lacks costs the same with other numbers.
  TESSERA_TRY_ASSIGN(const auto loaded,
                     from_pretrained<Model>(options.folder, options.lm ? anything_missing : nothing_missing));
  const Model& model = loaded->model;
  TESSERA_TRY_ASSIGN(const auto packed,
                     Packed<AnyBackend>::of(model, backend, options.where.chosen_precision(), executor));
  std::map<const void*, std::string> weights;
  for_each_param(model, [&](const RolePath& path, const ParamBase& p) {
    weights.emplace(packed.views().views[p.id].data, checkpoint_name(Model::names, path.c_str()).text);
  });
  const Index vocabulary = loaded->file.config.vocabulary();
  std::vector<std::int64_t> ids;
  for (Index i = 0; i < options.texts * options.tokens; ++i) ids.push_back((i * 7919 + 13) % vocabulary);
  typename Model::Input in;
  in.layout = Layout::padded(options.texts, options.tokens);
  in.input_ids = View::of_const(ids.data(), DType::i64, options.texts, options.tokens);

  Profile seen(std::move(weights));
  Session<Model, AnyBackend, TraceProbe> session(
      model, backend, &packed, executor,
      TraceProbe(&Profile::take, &seen, &backend.kernels(), nullptr, backend.memory()));
  TESSERA_TRY(model.validate(in));
  TESSERA_TRY(session.reserve(in));
  for (int i = 0; i < options.repeat; ++i) {
    seen.begin_run();
    if (const auto ran = session.run(in); !ran) return ran.error();
  }
  std::printf("%s%s, %lld x %lld tokens, %s, arena %zu bytes; the best of %d runs for each op\n", title_of(model),
              options.lm ? " with its language model's head" : "", static_cast<long long>(options.texts),
              static_cast<long long>(options.tokens), backend.name(), session.arena_bytes(), options.repeat);
  print(seen.ops(), options.every_op);
  if (!options.dot.empty()) TESSERA_TRY(write_dot(seen.ops(), title_of(model), options.dot));
  return {};
}

template <class Task>
Result<void> profile_of(Architecture architecture, const Options& options, const AnyBackend& backend,
                        const Executor& executor) {
  switch (architecture) {
    case Architecture::distilbert: return profile<typename Task::DistilBertClass>(options, backend, executor);
    case Architecture::roberta: return profile<typename Task::RobertaClass>(options, backend, executor);
    case Architecture::bert: return profile<typename Task::BertClass>(options, backend, executor);
    case Architecture::openai_gpt: return profile<typename Task::OpenAIGPTClass>(options, backend, executor);
    case Architecture::gpt2: return profile<typename Task::GPT2Class>(options, backend, executor);
    case Architecture::transfo_xl: return profile<typename Task::TransfoXLClass>(options, backend, executor);
    case Architecture::xlnet: return profile<typename Task::XLNetClass>(options, backend, executor);
    case Architecture::xlm: return profile<typename Task::XlmClass>(options, backend, executor);
  }
  return {};
}

Result<void> run(Options& options) {
  TESSERA_TRY_ASSIGN(const AnyBackend backend, programs::choose_backend(options.where.backend));
  ThreadPool pool;
  TESSERA_TRY(pool.start(options.where.threads));
  TESSERA_TRY_ASSIGN(options.folder, options.model_path(options.folder));
  const auto named = [&]() -> Result<Architecture> {
    if (const auto architecture = architecture_named(options.model_type)) return *architecture;
    return architecture_of(options.folder);
  };
  TESSERA_TRY_ASSIGN(const Architecture architecture, named());
  const Executor executor = pool.executor();
  if (options.lm) return profile_of<detail::LMHeadTask>(architecture, options, backend, executor);
  return profile_of<detail::BaseTask>(architecture, options, backend, executor);
}

constexpr const char* footer =
    "Times are those of single ops, one after the other; the reference's kernels are marked where a backend has none.\n"
    "Bytes are what an op has to read and write at least.\n"
    "\n"
    "Examples:\n"
    "  profile models/bert-base --tokens 128\n"
    "  profile models/gpt2 --ops --backend reference --threads 1\n"
    "  profile models/bert-base --dot bert.dot && dot -Tsvg bert.dot -o bert.svg";

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Prints what each op of a model costs, and writes the graph of its ops.", "profile"};
  Options options;
  app.add_option("model", options.folder,
                 "folder with config.json and weights, of any architecture, or a model's name; its base is run")
      ->required();
  app.add_option("--model_type", options.model_type, "its architecture; without it, what the folder says")
      ->check(CLI::IsMember([] {
        std::vector<std::string> all;
        for (const ArchitectureName& a : architecture_names) all.emplace_back(a.model_type);
        return all;
      }()));
  app.add_flag("--lm", options.lm, "run it with the head of its language model");
  app.add_option("--texts", options.texts, "texts of the batch")->check(CLI::Range(1, 65536))->capture_default_str();
  app.add_option("--tokens", options.tokens, "tokens of each")->check(CLI::Range(1, 65536))->capture_default_str();
  app.add_option("--repeat", options.repeat, "runs")->check(CLI::Range(1, 100000))->capture_default_str();
  app.add_flag("--ops", options.every_op, "a line for each op, in the order of the model");
  app.add_option("--dot", options.dot, "also write the graph of the ops here, for Graphviz");
  options.model_path.add_to(app);
  options.where.add_to(app);
  options.where.add_precision_to(app);
  app.set_version_flag("--version", std::string("profile (tessera) ") + TESSERA_VERSION_STRING);
  app.footer(footer);
  return programs::run_program(app, argc, argv, [&] { return run(options); });
}
