double work_plain();
#include "work.inl"
double work_plain() { return work(); }
