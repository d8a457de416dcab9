// Walking a model: every param with its role path ("encoder.layer.0.attention.query.weight"), in a fixed order.
//
// A block's visit(v) calls v(role, member) for blocks and params, and v(index, member) inside arrays. A model may also
// have ties(t), which calls t(master, tied) for each pair of params that are one weight.
#pragma once

#include "tessera/tensor/param.hpp"

namespace tessera::inline TESSERA_ISA {

/// The role path of the param at hand.
class RolePath {
 public:
  static constexpr int capacity = 160;
  constexpr const char* c_str() const noexcept { return text_; }
  constexpr int length() const noexcept { return length_; }

  constexpr void push(const char* role) noexcept {
    if (length_ > 0) put('.');
    while (*role != '\0') put(*role++);
  }
  constexpr void push(Index index) noexcept {
    char digits[20] = {};
    int n = 0;
    do {
      digits[n++] = static_cast<char>('0' + index % 10);
      index /= 10;
    } while (index > 0);
    if (length_ > 0) put('.');
    while (n > 0) put(digits[--n]);
  }
  constexpr void cut(int length) noexcept {
    length_ = length;
    text_[length_] = '\0';
    cut_short_ = false;
  }
  /// There was no room for all of it.
  constexpr bool cut_short() const noexcept { return cut_short_; }
  /// FNV-1a, 64 bits.
  constexpr std::uint64_t hash() const noexcept {
    std::uint64_t h = 0xcbf29ce484222325U;
    for (int i = 0; i < length_; ++i) h = (h ^ static_cast<unsigned char>(text_[i])) * 0x100000001b3U;
    return h;
  }

 private:
  constexpr void put(char c) noexcept {
    if (length_ + 1 >= capacity) {
      cut_short_ = true;
      return;
    }
    text_[length_++] = c;
    text_[length_] = '\0';
  }
  char text_[capacity] = {};
  int length_ = 0;
  bool cut_short_ = false;
};

namespace detail {
template <class F>
struct Walker {
  F& on_param;
  RolePath path;

  template <class Role, class Member>
  constexpr void operator()(Role role, Member& member) {
    const int length = path.length();
    path.push(role);
    if constexpr (is_param<Member>)
      on_param(static_cast<const RolePath&>(path), static_cast<ParamBase&>(member));
    else
      member.visit(*this);
    path.cut(length);
  }
};
}  // namespace detail

/// Calls on_param(const RolePath&, ParamBase&) for each param of the model, in order.
template <class Model, class F>
constexpr void for_each_param(Model& model, F on_param) {
  detail::Walker<F> walker{on_param, {}};
  model.visit(walker);
}

/// The same for a model that is only read: the params come as they are, and must not be changed.
template <class Model, class F>
constexpr void for_each_param(const Model& model, F on_param) {
  for_each_param(const_cast<Model&>(model),
                 [&](const RolePath& path, ParamBase& param) { on_param(path, static_cast<const ParamBase&>(param)); });
}

/// Gives each param its id and each tied one its master. Models call it at the end of their constructors.
/// Returns the number of params.
template <class Model>
constexpr int number_params(Model& model) {
  int next = 0;
  for_each_param(model, [&](const RolePath&, ParamBase& param) { param.id = next++; });
  if constexpr (requires { model.ties([](ParamBase&, ParamBase&) {}); })
    model.ties([](ParamBase& master, ParamBase& tied) { tied.master = master.id; });
  return next;
}

/// Number of trained elements, each tied weight once.
template <class Model>
constexpr Index parameter_count(const Model& model) {
  Index n = 0;
  for_each_param(model, [&](const RolePath&, const ParamBase& param) {
    if (param.master < 0 && param.role == ParamRole::trained) n += param.view.count();
  });
  return n;
}

}  // namespace tessera
