// The task `tokenize`: every line of text.txt to ids, without special tokens, on one thread.
#include <cstdint>
#include <string_view>

#include "contender/contestant.hpp"
#include "tessera/pretrained/tokenizer_files.hpp"

namespace tessera::contender {
namespace {

class Tokenize : public Contestant {
 public:
  static Result<std::unique_ptr<Contestant>> make(const io::Json& line) {
    TESSERA_TRY_ASSIGN(const io::Json* const json, io::get_key(line, "case"));
    TESSERA_TRY_ASSIGN(const std::string kind, io::get_string(*json, "tokenizer"));
    TESSERA_TRY_ASSIGN(const std::string models, io::get_string(line, "models"));
    auto made = std::unique_ptr<Tokenize>(new Tokenize);
    TESSERA_TRY_ASSIGN(made->loaded_, pretrained::load_tokenizer(io::join_path(models, "tokenizer-" + kind),
                                                                 kind == "bert" ? "BertTokenizer" : "GPT2Tokenizer"));
    TESSERA_TRY_ASSIGN(made->text_, io::read_text(io::join_path(models, "text.txt")));
    const std::string_view text = made->text_;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = (std::min)(text.find('\n', at), text.size());
      made->lines_.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    return std::unique_ptr<Contestant>(std::move(made));
  }

  /// The ids of all lines are kept, as the peers hand over theirs.
  Result<void> go() override {
    ids_.clear();
    ends_.clear();
    for (const std::string_view line : lines_) {
      TESSERA_TRY(loaded_.tokenizer->encode_into(line, ids_, scratch_));
      ends_.push_back(ids_.size());
    }
    return {};
  }

  io::Json check() override {
    std::int64_t sum = 0;
    for (const text::Id id : ids_) sum += id;
    io::Json numbers = io::Json::array({ids_.size(), sum % 1000003});
    const std::size_t first = ends_.empty() ? 0 : ends_.front();
    for (std::size_t i = 0; i < (std::min<std::size_t>)(first, 6); ++i) numbers.push_back(ids_[i]);
    return numbers;
  }

  std::string note() const override { return loaded_.class_name + ", a line a call, the scratch is kept"; }

 private:
  pretrained::LoadedTokenizer loaded_;
  std::string text_;
  std::vector<std::string_view> lines_;
  text::TextScratch scratch_;
  text::Ids ids_;
  std::vector<std::size_t> ends_;
};

}  // namespace

Result<std::unique_ptr<Contestant>> make_tokenize(const io::Json& line) { return Tokenize::make(line); }

}  // namespace tessera::contender
