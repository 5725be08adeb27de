#include "checkpoint/npy.h"

#include "checkpoint/support.h"

namespace tramontane {
namespace {

using testing::as_bytes;
using testing::contains;
using testing::error_of;
using testing::make_zip;

/// An npy file of version 1.0 with this dictionary.
std::string npy(const std::string& dictionary, std::size_t data_bytes) {
  const std::size_t size = dictionary.size();
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(size & 0xff) + static_cast<char>(size >> 8) +
         dictionary + std::string(data_bytes, '\0');
}

std::string error_in(const std::string& bytes) {
  return error_of([&] { parse_npy(as_bytes(bytes), "w", "x.npz"); });
}

class NpyDType : public ::testing::TestWithParam<DType> {};

TEST_P(NpyDType, IsReadInPlaceFromEveryVersion) {
  for (const int major : {1, 2, 3}) {
    const TensorHeader header{"w", GetParam(), {3, 5}};
    const std::string bytes = npy_header(header, major) + std::string(header.bytes(), 'd');
    const TensorView tensor = parse_npy(as_bytes(bytes), "w", "x.npz");
    EXPECT_EQ(tensor.dtype, GetParam());
    EXPECT_EQ(tensor.shape, (Shape{3, 5}));
    EXPECT_EQ(reinterpret_cast<const char*>(tensor.bytes.data()),
              bytes.data() + bytes.size() - header.bytes());
    EXPECT_EQ(tensor.bytes.size(), header.bytes());
  }
}

INSTANTIATE_TEST_SUITE_P(All, NpyDType,
                         ::testing::Values(DType::float32, DType::float16, DType::bfloat16, DType::uint32),
                         [](const auto& test) { return std::string(name_of(test.param)); });

struct Good {
  const char* dictionary;
  std::size_t data_bytes;
  DType dtype;
  Shape shape;
};

class NpyGood : public ::testing::TestWithParam<Good> {};

TEST_P(NpyGood, IsAccepted) {
  const Good& good = GetParam();
  const std::string bytes = npy(good.dictionary, good.data_bytes);
  const TensorView tensor = parse_npy(as_bytes(bytes), "w", "x.npz");
  EXPECT_EQ(tensor.dtype, good.dtype);
  EXPECT_EQ(tensor.shape, good.shape);
}

// The second and third are MLX 0.32.4's own spelling.
INSTANTIATE_TEST_SUITE_P(
    All, NpyGood,
    ::testing::Values(
        Good{"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24, DType::float32, {2, 3}},
        Good{"{'descr': '<V2', 'fortran_order': False, 'shape': (2, 3, )}      \n",
             12,
             DType::bfloat16,
             {2, 3}},
        Good{"{'descr': '<f4', 'fortran_order': True, 'shape': (5, 1, )}\n", 20, DType::float32, {5, 1}},
        Good{"{'descr': '<u4', 'fortran_order': True, 'shape': (3, )}", 12, DType::uint32, {3}},
        Good{"{'descr': '<f4', 'fortran_order': True, 'shape': ()}", 4, DType::float32, {}},
        Good{"{\"shape\":(0,7),\"descr\":\"|V2\",\"fortran_order\":False}", 0, DType::bfloat16, {0, 7}},
        Good{"{'descr': 'V2', 'fortran_order': False, 'shape': (1,)}", 2, DType::bfloat16, {1}}));

struct Bad {
  const char* dictionary;
  std::size_t data_bytes;
  const char* message;
};

class NpyBad : public ::testing::TestWithParam<Bad> {};

TEST_P(NpyBad, IsRefusedByName) {
  const std::string message = error_in(npy(GetParam().dictionary, GetParam().data_bytes));
  EXPECT_TRUE(contains(message, "x.npz: tensor 'w'"));
  EXPECT_TRUE(contains(message, GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, NpyBad,
    ::testing::Values(
        Bad{"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}", 24, "found Fortran order"},
        Bad{"{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", 16, "Python objects"},
        Bad{"{'descr': '>f4', 'fortran_order': False, 'shape': (2,)}", 8, "big-endian '>f4'"},
        Bad{"{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", 16, "found descr '<f8'"},
        Bad{"{'descr': '\n\x1b[2J', 'fortran_order': False, 'shape': (2,)}", 16, "'\\x0a\\x1b[2J'"},
        Bad{"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", 8, "structures"},
        Bad{"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", 23, "[2, 3], found 23"},
        Bad{"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", 25, "[2, 3], found 25"},
        Bad{"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -3)}", 24, "expected a size"},
        Bad{"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 0, "found 0"},
        Bad{"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4294967296, 4294967296)}", 0, "found 0"},
        Bad{"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387905,)}", 4, "found 4"},
        Bad{"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", 4,
            "expected a size"},
        Bad{"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", 4,
            "at most 8 dimensions"},
        Bad{"{'descr': '<f4', 'fortran_order': False, 'shape': 3}", 12, "expected '('"},
        Bad{"{'descr': '<f4', 'fortran_order': 0, 'shape': (3,)}", 12, "expected True or False"},
        Bad{"{'descr': '<f4', 'fortran_order': False}", 12, "found fewer"},
        Bad{"{'descr': '<f4', 'descr': '<f2', 'fortran_order': False, 'shape': (3,)}", 12,
            "descr is there twice"},
        Bad{"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'x': 1}", 12, "found 'x'"},
        Bad{"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} x", 12, "expected the end"},
        Bad{"{'descr': '<f4", 12, "expected a type"}, Bad{"", 12, "expected '{'"}));

TEST(Npy, OtherDataAndVersionsAreRefused) {
  EXPECT_TRUE(contains(error_in("not an array at all"), "expected an npy array"));
  std::string bytes = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4);
  bytes[6] = 4;
  EXPECT_TRUE(contains(error_in(bytes), "found 4.0"));
  bytes[6] = 1;
  bytes[7] = 1;
  EXPECT_TRUE(contains(error_in(bytes), "found 1.1"));
}

TEST(Npy, EveryTruncationIsRefused) {
  const std::string bytes = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 12);
  for (std::size_t size = 0; size < bytes.size(); size++) {
    EXPECT_TRUE(contains(error_in(bytes.substr(0, size)), "tensor 'w'")) << size;
  }
}

TEST(Npz, AMemberThatIsNoArrayIsRefused) {
  InflatedMembers inflated(0);
  const std::string bytes = make_zip({{"readme.txt", "hello"}});
  EXPECT_TRUE(contains(error_of([&] { read_npz(as_bytes(bytes), "x.npz", inflated); }),
                       "zip member 'readme.txt': expected a name that ends in .npy"));
}

}  // namespace
}  // namespace tramontane
