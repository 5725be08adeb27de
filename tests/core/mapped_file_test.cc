#include "core/mapped_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <string>
#include <type_traits>
#include <utility>

#include "support/error_of.h"
#include "support/temp_folder.h"

namespace tramontane {
namespace {

using testing::error_of;

static_assert(!std::is_copy_constructible_v<MappedFile> && !std::is_copy_assignable_v<MappedFile>);

class MappedFileTest : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, const std::string& content) {
    const auto path = folder_ / name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  testing::TempFolder folder_;
};

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST_F(MappedFileTest, MapsTheWholeFile) {
  const std::string content("a\0b\n\xff", 5);
  const auto path = write("file", content);
  const MappedFile file = MappedFile::open(path);
  EXPECT_EQ(text_of(file), content);
  EXPECT_EQ(file.name(), path.string());
}

TEST_F(MappedFileTest, MapsAnEmptyFileAsNoBytes) {
  EXPECT_TRUE(MappedFile::open(write("empty", "")).bytes().empty());
}

TEST_F(MappedFileTest, OutlivesTheFilesName) {
  const auto path = write("file", "content");
  const MappedFile file = MappedFile::open(path);
  std::filesystem::remove(path);
  EXPECT_EQ(text_of(file), "content");
}

TEST_F(MappedFileTest, KeepsItsBytesInPlaceWhenMoved) {
  MappedFile first = MappedFile::open(write("first", "first"));
  const std::byte* data = first.bytes().data();
  MappedFile second = std::move(first);
  EXPECT_EQ(second.bytes().data(), data);
  EXPECT_EQ(text_of(second), "first");
  MappedFile third = MappedFile::open(write("third", "third"));
  third = std::move(second);
  EXPECT_EQ(third.bytes().data(), data);
  EXPECT_EQ(text_of(third), "first");
}

TEST_F(MappedFileTest, RefusesWhatIsNotAFileNamingIt) {
  const std::string missing = (folder_ / "missing").string();
  EXPECT_EQ(error_of([&] { MappedFile::open(missing); }),
            missing + ": cannot open: No such file or directory");
  EXPECT_EQ(error_of([&] { MappedFile::open(folder_.path()); }),
            folder_.path().string() + ": expected a regular file");
  EXPECT_EQ(error_of([&] { MappedFile::open("/dev/null"); }), "/dev/null: expected a regular file");
  const std::string below = write("file", "") / "below";
  EXPECT_EQ(error_of([&] { MappedFile::open(below); }), below + ": cannot open: Not a directory");
}

TEST_F(MappedFileTest, ReadTextReturnsTheContentUpToTheLimit) {
  const auto path = write("text", "12345678");
  EXPECT_EQ(read_text(path, 8), "12345678");
  EXPECT_EQ(read_text(write("none", ""), 0), "");
  EXPECT_EQ(error_of([&] { read_text(path, 7); }), path.string() + ": expected at most 7 B, found 8 B");
}

TEST_F(MappedFileTest, ReadTextNeverReadsAFileThatIsTooLarge) {
  const auto path = write("sparse", "");
  std::filesystem::resize_file(path, std::uintmax_t{1} << 40);
  EXPECT_EQ(error_of([&] { read_text(path, 1000); }),
            path.string() + ": expected at most 1 kB, found 1.1 TB");
}

}  // namespace
}  // namespace tramontane
