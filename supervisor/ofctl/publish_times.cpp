#include "supervisor/ofctl/publish_times.hpp"

#include <algorithm>
#include <cstring>

#include "proto/schema.hpp"

namespace of::ofctl {
namespace {

using shm::HistogramLayout;

/// Only a market ring tells of its own messages; replies tell of rows that were received long ago.
std::unordered_map<uint16_t, size_t> receive_fields(const std::string& channel, std::string_view schema) {
    std::unordered_map<uint16_t, size_t> offsets;
    if (!channel.starts_with("market.")) return offsets;
    for (const auto& message : parse_schema(schema)) {
        const auto field = std::ranges::find(message.fields, "receive_ns", &Field::name);
        if (field != message.fields.end()) offsets[static_cast<uint16_t>(message.type)] = field->offset;
    }
    return offsets;
}

}  // namespace

PublishTimes::PublishTimes(const std::string& channel, shm::Segment segment)
    : ring_(std::move(segment)), receive_at_(receive_fields(channel, ring_.segment().schema())) {
    begin();
    next_ = ring_.tail();
    if (next_ > 0) --next_;
    look(0);
    begin();
}

void PublishTimes::begin() {
    longest_gap_ns_.reset();
    latencies_.words.assign(HistogramLayout::words, 0);
}

void PublishTimes::look(int64_t wall_ahead_ns) {
    const auto tail = ring_.tail();
    const auto oldest = tail > ring_.slots() ? tail - ring_.slots() : 0;
    if (next_ < oldest) {
        next_ = oldest;
        last_ns_.reset();
    }
    for (; next_ < tail; ++next_) {
        if (ring_.read(next_, message_) && message_.size() >= sizeof(Header)) {
            note(wall_ahead_ns);
        } else {
            last_ns_.reset();
        }
    }
}

std::optional<PublishTimes::Latency> PublishTimes::latency() const {
    if (latencies_.count() == 0) return {};
    return Latency{latencies_.count(), latencies_.quantile(0.5), latencies_.quantile(0.99)};
}

void PublishTimes::note(int64_t wall_ahead_ns) {
    Header header;
    std::memcpy(static_cast<void*>(&header), message_.data(), sizeof header);
    if (last_ns_) {
        const auto gap = header.publish_ns > *last_ns_ ? header.publish_ns - *last_ns_ : 0;
        longest_gap_ns_ = std::max(longest_gap_ns_.value_or(0), gap);
    }
    last_ns_ = header.publish_ns;
    const auto field = receive_at_.find(static_cast<uint16_t>(header.type));
    uint64_t received = 0;
    if (field == receive_at_.end() || field->second + sizeof received > message_.size()) return;
    std::memcpy(&received, message_.data() + field->second, sizeof received);
    // Unsigned: a damaged time wraps around, and is none that can be.
    if (received != 0)
        note_latency(static_cast<int64_t>(header.publish_ns + static_cast<uint64_t>(wall_ahead_ns) - received));
}

/// A clock that was set back meanwhile makes it negative, which counts as nothing.
void PublishTimes::note_latency(int64_t latency_ns) {
    const auto value = static_cast<uint64_t>(std::max<int64_t>(latency_ns, 0));
    auto& words = latencies_.words;
    ++words[HistogramLayout::bucket_of(value)];
    ++words[HistogramLayout::buckets];
    words[HistogramLayout::buckets + 2] = std::max(words[HistogramLayout::buckets + 2], value);
}

}  // namespace of::ofctl
