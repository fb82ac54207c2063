// What of-strike is told to do, one order a line of its standard input:
//
//   ID PROGRAM start|now CALLS AFTER DEED
//
//   7 of-storage now pwrite64,fdatasync 20 ENOSPC
//
// In the next process of that program (start), or in the one that runs (now), AFTER calls of these (names with commas,
// or any) pass; the next one meets DEED. One that comes while another still waits for its call, in the process that
// runs, takes its place.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace of::chaos {

enum class Deed : uint8_t {
    kill_before,  ///< "kill": SIGKILL instead of the call
    kill_after,   ///< "killafter": the call is made, and never returns
    shorten,      ///< "short": half of the bytes or vectors that were asked for
    tear,         ///< "tear": half of the bytes are written, and the call never returns
    error         ///< "EIO" and its like: the call is not made, and fails
};

struct Order {
    uint64_t id = 0;
    std::string program;
    bool at_start = false;
    std::vector<long> calls;  ///< empty: any
    uint64_t pass = 0;        ///< calls that are let pass
    Deed deed = Deed::kill_before;
    int error = 0;

    bool concerns(long call) const;
};

/// Nothing for a line that is no order.
std::optional<Order> parse_order(const std::string& line);

}  // namespace of::chaos
