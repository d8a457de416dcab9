// Text in, vectors out: a model folder, its tokenizer, a backend, a session. The folder is config.json,
// model.safetensors or pytorch_model.bin, and vocab.txt; without an argument it is a tiny one with random weights.
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "tessera/backends/reference/reference.hpp"
#include "tessera/context/session.hpp"
#include "tessera/ops/reduce.hpp"
#include "tessera/pretrained/bert.hpp"
#include "tessera/pretrained/tokenizer_files.hpp"
#if defined(TESSERA_WITH_CPU)
#include "tessera/backends/cpu/cpu.hpp"
using Device = tessera::Cpu;
#else
using Device = tessera::Reference<float>;
#endif

using namespace tessera;

// A model of our own around BERT: the mean of the last hidden states. It is planned, run and could be trained as it is.
// It has no params of its own. With some, such as a Linear, its constructor would call number_params(*this), and
// Packed::of would be given the whole of it: a pack serves the params that it was made from and no others.
struct SentenceEncoder {
  using Input = BertInput;
  template <class Context>
  struct Output {
    Tensor<Context, Extents<dyn, dyn>> embedding;  // [texts, hidden]
  };
  Bert<>& bert;

  void visit(auto&& v) { v("bert", bert); }

  auto operator()(auto& context, const BertInput& in) const {
    auto x = bert.encode(context, in);
    const Sequence sequence = make_sequence(context, in.layout, in.attention_mask, {});
    return Output<std::remove_reference_t<decltype(context)>>{mean_pool(x, sequence)};
  }
  Result<void> validate(const BertInput& in) const { return bert.validate(in); }
};

static Result<void> run(const std::string& folder) {
  TESSERA_TRY_ASSIGN(const auto pretrained, from_pretrained<Bert<>>(folder));
  TESSERA_TRY_ASSIGN(const auto loaded, pretrained::load_bert_tokenizer(folder));

  const std::vector<std::string> sentences = {"A man is eating food.", "Someone has a meal.", "The sky is blue."};
  std::vector<std::int32_t> ids, offsets{0};  // one text after the other: no padding
  for (const std::string& sentence : sentences) {
    text::EncodeOptions options;
    options.add_special_tokens = true;
    TESSERA_TRY_ASSIGN(const text::Encoding encoding, loaded.tokenizer->encode(sentence, options));
    ids.insert(ids.end(), encoding.ids.begin(), encoding.ids.end());
    offsets.push_back(static_cast<std::int32_t>(ids.size()));
  }
  const auto texts = static_cast<Index>(sentences.size());
  BertInput in;
  in.layout = Layout::ragged(texts, offsets.data());
  in.input_ids = View::of_const(ids.data(), DType::i32, ids.size());

  const Device device;
  TESSERA_TRY_ASSIGN(const auto packed, pretrained->pack(device));  // once, at set-up
  const SentenceEncoder model{pretrained->model};
  Session<SentenceEncoder, Device> session(model, device, &packed);
  TESSERA_TRY(session.reserve(in));                      // all memory is taken here,
  TESSERA_TRY_ASSIGN(const auto* out, session.run(in));  // and none here

  const View& v = out->embedding.view();
  const auto dot = [&](Index a, Index b) {
    double sum = 0;
    for (Index i = 0; i < v.columns(); ++i)
      sum += static_cast<double>(v.row<float>(a)[i]) * static_cast<double>(v.row<float>(b)[i]);
    return sum;
  };
  for (Index a = 0; a < texts; ++a)
    for (Index b = a + 1; b < texts; ++b)
      std::printf("%.4f  %s | %s\n", dot(a, b) / std::sqrt(dot(a, a) * dot(b, b)),
                  sentences[static_cast<std::size_t>(a)].c_str(), sentences[static_cast<std::size_t>(b)].c_str());
  return {};
}

int main(int argc, char** argv) {
  const auto done = run(argc > 1 ? argv[1] : TESSERA_SOURCE_DIR "/examples/data/tiny_bert");
  if (!done) std::fprintf(stderr, "01_encode: %s\n", done.error().message());
  return done ? 0 : 1;
}
