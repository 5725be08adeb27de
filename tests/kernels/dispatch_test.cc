#include <cstdlib>
#include <string>

#include "core/cpu_features.h"
#include "kernels/fixtures.h"
#include "tramontane/error.h"

namespace tramontane::testing {
namespace {

/// Sets TRAMONTANE_ISA for one test.
class Dispatch : public ::testing::Test {
 protected:
  void TearDown() override { unsetenv("TRAMONTANE_ISA"); }
  static void choose(const char* name) { setenv("TRAMONTANE_ISA", name, 1); }
};

TEST_F(Dispatch, ListsTheTablesOfThisMachineBestFirstAndScalarLast) {
  const auto tables = runnable_kernels();
  EXPECT_EQ(tables.back(), &scalar_kernels);
  std::vector<std::string> want;
  if (detect_cpu_features().avx512vbmi) want.emplace_back("avx512vbmi");
  if (detect_cpu_features().avx512vnni) want.emplace_back("avx512vnni");
  if (detect_cpu_features().avx512) want.emplace_back("avx512");
  if (detect_cpu_features().avxvnni) want.emplace_back("avxvnni");
  if (detect_cpu_features().avx2) want.emplace_back("avx2");
  if (detect_cpu_features().asimddp) want.emplace_back("neondotprod");
  if (detect_cpu_features().asimd) want.emplace_back("neon");
  want.emplace_back("scalar");
  std::vector<std::string> got;
  for (const Kernels* table : tables) got.emplace_back(table->name);
  EXPECT_EQ(got, want);
}

TEST_F(Dispatch, TakesTheBestUnlessTold) {
  unsetenv("TRAMONTANE_ISA");
  EXPECT_EQ(&choose_kernels(), runnable_kernels().front());
  for (const Kernels* table : runnable_kernels()) {
    choose(std::string(table->name).c_str());
    EXPECT_EQ(&choose_kernels(), table);
  }
}

TEST_F(Dispatch, RefusesANameThatIsNoRunnableTable) {
  for (const char* name : {"", "AVX2", "avx1024", "scalar "}) {
    choose(name);
    try {
      choose_kernels();
      FAIL() << "accepted " << name;
    } catch (const Error& error) {
      const std::string text = error.what();
      EXPECT_NE(text.find("TRAMONTANE_ISA"), std::string::npos) << text;
      EXPECT_NE(text.find("scalar"), std::string::npos) << text;
      EXPECT_NE(text.find(name), std::string::npos) << text;
    }
  }
}

}  // namespace
}  // namespace tramontane::testing
