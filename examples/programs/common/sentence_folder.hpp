// What a folder says about sentence embeddings: which pooling, whether normalised, lower case, the longest text.
//
// The files are those of the sentence-transformers project: modules.json, the Pooling module's config.json,
// sentence_bert_config.json, config_sentence_transformers.json, beside the tokenizer's and the model's own. A folder
// without them means mean pooling, no normalisation and the model's own limit. What a folder asks for and nothing here
// computes is an error, never another embedding.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/base/result.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/json.hpp"

namespace tessera::programs {

enum class Pooling : unsigned char { cls, max, mean, mean_sqrt_len, weighted_mean, last_token };

struct PoolingName {
  std::string_view name;
  std::string_view flag;  ///< of the older files, one for each mode
  Pooling pooling;
};
/// In the order in which the parts of an embedding follow each other where a folder asks for several.
inline constexpr std::array<PoolingName, 6> pooling_names = {{
    {"cls", "pooling_mode_cls_token", Pooling::cls},
    {"max", "pooling_mode_max_tokens", Pooling::max},
    {"mean", "pooling_mode_mean_tokens", Pooling::mean},
    {"mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens", Pooling::mean_sqrt_len},
    {"weightedmean", "pooling_mode_weightedmean_tokens", Pooling::weighted_mean},
    {"lasttoken", "pooling_mode_lasttoken", Pooling::last_token},
}};

struct SentenceFolder {
  std::string transformer;  ///< the folder with the model and the tokenizer
  std::vector<Pooling> poolings{Pooling::mean};
  bool normalise = false;
  bool lower_case = false;      ///< before the tokenizer, which may do it again
  std::int64_t max_tokens = 0;  ///< special tokens included; 0: the folder has no opinion
  std::string prompt;           ///< put before each text
  bool pools_prompt = true;     ///< whether the prompt's tokens are pooled, too
};

namespace detail {
/// The JSON of a file, or null when there is none.
inline Result<io::Json> optional_json(const std::string& path) {
  if (io::kind_of(path) == io::PathKind::missing) return io::Json();
  return io::read_json(path);
}

inline Result<Pooling> pooling_named(const std::string& name) {
  for (const PoolingName& known : pooling_names)
    if (name == known.name) return known.pooling;
  return Error::format(Code::unsupported, "pooling_mode: there is no pooling %s", io::in_quotes(name).c_str());
}

inline Result<std::vector<Pooling>> parse_pooling(const io::Json& json) {
  std::vector<Pooling> poolings;
  if (const io::Json* mode = io::find_key(json, "pooling_mode"); mode != nullptr && !mode->is_null()) {
    const auto add = [&](const io::Json& value) -> Result<void> {
      TESSERA_TRY_ASSIGN(const std::string name, io::as_string(value, "pooling_mode"));
      TESSERA_TRY_ASSIGN(const Pooling pooling, pooling_named(name));
      poolings.push_back(pooling);
      return {};
    };
    if (mode->is_array()) {
      for (const io::Json& value : *mode) TESSERA_TRY(add(value));
    } else {
      TESSERA_TRY(add(*mode));
    }
  } else {
    for (const PoolingName& known : pooling_names) {
      TESSERA_TRY_ASSIGN(const bool wanted, io::get_bool_or(json, known.flag, known.pooling == Pooling::mean));
      if (wanted) poolings.push_back(known.pooling);
    }
    for (const auto& [key, value] : json.items()) {
      const bool known = std::any_of(pooling_names.begin(), pooling_names.end(), [&flag = key](const auto& p) {
        return p.flag == flag;
      });  // clang 14 captures no binding else
      if (!known && key.starts_with("pooling_mode_") && value != false && !value.is_null())
        return Error::format(Code::unsupported, "%s: there is no such pooling", io::in_quotes(key).c_str());
    }
  }
  if (poolings.empty()) return Error::format(Code::bad_format, "a pooling expected, all are false");
  return poolings;
}

inline Result<void> read_pooling(const std::string& path, SentenceFolder& folder) {
  TESSERA_TRY_ASSIGN(const io::Json json, io::read_json(path));
  if (!json.is_object())
    return Error::format(Code::bad_format, "%s: an object expected, found %s", path.c_str(), json.type_name());
  auto poolings = parse_pooling(json);
  if (!poolings) return poolings.error().in(path.c_str());
  folder.poolings = std::move(*poolings);
  const auto with_prompt = io::get_bool_or(json, "include_prompt", true);
  if (!with_prompt) return with_prompt.error().in(path.c_str());
  folder.pools_prompt = *with_prompt;
  return {};
}

/// The modules in their order: a Transformer, then a Pooling, then perhaps a Normalize.
inline Result<void> read_modules(const std::string& path, const io::Json& modules, SentenceFolder& folder) {
  if (!modules.is_array())
    return Error::format(Code::bad_format, "%s: a list of modules expected, found %s", path.c_str(),
                         modules.type_name());
  bool has_transformer = false, has_pooling = false;
  const std::string root = folder.transformer;
  for (const io::Json& module : modules) {
    auto type = io::get_string(module, "type");
    if (!type) return type.error().in(path.c_str());
    auto place = io::get_string_or(module, "path", "");
    if (!place) return place.error().in(path.c_str());
    const std::string name = type->substr(type->rfind('.') + 1);
    const std::string inside = place->empty() ? root : io::join_path(root, *place);
    if (name == "Transformer" && !has_transformer) {
      has_transformer = true;
      folder.transformer = inside;
    } else if (name == "Pooling" && has_transformer && !has_pooling) {
      has_pooling = true;
      TESSERA_TRY(read_pooling(io::join_path(inside, "config.json"), folder));
    } else if (name == "Normalize" && has_pooling) {
      folder.normalise = true;
    } else {
      return Error::format(
          Code::unsupported,
          "%s: module %s is unsupported here; a Transformer, a Pooling and perhaps a Normalize expected", path.c_str(),
          io::in_quotes(*type).c_str());
    }
  }
  if (has_transformer && has_pooling) return {};
  return Error::format(Code::unsupported, "%s: a Transformer and a Pooling expected", path.c_str());
}
}  // namespace detail

inline Result<SentenceFolder> read_sentence_folder(const std::string& path) {
  SentenceFolder folder;
  folder.transformer = path;
  const std::string modules_path = io::join_path(path, "modules.json");
  TESSERA_TRY_ASSIGN(const io::Json modules, detail::optional_json(modules_path));
  if (modules.is_null()) {
    const std::string pooling_path = io::join_path(path, "1_Pooling/config.json");
    if (io::kind_of(pooling_path) != io::PathKind::missing) TESSERA_TRY(detail::read_pooling(pooling_path, folder));
  } else {
    TESSERA_TRY(detail::read_modules(modules_path, modules, folder));
  }

  const std::string text_path = io::join_path(folder.transformer, "sentence_bert_config.json");
  TESSERA_TRY_ASSIGN(const io::Json texts, detail::optional_json(text_path));
  if (!texts.is_null()) {
    if (const io::Json* limit = io::find_key(texts, "max_seq_length"); limit != nullptr && !limit->is_null()) {
      const auto tokens = io::as_int(*limit, "max_seq_length");
      if (!tokens) return tokens.error().in(text_path.c_str());
      if (*tokens < 1)
        return Error::format(Code::out_of_range, "%s: max_seq_length: %lld, a positive number expected",
                             text_path.c_str(), static_cast<long long>(*tokens));
      folder.max_tokens = *tokens;
    }
    const auto lower = io::get_bool_or(texts, "do_lower_case", false);
    if (!lower) return lower.error().in(text_path.c_str());
    folder.lower_case = *lower;
  }
  if (folder.max_tokens == 0) {
    const std::string tokenizer_path = io::join_path(folder.transformer, "tokenizer_config.json");
    TESSERA_TRY_ASSIGN(const io::Json tokenizer, detail::optional_json(tokenizer_path));
    // Some write 1e30 for "no limit", so it is read as a number of any kind.
    const auto limit = io::get_double_or(tokenizer, "model_max_length", 0.0);
    if (!limit) return limit.error().in(tokenizer_path.c_str());
    if (*limit >= 1 && *limit < 1e9) folder.max_tokens = static_cast<std::int64_t>(*limit);
  }

  const std::string prompt_path = io::join_path(path, "config_sentence_transformers.json");
  TESSERA_TRY_ASSIGN(const io::Json config, detail::optional_json(prompt_path));
  if (!config.is_null()) {
    auto name = io::get_string_or(config, "default_prompt_name", "");
    if (!name) return name.error().in(prompt_path.c_str());
    if (!name->empty()) {
      const io::Json* prompts = io::find_key(config, "prompts");
      auto prompt = io::get_string(prompts != nullptr ? *prompts : io::Json::object(), *name);
      if (!prompt) return prompt.error().in(prompt_path.c_str());
      folder.prompt = std::move(*prompt);
      if (!folder.pools_prompt && !folder.prompt.empty())
        return Error::format(Code::unsupported, "%s: a prompt that is left out of the pooling (include_prompt: false)",
                             prompt_path.c_str());
    }
  }
  return folder;
}

/// The embedding of one text from its rows [length, width]; `out` has width numbers for each pooling. Sums are made in
/// double, so that a text of 512 tokens is as exact as one of 5.
inline void pool(const SentenceFolder& folder, const float* rows, std::int64_t length, std::int64_t width, float* out,
                 std::vector<double>& sums) {
  const auto columns = static_cast<std::size_t>(width);
  sums.assign(columns * folder.poolings.size(), 0.0);
  double* part = sums.data();
  for (const Pooling pooling : folder.poolings) {
    const auto add = [&](auto&& weight) {
      for (std::int64_t t = 0; t < length; ++t)
        for (std::size_t i = 0; i < columns; ++i)
          part[i] += weight(t) * static_cast<double>(rows[t * width + static_cast<std::int64_t>(i)]);
    };
    const auto copy = [&](std::int64_t t) {
      for (std::size_t i = 0; i < columns; ++i)
        part[i] = static_cast<double>(rows[t * width + static_cast<std::int64_t>(i)]);
    };
    const auto n = static_cast<double>(length);
    double divisor = 1;
    switch (pooling) {
      case Pooling::cls: copy(0); break;
      case Pooling::last_token: copy(length - 1); break;
      case Pooling::mean:
      case Pooling::mean_sqrt_len:
        add([](std::int64_t) { return 1.0; });
        divisor = pooling == Pooling::mean ? n : std::sqrt(n);
        break;
      case Pooling::weighted_mean:
        add([](std::int64_t t) { return static_cast<double>(t + 1); });
        divisor = n * (n + 1) / 2;
        break;
      case Pooling::max:
        copy(0);
        for (std::int64_t t = 1; t < length; ++t)
          for (std::size_t i = 0; i < columns; ++i)
            part[i] = std::max(part[i], static_cast<double>(rows[t * width + static_cast<std::int64_t>(i)]));
        break;
    }
    for (std::size_t i = 0; i < columns; ++i) part[i] /= divisor;
    part += columns;
  }
  double scale = 1;
  if (folder.normalise) {
    double squares = 0;
    for (const double value : sums) squares += value * value;
    scale = 1 / std::max(std::sqrt(squares), 1e-12);
  }
  for (std::size_t i = 0; i < sums.size(); ++i) out[i] = static_cast<float>(sums[i] * scale);
}

}  // namespace tessera::programs
