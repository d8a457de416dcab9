// XLM's classes.
#include "tessera/pretrained/xlm.hpp"
#include "run_model.hpp"

namespace tessera::parity {
namespace {

/// A case with a cache gives the whole text in each call, and gets what is new.
struct XlmAdapter {
  KeyValueCache<AnyBackend> cache;
  Index pad_index = 0;
  bool causal = false, caches = false, reads_padding = false;
  Index new_tokens = 0;
  std::vector<std::int64_t> ids, langs, token_types, positions;
  std::vector<float> real;

  Result<void> prepare(const auto& model, const AnyBackend& backend, const GoldenCase& c) {
    pad_index = base_of(model).pad_index;
    causal = base_of(model).causal;
    caches = c.json["kwargs"].value("cache", false);
    if constexpr (requires { model.sequence_summary; })
      reads_padding = model.sequence_summary.config.type != SummaryType::first;
    if (!caches) return {};
    const View last = c.input(c.steps().back(), "input_ids");
    TESSERA_TRY_ASSIGN(cache, KeyValueCache<AnyBackend>::of(model, backend, last.rows(), last.columns() + 1));
    return {};
  }
  Result<void> fill(CallInputs& call, XlmInput& in) {
    if (caches) return fill_new(call, in);
    // Which rows are no padding: the mask, the lengths, or as many as are not pad_index.
    const View all = call.array("input_ids"), lengths = call.array("lengths");
    View mask = call.array("attention_mask");
    if (lengths.present() && lengths.count() != all.rows())
      return Error::format(Code::shape_mismatch, "lengths: expected one for each of %lld texts, found %lld",
                           static_cast<long long>(all.rows()), static_cast<long long>(lengths.count()));
    real.assign(static_cast<std::size_t>(all.count()), 0.0F);
    for (Index t = 0; t < all.rows(); ++t) {
      Index length = 0;
      for (Index i = 0; i < all.columns(); ++i)
        length += tessera::detail::element_as<Index>(all, t * all.columns() + i) != pad_index ? 1 : 0;
      if (lengths.present()) length = tessera::detail::element_as<Index>(lengths, t);
      for (Index i = 0; i < length && i < all.columns(); ++i)
        real[static_cast<std::size_t>(t * all.columns() + i)] = 1.0F;
    }
    TESSERA_TRY_ASSIGN(
        in.layout,
        call.layout(mask.present() ? mask : View::of_const(real.data(), DType::f32, all.rows(), all.columns())));
    in.input_ids = call.tokens("input_ids");
    in.token_type_ids = call.tokens("token_type_ids");
    in.position_ids = call.tokens("position_ids");
    in.langs = call.tokens("langs");
    in.head_mask = call.array("head_mask");
    if (call.ragged()) return {};
    in.lengths = lengths;
    in.attention_mask = mask;
    return {};
  }
  Result<void> finish(const CallInputs&, const AnyBackend&, Results&) {
    if (caches) cache.advance(new_tokens);
    return {};
  }

 private:
  Result<void> fill_new(CallInputs& call, XlmInput& in) {
    const View all = call.array("input_ids");
    new_tokens = all.columns() - cache.length();
    if (cache.length() > 0) {
      TESSERA_TRY_ASSIGN(const Layout whole, call.layout());
      if (whole.is_ragged()) return not_applicable("what follows earlier tokens is padded");
    }
    const auto what_is_new = [&](const char* argument, std::vector<std::int64_t>& values) {
      // The reference cuts all arguments but token_type_ids, which have to be those of the new tokens alone.
      if (const View given = call.array(argument); given.present() && given.columns() == new_tokens) return given;
      const View whole = call.flat(argument);
      if (!whole.present()) return View();
      values.clear();
      for (Index t = 0; t < all.rows(); ++t)
        for (Index i = cache.length(); i < all.columns(); ++i)
          values.push_back(tessera::detail::element_as<std::int64_t>(whole, t * all.columns() + i));
      return View::of_const(values.data(), DType::i64, all.rows(), new_tokens);
    };
    in.layout = Layout::padded(all.rows(), new_tokens);
    in.input_ids = what_is_new("input_ids", ids);
    in.langs = what_is_new("langs", langs);
    in.token_type_ids = what_is_new("token_type_ids", token_types);
    in.position_ids = what_is_new("position_ids", positions);
    in.head_mask = call.array("head_mask");
    in.past = cache.past();
    return {};
  }
};

struct XlmLabels : XlmAdapter {
  Result<void> fill(CallInputs& call, LabelledInput<XlmInput>& in) {
    TESSERA_TRY(XlmAdapter::fill(call, in));
    if (call.ragged() && reads_padding) return not_applicable("the summary reads padded positions");
    in.labels = call.array("labels");
    return {};
  }
};
/// Labels of all tokens; a padded one counts like others.
struct XlmTokenLabels : XlmAdapter {
  Result<void> fill(CallInputs& call, CausalLMInput<XlmInput>& in) {
    TESSERA_TRY(XlmAdapter::fill(call, in));
    TESSERA_TRY_ASSIGN(in.labels, call.labels("labels", INT64_MIN));
    return {};
  }
};
struct XlmAnswers : XlmAdapter {
  Result<void> fill(CallInputs& call, AnswerInput<XlmInput>& in) {
    TESSERA_TRY(XlmAdapter::fill(call, in));
    if (call.ragged()) return not_applicable("spans of answers are taken from padded batches");
    in.start_positions = call.array("start_positions");
    in.end_positions = call.array("end_positions");
    in.cls_index = call.array("cls_index");
    in.is_impossible = call.array("is_impossible");
    in.p_mask = call.array("p_mask");
    return {};
  }
};

const Registration classes{
    {"XLMModel", &run_model<Xlm<>, XlmAdapter>},
    {"XLMWithLMHeadModel", &run_model<XLMWithLMHeadModel<>, XlmTokenLabels>},
    {"XLMForSequenceClassification", &run_model<XLMForSequenceClassification<>, XlmLabels>},
    {"XLMForQuestionAnswering", &run_model<XLMForQuestionAnswering<>, XlmAnswers>},
};

}  // namespace
}  // namespace tessera::parity
