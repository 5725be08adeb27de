#include "tramontane/convert.h"

#include <cstring>

#include "convert/permuted_rows.h"
#include "convert/recipe.h"
#include "convert/support.h"
#include "core/float16.h"
#include "support/random_model.h"

namespace tramontane {
namespace {

namespace fs = std::filesystem;
using testing::all_parts;
using testing::all_values;
using testing::contains;
using testing::error_of;
using testing::files_in;
using testing::read_file;

class ConvertTest : public ::testing::Test {
 protected:
  /// A random checkpoint to start from.
  fs::path make(const synthetic::SyntheticOptions& options, const std::string& name = "from") {
    synthetic::write_checkpoint(home_ / name, options);
    return home_ / name;
  }
  ConvertOptions options(const fs::path& from, const std::string& to) const {
    ConvertOptions options;
    options.from = from;
    options.to = home_ / to;
    return options;
  }
  std::string converted(const fs::path& from, const std::string& to, CheckpointFormat format,
                        std::optional<DType> dtype = {}) const {
    ConvertOptions o = options(from, to);
    o.format = format;
    o.dtype = dtype;
    convert(o);
    return (home_ / to).string();
  }

  testing::TempFolder home_;
};

/// The rows of a place, wq and wk in one RoPE layout.
std::unique_ptr<RowSource> interleaved(const Source& source, const Place& place) {
  const bool rotated = place.role == Role::wq || place.role == Role::wk;
  const bool other = rotated && source.config.args.rope_layout == RopeLayout::half_split;
  const int head_dim = other ? source.config.args.head_dim : 2;  // heads of 2 stay as they are
  return permuted_rows(*source.parameters.at(place), head_dim, RopeLayout::interleaved);
}

void expect_same_model(const fs::path& a_folder, const fs::path& b_folder) {
  const Source a = open_source(a_folder);
  const Source b = open_source(b_folder);
  EXPECT_NO_THROW(check_parameters(b, b_folder.string()));
  ASSERT_EQ(a.parameters.size(), b.parameters.size());
  for (const auto& [place, rows] : a.parameters) {
    const auto mine = interleaved(a, place);
    const auto theirs = interleaved(b, place);
    ASSERT_EQ(mine->dtype(), theirs->dtype()) << theirs->label();
    ASSERT_EQ(all_values(*mine), all_values(*theirs)) << theirs->label();
    ASSERT_EQ(mine->stored_quant().has_value(), theirs->stored_quant().has_value());
    if (mine->stored_quant()) ASSERT_EQ(all_parts(*mine), all_parts(*theirs)) << theirs->label();
  }
}

void expect_same_args(const ModelArgs& a, const ModelArgs& b) {
  EXPECT_EQ(std::tuple(a.dim, a.n_layers, a.head_dim, a.hidden_dim, a.n_heads, a.n_kv_heads, a.vocab_size),
            std::tuple(b.dim, b.n_layers, b.head_dim, b.hidden_dim, b.n_heads, b.n_kv_heads, b.vocab_size));
  EXPECT_EQ(std::tuple(a.norm_eps, a.rope_theta, a.sliding_window, a.tied_embeddings, a.max_position),
            std::tuple(b.norm_eps, b.rope_theta, b.sliding_window, b.tied_embeddings, b.max_position));
  ASSERT_EQ(a.yarn.has_value(), b.yarn.has_value());
  if (a.yarn) {
    EXPECT_EQ(a.yarn->factor, b.yarn->factor);
    EXPECT_EQ(a.yarn->original_max_position, b.yarn->original_max_position);
    EXPECT_NEAR(a.yarn->attention_factor, b.yarn->attention_factor, 1e-12);
  }
  ASSERT_EQ(a.query_temperature.has_value(), b.query_temperature.has_value());
}

TEST_F(ConvertTest, ThroughTheOtherFormatAndBackIsExact) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const synthetic::SyntheticOptions made = testing::random_options(seed);
    const std::string n = std::to_string(seed);
    const fs::path from = make(made, "from" + n);
    const std::string there = converted(from, "there" + n, CheckpointFormat::safetensors, made.dtype);
    const std::string back = converted(there, "back" + n, CheckpointFormat::npz, made.dtype);
    expect_same_model(from, there);
    expect_same_model(from, back);
    expect_same_args(open_source(from).config.args, open_source(there).config.args);
    expect_same_args(open_source(from).config.args, open_source(back).config.args);
  }
}

