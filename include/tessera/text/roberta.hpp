// The tokenizer of RoBERTa, from memory: GPT-2's with <s>, </s>, <unk>, <pad> and <mask>.
//
// Source: Liu et al. 2019 (fairseq); pytorch-transformers 1.2.0.
#pragma once

#include <string_view>
#include <utility>

#include "tessera/base/guard.hpp"
#include "tessera/text/gpt2.hpp"

namespace tessera::inline TESSERA_ISA::text {

struct RobertaOptions : Gpt2Options {
  RobertaOptions() {
    special_tokens = SpecialTokens();
    special_tokens.set(Role::bos, "<s>").set(Role::eos, "</s>").set(Role::unk, "<unk>").set(Role::sep, "</s>");
    special_tokens.set(Role::pad, "<pad>").set(Role::cls, "<s>").set(Role::mask, "<mask>");
  }
};

class RobertaTokenizer final : public Gpt2Tokenizer {
 public:
  /// From a parsed vocab.json and the bytes of a merges.txt.
  static Result<RobertaTokenizer> from_memory(Vocabulary vocabulary, std::string_view merges_txt,
                                              RobertaOptions options = {}) noexcept {
    return guarded([&]() -> Result<RobertaTokenizer> {
      TESSERA_TRY_ASSIGN(Merges merges, Merges::read(merges_txt));
      TESSERA_TRY_ASSIGN(ByteBpe bpe, ByteBpe::make(vocabulary, merges));
      return RobertaTokenizer(std::move(vocabulary), std::move(merges), std::move(bpe), std::move(options));
    });
  }

  const TokenizerTraits& traits() const noexcept override {
    // <s> A </s> and <s> A </s></s> B </s>, all in one segment. The reference reserves no room for them.
    static constexpr TokenizerTraits roberta{"RobertaTokenizer",
                                             layout(special(Role::cls), first_text(), special(Role::sep)),
                                             layout(special(Role::cls), first_text(), special(Role::sep),
                                                    special(Role::sep), second_text(), special(Role::sep)),
                                             0, 0};
    return roberta;
  }

 private:
  using Gpt2Tokenizer::Gpt2Tokenizer;
};

}  // namespace tessera::text
