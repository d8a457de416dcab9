// Built with -mavx2 -mfma.
double work_avx2();
#include "work.inl"
double work_avx2() { return work(); }
