#pragma once
#include "tramontane/error.h"

/// Traps unless the error's message is what Error promises: one line of printable text.
inline void check_message(const tramontane::Error& error) {
  if (*error.what() == '\0') __builtin_trap();
  for (const char* c = error.what(); *c != '\0'; c++) {
    if (*c < ' ' || *c > '~') __builtin_trap();
  }
}
