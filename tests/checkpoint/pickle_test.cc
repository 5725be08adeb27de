#include "checkpoint/pickle.h"

#include "checkpoint/pickled.h"

namespace tramontane {
namespace {

using namespace std::string_literals;
using namespace testing::pickled;
using testing::as_bytes;
using testing::contains;
using testing::error_of;
using Kind = PickleValue::Kind;

std::string error_in(const std::string& bytes) {
  return error_of([&] { read_pickle(as_bytes(bytes), "x.pth"); });
}

/// The integer that is all of a pickle.
std::int64_t integer_of(const std::string& value) {
  const std::string bytes = pickle(value);
  const Pickle read = read_pickle(as_bytes(bytes), "x.pth");
  EXPECT_EQ(read.top->kind, Kind::integer);
  return read.top->integer;
}

TEST(Pickle, IntegersOfEveryForm) {
  EXPECT_EQ(integer_of("K\xff"), 255);
  EXPECT_EQ(integer_of("M\xfe\xff"), 65534);
  EXPECT_EQ(integer_of("J\xff\xff\xff\xff"), -1);
  EXPECT_EQ(integer_of("J\xff\xff\xff\x7f"), 0x7fffffff);
  EXPECT_EQ(integer_of("\x8a\x00"s), 0);
  EXPECT_EQ(integer_of("\x8a\x01\x80"), -128);
  EXPECT_EQ(integer_of("\x8a\x05\x00\x00\x00\x00\x01"s), std::int64_t{1} << 32);
  EXPECT_EQ(integer_of(integer(INT64_MIN)), INT64_MIN);
}

TEST(Pickle, DictionariesListsAndTuplesKeepTheirOrder) {
  const std::string bytes =
      pickle("}(" + text("a") + "](K\x01K\x02" + "e" + text("b") + "K\x03K\x04\x86" + "u");
  const Pickle read = read_pickle(as_bytes(bytes), "x.pth");
  ASSERT_EQ(read.top->kind, Kind::dict);
  ASSERT_EQ(read.top->items.size(), 4U);
  EXPECT_EQ(read.top->items[0]->text, "a");
  EXPECT_EQ(read.top->items[1]->kind, Kind::list);
  EXPECT_EQ(read.top->items[1]->items.at(1)->integer, 2);
  EXPECT_EQ(read.top->items[3]->kind, Kind::tuple);
  EXPECT_EQ(read.top->items[3]->items.at(0)->integer, 3);
}

TEST(Pickle, TheMemoGivesTheSameValueAgain) {
  const std::string bytes = pickle("]q\x00h\x00h\x00\x87"s);
  const Pickle read = read_pickle(as_bytes(bytes), "x.pth");
  EXPECT_EQ(read.top->items[0], read.top->items[2]);
}

TEST(Pickle, ATensorIsItsStorageOffsetSizesAndStrides) {
  const std::string bytes = pickle(tensor({.offset = 4}));
  const Pickle read = read_pickle(as_bytes(bytes), "x.pth");
  ASSERT_EQ(read.top->kind, Kind::tensor);
  const PickleValue& storage = *read.top->items[0];
  EXPECT_EQ(storage.items[0]->global->dtype, "float32");
  EXPECT_EQ(storage.items[1]->text, "0");
  EXPECT_EQ(storage.items[2]->integer, 6);
  EXPECT_EQ(read.top->items[1]->integer, 4);
  EXPECT_EQ(read.top->items[2]->items[1]->integer, 3);
}

struct Bad {
  std::string value;
  const char* message;
};

class BadPickle : public ::testing::TestWithParam<Bad> {};

TEST_P(BadPickle, IsRefusedByName) {
  const std::string message = error_in(pickle(GetParam().value));
  EXPECT_TRUE(message.starts_with("x.pth: pickle: ")) << message;
  EXPECT_TRUE(contains(message, GetParam().message));
}

// What runs code in Python, in each of the ways that a pickle has.
INSTANTIATE_TEST_SUITE_P(
    Code, BadPickle,
    ::testing::Values(
        Bad{global("os", "system") + text("true") + "\x85R",
            "byte 2: expected what tensors in a dictionary need, found global 'os.system'"},
        Bad{global("posix", "system"), "found global 'posix.system'"},
        Bad{global("builtins", "eval"), "found global 'builtins.eval'"},
        Bad{global("__builtin__", "exec"), "found global '__builtin__.exec'"},
        Bad{global("torch", "load"), "found global 'torch.load'"},
        Bad{global("torch", "FloatStorage.__class__"), "found global 'torch.FloatStorage.__class__'"},
        Bad{global("torch._utils", "_rebuild_sparse_tensor"), "'torch._utils._rebuild_sparse_tensor'"},
        Bad{global("a\x1b[31m", "b"), "found global 'a\\x1b[31m.b'"},
        Bad{text("os") + text("system") + "\x93", "found global 'os.system'"},
        Bad{integer(3) + text("system") + "\x93", "expected a text, found an integer"},
        Bad{"(ios\nsystem\n", "found opcode INST"},
        Bad{"(" + global("torch", "FloatStorage") + "o", "found opcode OBJ"},
        Bad{global("torch", "FloatStorage") + ")\x81", "found opcode NEWOBJ"},
        Bad{global("torch", "FloatStorage") + ")}\x92", "found opcode NEWOBJ_EX"},
        Bad{"\x82\x01", "found opcode EXT1"}, Bad{"Pkey\n", "found opcode PERSID"},
        Bad{"\x97", "found opcode NEXT_BUFFER"},
        Bad{global("torch", "FloatStorage") + ")R", "found a call of FloatStorage"},
        Bad{"})R", "expected a global, found a dictionary"},
        Bad{kNoHooks + "K\x01" + "b", "expected a dictionary, found an integer"},
        Bad{tensor() + "}b", "expected a dictionary, found a tensor"},
        Bad{global("collections", "OrderedDict") + "}\x85R",
            "expected an empty OrderedDict(), found arguments"}));

INSTANTIATE_TEST_SUITE_P(
    Machine, BadPickle,
    ::testing::Values(
        Bad{"0", "found opcode POP"}, Bad{"\xff", "expected an opcode, found 0xff"},
        Bad{"\x80\x06N", "expected pickle protocol 2 to 5, found 6"},
        Bad{"", "expected a value on the stack, found none"},
        Bad{"NN", "expected one value at the end, found more"}, Bad{"(N", "expected one value at the end"},
        Bad{"N.", "expected the end, found 1 more bytes"}, Bad{"N(\x85", "expected a value on the stack"},
        Bad{"t", "expected a mark on the stack, found none"},
        Bad{"}(Nu", "expected keys and values, found 1"}, Bad{"](NNu", "expected a dictionary, found a list"},
        Bad{"}Na", "expected a list, found a dictionary"}, Bad{"}(e", "expected a list, found a dictionary"},
        Bad{"Nh\x00"s, "expected one of 0 places in the memo, found 0"},
        Bad{"Nj\xff\xff\xff\xff", "expected one of 0 places in the memo, found 4294967295"},
        Bad{"Nr\xff\xff\xff\xff", "expected a place in the memo up to 0, found 4294967295"},
        Bad{"Nq\x01", "expected a place in the memo up to 0, found 1"},
        Bad{"q\x00"s, "expected a value on the stack"},
        Bad{"\x95\xff\xff\xff\xff\xff\xff\xff\xffN",
            "expected a frame within 2 bytes, found 18446744073709551615"},
        Bad{"\x8a\x09" + std::string(9, '\x01'), "expected an integer of 64 bits, found one of 9 bytes"},
        Bad{"\x8b\x01\x00\x00\x00\x01"s, "found opcode LONG4"},
        Bad{"X\xff\xff\xff\xff", "expected 4294967295 more bytes, found 1"},
        Bad{"\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "expected 18446744073709551615 more bytes, found 1"},
        Bad{"ctorch", "expected 1 more bytes, found 0"}, Bad{"G1234", "expected 8 more bytes, found 5"}));

std::string call(const std::string& name, const std::string& arguments) {
  return global("torch._utils", name) + "(" + arguments + "tR";
}

INSTANTIATE_TEST_SUITE_P(
    Tensors, BadPickle,
    ::testing::Values(
        Bad{call("_rebuild_tensor_v2", "NNN"), "expected 6 arguments of _rebuild_tensor_v2, found 3"},
        Bad{call("_rebuild_tensor_v2", "NK\x01))\x89}"), "expected a storage, found None"},
        Bad{call("_rebuild_tensor_v2", storage({}) + "N))\x89}"), "expected an integer, found None"},
        Bad{call("_rebuild_tensor_v2", storage({}) + "K\x01])\x89}"), "expected a tuple, found a list"},
        Bad{call("_rebuild_tensor_v2", storage({}) + "K\x01N\x85)\x89}"), "expected an integer, found None"},
        Bad{call("_rebuild_tensor_v2", storage({}) + "K\x01)(" + std::string(9, '\x89') + "t\x89}"),
            "expected at most 8 dimensions, found 9"},
        Bad{call("_rebuild_tensor_v2", storage({}) + "K\x01))\x89}}NNs"),
            "expected a plain tensor, found one with metadata"},
        Bad{call("_rebuild_parameter", "N\x88}"), "expected a tensor, found None"},
        Bad{call("_rebuild_parameter", tensor()), "expected 3 arguments of _rebuild_parameter, found 1"},
        Bad{text("0") + "Q", "expected a tuple, found a text"},
        Bad{"(t"
            "Q",
            "expected 5 arguments of a persistent id, found 0"},
        Bad{"(" + text("module") + global("torch", "FloatStorage") + text("0") + text("cpu") + "K\x01tQ",
            "expected the persistent id of a storage, found one of 'module'"},
        Bad{"(" + text("storage") + global("collections", "OrderedDict") + text("0") + text("cpu") +
                "K\x01tQ",
            "found one of 'storage' and OrderedDict"}));

TEST(HostilePickle, TruncationAnywhereIsAnError) {
  const std::string good =
      pickle("}(" + text("a") + tensor() + text("b") + call("_rebuild_parameter", tensor() + "\x88}") + "u");
  ASSERT_NO_THROW(read_pickle(as_bytes(good), "x.pth"));
  for (std::size_t size = 0; size < good.size(); size++) error_in(good.substr(0, size));
}

TEST(HostilePickle, ALargeOneIsRefusedUnread) {
  EXPECT_TRUE(contains(error_in(std::string(5 << 20, 'N')), "expected at most 4.19 MB, found 5.24 MB"));
}

TEST(HostilePickle, SoManyValuesAreRefused) {
  EXPECT_TRUE(contains(error_in(pickle(std::string(1'000'001, 'N'))), "expected at most 1000000 values"));
}

TEST(HostilePickle, DepthCostsNoStack) {
  // Lists in lists, tuples in tuples, a dictionary in itself.
  std::string lists(900'000, ']');
  EXPECT_EQ(read_pickle(as_bytes(pickle(lists + std::string(899'999, 'a'))), "x.pth").top->items.size(), 1U);
  EXPECT_NO_THROW(read_pickle(as_bytes(pickle(")" + std::string(900'000, '\x85'))), "x.pth"));
  EXPECT_NO_THROW(read_pickle(as_bytes(pickle("}q\x00"s + text("a") + "h\x00s"s)), "x.pth"));
  EXPECT_TRUE(contains(error_in(pickle(std::string(900'000, '('))), "expected a value on the stack"));
}

TEST(HostilePickle, SharingMultipliesNothing) {
  // Twenty levels of ten references each: 10^20 values for whoever would write them out.
  std::string laughs = "]q\x00"s;
  for (int level = 1; level < 20; level++) {
    laughs += "](";
    for (int i = 0; i < 10; i++) laughs += "h" + std::string(1, static_cast<char>(level - 1));
    laughs += "eq" + std::string(1, static_cast<char>(level));
  }
  laughs += "(";
  EXPECT_TRUE(contains(error_in(pickle(laughs)), "expected a value on the stack"));
  std::string good = "]q\x00\x85"s;
  for (int level = 1; level < 20; level++) good += "h\x00\x86"s;
  EXPECT_NO_THROW(read_pickle(as_bytes(pickle(good)), "x.pth"));
}

}  // namespace
}  // namespace tramontane