TEST_F(ConvertTest, DefaultsAreTheOriginals) {
  synthetic::SyntheticOptions made = testing::small_options();
  made.quant.reset();
  made.dtype = DType::bfloat16;
  made.names = synthetic::Names::hugging_face;
  made.container = synthetic::Container::safetensors;
  made.tokenizer = TEST_DATA "/stories260k/tokenizer.model";
  const fs::path from = make(made);
  const Source npz = open_source(converted(from, "npz", CheckpointFormat::npz));
  const Source safetensors = open_source(converted(from, "safetensors", CheckpointFormat::safetensors));
  for (const auto& [place, rows] : npz.parameters) {
    EXPECT_EQ(rows->dtype(), DType::float16);
    EXPECT_EQ(safetensors.parameters.at(place)->dtype(), DType::bfloat16);
  }
  const auto files = files_in(home_ / "npz");
  EXPECT_EQ(files.size(), 3U);
  EXPECT_EQ(files.at("tokenizer.model"), read_file(made.tokenizer));
  const auto config = nlohmann::json::parse(files.at("config.json"));
  EXPECT_EQ(config["model_type"], "mistral");
  EXPECT_EQ(config["dim"], made.args.dim);
  EXPECT_FALSE(config.contains("quantization"));
}

TEST_F(ConvertTest, QuantisesWhatItWouldHaveWrittenPlainly) {
  synthetic::SyntheticOptions made = testing::small_options();
  made.quant.reset();
  made.dtype = DType::float32;
  const fs::path from = make(made);
  const std::string plain = converted(from, "plain", CheckpointFormat::npz, DType::bfloat16);
  for (const char* mode : {"affine", "mxfp4", "mxfp8", "nvfp4"}) {
    ConvertOptions o = options(from, mode);
    o.quantize = true;
    o.mode = mode;
    if (o.mode == "affine") o.group_size = 32;
    o.dtype = DType::bfloat16;
    const ConvertReport report = convert(o);
    EXPECT_TRUE(report.requantized.empty());
    const QuantSpec spec = make_quant_spec(mode, {}, o.group_size);
    const Source expected = open_source(plain);
    const Source found = open_source(o.to);
    for (const auto& [place, rows] : found.parameters) {
      const std::vector<float> values = all_values(*expected.parameters.at(place));
      if (!rows->stored_quant()) {
        EXPECT_EQ(all_values(*rows), values) << rows->label();
        continue;
      }
      EXPECT_EQ(rows->stored_quant()->spec, spec);
      const std::vector<std::byte> parts = all_parts(*rows);
      std::vector<std::byte> mine(parts.size());
      const auto n = static_cast<std::size_t>(rows->rows());
      std::byte* scales = mine.data() + n * words_bytes(rows->cols(), spec);
      std::byte* biases = scales + n * scales_bytes(rows->cols(), spec, DType::bfloat16);
      const bool affine = spec.mode == QuantMode::affine;
      quantize(values.data(), rows->rows(), rows->cols(), spec, DType::bfloat16,
               {mine.data(), scales, affine ? biases : nullptr});
      EXPECT_EQ(parts, mine) << rows->label();
    }
  }
}

TEST_F(ConvertTest, QuantisesAgainOnlyWhatIsOtherwise) {
  synthetic::SyntheticOptions made = testing::small_options();
  made.overrides["layers.0.feed_forward.w2"] = QuantSpec{8, 32};
  made.overrides["layers.1.attention.wv"] = std::nullopt;
  const fs::path from = make(made);
  ConvertOptions o = options(from, "same");
  o.quantize = true;
  o.bits = 4;
  o.group_size = 32;
  std::size_t carried = 0;
  for (const RequantizedMatrix& matrix : convert(o).requantized) {
    carried += matrix.carried ? 1 : 0;
    if (matrix.carried) continue;
    EXPECT_EQ(matrix.path, "layers.0.feed_forward.w2");
    EXPECT_EQ(matrix.from, "8-bit affine, groups of 32");
    EXPECT_EQ(matrix.to, "4-bit affine, groups of 32");
  }
  EXPECT_EQ(carried, 14U);  // of 2 * 7 + 2 matrices
  const Source found = open_source(o.to);
  for (const auto& [place, rows] : found.parameters) {
    if (place.role == Role::wv || place.role == Role::w2) {
      EXPECT_EQ(rows->stored_quant()->spec, (QuantSpec{4, 32}));
    }
  }
}

TEST_F(ConvertTest, DequantisedIsWhatMlxDequantises) {
  const fs::path from = make(testing::small_options());
  ConvertOptions o = options(from, "plain");
  o.dequantize = true;
  convert(o);
  const Source source = open_source(from);
  const Source plain = open_source(o.to);
  for (const auto& [place, rows] : plain.parameters) {
    EXPECT_FALSE(rows->stored_quant());
    EXPECT_EQ(rows->dtype(), DType::float16);
    EXPECT_EQ(all_values(*rows), all_values(*source.parameters.at(place)));
  }
}

