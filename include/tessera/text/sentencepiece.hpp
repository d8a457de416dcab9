// A sentencepiece model at work: text to pieces and ids, and pieces back to text.
//
// The normalizer (sentencepiece_normalizer.hpp) makes one string of a text, in which spaces are U+2581; a model
// (unigram.hpp, sentencepiece_bpe.hpp) cuts it; runs of unknown pieces become one. Byte fallback and the models "word"
// and "character" are refused by name: no published model of the architectures here has them.
// Source: Kudo and Richardson 2018; google/sentencepiece, sentencepiece_processor.cc, model_interface.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/result.hpp"
#include "tessera/text/sentencepiece_bpe.hpp"
#include "tessera/text/sentencepiece_model.hpp"
#include "tessera/text/sentencepiece_normalizer.hpp"
#include "tessera/text/strings.hpp"
#include "tessera/text/unigram.hpp"
#include "tessera/text/vocabulary.hpp"

namespace tessera::inline TESSERA_ISA::text {

/// The memory of a call.
struct SentencePieceScratch {
  std::string normal;
  std::vector<PieceSpan> spans;
  UnigramScratch unigram;
  SentencePieceBpeScratch bpe;
};

class SentencePiece {
 public:
  static constexpr std::string_view space_symbol = SentencePieceNormalizer::space_symbol;
  /// Bytes of a normalized text that can be cut at once.
  static constexpr std::size_t most_bytes = std::size_t{1} << 31;

  /// From the bytes of a spiece.model.
  static Result<SentencePiece> from_memory(std::string file) {
    SentencePiece out;
    out.file_ = std::make_shared<const std::string>(std::move(file));
    TESSERA_TRY_ASSIGN(out.model_, read_sentencepiece_model(*out.file_));
    const SentencePieceModel& model = out.model_;
    if (model.kind == SentencePieceModel::Kind::word || model.kind == SentencePieceModel::Kind::character) {
      return Error::format(Code::unsupported, "sentencepiece model: models of type \"%s\" are not supported",
                           model.kind == SentencePieceModel::Kind::word ? "word" : "char");
    }
    if (model.byte_fallback) {
      return Error::format(Code::unsupported, "sentencepiece model: byte_fallback is not supported");
    }
    TESSERA_TRY(out.take_pieces());
    TESSERA_TRY_ASSIGN(out.normalizer_, SentencePieceNormalizer::make(model));
    TESSERA_TRY_ASSIGN(out.denormalizer_, CharsMap::make(model.denormalizer_charsmap));
    if (!out.denormalizer_.empty()) {
      return Error::format(Code::unsupported, "sentencepiece model: a denormalizer_spec is not supported");
    }
    if (model.kind == SentencePieceModel::Kind::unigram) {
      out.unigram_ = Unigram(model, out.unknown_);
    } else {
      out.bpe_ = SentencePieceBpe(model);
    }
    return out;
  }

  /// The bytes that it was made from.
  const std::string& file() const noexcept { return *file_; }
  const SentencePieceModel& model() const noexcept { return model_; }
  const SentencePieceNormalizer& normalizer() const noexcept { return normalizer_; }
  const Unigram& unigram() const noexcept { return unigram_; }
  std::size_t size() const noexcept { return model_.pieces.size(); }
  Id unknown() const noexcept { return unknown_; }

  bool has(Id id) const noexcept { return id >= 0 && static_cast<std::size_t>(id) < size(); }
  /// The piece of an id that there is.
  std::string_view piece(Id id) const noexcept { return model_.pieces[static_cast<std::size_t>(id)].piece; }
  /// The id of a piece, control symbols among them; no_id if there is none.
  Id find(std::string_view piece) const noexcept {
    const Id reserved = reserved_.find(piece);
    return reserved != no_id ? reserved : pieces_.find(piece);
  }
  /// The id of a piece, or that of the unknown one.
  Id id(std::string_view piece) const noexcept {
    const Id found = find(piece);
    return found != no_id ? found : unknown_;
  }

  /// True if the pieces of a text are those of its words (as the normalizer has them), one after the other: no piece
  /// goes over a space, and a space alone is a piece.
  bool is_word_wise() const noexcept { return word_wise_; }

