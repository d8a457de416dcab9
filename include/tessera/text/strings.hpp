// Python's str methods that the tokenizers are defined by - strip, split, replace - on well-formed UTF-8.
//
// Searching bytes for bytes is the same as searching code points for code points in well-formed UTF-8, so only the
// functions that ask for white space decode anything. Not a general string library.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tessera/text/unicode.hpp"
#include "tessera/text/utf8.hpp"

namespace tessera::inline TESSERA_ISA::text {

namespace detail {

inline utf8::Step step_at(std::string_view s, std::size_t i) noexcept {
  return utf8::decode_one(s.data() + i, s.data() + s.size(), utf8::Surrogates::accept);
}

}  // namespace detail

/// Where the white space (str.isspace) at the front of s ends.
inline std::size_t skip_space(std::string_view s, std::size_t i = 0) noexcept {
  while (i < s.size()) {
    const utf8::Step step = detail::step_at(s, i);
    if (!unicode::is_python_space(step.code_point)) break;
    i += step.length;
  }
  return i;
}

/// Where the next white space begins; s.size() when there is none.
inline std::size_t find_space(std::string_view s, std::size_t i = 0) noexcept {
  while (i < s.size()) {
    const utf8::Step step = detail::step_at(s, i);
    if (unicode::is_python_space(step.code_point)) break;
    i += step.length;
  }
  return i;
}

/// str.strip()
inline std::string_view strip(std::string_view s) noexcept {
  s.remove_prefix(skip_space(s));
  while (!s.empty()) {
    std::size_t start = s.size() - 1;
    while (start > 0 && s.size() - start < 4 && (static_cast<unsigned char>(s[start]) & 0xC0U) == 0x80U) --start;
    if (!unicode::is_python_space(detail::step_at(s, start).code_point)) break;
    s.remove_suffix(s.size() - start);
  }
  return s;
}

/// Calls f(word) for each of str.split().
template <class F>
void for_each_word(std::string_view s, F&& f) {
  std::size_t i = skip_space(s);
  while (i < s.size()) {
    const std::size_t end = find_space(s, i);
    f(s.substr(i, end - i));
    i = skip_space(s, end);
  }
}

/// str.replace(from, to); `from` must not be empty.
inline std::string replace_all(std::string_view s, std::string_view from, std::string_view to) {
  std::string out;
  out.reserve(s.size());
  std::size_t at = 0;
  while (true) {
    const std::size_t hit = s.find(from, at);
    if (hit == std::string_view::npos) break;
    out.append(s.substr(at, hit - at));
    out.append(to);
    at = hit + from.size();
  }
  out.append(s.substr(at));
  return out;
}

}  // namespace tessera::text
