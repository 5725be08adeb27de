#pragma once
#include "kernels/integer_products.h"
#include "kernels/simd/unroll.h"

// What is known when a product runs, as a constant: body(Index<n>) for the n at hand.
namespace tramontane {
namespace {

template <class Body>
void with_bits(const QuantSpec& quant, Body&& body) {
  switch (quant.bits) {
    case 2:
      return body(Index<2>{});
    case 3:
      return body(Index<3>{});
    case 4:
      return body(Index<4>{});
    case 5:
      return body(Index<5>{});
    case 6:
      return body(Index<6>{});
    default:
      return body(Index<8>{});
  }
}

template <class Body>
void with_group_size(const QuantSpec& quant, Body&& body) {
  switch (quant.group_size) {
    case 32:
      return body(Index<32>{});
    case 64:
      return body(Index<64>{});
    default:
      return body(Index<128>{});
  }
}

template <class Body>
void with_limbs(const IntegerSpec& spec, Body&& body) {
  if (spec.limbs == 2) {
    body(Index<2>{});
  } else {
    body(Index<1>{});
  }
}

template <class Body>
void with_planes(const IntegerSpec& spec, Body&& body) {
  switch (spec.planes()) {
    case 1:
      return body(Index<1>{});
    case 2:
      return body(Index<2>{});
    default:
      return body(Index<4>{});
  }
}

template <DType dtype>
struct DTypeIndex {
  static constexpr DType value = dtype;
};

/// body(DTypeIndex<dtype>) for the type of scales.
template <class Body>
void with_scales(const MatrixView& w, Body&& body) {
  switch (w.scale_dtype) {
    case DType::float16:
      return body(DTypeIndex<DType::float16>{});
    case DType::bfloat16:
      return body(DTypeIndex<DType::bfloat16>{});
    default:
      return body(DTypeIndex<DType::float32>{});
  }
}

}  // namespace
}  // namespace tramontane
