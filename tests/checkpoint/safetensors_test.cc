#include "checkpoint/safetensors.h"

#include "checkpoint/support.h"

namespace tramontane {
namespace {

using testing::as_bytes;
using testing::contains;
using testing::error_of;

/// A safetensors file with this header.
std::string file_of(const std::string& header, std::size_t data_bytes) {
  return testing::with_integer(std::string(8, '\0'), 0, header.size(), 8) + header +
         std::string(data_bytes, 'd');
}

std::string error_in(const std::string& bytes) {
  return error_of([&] { read_safetensors(as_bytes(bytes), "x.safetensors"); });
}

TEST(Safetensors, TensorsAreReadInPlaceAtAnyAddress) {
  // 75 bytes of header: the data are at an odd address. The order in the header need not be that of the data.
  const std::string bytes = file_of(
      R"({"b":{"dtype":"F16","shape":[3],"data_offsets":[8,14]},"__metadata__":{"format":"mlx"},)"
      R"("a":{"data_offsets":[0,8],"shape":[1,2],"dtype":"F32"},"s":{"dtype":"BF16","shape":[],"data_offsets":[14,16]},)"
      R"("e":{"dtype":"U32","shape":[0,5],"data_offsets":[16,16]} }   )",
      16);
  const auto tensors = read_safetensors(as_bytes(bytes), "x.safetensors");
  ASSERT_EQ(tensors.size(), 4U);
  EXPECT_EQ(tensors[0].name, "b");
  EXPECT_EQ(tensors[0].dtype, DType::float16);
  EXPECT_EQ(reinterpret_cast<const char*>(tensors[0].bytes.data()), bytes.data() + bytes.size() - 8);
  EXPECT_EQ(tensors[1].shape, (Shape{1, 2}));
  EXPECT_EQ(tensors[2].dtype, DType::bfloat16);
  EXPECT_TRUE(tensors[2].shape.empty());
  EXPECT_EQ(tensors[3].dtype, DType::uint32);
}

TEST(Safetensors, AnotherDtypeIsLeftToWhoeverNeedsTheTensor) {
  const auto bytes = file_of(R"({"a":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[0,3]}})", 3);
  EXPECT_EQ(read_safetensors(as_bytes(bytes), "x.safetensors").at(0).other_dtype, "F8_E4M3");
}

struct Bad {
  const char* header;
  std::size_t data_bytes;
  const char* message;
};

class SafetensorsBad : public ::testing::TestWithParam<Bad> {};

TEST_P(SafetensorsBad, IsRefusedByName) {
  const std::string message = error_in(file_of(GetParam().header, GetParam().data_bytes));
  EXPECT_TRUE(contains(message, "x.safetensors: "));
  EXPECT_TRUE(contains(message, GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, SafetensorsBad,
    ::testing::Values(
        Bad{R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4,
            "expected the bytes of float32 [2], found 4"},
        Bad{R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8,
            "expected its data at 0, found a hole"},
        Bad{R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 5,
            "expected 4 bytes of tensors, found 5"},
        Bad{R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 3,
            "data_offsets within 3 bytes, found [0, 4]"},
        Bad{R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, "found [4, 0]"},
        Bad{R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[9223372036854775807,15]}})", 16,
            "data_offsets within"},
        Bad{R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]}})", 4, "above 2^63"},
        Bad{R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,99999999999999999999]}})", 4,
            "a fraction in 'a'"},
        Bad{R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, "a negative number in 'a'"},
        Bad{R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,6]}})", 6, "a fraction in 'a'"},
        Bad{R"({"a":{"dtype":"F16","shape":[4294967296,2147483648],"data_offsets":[0,0]}})", 0, "found 0"},
        Bad{R"({"a":{"dtype":"F16","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,2]}})", 2,
            "more than 8 numbers"},
        Bad{R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4, "found fewer"},
        Bad{R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}})", 4, "found fewer"},
        Bad{R"({"a":{"dtype":"F32","shape":[1]}})", 4, "found fewer"},
        Bad{R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4,
            "'dtype' is there twice"},
        Bad{R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
            R"("a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
            8, "'a' is there twice"},
        Bad{R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
            R"("b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
            6, "tensor 'b' overlaps"},
        Bad{R"({"a":{"dtype":7,"shape":[1],"data_offsets":[0,4]}})", 4, "found a number in 'a'"},
        Bad{R"({"a":{"dtype":"F32","shape":"1","data_offsets":[0,4]}})", 4, "found a string in 'a'"},
        Bad{R"({"a":{"dtype":"F32","shape":[["x"]],"data_offsets":[0,4]}})", 4, "found an array in 'a'"},
        Bad{R"({"a":{"dtype":"F32","shape":{"x":1},"data_offsets":[0,4]}})", 4, "found an object in 'a'"},
        Bad{R"({"a":{"dtype":"F32","shape":null,"data_offsets":[0,4]}})", 4, "found null in 'a'"},
        Bad{R"({"a":3})", 0, "found a number"}, Bad{R"({"a":[]})", 0, "found an array"},
        Bad{R"({"__metadata__":{"x":{}}})", 0, "found an object"},
        Bad{R"({"__metadata__":{"x":[1]}})", 0, "found an array"}, Bad{R"({} {})", 0, "syntax error"},
        Bad{R"({"a")", 0, "syntax error"}, Bad{R"([])", 0, "start with '{'"},
        Bad{"{\"a\xff\":1}", 0, "syntax error"}, Bad{"", 0, "start with '{'"}));

