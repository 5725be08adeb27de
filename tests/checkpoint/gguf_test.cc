#include "checkpoint/gguf.h"

#include <gtest/gtest.h>

#include "checkpoint/ggml_types.h"
#include "checkpoint/gguf_fields.h"
#include "checkpoint/support.h"
#include "support/gguf_writer.h"

namespace tramontane {
namespace {

using testing::as_bytes;
using testing::contains;
using testing::error_of;
using testing::gguf_string;
using testing::GgufWriter;
using testing::little_endian;

const std::string kFile = "x.gguf";

std::string error_in(const std::string& bytes) {
  return error_of([&] { read_gguf(as_bytes(bytes), kFile); });
}

std::string error_in(const GgufWriter& writer) { return error_in(writer.bytes()); }

TEST(Gguf, ReadsMetadataOfEveryType) {
  GgufWriter writer;
  writer.raw("u8", 0, "\xff").raw("i8", 1, "\xff").raw("u16", 2, "\xfe\xff").raw("i16", 3, "\xfe\xff");
  writer.u32("u32", 0xffffffff).raw("i32", 5, little_endian(0xffffffff, 4)).f32("f32", 0.1F);
  writer.boolean("bool", true).string("string", "text");
  writer.raw("u64", 10, little_endian(~0ULL, 8)).raw("i64", 11, little_endian(~0ULL, 8));
  writer.raw("f64", 12, little_endian(std::bit_cast<std::uint64_t>(0.1), 8));
  writer.array("strings", 8, 2, gguf_string("a") + gguf_string("bc"));
  writer.array("ints", 5, 2, little_endian(7, 4) + little_endian(0xffffffff, 4));
  writer.array("nested", 9, 1, little_endian(0, 4) + little_endian(2, 8) + "ab");
  const std::string bytes = writer.bytes();
  const Gguf gguf = read_gguf(as_bytes(bytes), kFile);
  EXPECT_EQ(gguf.version, 3U);
  const GgufFields fields(gguf, kFile);
  EXPECT_EQ(fields.integer("u8", -999, 999), 255);
  EXPECT_EQ(fields.integer("i8", -999, 999), -1);
  EXPECT_EQ(fields.integer("u16", 0, 99999), 65534);
  EXPECT_EQ(fields.integer("i16", -999, 999), -2);
  EXPECT_EQ(fields.integer("u32", 0, 1LL << 40), 0xffffffff);
  EXPECT_EQ(fields.integer("i32", -999, 999), -1);
  EXPECT_EQ(fields.integer("i64", -999, 999), -1);
  EXPECT_EQ(fields.number("f32"), 0.1) << "the decimal number that was meant";
  EXPECT_EQ(fields.number("f64"), 0.1);
  EXPECT_EQ(fields.boolean("bool"), true);
  EXPECT_EQ(fields.string("string"), "text");
  EXPECT_EQ(fields.strings("strings"), (std::vector<std::string_view>{"a", "bc"}));
  EXPECT_EQ(fields.integers("ints"), (std::vector<std::int32_t>{7, -1}));
  EXPECT_EQ(std::get<GgufArray>(*fields.find("nested")).count, 1U);
  EXPECT_FALSE(fields.integer("absent", 0, 1).has_value());
  EXPECT_EQ(error_of([&] { fields.integer("u64", 0, 7); }),
            "x.gguf: key 'u64': expected an integer in 0..7, found 18446744073709551615");
  EXPECT_EQ(error_of([&] { fields.need_string("absent"); }),
            "x.gguf: key 'absent': expected a string, found nothing");
  EXPECT_EQ(error_of([&] { fields.floats("ints"); }),
            "x.gguf: key 'ints': expected an array of float32, found an array of 2 elements");
}

TEST(Gguf, PlacesTensorsByNameWithTheOutermostSizeFirst) {
  for (const std::uint32_t version : {2U, 3U}) {
    GgufWriter writer;
    writer.version = version;
    writer.tensor("b", {32, 2}, kQ4_0, std::string(36, 'b')).tensor("a", {3}, kF16, "aaaaaa");
    const std::string bytes = writer.bytes();
    const Gguf gguf = read_gguf(as_bytes(bytes), kFile);
    ASSERT_EQ(gguf.tensors.size(), 2U);
    EXPECT_EQ(gguf.tensors[0].name, "a");
    EXPECT_EQ(gguf.tensors[0].shape, (Shape{3}));
    EXPECT_EQ(gguf.tensors[1].shape, (Shape{2, 32}));
    EXPECT_EQ(gguf.tensors[1].type, kQ4_0);
    ASSERT_EQ(gguf.tensors[1].bytes.size(), 36U);
    EXPECT_EQ(gguf.tensors[1].bytes[35], std::byte{'b'});
  }
}

TEST(Gguf, HonoursTheAlignment) {
  GgufWriter writer;
  writer.alignment = 128;
  writer.u32("general.alignment", 128).tensor("a", {1}, kF32, "aaaa").tensor("b", {1}, kF32, "bbbb");
  const std::string bytes = writer.bytes();
  EXPECT_EQ(read_gguf(as_bytes(bytes), kFile).tensors[1].bytes[0], std::byte{'b'});
  writer.tensors[1].offset = 64;
  EXPECT_EQ(error_in(writer), "x.gguf: tensor 'b': expected an offset that is a multiple of 128, found 64");
  for (const std::uint32_t alignment : {0U, 24U, 1U << 17}) {
    GgufWriter wrong;
    wrong.u32("general.alignment", alignment);
    EXPECT_EQ(error_in(wrong), "x.gguf: key 'general.alignment': expected a power of two up to 65536");
  }
}

TEST(Gguf, KeepsTensorsOfUnknownTypesForWhoeverNeedsThem) {
  GgufWriter writer;
  writer.tensor("a", {256}, 16, std::string(66, 'a')).tensor("b", {5}, 99, "");
  const std::string bytes = writer.bytes();
  const Gguf gguf = read_gguf(as_bytes(bytes), kFile);
  EXPECT_EQ(name_of_ggml_type(gguf.tensors[0].type), "IQ2_XXS");
  EXPECT_EQ(name_of_ggml_type(gguf.tensors[1].type), "type 99");
  EXPECT_TRUE(gguf.tensors[1].bytes.empty());
}

TEST(Gguf, RefusesOtherFilesAndVersions) {
  EXPECT_EQ(error_in(""), "x.gguf: expected a GGUF file, found other bytes at its start");
  EXPECT_EQ(error_in(std::string(100, 'x')), "x.gguf: expected a GGUF file, found other bytes at its start");
  GgufWriter writer;
  writer.version = 1;
  EXPECT_EQ(error_in(writer), "x.gguf: expected GGUF of version 2 or 3, found version 1");
  writer.version = 3U << 24;
  EXPECT_EQ(error_in(writer), "x.gguf: expected a little-endian GGUF file, found a big-endian one");
}

TEST(Gguf, RefusesCountsThatTheFileCannotHold) {
  const std::string start = "GGUF" + little_endian(3, 4);
  const std::string many = little_endian(1ULL << 60, 8);
  const std::string none = little_endian(0, 8);
  EXPECT_EQ(error_in(start + many + none),
            "x.gguf: GGUF header: expected at most 0 tensors, found a count of 1152921504606846976");
  EXPECT_EQ(error_in(start + none + many),
            "x.gguf: GGUF header: expected at most 0 keys, found a count of 1152921504606846976");
  EXPECT_EQ(error_in(start + none + little_endian(1, 8) + little_endian(~0ULL, 8) + std::string(50, 'x')),
            "x.gguf: GGUF header: expected 18446744073709551615 more bytes, found 50");
  EXPECT_EQ(error_in(GgufWriter().array("a", 4, 1ULL << 62, "1234")),
            "x.gguf: key 'a': an array of 4611686018427387904 elements does not fit into 15 bytes");
  EXPECT_TRUE(
      contains(error_in(GgufWriter().array("a", 8, 3, gguf_string("x"))), "key 'a': an array of 3 elements"));
}

TEST(Gguf, RefusesNestingWithoutEnd) {
  std::string inside = little_endian(0, 4) + little_endian(0, 8);
  for (int depth = 0; depth < 4; depth++) inside = little_endian(9, 4) + little_endian(1, 8) + inside;
  EXPECT_EQ(error_in(GgufWriter().raw("a", 9, inside)), "x.gguf: key 'a': arrays nested more than 4 deep");
}

TEST(Gguf, RefusesUnknownTypesAndDuplicates) {
  EXPECT_EQ(error_in(GgufWriter().raw("a", 13, "12345678")),
            "x.gguf: key 'a': expected a type from 0 to 12, found 13");
  EXPECT_EQ(error_in(GgufWriter().u32("a", 1).u32("a", 1)), "x.gguf: key 'a' is there twice");
  GgufWriter writer;
  writer.filled("a", {1}, 1).filled("a", {1}, 1);
  EXPECT_EQ(error_in(writer), "x.gguf: tensor 'a' is there twice");
}

TEST(Gguf, RefusesShapesThatOverflowOrDoNotFitTheBlocks) {
  const auto error = [](std::vector<std::uint64_t> sizes, std::uint32_t type) {
    GgufWriter writer;
    writer.tensor("a", std::move(sizes), type, std::string(64, 'x'));
    return error_in(writer);
  };
  EXPECT_EQ(error({1ULL << 40, 1ULL << 40}, kF32),
            "x.gguf: tensor 'a': the size of [1099511627776, 1099511627776] leaves 63 bits");
  EXPECT_EQ(error({1ULL << 63}, kF32),
            "x.gguf: tensor 'a': expected a size below 2^63, found 9223372036854775808");
  EXPECT_EQ(error({}, kF32), "x.gguf: tensor 'a': expected 1 to 4 dimensions, found 0");
  EXPECT_EQ(error({1, 1, 1, 1, 1}, kF32), "x.gguf: tensor 'a': expected 1 to 4 dimensions, found 5");
  EXPECT_EQ(error({33}, kQ4_0),
            "x.gguf: tensor 'a': Q4_0 rows are made of blocks of 32 elements, found 33 of them");
  EXPECT_EQ(error({64}, kF32),
            "x.gguf: tensor 'a': expected 256 bytes at 0 of the data, found a file whose data end at 64");
}

TEST(Gguf, RefusesOverlaps) {
  GgufWriter writer;
  writer.filled("a", {16}, 1).filled("b", {16}, 1);
  writer.tensors[1].offset = 32;
  EXPECT_EQ(error_in(writer), "x.gguf: tensor 'b' overlaps another one");
  writer.tensors[1].offset = ~31ULL;
  EXPECT_TRUE(
      contains(error_in(writer), "tensor 'b': expected 64 bytes at 18446744073709551584 of the data"));
}

TEST(Gguf, TruncationAtEveryByteIsAnErrorAndAChangedByteIsOneOrHarmless) {
  GgufWriter writer = testing::gguf_metadata();
  writer.array("strings", 8, 2, gguf_string("a") + gguf_string("bc"));
  writer.filled("a", {4, 2}, 1).tensor("b", {32}, kQ8_0, std::string(34, 'b'));
  const std::string good = writer.bytes();
  const std::size_t end = good.size() - 30;  // the last tensor's padding may be absent
  for (std::size_t size = 0; size < end; size++) {
    const std::string cut = good.substr(0, size);
    EXPECT_TRUE(contains(error_in(cut), kFile)) << size;
  }
  int errors = 0;
  for (std::size_t at = 0; at < good.size(); at++) {
    for (const int change : {1, 0x80, 0xff}) {
      std::string changed = good;
      changed[at] = static_cast<char>(changed[at] ^ change);
      errors += testing::error_or_none([&] { read_gguf(as_bytes(changed), kFile); }).empty() ? 0 : 1;
    }
  }
  EXPECT_GT(errors, 300);
}

}  // namespace
}  // namespace tramontane
