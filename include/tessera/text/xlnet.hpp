// The tokenizer of XLNet, from memory: clean-up, then sentencepiece, then commas parted from numbers.
//
// A piece that ends in a digit and a comma is cut once more without the comma, because XLNet was trained that way.
// With a model whose pieces keep within words, words are encoded one by one and remembered. A unigram model sums scores
// over the whole text in float32, so that a remembered word counts only where no rounding can change how it is cut.
// Source: Yang et al. 2019 (zihangdai/xlnet, prepro_utils.py); pytorch-transformers 1.2.0.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tessera/base/bit_cast.hpp"
#include "tessera/base/guard.hpp"
#include "tessera/text/sentencepiece.hpp"
#include "tessera/text/tokenizer.hpp"
#include "tessera/text/unicode.hpp"

namespace tessera::inline TESSERA_ISA::text {

struct XLNetOptions {
  bool do_lower_case = false;
  /// White space becomes single spaces; without it, it is left to sentencepiece.
  bool remove_space = true;
  bool keep_accents = false;
  std::int64_t max_len = Tokenizer::no_max_len;
  SpecialTokens special_tokens = default_special_tokens();

  static SpecialTokens default_special_tokens() {
    SpecialTokens special;
    special.set(Role::bos, "<s>").set(Role::eos, "</s>").set(Role::unk, "<unk>").set(Role::sep, "<sep>");
    special.set(Role::pad, "<pad>").set(Role::cls, "<cls>").set(Role::mask, "<mask>");
    return special.set_additional({"<eop>", "<eod>"});
  }
};

class XLNetTokenizer final : public Tokenizer {
 public:
  /// From the bytes of a spiece.model.
  static Result<XLNetTokenizer> from_memory(std::string spiece_model, XLNetOptions options = {}) noexcept {
    return guarded([&]() -> Result<XLNetTokenizer> {
      TESSERA_TRY_ASSIGN(SentencePiece model, SentencePiece::from_memory(std::move(spiece_model)));
      return XLNetTokenizer(std::move(model), std::move(options));
    });
  }

  const TokenizerTraits& traits() const noexcept override {
    // A <sep> <cls> and A <sep> B <sep> <cls>; <cls> is a segment of its own.
    static constexpr TokenizerTraits xlnet{
        "XLNetTokenizer", layout(first_text(), special(Role::sep), special(Role::cls, 2)),
        layout(first_text(), special(Role::sep), second_text(1), special(Role::sep, 1), special(Role::cls, 2)), 2, 3};
    return xlnet;
  }

  std::size_t vocab_size() const noexcept override { return model_.size(); }
  const SentencePiece& model() const noexcept { return model_; }

  Result<std::vector<VocabularyFile>> vocabulary_files(std::vector<std::string>&) const override {
    std::vector<VocabularyFile> files;
    files.push_back({"spiece.model", model_.file()});
    return files;
  }

  /// Joins the pieces, makes spaces of U+2581, and strips.
  Result<std::string> tokens_to_string(std::span<const std::string> tokens) const override {
    std::string joined;
    for (const std::string& token : tokens) joined += token;
    return std::string(strip(replace_all(joined, SentencePiece::space_symbol, " ")));
  }

  RunText run_text() const noexcept override { return {true, utf8::OnError::replace}; }

  Result<void> append_run_text(std::string_view token, bool, std::string& out) const override {
    out += replace_all(token, SentencePiece::space_symbol, " ");
    return {};
  }

  /// The text that sentencepiece gets to see.
  std::string preprocess(std::string_view text) const {
    std::string out;
    append_preprocessed(text, out);
    return out;
  }

 private:
  XLNetTokenizer(SentencePiece model, XLNetOptions options)
      : Tokenizer(std::move(options.special_tokens), options.max_len),
        model_(std::move(model)),
        do_lower_case_(options.do_lower_case),
        remove_space_(options.remove_space),
        keep_accents_(options.keep_accents),
        word_wise_(remove_space_ && model_.is_word_wise() && model_.normalizer().is_word_wise()) {
    tokens_changed();
  }

  static bool is_ascii(std::string_view s) noexcept { return utf8::ascii_prefix(s) == s.size(); }

  void append_preprocessed(std::string_view text, std::string& out) const {
    std::string spaced;
    if (remove_space_) {
      for_each_word(text, [&spaced](std::string_view word) {
        if (!spaced.empty()) spaced += ' ';
        spaced += word;
      });
      text = spaced;
    }
    std::string quoted;
    for (const std::string_view quotes : {"``", "''"}) {
      if (text.find(quotes) == std::string_view::npos) continue;
      std::string replaced = replace_all(text, quotes, "\"");
      quoted.swap(replaced);
      text = quoted;
    }
    if (is_ascii(text)) {
      for (const char c : text) out += do_lower_case_ && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c;
      return;
    }
    std::u32string points;
    utf8::decode_into(text, points, utf8::OnError::replace, utf8::Surrogates::accept);
    if (!keep_accents_) {
      points = unicode::normalize(points, unicode::Form::nfkd);
      std::erase_if(points, [](char32_t c) { return unicode::combining_class(c) != 0; });
    }
    if (do_lower_case_) points = unicode::lower(points);
    for (const char32_t c : points) utf8::append(out, c);
  }

