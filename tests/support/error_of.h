#pragma once
#include <gtest/gtest.h>

#include <string>

#include "tramontane/error.h"

namespace tramontane::testing {

/// The message of the Error that `action` ends in, one line of printable text; empty when it ends well.
template <class Action>
std::string error_or_none(Action action) {
  try {
    action();
  } catch (const Error& error) {
    const std::string text = error.what();
    for (const char c : text) EXPECT_TRUE(c >= ' ' && c <= '~') << text;
    EXPECT_NE(text, "");
    return text;
  }
  return "";
}

/// The same for an action that must end in an Error.
template <class Action>
std::string error_of(Action action) {
  std::string text = error_or_none(action);
  EXPECT_NE(text, "") << "no Error was thrown";
  return text;
}

}  // namespace tramontane::testing
