#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "kernels/matrix_view.h"
#include "quantize/quantize.h"
#include "tramontane/dtype.h"

namespace tramontane {

/// How a source holds a quantised matrix, in MLX's terms.
struct StoredQuant {
  QuantSpec spec;                      // what it is written with when nothing else is asked for
  DType scale_dtype = DType::float16;  // of scales and biases (affine only)
  bool lossless = false;               // read_quantized gives these very weights; else they are computed anew
  std::string name;                    // as the source calls it, for messages: "Q4_K"
};

/// A matrix or a norm (one row) of a source, in a form that can be read in any order, from any thread.
/// Reading goes through the system, not through a mapping, so that a file that shrinks is an error and not a
/// crash. Errors name file and tensor.
class RowSource {
 public:
  virtual ~RowSource() = default;
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;

  std::int64_t rows() const { return rows_; }
  std::int64_t cols() const { return cols_; }
  /// The type that a copy without conversion is written in: it holds every value exactly.
  DType dtype() const { return dtype_; }
  /// "model.safetensors: tensor 'norm.weight'", for messages.
  const std::string& label() const { return label_; }
  const std::optional<StoredQuant>& stored_quant() const { return stored_; }

  /// Rows [begin, end) to out [end - begin, cols], each value exactly. Throws Error.
  virtual void read(std::int64_t begin, std::int64_t end, float* out) const = 0;
  /// The same in MLX's quantisation; only where stored_quant() says lossless. Throws Error.
  virtual void read_quantized(std::int64_t begin, std::int64_t end, const QuantizedRows& out) const;

 protected:
  RowSource(std::int64_t rows, std::int64_t cols, DType dtype, std::string label,
            std::optional<StoredQuant> stored = {})
      : rows_(rows), cols_(cols), dtype_(dtype), label_(std::move(label)), stored_(std::move(stored)) {}

 private:
  std::int64_t rows_, cols_;
  DType dtype_;
  std::string label_;
  std::optional<StoredQuant> stored_;
};

}  // namespace tramontane
