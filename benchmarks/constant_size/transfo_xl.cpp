// Transformer-XL with constant sizes.
#include "tessera/models/transfo_xl.hpp"
#include "deployed.hpp"

using namespace tessera;

constexpr TransfoXLSizes preset{.hidden = width,
                                .layers = 2,
                                .heads = width,
                                .inner = inner,
                                .tables = 3,
                                .projections = 3,
                                .outputs = 3,
                                .out_projections = 3,
                                .attention = TransfoXLPositions::relative};

constexpr TransfoXLConfig config() {
  TransfoXLConfig c;
  c.n_token = words;
  c.cutoffs[0] = 200;
  c.cutoffs[1] = 500;
  c.cutoff_count = 2;
  c.d_model = width;
  c.d_embed = width;
  c.n_head = 2;
  c.d_head = 64;
  c.d_inner = inner;
  c.div_val = 2;
  c.n_layer = 2;
  c.mem_len = tokens;
  c.tie_proj_count = 3;
  return c;
}

int main() { return Deployed<TransfoXL<preset>, config>::run("transfo_xl"); }
