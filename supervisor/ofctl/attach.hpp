// An instance as an observer sees it: live, dead, or copied segments in a folder. Read-only mappings; never writes,
// needs nobody's cooperation, and works while the supervisor is stopped or gone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proto/topology.hpp"
#include "shm/control_page.hpp"
#include "shm/segment.hpp"

namespace of::ofctl {

/// How often a verb that waits or follows looks again: observers have no doorbell.
inline constexpr int look_period_ms = 20;

inline const std::string governor_channel = "governor";

struct Source {
    std::string folder = "/dev/shm";
    std::string instance;
    bool copied() const { return folder != "/dev/shm"; }
};

/// Where the segment of a channel is. `governor`, the page of request limits, may be shared with other instances: the
/// control page names it.
std::string path_of(const Source& source, const std::string& channel);
/// Channels that have a segment there, by name.
std::vector<std::string> channels_in(const Source& source);
/// Instances that have a control segment in `folder`.
std::vector<std::string> instances_in(const std::string& folder);
/// The instance to work on: the given one, $ORDERFLOW_INSTANCE, the only one there is, else "orderflow". Several
/// without a choice are an error that lists them.
Expected<std::string> choose_instance(const std::string& given, const std::string& folder);

/// A process of the instance, judged from the control page and from /proc.
struct ProcessView {
    std::string name;
    const shm::ProcessSlot* slot;
    WorkerState state;          ///< as written by the worker, or by the supervisor
    bool alive;                 ///< that very process exists now
    bool frozen;                ///< stopped by a signal (T in /proc)
    std::string label() const;  ///< "running", "running (frozen)", "dead", ...
    bool well() const { return alive && !frozen && state == WorkerState::running; }
};

class View {
  public:
    static Expected<View> open(const Source& source);

    const shm::ControlPage& control() const { return control_.page<shm::ControlPage>(); }
    const Source& source() const { return source_; }
    bool supervisor_alive() const;
    bool supervisor_frozen() const;  ///< stopped by a signal, as a worker may be
    /// Workers in the order of the control page, without the supervisor.
    std::vector<ProcessView> workers() const;
    std::optional<ProcessView> worker(std::string_view name) const;

    /// A segment by its channel: "market.0".
    Expected<shm::Segment> segment(const std::string& channel) const;

  private:
    View(Source source, shm::Segment control) : source_(std::move(source)), control_(std::move(control)) {}
    ProcessView judge(const shm::ProcessSlot& slot) const;
    Source source_;
    shm::Segment control_;
};

/// Messages that a process has still to read, over all rings it follows.
uint64_t unread(const View& view, const ProcessView& process);

/// What to say of a page that is not of this build's layout.
Error unknown_layout(const shm::Segment& segment, const std::string& channel);

/// The page of one process.
template <typename Content>
struct PageOf {
    std::string process;
    shm::Segment segment;
    Content& content() const { return segment.page<Content>(); }
};
/// Segments of the pages `<kind>.<process>`, of `only` if it is not empty; each is checked to have this build's layout.
Expected<std::vector<std::pair<std::string, shm::Segment>>> open_segments(const View& view, std::string_view kind,
                                                                          std::string_view only);
template <typename Content>
Expected<std::vector<PageOf<Content>>> open_pages(const View& view, std::string_view kind, std::string_view only = "") {
    return open_segments(view, kind, only).map([](auto segments) {
        std::vector<PageOf<Content>> pages;
        for (auto& [process, segment] : segments) pages.push_back({process, std::move(segment)});
        return pages;
    });
}

/// CLOCK_MONOTONIC and CLOCK_REALTIME, ns.
int64_t mono_now();
int64_t wall_now();

}  // namespace of::ofctl
