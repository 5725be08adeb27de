#include "checkpoint/zip.h"

#include "checkpoint/support.h"

namespace tramontane {
namespace {

using synthetic::ZipOptions;
using testing::as_bytes;
using testing::contains;
using testing::error_of;
using testing::make_zip;
using testing::with_integer;

constexpr std::uint64_t kNoLimit = 1 << 30;

// Offsets in records that the writer makes without extra fields or comments.
constexpr std::size_t kEnd = 22;
constexpr std::size_t kCentral = 46;

struct Archive {
  std::string bytes;
  std::size_t end() const { return bytes.size() - kEnd; }
  std::size_t directory() const { return bytes.find("PK\x01\x02"); }
  std::size_t second_entry() const { return bytes.find("PK\x01\x02", directory() + 1); }
};

Archive two_members() { return {make_zip({{"a", "first"}, {"b", "second"}})}; }

std::string error_in(const std::string& bytes) {
  return error_of([&] { read_zip_directory(as_bytes(bytes), "x.npz"); });
}

class ZipKind : public ::testing::TestWithParam<ZipOptions> {};

TEST_P(ZipKind, MembersAreReadBack) {
  const std::string zeros(100'000, '\0');
  const std::string bytes = make_zip({{"a", "first"}, {"empty", ""}, {"zeros", zeros}}, GetParam());
  const auto members = read_zip_directory(as_bytes(bytes), "x.npz");
  ASSERT_EQ(members.size(), 3U);
  InflatedMembers inflated(kNoLimit);
  const std::vector<std::string> expected = {"first", "", zeros};
  for (std::size_t i = 0; i < 3; i++) {
    EXPECT_EQ(members[i].deflated, GetParam().deflate);
    const auto data = members[i].deflated ? inflated.inflate(members[i], "x.npz") : members[i].stored;
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(data.data()), data.size()), expected[i]);
  }
}

TEST_P(ZipKind, EveryTruncationIsRefused) {
  const std::string bytes = make_zip({{"a", "first"}, {"b", "second"}}, GetParam());
  for (std::size_t size = 0; size < bytes.size(); size++) {
    EXPECT_TRUE(contains(error_in(bytes.substr(0, size)), "x.npz: ")) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ZipKind,
                         ::testing::Values(ZipOptions{}, ZipOptions{.deflate = true},
                                           ZipOptions{.zip64 = true},
                                           ZipOptions{.deflate = true, .zip64 = true}));

TEST(Zip, AStoredMemberLiesInTheArchive) {
  const Archive archive = two_members();
  const auto members = read_zip_directory(as_bytes(archive.bytes), "x.npz");
  EXPECT_EQ(reinterpret_cast<const char*>(members[0].stored.data()),
            archive.bytes.data() + archive.bytes.find("first"));
}

TEST(Zip, ACommentMayFollow) {
  Archive archive = two_members();
  archive.bytes = with_integer(archive.bytes, archive.end() + 20, 5, 2) + "hello";
  EXPECT_EQ(read_zip_directory(as_bytes(archive.bytes), "x.npz").size(), 2U);
}

// One lie, and what the message must say of it. Fields are at offsets of APPNOTE 4.3.7, 4.3.12 and 4.3.16.
struct Lie {
  const char* name;
  enum class Record { end, central, second_central, local } record;
  std::size_t field;
  std::uint64_t value;
  int width;
  const char* message;
};

class ZipLie : public ::testing::TestWithParam<Lie> {};

TEST_P(ZipLie, IsRefused) {
  const Lie& lie = GetParam();
  const Archive archive = two_members();
  std::size_t at = 0;
  switch (lie.record) {
    case Lie::Record::end:
      at = archive.end();
      break;
    case Lie::Record::central:
      at = archive.directory();
      break;
    case Lie::Record::second_central:
      at = archive.second_entry();
      break;
    case Lie::Record::local:
      at = 0;
      break;
  }
  EXPECT_TRUE(
      contains(error_in(with_integer(archive.bytes, at + lie.field, lie.value, lie.width)), lie.message));
}

using Record = Lie::Record;
INSTANTIATE_TEST_SUITE_P(
    All, ZipLie,
    ::testing::Values(
        Lie{"disk", Record::end, 4, 1, 2, "a part of several"},
        Lie{"directory_disk", Record::end, 6, 1, 2, "a part of several"},
        Lie{"members_here", Record::end, 8, 1, 2, "a part of several"},
        Lie{"members", Record::end, 8, 0xfffefffe, 4, "cannot hold 65534 members"},
        Lie{"fewer_members", Record::end, 8, 0x00010001, 4, "47 bytes are left over after 1 members"},
        Lie{"directory_size", Record::end, 12, 1, 4, "expected it to end at byte"},
        Lie{"directory_offset", Record::end, 16, 0xfffffffe, 4, "expected it to end at byte"},
        Lie{"signature", Record::central, 0, 7, 4, "signature is wrong"},
        Lie{"encrypted", Record::central, 8, 1, 2, "'a' is encrypted"},
        Lie{"strong_encryption", Record::central, 8, 64, 2, "'a' is encrypted"},
        Lie{"method", Record::central, 10, 12, 2, "found compression method 12"},
        Lie{"crc", Record::central, 16, 0, 4, "local header and the central directory differ"},
        Lie{"stored_size", Record::central, 20, 4, 4, "stored, yet 5 bytes take 4"},
        Lie{"both_sizes", Record::central, 20, 0x0000000400000004, 8, "differ"},
        Lie{"wide_without_extra", Record::central, 20, 0xffffffffffffffff, 8, "differ"},
        Lie{"name_size", Record::central, 28, 0xffff, 2, "more bytes"},
        Lie{"extra_size", Record::central, 30, 0xffff, 2, "more bytes"},
        Lie{"comment_size", Record::central, 32, 0xffff, 2, "more bytes"},
        Lie{"member_disk", Record::central, 34, 1, 2, "expected disk 0"},
        Lie{"offset_past_directory", Record::central, 42, 0x7fffffff, 4, "expected its header before"},
        Lie{"offset_inside_data", Record::central, 42, 3, 4, "no local header"},
        Lie{"name", Record::second_central, 46, 'a', 1, "differ"},
        Lie{"local_signature", Record::local, 0, 0, 4, "no local header"},
        Lie{"local_encrypted", Record::local, 6, 1, 2, "differ"},
        Lie{"local_method", Record::local, 8, 8, 2, "differ"},
        Lie{"local_crc", Record::local, 14, 1, 4, "differ"},
        Lie{"local_sizes", Record::local, 18, 0x0000000600000006, 8, "differ"},
        Lie{"local_name_size", Record::local, 26, 0xffff, 2, "more bytes"},
        Lie{"local_extra_size", Record::local, 28, 0xffff, 2, "more bytes"},
        Lie{"local_name", Record::local, 30, 'z', 1, "differ"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Zip, SizesThatReachIntoTheDirectoryAreRefused) {
  Archive archive = two_members();
  const std::size_t local = archive.bytes.find("PK\x03\x04", 1);
  for (const std::size_t at : {archive.second_entry() + 20, local + 18}) {
    archive.bytes = with_integer(archive.bytes, at, 0x0000000700000007, 8);
  }
  EXPECT_TRUE(contains(error_in(archive.bytes), "zip member 'b': expected 7 more bytes, found 6"));
}

TEST(Zip, OverlappingMembersAreRefused) {
  // The first member claims everything up to and into the second one.
  Archive archive = two_members();
  const std::uint64_t size = archive.bytes.find("PK\x03\x04", 1) - archive.bytes.find("first") + 4;
  for (const std::size_t at : {archive.directory() + 20, std::size_t{18}}) {
    archive.bytes = with_integer(archive.bytes, at, size << 32 | size, 8);
  }
  EXPECT_TRUE(contains(error_in(archive.bytes), "zip members 'a' and 'b' overlap"));
}

TEST(Zip, DuplicateNamesAreRefused) {
  EXPECT_TRUE(contains(error_in(make_zip({{"a", "1"}, {"a", "2"}})), "zip member 'a' is there twice"));
}

TEST(Zip, TwoEntriesForOneMemberAreRefused) {
  Archive archive = two_members();
  const std::string entry = archive.bytes.substr(archive.directory(), kCentral + 1);
  archive.bytes.replace(archive.second_entry(), entry.size(), entry);
  EXPECT_TRUE(contains(error_in(archive.bytes), "is there twice"));
}

TEST(Zip64, OffsetsThatOverflowAreRefused) {
  const std::string bytes = make_zip({{"a", "first"}}, {.zip64 = true});
  const std::size_t locator = bytes.size() - kEnd - 20;
  const std::size_t end64 = locator - 56;
  const std::size_t extra = bytes.find("PK\x01\x02") + kCentral + 1 + 4;  // size, stored size, offset
  for (const std::size_t at :
       {locator + 8, end64 + 24, end64 + 32, end64 + 40, end64 + 48, extra, extra + 8, extra + 16}) {
    for (const std::uint64_t value : {~0ULL, ~0ULL >> 1, ~0ULL - bytes.size(), 1ULL << 32}) {
      EXPECT_TRUE(contains(error_in(with_integer(bytes, at, value, 8)), "x.npz: ")) << at << " " << value;
    }
  }
}

TEST(Zip64, AWideSizeWithoutItsExtraFieldIsRefused) {
  std::string bytes = make_zip({{"a", "first"}}, {.zip64 = true});
  const std::size_t extra = bytes.find("PK\x01\x02") + kCentral + 1;
  bytes[extra] = 9;  // some other extra field
  EXPECT_TRUE(contains(error_in(bytes), "expected its header before"));
}

std::string deflated() { return make_zip({{"a", std::string(5000, 'x')}}, {.deflate = true}); }

std::string inflate_error(const std::string& bytes, std::uint64_t limit = kNoLimit) {
  const auto members = read_zip_directory(as_bytes(bytes), "x.npz");
  return error_of([&] { InflatedMembers(limit).inflate(members.at(0), "x.npz"); });
}

/// Both headers claim `size` uncompressed bytes.
std::string claiming(std::string bytes, std::uint64_t size) {
  const std::size_t directory = bytes.find("PK\x01\x02");
  return with_integer(with_integer(std::move(bytes), 22, size, 4), directory + 24, size, 4);
}

TEST(Inflate, MoreOrLessThanClaimedIsRefused) {
  EXPECT_TRUE(contains(inflate_error(claiming(deflated(), 4999)), "a deflate stream of 4999 bytes"));
  EXPECT_TRUE(contains(inflate_error(claiming(deflated(), 5001)), "a deflate stream of 5001 bytes"));
}

TEST(Inflate, AnImpossibleClaimIsRefusedBeforeItTakesMemory) {
  EXPECT_TRUE(contains(inflate_error(claiming(deflated(), 0xfffffffe)), "cannot make 4294967294"));
}

TEST(Inflate, TheLimitHolds) {
  EXPECT_TRUE(contains(inflate_error(deflated(), 4999), "expected at most 4999 more bytes"));
}

TEST(Inflate, AFlippedBitIsFound) {
  const std::string good = deflated();
  const auto data = read_zip_directory(as_bytes(good), "x.npz").at(0).stored;
  const auto begin = static_cast<std::size_t>(reinterpret_cast<const char*>(data.data()) - good.data());
  for (std::size_t bit = 0; bit < data.size() * 8; bit++) {
    std::string bad = good;
    bad[begin + bit / 8] = static_cast<char>(bad[begin + bit / 8] ^ (1 << bit % 8));
    const auto members = read_zip_directory(as_bytes(bad), "x.npz");
    InflatedMembers inflated(kNoLimit);
    try {
      const auto out = inflated.inflate(members.at(0), "x.npz");
      // Padding after the end of the stream may differ; the contents may not.
      EXPECT_EQ(std::string(reinterpret_cast<const char*>(out.data()), out.size()), std::string(5000, 'x'))
          << bit;
    } catch (const Error& error) {
      EXPECT_TRUE(contains(error.what(), "zip member 'a'"));
    }
  }
}

TEST(Inflate, AWrongChecksumIsRefused) {
  std::string bytes = deflated();
  const std::size_t directory = bytes.find("PK\x01\x02");
  bytes = with_integer(with_integer(bytes, 14, 0x1234, 4), directory + 16, 0x1234, 4);
  EXPECT_TRUE(contains(inflate_error(bytes), "expected checksum 00001234"));
}

}  // namespace
}  // namespace tramontane
