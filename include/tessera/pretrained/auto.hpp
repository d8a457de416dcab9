// Auto: the architecture of a folder, and models of any architecture behind one class that is not a template.
//
// The architecture is what config.json says (model_type, then architectures), else a part of the folder's name, in the
// order in which the reference looks for them. AutoModel, AutoModelWithLMHead, AutoModelForSequenceClassification and
// AutoModelForQuestionAnswering load the class of that architecture as an AnyModel.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/bit_cast.hpp"
#include "tessera/context/session.hpp"
#include "tessera/pretrained/bert.hpp"
#include "tessera/pretrained/distilbert.hpp"
#include "tessera/pretrained/gpt.hpp"
#include "tessera/pretrained/roberta.hpp"
#include "tessera/pretrained/transfo_xl.hpp"
#include "tessera/pretrained/xlm.hpp"
#include "tessera/pretrained/xlnet.hpp"

namespace tessera::inline TESSERA_ISA {

enum class Architecture : unsigned char { distilbert, roberta, bert, openai_gpt, gpt2, transfo_xl, xlnet, xlm };

/// How an architecture is called.
struct ArchitectureName {
  Architecture architecture;
  std::string_view model_type;  ///< in config.json, and as a part of a folder's name
  std::string_view prefix;      ///< of its classes' names
};
/// In the order in which the reference looks for parts of names: "bert" is in "roberta", too.
inline constexpr ArchitectureName architecture_names[] = {
    {Architecture::distilbert, "distilbert", "DistilBert"},
    {Architecture::roberta, "roberta", "Roberta"},
    {Architecture::bert, "bert", "Bert"},
    {Architecture::openai_gpt, "openai-gpt", "OpenAIGPT"},
    {Architecture::gpt2, "gpt2", "GPT2"},
    {Architecture::transfo_xl, "transfo-xl", "TransfoXL"},
    {Architecture::xlnet, "xlnet", "XLNet"},
    {Architecture::xlm, "xlm", "XLM"},
};
inline std::string_view name(Architecture architecture) noexcept {
  for (const ArchitectureName& a : architecture_names)
    if (a.architecture == architecture) return a.model_type;
  return "none";
}

/// The architecture of a model_type; nothing where it is none of the eight.
inline std::optional<Architecture> architecture_named(std::string_view model_type) noexcept {
  for (const ArchitectureName& a : architecture_names)
    if (a.model_type == model_type) return a.architecture;
  return {};
}

/// The architecture of a folder with config.json.
inline Result<Architecture> architecture_of(const std::string& folder) noexcept {
  return guarded([&]() -> Result<Architecture> {
    TESSERA_TRY_ASSIGN(const io::Json config, io::read_json(io::join_path(folder, "config.json")));
    const io::Json* const type = config.is_object() ? io::find_key(config, "model_type") : nullptr;
    if (type != nullptr && type->is_string()) {
      const auto wanted = type->get<std::string>();
      if (const std::optional<Architecture> named = architecture_named(wanted)) return *named;
      return Error::format(Code::unsupported, "%s/config.json: model_type %s is none of the eight architectures",
                           folder.c_str(), io::in_quotes(wanted).c_str());
    }
    if (const io::Json* list = config.is_object() ? io::find_key(config, "architectures") : nullptr;
        list != nullptr && list->is_array())
      for (const io::Json& element : *list)
        for (const ArchitectureName& a : architecture_names)
          if (element.is_string() && element.get<std::string>().starts_with(a.prefix)) return a.architecture;
    for (const ArchitectureName& a : architecture_names)
      if (folder.find(a.model_type) != std::string::npos) return a.architecture;
    return Error::format(Code::not_found,
                         "%s: config.json has no model_type, and no model type (such as \"bert\") is part of the "
                         "folder's name",
                         folder.c_str());
  });
}

/// What the common calls take. A class refuses what it has no use for.
struct AnyInput {
  Layout layout;
  View input_ids;
  View token_type_ids, position_ids, langs;
  View attention_mask, input_mask, lengths, head_mask;
  View perm_mask, target_mapping;
  View labels;                          ///< of texts or tokens, as the class has them
  View start_positions, end_positions;  ///< of answers
  View cls_index, is_impossible, p_mask;
};

/// A model of any class with its weights and, once it is prepared, a session.
class AnyModel {
 public:
  virtual ~AnyModel() = default;

  virtual Architecture architecture() const noexcept = 0;
  virtual const LoadReport& report() const noexcept = 0;
  virtual const io::Json& config() const noexcept = 0;
  virtual Index vocabulary() const noexcept = 0;
  virtual Index layers() const noexcept = 0;
  virtual Index parameters() const noexcept = 0;
  virtual Result<void> save(const std::string& folder, WeightFormat format) const = 0;
  virtual Result<void> prune_heads(const PrunedHeads& heads) = 0;
  virtual Result<void> resize_token_embeddings(Index rows, std::uint64_t seed) = 0;

