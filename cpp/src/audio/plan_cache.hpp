// A small cache of immutable plans, the last used first. Safe to use from any thread; a plan may be built twice at the same time, never half.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <utility>

namespace emotion::audio {

template <class Key, class Plan>
class PlanCache {
public:
    explicit PlanCache(std::size_t capacity) : capacity_(capacity) {}

    template <class Make>
    std::shared_ptr<const Plan> get(const Key& key, Make&& make) {
        {
            const std::lock_guard lock(mutex_);
            for (auto it = entries_.begin(); it != entries_.end(); ++it) {
                if (it->first == key) {
                    entries_.splice(entries_.begin(), entries_, it);
                    return entries_.front().second;
                }
            }
        }
        std::shared_ptr<const Plan> plan = make();
        const std::lock_guard lock(mutex_);
        entries_.emplace_front(key, plan);
        if (entries_.size() > capacity_) {
            entries_.pop_back();
        }
        return plan;
    }

private:
    std::size_t capacity_;
    std::mutex mutex_;
    std::list<std::pair<Key, std::shared_ptr<const Plan>>> entries_;
};

}  // namespace emotion::audio
