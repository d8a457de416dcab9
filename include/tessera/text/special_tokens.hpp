// The special tokens of a tokenizer: seven roles with one token each, and a list of additional ones.
//
// An empty token is an unset one. Ids are none of this header's business. Source: the attributes of the reference's
// base class (pytorch-transformers 1.2.0), in its fixed order.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/isa.hpp"

namespace tessera::inline TESSERA_ISA::text {

enum class Role : std::uint8_t { bos, eos, unk, sep, pad, cls, mask, additional };

inline constexpr std::size_t single_roles = 7;

/// The name of a role in files and arguments: "bos_token" ... "additional_special_tokens".
constexpr std::string_view name(Role role) noexcept {
  constexpr std::string_view names[] = {"bos_token", "eos_token", "unk_token",  "sep_token",
                                        "pad_token", "cls_token", "mask_token", "additional_special_tokens"};
  return names[static_cast<std::size_t>(role)];
}

inline std::optional<Role> role_named(std::string_view wanted) noexcept {
  for (std::size_t i = 0; i <= single_roles; ++i) {
    if (name(static_cast<Role>(i)) == wanted) return static_cast<Role>(i);
  }
  return std::nullopt;
}

/// A new token for a role, or the list of additional ones: one item of add_special_tokens.
struct SpecialTokenChange {
  Role role;
  std::vector<std::string> tokens;
};

class SpecialTokens {
 public:
  /// The token of a role; empty when it is not set, and for Role::additional.
  const std::string& operator[](Role role) const noexcept {
    static const std::string empty;
    return role == Role::additional ? empty : single_[static_cast<std::size_t>(role)];
  }
  bool has(Role role) const noexcept {
    return role == Role::additional ? !additional_.empty() : !(*this)[role].empty();
  }
  const std::vector<std::string>& additional() const noexcept { return additional_; }

  SpecialTokens& set(Role role, std::string token) {
    if (role == Role::additional) {
      additional_.clear();
      additional_.push_back(std::move(token));
    } else {
      single_[static_cast<std::size_t>(role)] = std::move(token);
    }
    return *this;
  }
  SpecialTokens& set_additional(std::vector<std::string> tokens) {
    additional_ = std::move(tokens);
    return *this;
  }
  void apply(SpecialTokenChange change) {
    if (change.role == Role::additional) {
      additional_ = std::move(change.tokens);
    } else if (!change.tokens.empty()) {
      single_[static_cast<std::size_t>(change.role)] = std::move(change.tokens.front());
    }
  }

  /// Each token once, in the order of the roles. The reference has them in no order at all; where that shows (a text
  /// of white space alone becomes the first of them), this one is as good as any.
  std::vector<std::string> all() const {
    std::vector<std::string> tokens;
    const auto add = [&tokens](const std::string& token) {
      if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) tokens.push_back(token);
    };
    for (const std::string& token : single_) {
      if (!token.empty()) add(token);
    }
    for (const std::string& token : additional_) add(token);
    return tokens;
  }

 private:
  std::array<std::string, single_roles> single_;
  std::vector<std::string> additional_;
};

}  // namespace tessera::text
