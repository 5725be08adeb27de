#include "tramontane/model.h"

#include <algorithm>
#include <utility>

#include "core/fail.h"
#include "model/model_impl.h"

namespace tramontane {
namespace {

constexpr int kMostThreads = 4096;

int thread_count(const LoadOptions& options) {
  if (options.threads < 0 || options.threads > kMostThreads) {
    fail("threads: expected 1 to {}, or 0 to choose, found {}", kMostThreads, options.threads);
  }
  return options.threads == 0 ? default_thread_count() : options.threads;
}

int activation_bits(const LoadOptions& options) {
  const int bits = options.activation_bits;
  if (bits != 8 && bits != 16 && bits != 32) fail("activation_bits: expected 8, 16 or 32, found {}", bits);
  return bits;
}

KvCacheShape cache_shape(const ModelArgs& args, DType checkpoint_dtype, const LoadOptions& options) {
  const DType usual = checkpoint_dtype == DType::float32 ? DType::float32 : DType::float16;
  const DType dtype = options.kv_dtype.value_or(usual);
  if (dtype != DType::float16 && dtype != DType::float32 && dtype != DType::int8) {
    fail("kv_dtype: expected float16, float32 or int8, found {}", name_of(dtype));
  }
  if (options.kv_block_tokens < 1 || options.kv_block_tokens > 4096) {
    fail("kv_block_tokens: expected 1 to 4096, found {}", options.kv_block_tokens);
  }
  return {args.n_layers, args.n_kv_heads, args.head_dim, dtype, options.kv_block_tokens};
}

Mistral make_mistral(const Checkpoint& checkpoint, Backend& backend) {
  Weights weights = load_weights(checkpoint);
  ModelArgs args = checkpoint.config().args;
  args.rope_layout = weights.rope_layout;
  return Mistral(std::move(args), std::move(weights), backend);
}

}  // namespace

Model::Impl::Impl(Checkpoint checkpoint_in, Tokenizer tokenizer_in, const LoadOptions& options)
    : checkpoint(std::move(checkpoint_in)),
      tokenizer(std::move(tokenizer_in)),
      warnings(checkpoint.config().warnings),
      backend(choose_kernels(), thread_count(options), tramontane::activation_bits(options),
              options.pin_threads),
      mistral(make_mistral(checkpoint, backend)),
      cache_shape(tramontane::cache_shape(mistral.args(), mistral.weights().dtype, options)) {}

void Model::Impl::check_tokens(std::span<const TokenId> tokens) const {
  for (std::size_t i = 0; i < tokens.size(); i++) {
    if (tokens[i] < 0 || tokens[i] >= mistral.args().vocab_size) {
      fail("token {}: expected an id in [0, {}), found {}", i, mistral.args().vocab_size, tokens[i]);
    }
  }
}

Model Model::load(const std::filesystem::path& folder, const LoadOptions& options) {
  Checkpoint checkpoint =
      Checkpoint::open(folder, {.rope_theta = options.rope_theta, .sliding_window = options.sliding_window});
  Tokenizer tokenizer = Tokenizer::load(folder);
  const int vocab_size = checkpoint.config().args.vocab_size;
  if (tokenizer.vocab_size() != vocab_size) {
    fail("{}: expected the {} pieces that {} gives as vocab_size, found {}", Tokenizer::find(folder).string(),
         vocab_size, checkpoint.config_name(), tokenizer.vocab_size());
  }
  std::vector<std::string> disagreements = tokenizer.disagreements(folder);
  auto impl = std::make_unique<Impl>(std::move(checkpoint), std::move(tokenizer), options);
  for (std::string& line : disagreements) impl->warnings.push_back(std::move(line));
  return Model(std::move(impl));
}

Model::Model(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

const ModelArgs& Model::args() const { return impl_->mistral.args(); }
const Tokenizer& Model::tokenizer() const { return impl_->tokenizer; }
DType Model::dtype() const { return impl_->mistral.weights().dtype; }
DType Model::kv_dtype() const { return impl_->cache_shape.dtype; }
int Model::threads() const { return impl_->backend.threads(); }
std::string_view Model::isa() const { return impl_->backend.kernels().name; }
std::span<const std::string> Model::warnings() const { return impl_->warnings; }

std::size_t Model::kv_bytes(std::int64_t tokens, std::int64_t batch_rows) const {
  const std::int64_t block = impl_->cache_shape.block_tokens;
  const auto blocks_for = [&](std::int64_t n) { return (n + block - 1) / block; };
  std::int64_t blocks = blocks_for(std::max<std::int64_t>(0, tokens));
  // A batch is stored before what left the window is dropped, and both ends may lie inside a block.
  if (const int window = longest_window(args()); window != 0) {
    blocks = std::min(blocks, blocks_for(window + batch_rows) + 1);
  }
  return static_cast<std::size_t>(blocks) * impl_->cache_shape.block_bytes();
}

std::vector<float> Model::logits(std::span<const TokenId> tokens, int chunk) {
  if (chunk < 1) fail("chunk: expected at least 1 token, found {}", chunk);
  impl_->check_tokens(tokens);
  const auto vocab_size = static_cast<std::size_t>(args().vocab_size);
  std::vector<float> all;
  try {
    all.reserve(tokens.size() * vocab_size);
  } catch (const std::exception&) {
    fail("not enough memory for the logits of {} tokens", tokens.size());
  }
  KvCache cache = impl_->make_cache();
  const SequenceId sequence = cache.create();
  while (!tokens.empty()) {
    const auto ids = tokens.first(std::min(tokens.size(), static_cast<std::size_t>(chunk)));
    Batch batch;
    batch.add(sequence, cache.length(sequence), ids, Batch::Logits::all);
    const Rows logits = impl_->mistral.forward(batch, cache);
    all.insert(all.end(), logits.data, logits.data + logits.size());
    tokens = tokens.subspan(ids.size());
  }
  return all;
}

}  // namespace tramontane
