#include "kernels/avx2/integer/products.h"

namespace tramontane {

constinit const IntegerProducts avxvnni_products = kIntegerProducts<AvxVnniDots>;

}  // namespace tramontane
