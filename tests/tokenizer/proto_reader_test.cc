#include "tokenizer/proto_reader.h"

#include <gtest/gtest.h>

#include "tokenizer/proto_writer.h"

namespace tramontane {
namespace {

using namespace std::string_view_literals;

bool is_malformed(std::string_view message) {
  ProtoReader reader(message);
  while (reader.next()) {
  }
  return reader.malformed();
}

TEST(ProtoReader, ReadsFieldsOfEveryWireTypeInOrder) {
  const std::string message = field_varint(1, 300) + field_bytes(200, "text") + field_float(3, 1.0F) +
                              "\x21"
                              "12345678";
  ProtoReader reader(message);
  auto field = reader.next();
  ASSERT_TRUE(field);
  EXPECT_EQ(field->number, 1U);
  EXPECT_EQ(field->wire, WireType::varint);
  EXPECT_EQ(field->value, 300U);
  EXPECT_EQ(field->whole, "\x08\xac\x02");
  field = reader.next();
  ASSERT_TRUE(field);
  EXPECT_EQ(field->number, 200U);
  EXPECT_EQ(field->wire, WireType::bytes);
  EXPECT_EQ(field->bytes, "text");
  field = reader.next();
  ASSERT_TRUE(field);
  EXPECT_EQ(field->wire, WireType::fixed32);
  EXPECT_EQ(field->value, 0x3f800000U);
  field = reader.next();
  ASSERT_TRUE(field);
  EXPECT_EQ(field->number, 4U);
  EXPECT_EQ(field->wire, WireType::fixed64);
  EXPECT_EQ(field->value, 0x3837363534333231U);
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.malformed());
  EXPECT_EQ(reader.offset(), message.size());
}

TEST(ProtoReader, FindsTheEmptyMessageWellFormed) { EXPECT_FALSE(is_malformed("")); }

TEST(ProtoReader, StopsAtTheMalformedField) {
  const std::string message = field_varint(1, 1) +
                              "\x12\x05"
                              "abcd";
  ProtoReader reader(message);
  EXPECT_TRUE(reader.next());
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.malformed());
  EXPECT_EQ(reader.offset(), 2U);
  EXPECT_FALSE(reader.next());
}

TEST(ProtoReader, RefusesWhatIsNoField) {
  EXPECT_TRUE(is_malformed("\x08"sv)) << "a tag alone";
  EXPECT_TRUE(is_malformed("\x08\x80"sv)) << "half a varint";
  EXPECT_TRUE(is_malformed("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"sv)) << "a varint of 11 bytes";
  EXPECT_TRUE(is_malformed("\x00\x01"sv)) << "field number 0";
  EXPECT_TRUE(is_malformed("\x80\x80\x80\x80\x10\x01"sv)) << "a tag of 33 bits";
  EXPECT_TRUE(
      is_malformed("\x0d"
                   "abc"sv))
      << "three bytes of a fixed32";
  EXPECT_TRUE(
      is_malformed("\x09"
                   "abcdefg"sv))
      << "seven bytes of a fixed64";
  EXPECT_TRUE(is_malformed("\x0b\x0c"sv)) << "a group";
  EXPECT_TRUE(is_malformed("\x0e\x01"sv)) << "wire type 6";
  EXPECT_TRUE(is_malformed("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv)) << "a length of 2^64 - 1";
}

TEST(ProtoReader, KeepsAll64BitsOfAVarint) {
  ProtoReader reader("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv);
  const auto field = reader.next();
  ASSERT_TRUE(field);
  EXPECT_EQ(field->value, ~std::uint64_t{0});
}

}  // namespace
}  // namespace tramontane
