// The faults that the stand-in makes on command, and the plan that says when each one strikes. Pure: time is
// an argument.
//
// A fault is one line: `drop:stream=btcusdt@trade:count=10:after=1000`, or the same as a JSON object. It lies
// in wait until `after` matching frames have passed, then strikes `count` times (0 = without end), each time
// on a matching frame; with `every_ms` at most once in that time. Frame faults change what is sent; event
// faults (stall, cut, server_shutdown, slow_read) happen to connections, and need no further frame once
// `after` is reached; REST faults wait for a request. Owned by the Hub; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/exchange/error.hpp"

namespace of::exchange {

enum class FaultKind : uint8_t {
    drop,
    duplicate,
    reorder,
    malformed,
    stall,
    cut,
    server_shutdown,
    slow_read,
    rest_status,
    late_snapshot,
};

struct FaultSpec {
    FaultKind kind = FaultKind::drop;
    std::string stream = "*";  // a stream name, or "*" for all
    std::string path = "*";    // REST faults: a path, or "*" for all
    uint64_t count = 1;        // 0: without end
    uint64_t after = 0;        // matching frames (or requests) let pass first
    int64_t every_ms = 0;      // 0: in a row
    int64_t ms = -1;           // duration; -1: the kind's default
    unsigned status = 429;     // rest_status
    int64_t retry_after = -1;  // rest_status, seconds; -1: no header
};

std::string_view fault_name(FaultKind kind);

/// `kind:key=value:key=value`. The error is one sentence.
Result<FaultSpec> parse_fault(std::string_view text);
/// {"kind":"drop","stream":"*","count":3}
Result<FaultSpec> parse_fault_json(std::string_view json);
std::string print_fault_json(const FaultSpec& spec, uint64_t matched, uint64_t struck);

/// What happens to one frame.
enum class FrameAction : uint8_t { pass, drop, duplicate, reorder, malformed };

struct FaultEvent {
    FaultKind kind = FaultKind::cut;
    std::string stream;
    int64_t ms = 0;
};

class FaultPlan {
  public:
    void add(FaultSpec spec, int64_t now_ms);
    void clear() { faults_.clear(); }
    bool empty() const { return faults_.empty(); }

    /// Counts the frame for every fault that matches it, and says what to do with it. The first frame fault
    /// that is due wins.
    FrameAction on_frame(std::string_view stream, int64_t now_ms);

    /// An event fault that is due now; call until there is none. Only with a client connected: else it would
    /// strike nobody.
    std::optional<FaultEvent> next_event(int64_t now_ms);

    /// The REST fault that is due for this request, one at most.
    std::optional<FaultSpec> on_request(std::string_view path, int64_t now_ms);

    /// How often each kind has struck, since the start; survives clear().
    const std::map<std::string_view, uint64_t>& struck() const { return struck_; }

    /// The JSON array of what lies in wait and what is spent.
    std::string print_json() const;

  private:
    struct Armed {
        FaultSpec spec;
        uint64_t matched = 0;
        uint64_t struck = 0;
        uint64_t wait_for = 0;  // matching frames before the next strike
        int64_t not_before_ms = 0;
        bool due(int64_t now_ms) const;
    };
    void strike(Armed& fault, int64_t now_ms);

    std::vector<Armed> faults_;
    std::map<std::string_view, uint64_t> struck_;
};

}  // namespace of::exchange
