#include "kernels/avx2/integer/products.h"

namespace tramontane {

constinit const IntegerProducts avx2_products = kIntegerProducts<Avx2Dots>;

}  // namespace tramontane
