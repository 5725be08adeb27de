#include "synthetic/checkpoint_writer.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/fail.h"
#include "synthetic/pth_pickle.h"
#include "synthetic/zip_writer.h"

namespace tramontane::synthetic {
namespace {

namespace fs = std::filesystem;
using Tensors = std::span<const PlannedTensor>;

constexpr std::size_t kPieceBytes = 1 << 20;

/// Hands the tensor's bytes to `sink` piece by piece.
template <class Sink>
void stream(const PlannedTensor& tensor, std::vector<std::byte>& buffer, Sink sink) {
  const std::uint64_t total = tensor.header.bytes();
  for (std::uint64_t at = 0; at < total; at += kPieceBytes) {
    const std::span piece(buffer.data(), std::min<std::uint64_t>(kPieceBytes, total - at));
    tensor.fill(at / size_of(tensor.header.dtype), piece);
    sink(std::span<const std::byte>(piece));
  }
}

std::ofstream create(const fs::path& path) {
  std::ofstream out(path, std::ios::binary);
  if (!out) fail("{}: cannot create", path.string());
  return out;
}

void close(std::ofstream& out, const fs::path& path) {
  out.close();
  if (!out) fail("{}: cannot write all of it", path.string());
}

void write_npz(const fs::path& path, Tensors tensors, ZipOptions options) {
  std::ofstream out = create(path);
  std::vector<std::byte> buffer(kPieceBytes);
  ZipWriter zip(out, options);
  for (const PlannedTensor& tensor : tensors) {
    const std::string header = npy_header(tensor.header);
    zip.begin_member(tensor.header.name + ".npy", header.size() + tensor.header.bytes());
    zip.write(std::as_bytes(std::span(header)));
    stream(tensor, buffer, [&](auto piece) { zip.write(piece); });
    zip.end_member();
  }
  zip.finish();
  close(out, path);
}

std::vector<TensorHeader> headers_of(Tensors tensors) {
  std::vector<TensorHeader> headers;
  for (const PlannedTensor& tensor : tensors) headers.push_back(tensor.header);
  return headers;
}

void write_pth(const fs::path& path, Tensors tensors) {
  std::ofstream out = create(path);
  std::vector<std::byte> buffer(kPieceBytes);
  ZipWriter zip(out, {});
  const std::string folder = path.stem().string() + "/";
  const auto text_member = [&](const char* name, const std::string& text) {
    zip.begin_member(folder + name, text.size());
    zip.write(std::as_bytes(std::span(text)));
    zip.end_member();
  };
  text_member("data.pkl", state_dict_pickle(headers_of(tensors)));
  text_member("byteorder", "little");
  for (std::size_t i = 0; i < tensors.size(); i++) {
    zip.begin_member(folder + "data/" + std::to_string(i), tensors[i].header.bytes());
    stream(tensors[i], buffer, [&](auto piece) { zip.write(piece); });
    zip.end_member();
  }
  text_member("version", "3\n");
  zip.finish();
  close(out, path);
}

void write_safetensors(const fs::path& path, Tensors tensors) {
  std::ofstream out = create(path);
  std::vector<std::byte> buffer(kPieceBytes);
  out << safetensors_header(headers_of(tensors));
  for (const PlannedTensor& tensor : tensors) {
    stream(tensor, buffer, [&](auto piece) {
      out.write(reinterpret_cast<const char*>(piece.data()), static_cast<std::streamsize>(piece.size()));
    });
  }
  close(out, path);
}

void write_safetensors_shards(const fs::path& folder, const std::string& stem, Tensors first,
                              Tensors second) {
  nlohmann::ordered_json index;
  std::uint64_t total = 0;
  index["metadata"] = nlohmann::ordered_json::object();
  const auto write = [&](const std::string& name, Tensors tensors) {
    write_safetensors(folder / name, tensors);
    for (const PlannedTensor& tensor : tensors) {
      index["weight_map"][tensor.header.name] = name;
      total += tensor.header.bytes();
    }
  };
  write(stem + "-00001-of-00002.safetensors", first);
  write(stem + "-00002-of-00002.safetensors", second);
  index["metadata"]["total_size"] = total;
  const fs::path path = folder / (stem + ".safetensors.index.json");
  std::ofstream out = create(path);
  out << index.dump(2) << "\n";
  close(out, path);
}

bool is_mistrals_own(Container container) {
  return container == Container::pth || container == Container::consolidated ||
         container == Container::consolidated_shards;
}

}  // namespace

void write_tokenizer(const fs::path& folder, const SyntheticOptions& options) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail("{}: cannot create the folder: {}", folder.string(), error.message());
  if (options.tokenizer.empty()) return;
  fs::copy_file(options.tokenizer, folder / "tokenizer.model", fs::copy_options::overwrite_existing, error);
  if (error) fail("{}: cannot copy to {}: {}", options.tokenizer.string(), folder.string(), error.message());
}

void write_checkpoint(const fs::path& folder, const SyntheticOptions& options) {
  const std::vector<PlannedTensor> tensors = plan_tensors(options);
  const Tensors all(tensors);
  const Tensors first = all.first(all.size() / 2);
  const Tensors second = all.subspan(first.size());
  if (is_mistrals_own(options.container) && options.names != Names::mistral) {
    fail("expected Mistral's names in Mistral's own format, found others");
  }
  write_tokenizer(folder, options);
  const fs::path config_path = folder / (is_mistrals_own(options.container) ? "params.json" : "config.json");
  std::ofstream config = create(config_path);
  config << config_text(options);
  close(config, config_path);

  switch (options.container) {
    case Container::npz:
      return write_npz(folder / "weights.npz", all, {});
    case Container::npz_deflated:
      return write_npz(folder / "weights.npz", all, {.deflate = true});
    case Container::npz_zip64:
      return write_npz(folder / "weights.npz", all, {.zip64 = true});
    case Container::npz_shards:
      write_npz(folder / "weights.00.npz", first, {});
      return write_npz(folder / "weights.01.npz", second, {});
    case Container::safetensors:
      return write_safetensors(folder / "model.safetensors", all);
    case Container::safetensors_shards:
      return write_safetensors_shards(folder, "model", first, second);
    case Container::pth:
      return write_pth(folder / "consolidated.00.pth", all);
    case Container::consolidated:
      return write_safetensors(folder / "consolidated.safetensors", all);
    case Container::consolidated_shards:
      return write_safetensors_shards(folder, "consolidated", first, second);
  }
}

}  // namespace tramontane::synthetic
