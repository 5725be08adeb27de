#include "convert/array_writer.h"

#include <zlib.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "checkpoint/npy.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/zip.h"
#include "convert/support.h"
#include "core/thread_pool.h"

namespace tramontane {
namespace {

using testing::read_file;
using testing::TempFolder;

const std::vector<TensorHeader> kArrays = {{"a.weight", DType::uint32, {3, 5}},
                                           {"a.scales", DType::float16, {3, 7}},
                                           {"b.weight", DType::bfloat16, {4096}},
                                           {"c.weight", DType::float32, {11, 13}}};

std::string content(std::size_t array) {
  std::mt19937 random(static_cast<unsigned>(array));
  std::string bytes(kArrays[array].bytes(), ' ');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

/// All arrays in small pieces, in no order, from several threads.
void write_all(ArrayWriter& writer) {
  struct Piece {
    std::size_t array, begin, size;
  };
  std::vector<Piece> pieces;
  for (std::size_t array = 0; array < kArrays.size(); ++array) {
    for (std::size_t at = 0; at < kArrays[array].bytes(); at += 37) {
      pieces.push_back({array, at, std::min<std::size_t>(37, kArrays[array].bytes() - at)});
    }
  }
  std::shuffle(pieces.begin(), pieces.end(), std::mt19937(1));
  ThreadPool pool(3);
  pool.for_each(static_cast<std::int64_t>(pieces.size()), [&](std::int64_t item, int) {
    const Piece& piece = pieces[static_cast<std::size_t>(item)];
    const std::string bytes = content(piece.array);
    writer.write(piece.array, piece.begin, testing::as_bytes(bytes).subspan(piece.begin, piece.size));
  });
  writer.finish();
}

void expect_array(const TensorView& view, std::size_t array) {
  EXPECT_EQ(view.name, kArrays[array].name);
  EXPECT_EQ(view.dtype, kArrays[array].dtype);
  EXPECT_EQ(view.shape, kArrays[array].shape);
  const std::string expected = content(array);
  EXPECT_TRUE(std::equal(view.bytes.begin(), view.bytes.end(), testing::as_bytes(expected).begin()));
}

TEST(NpzWriterTest, PiecesInAnyOrderMakeAWholeArchive) {
  const TempFolder folder;
  write_all(*npz_writer(folder.path(), kArrays));
  const std::string bytes = read_file(folder / "weights.npz");
  InflatedMembers none(0);
  const auto views = read_npz(testing::as_bytes(bytes), "weights.npz", none);
  ASSERT_EQ(views.size(), kArrays.size());
  for (std::size_t i = 0; i < views.size(); ++i) expect_array(views[i], i);
  for (const ZipMember& member : read_zip_directory(testing::as_bytes(bytes), "weights.npz")) {
    const auto* data = reinterpret_cast<const Bytef*>(member.stored.data());
    EXPECT_EQ(member.crc, crc32_z(0, data, member.stored.size())) << member.name;
  }
}

TEST(SafetensorsWriterTest, SmallModelsAreOneFile) {
  const TempFolder folder;
  write_all(*safetensors_writer(folder.path(), kArrays, {}));
  const std::string bytes = read_file(folder / "model.safetensors");
  const auto views = read_safetensors(testing::as_bytes(bytes), "model.safetensors");
  ASSERT_EQ(views.size(), kArrays.size());
  for (std::size_t i = 0; i < views.size(); ++i) expect_array(views[i], i);
  EXPECT_EQ(testing::files_in(folder.path()).size(), 2U);
}

TEST(SafetensorsWriterTest, ShardsHoldWhatFitsAndTheIndexSaysWhere) {
  const TempFolder folder;
  write_all(*safetensors_writer(folder.path(), kArrays, {.shard_bytes = 200, .parameters = 77}));
  const auto index = parse_safetensors_index(read_file(folder / "model.safetensors.index.json"), "index");
  const std::vector<std::string> files = {
      "model-00001-of-00003.safetensors", "model-00001-of-00003.safetensors",
      "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors"};
  for (std::size_t i = 0; i < kArrays.size(); ++i) {
    ASSERT_EQ(index.at(kArrays[i].name), files[i]);
    const std::string bytes = read_file(folder / files[i]);
    for (const TensorView& view : read_safetensors(testing::as_bytes(bytes), files[i])) {
      if (view.name == kArrays[i].name) expect_array(view, i);
    }
  }
  const auto json = nlohmann::json::parse(read_file(folder / "model.safetensors.index.json"));
  EXPECT_EQ(json["metadata"]["total_size"], 60 + 42 + 8192 + 572);
  EXPECT_EQ(json["metadata"]["total_parameters"], 77);
}

TEST(ArrayWriterTest, AFileThatIsThereIsNotOverwritten) {
  const TempFolder folder;
  testing::write_file(folder / "weights.npz", "mine");
  EXPECT_TRUE(
      testing::contains(testing::error_of([&] { npz_writer(folder.path(), kArrays); }), "cannot create"));
  EXPECT_EQ(read_file(folder / "weights.npz"), "mine");
}

}  // namespace
}  // namespace tramontane
