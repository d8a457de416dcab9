// What torch.save made of something that is no state: a dict of texts and numbers, say. The values of its pickle.
//
// For files such as vocab.bin of Transformer-XL, and for the pickles and dumps that original releases hold their
// dictionaries in. The pickle is read by the machine of pickle.hpp, which can call nothing.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/io/bytes.hpp"
#include "tessera/io/pickle.hpp"
#include "tessera/io/state.hpp"
#include "tessera/io/torch.hpp"
#include "tessera/io/zip.hpp"

namespace tessera::inline TESSERA_ISA::io {

/// The value of a text key of a dict, or of an attribute of an object; null if there is none.
inline const PickleValue* find_key(const Pickle& pickle, const PickleValue& in, std::string_view key) noexcept {
  if (in.kind == PickleKind::object) return in.items.empty() ? nullptr : find_key(pickle, pickle[in.items[0]], key);
  if (in.kind != PickleKind::dict) return nullptr;
  for (std::size_t i = in.items.size(); i >= 2; i -= 2) {
    const PickleValue& candidate = pickle[in.items[i - 2]];
    if (candidate.kind == PickleKind::text && candidate.text == key) return &pickle[in.items[i - 1]];
  }
  return nullptr;
}

/// The values of a pickle, and the memory that their texts may point into beside the file's.
struct TorchObject {
  Pickle pickle;
  std::shared_ptr<const void> owner;

  /// The value of a text key of the dict at the root; null if there is none.
  const PickleValue* find(std::string_view key) const noexcept { return find_key(pickle, pickle.top(), key); }
};

/// Reads the object of a zip archive or of the older stream. Texts point into `file`.
inline Result<TorchObject> read_torch_object(Bytes file, const PickleLimits& limits = {}) noexcept {
  return guarded([&]() -> Result<TorchObject> {
    TorchObject object;
    if (ZipArchive::looks_like(file)) {
      TESSERA_TRY_ASSIGN(const ZipArchive archive, ZipArchive::open(file));
      for (const ZipEntry& entry : archive.entries()) {
        const std::size_t slash = entry.name.find('/');
        if (slash == std::string_view::npos || entry.name.substr(slash) != "/data.pkl") continue;
        Bytes program = entry.stored;
        if (entry.deflated) {
          detail::Allowance allowance(file.size());
          TESSERA_TRY_ASSIGN(const Buffer buffer, archive.inflate(entry, allowance));
          object.owner = buffer.owner();
          program = Bytes(buffer.data(), buffer.size());
        }
        TESSERA_TRY_ASSIGN(object.pickle, read_pickle(program, limits));
        return object;
      }
      return Error::format(Code::bad_format, "torch: the archive has no data.pkl");
    }
    if (!looks_like_torch_stream(file)) {
      return Error::format(Code::bad_format, "torch: neither a zip archive nor a stream of torch.save");
    }
    // Magic number, version, facts about the machine; then the object.
    std::size_t at = 0;
    for (int i = 0; i < 4; ++i) {
      TESSERA_TRY_ASSIGN(object.pickle, read_pickle(file.subspan(at), limits));
      at += object.pickle.length;
    }
    return object;
  });
}

}  // namespace tessera::io
