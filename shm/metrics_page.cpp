#include "shm/metrics_page.hpp"

#include <algorithm>
#include <utility>

namespace of::shm {
namespace {

template <size_t n>
void set_text(char (&field)[n], std::string_view text) {
    std::memset(field, 0, n);
    std::memcpy(field, text.data(), std::min(text.size(), n - 1));
}

uint32_t words_of(MetricKind kind) { return kind == MetricKind::histogram ? HistogramLayout::words : 1; }

/// An entry whose words lie inside a bank; a damaged page must not lead a reader astray.
bool sound(const MetricEntry& entry) {
    const bool known =
        entry.kind == MetricKind::counter || entry.kind == MetricKind::gauge || entry.kind == MetricKind::histogram;
    return known && entry.offset < metric_words_max && words_of(entry.kind) <= metric_words_max - entry.offset;
}

/// Room for the values of every entry that is there now, so that copying itself is short.
void make_room(const MetricsPage& page, MetricsSnapshot& into) {
    const auto used = std::min<uint32_t>(page.entries_used.load(std::memory_order_acquire), metrics_max);
    for (uint32_t i = 0; i < used; ++i) {
        const auto& entry = page.entries[i];
        if (!sound(entry)) continue;
        into.values.push_back({&entry, entry.offset, std::vector<uint64_t>(words_of(entry.kind))});
    }
}

bool copy_batch(const MetricsPage& page, MetricsSnapshot& into) {
    into.batch = page.batch.load(std::memory_order_acquire);
    const auto& bank = page.banks[into.batch % 2];
    into.publish_ns = bank.publish_ns.load(std::memory_order_relaxed);
    into.correlation = bank.correlation.load(std::memory_order_relaxed);
    into.updates = bank.updates.load(std::memory_order_relaxed);
    for (auto& value : into.values) {
        for (size_t w = 0; w < value.words.size(); ++w)
            value.words[w] = bank.words[value.offset + w].load(std::memory_order_relaxed);
    }
    std::atomic_thread_fence(std::memory_order_acquire);
    // The writer fills the other bank for batch + 1; only with batch + 1 published can it have begun on ours again.
    return page.batch.load(std::memory_order_relaxed) == into.batch;
}

}  // namespace

std::string_view name_of(MetricKind kind) {
    constexpr std::array names{"none", "counter", "gauge", "histogram"};
    const auto index = static_cast<size_t>(kind);
    return index < names.size() ? names[index] : "unknown";
}

uint64_t MetricsSnapshot::Value::quantile(double q) const {
    const auto wanted = static_cast<uint64_t>(std::ceil(q * static_cast<double>(count())));
    uint64_t seen = 0;
    for (uint32_t bucket = 0; bucket < HistogramLayout::buckets; ++bucket) {
        seen += words[bucket];
        if (seen >= wanted && seen != 0) return std::min(HistogramLayout::value_of(bucket), max());
    }
    return max();
}

const MetricsSnapshot::Value* MetricsSnapshot::find(std::string_view name, std::string_view labels) const {
    const auto found = std::ranges::find_if(values, [&](const Value& value) {
        return text_of(value.entry->name) == name && text_of(value.entry->labels) == labels;
    });
    return found == values.end() ? nullptr : &*found;
}

MetricsSnapshot snapshot(const MetricsPage& page) {
    constexpr int attempts_max = 1000;
    MetricsSnapshot copied;
    if (page.batch.load(std::memory_order_acquire) == 0) return copied;
    make_room(page, copied);
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        if (copy_batch(page, copied)) return copied;
    }
    return {};
}

MetricsWriter::MetricsWriter(MetricsPage& page) : page_(&page) {
    const auto& bank = page.banks[page.batch.load(std::memory_order_acquire) % 2];
    const auto used = std::min<uint32_t>(page.entries_used.load(std::memory_order_relaxed), metrics_max);
    for (uint32_t i = 0; i < used; ++i) {
        if (sound(page.entries[i])) used_ = std::max(used_, page.entries[i].offset + words_of(page.entries[i].kind));
    }
    make_room();
    for (uint32_t w = 0; w < used_; ++w) words_[w] = bank.words[w].load(std::memory_order_relaxed);
    updates_ = bank.updates.load(std::memory_order_relaxed);
}

/// As many words as are used: zeroing all that could be is a good part of a worker's start.
void MetricsWriter::make_room() {
    words_.resize(used_, 0);
    touched_.resize(used_, 0);
}

uint32_t MetricsWriter::add(MetricKind kind, std::string_view name, std::string_view labels, std::string_view unit,
                            std::string_view help) {
    const auto used = page_->entries_used.load(std::memory_order_relaxed);
    for (uint32_t i = 0; i < used; ++i) {
        const auto& entry = page_->entries[i];
        if (entry.kind == kind && text_of(entry.name) == name && text_of(entry.labels) == labels) return entry.offset;
    }
    OF_ASSERT(used < metrics_max && used_ + words_of(kind) <= metric_words_max);
    auto& entry = page_->entries[used];
    set_text(entry.name, name);
    set_text(entry.labels, labels);
    set_text(entry.help, help);
    set_text(entry.unit, unit);
    entry.kind = kind;
    entry.offset = used_;
    used_ += words_of(kind);
    make_room();
    page_->entries_used.store(used + 1, std::memory_order_release);  // pairs with copy_batch: the entry is whole
    return entry.offset;
}

void MetricsWriter::copy(MetricsBank& bank, const Touched& touched) const {
    for (uint32_t i = 0; i < touched.count; ++i) {
        const auto at = touched.words[i];
        bank.words[at].store(words_[at], std::memory_order_relaxed);
    }
}

void MetricsWriter::copy_all(MetricsBank& bank) const {
    for (uint32_t at = 0; at < used_; ++at) bank.words[at].store(words_[at], std::memory_order_relaxed);
}

void MetricsWriter::publish(uint64_t now_ns, uint64_t correlation) {
    if (batch_updates_ == 0) return;
    const auto next = page_->batch.load(std::memory_order_relaxed) + 1;
    auto& bank = page_->banks[next % 2];
    std::atomic_thread_fence(std::memory_order_release);  // pairs with the acquire fence in copy_batch
    if (whole_copies_ != 0) {
        --whole_copies_;
        copy_all(bank);
    } else {
        copy(bank, last_batch_);
        copy(bank, batch_);
    }
    updates_ += batch_updates_;
    bank.publish_ns.store(now_ns, std::memory_order_relaxed);
    bank.correlation.store(correlation, std::memory_order_relaxed);
    bank.updates.store(updates_, std::memory_order_relaxed);
    page_->batch.store(next, std::memory_order_release);
    for (uint32_t i = 0; i < batch_.count; ++i) {
        last_batch_.words[i] = batch_.words[i];
        touched_[batch_.words[i]] = 0;
    }
    last_batch_.count = std::exchange(batch_.count, 0);
    batch_updates_ = 0;
}

}  // namespace of::shm
