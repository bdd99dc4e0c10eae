// Runs a fuzz target over every file below the given folders, then over mutations of each file that are a pure function of its bytes:
// truncations and bit flips. A crash, a sanitizer report or an empty corpus fails the run.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "emotion/core/rng.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
    constexpr int mutations = 400;
    std::size_t files = 0;
    for (int i = 1; i < argc; ++i) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
            if (!entry.is_regular_file()) {
                continue;
            }
            std::ifstream stream(entry.path(), std::ios::binary);
            const std::vector<char> bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
            const std::vector<std::uint8_t> original(bytes.begin(), bytes.end());
            LLVMFuzzerTestOneInput(original.data(), original.size());
            ++files;
            for (int m = 0; m < mutations && !original.empty(); ++m) {
                emotion::RandomStream random(original.size(), emotion::Purpose::test, static_cast<std::uint64_t>(m));
                std::vector<std::uint8_t> changed = original;
                if (m % 4 == 0) {
                    changed.resize(random.below(original.size()));
                } else {
                    // Headers are where the trouble lies: half of the flips fall into the first 512 bytes.
                    const std::uint64_t flips = 1 + random.below(8);
                    for (std::uint64_t f = 0; f < flips; ++f) {
                        const std::uint64_t reach = random.below(2) == 0 ? std::min<std::uint64_t>(512, changed.size()) : changed.size();
                        changed[random.below(reach)] ^= static_cast<std::uint8_t>(1U << random.below(8));
                    }
                }
                LLVMFuzzerTestOneInput(changed.data(), changed.size());
            }
        }
    }
    std::printf("replayed %zu files, %d mutations of each\n", files, mutations);
    return files == 0 ? 1 : 0;
}
