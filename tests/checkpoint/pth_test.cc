#include "checkpoint/pth.h"

#include <array>
#include <map>

#include "checkpoint/pickled.h"
#include "core/float16.h"

namespace tramontane {
namespace {

using namespace std::string_literals;
using testing::as_bytes;
using testing::contains;
using testing::error_of;
using testing::make_zip;
using testing::read_file;
using testing::pickled::pickle;
using testing::pickled::pth;
using testing::pickled::tensor;
using testing::pickled::text;
using Tensors = std::map<std::string, TensorView>;

std::string error_in(const std::string& bytes) {
  return error_of([&] { read_pth(as_bytes(bytes), "x.pth"); });
}

/// A file of tests/golden/pth, made by tests/oracle/make_pth_golden.py.
class Golden : public ::testing::TestWithParam<const char*> {
 protected:
  std::string load(const std::string& variant) {
    return bytes_ = read_file(std::string(TEST_GOLDEN "/pth/") + variant + "." + GetParam() + ".pth");
  }
  Tensors read(const std::string& variant) {
    load(variant);
    Tensors tensors;
    for (TensorView& view : read_pth(as_bytes(bytes_), "x.pth")) tensors.emplace(view.name, std::move(view));
    return tensors;
  }
  std::string bytes_;
};

/// Element i of the script's tensors is (i - 3) / 4.
void expect_ramp(const TensorView& tensor, DType dtype, const Shape& shape, int first = 0) {
  EXPECT_EQ(tensor.dtype, dtype) << tensor.name;
  EXPECT_EQ(tensor.other_dtype, "") << tensor.name;
  EXPECT_EQ(tensor.shape, shape) << tensor.name;
  ASSERT_EQ(tensor.bytes.size(), bytes_of(shape, size_of(dtype))) << tensor.name;
  for (std::size_t i = 0; i < tensor.bytes.size() / size_of(dtype); i++) {
    const float expected = static_cast<float>(first + static_cast<int>(i) - 3) / 4;
    EXPECT_EQ(load_float(tensor.bytes.data(), dtype, i), expected) << tensor.name << " " << i;
  }
}

TEST_P(Golden, StateDictsOfEveryForm) {
  for (const char* variant :
       {"plain", "nested", "nested_state_dict", "protocol3", "protocol4", "protocol5"}) {
    const Tensors tensors = read(variant);
    ASSERT_EQ(tensors.size(), 3U) << variant;
    expect_ramp(tensors.at("tok_embeddings.weight"), DType::bfloat16, {5, 4});
    expect_ramp(tensors.at("layers.0.attention.wq.weight"), DType::float16, {4, 3});
    expect_ramp(tensors.at("norm.weight"), DType::float32, {4});
    const std::byte* data = tensors.at("norm.weight").bytes.data();
    EXPECT_TRUE(data > as_bytes(bytes_).data() && data < as_bytes(bytes_).data() + bytes_.size()) << variant;
  }
}

TEST_P(Golden, ModulesAndParameters) {
  expect_ramp(read("module").at("weight"), DType::float32, {2, 3});
  expect_ramp(read("parameters").at("w"), DType::float32, {2, 3});
}

TEST_P(Golden, TensorsMayShareAStorage) {
  const Tensors tensors = read("aliased");
  ASSERT_EQ(tensors.size(), 6U);
  expect_ramp(tensors.at("whole"), DType::float32, {6, 4});
  expect_ramp(tensors.at("tied"), DType::float32, {6, 4});
  expect_ramp(tensors.at("part"), DType::float32, {3, 4}, 8);
  expect_ramp(tensors.at("row"), DType::float32, {4}, 4);
  expect_ramp(tensors.at("one"), DType::float32, {}, 23);
  expect_ramp(tensors.at("none"), DType::float32, {0, 4});
  EXPECT_EQ(tensors.at("whole").bytes.data(), tensors.at("tied").bytes.data());
}

TEST_P(Golden, OtherTypesAreLeftToWhoeverNeedsThem) {
  const Tensors tensors = read("other_types");
  expect_ramp(tensors.at("w"), DType::float32, {2, 3});
  EXPECT_EQ(tensors.at("d").other_dtype, "float64");
  EXPECT_EQ(tensors.at("l").other_dtype, "int64");
  EXPECT_EQ(tensors.at("b").other_dtype, "bool");
}

TEST_P(Golden, WhatIsNoStateDictIsRefusedByName) {
  const auto error = [&](const char* variant) { return error_in(load(variant)); };
  EXPECT_TRUE(contains(error("transposed"),
                       "x.pth: tensor 'w': expected row-major data, found sizes [3, 2] with strides [1, 3]"));
  EXPECT_TRUE(contains(error("expanded"), "found sizes [2, 3] with strides [0, 1]"));
  EXPECT_TRUE(contains(error("sparse"), "found global 'torch._utils._rebuild_sparse_tensor'"));
  EXPECT_TRUE(contains(error("complex"), "found global 'torch.ComplexFloatStorage'"));
  EXPECT_TRUE(contains(error("list"), "expected a dictionary of tensors, found a list"));
  EXPECT_TRUE(contains(error("legacy"), "found the format before PyTorch 1.6: load it with torch.load"));
}

TEST_P(Golden, TruncatedOrWithAChangedByteIsAnErrorOrTensors) {
  const std::string good = load("plain");
  for (std::size_t size = 0; size < good.size(); size++) error_in(good.substr(0, size));
  for (std::size_t at = 0; at < good.size(); at++) {
    for (const char change : {'\x01', '\x80', '\xff'}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ change);
      testing::error_or_none([&] { read_pth(as_bytes(bad), "x.pth"); });
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Golden, ::testing::Values("torch1.13", "torch2.15"),
                         [](const auto& test) { return std::string(test.param).substr(5, 1); });

TEST(Pth, OfTheWriterOfTheseTestsIsRead) {
  const std::string bytes = pth(testing::pickled::Tensor{});
  const auto tensors = read_pth(as_bytes(bytes), "x.pth");
  ASSERT_EQ(tensors.size(), 1U);
  EXPECT_EQ(tensors[0].name, "w");
  EXPECT_EQ(tensors[0].shape, (Shape{2, 3}));
}

TEST(Pth, TheStrideOfADimensionOfOneSaysNothing) {
  EXPECT_NO_THROW(read_pth(as_bytes(pth({.shape = {1, 6}, .strides = {77, 1}})), "x.pth"));
}

struct Bad {
  testing::pickled::Tensor tensor;
  const char* message;
};

class BadTensor : public ::testing::TestWithParam<Bad> {};

TEST_P(BadTensor, IsRefusedByName) {
  const std::string message = error_in(pth(GetParam().tensor));
  EXPECT_TRUE(message.starts_with("x.pth: tensor 'w': ")) << message;
  EXPECT_TRUE(contains(message, GetParam().message));
}

constexpr std::int64_t kHuge = INT64_MAX;

INSTANTIATE_TEST_SUITE_P(
    All, BadTensor,
    ::testing::Values(
        Bad{{.offset = 1}, "expected 6 elements from 1 within a storage of 6, found more"},
        Bad{{.offset = -1}, "expected 6 elements from -1 within"},
        Bad{{.offset = kHuge}, "expected 6 elements from 9223372036854775807"},
        Bad{{.offset = INT64_MIN}, "expected 6 elements from -9223372036854775808"},
        Bad{{.shape = {3, 3}}, "expected 9 elements from 0 within a storage of 6"},
        Bad{{.shape = {-2, 3}}, "expected sizes that make sense, found [-2, 3]"},
        Bad{{.shape = {kHuge, 3}}, "expected sizes that make sense, found [9223372036854775807, 3]"},
        Bad{{.shape = {0, kHuge, kHuge}, .strides = {1, 1, 1}}, "expected sizes that make sense"},
        Bad{{.shape = {kHuge / 4}, .strides = {1}}, "expected 2305843009213693951 elements from 0 within"},
        Bad{{.strides = {1, 2}}, "with strides [1, 2] (transposed or expanded"},
        Bad{{.strides = {3}}, "found sizes [2, 3] with strides [3]"},
        Bad{{.strides = {-3, 1}}, "strides [-3, 1]"},
        Bad{{.strides = {kHuge, 1}}, "strides [9223372036854775807, 1]"},
        Bad{{.strides = {3, 0}}, "strides [3, 0]"},
        Bad{{.elements = 7}, "expected storage '0' to have 7 elements of 4 bytes, found 24 bytes"},
        Bad{{.elements = -6}, "expected storage '0' to have -6 elements"},
        Bad{{.elements = kHuge}, "found 24 bytes"},
        Bad{{.type = "DoubleStorage"}, "to have 6 elements of 8 bytes, found 24 bytes"},
        Bad{{.key = "1"}, "its storage '1' is not in the archive"},
        Bad{{.key = "../data.pkl"}, "its storage '../data.pkl' is not in the archive"}));

/// An archive of one tensor, with more members.
std::string archive(std::vector<std::pair<std::string, std::string>> more) {
  more.emplace_back("a/data.pkl", pickle("}" + text("w") + tensor() + "s"));
  more.emplace_back("a/data/0", std::string(24, 'x'));
  return make_zip(more);
}

TEST(PthArchive, OtherMembersAreHarmlessOrSayWhatItIs) {
  EXPECT_NO_THROW(
      read_pth(as_bytes(archive({{"a/byteorder", "little"}, {"a/version", "3\n"}, {"a/x", "y"}})), "x.pth"));
  EXPECT_TRUE(contains(error_in(archive({{"a/byteorder", "big"}})),
                       "expected little-endian data, found byteorder 'big'"));
  EXPECT_TRUE(contains(error_in(archive({{"a/constants.pkl", ""}})), "found a TorchScript program"));
  EXPECT_TRUE(contains(error_in(archive({{"b/data.pkl", ""}})), "with one member NAME/data.pkl, found 2"));
  EXPECT_TRUE(contains(error_in(make_zip({{"data.pkl", "N."}})), "with one member NAME/data.pkl, found 0"));
}

TEST(PthArchive, OfAnyFolderNameAndSizeIsRead) {
  const std::string value = pickle("}" + text("w") + tensor() + "s");
  const std::string data(24, 'x');
  EXPECT_NO_THROW(read_pth(as_bytes(make_zip({{"x/y/data.pkl", value}, {"x/y/data/0", data}})), "x.pth"));
  EXPECT_NO_THROW(
      read_pth(as_bytes(make_zip({{"a/data.pkl", value}, {"a/data/0", data}}, {.zip64 = true})), "x.pth"));
}

TEST(PthArchive, CompressedMembersAreRefusedByName) {
  const std::string value = pickle("}" + text("w") + tensor() + "s");
  EXPECT_TRUE(contains(
      error_in(make_zip({{"a/data.pkl", value}, {"a/data/0", std::string(24, 'x')}}, {.deflate = true})),
      "zip member 'a/data.pkl': expected stored bytes, as torch.save writes them"));
}

TEST(PthArchive, OlderAndOtherFormatsAreRefusedWithAdvice) {
  std::string tar(512, '\0');
  tar.replace(257, 5, "ustar");
  EXPECT_TRUE(contains(error_in(tar),
                       "found a tar archive, the format before PyTorch 0.1.10: load it with torch.load"));
  EXPECT_TRUE(contains(error_in("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."),
                       "the format before PyTorch 1.6"));
  for (const char* text : {"\x80", "\x80\x02", "GGUF", ""}) {
    EXPECT_TRUE(contains(error_in(text), "expected a zip archive"));
  }
}

TEST(PthObject, OtherThanTensorsByNameIsRefused) {
  const std::string w = text("w") + tensor();
  EXPECT_TRUE(contains(error_in(pth("N")), "expected a dictionary of tensors, found None"));
  EXPECT_TRUE(contains(error_in(pth("}")), "found no tensors"));
  EXPECT_TRUE(contains(error_in(pth("}(" + w + text("epoch") + "K\x03u")),
                       "x.pth: 'epoch': expected a tensor, found an integer"));
  EXPECT_TRUE(contains(error_in(pth("}(" + w + "K\x03" + tensor() + "u")),
                       "expected tensors by name, found an integer"));
  EXPECT_TRUE(contains(error_in(pth("}(" + w + w + "u")), "tensor 'w' is there twice"));
  EXPECT_TRUE(
      contains(error_in(pth("}" + text("other") + "}" + w + "ss")), "or one under 'model' or 'state_dict'"));
  EXPECT_TRUE(contains(error_in(pth("}q\x00"s + text("model") + "h\x00s"s)), "found no tensors"));
}

TEST(PthObject, ManyCandidatesAreNotSearched) {
  // 200 thousand times "model", each the same dictionary of 100 thousand numbers: 2 * 10^10 steps for whoever
  // looked into all.
  std::string numbers = "}q\x00("s;
  for (int i = 0; i < 100'000; i++) numbers += "K\x01K\x02";
  std::string models = text("model") + "q\x01h\x00"s;
  for (int i = 0; i < 200'000; i++) models += "h\x01h\x00"s;
  EXPECT_TRUE(
      contains(error_in(pth("}(" + text("numbers") + numbers + "u" + models + "u")), "found no tensors"));
}

}  // namespace
}  // namespace tramontane