TEST(Safetensors, HeaderLengthsThatLieAreRefused) {
  const std::string bytes = file_of("{}", 0);
  EXPECT_TRUE(contains(error_in(testing::with_integer(bytes, 0, 3, 8)), "expected 3 more bytes, found 2"));
  EXPECT_TRUE(contains(error_in(testing::with_integer(bytes, 0, 100'000'001, 8)), "at most 100000000 bytes"));
  EXPECT_TRUE(contains(error_in(testing::with_integer(bytes, 0, ~0ULL, 8)), "at most 100000000 bytes"));
}

TEST(Safetensors, DeepNestingIsRefused) {
  EXPECT_TRUE(contains(error_in(file_of(R"({"a":{"shape":)" + std::string(1'000'000, '['), 0)),
                       "found an array in 'a'"));
  std::string objects;
  for (int i = 0; i < 100'000; i++) objects += R"({"a":)";
  EXPECT_TRUE(contains(error_in(file_of(objects, 0)), "found an object in 'a'"));
}

TEST(SafetensorsIndex, MapsTensorsToFiles) {
  const auto shards = parse_safetensors_index(
      R"({"metadata":{"total_size":8},"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}})",
      "i.json");
  EXPECT_EQ(shards.at("a"), "model-1.safetensors");
  EXPECT_EQ(shards.at("b"), "model-2.safetensors");
}

class BadIndex : public ::testing::TestWithParam<std::pair<std::string, const char*>> {};

TEST_P(BadIndex, IsRefused) {
  EXPECT_TRUE(
      contains(error_of([&] { parse_safetensors_index(GetParam().first, "i.json"); }), GetParam().second));
}

std::string index_to(const std::string& file) { return R"({"weight_map":{"a":")" + file + R"("}})"; }

INSTANTIATE_TEST_SUITE_P(
    All, BadIndex,
    ::testing::Values(std::pair{index_to("../x.safetensors"), "found '../x.safetensors'"},
                      std::pair{index_to("/etc/x.safetensors"), "expected the plain name"},
                      std::pair{index_to("a/../x.safetensors"), "expected the plain name"},
                      std::pair{index_to("a\\\\x.safetensors"), "expected the plain name"},
                      std::pair{index_to("x\\u0000.safetensors"), "expected the plain name"},
                      std::pair{index_to(".."), "expected the plain name"},
                      std::pair{index_to(""), "found ''"},
                      std::pair{index_to("config.json"), "expected the plain name of a .safetensors file"},
                      std::pair{std::string(R"({"weight_map":{"a":3}})"), "expected a file name, found 3"},
                      std::pair{std::string(R"({"weight_map":[]})"), "key 'weight_map': expected an object"},
                      std::pair{std::string(R"({"weight_map":{}})"), "key 'weight_map': expected an object"},
                      std::pair{std::string(R"({})"), "key 'weight_map': expected an object"},
                      std::pair{std::string(R"([])"), "expected an object, found an array"},
                      std::pair{std::string(R"({"weight_map":{"a":"x.safetensors","a":"x.safetensors"}})"),
                                "key 'a' is there twice"}));

}  // namespace
}  // namespace tramontane
