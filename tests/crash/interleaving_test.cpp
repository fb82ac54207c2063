// Both ring protocols in every interleaving of writer, reader, their deaths and successors, with stores that become
// visible as late and as much out of order as their release operations allow. Then each rule of the protocols is left
// out, and the exploration must notice: a rule that nothing breaks without would be no rule. Prints TAP.
#include <fmt/format.h>

#include "tests/crash/broadcast_model.hpp"
#include "tests/crash/queue_model.hpp"

namespace {

using namespace of::crash;

int cases = 0;
int failed = 0;

void report(bool good, const char* name, const Explored& explored) {
    ++cases;
    failed += !good;
    fmt::print("{} {} - {}\n# {} states; {}\n", good ? "ok" : "not ok", cases, name, explored.states,
               explored.broken.empty() ? "every promise holds" : explored.broken);
    std::fflush(stdout);
}

template <typename Model, typename Rules>
void expect(bool sound, const char* name, Rules rules) {
    const Model model(rules);
    const auto explored =
        explore(typename Model::State{}, [&](const auto& state, auto emit) { return model.next(state, emit); });
    report(explored.broken.empty() == sound, name, explored);
}

}  // namespace

int main() {
    constexpr auto broadcast = expect<BroadcastModel, BroadcastRules>;
    constexpr auto queue = expect<QueueModel, QueueRules>;
    fmt::print("1..12\n");
    broadcast(true, "the broadcast protocol keeps its promises", {});
    broadcast(false, "not without the fence after the marks", {.claim_fence = false});
    broadcast(false, "not without release in the commit", {.commit_release = false});
    broadcast(false, "not without the fence before the second look", {.reader_fence = false});
    broadcast(false, "not when a batch is committed from its first slot on", {.first_is_last = false});
    broadcast(false, "not when the successor leaves what was behind the tail", {.recovery_takes_back = false});
    queue(true, "the queue protocol keeps its promises", {});
    queue(false, "not without release in the commit of a queue", {.commit_release = false});
    queue(false, "not without release in the head", {.head_release = false});
    queue(false, "not when a batch of a queue is committed from its first slot on", {.first_is_last = false});
    queue(false, "not when a queue's successor leaves what was behind the tail", {.recovery_takes_back = false});
    queue(false, "not when a full queue takes more", {.room_is_checked = false});
    return failed == 0 && cases == 12 ? 0 : 1;
}
