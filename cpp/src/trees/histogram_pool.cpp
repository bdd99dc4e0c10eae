#include "histogram_pool.hpp"

#include <utility>

namespace emotion::trees {

std::unique_ptr<Histogram> HistogramPool::take(std::size_t words) {
    std::unique_ptr<Histogram> histogram;
    {
        const std::lock_guard lock(mutex_);
        if (!free_.empty()) {
            histogram = std::move(free_.back());
            free_.pop_back();
        }
    }
    if (histogram == nullptr) {
        return std::make_unique<Histogram>(words);
    }
    histogram->resize(words);
    return histogram;
}

void HistogramPool::give(std::unique_ptr<Histogram> histogram) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(histogram));
}

}  // namespace emotion::trees
