// Uses what the program was linked with, so that an install that lacks a library or a requirement does not link.
// The build says which: TESSERA_CONSUMES_<COMPONENT>; a backend's own definition must be there too.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstring>

#include "tiny_bert.hpp"

#ifdef TESSERA_CONSUMES_CPU
#ifndef TESSERA_WITH_CPU
#error "who links the cpu backend gets TESSERA_WITH_CPU"
#endif
#include <tessera/backends/cpu/cpu.hpp>
#endif
#ifdef TESSERA_CONSUMES_EIGEN
#ifndef TESSERA_WITH_EIGEN
#error "who links the eigen backend gets TESSERA_WITH_EIGEN"
#endif
#include <tessera/backends/eigen/eigen.hpp>
#endif
#ifdef TESSERA_CONSUMES_STUB
#include <tessera/backends/stub/stub.hpp>
#endif
#ifdef TESSERA_CONSUMES_TEXT
#include <tessera/text/unicode.hpp>
#endif
#ifdef TESSERA_CONSUMES_IO
#include <tessera/io/open.hpp>
#endif
#ifdef TESSERA_CONSUMES_PRETRAINED
#include <tessera/pretrained/bert.hpp>
#endif

/// The tiny model on backend B, packed as B wants it: the same number as the reference's, up to rounding.
template <class B>
bool backend_works(const B& backend, float expected) {
  alignas(64) static float weights[tessera::master_elements(TinyBert(tiny_config()))];
  TinyBert model(tiny_config());
  fill_tiny(model, weights);
  const auto packed = tessera::Packed<B>::of(model, backend);
  if (!packed) return false;
  tessera::Session<TinyBert, B> session(model, backend, &*packed);
  const std::int32_t ids[6] = {1, 2, 0, 4, 5, 6};
  const auto in = tiny_input(ids);
  if (!session.reserve(in)) return false;
  const auto out = session.run(in);
  const float found = out ? (*out)->pooler_output.view().template as<float>()[0] : NAN;
  std::printf("%s: %.6f\n", B::name(), static_cast<double>(found));
  return std::fabs(found - expected) < 1e-5F;
}

inline bool components_work([[maybe_unused]] float expected) {
  bool good = true;
#ifdef TESSERA_CONSUMES_CPU
  good = backend_works(tessera::Cpu(), expected) && good;
#endif
#ifdef TESSERA_CONSUMES_EIGEN
  good = backend_works(tessera::EigenBackend(), expected) && good;
#endif
#ifdef TESSERA_CONSUMES_STUB
  good = backend_works(tessera::Stub(), expected) && good;
#endif
#ifdef TESSERA_CONSUMES_TEXT
  namespace unicode = tessera::text::unicode;
  good = unicode::normalize(U"\u00e9", unicode::Form::nfd) == U"e\u0301" && good;
#endif
#ifdef TESSERA_CONSUMES_IO
  {  // any format, the packed ones too
    const auto state = tessera::io::load_state(std::string("no such checkpoint"));
    good = !state.ok() && std::strstr(state.error().message(), "no such checkpoint") != nullptr && good;
  }
#endif
#ifdef TESSERA_CONSUMES_PRETRAINED
  {
    const auto model = tessera::from_pretrained<tessera::Bert<>>("no such folder");
    good = !model.ok() && std::strstr(model.error().message(), "no such folder") != nullptr && good;
  }
#endif
  if (!good) std::printf("a component does not work\n");
  return good;
}
