#include <gtest/gtest.h>

#include "hub/http.h"
#include "support/error_of.h"

namespace tramontane::hub {
namespace {

using testing::error_of;

TEST(UrlTest, OriginsAreSchemeHostAndPort) {
  EXPECT_EQ(origin_of("https://Hub.example/a?b"), (Origin{"https", "hub.example", "443"}));
  EXPECT_EQ(origin_of("https://hub.example"), origin_of("https://hub.example:443/x"));
  EXPECT_NE(origin_of("https://hub.example"), origin_of("http://hub.example"));
  EXPECT_NE(origin_of("https://hub.example"), origin_of("https://hub.example:444"));
  EXPECT_NE(origin_of("https://hub.example"), origin_of("https://hub.example.evil.example"));
  EXPECT_NE(origin_of("https://hub.example"), origin_of("https://hub.example@evil.example"));
  for (const char* bad : {"", "file:///etc/passwd", "ftp://a", "//a/b", "/a", "http://"}) {
    EXPECT_NE(error_of([&] { origin_of(bad); }), "") << bad;
  }
}

TEST(UrlTest, RedirectsMayBeRelative) {
  const std::string from = "https://hub.example/a/b?c=d";
  EXPECT_EQ(redirect_target(from, "https://cdn.example/x?s=1%2F2"), "https://cdn.example/x?s=1%2F2");
  EXPECT_EQ(redirect_target(from, "/x/y?z"), "https://hub.example/x/y?z");
  EXPECT_EQ(redirect_target(from, "x"), "https://hub.example/a/x");
  EXPECT_EQ(redirect_target(from, "//cdn.example/x"), "https://cdn.example/x");
}

TEST(UrlTest, RedirectsThatAreNotFollowed) {
  for (const char* bad :
       {"", "http://hub.example/a", "file:///etc/passwd", "gopher://x", "javascript:1", "https://"}) {
    EXPECT_NE(error_of([&] { redirect_target("https://hub.example/a", bad); }), "") << bad;
  }
  EXPECT_EQ(redirect_target("http://hub.example/a", "https://x/"), "https://x/");
}

TEST(UrlTest, MessagesKeepSecrets) {
  EXPECT_EQ(printable_url("https://cdn.example:8/x/y?Signature=s#f"), "'https://cdn.example:8/x/y'");
  EXPECT_EQ(printable_url("https://user:s@cdn.example/x@y"), "'https://cdn.example/x@y'");
  EXPECT_EQ(printable_url("//u@h"), "'//h'");
  EXPECT_EQ(printable_url("x@y"), "'y'");
  EXPECT_EQ(printable_url(""), "''");
  const std::string url = "https://hub.example/a?Signature=secret";
  for (const char* bad : {"http://hub.example/a?Signature=secret", "ftp://x/a?Signature=secret",
                          "https://?Signature=secret", "https://x:y/?Signature=secret", ""}) {
    const std::string error = error_of([&] { redirect_target(url, bad); });
    EXPECT_NE(error, "") << bad;
    EXPECT_EQ(error.find("secret"), std::string::npos) << error;
  }
}

TEST(UrlTest, Encoding) {
  EXPECT_EQ(url_encode("a/b c%?#\xc3\xa9-._~", true), "a/b%20c%25%3F%23%C3%A9-._~");
  EXPECT_EQ(url_encode("refs/pr/1", false), "refs%2Fpr%2F1");
}

TEST(UrlTest, ContentRanges) {
  const auto range = parse_content_range("bytes 10-19/100");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 10);
  EXPECT_EQ(range->last, 19);
  EXPECT_EQ(range->total, 100);
  EXPECT_EQ(parse_content_range("bytes 0-0/*")->total, std::nullopt);
  for (const char* bad : {"", "bytes", "bytes */100", "bytes 5-4/9", "bytes -1-4/9", "bytes 1-4/9x",
                          "bytes 1-4/", "bytes 1-4", "lines 1-4/9", "bytes 99999999999999999999-4/9"}) {
    EXPECT_FALSE(parse_content_range(bad)) << bad;
  }
}

}  // namespace
}  // namespace tramontane::hub
