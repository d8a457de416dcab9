// spiece.model: the pieces and settings of a sentencepiece model, read in place from the bytes of the file.
//
// The file is one protocol buffers message, ModelProto. What training left in it is passed over.
// Source: google/sentencepiece, src/sentencepiece_model.proto (field numbers and defaults).
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tessera/base/protobuf.hpp"
#include "tessera/base/result.hpp"
#include "tessera/text/utf8.hpp"
#include "tessera/text/vocabulary.hpp"

namespace tessera::inline TESSERA_ISA::text {

enum class PieceType : std::uint8_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

/// One piece; its id is its place.
struct SentencePieceEntry {
  std::string_view piece;
  float score = 0;
  PieceType type = PieceType::normal;
};

struct SentencePieceModel {
  enum class Kind : std::uint8_t { unigram = 1, bpe = 2, word = 3, character = 4 };

  std::vector<SentencePieceEntry> pieces;
  Kind kind = Kind::unigram;
  bool byte_fallback = false;
  bool treat_whitespace_as_suffix = false;
  /// What an unknown piece is decoded to.
  std::string_view unk_surface = " \xE2\x81\x87 ";
  std::string_view precompiled_charsmap;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
  std::string_view denormalizer_charsmap;
};

namespace detail {

inline Result<SentencePieceEntry> read_piece(std::string_view message) noexcept {
  SentencePieceEntry entry;
  protobuf::Reader reader(message, "sentencepiece model, a piece");
  while (!reader.at_end()) {
    TESSERA_TRY_ASSIGN(const protobuf::Field field, reader.next());
    switch (field.id) {
      case 1:
        TESSERA_TRY(reader.expect(field, protobuf::Wire::bytes));
        entry.piece = field.bytes;
        break;
      case 2:
        TESSERA_TRY(reader.expect(field, protobuf::Wire::fixed32));
        entry.score = field.as_float();
        break;
      case 3:
        TESSERA_TRY(reader.expect(field, protobuf::Wire::varint));
        if (field.number < 1 || field.number > 6) {
          return Error::format(Code::bad_format, "sentencepiece model: a piece is of type %llu, expected 1 to 6",
                               static_cast<unsigned long long>(field.number));
        }
        entry.type = static_cast<PieceType>(field.number);
        break;
      default: break;
    }
  }
  return entry;
}

inline Result<void> read_trainer_spec(std::string_view message, SentencePieceModel& model) noexcept {
  protobuf::Reader reader(message, "sentencepiece model, trainer_spec");
  while (!reader.at_end()) {
    TESSERA_TRY_ASSIGN(const protobuf::Field field, reader.next());
    switch (field.id) {
      case 3:
        TESSERA_TRY(reader.expect(field, protobuf::Wire::varint));
        if (field.number < 1 || field.number > 4) {
          return Error::format(Code::bad_format, "sentencepiece model: its model_type is %llu, expected 1 to 4",
                               static_cast<unsigned long long>(field.number));
        }
        model.kind = static_cast<SentencePieceModel::Kind>(field.number);
        break;
      case 24:
        TESSERA_TRY(reader.expect(field, protobuf::Wire::varint));
        model.treat_whitespace_as_suffix = field.as_bool();
        break;
      case 35:
        TESSERA_TRY(reader.expect(field, protobuf::Wire::varint));
        model.byte_fallback = field.as_bool();
        break;
      case 44:
        TESSERA_TRY(reader.expect(field, protobuf::Wire::bytes));
        model.unk_surface = field.bytes;
        break;
      default: break;
    }
  }
  return {};
}

inline Result<void> read_normalizer_spec(std::string_view message, SentencePieceModel& model) noexcept {
  protobuf::Reader reader(message, "sentencepiece model, normalizer_spec");
  while (!reader.at_end()) {
    TESSERA_TRY_ASSIGN(const protobuf::Field field, reader.next());
    if (field.id == 2) {
      TESSERA_TRY(reader.expect(field, protobuf::Wire::bytes));
      model.precompiled_charsmap = field.bytes;
    } else if (field.id >= 3 && field.id <= 5) {
      TESSERA_TRY(reader.expect(field, protobuf::Wire::varint));
      bool* const flags[] = {&model.add_dummy_prefix, &model.remove_extra_whitespaces, &model.escape_whitespaces};
      *flags[field.id - 3] = field.as_bool();
    }
  }
  return {};
}

inline Result<void> read_denormalizer_spec(std::string_view message, SentencePieceModel& model) noexcept {
  protobuf::Reader reader(message, "sentencepiece model, denormalizer_spec");
  while (!reader.at_end()) {
    TESSERA_TRY_ASSIGN(const protobuf::Field field, reader.next());
    if (field.id != 2) continue;
    TESSERA_TRY(reader.expect(field, protobuf::Wire::bytes));
    model.denormalizer_charsmap = field.bytes;
  }
  return {};
}

}  // namespace detail

/// Reads a model. The result points into `file`.
inline Result<SentencePieceModel> read_sentencepiece_model(std::string_view file) {
  SentencePieceModel model;
  protobuf::Reader reader(file, "sentencepiece model");
  while (!reader.at_end()) {
    TESSERA_TRY_ASSIGN(const protobuf::Field field, reader.next());
    if (field.id < 1 || field.id > 5 || field.id == 4) continue;
    TESSERA_TRY(reader.expect(field, protobuf::Wire::bytes));
    if (field.id == 1) {
      TESSERA_TRY_ASSIGN(const SentencePieceEntry entry, detail::read_piece(field.bytes));
      const std::size_t id = model.pieces.size();
      if (entry.piece.empty()) {
        return Error::format(Code::bad_format, "sentencepiece model: piece %zu is empty", id);
      }
      if (!utf8::is_valid(entry.piece)) {
        return Error::format(Code::bad_format, "sentencepiece model: piece %zu is not UTF-8", id);
      }
      if (!std::isfinite(entry.score)) {
        return Error::format(Code::bad_format, "sentencepiece model: the score of piece %zu is not finite", id);
      }
      if (id > static_cast<std::size_t>(Vocabulary::max_id)) {
        return Error::format(Code::bad_format, "sentencepiece model: it has more than %d pieces", Vocabulary::max_id);
      }
      model.pieces.push_back(entry);
    } else if (field.id == 2) {
      TESSERA_TRY(detail::read_trainer_spec(field.bytes, model));
    } else if (field.id == 3) {
      TESSERA_TRY(detail::read_normalizer_spec(field.bytes, model));
    } else {
      TESSERA_TRY(detail::read_denormalizer_spec(field.bytes, model));
    }
  }
  if (model.pieces.empty()) {
    return Error::format(Code::bad_format, "sentencepiece model: %zu bytes hold no piece", file.size());
  }
  return model;
}

}  // namespace tessera::text
