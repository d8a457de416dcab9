// An architecture of your own from the library's blocks, in the lines between the two marks: a causal language model
// with relative attention (Transformer-XL's), norms before each part (GPT-2's) and SwiGLU (LLaMA's), none of the eight.
// It learns a sentence letter by letter, is saved and loaded, and recites the sentence from its first words; the
// loaded one computes the same bits.
//
// What a block cannot do: look at the numbers in a tensor to choose what it computes (ops are planned before they run),
// or use an op that the library lacks without a kernel and a gradient for it (ops/multiply.hpp is the shortest there
// is).
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>

#include "tessera/backends/reference/reference.hpp"
#include "tessera/base/normal.hpp"
#include "tessera/blocks/embedding.hpp"
#include "tessera/blocks/gated_feed_forward.hpp"
#include "tessera/blocks/relative_attention.hpp"
#include "tessera/blocks/stack.hpp"
#include "tessera/context/session.hpp"
#include "tessera/context/training_session.hpp"
#include "tessera/io/safetensors.hpp"
#include "tessera/ops/cross_entropy.hpp"
#include "tessera/pretrained/load.hpp"
#include "tessera/train/adamw.hpp"

using namespace tessera;

// ---- the architecture: from here ...
struct Layer {
  LayerNorm<> attention_norm, feed_norm;
  RelativeAttention<> attention;
  GatedFeedForward<> feed_forward;

  void visit(auto&& v) {
    v("attention_norm", attention_norm);
    v("attention", attention);
    v("feed_norm", feed_norm);
    v("feed_forward", feed_forward);
  }
  template <class T>
  T operator()(T x, const auto& positions, const RelativeContext& c) const {  // x: [rows, H], given up
    auto n = attention_norm(x.borrow());
    auto a = attention(n, positions, ProjectedMemory(), c);
    x = add(std::move(a), x);
    n = feed_norm(x.borrow());
    auto f = feed_forward(n);
    return add(std::move(f), x);
  }
};
struct LetterModel {
  static constexpr Index alphabet = 128, width = 32, furthest = 24;
  Embedding<> letter{alphabet, width}, distance{furthest + 1, width};
  Stack<Layer, 2> layers;
  LayerNorm<> norm{width, 1e-5};
  Projection<> scores{width, alphabet};

  LetterModel() {
    for (Layer& layer : layers.layer) layer = {{width, 1e-5}, {width, 1e-5}, {width, 2, 16, 0.0}, {width, 64}};
    number_params(*this);
  }
  void visit(auto&& v) {
    v("letter", letter);
    v("distance", distance);
    v("layers", layers);
    v("norm", norm);
    v("scores", scores);
  }
  auto logits(auto& context, const Layout& layout, const View& text) const {  // [rows, alphabet]
    const Index T = layout.longest;
    const RelativeContext c{layout.texts, T, T, {true, Fill::set, -1e30}, {}, {}, 1, {}, {}};
    const Operand letters = context.ids(text);
    const Operand distances = context.make_ids(
        T + 1, [=](Index i) { return static_cast<std::int32_t>(T - i < furthest ? T - i : furthest); });
    auto positions = distance(context, distances);
    auto x = letter(context, letters);
    for (const Layer& layer : layers.layer) x = layer(std::move(x), positions, c);
    x = norm(std::move(x));
    return scores(x);
  }
  // ---- ... to here. What follows is what every model says: what goes in, what comes out, what is refused.
  struct Input {
    Layout layout;
    View letters, next;  // [rows]; next: what each letter is followed by, absent: no loss
  };
  template <class Context>
  struct Output {
    Tensor<Context, Extents<1>> loss;
    Tensor<Context, Extents<dyn, dyn>> logits;
  };
  static constexpr NameTable names{"letters", nullptr, 0};  // a file calls the parameters what visit calls them

  auto operator()(auto& context, const Input& in) const {
    Output<std::remove_reference_t<decltype(context)>> out;
    out.logits = logits(context, in.layout, in.letters);
    if (in.next.present()) out.loss = cross_entropy(out.logits, context.ids(in.next));
    return out;
  }
  Result<void> validate(const Input& in) const {
    TESSERA_TRY(check_layout("letters", in.layout));
    TESSERA_TRY(check_ids("letters", "letters", in.letters, in.layout.rows, 0, alphabet));
    return check_ids("letters", "next", in.next, in.layout.rows, 0, alphabet);
  }
};

using Ref = Reference<float>;
constexpr const char* sentence =
    "it is a truth universally acknowledged, that a tensor in want of a shape is an error.";

