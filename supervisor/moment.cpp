#include "supervisor/moment.hpp"

#include "proto/text.hpp"
#include "supervisor/wire.hpp"

namespace of::supervisor {
namespace {

constexpr int64_t ns_in_ms = 1'000'000;

}  // namespace

Moment Moment::of(const shm::ProcessSlot& slot) {
    constexpr auto relaxed = std::memory_order_relaxed;
    const auto& [desk, own] = std::tie(slot.desk, slot.own);
    Moment moment{.wall_ns = now_ns(CLOCK_REALTIME),
                  .mono_ns = now_ns(),
                  .pid = desk.pid.load(relaxed),
                  .incarnation = desk.incarnation.load(relaxed),
                  .restarts = desk.restarts.load(relaxed),
                  .spawn_ns = desk.spawn_ns.load(relaxed),
                  .state = WorkerState::spawned,
                  .heartbeat_ns = own.heartbeat_ns.load(relaxed)};
    // Before it attached, its line is still its predecessor's.
    if (own.incarnation.load(std::memory_order_acquire) == moment.incarnation) {
        moment.state = static_cast<WorkerState>(own.state.load(relaxed));
        moment.ready_ns = own.ready_ns.load(relaxed);
        moment.turns = own.turns.load(relaxed);
        moment.messages = own.messages.load(relaxed);
        moment.longest_turn_ns = own.longest_turn_ns.load(relaxed);
        moment.refused = own.refused.load(relaxed);
        moment.overruns = own.overruns.load(relaxed);
    }
    for (size_t i = 0; i < shm::cursors_max; ++i) {
        const auto& cursor = slot.cursors[i];
        std::memcpy(moment.cursors[i].channel.data(), cursor.channel, sizeof cursor.channel);
        moment.cursors[i].position = cursor.position.load(relaxed);
        moment.cursors[i].lost = cursor.lost.load(relaxed);
    }
    return moment;
}

void Moment::tell(autopsy::Facts& facts) const {
    const auto wall = [&](int64_t at_ns) { return at_ns == 0 ? 0 : wall_ns - (mono_ns - at_ns); };
    facts.add("incarnation", incarnation);
    facts.add("pid", pid);
    facts.add("died", wall_text(wall_ns));
    facts.add("died_wall_ns", wall_ns);
    facts.add("died_mono_ns", mono_ns);
    facts.add("spawned", wall_text(wall(spawn_ns)));
    facts.add("spawned_mono_ns", spawn_ns);
    facts.add("ready", wall_text(wall(ready_ns)));
    facts.add("lived_ms", (mono_ns - spawn_ns) / ns_in_ms);
    facts.add("last_state", name_of(state));
    facts.add("last_heartbeat", wall_text(wall(heartbeat_ns)));
    facts.add("heartbeat_age_ms", (mono_ns - heartbeat_ns) / ns_in_ms);
    facts.add("turns", turns);
    facts.add("messages", messages);
    facts.add("longest_turn_ms", longest_turn_ns / ns_in_ms);
    facts.add("overruns", overruns);
    facts.add("refused", refused);
    facts.add("restarts_before", restarts);
    for (const auto& cursor : cursors) {
        const std::string channel(cursor.channel.data(), strnlen(cursor.channel.data(), cursor.channel.size()));
        if (!channel.empty())
            facts.add("cursor", fmt::format("{} position {} lost {}", channel, cursor.position, cursor.lost));
    }
}

}  // namespace of::supervisor
