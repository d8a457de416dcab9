// The conformance suite on the kernels of every instruction set that this machine has, not only of the best.
#define BOOST_TEST_MODULE cpu_targets
#ifdef TESSERA_WITH_CPU
#include "conformance/conformance.hpp"
#include "cpu/every_target.hpp"
#include "tessera/backends/cpu/cpu.hpp"
#include "tessera/backends/cpu/tables.hpp"

namespace {

/// Tables that were made for one instruction set.
struct CpuOfTarget {
  using element = float;

  const char* name() const noexcept { return tables->name; }
  const tessera::Kernels& kernels() const noexcept { return tables->kernels; }
  const tessera::Vjps& vjps() const noexcept { return tables->vjps; }
  const tessera::Memory& memory() const noexcept { return tessera::Cpu::memory(); }
  const tessera::Packing& packing() const noexcept { return tables->packing; }

  struct Tables {
    const char* name;
    tessera::Kernels kernels;
    tessera::Vjps vjps;
    tessera::Packing packing;
  };
  const Tables* tables = nullptr;
};

}  // namespace

BOOST_AUTO_TEST_CASE(every_target_conforms) {
  int targets = 0;
  tessera::for_every_target([&](const char* name) {
    BOOST_TEST_MESSAGE(name);
    BOOST_TEST_CONTEXT(name) {
      const CpuOfTarget::Tables tables = {name, tessera::cpu::make_kernels(), tessera::cpu::make_vjps(),
                                          tessera::cpu::make_packing()};
      tessera::conformance::Suite suite(CpuOfTarget{&tables});
      for (int op = 0; op < tessera::op_count; ++op) suite.check(static_cast<tessera::OpId>(op));
      suite.check_packing();
    }
    ++targets;
  });
  BOOST_TEST(targets >= 1);
}
#else
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_CASE(not_built_here) { BOOST_TEST_MESSAGE("the cpu backend is not built here"); }
#endif