  /// Packs the weights for a backend and makes a session. Again after pruning or resizing.
  virtual Result<void> prepare(const AnyBackend& backend, const Executor& executor = {},
                               Precision precision = Precision::f32) = 0;
  /// Asks for inner values ("hidden_states", "attentions") in each run. After prepare.
  virtual Result<void> set_taps(const TapSink& taps) = 0;
  /// From now on each run is the next part of the same `texts` texts: it reads what earlier runs left, mems or keys and
  /// values, and leaves its own. `capacity`: the most tokens of a text, for models that keep keys and values; others
  /// keep as many as their config says. 0 texts: runs forget again. After prepare; again: new texts.
  virtual Result<void> remember(Index texts, Index capacity) = 0;
  /// Runs; memory is taken when an input needs more than those before.
  virtual Result<void> run(const AnyInput& input) = 0;
  /// An output of the last run by the reference's name, on the host; empty when there is none.
  virtual std::vector<float> output(std::string_view name) const = 0;
  /// Its sizes; empty when there is none.
  virtual std::vector<Index> shape(std::string_view name) const = 0;
};

namespace detail {

template <class Model>
class AnyModelOf final : public AnyModel {
  using Input = typename Model::Input;
  static constexpr bool has_mems = requires(Input in) { in.mems; };
  static constexpr bool has_past = requires(Input in) { in.past; };
  struct NoMemory {};
  using MemoryOfRuns = std::conditional_t<has_mems, MemoryCache<AnyBackend>,
                                          std::conditional_t<has_past, KeyValueCache<AnyBackend>, NoMemory>>;

 public:
  AnyModelOf(Architecture architecture, std::unique_ptr<Pretrained<Model>> loaded)
      : architecture_(architecture), loaded_(std::move(loaded)) {}

  Architecture architecture() const noexcept override { return architecture_; }
  const LoadReport& report() const noexcept override { return loaded_->report; }
  const io::Json& config() const noexcept override { return loaded_->file.json; }
  Index vocabulary() const noexcept override { return loaded_->file.config.vocabulary(); }
  Index layers() const noexcept override { return loaded_->file.config.layers(); }
  Index parameters() const noexcept override { return parameter_count(loaded_->model); }
  Result<void> save(const std::string& folder, WeightFormat format) const override {
    return save_pretrained(*loaded_, folder, format);
  }
  Result<void> prune_heads(const PrunedHeads& heads) override {
    session_.reset();
    if constexpr (can_prune_heads<Model>) {
      TESSERA_TRY(loaded_->own_weights());
      return tessera::prune_heads(loaded_->model, loaded_->file, heads, loaded_->weights);
    } else {
      return Error::format(Code::unsupported, "%s: heads of relative attention cannot be pruned",
                           std::string(name(architecture_)).c_str());
    }
  }
  Result<void> resize_token_embeddings(Index rows, std::uint64_t seed) override {
    session_.reset();
    TESSERA_TRY(loaded_->own_weights());
    return loaded_->resize_token_embeddings(rows, seed);
  }

