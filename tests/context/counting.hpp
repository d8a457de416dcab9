// Counts every allocation of the program: new, and malloc and its kin behind it; and makes one of them fail. Include in
// one file of a program.
#pragma once

#include <atomic>
#include <cstdlib>

namespace counting {

inline std::atomic<long> allocations{0};
/// The allocation that gets no memory: its number from 0, or -1 for none.
inline std::atomic<long> failing{-1};

/// Counts one; false if it is the one that fails.
inline bool may_allocate() noexcept {
  return allocations.fetch_add(1, std::memory_order_relaxed) != failing.load(std::memory_order_relaxed);
}

/// Allocations during f().
template <class F>
long during(const F& f) {
  const long before = allocations.load();
  f();
  return allocations.load() - before;
}

}  // namespace counting

// A sanitizer has an allocator of its own, which must not be replaced; clang tells by a feature, g++ by a macro.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TESSERA_TEST_SANITIZED
#endif
#endif
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !defined(TESSERA_TEST_SANITIZED)
#define TESSERA_TEST_CAN_FAIL_ALLOCATIONS
// The C library's own names for what these replace; operator new calls malloc, so it is counted too.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t bytes) noexcept { return counting::may_allocate() ? __libc_malloc(bytes) : nullptr; }
void* calloc(std::size_t count, std::size_t bytes) noexcept {
  return counting::may_allocate() ? __libc_calloc(count, bytes) : nullptr;
}
void* realloc(void* memory, std::size_t bytes) noexcept {
  return counting::may_allocate() ? __libc_realloc(memory, bytes) : nullptr;
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  return counting::may_allocate() ? __libc_memalign(alignment, bytes) : nullptr;
}
void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
  return counting::may_allocate() ? __libc_memalign(alignment, bytes) : nullptr;
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) noexcept {
  *memory = counting::may_allocate() ? __libc_memalign(alignment, bytes) : nullptr;
  return *memory == nullptr ? 12 : 0;
}
}
#elif defined(TESSERA_TEST_SANITIZED) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*, std::size_t),
                                                         void (*on_free)(const volatile void*));
namespace counting {
inline const int hooked = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t) { allocations.fetch_add(1, std::memory_order_relaxed); },
    [](const volatile void*) {});
}  // namespace counting
#endif
