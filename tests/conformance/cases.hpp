// Cases: for each op, inputs of many shapes, and how far a backend may be from the formula.
//
// A new op gets one registration here (`registrations`), and with it the conformance test on every backend.
#pragma once

#include "conformance/cases/attention.hpp"
#include "conformance/cases/elementwise.hpp"
#include "conformance/cases/losses.hpp"
#include "conformance/cases/norms.hpp"
#include "conformance/cases/products.hpp"
#include "conformance/cases/rows.hpp"

namespace tessera::conformance {

/// Every op once, with its tolerances and why.
inline const std::vector<Registration>& registrations() {
  // Copies: the same bits. Their gradients add two numbers.
  constexpr Tolerance same{0, 0};
  // One operation, one rounding more than the formula; two where a constant is rounded before.
  constexpr Tolerance rounding{2, 0};
  // The same, added to a gradient that is there already and may cancel it.
  constexpr Tolerance added{2, 2};
  // Inner products: the error of n terms in any order grows like sqrt(n), and terms cancel in the result.
  constexpr Tolerance product{0, 32};
  // A polynomial of exp, erf or tanh with an error of a few units in the last place.
  constexpr Tolerance function{8, 4};
  // Exponentials of rounded differences, divided by their sum.
  constexpr Tolerance probability{32, 4};
  // Sums of all elements in one order or another: up to 8000 terms of one sign.
  constexpr Tolerance total{128, 0};
  static const std::vector<Registration> all = {
      {OpId::embedding, op::embedding::keeps, false, same, {64, 4}, &embedding_cases},
      {OpId::linear, op::linear::keeps, false, product, product, &linear_cases},
      {OpId::matmul, op::matmul::keeps, false, product, product, &matmul_cases},
      {OpId::softmax, op::softmax::keeps, true, probability, probability, &softmax_cases},
      {OpId::layer_norm, op::layer_norm::keeps, true, product, product, &layer_norm_cases},
      {OpId::gelu, op::gelu::keeps, true, function, function, &activation_cases},
      {OpId::gelu_tanh, op::gelu_tanh::keeps, true, function, function, &activation_cases},
      {OpId::relu, op::relu::keeps, true, same, added, &saturating_cases},
      {OpId::swish, op::swish::keeps, true, function, function, &activation_cases},
      {OpId::tanh, op::tanh::keeps, true, function, function, &saturating_cases},
      {OpId::add, op::add::keeps, true, rounding, added, &add_cases},
      {OpId::multiply, op::multiply::keeps, true, rounding, added, &add_cases},
      {OpId::bias, op::bias::keeps, true, rounding, product, &bias_cases},
      {OpId::scale, op::scale::keeps, true, rounding, added, &scale_cases},
      {OpId::scale_heads, op::scale_heads::keeps, true, rounding, product, &scale_heads_cases},
      {OpId::dropout, op::dropout::keeps, true, rounding, added, &dropout_cases},
      {OpId::split_heads, op::split_heads::keeps, false, same, added, &split_heads_cases},
      {OpId::merge_heads, op::merge_heads::keeps, false, same, added, &merge_heads_cases},
      {OpId::rel_shift, op::rel_shift::keeps, false, same, added, &rel_shift_cases},
      {OpId::segment_select, op::segment_select::keeps, false, same, product, &segment_select_cases},
      {OpId::columns, op::columns::keeps, false, same, added, &columns_cases},
      {OpId::concat, op::concat::keeps, false, same, added, &concat_cases},
      {OpId::add_rows, op::add_rows::keeps, true, added, added, &add_rows_cases},
      {OpId::zeros, op::zeros::keeps, false, same, same, &zeros_cases},
      // An angle of some thousands, rounded to float, may be off by 2^-13: backends reduce it with more digits.
      {OpId::sinusoids, op::sinusoids::keeps, false, function, same, &sinusoids_cases},
      {OpId::replace_hidden, op::replace_hidden::keeps, true, rounding, added, &replace_hidden_cases},
      {OpId::top_k, op::top_k::keeps, false, same, same, &top_k_cases},
      {OpId::pick, op::pick::keeps, false, same, {64, 4}, &pick_cases},
      {OpId::store_rows, op::store_rows::keeps, false, same, added, &store_rows_cases},
      {OpId::sum, op::sum::keeps, false, total, added, &reduce_cases},
      {OpId::mean, op::mean::keeps, false, total, added, &reduce_cases},
      {OpId::mean_pool, op::mean_pool::keeps, false, product, product, &mean_pool_cases},
      {OpId::log_softmax, op::log_softmax::keeps, true, function, product, &log_softmax_cases},
      {OpId::negative_log_likelihood, op::negative_log_likelihood::keeps, false, function, product,
       &negative_log_likelihood_cases},
      {OpId::binary_cross_entropy, op::binary_cross_entropy::keeps, false, total, product, &binary_cross_entropy_cases},
      {OpId::cross_entropy, op::cross_entropy::keeps, false, total, product, &cross_entropy_cases},
      {OpId::mean_squared_error, op::mean_squared_error::keeps, false, total, product, &mean_squared_error_cases},
      {OpId::residual_norm, op::residual_norm::keeps, true, product, product, &residual_norm_cases, &residual_norm,
       &residual_norm_vjp},
      // Three numbers that may cancel.
      {OpId::relative_scores,
       op::relative_scores::keeps,
       true,
       {2, 2},
       product,
       &relative_scores_cases,
       &relative_scores,
       &relative_scores_vjp},
      {OpId::attention,
       op::attention::keeps,
       false,
       probability,
       {32, 16},
       &attention_cases,
       &attention,
       &attention_vjp},
      // Two products, the second of what the first rounded.
      {OpId::feed_forward,
       op::feed_forward::keeps,
       false,
       {product.relative * 2, product.of_largest * 2},
       product,
       &feed_forward_cases,
       &feed_forward},
  };
  return all;
}

}  // namespace tessera::conformance