TEST_F(ConvertTest, RecipesBecomeOverrides) {
  synthetic::SyntheticOptions made = testing::small_options();
  made.quant.reset();
  const fs::path from = make(made);
  ConvertOptions o = options(from, "mixed");
  o.quantize = true;
  o.recipe = "mixed_3_6";
  o.group_size = 32;
  o.format = CheckpointFormat::safetensors;
  convert(o);
  const auto config = nlohmann::json::parse(read_file(o.to / "config.json"));
  EXPECT_EQ(config["quantization"]["bits"], 3);
  EXPECT_EQ(config["quantization"]["lm_head"]["bits"], 6);
  EXPECT_EQ(config["quantization"]["model.layers.1.mlp.down_proj"]["group_size"], 32);
  EXPECT_EQ(config["quantization"], config["quantization_config"]);
  const Source found = open_source(o.to);
  EXPECT_EQ(found.parameters.at({Role::output})->stored_quant()->spec.bits, 6);
  EXPECT_EQ(found.parameters.at({Role::wq, 1})->stored_quant()->spec.bits, 3);
}

TEST_F(ConvertTest, ColumnsThatNoGroupDividesStayPlain) {
  synthetic::SyntheticOptions made = testing::small_options();
  made.quant.reset();
  made.args.hidden_dim = 80;
  const fs::path from = make(made);
  ConvertOptions o = options(from, "to");
  o.quantize = true;
  const ConvertReport report = convert(o);
  EXPECT_EQ(report.warnings.size(), 3U);  // rope_theta is given; w2 of two layers, and no tokenizer
  EXPECT_TRUE(contains(report.warnings[0], "layers.0.feed_forward.w2: not quantised, as 80 columns"));
  EXPECT_FALSE(open_source(o.to).parameters.at({Role::w2, 0})->stored_quant());
}

TEST_F(ConvertTest, ValuesTooLargeForTheTypeAreTold) {
  synthetic::SyntheticOptions made = testing::small_options();
  made.quant.reset();
  made.dtype = DType::float32;
  made.container = synthetic::Container::safetensors;
  const fs::path from = make(made);
  const float large = 1e6F;
  std::string bytes = read_file(from / "model.safetensors");
  std::memcpy(bytes.data() + bytes.size() - 4, &large, 4);
  testing::write_file(from / "model.safetensors", bytes);
  const ConvertReport report = convert(options(from, "to"));
  EXPECT_TRUE(contains(report.warnings.back(), "1 values are too large for float16 and became infinite"));
  ConvertOptions wide = options(from, "wide");
  wide.dtype = DType::bfloat16;
  for (const std::string& warning : convert(wide).warnings) EXPECT_FALSE(contains(warning, "infinite"));
}

TEST_F(ConvertTest, TheSameBytesForAnyNumberOfThreads) {
  const fs::path from = make(testing::random_options(4));
  ConvertOptions one = options(from, "one");
  one.quantize = true;
  one.group_size = 32;
  one.threads = 1;
  ConvertOptions three = one;
  three.to = home_ / "three";
  three.threads = 3;
  convert(one);
  convert(three);
  EXPECT_EQ(files_in(one.to), files_in(three.to));
}

TEST_F(ConvertTest, InterruptedLeavesNothing) {
  const fs::path from = make(testing::small_options());
  std::atomic<bool> stop{false};
  ConvertOptions o = options(from, "to");
  o.interrupt = &stop;
  EXPECT_TRUE(convert(o, [&](const ConvertProgress&) { stop = true; }).interrupted);
  EXPECT_EQ(std::distance(fs::directory_iterator(home_.path()), {}), 1);  // the source
}

TEST_F(ConvertTest, ASourceThatChangesIsAnErrorAndTheOldTargetStays) {
  const fs::path from = make(testing::small_options());
  convert(options(from, "to"));
  const auto before = files_in(home_ / "to");
  ConvertOptions again = options(from, "to");
  again.overwrite = true;
  const auto change = [&](const ConvertProgress&) { fs::resize_file(from / "weights.npz", 100); };
  EXPECT_TRUE(contains(error_of([&] { convert(again, change); }), "it changed while it was read"));
  EXPECT_EQ(files_in(home_ / "to"), before);

  const fs::path whole = make(testing::small_options(), "whole");
  again.from = whole;
  const auto touch = [&](const ConvertProgress&) {
    fs::last_write_time(whole / "weights.npz", fs::file_time_type::clock::now() + std::chrono::hours(1));
  };
  EXPECT_TRUE(contains(error_of([&] { convert(again, touch); }), "it changed while it was read"));
  EXPECT_EQ(files_in(home_ / "to"), before);
}

