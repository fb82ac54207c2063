// Segments that break under a running instance: found by a look each few seconds and after each death that may come of
// one, made anew at once, and let go of by those who have the former ones mapped, one after the other (mending.hpp says
// who, and in which order). The supervisor looks at files only; what it has mapped itself it can lose (bus_guard.hpp).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "supervisor/bus_guard.hpp"
#include "supervisor/mending.hpp"
#include "supervisor/supervisor.hpp"
#include "supervisor/unread.hpp"

namespace of::supervisor {
namespace {

constexpr int64_t segment_look_ns = 5'000'000'000;

std::string names_of(std::span<const ProcessId> processes) {
    std::vector<std::string> names;
    for (const auto process : processes) names.push_back(name_of(process));
    return names.empty() ? "nobody" : fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

/// What is to be mended by making it anew. A mode that shut out its owner alone is mended on the way.
std::optional<std::string> Supervisor::damage_of(const HeldSegment& held) {
    if (const auto mode = held.restore_mode())
        journal_->write(log_event::segment_mode_restored, next_correlation(), held.name(),
                        fmt::format("{:04o}", *mode));
    return held.damage();
}

/// True if anything is broken; then it has been made anew, as far as that could be done.
bool Supervisor::look_at_segments() {
    next_segment_look_ns_ = now_ns() + segment_look_ns;
    bus_faults_seen_ = bus_faults();
    if (crew_.stopping()) return false;
    std::vector<std::pair<size_t, std::string>> broken;
    for (size_t i = 0; i < instance_.held().size(); ++i) {
        const auto& held = instance_.held()[i];
        const auto why = damage_of(held);
        if (!why) continue;
        if (instance_.channels()[i].wire->kind == ChannelKind::control) {
            give_up(held.name(), *why);
            return true;
        }
        broken.emplace_back(i, *why);
    }
    const auto governor = damage_of(instance_.held_governor());
    if (!broken.empty()) remake(broken);
    if (governor) remake_governor(*governor);
    return !broken.empty() || governor;
}

/// The page on which the supervisor and everybody's heartbeat stand cannot be changed under them.
void Supervisor::give_up(const std::string& name, const std::string& why) {
    const auto cause = next_correlation();
    journal_->write(log_event::control_broken, cause, name, why);
    begin_stop(fmt::format("segment {} is broken: {}; a new start makes everything anew", name, why), cause);
    exit_code_ = code(ExitCode::broken);
}

void Supervisor::remake(const std::vector<std::pair<size_t, std::string>>& broken) {
    std::map<size_t, std::string> reasons(broken.begin(), broken.end());
    std::vector<size_t> numbers;
    for (const auto& [number, why] : broken) numbers.push_back(number);
    const auto remake = plan_mending(instance_.channels(), numbers, instance_.processes()).remake;
    for (const auto number : remake) reasons.try_emplace(number, "its symbols are those of a book page that is");
    if (!mending_) mending_.emplace().found_ns = now_ns();
    std::vector<size_t> made;
    std::vector<std::pair<size_t, std::string>> not_made;
    for (const auto number : remake) {
        auto former = instance_.remake(number);
        if (!former) {
            not_made.emplace_back(number, former.error().message);
            continue;
        }
        mending_->former.push_back({number, std::move(*former)});
        take_new_ends(instance_.channels()[number]);
        made.push_back(number);
    }
    auto& remade = instance_.control().instance.remade;
    remade.store(remade.load(std::memory_order_relaxed) + static_cast<uint32_t>(made.size()),
                 std::memory_order_relaxed);
    // Told when there is a log to tell it in.
    for (const auto& [number, error] : not_made)
        journal_->write(log_event::segment_not_remade, next_correlation(), instance_.held()[number].name(),
                        reasons[number], error);
    for (const auto number : made) {
        const auto plan = plan_mending(instance_.channels(), std::span(&number, 1), instance_.processes());
        journal_->write(log_event::segment_broken, next_correlation(), instance_.held()[number].name(), reasons[number],
                        names_of(plan.restart));
    }
    concern(plan_mending(instance_.channels(), made, instance_.processes()).restart);
}

/// The requests that were spent are forgotten with it; bans are learnt again from the exchange's answers.
void Supervisor::remake_governor(const std::string& why) {
    const auto name = instance_.held_governor().name();
    std::vector<ProcessId> feeds;
    std::ranges::copy_if(instance_.processes(), std::back_inserter(feeds),
                         [](ProcessId process) { return process.kind == ProcessKind::binance; });
    if (const auto made = instance_.remake_governor(); !made) {
        journal_->write(log_event::segment_not_remade, next_correlation(), name, why, made.error().message);
        return;
    }
    keep_governor();
    if (!mending_) mending_.emplace().found_ns = now_ns();
    journal_->write(log_event::segment_broken, next_correlation(), name, why, names_of(feeds));
    concern(feeds);
}

/// The supervisor's own end of a channel that was made anew.
void Supervisor::take_new_ends(const Channel& channel) {
    const auto kind = channel.wire->kind;
    if (kind == ChannelKind::command || kind == ChannelKind::event) {
        auto& worker = *find(name_of(kind == ChannelKind::command ? channel.reader : channel.writer));
        make_wire(worker);
        worker.wire_is_new = true;
    }
    const bool journals = kind == ChannelKind::log || kind == ChannelKind::trace || kind == ChannelKind::error;
    if (journals && channel.writer == self) make_journal();
}

/// These have something mapped that is no more.
void Supervisor::concern(std::span<const ProcessId> processes) {
    for (const auto process : processes) {
        const auto index = index_of(*find(name_of(process)));
        auto& waiting = mending_->to_restart;
        if (std::ranges::find(waiting, index) != waiting.end()) continue;
        waiting.push_back(index);
        mending_->names += fmt::format("{}{}", mending_->names.empty() ? "" : ", ", name_of(process));
    }
}

/// At a death: whatever it was of, the process has let go of what it had mapped. True if that was waited for.
bool Supervisor::lets_go(size_t index) {
    if (!mending_) return false;
    auto& waiting = mending_->to_restart;
    const auto place = std::ranges::find(waiting, index);
    if (place == waiting.end()) return false;
    if (place == waiting.begin()) mending_->drains = false;
    waiting.erase(place);
    auto& worker = *workers_[index];
    for (size_t i = 0; i < mending_->former.size(); ++i) {
        const auto& [number, segment] = mending_->former[i];
        const auto& channel = instance_.channels()[number];
        const auto readers = readers_of(channel, instance_.processes());
        if (channel.wire->transport != Transport::broadcast ||
            std::ranges::find(readers, worker.process) == readers.end())
            continue;
        const auto* cursor = cursor_on(*worker.slot, channel.name(), segment.generation());
        if (cursor != nullptr)
            mending_->leaving.push_back({i, worker.process, cursor->position.load(std::memory_order_relaxed)});
    }
    return true;
}

/// One after the other: the next one drains when the last one has ended.
void Supervisor::step_mending() {
    while (mending_ && !mending_->to_restart.empty() && !mending_->drains && !crew_.stopping()) {
        const auto index = mending_->to_restart.front();
        const auto state = crew_[index].state;
        if (!crew_[index].exists || state == State::stopping || state == State::idle) {
            lets_go(index);
            if (state == State::waiting || state == State::parked) crew_.restart(index, now_ns());
            continue;
        }
        mending_->drains = true;
        crew_.restart(index, now_ns());
    }
    if (mending_->to_restart.empty() && crew_.at_rest()) {
        if (!mending_->former.empty() || !mending_->names.empty()) tell_unread();
        mending_.reset();
        keep_state();  // not before: a supervisor that takes over in between is to begin anew
    }
    arm();
}

/// What the readers of the former rings have left in them. Nobody writes or reads there any more.
void Supervisor::tell_unread() {
    const auto cause = next_correlation();
    const auto tell = [&](const Mending::Former& former, const std::string& reader, uint64_t position,
                          const std::optional<RingEnds>& ends) {
        const auto channel = instance_.channels()[former.channel].name();
        if (!ends)
            journal_->write(log_event::segment_unread_unknown, cause, channel, reader);
        else if (ends->tail > position)
            journal_->write(log_event::segment_unread, cause, ends->tail - position, channel, reader);
    };
    for (const auto& [number, reader, position] : mending_->leaving) {
        const auto& former = mending_->former[number];
        tell(former, name_of(reader), position, former.segment.ends());
    }
    for (const auto& former : mending_->former) {
        const auto& channel = instance_.channels()[former.channel];
        if (channel.wire->transport != Transport::queue) continue;
        const auto ends = former.segment.ends();
        tell(former, name_of(channel.reader), ends ? ends->head : 0, ends);
    }
    const auto names = mending_->names.empty() ? std::string("nobody") : mending_->names;
    journal_->write(log_event::segments_mended, cause, names,
                    static_cast<uint64_t>((now_ns() - mending_->found_ns) / ns_per_ms));
}

}  // namespace of::supervisor
