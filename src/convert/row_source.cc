#include "convert/row_source.h"

#include "core/fail.h"

namespace tramontane {

void RowSource::read_quantized(std::int64_t /*begin*/, std::int64_t /*end*/,
                               const QuantizedRows& /*out*/) const {
  fail("{}: it is not in groups that could be carried over", label_);
}

}  // namespace tramontane
