// Names: from a model's roles ("encoder.0.attention.query.weight") to a checkpoint's parameter names.
//
// Blocks are shared by architectures whose files name things differently, so each model header holds one table of
// prefixes. '#' stands for an index and carries over.
#pragma once

#include "tessera/tensor/walk.hpp"

namespace tessera::inline TESSERA_ISA {

struct NameRule {
  const char* role;        ///< "encoder.#.attention.query"
  const char* checkpoint;  ///< "encoder.layer.#.attention.self.query"
};

/// The table of one model: rules (the first that matches counts) and the prefix that head models put before the base
/// model's parameters ("bert"; in the roles too).
struct NameTable {
  const char* base_prefix;
  const NameRule* rules;
  int count;
  const NameRule* old_names = nullptr;  ///< whole names of older files, and what they are now
  int old_count = 0;
  /// A lower triangle of ones that files hold for each layer and nobody reads ("h.#.attn.bias"); null: none.
  const char* causal_mask = nullptr;
};

namespace detail {
/// When `path` begins with `pattern` at a dot or ends there: the rest of the path, with the digits for '#' noted.
constexpr const char* match_role(const char* path, const char* pattern, const char*& digits) noexcept {
  while (*pattern != '\0') {
    if (*pattern == '#') {
      digits = path;
      if (*path < '0' || *path > '9') return nullptr;
      while (*path >= '0' && *path <= '9') ++path;
      ++pattern;
    } else if (*pattern == *path) {
      ++pattern;
      ++path;
    } else {
      return nullptr;
    }
  }
  return *path == '\0' || *path == '.' ? path : nullptr;
}
constexpr const char* skip_prefix(const char* path, const char* prefix) noexcept {
  const char* p = path;
  while (*prefix != '\0')
    if (*p++ != *prefix++) return path;
  return *p == '.' ? p + 1 : path;
}
}  // namespace detail

/// A parameter name in a buffer of its own.
struct ParamName {
  static constexpr int capacity = 200;
  char text[capacity] = {};
  int length = 0;

  constexpr void append(const char* from, const char* end) noexcept {
    while (from != end && length + 1 < capacity) text[length++] = *from++;
    text[length] = '\0';
  }
  constexpr void append(const char* from) noexcept {
    while (*from != '\0' && length + 1 < capacity) text[length++] = *from++;
    text[length] = '\0';
  }
};

/// The checkpoint's name of the param with this role path.
constexpr ParamName checkpoint_name(const NameTable& table, const char* path) noexcept {
  ParamName name;
  const char* inner = detail::skip_prefix(path, table.base_prefix);
  name.append(path, inner);
  for (int i = 0; i < table.count; ++i) {
    const char* digits = nullptr;
    const char* rest = detail::match_role(inner, table.rules[i].role, digits);
    if (rest == nullptr) continue;
    for (const char* c = table.rules[i].checkpoint; *c != '\0'; ++c) {
      if (*c != '#' || digits == nullptr) {
        name.append(c, c + 1);
        continue;
      }
      const char* end = digits;
      while (*end >= '0' && *end <= '9') ++end;
      name.append(digits, end);
    }
    name.append(rest);
    return name;
  }
  name.append(inner);
  return name;
}

}  // namespace tessera
