// tramontane-quantize: quantises and dequantises a raw matrix, for comparison with other programs
// (tests/oracle).
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "core/float16.h"
#include "quantize/quantize.h"
#include "tramontane/error.h"

namespace tramontane {
namespace {

struct Job {
  QuantSpec spec{.bits = 4, .group_size = 64};
  DType dtype = DType::float32;
  std::int64_t cols = 0;
  bool backwards = false;
};

/// The parts one after the other: words, scales, biases.
QuantizedRows split(std::vector<std::byte>& bytes, const Job& job, std::int64_t rows) {
  QuantizedRows parts;
  parts.words = bytes.data();
  parts.scales = parts.words + static_cast<std::size_t>(rows) * words_bytes(job.cols, job.spec);
  if (job.spec.mode == QuantMode::affine) {
    parts.biases =
        parts.scales + static_cast<std::size_t>(rows) * scales_bytes(job.cols, job.spec, job.dtype);
  }
  return parts;
}

std::size_t quantized_row_bytes(const Job& job) {
  const std::size_t scales = scales_bytes(job.cols, job.spec, job.dtype);
  return words_bytes(job.cols, job.spec) + (job.spec.mode == QuantMode::affine ? 2 : 1) * scales;
}

std::vector<std::byte> run(const Job& job, std::vector<std::byte> in) {
  const std::size_t plain = static_cast<std::size_t>(job.cols) * size_of(job.dtype);
  const std::size_t row_bytes = job.backwards ? quantized_row_bytes(job) : plain;
  if (in.size() % row_bytes != 0) throw Error(fmt::format("expected rows of {} bytes", row_bytes));
  const auto rows = static_cast<std::int64_t>(in.size() / row_bytes);
  std::vector<float> w(static_cast<std::size_t>(rows * job.cols));
  std::vector<std::byte> out;
  if (job.backwards) {
    dequantize(split(in, job, rows), rows, job.cols, job.spec, job.dtype, w.data());
    out.resize(static_cast<std::size_t>(rows) * plain);
    for (std::size_t i = 0; i < w.size(); i++) store_float(out.data(), job.dtype, i, w[i]);
  } else {
    for (std::size_t i = 0; i < w.size(); i++) w[i] = load_float(in.data(), job.dtype, i);
    out.resize(static_cast<std::size_t>(rows) * quantized_row_bytes(job));
    quantize(w.data(), rows, job.cols, job.spec, job.dtype, split(out, job, rows));
  }
  return out;
}

std::vector<std::byte> read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw Error(path + ": cannot read it");
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  return {bytes, bytes + text.size()};
}

void write(const std::string& path, const std::vector<std::byte>& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) throw Error(path + ": cannot write it");
}

int parse_and_run(int argc, char** argv) {
  CLI::App app(
      "Quantises rows of raw floats: words, then scales, then biases, each of all rows; or back again.",
      "tramontane-quantize");
  const std::map<std::string, DType> dtypes = {
      {"float32", DType::float32}, {"float16", DType::float16}, {"bfloat16", DType::bfloat16}};
  const std::map<std::string, QuantMode> modes = {{"affine", QuantMode::affine},
                                                  {"mxfp4", QuantMode::mxfp4},
                                                  {"mxfp8", QuantMode::mxfp8},
                                                  {"nvfp4", QuantMode::nvfp4}};
  Job job;
  std::string in, out, dtype = "float32", mode = "affine";
  app.add_option("in", in, "The file to read")->required();
  app.add_option("out", out, "The file to write")->required();
  app.add_option("--cols", job.cols, "Elements of a row")->required()->check(CLI::PositiveNumber);
  app.add_option("--bits", job.spec.bits, "Bits of a weight")->check(CLI::IsMember({2, 3, 4, 5, 6, 8}));
  app.add_option("--group-size", job.spec.group_size, "Weights of a group")
      ->check(CLI::IsMember({16, 32, 64, 128}));
  app.add_option("--mode", mode, "MLX's name of it")->check(CLI::IsMember(modes));
  app.add_option("--dtype", dtype, "Of the floats")->check(CLI::IsMember(dtypes));
  app.add_flag("--dequantize", job.backwards, "From words, scales and biases to floats");
  CLI11_PARSE(app, argc, argv);

  job.dtype = dtypes.at(dtype);
  job.spec.mode = modes.at(mode);
  if (job.cols % job.spec.group_size != 0) throw Error("expected whole groups in a row");
  write(out, run(job, read(in)));
  return 0;
}

}  // namespace
}  // namespace tramontane

int main(int argc, char** argv) {
  try {
    return tramontane::parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tramontane-quantize: %s\n", error.what());
    return 1;
  }
}
