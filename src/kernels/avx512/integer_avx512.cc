#include "kernels/avx2/integer/products.h"
#include "kernels/avx512/dots.h"

namespace tramontane {

constinit const IntegerProducts avx512_products = kIntegerProducts<Avx512Dots>;

}  // namespace tramontane