  Result<void> prepare(const AnyBackend& backend, const Executor& executor, Precision precision) override {
    session_.reset();
    backend_ = backend;
    memory_ = {};
    remembers_ = false;
    TESSERA_TRY_ASSIGN(packed_, loaded_->pack(backend, precision, executor));
    session_ = std::make_unique<Session<Model, AnyBackend>>(loaded_->model, backend, &packed_, executor);
    return {};
  }
  Result<void> set_taps(const TapSink& taps) override {
    TESSERA_TRY(prepared());
    session_->set_taps(taps);
    return {};
  }
  Result<void> remember(Index texts, Index capacity) override {
    TESSERA_TRY(prepared());
    memory_ = {};
    remembers_ = false;
    if (texts == 0) return {};
    if constexpr (has_mems) {
      TESSERA_TRY_ASSIGN(memory_, MemoryCache<AnyBackend>::of(loaded_->model, backend_, texts));
    } else if constexpr (has_past) {
      TESSERA_TRY_ASSIGN(memory_, KeyValueCache<AnyBackend>::of(loaded_->model, backend_, texts, capacity));
    } else {
      return Error::format(Code::unsupported, "%s: this class remembers nothing from run to run",
                           std::string(name(architecture_)).c_str());
    }
    remembers_ = true;
    return {};
  }
  Result<void> run(const AnyInput& input) override {
    TESSERA_TRY(prepared());
    Input in;
    in.layout = input.layout;
    in.input_ids = input.input_ids;
    Error error;
    const auto give = [&](const char* what, const View& given, View* taken) {
      if (taken != nullptr)
        *taken = given;
      else if (given.present() && !error)
        error = Error::format(Code::invalid_argument, "%s: this class takes no %s",
                              std::string(name(architecture_)).c_str(), what);
    };
// Members of an input that not every class has.
#define TESSERA_GIVE(member)                 \
  if constexpr (requires { in.member; })     \
    give(#member, input.member, &in.member); \
  else                                       \
    give(#member, input.member, nullptr)
    TESSERA_GIVE(token_type_ids);
    TESSERA_GIVE(position_ids);
    TESSERA_GIVE(langs);
    TESSERA_GIVE(attention_mask);
    TESSERA_GIVE(input_mask);
    TESSERA_GIVE(lengths);
    TESSERA_GIVE(head_mask);
    TESSERA_GIVE(perm_mask);
    TESSERA_GIVE(target_mapping);
    TESSERA_GIVE(labels);
    TESSERA_GIVE(start_positions);
    TESSERA_GIVE(end_positions);
    TESSERA_GIVE(cls_index);
    TESSERA_GIVE(is_impossible);
    TESSERA_GIVE(p_mask);
#undef TESSERA_GIVE
    if (error) return error;
    if constexpr (has_mems) {
      if (remembers_) in.mems = memory_.mems();
    } else if constexpr (has_past) {
      if (remembers_) in.past = memory_.past();
    }
    TESSERA_TRY(loaded_->model.validate(in));
    TESSERA_TRY_ASSIGN(const std::size_t bytes, session_->bytes_for(in));
    if (bytes > session_->arena_bytes()) TESSERA_TRY(session_->reserve_bytes(bytes));
    const auto ran = session_->run(in);
    if (!ran) return ran.error();
    if constexpr (has_mems) {
      if (remembers_) memory_.advance(loaded_->model, in.layout.longest);
    } else if constexpr (has_past) {
      if (remembers_) memory_.advance(in.layout.longest);
    }
    return {};
  }
  std::vector<float> output(std::string_view wanted) const override {
    std::vector<float> values;
    find(wanted, [&](const View& view) {
      values.resize(static_cast<std::size_t>(view.count()));
      session_->read(view, values.data());
      if (view.type == DType::i32)
        for (float& number : values) number = static_cast<float>(bit_cast<std::int32_t>(number));
    });
    return values;
  }
  std::vector<Index> shape(std::string_view wanted) const override {
    std::vector<Index> sizes;
    find(wanted, [&](const View& view) { sizes.assign(view.dim, view.dim + view.rank); });
    return sizes;
  }

 private:
  Result<void> prepared() const {
    if (session_ == nullptr)
      return Error::format(Code::invalid_argument, "%s: call prepare before", std::string(name(architecture_)).c_str());
    return {};
  }
  template <class F>
  void find(std::string_view wanted, const F& f) const {
    if (session_ == nullptr) return;
    session_->output().visit([&](const char* output, const auto& tensor) {
      if (tensor && wanted == output) f(tensor.view());
    });
  }

  Architecture architecture_;
  std::unique_ptr<Pretrained<Model>> loaded_;
  AnyBackend backend_;
  Packed<AnyBackend> packed_;
  MemoryOfRuns memory_;
  bool remembers_ = false;
  std::unique_ptr<Session<Model, AnyBackend>> session_;
};

struct NoSuchClass {};

/// The classes of one task, by architecture.
struct BaseTask {
  static constexpr const char* name = "AutoModel";
  using DistilBertClass = DistilBert<>;
  using RobertaClass = Roberta<>;
  using BertClass = Bert<>;
  using OpenAIGPTClass = OpenAIGPT<>;
  using GPT2Class = GPT2<>;
  using TransfoXLClass = TransfoXL<>;
  using XLNetClass = XLNet<>;
  using XlmClass = Xlm<>;
};
struct LMHeadTask {
  static constexpr const char* name = "AutoModelWithLMHead";
  using DistilBertClass = DistilBertForMaskedLM<>;
  using RobertaClass = RobertaForMaskedLM<>;
  using BertClass = BertForMaskedLM<>;
  using OpenAIGPTClass = OpenAIGPTLMHeadModel<>;
  using GPT2Class = GPT2LMHeadModel<>;
  using TransfoXLClass = TransfoXLLMHeadModel<>;
  using XLNetClass = XLNetLMHeadModel<>;
  using XlmClass = XLMWithLMHeadModel<>;
};
struct SequenceClassificationTask {
  static constexpr const char* name = "AutoModelForSequenceClassification";
  using DistilBertClass = DistilBertForSequenceClassification<>;
  using RobertaClass = RobertaForSequenceClassification<>;
  using BertClass = BertForSequenceClassification<>;
  using OpenAIGPTClass = NoSuchClass;
  using GPT2Class = NoSuchClass;
  using TransfoXLClass = NoSuchClass;
  using XLNetClass = XLNetForSequenceClassification<>;
  using XlmClass = XLMForSequenceClassification<>;
};
struct QuestionAnsweringTask {
  static constexpr const char* name = "AutoModelForQuestionAnswering";
  using DistilBertClass = DistilBertForQuestionAnswering<>;
  using RobertaClass = NoSuchClass;
  using BertClass = BertForQuestionAnswering<>;
  using OpenAIGPTClass = NoSuchClass;
  using GPT2Class = NoSuchClass;
  using TransfoXLClass = NoSuchClass;
  using XLNetClass = XLNetForQuestionAnswering<>;
  using XlmClass = XLMForQuestionAnswering<>;
};
}  // namespace detail

/// The class of a task for the architecture of a folder, with its weights.
template <class Task>
struct AutoClass {
  static Result<std::unique_ptr<AnyModel>> from_pretrained(const std::string& folder,
                                                           MayBeMissing may_be_missing = nothing_missing,
                                                           std::uint64_t seed = 0) {
    TESSERA_TRY_ASSIGN(const Architecture architecture, architecture_of(folder));
    switch (architecture) {
      case Architecture::distilbert:
        return load<typename Task::DistilBertClass>(architecture, folder, may_be_missing, seed);
      case Architecture::roberta: return load<typename Task::RobertaClass>(architecture, folder, may_be_missing, seed);
      case Architecture::bert: return load<typename Task::BertClass>(architecture, folder, may_be_missing, seed);
      case Architecture::openai_gpt:
        return load<typename Task::OpenAIGPTClass>(architecture, folder, may_be_missing, seed);
      case Architecture::gpt2: return load<typename Task::GPT2Class>(architecture, folder, may_be_missing, seed);
      case Architecture::transfo_xl:
        return load<typename Task::TransfoXLClass>(architecture, folder, may_be_missing, seed);
      case Architecture::xlnet: return load<typename Task::XLNetClass>(architecture, folder, may_be_missing, seed);
      case Architecture::xlm: return load<typename Task::XlmClass>(architecture, folder, may_be_missing, seed);
    }
    return load<detail::NoSuchClass>(architecture, folder, may_be_missing, seed);
  }

