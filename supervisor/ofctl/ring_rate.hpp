// How fast a ring moves and how far each of its readers is behind, from two looks at its words. Read-only.
#pragma once

#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/print.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {

struct ReaderSample {
    std::string name;
    uint64_t lag = 0;
    uint64_t lost = 0;
};

/// What was seen of a ring at one moment.
struct RingSample {
    uint64_t written = 0;
    uint64_t refused = 0;
    std::vector<ReaderSample> readers;
};

/// How much a counter grew in a second; nothing for one that went back.
uint64_t rate_of(uint64_t before, uint64_t now, double seconds);

/// One ring and what was seen of it.
class RingRate {
  public:
    RingRate(std::string channel, shm::Segment segment) : channel_(std::move(channel)), segment_(std::move(segment)) {}

    const std::string& channel() const { return channel_; }
    uint64_t rate() const { return rate_; }
    uint64_t bytes() const { return rate_ * segment_.header().slot_bytes; }
    uint64_t slots() const { return segment_.header().slots; }
    uint64_t refused() const { return rate_of(before_.refused, now_.refused, seconds_); }
    const RingSample& now() const { return now_; }
    /// What the reader lost in a second.
    uint64_t lost_of(const ReaderSample& reader) const;

    void sample(const View& view);
    /// Goes on where a former look at the same ring ended: false if it is another ring under the same name.
    bool follow(const RingRate& former);
    /// Takes the rates of the interval that the last two samples span.
    void measure(double seconds);
    /// "RING", and its rates: now, least, most, bytes, refused.
    std::vector<Table::Cell> cells() const;
    void add_readers_to(Table& table) const;
    /// The fields of its row.
    void add_to(Json& json) const;

  private:
    std::string queue_reader() const;
    void add_reader(const ProcessView& worker);

    std::string channel_;
    shm::Segment segment_;
    RingSample before_;
    RingSample now_;
    double seconds_ = 1;
    uint64_t rate_ = 0;
    uint64_t least_ = UINT64_MAX;  ///< of all intervals
    uint64_t most_ = 0;
};

/// The rings of these channels, of all without a name; a page among them is an error.
Expected<std::vector<RingRate>> open_rates(const View& view, const std::vector<std::string>& wanted);
/// Why nothing can move; empty while a process of the instance lives.
std::string stillness(const View& view);

}  // namespace of::ofctl
