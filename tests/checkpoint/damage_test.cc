#include "checkpoint/support.h"
#include "model/weights.h"

// Files cut off at every byte, and with every byte changed: loading must end in an Error, or, where a changed
// byte is a weight, in weights; never in anything else. The sanitisers of the asan preset watch.
namespace tramontane {
namespace {

using synthetic::Container;
using testing::contains;
using testing::error_of;
using testing::read_file;
using testing::TempFolder;
using testing::write_file;

struct Target {
  const char* name;
  Container container;
  const char* file;
};

class Damage : public ::testing::TestWithParam<Target> {
 protected:
  void SetUp() override {
    synthetic::SyntheticOptions options;
    options.args = testing::smallest_args();
    options.quant = QuantSpec{2, 32};
    options.container = GetParam().container;
    write_checkpoint(folder_.path(), options);
    good_ = read_file(path());
  }
  std::filesystem::path path() const { return folder_ / GetParam().file; }
  void load() const { load_weights(Checkpoint::open(folder_.path())); }

  TempFolder folder_;
  std::string good_;
};

TEST_P(Damage, TruncationAtEveryByteIsAnError) {
  ASSERT_NO_THROW(load());
  // Text may end before its last newline.
  const std::size_t end = good_.find_last_not_of('\n') + 1;
  for (std::size_t size = end; size-- > 0;) {
    std::filesystem::resize_file(path(), size);
    const std::string message = error_of([&] { load(); });
    ASSERT_TRUE(contains(message, GetParam().file)) << "cut to " << size << " bytes: " << message;
  }
}

TEST_P(Damage, AChangedByteIsAnErrorOrHarmless) {
  std::fstream file(path(), std::ios::binary | std::ios::in | std::ios::out);
  std::size_t errors = 0;
  constexpr std::string_view kChanges("\x01\x80\xff", 3);
  for (std::size_t at = 0; at < good_.size(); at++) {
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(good_[at] ^ kChanges[at % kChanges.size()])).flush();
    try {
      load();
    } catch (const Error&) {
      errors++;
    }
    file.seekp(static_cast<std::streamoff>(at));
    file.put(good_[at]).flush();
  }
  EXPECT_GT(errors, 100U);
  EXPECT_NO_THROW(load());
}

INSTANTIATE_TEST_SUITE_P(
    All, Damage,
    ::testing::Values(Target{"stored", Container::npz, "weights.npz"},
                      Target{"deflated", Container::npz_deflated, "weights.npz"},
                      Target{"zip64", Container::npz_zip64, "weights.npz"},
                      Target{"safetensors", Container::safetensors, "model.safetensors"},
                      Target{"index", Container::safetensors_shards, "model.safetensors.index.json"},
                      Target{"shard", Container::safetensors_shards, "model-00002-of-00002.safetensors"},
                      Target{"config", Container::npz, "config.json"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace tramontane
