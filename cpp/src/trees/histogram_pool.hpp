// Memory of histograms that the trees of a fit hand on to each other: a wide table's take megabytes each, and fresh memory costs more than filling it.
// Safe for concurrent use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace emotion::trees {

using Histogram = std::vector<std::int32_t>;

class HistogramPool {
public:
    // Of that many words; what they hold is left over from another tree.
    std::unique_ptr<Histogram> take(std::size_t words);
    void give(std::unique_ptr<Histogram> histogram);

private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<Histogram>> free_;
};

}  // namespace emotion::trees
