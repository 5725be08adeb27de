#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX

namespace tramontane::hub {

/// How the hub names contents: large files (LFS) by their SHA-256, small ones as git does, by the SHA-1 of
/// "blob SIZE\0" and the content.
enum class DigestKind { sha256, git_sha1 };

/// What a file must be: its size in bytes and its digest in lower-case hexadecimal digits. The digits are
/// also the ETag, and the name of the file's blob in the cache.
struct Content {
  DigestKind kind = DigestKind::sha256;
  std::string digest;
  std::int64_t size = 0;

  bool operator==(const Content&) const = default;
};

/// The digest of bytes that come in order. Move-only.
class Hasher {
 public:
  /// `size`: of all the bytes to come, which the git kind needs to know first.
  Hasher(DigestKind kind, std::int64_t size);
  void add(std::string_view bytes);
  /// Ends the hashing.
  std::string hex();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace tramontane::hub