  /// Python's str.isdigit of one character.
  static bool is_digit(char32_t c) noexcept {
    constexpr unicode::Range digits_that_are_no_decimals[] = {
        {0x00B2, 0x00B3}, {0x00B9, 0x00B9},   {0x1369, 0x1371},   {0x19DA, 0x19DA},   {0x2070, 0x2070},
        {0x2074, 0x2079}, {0x2080, 0x2089},   {0x2460, 0x2468},   {0x2474, 0x247C},   {0x2488, 0x2490},
        {0x24EA, 0x24EA}, {0x24F5, 0x24FD},   {0x24FF, 0x24FF},   {0x2776, 0x277E},   {0x2780, 0x2788},
        {0x278A, 0x2792}, {0x10A40, 0x10A43}, {0x10E60, 0x10E68}, {0x11052, 0x1105A}, {0x1F100, 0x1F10A},
    };
    if (c < 0x80) return c >= U'0' && c <= U'9';
    return unicode::category(c) == unicode::Category::Nd || unicode::contains(digits_that_are_no_decimals, c);
  }

  /// A piece that is cut once more: it ends in a digit and a comma.
  static bool ends_in_digit_and_comma(std::string_view piece) noexcept {
    if (piece.size() < 2 || piece.back() != ',') return false;
    std::size_t start = piece.size() - 2;
    while (start > 0 && (static_cast<std::uint8_t>(piece[start]) & 0xC0U) == 0x80U) --start;
    return is_digit(detail::step_at(piece, start).code_point);
  }

  /// Calls f(piece, id) for the pieces of a number without its comma, and then for the comma.
  template <class F>
  Result<void> cut_number(std::string_view piece, F& f) const {
    SentencePieceScratch scratch;
    const std::string number = replace_all(piece.substr(0, piece.size() - 1), SentencePiece::space_symbol, "");
    TESSERA_TRY(model_.encode(number, scratch));
    bool drop_space = !piece.starts_with(SentencePiece::space_symbol);
    for (const PieceSpan& span : scratch.spans) {
      std::string_view part = std::string_view(scratch.normal).substr(span.begin, span.length);
      Id id = span.id;
      if (std::exchange(drop_space, false) && part.starts_with(SentencePiece::space_symbol)) {
        part.remove_prefix(SentencePiece::space_symbol.size());
        if (part.empty()) continue;
        id = model_.id(part);
      }
      f(part, id);
    }
    const std::string_view comma = piece.substr(piece.size() - 1);
    f(comma, model_.id(comma));
    return {};
  }

  Result<void> has_characters_only(std::string_view chunk) const {
    // Only text that was given as code points can hold a lone surrogate, which sentencepiece does not take.
    if (const std::size_t bad = utf8::find_invalid(chunk); bad != chunk.size()) {
      return Error::format(Code::invalid_argument, "%s: the text holds a lone surrogate, U+%04X, which is no character",
                           traits().class_name, static_cast<unsigned>(detail::step_at(chunk, bad).code_point));
    }
    return {};
  }

  /// Calls f(piece, id) for each piece of a chunk.
  template <class F>
  Result<void> for_each_piece(std::string_view chunk, TextScratch& scratch, F&& f) const {
    scratch.word.clear();
    append_preprocessed(chunk, scratch.word);
    TESSERA_TRY(model_.encode(scratch.word, scratch.pieces));
    for (const PieceSpan& span : scratch.pieces.spans) {
      const std::string_view piece = std::string_view(scratch.pieces.normal).substr(span.begin, span.length);
      if (ends_in_digit_and_comma(piece)) {
        TESSERA_TRY(cut_number(piece, f));
      } else {
        f(piece, span.id);
      }
    }
    return {};
  }

  Result<void> tokenize_chunk(std::string_view chunk, Tokens& out, TextScratch& scratch) const override {
    TESSERA_TRY(has_characters_only(chunk));
    return for_each_piece(chunk, scratch, [&out](std::string_view piece, Id) { out.emplace_back(piece); });
  }

