// Runs a fuzz target without libFuzzer: every file of the corpus, then fixed mutations of it. The
// same inputs on every machine, so this is an ordinary test.
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "fuzz_target.h"

namespace {

constexpr std::size_t kMostMemory = std::size_t{64}
                                    << 20;  // above what an input of this size needs
constexpr std::size_t kSmallFile = 1536;    // below: every byte; above: a sample of as many
std::size_t live_bytes = 0;
std::size_t peak_bytes = 0;

void* allocate(std::size_t size) {
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  live_bytes += ::malloc_usable_size(memory);
  if (live_bytes > peak_bytes) peak_bytes = live_bytes;
  return memory;
}

void release(void* memory) noexcept {
  if (memory == nullptr) return;
  live_bytes -= ::malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
// std::stable_sort takes its buffer so.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return allocate(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void* operator new[](std::size_t size, const std::nothrow_t& tag) noexcept {
  return operator new(size, tag);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept { release(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { release(memory); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }

namespace {

std::size_t runs = 0;
std::size_t failures = 0;

void run(const std::vector<std::uint8_t>& input, const std::string& what) {
  ++runs;
  const std::size_t before = live_bytes;
  peak_bytes = live_bytes;
  std::string failure;
  try {
    LLVMFuzzerTestOneInput(input.data(), input.size());
  } catch (const std::exception& error) {
    failure = error.what();
  }
  if (failure.empty() && peak_bytes - before > kMostMemory) {
    failure = "took " + std::to_string(peak_bytes - before) + " bytes of memory";
  }
  if (failure.empty()) return;
  if (++failures <= 20) std::fprintf(stderr, "%s: %s\n", what.c_str(), failure.c_str());
}

void replay(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(in), {}};
  const std::string name = path.filename().string();
  run(bytes, name);

  std::mt19937 random(20240229);
  const bool is_small = bytes.size() <= kSmallFile;
  const std::size_t count = is_small ? bytes.size() : kSmallFile;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = is_small ? i : random() % bytes.size();
    const auto flip = static_cast<std::uint8_t>(random() % 255 + 1);
    std::vector<std::uint8_t> mutated = bytes;
    mutated[at] = static_cast<std::uint8_t>(mutated[at] ^ flip);
    run(mutated, name + " with byte " + std::to_string(at) + " xor " + std::to_string(flip));
    mutated[at] = random() % 2 == 0 ? 0x00 : 0xFF;
    run(mutated, name + " with byte " + std::to_string(at) + " = " + std::to_string(mutated[at]));
    mutated.resize(at);
    run(mutated, name + " cut to " + std::to_string(at));
  }
}

}  // namespace

int main(int count, char** arguments) {
  namespace fs = std::filesystem;
  for (int i = 1; i < count; ++i) {
    if (!fs::exists(arguments[i])) {
      std::fprintf(stderr, "%s: no such corpus\n", arguments[i]);
      return 1;
    }
    if (!fs::is_directory(arguments[i])) {
      replay(arguments[i]);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(arguments[i])) {
      if (entry.is_regular_file()) replay(entry.path());
    }
  }
  std::printf("%zu inputs, %zu failures\n", runs, failures);
  return failures == 0 && runs > 0 ? 0 : 1;
}
