// OpenAI GPT's clean-up of its training books: dashes, dots, and spaces around runs of one punctuation mark.
//
// The original ran this (behind ftfy.fix_text, which is not here) before spaCy's tokenizer. The reference does so only
// where both libraries are installed. Source: Radford et al. 2018 (openai/finetune-transformer-lm, text_utils.py).
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "tessera/text/strings.hpp"

namespace tessera::inline TESSERA_ISA::text {

/// The standardised form of a well-formed text.
inline std::string text_standardize(std::string_view text) {
  std::string out(text);
  constexpr std::pair<std::string_view, std::string_view> spellings[] = {
      {"\u2014", "-"}, {"\u2013", "-"}, {"\u2015", "-"}, {"\u2026", "..."}, {"\u00B4", "'"}};
  for (const auto& [from, to] : spellings) {
    if (out.find(from) != std::string::npos) out = replace_all(out, from, to);
  }

  // A space before and behind each run of one of these.
  constexpr std::string_view parted = "-~!\";?+,)(\\/*[]}{|_";
  std::string spaced;
  spaced.reserve(out.size() + out.size() / 4);
  for (std::size_t i = 0; i < out.size();) {
    if (parted.find(out[i]) == std::string_view::npos) {
      spaced.push_back(out[i++]);
      continue;
    }
    const std::size_t end = (std::min)(out.find_first_not_of(out[i], i), out.size());
    spaced.push_back(' ');
    spaced.append(out, i, end - i);
    spaced.push_back(' ');
    i = end;
  }

  // White space becomes one space, or " \n " if there is a line feed in it; none at the ends.
  std::string result;
  result.reserve(spaced.size());
  for (std::size_t i = 0; i < spaced.size();) {
    const std::size_t end = skip_space(spaced, i);
    if (end == i) {
      const std::size_t word = find_space(spaced, i);
      result.append(spaced, i, word - i);
      i = word;
      continue;
    }
    const bool line = std::string_view(spaced).substr(i, end - i).find('\n') != std::string_view::npos;
    result += line ? " \n " : " ";
    i = end;
  }
  return std::string(strip(result));
}

}  // namespace tessera::text
