#pragma once
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "hub/digest.h"
#include "hub/file_lock.h"
#include "support/temp_folder.h"

namespace tramontane::hub {

inline void write_file(const std::filesystem::path& path, const std::string& content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline Content content_of(const std::string& bytes, DigestKind kind = DigestKind::sha256) {
  Hasher hasher(kind, static_cast<std::int64_t>(bytes.size()));
  hasher.add(bytes);
  return {kind, hasher.hex(), static_cast<std::int64_t>(bytes.size())};
}

inline void nobody_waits() {}
inline bool never() { return false; }

}  // namespace tramontane::hub
