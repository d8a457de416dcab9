// `plain` as argument: run the unit without AVX2 alone, as on a machine that has none.
#include <cstdio>
#include <cstring>

double work_plain();
double work_avx2();

int main(int argc, char** argv) {
  const double plain = work_plain();
  std::printf("%.9g\n", plain);
  if (argc > 1 && std::strcmp(argv[1], "plain") == 0) return 0;
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
  const double avx2 = work_avx2();
  std::printf("%.9g\n", avx2);
  return plain - avx2 < 1e-3 && avx2 - plain < 1e-3 ? 0 : 1;
}
