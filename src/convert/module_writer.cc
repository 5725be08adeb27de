#include "convert/module_writer.h"

#include "convert/narrow.h"

namespace tramontane {
namespace {

struct Range {
  std::int64_t begin, end;
  std::size_t count() const { return static_cast<std::size_t>(end - begin); }
};

std::span<const float> read_values(const PlannedModule& module, Range rows, PieceScratch& scratch) {
  scratch.values.resize(rows.count() * static_cast<std::size_t>(module.rows->cols()));
  module.rows->read(rows.begin, rows.end, scratch.values.data());
  return scratch.values;
}

/// How many of the values the target's type makes infinite. What a type holds exactly needs no look.
std::size_t overflows_in(std::span<const float> values, const PlannedModule& module) {
  return module.rows->dtype() == module.dtype ? 0 : count_overflows(values, module.dtype);
}

void write_array(ArrayWriter& writer, std::size_t array, Range rows, const std::vector<std::byte>& bytes) {
  const std::size_t row_bytes = bytes.size() / rows.count();
  writer.write(array, static_cast<std::uint64_t>(rows.begin) * row_bytes, bytes);
}

std::size_t write_plain(const PlannedModule& module, Range rows, std::size_t array, ArrayWriter& writer,
                        PieceScratch& scratch) {
  const std::span<const float> values = read_values(module, rows, scratch);
  scratch.words.resize(values.size() * size_of(module.dtype));
  narrow(values, module.dtype, scratch.words.data());
  write_array(writer, array, rows, scratch.words);
  return overflows_in(values, module);
}

/// As the original does: first to the target's type, then into groups.
std::size_t quantize_rows(const PlannedModule& module, QuantSpec quant, Range rows, PieceScratch& scratch,
                          const QuantizedRows& parts) {
  read_values(module, rows, scratch);
  const std::size_t overflows = overflows_in(scratch.values, module);
  scratch.narrow.resize(scratch.values.size() * size_of(module.dtype));
  round_to(scratch.values, module.dtype, scratch.narrow);
  quantize(scratch.values.data(), rows.end - rows.begin, module.rows->cols(), quant, module.dtype, parts);
  return overflows;
}

std::size_t write_quantized(const PlannedModule& module, QuantSpec quant, Range rows, std::size_t array,
                            ArrayWriter& writer, PieceScratch& scratch) {
  const std::int64_t cols = module.rows->cols();
  const bool affine = quant.mode == QuantMode::affine;
  const std::size_t scales = rows.count() * scales_bytes(cols, quant, module.dtype);
  scratch.words.resize(rows.count() * words_bytes(cols, quant));
  scratch.scales.resize(scales);
  scratch.biases.resize(affine ? scales : 0);
  const QuantizedRows parts{scratch.words.data(), scratch.scales.data(),
                            affine ? scratch.biases.data() : nullptr};
  std::size_t overflows = 0;
  if (module.carried) {
    module.rows->read_quantized(rows.begin, rows.end, parts);
  } else {
    overflows = quantize_rows(module, quant, rows, scratch, parts);
  }
  write_array(writer, array, rows, scratch.words);
  write_array(writer, array + 1, rows, scratch.scales);
  if (affine) write_array(writer, array + 2, rows, scratch.biases);
  return overflows;
}

}  // namespace

std::size_t write_rows(const PlannedModule& module, std::int64_t begin, std::int64_t end,
                       std::size_t first_array, ArrayWriter& writer, PieceScratch& scratch) {
  const Range rows{begin, end};
  return module.quant ? write_quantized(module, *module.quant, rows, first_array, writer, scratch)
                      : write_plain(module, rows, first_array, writer, scratch);
}

}  // namespace tramontane
