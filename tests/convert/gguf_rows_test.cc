#include "convert/gguf_rows.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <fstream>

#include "checkpoint/ggml_types.h"
#include "core/float16.h"
#include "support/error_of.h"
#include "support/gguf_writer.h"
#include "support/temp_folder.h"

namespace tramontane {
namespace {

using testing::error_of;
using testing::GgufWriter;
using testing::little_endian;

/// A GGUF file, whose tensors' rows are read.
class OpenFile {
 public:
  explicit OpenFile(const std::filesystem::path& path) : mapped_(files_.open(path)), name_(mapped_.name()) {
    gguf_ = read_gguf(mapped_.bytes(), name_);
  }
  std::unique_ptr<RowSource> rows(const std::string& name) const {
    for (const GgufTensor& tensor : gguf_.tensors) {
      if (tensor.name == name) return gguf_rows(files_, tensor);
    }
    throw std::runtime_error("no tensor " + name);
  }

 private:
  MappedFiles files_;
  const MappedFile& mapped_;
  std::string name_;
  Gguf gguf_;
};

std::vector<float> read_all(const RowSource& rows) {
  std::vector<float> values(static_cast<std::size_t>(rows.rows() * rows.cols()));
  rows.read(0, rows.rows(), values.data());
  return values;
}

/// Of MLX's packing: q at little-endian bit `index * bits`.
unsigned integer_at(const std::vector<std::byte>& words, std::size_t index, int bits) {
  unsigned q = 0;
  for (int bit = 0; bit < bits; bit++) {
    const std::size_t at = index * static_cast<std::size_t>(bits) + static_cast<std::size_t>(bit);
    q |= (std::to_integer<unsigned>(words[at / 8]) >> (at % 8) & 1) << bit;
  }
  return q;
}

/// Rows [begin, end) as they are carried over, computed in float32.
std::vector<float> carried(const RowSource& rows, std::int64_t begin, std::int64_t end) {
  const StoredQuant& stored = *rows.stored_quant();
  const auto count = static_cast<std::size_t>((end - begin) * rows.cols());
  std::vector<std::byte> words(count * static_cast<std::size_t>(stored.spec.bits) / 8);
  std::vector<std::byte> scales(count / 32 * size_of(stored.scale_dtype));
  std::vector<std::byte> biases(scales.size());
  rows.read_quantized(begin, end, {words.data(), scales.data(), biases.data()});
  std::vector<float> values;
  for (std::size_t n = 0; n < count; n++) {
    const float scale = load_float(scales.data(), stored.scale_dtype, n / 32);
    const float bias = load_float(biases.data(), stored.scale_dtype, n / 32);
    values.push_back(scale * static_cast<float>(integer_at(words, n, stored.spec.bits)) + bias);
  }
  return values;
}

struct Format {
  const char* name;
  int bits;
  DType scale_dtype;
  bool lossless;
};

class GgufFormats : public ::testing::TestWithParam<Format> {
 protected:
  OpenFile file_{std::filesystem::path(TEST_DATA) / "gguf/blocks.gguf"};
  std::string name_ = GetParam().name;
};

TEST_P(GgufFormats, DecodesAsTheReferenceDoesToTheBit) {
  const auto rows = file_.rows(name_ + ".blocks");
  const std::vector<float> found = read_all(*rows);
  const std::vector<float> expected = read_all(*file_.rows(name_ + ".values"));
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t n = 0; n < found.size(); n++) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(found[n]), std::bit_cast<std::uint32_t>(expected[n]))
        << n << ": " << found[n] << " " << expected[n];
  }
  EXPECT_EQ(rows->dtype(), DType::float32);
}

TEST_P(GgufFormats, SaysHowItIsStored) {
  const auto rows = file_.rows(name_ + ".blocks");
  ASSERT_TRUE(rows->stored_quant().has_value());
  const StoredQuant& stored = *rows->stored_quant();
  EXPECT_EQ(stored.name, name_);
  EXPECT_EQ(stored.spec, (QuantSpec{GetParam().bits, 32}));
  EXPECT_EQ(stored.scale_dtype, GetParam().scale_dtype);
  EXPECT_EQ(stored.lossless, GetParam().lossless);
  EXPECT_FALSE(file_.rows(name_ + ".values")->stored_quant().has_value());
}

TEST_P(GgufFormats, CarriedOverItHasTheVeryValues) {
  const auto rows = file_.rows(name_ + ".blocks");
  if (!GetParam().lossless) {
    std::array<std::byte, 4096> unused;
    error_of([&] { rows->read_quantized(0, 1, {unused.data(), unused.data(), unused.data()}); });
    return;
  }
  EXPECT_EQ(carried(*rows, 0, rows->rows()), read_all(*rows));  // a zero's sign may differ
}

