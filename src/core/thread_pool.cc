#include "core/thread_pool.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <string>
#include <utility>

#include "core/cgroup.h"
#include "core/fail.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tramontane {
namespace {

// A forward pass forks and joins hundreds of times with microseconds between: a short spin keeps the threads
// awake through it, and the wait that follows frees the core when the pass is over.
constexpr int kSpins = 4000;

void pause_briefly() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("isb");  // takes about as long; "yield" does nothing on most cores
#else
  std::this_thread::yield();
#endif
}

template <class T>
void wait_while_equal(const std::atomic<T>& value, T old) {
  for (int i = 0; i < kSpins; i++) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause_briefly();
  }
  value.wait(old, std::memory_order_acquire);
}

/// The first CPU of each physical core that this process may run on; empty when the system does not say.
std::vector<int> allowed_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return {};
  std::set<std::pair<int, int>> seen;  // (package, core)
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    const std::string topology = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    int package = 0;
    int core = cpu;  // without sysfs, each CPU counts as a core
    std::ifstream(topology + "physical_package_id") >> package;
    if (int id = -1; std::ifstream(topology + "core_id") >> id) core = id;
    if (seen.insert({package, core}).second) cpus.push_back(cpu);
  }
  return cpus;
}

int allowed_physical_cores() {
  const std::size_t cores = allowed_cores().size();
  return std::max(
      1, cores == 0 ? static_cast<int>(std::thread::hardware_concurrency()) : static_cast<int>(cores));
}

/// A wish: where the system refuses, the thread stays free.
void pin_to(std::thread& thread, int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  pthread_setaffinity_np(thread.native_handle(), sizeof one, &one);
}

// cpu.max holds "max 100000" or "150000 100000": quota and period in microseconds.
int cgroup_cpu_quota() {
  int cpus = 1 << 20;
  for (const auto& folder : cgroup_folders()) {
    std::ifstream file(folder / "cpu.max");
    double quota = 0;
    double period = 0;
    if (!(file >> quota >> period) || quota <= 0 || period <= 0) continue;
    cpus = std::min(cpus, std::max(1, static_cast<int>(std::ceil(quota / period))));
  }
  return cpus;
}

}  // namespace

int default_thread_count() { return std::min(allowed_physical_cores(), cgroup_cpu_quota()); }

ThreadPool::ThreadPool(int threads, bool pin)
    : shares_(std::make_unique<Share[]>(static_cast<std::size_t>(std::max(1, threads)))) {
  const std::vector<int> cores = pin ? allowed_cores() : std::vector<int>();
  try {
    for (int i = 1; i < threads; i++) {
      workers_.emplace_back([this, i] { serve(i); });
      if (static_cast<std::size_t>(i) < cores.size())
        pin_to(workers_.back(), cores[static_cast<std::size_t>(i)]);
    }
  } catch (const std::exception& error) {
    stop();
    fail("threads: cannot start {} of them: {}", threads, error.what());
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  stopping_ = true;
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void ThreadPool::run(const Job& job) {
  if (workers_.empty() || job.count <= 1) {
    for (std::int64_t item = 0; item < job.count; item++) job.call(job.context, item, 0);
    return;
  }
  job_ = job;
  for (int i = 0; i < size(); i++) {
    const auto begin = static_cast<std::uint64_t>(job.count * i / size());
    const auto end = static_cast<std::uint64_t>(job.count * (i + 1) / size());
    shares_[static_cast<std::size_t>(i)].items.store(begin | end << 32, std::memory_order_relaxed);
  }
  busy_workers_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_release);  // publishes the job and the shares
  epoch_.notify_all();
  work(0);
  for (int busy = busy_workers_.load(std::memory_order_acquire); busy != 0;
       busy = busy_workers_.load(std::memory_order_acquire)) {
    wait_while_equal(busy_workers_, busy);
  }
}

/// The first or the last of a share's items, if any are left.
std::optional<std::int64_t> ThreadPool::take(Share& share, End from) {
  std::uint64_t items = share.items.load(std::memory_order_relaxed);
  for (;;) {
    const std::uint64_t begin = items & 0xffffffff;
    const std::uint64_t end = items >> 32;
    if (begin >= end) return std::nullopt;
    const std::uint64_t left = from == End::first ? (begin + 1) | end << 32 : begin | (end - 1) << 32;
    if (share.items.compare_exchange_weak(items, left, std::memory_order_relaxed))
      return static_cast<std::int64_t>(from == End::first ? begin : end - 1);
  }
}

void ThreadPool::work(int thread) {
  const Job job = job_;
  for (int i = 0; i < size(); i++) {
    Share& share = shares_[static_cast<std::size_t>((thread + i) % size())];
    while (const auto item = take(share, i == 0 ? End::first : End::last))
      job.call(job.context, *item, thread);
  }
}

void ThreadPool::serve(int thread) {
  std::uint32_t seen = 0;
  for (;;) {
    wait_while_equal(epoch_, seen);
    seen++;  // the caller waits for every worker before the next job, so no epoch is missed
    if (stopping_) return;
    work(thread);
    busy_workers_.fetch_sub(1, std::memory_order_release);
    busy_workers_.notify_one();
  }
}

}  // namespace tramontane