 private:
  template <class Model>
  static Result<std::unique_ptr<AnyModel>> load(Architecture architecture, const std::string& folder,
                                                MayBeMissing may_be_missing, std::uint64_t seed) {
    if constexpr (std::is_same_v<Model, detail::NoSuchClass>) {
      return Error::format(Code::unsupported, "%s: %s has no class for %s", folder.c_str(), Task::name,
                           std::string(name(architecture)).c_str());
    } else {
      TESSERA_TRY_ASSIGN(auto loaded, tessera::from_pretrained<Model>(folder, may_be_missing, seed));
      return std::unique_ptr<AnyModel>(std::make_unique<detail::AnyModelOf<Model>>(architecture, std::move(loaded)));
    }
  }
};

using AutoModel = AutoClass<detail::BaseTask>;
using AutoModelWithLMHead = AutoClass<detail::LMHeadTask>;
using AutoModelForSequenceClassification = AutoClass<detail::SequenceClassificationTask>;
using AutoModelForQuestionAnswering = AutoClass<detail::QuestionAnsweringTask>;

/// AutoConfig: config.json of a folder, checked as its architecture's; with every key that it has.
inline Result<io::Json> auto_config(const std::string& folder) {
  TESSERA_TRY_ASSIGN(const Architecture architecture, architecture_of(folder));
  const std::string path = io::join_path(folder, "config.json");
  const auto json_of = [](auto&& file) -> Result<io::Json> {
    if (!file) return file.error();
    return format_config(*file);
  };
  switch (architecture) {
    case Architecture::distilbert: return json_of(read_config<DistilBertConfig>(path));
    case Architecture::roberta: return json_of(read_config<RobertaConfig>(path));
    case Architecture::bert: return json_of(read_config<BertConfig>(path));
    case Architecture::openai_gpt: return json_of(read_config<OpenAIGPTConfig>(path));
    case Architecture::gpt2: return json_of(read_config<GPT2Config>(path));
    case Architecture::transfo_xl: return json_of(read_config<TransfoXLConfig>(path));
    case Architecture::xlnet: return json_of(read_config<XLNetConfig>(path));
    case Architecture::xlm: return json_of(read_config<XlmConfig>(path));
  }
  return Error::format(Code::unsupported, "%s: there is no config for %s", folder.c_str(),
                       std::string(name(architecture)).c_str());
}

}  // namespace tessera