  /// Calls emit(PieceSpan) for each piece of a normalized text, before runs of unknown ones are joined. `score` is
  /// the sum behind which a unigram model goes on; 0 at the start of a text.
  template <class Emit>
  void cut(std::string_view normal, float& score, SentencePieceScratch& scratch, Emit&& emit) const {
    if (model_.kind == SentencePieceModel::Kind::unigram) {
      unigram_.cut(normal, score, scratch.unigram, emit);
    } else {
      bpe_.cut(
          normal, pieces_, normalizer_.user_defined(), scratch.bpe, [this](std::string_view p) { return id(p); }, emit);
    }
  }

  /// Fills scratch.normal and scratch.spans with the normal form of a well-formed text and its pieces.
  Result<void> encode(std::string_view text, SentencePieceScratch& scratch) const {
    scratch.normal.clear();
    normalizer_.append(text, scratch.normal);
    if (scratch.normal.size() > most_bytes) {
      return Error::format(Code::out_of_range, "sentencepiece: a text has %zu bytes, expected at most %zu",
                           scratch.normal.size(), most_bytes);
    }
    std::vector<PieceSpan>& spans = scratch.spans;
    spans.clear();
    float score = 0;
    cut(scratch.normal, score, scratch, [&](const PieceSpan& span) {
      if (span.id == unknown_ && !spans.empty() && spans.back().id == unknown_) {
        spans.back().length += span.length;
      } else {
        spans.push_back(span);
      }
    });
    return {};
  }

  /// The text that pieces stand for, by sentencepiece's own rules (not those of XLNet's tokenizer).
  std::string decode(std::span<const std::string> pieces) const {
    std::string out;
    bool space_seen = false;
    for (const std::string& given : pieces) {
      std::string_view piece = given;
      const Id id = this->id(piece);
      const PieceType type = model_.pieces[static_cast<std::size_t>(id)].type;
      const bool at_start = !space_seen && out.empty();
      space_seen = false;
      if (type == PieceType::control) continue;
      if (type == PieceType::unknown) {
        out += piece == this->piece(id) ? model_.unk_surface : piece;
        continue;
      }
      if (at_start && (model_.add_dummy_prefix || model_.remove_extra_whitespaces) && piece.starts_with(space_symbol)) {
        piece.remove_prefix(space_symbol.size());
        space_seen = !model_.remove_extra_whitespaces;
      }
      out += replace_all(piece, space_symbol, " ");
    }
    return out;
  }

 private:
  SentencePiece() = default;

  Result<void> take_pieces() {
    bool spaces_inside = false;
    unknown_ = no_id;
    pieces_.reserve(model_.pieces.size(), file_->size() / 2);
    for (std::size_t i = 0; i < model_.pieces.size(); ++i) {
      const SentencePieceEntry& entry = model_.pieces[i];
      const bool is_plain =
          entry.type == PieceType::normal || entry.type == PieceType::user_defined || entry.type == PieceType::unused;
      Vocabulary& home = is_plain ? pieces_ : reserved_;
      if (home.contains(entry.piece)) {
        return Error::format(Code::bad_format, "sentencepiece model: piece \"%.*s\" is there twice",
                             static_cast<int>((std::min)(entry.piece.size(), std::size_t{80})), entry.piece.data());
      }
      TESSERA_TRY(home.set(entry.piece, static_cast<Id>(i)));
      if (is_plain) spaces_inside |= entry.piece.find(space_symbol, 1) != std::string_view::npos;
      if (entry.type != PieceType::unknown) continue;
      if (unknown_ != no_id) {
        return Error::format(Code::bad_format, "sentencepiece model: pieces %d and %zu are both of type unknown",
                             unknown_, i);
      }
      unknown_ = static_cast<Id>(i);
    }
    if (unknown_ == no_id) {
      return Error::format(Code::bad_format, "sentencepiece model: none of %zu pieces is of type unknown", size());
    }
    const Id space = pieces_.find(space_symbol);
    word_wise_ =
        !spaces_inside && space != no_id && model_.pieces[static_cast<std::size_t>(space)].type != PieceType::unused;
    return {};
  }

  std::shared_ptr<const std::string> file_;
  SentencePieceModel model_;
  Vocabulary pieces_;
  Vocabulary reserved_;
  Id unknown_ = no_id;
  bool word_wise_ = false;
  SentencePieceNormalizer normalizer_;
  CharsMap denormalizer_;
  Unigram unigram_;
  SentencePieceBpe bpe_;
};

}  // namespace tessera::text