TEST_F(ConvertTest, ProgressEndsWithAll) {
  const fs::path from = make(testing::small_options());
  ConvertProgress last;
  const ConvertReport report = convert(options(from, "to"), [&](const ConvertProgress& progress) {
    EXPECT_GT(progress.bytes_done, last.bytes_done);
    last = progress;
  });
  EXPECT_EQ(last.bytes_done, last.bytes_total);
  EXPECT_EQ(last.bytes_total, report.bytes_written);
}

TEST_F(ConvertTest, WrongOptionsAreRefusedBeforeAnythingIsWritten) {
  const fs::path from = make(testing::small_options());
  ConvertOptions o = options(from, "to");
  o.quantize = o.dequantize = true;
  EXPECT_TRUE(contains(error_of([&] { convert(o); }), "expected one of quantize and dequantize, found both"));
  o = options(from, "to");
  o.recipe = "mixed_2_6";
  EXPECT_TRUE(contains(error_of([&] { convert(o); }), "it needs quantize"));
  o = options(from, "to");
  o.dtype = DType::uint32;
  EXPECT_TRUE(contains(error_of([&] { convert(o); }), "found uint32"));
  o = options(home_ / "nowhere", "to");
  EXPECT_TRUE(contains(error_of([&] { convert(o); }), "found nothing"));
  o = options(from, "from");
  o.overwrite = true;
  EXPECT_TRUE(contains(error_of([&] { convert(o); }), "expected a target apart from the source"));
  o.to = home_.path();
  EXPECT_TRUE(contains(error_of([&] { convert(o); }), "expected a target apart from the source"));
  EXPECT_EQ(std::distance(fs::directory_iterator(home_.path()), {}), 1);
}

TEST_F(ConvertTest, NoLinkLeadsToTheSourceBeingReplaced) {
  const fs::path from = make(testing::small_options());
  fs::create_directory(home_ / "links");
  for (const char* name : {"config.json", "weights.npz"})
    fs::create_symlink(from / name, home_ / "links" / name);
  ConvertOptions o = options(home_ / "links", "from");
  o.overwrite = true;
  EXPECT_TRUE(contains(error_of([&] { convert(o); }), "expected a target apart from the source"));
  const fs::path partial = make(testing::small_options(), "model.partial");
  EXPECT_TRUE(contains(error_of([&] { convert(options(partial, "model")); }), "apart from the source"));
  EXPECT_EQ(files_in(partial).size(), 2U);
  EXPECT_EQ(files_in(from).size(), 2U);
}

TEST_F(ConvertTest, AnyAttentionFactorOfYarnIsKept) {
  synthetic::SyntheticOptions made = testing::small_options();
  made.args.yarn = YarnScaling{.factor = 4, .original_max_position = 1024, .attention_factor = 1.5};
  for (const synthetic::Names names : {synthetic::Names::mistral, synthetic::Names::hugging_face}) {
    made.names = names;
    const std::string n = std::to_string(static_cast<int>(names));
    const fs::path from = make(made, "from" + n);
    const std::string npz = converted(from, "npz" + n, CheckpointFormat::npz);
    const std::string safetensors = converted(npz, "safetensors" + n, CheckpointFormat::safetensors);
    for (const fs::path& folder : {from, fs::path(npz), fs::path(safetensors)}) {
      EXPECT_DOUBLE_EQ(open_source(folder).config.args.yarn->attention_factor, 1.5) << folder;
    }
  }
}

TEST_F(ConvertTest, TheOriginalsConfigurationHasItsKeysOnly) {
  synthetic::SyntheticOptions made = testing::small_options();
  made.names = synthetic::Names::hugging_face;
  made.args.max_position = 4096;
  const fs::path from = make(made);
  const auto npz = nlohmann::json::parse(
      read_file(fs::path(converted(from, "npz", CheckpointFormat::npz)) / "config.json"));
  const std::vector<std::string> known = {"dim",        "n_layers",   "head_dim",    "hidden_dim",
                                          "n_heads",    "n_kv_heads", "norm_eps",    "vocab_size",
                                          "rope_theta", "model_type", "quantization"};
  for (const auto& [key, value] : npz.items()) {
    EXPECT_NE(std::find(known.begin(), known.end(), key), known.end()) << key;
  }
}

}  // namespace
}  // namespace tramontane
