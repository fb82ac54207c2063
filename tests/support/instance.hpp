// An instance for tests: all segments of the topology, the control page, doorbells and temporary folders,
// without a supervisor.
//
// The test stands in for the supervisor and for every process that it does not start: it publishes as
// binance, calls as communication, reads anything, and starts real workers with the arguments that the
// supervisor would give them. All is unlinked at the end of the scope; what a killed test left behind is
// cleared by the next one. Throws std::runtime_error with the sentence of the error when something cannot be
// had. One thread.
#pragma once

#include <fmt/format.h>
#include <sys/eventfd.h>

#include <map>
#include <memory>

#include "proto/control.hpp"
#include "proto/schema.hpp"
#include "shm/book_page.hpp"
#include "shm/metrics_page.hpp"
#include "tests/support/child.hpp"
#include "workers/runtime/runtime.hpp"

namespace of::test {

inline constexpr ProcessId supervisor_id{ProcessKind::supervisor, 0};
inline constexpr ProcessId binance_id{ProcessKind::binance, 0};
inline constexpr ProcessId communication_id{ProcessKind::communication, 0};
inline constexpr ProcessId storage_id{ProcessKind::storage, 0};
inline constexpr ProcessId logger_id{ProcessKind::logger, 0};

/// The value, or its error thrown.
template <typename T>
T must(Expected<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
}

struct InstanceShape {
    uint8_t feeds = 1;
    uint32_t market_slots = 8192;  ///< powers of two
    uint32_t log_slots = 1024;
    uint32_t trace_slots = 1024;
};

class Instance {
  public:
    explicit Instance(const InstanceShape& shape = {}) : shape_(shape), processes_(processes_of(shape.feeds)) {
        static int count = 0;
        clear_leftovers();
        name_ = fmt::format("of-test-{}-{}", getpid(), ++count);
        auto pattern = (std::filesystem::temp_directory_path() / "of-test-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
        folder_ = pattern;
        for (const auto* part : {"data", "log", "state"}) std::filesystem::create_directory(folder_ + "/" + part);
        channels_ = channels_of(processes_);
        for (const auto& channel : channels_) create(channel);
        governor_.emplace(must(
            shm::Segment::create(shm::make_spec(name_, "governor", shm::SegmentKind::page, "governor", 0, 0, ""))));
        for (const auto process : processes_) bells_[name_of(process)] = eventfd(0, EFD_NONBLOCK);
        fill_control();
        stand_in(supervisor_id);
    }
    ~Instance() {
        attachments_.clear();
        for (const auto& channel : channels_) shm::remove_segment(name_ + "." + channel.name());
        shm::remove_segment(name_ + ".governor");
        for (const auto& [process, descriptor] : bells_) close(descriptor);
        std::error_code error;
        std::filesystem::remove_all(folder_, error);
    }
    Instance(const Instance&) = delete;

    const std::string& name() const { return name_; }
    const std::string& folder() const { return folder_; }
    std::string data_dir() const { return folder_ + "/data"; }
    std::string log_dir() const { return folder_ + "/log"; }
    const std::vector<ProcessId>& processes() const { return processes_; }
    shm::ControlPage& control() const { return control_->page<shm::ControlPage>(); }
    shm::ProcessSlot& slot(ProcessId process) const { return *control().find(name_of(process)); }

    /// What Runtime::attach takes, to be `self` inside the test's own process.
    WorkerOptions options(ProcessId self) const {
        WorkerOptions options{.self = self, .instance = name_};
        options.config_path = folder_ + "/config.toml";
        options.data_dir = data_dir();
        options.log_dir = log_dir();
        options.trace_sample = 1;
        options.parent_pid = static_cast<uint64_t>(getpid());
        options.doorbells = bells_;
        return options;
    }
    std::unique_ptr<Runtime> runtime(ProcessId self) { return must(Runtime::attach(options(self))); }

    // Ends of channels, as `self`.
    shm::Segment segment(ChannelKind kind, ProcessId writer, ProcessId reader, shm::Access access) {
        return must(attachment(writer).segment(kind, writer, reader, access));
    }
    template <uint32_t slot_bytes>
    Publisher<slot_bytes> publisher(ChannelKind kind, ProcessId self) {
        return {segment(kind, self, self, shm::Access::read_write), self, attachment(self).doorbells(kind, self, self)};
    }
    Sender<128> sender(ChannelKind kind, ProcessId self, ProcessId reader) {
        return {segment(kind, self, reader, shm::Access::read_write), self,
                attachment(self).doorbells(kind, self, reader)};
    }
    Receiver<128> receiver(ChannelKind kind, ProcessId writer, ProcessId self) {
        return Receiver<128>(segment(kind, writer, self, shm::Access::read_write));
    }
    std::unique_ptr<Caller> caller(ProcessId self, ProcessId server) {
        return std::make_unique<Caller>(sender(ChannelKind::call, self, server),
                                        receiver(ChannelKind::reply, server, self));
    }
    Log log(ProcessId self) { return Log(publisher<256>(ChannelKind::log, self)); }
    shm::BookPage& book(uint8_t feed = 0) {
        const ProcessId owner{ProcessKind::binance, feed};
        auto& kept = books_[feed];
        if (!kept) kept.emplace(segment(ChannelKind::book, owner, owner, shm::Access::read_write));
        return kept->page<shm::BookPage>();
    }
    /// A counter or gauge of this process as last published; -1 before it exists.
    int64_t metric(ProcessId owner, std::string_view metric_name, std::string_view labels = "") {
        const auto page = segment(ChannelKind::metrics, owner, owner, shm::Access::read_only);
        const auto values = shm::snapshot(page.page<shm::MetricsPage>());
        const auto* found = values.find(metric_name, labels);
        return found == nullptr ? -1 : static_cast<int64_t>(found->words[0]);
    }

    // Life and death of workers.
    void write_config(const std::string& toml) const { std::ofstream(folder_ + "/config.toml") << toml; }
    /// Starts a worker as the supervisor would. `extra` holds options with their values; they replace the
    /// usual ones.
    Child start(ProcessId process, const std::string& program_path, const std::vector<std::string>& extra = {}) {
        auto& desk = slot(process).desk;
        desk.incarnation.fetch_add(1);
        desk.state.store(static_cast<uint32_t>(WorkerState::spawned));
        auto argv = arguments(process, program_path);
        for (size_t i = 0; i + 1 < extra.size(); i += 2) {
            const auto usual = std::ranges::find(argv, extra[i]);
            if (usual != argv.end()) argv.erase(usual, usual + 2);
            argv.insert(argv.end(), {extra[i], extra[i + 1]});
        }
        Child child(argv, folder_ + "/" + name_of(process) + ".out");
        desk.start_time.store(shm::process_start(static_cast<uint64_t>(child.pid())));
        desk.pid.store(static_cast<uint64_t>(child.pid()));
        return child;
    }
    /// Starts it and waits until it runs; throws what it said if it ended instead.
    Child start_and_wait(ProcessId process, const std::string& program_path,
                         const std::vector<std::string>& extra = {}) {
        auto child = start(process, program_path, extra);
        wait_until([&] { return state(process) == WorkerState::running || child.ended(); });
        if (state(process) != WorkerState::running)
            throw std::runtime_error(name_of(process) + " does not run: " + child.output());
        return child;
    }
    /// As the page tells it to users.
    WorkerState state(ProcessId process) const {
        const auto& at = slot(process);
        const auto desk = static_cast<WorkerState>(at.desk.state.load());
        const bool own = at.own.incarnation.load() == at.desk.incarnation.load();
        return desk == WorkerState::spawned && own ? static_cast<WorkerState>(at.own.state.load()) : desk;
    }
    /// This test process passes for `process`: it is alive to all who ask.
    void stand_in(ProcessId process) const {
        auto& desk = slot(process).desk;
        desk.start_time.store(shm::process_start(static_cast<uint64_t>(getpid())));
        desk.pid.store(static_cast<uint64_t>(getpid()));
        desk.incarnation.store(std::max(1u, desk.incarnation.load()));
    }
    void stand_out(ProcessId process) const { slot(process).desk.pid.store(0); }
    /// The supervisor's command to finish and exit.
    void drain(ProcessId process, std::chrono::milliseconds limit = patience) {
        auto commands = sender(ChannelKind::command, supervisor_id, process);
        if (!commands.claim()) throw std::runtime_error("the command queue is full");
        auto& command =
            commands.message<CommandDrain>(MessageType::command_drain, CorrelationId::make(supervisor_id, 1, 1));
        command.deadline_ns = static_cast<uint64_t>(mono_ns() + limit.count() * ns_per_ms);
        commands.commit();
    }

  private:
    Attachment& attachment(ProcessId self) {
        auto& kept = attachments_[name_of(self)];
        if (!kept) kept = std::make_unique<Attachment>(must(Attachment::open(options(self))));
        return *kept;
    }
    void create(const Channel& channel) {
        auto spec = spec_of(name_, channel);
        const auto kind = channel.wire->kind;
        spec.slots = kind == ChannelKind::market  ? shape_.market_slots
                     : kind == ChannelKind::log   ? shape_.log_slots
                     : kind == ChannelKind::trace ? shape_.trace_slots
                                                  : channel.wire->slots;
        auto segment = must(shm::Segment::create(spec));
        if (kind == ChannelKind::control) control_.emplace(std::move(segment));
    }
    void fill_control() {
        auto& page = control();
        page.instance.fence.store(shm::register_membarrier() ? 0 : 1);
        for (size_t i = 0; i < processes_.size(); ++i) {
            const auto text = name_of(processes_[i]);
            std::copy(text.begin(), text.end(), page.processes[i].desk.name);
        }
        std::ranges::copy(name_, page.instance.governor);
        page.instance.processes.store(static_cast<uint32_t>(processes_.size()));
    }
    std::vector<std::string> arguments(ProcessId process, const std::string& program_path) const {
        std::string bells;
        for (const auto& [owner, descriptor] : bells_)
            bells += fmt::format("{}{}={}", bells.empty() ? "" : ",", owner, descriptor);
        return {program_path,
                "--instance",
                name_,
                "--index",
                std::to_string(process.index),
                "--config",
                folder_ + "/config.toml",
                "--data-dir",
                data_dir(),
                "--log-dir",
                log_dir(),
                "--trace-sample",
                "1",
                "--wait",
                "sleep",
                "--parent",
                std::to_string(getpid()),
                "--doorbells",
                bells};
    }
    /// Segments of test processes that are no more.
    static void clear_leftovers() {
        for (const auto& segment_name : shm::list_segments("")) {
            if (!segment_name.starts_with("of-test-")) continue;
            const auto pid = std::strtoull(segment_name.c_str() + 8, nullptr, 10);
            if (shm::process_start(pid) == 0) shm::remove_segment(segment_name);
        }
    }

    InstanceShape shape_;
    std::vector<ProcessId> processes_;
    std::vector<Channel> channels_;
    std::string name_;
    std::string folder_;
    std::optional<shm::Segment> control_;
    std::optional<shm::Segment> governor_;
    std::map<std::string, int> bells_;
    std::map<std::string, std::unique_ptr<Attachment>> attachments_;
    std::map<uint8_t, std::optional<shm::Segment>> books_;
};

}  // namespace of::test
