// FarMemory: a device without a device, to test that contexts and blocks never touch a backend's bytes themselves.
//
// Its memory is a mapping without access rights, opened only inside of its own kernels and copies: any other read or
// write is a segmentation fault on the spot. It runs linear itself and has nothing else, so all other ops go through
// host copies. Each view that reaches its kernel or its copies must lie in the mapping; those that do not are counted.
#pragma once

#include <sys/mman.h>

#include <cstring>

#include "tessera/backends/reference/reference.hpp"
#include "tessera/base/free_list.hpp"
#include "tessera/context/backend.hpp"

namespace tessera {

namespace far_memory {

struct Device {
  static constexpr std::size_t capacity = std::size_t{64} << 20;

  std::byte* base = nullptr;
  FreeList list{capacity};
  int open = 0;  ///< depth of kernels and copies at work

  // What a test looks at.
  int uploads = 0;
  int downloads = 0;
  int kernels = 0;
  int strays = 0;  ///< host addresses where one of the device was due, or the reverse
  std::size_t in_use = 0;

  bool has(const void* p, std::size_t bytes) const noexcept {
    const auto* from = static_cast<const std::byte*>(p);
    return base != nullptr && from >= base && from + bytes <= base + capacity;
  }
};

inline Device device;

/// The device's memory is readable and writable while one of these lives.
class Access {
 public:
  Access() noexcept {
    if (device.open++ == 0) mprotect(device.base, Device::capacity, PROT_READ | PROT_WRITE);
  }
  ~Access() {
    if (--device.open == 0) mprotect(device.base, Device::capacity, PROT_NONE);
  }
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;
};

inline void* allocate(std::size_t bytes) noexcept {
  if (device.base == nullptr) {
    void* mapped = mmap(nullptr, Device::capacity, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    device.base = static_cast<std::byte*>(mapped);
  }
  // Never two allocations at one address: zero bytes take one too.
  const std::size_t taken = bytes > 0 ? bytes : 1;
  const std::size_t offset = device.list.allocate(taken);
  if (offset == FreeList::npos) return nullptr;
  device.in_use += taken;
  return device.base + offset;
}

inline void release(void* memory, std::size_t bytes) noexcept {
  const std::size_t taken = bytes > 0 ? bytes : 1;
  if (!device.has(memory, taken)) {
    ++device.strays;
    return;
  }
  device.list.release(static_cast<std::size_t>(static_cast<std::byte*>(memory) - device.base), taken);
  device.in_use -= taken;
}

inline void upload(void* destination, const void* host, std::size_t bytes) noexcept {
  if (bytes == 0) return;
  if (!device.has(destination, bytes) || device.has(host, 1)) {
    ++device.strays;
    return;
  }
  const Access access;
  std::memcpy(destination, host, bytes);
  ++device.uploads;
}

inline void download(void* host, const void* source, std::size_t bytes) noexcept {
  if (bytes == 0) return;
  if (!device.has(source, bytes) || device.has(host, 1)) {
    ++device.strays;
    return;
  }
  const Access access;
  std::memcpy(host, source, bytes);
  ++device.downloads;
}

inline void zero(void* memory, std::size_t bytes) noexcept {
  if (bytes == 0) return;
  if (!device.has(memory, bytes)) {
    ++device.strays;
    return;
  }
  const Access access;
  std::memset(memory, 0, bytes);
}

/// All was well when nothing strayed since the last call.
inline bool finish() noexcept {
  const bool well = device.strays == 0;
  device.strays = 0;
  return well;
}

/// True when a view that was given and has elements lies on the device.
inline bool lies_here(const View& v) noexcept {
  return !v.present() || v.count() == 0 || device.has(v.data, v.bytes());
}

inline void linear(const Call& call) {
  for (int i = 0; i < 3; ++i)
    if (!lies_here(call.in[i])) {
      ++device.strays;
      return;
    }
  if (!lies_here(call.out)) {
    ++device.strays;
    return;
  }
  ++device.kernels;
  const Access access;
  Reference<float>::kernels().run[static_cast<int>(OpId::linear)](call);
}

/// Fused ops stay out, also where the reference has them: a composition on the device is what a device would run.
constexpr Kernels make_kernels() noexcept {
  Kernels table = Kernels().set(OpId::linear, &linear).inherit(Reference<float>::kernels());
  table.set(OpId::residual_norm, nullptr);
  table.set(OpId::attention, nullptr);
  return table;
}

inline constexpr Kernels kernels = make_kernels();
inline constexpr Vjps vjps = Vjps().inherit(Reference<float>::vjps());
inline constexpr Memory memory = {allocate, release, upload, download, zero, finish};
inline constexpr Packing packing;

}  // namespace far_memory

struct FarMemory {
  using element = float;
  static constexpr const char* name() noexcept { return "far_memory"; }
  static constexpr const Kernels& kernels() noexcept { return far_memory::kernels; }
  static constexpr const Vjps& vjps() noexcept { return far_memory::vjps; }
  static constexpr const Memory& memory() noexcept { return far_memory::memory; }
  static constexpr const Packing& packing() noexcept { return far_memory::packing; }
};

static_assert(Backend<FarMemory>);

}  // namespace tessera