  Result<void> encode_chunk(std::string_view chunk, IdSource source, Ids& out, TextScratch& scratch) const override {
    if (source == IdSource::added_first && added_hides_vocabulary()) {
      return Tokenizer::encode_chunk(chunk, source, out, scratch);
    }
    TESSERA_TRY(has_characters_only(chunk));
    Error problem;
    const auto append = [&](std::string_view piece, Id id) {
      if (id != model_.unknown()) {
        out.push_back(id);
      } else if (const auto found = to_id(piece, source); found.ok()) {
        out.push_back(*found);  // an added token, or spelled like a control symbol, or unknown indeed
      } else {
        problem = found.error();
      }
    };
    if (!word_wise_) {
      TESSERA_TRY(for_each_piece(chunk, scratch, append));
      if (problem) return problem;
      return {};
    }
    scratch.words.claim(stamp_);
    float score = 0;
    const auto encode = [&](std::string_view word) {
      if (problem || (WordCache::takes(word) && append_known(word, score, out, scratch))) return;
      const auto done = encode_word(word, score, append, out, scratch);
      if (!done.ok()) problem = done.error();
    };
    for (std::size_t i = 0; i < chunk.size();) {
      // Words of ASCII alone are most of most texts, and spaces alone are most of what parts them.
      std::size_t end = i;
      while (end < chunk.size() && chunk[end] > ' ') ++end;
      if (end == chunk.size() || chunk[end] == ' ') {
        if (end > i) encode(chunk.substr(i, end - i));
        i = end + 1;
        continue;
      }
      end = (std::min)(chunk.find(' ', end), chunk.size());
      for_each_word(chunk.substr(i, end - i), encode);
      i = end + 1;
    }
    if (problem) return problem;
    return {};
  }

  /// The ids of a word that was encoded before, if rounding cannot have changed them. The first number of an entry is
  /// the lead of its cut; see Unigram::lead.
  bool append_known(std::string_view word, float& score, Ids& out, TextScratch& scratch) const {
    const std::span<const Id> entry = scratch.words.find(word);
    if (entry.empty()) return false;
    const std::span<const Id> ids = entry.subspan(1);
    if (model_.model().kind == SentencePieceModel::Kind::unigram) {
      const auto lead = static_cast<double>(tessera::bit_cast<float>(entry.front()));
      // A word of n bytes has at most 3 + 18 n bytes when it is normalized; the bound need not be tight.
      if (!(lead > model_.unigram().rounding(score, 3 + word.size()))) return false;
      for (const Id id : ids) score = model_.unigram().sum(score, id);
    }
    out.insert(out.end(), ids.begin(), ids.end());
    return true;
  }

  /// append(piece, id) appends to `out`.
  template <class Append>
  Result<void> encode_word(std::string_view word, float& score, Append& append, Ids& out, TextScratch& scratch) const {
    const std::size_t start = out.size();
    scratch.word.clear();
    append_preprocessed(word, scratch.word);
    std::string& normal = scratch.pieces.normal;
    normal.clear();
    model_.normalizer().append(scratch.word, normal);
    if (normal.size() > SentencePiece::most_bytes) {
      return Error::format(Code::out_of_range, "%s: a word has %zu bytes, expected at most %zu", traits().class_name,
                           normal.size(), SentencePiece::most_bytes);
    }
    // Pieces are taken as they come: a word may be as long as a text. A run of unknown ones is one.
    bool plain = true;
    Error problem;
    const auto take = [&](const PieceSpan& span) {
      const std::string_view piece = std::string_view(normal).substr(span.begin, span.length);
      if (ends_in_digit_and_comma(piece)) {
        plain = false;
        if (const auto cut = cut_number(piece, append); !cut.ok() && !problem) problem = cut.error();
      } else {
        plain &= span.id != model_.unknown();
        append(piece, span.id);
      }
    };
    PieceSpan last{0, 0, no_id};
    model_.cut(normal, score, scratch.pieces, [&](const PieceSpan& span) {
      if (span.id == model_.unknown() && last.id == model_.unknown()) {
        last.length += span.length;
        return;
      }
      if (last.length > 0) take(last);
      last = span;
    });
    if (last.length > 0) take(last);
    if (problem) return problem;
    const std::size_t count = out.size() - start;
    if (!plain || !WordCache::takes(word) || normal.size() > 3 + word.size() || count + 1 > WordCache::most_ids)
      return {};
    std::array<Id, WordCache::most_ids> entry{};
    if (model_.model().kind == SentencePieceModel::Kind::unigram) {
      const double lead = model_.unigram().lead(normal, scratch.pieces.unigram);
      entry[0] = tessera::bit_cast<Id>(static_cast<float>((std::min)(lead, 1e30) * (1 - 1e-6)));
    }
    std::copy(out.end() - static_cast<std::ptrdiff_t>(count), out.end(), entry.begin() + 1);
    scratch.words.put(word, std::span<const Id>(entry).first(count + 1));
    return {};
  }

  Id vocabulary_id(std::string_view token) const noexcept override { return model_.id(token); }
  bool in_vocabulary(std::string_view token) const noexcept override { return model_.find(token) != no_id; }
  Result<std::string> vocabulary_token(Id id) const override {
    if (model_.has(id)) return std::string(model_.piece(id));
    return Error::format(Code::out_of_range, "%s: id %d has no piece, the model's ids are below %zu",
                         traits().class_name, id, model_.size());
  }

  SentencePiece model_;
  bool do_lower_case_;
  bool remove_space_;
  bool keep_accents_;
  bool word_wise_;
  std::uint64_t stamp_ = WordCache::new_owner();
};

}  // namespace tessera::text
