#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "core/float16.h"
#include "quantize/support.h"
#include "tramontane/error.h"

// The golden file of tests/oracle/make_quantize_golden.py, which says how it was made.
namespace tramontane::testing {
namespace {

using Json = nlohmann::json;

/// formula_values of the script.
std::vector<float> formula_values(std::size_t n, std::size_t group_size) {
  constexpr int exponents[] = {0, -5, 3, -24, -133, -149, 12, 15, 40, 126};
  std::vector<float> values(n);
  for (std::uint64_t i = 0; i < n; ++i) {
    std::uint64_t x = (i * 2654435761 + 12345) & 0xffffffff;
    x = ((x ^ (x >> 15)) * 2246822519) & 0xffffffff;
    x = x ^ (x >> 13);
    const std::uint64_t kind = i / group_size % 10;
    double value = std::ldexp(static_cast<double>(x >> 8) - 0x1p23, exponents[kind] - 23);
    if (kind == 1 && i % group_size == 7) value *= 256;
    if (kind == 6 && x % 3 > 0) value = std::copysign(0.0, value);
    values[i] = static_cast<float>(value);
    if (kind == 2) values[i] = values[i / group_size * group_size];
  }
  return values;
}

std::string fnv1a(const std::byte* data, std::size_t size) {
  std::uint64_t code = 0xcbf29ce484222325;
  for (std::size_t i = 0; i < size; ++i) {
    code = (code ^ std::to_integer<std::uint64_t>(data[i])) * 0x100000001b3;
  }
  return fmt::format("{:016x}", code);
}

std::string fnv1a(const std::vector<std::byte>& bytes) { return fnv1a(bytes.data(), bytes.size()); }

QuantSpec spec_of(const Json& test) {
  const std::map<std::string, QuantMode> modes = {{"affine", QuantMode::affine},
                                                  {"mxfp4", QuantMode::mxfp4},
                                                  {"mxfp8", QuantMode::mxfp8},
                                                  {"nvfp4", QuantMode::nvfp4}};
  return {test.at("bits"), test.at("group_size"), modes.at(test.at("mode"))};
}

DType dtype_named(const std::string& name) {
  for (const DType dtype : {DType::float32, DType::float16, DType::bfloat16}) {
    if (name == name_of(dtype)) return dtype;
  }
  throw Error("no dtype " + name);
}

/// With each table of loops.
void expect_golden(const Json& test, std::int64_t groups) {
  SCOPED_TRACE(test.dump());
  const QuantSpec spec = spec_of(test);
  const DType dtype = dtype_named(test.at("dtype"));
  const auto limit = test.at("limit").get<float>();
  std::vector<float> w = formula_values(static_cast<std::size_t>(groups * spec.group_size),
                                        static_cast<std::size_t>(spec.group_size));
  for (float& x : w) x = round_to(dtype, std::clamp(x, -limit, limit));
  for (const QuantizeLoops* loops : runnable_quantize_loops()) {
    SCOPED_TRACE(loops->name);
    OwnedRows rows(1, groups * spec.group_size, spec, dtype);
    quantize_with(*loops, w, spec, dtype, rows.parts());
    EXPECT_EQ(fnv1a(rows.words), test.at("words").get<std::string>());
    EXPECT_EQ(fnv1a(rows.scales), test.at("scales").get<std::string>());
    if (spec.mode == QuantMode::affine) EXPECT_EQ(fnv1a(rows.biases), test.at("biases").get<std::string>());
    const std::vector<float> back = dequantize_with(*loops, rows.parts(), groups, spec, dtype);
    EXPECT_EQ(fnv1a(reinterpret_cast<const std::byte*>(back.data()), back.size() * sizeof(float)),
              test.at("back").get<std::string>());
  }
}

TEST(QuantizeGolden, WordsScalesBiasesAndTheWayBackAreThoseOfMlx) {
  std::ifstream file(std::string(TEST_GOLDEN) + "/quantize.json");
  const Json golden = Json::parse(file);
  ASSERT_EQ(golden.at("cases").size(), 3 * all_specs().size());
  for (const Json& test : golden.at("cases")) expect_golden(test, golden.at("groups"));
}

}  // namespace
}  // namespace tramontane::testing