TEST_P(GgufFormats, ReadsAnyRangeOfRows) {
  const auto rows = file_.rows(name_ + ".blocks");
  const std::vector<float> all = read_all(*rows);
  for (std::int64_t row = 0; row < rows->rows(); row++) {
    std::vector<float> one(static_cast<std::size_t>(rows->cols()));
    rows->read(row, row + 1, one.data());
    const auto at = all.begin() + row * rows->cols();
    EXPECT_EQ(one, std::vector<float>(at, at + rows->cols()));
    if (GetParam().lossless) EXPECT_EQ(carried(*rows, row, row + 1), one);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, GgufFormats,
    ::testing::Values(Format{"Q4_0", 4, DType::float16, true}, Format{"Q4_1", 4, DType::float16, true},
                      Format{"Q5_0", 5, DType::float16, true}, Format{"Q5_1", 5, DType::float16, true},
                      Format{"Q8_0", 8, DType::float16, true}, Format{"Q4_K", 4, DType::float32, true},
                      Format{"Q5_K", 5, DType::float32, true}, Format{"Q2_K", 4, DType::float16, false},
                      Format{"Q3_K", 4, DType::float16, false}, Format{"Q6_K", 8, DType::float16, false}),
    [](const auto& test) { return std::string(test.param.name); });

/// One block with the scale d (float16 bits), whose first integer is the least there is.
std::string block(std::uint16_t d, std::size_t bytes) {
  return little_endian(d, 2) + std::string(bytes - 2, '\x80');
}

std::filesystem::path write_one(const testing::TempFolder& folder, std::uint32_t type,
                                const std::string& bytes) {
  GgufWriter writer;
  writer.tensor("a", {32, 1}, type, bytes);
  const auto path = folder / "x.gguf";
  std::ofstream(path, std::ios::binary) << writer.bytes();
  return path;
}

TEST(GgufRows, EveryScaleOfFloat16IsCarriedExactlyUnlessItsBiasOverflows) {
  struct Case {
    std::uint32_t type;
    std::size_t bytes;
    float zero;
  };
  for (const Case& c : {Case{kQ4_0, 18, 8}, Case{kQ5_0, 22, 16}, Case{kQ8_0, 34, 128}}) {
    std::string blocks;
    GgufWriter writer;
    std::vector<float> scales;
    for (std::uint32_t d = 0; d < 0x10000; d++) {
      const float scale = float16_to_float(static_cast<std::uint16_t>(d));
      if (!(std::abs(scale) * c.zero <= 65504)) continue;
      blocks += block(static_cast<std::uint16_t>(d), c.bytes);
      scales.push_back(scale);
    }
    writer.tensor("a", {32, scales.size()}, c.type, blocks);
    const testing::TempFolder folder;
    std::ofstream(folder / "x.gguf", std::ios::binary) << writer.bytes();
    const OpenFile file(folder / "x.gguf");
    const auto rows = file.rows("a");
    ASSERT_GT(rows->rows(), 40'000);
    const std::vector<float> values = read_all(*rows);
    for (std::size_t n = 0; n < scales.size(); n++) ASSERT_EQ(values[32 * n], -c.zero * scales[n]);
    EXPECT_EQ(carried(*rows, 0, rows->rows()), values);
  }
}

TEST(GgufRows, RefusesToCarryWhatFloat16CannotHold) {
  const testing::TempFolder folder;
  for (const float d : {8192.F, -8192.F, INFINITY, -INFINITY, NAN}) {
    const auto path = write_one(folder, kQ4_0, block(float_to_float16(d), 18));
    const OpenFile file(path);
    const auto rows = file.rows("a");
    EXPECT_EQ(error_of([&] { carried(*rows, 0, 1); }),
              path.string() +
                  ": tensor 'a': expected scales that are finite and biases that float16 holds, found others "
                  "(choose "
                  "another quantisation, or none, to have it computed anew)");
  }
}

TEST(GgufRows, RefusesOtherTypesByName) {
  const testing::TempFolder folder;
  const auto path = write_one(folder, 20, std::string(18, '\0'));
  const OpenFile file(path);
  EXPECT_EQ(error_of([&] { file.rows("a"); }), path.string() +
                                                   ": tensor 'a': expected F32, F16, BF16, Q4_0, Q4_1, Q5_0, "
                                                   "Q5_1, Q8_0, or Q2_K to Q6_K, found IQ4_NL, "
                                                   "which is not supported");
}

TEST(GgufRows, AFileThatShrinksIsAnError) {
  const testing::TempFolder folder;
  const auto path = write_one(folder, kQ8_0, std::string(34, 'x'));
  const OpenFile file(path);
  const auto rows = file.rows("a");
  std::filesystem::resize_file(path, 100);
  EXPECT_TRUE(error_of([&] { read_all(*rows); }).starts_with(path.string()));
}

}  // namespace
}  // namespace tramontane