static LetterModel::Input input_of(const std::string& text, bool with_next) {
  const auto rows = static_cast<Index>(text.size()) - (with_next ? 1 : 0);
  LetterModel::Input in;
  in.layout = Layout::padded(1, rows);
  in.letters = View::of_const(text.data(), DType::u8, Index{1}, rows);
  if (with_next) in.next = View::of_const(text.data() + 1, DType::u8, rows);
  return in;
}

static Result<void> train(LetterModel& model, const Weights& weights) {
  for_each_param(model, [](const RolePath& path, ParamBase& p) {  // norms start as one and zero, the rest at random
    const bool is_norm = std::strstr(path.c_str(), "norm.") != nullptr;
    const bool is_weight = std::strstr(path.c_str(), "norm.weight") != nullptr;
    for (Index i = 0; i < p.view.count(); ++i)
      p.view.as<float>()[i] = is_norm ? (is_weight ? 1.0F : 0.0F)
                                      : 0.15F * normal(static_cast<std::uint64_t>(p.id), static_cast<std::uint64_t>(i));
  });
  const std::string text = sentence;
  const LetterModel::Input in = input_of(text, true);
  TESSERA_TRY_ASSIGN(auto gradients, Gradients<Ref>::of(model, Ref()));
  AdamW::Options options;
  options.learning_rate = 0.01;
  TESSERA_TRY_ASSIGN(AdamW adam, AdamW::of(model, options));
  TrainingSession<LetterModel, Ref> session(model, Ref(), gradients);
  TESSERA_TRY(session.reserve(in));
  float loss = 0;
  for (int step = 0; step <= 80; ++step) {
    gradients.clear();
    TESSERA_TRY_ASSIGN(const auto* out, session.forward(in));
    loss = *out->loss.view().as<float>();
    if (step % 20 == 0) std::printf("step %3d  loss %.4f\n", step, static_cast<double>(loss));
    TESSERA_TRY(session.backward());
    adam.step(gradients.data());
  }
  std::printf("%lld weights\n", static_cast<long long>(weights.elements()));
  if (!(loss < 0.1F)) return Error::format(Code::invalid_argument, "the loss did not fall below 0.1");
  return {};
}

/// Each letter is the likeliest one after those before it. The logits of the last run are kept in `last`.
static Result<std::string> recite(const LetterModel& model, std::string text, std::string& last) {
  Session<LetterModel, Ref> session(model, Ref());
  const std::string longest = sentence;
  TESSERA_TRY(session.reserve(input_of(longest, false)));
  while (text.size() < longest.size()) {
    TESSERA_TRY_ASSIGN(const auto* out, session.run(input_of(text, false)));
    const View& logits = out->logits.view();
    const float* row = logits.row<float>(logits.dim[0] - 1);
    Index best = 0;
    for (Index i = 1; i < LetterModel::alphabet; ++i) best = row[i] > row[best] ? i : best;
    last.assign(static_cast<const char*>(logits.data), logits.bytes());
    text.push_back(static_cast<char>(best));
  }
  return text;
}

static Result<void> run() {
  LetterModel model;
  TESSERA_TRY_ASSIGN(const Weights weights, Weights::of(model));
  TESSERA_TRY(train(model, weights));

  const auto moment = std::chrono::steady_clock::now().time_since_epoch().count();  // of several runs each has a file
  const std::string file =
      (std::filesystem::temp_directory_path() / ("letters-" + std::to_string(moment) + ".safetensors")).string();
  TESSERA_TRY_ASSIGN(const io::State saved, weights_state(model));
  TESSERA_TRY(io::write_safetensors(saved, file));
  LetterModel loaded;
  TESSERA_TRY_ASSIGN(const io::State state, io::read_safetensors(file));
  TESSERA_TRY_ASSIGN(const LoadReport report, load_weights(loaded, state));

  std::string logits, logits_of_loaded;
  TESSERA_TRY_ASSIGN(const std::string text, recite(model, "it is a truth", logits));
  TESSERA_TRY_ASSIGN(const std::string again, recite(loaded, "it is a truth", logits_of_loaded));
  std::filesystem::remove(file);
  std::printf("%s\n", again.c_str());
  if (!report.complete() || text != again || logits != logits_of_loaded)
    return Error::format(Code::invalid_argument, "the model that was loaded is not the one that was saved");
  if (text != sentence) return Error::format(Code::invalid_argument, "the sentence was not learnt");
  return {};
}

int main() {
  const auto done = run();
  if (!done) std::fprintf(stderr, "06_custom_architecture: %s\n", done.error().message());
  return done ? 0 : 1;
}
