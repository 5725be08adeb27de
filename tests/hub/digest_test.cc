#include "hub/digest.h"

#include <gtest/gtest.h>

#include "hub/support.h"

namespace tramontane::hub {
namespace {

// FIPS 180-2's examples.
TEST(DigestTest, Sha256) {
  EXPECT_EQ(content_of("").digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(content_of("abc").digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// What `git hash-object` prints.
TEST(DigestTest, GitBlob) {
  EXPECT_EQ(content_of("", DigestKind::git_sha1).digest, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  EXPECT_EQ(content_of("hello\n", DigestKind::git_sha1).digest, "ce013625030ba8dba906f756967f9e9ca394464a");
}

TEST(DigestTest, PiecesAreAsGoodAsTheWhole) {
  Hasher hasher(DigestKind::git_sha1, 6);
  hasher.add("hel");
  hasher.add("");
  hasher.add("lo\n");
  EXPECT_EQ(hasher.hex(), "ce013625030ba8dba906f756967f9e9ca394464a");
}

}  // namespace
}  // namespace tramontane::hub
