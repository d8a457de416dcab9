// Resizing a vocabulary: resize_token_embeddings of the reference.
//
// A model lists in vocabulary(f) the params whose first dimension is its vocabulary: the word embedding, a tied
// decoder, its bias. Rows that stay are bit-equal; new ones of a matrix are drawn from a normal distribution, new ones
// of a bias are zero.
#pragma once

#include "tessera/base/normal.hpp"
#include "tessera/context/weights.hpp"

namespace tessera::inline TESSERA_ISA {

namespace detail {
/// The param of an embedding, or the param itself.
auto& vocabulary_param(auto& member) noexcept {
  if constexpr (is_param<std::remove_reference_t<decltype(member)>>)
    return member;
  else
    return member.weight;
}
}  // namespace detail

/// Gives the model a vocabulary of `rows` and returns the weights it is bound to from now on; an error leaves the model
/// as it was. The padding row is one like any other afterwards, unless the number of rows stays, as in the reference.
/// `deviation`: of the new rows. A model says in keeps_vocabulary() why it cannot have another one, or null.
template <class Model>
Result<Weights> resize_token_embeddings(Model& model, Index rows, double deviation, std::uint64_t seed) noexcept {
  constexpr Index most = Index{1} << 28;
  if (rows <= 0 || rows > most)
    return Error::format(Code::out_of_range, "resize_token_embeddings: expected 1 to %lld rows, found %lld",
                         static_cast<long long>(most), static_cast<long long>(rows));
  if constexpr (requires { model.keeps_vocabulary(); })
    if (const char* const reason = model.keeps_vocabulary(); reason != nullptr)
      return Error::format(Code::unsupported, "resize_token_embeddings: this model keeps its vocabulary: %s", reason);
  bool constant = false;
  model.vocabulary([&](auto& member) {
    using Rows = typename std::remove_cvref_t<decltype(detail::vocabulary_param(member))>::extents;
    constant = constant || Rows::constant[0] != dyn;
  });
  if (constant)
    return Error::format(Code::unsupported,
                         "resize_token_embeddings: the vocabulary is a constant of this model's type");
  TESSERA_TRY(detail::check_bound(model));
  Buffer<View> before;
  bool room = true;
  for_each_param(model, [&](const RolePath&, ParamBase& p) { room = room && before.push(p.view); });
  if (!room) return Error::format(Code::out_of_memory, "resize_token_embeddings: no memory for the table");
  for_each_param(model, [](const RolePath&, ParamBase& p) { p.view.data = nullptr; });
  model.vocabulary([&](auto& member) {
    View& v = detail::vocabulary_param(member).view;
    v.dim[0] = rows;
    v.row_stride = v.columns();
  });
  auto weights = Weights::of(model);
  if (!weights) {
    for_each_param(model, [&](const RolePath&, ParamBase& p) { p.view = before[static_cast<std::size_t>(p.id)]; });
    return weights.error();
  }
  model.vocabulary([&](auto& member) {
    if constexpr (requires { member.padding_row; })
      if (before[static_cast<std::size_t>(member.weight.id)].dim[0] != rows) member.padding_row = -1;
  });
  for_each_param(model, [&](const RolePath&, ParamBase& p) {
    if (p.master >= 0) return;
    const View& old = before[static_cast<std::size_t>(p.id)];
    auto* target = p.view.template as<float>();
    View kept = old;
    if (old.count() > p.view.count()) kept.dim[0] = p.view.dim[0];
    detail::convert(kept, target);
    if (p.view.rank < 2) return;
    for (Index i = kept.count(); i < p.view.count(); ++i)
      target[i] = static_cast<float>(deviation) *
                  normal(seed + static_cast<std::uint64_t>(p.id), static_cast<std::uint64_t>(i));
  });
  return weights;
}

}  // namespace tessera
