// ofctl shm hz and gc, on segments that move, are still, and are left behind.
#include <sys/file.h>
#include <sys/wait.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "tests/unit/ofctl/support.hpp"

using namespace of;
using namespace of::test;

namespace {

/// An instance's segments, made by a process that has ended; gone at the end of the scope.
class DeadInstance {
  public:
    DeadInstance() : name_(fmt::format("of-dead-{}", getpid())) {
        const pid_t child = fork();
        if (child == 0) {
            auto made =
                shm::Segment::create(shm::make_spec(name_, "control", shm::SegmentKind::page, "control", 0, 0, ""));
            if (made) {
                auto& line = made->page<shm::ControlPage>().instance;
                line.supervisor_pid.store(static_cast<uint64_t>(getpid()));
                line.supervisor_start.store(shm::process_start(static_cast<uint64_t>(getpid())));
            }
            const auto ring =
                shm::Segment::create(shm::make_spec(name_, "ring", shm::SegmentKind::queue, "", 128, 64, ""));
            _exit(made && ring ? 0 : 1);
        }
        int status = 0;
        REQUIRE(waitpid(child, &status, 0) == child);
        REQUIRE(status == 0);
    }
    ~DeadInstance() {
        for (const auto& segment : segments()) shm::remove_segment(segment);
    }
    DeadInstance(const DeadInstance&) = delete;
    const std::string& name() const { return name_; }
    std::vector<std::string> segments() const { return shm::list_segments(name_); }
    /// Lets `change` at the control page, which is mapped only meanwhile.
    template <typename Change>
    void change_control(Change change) const {
        const auto mapped = control();
        change(mapped.page<shm::ControlPage>());
    }
    shm::Segment control() const {
        return must(shm::Segment::open(shm::make_spec(name_, "control", shm::SegmentKind::page, "control", 0, 0, ""),
                                       shm::Access::read_write));
    }

  private:
    std::string name_;
};

size_t count_of(const std::string& text, std::string_view part) {
    size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
    return count;
}

size_t lines_in(const std::string& text) { return static_cast<size_t>(std::ranges::count(text, '\n')); }

}  // namespace

TEST_CASE("hz shows a ring that moves and its readers, as a table of 80 columns and as JSON for each interval") {
    Instance instance;
    instance.stand_in(storage_id);
    auto& cursor = *shm::find_cursor(instance.slot(storage_id), "market.0");
    cursor.generation.store(
        instance.segment(ChannelKind::market, binance_id, binance_id, shm::Access::read_only).header().generation);
    std::atomic<bool> stop{false};
    std::thread busy([&] {
        while (!stop.load()) publish_trades(instance, 100);
    });
    const auto table = run_ofctl(fmt::format("--instance {} shm hz --interval 0.05", instance.name()));
    const auto json =
        run_ofctl(fmt::format("--instance {} --json shm hz market.0 --interval 0.05 --count 20", instance.name()));
    stop.store(true);
    busy.join();
    INFO(table.text << json.text);
    REQUIRE(table.exit_code == 0);
    REQUIRE(widest_line(table.text) <= 80);
    REQUIRE(table.text.find("reply.storage.communication") != std::string::npos);
    REQUIRE(json.exit_code == 0);
    REQUIRE(lines_in(json.text) == 20);
    // On a busy machine the writer may rest through an interval, not through all of them.
    REQUIRE(count_of(json.text, R"("segment":"market.0","messages_per_s":0,)") < 20);
    REQUIRE(json.text.find(R"("readers":[{"name":"storage","lag":)") != std::string::npos);
    REQUIRE(run_ofctl(fmt::format("--instance {} shm hz control", instance.name())).exit_code == 2);
    REQUIRE(run_ofctl(fmt::format("--instance {} shm hz market.7", instance.name())).exit_code == 4);
}

TEST_CASE("hz says of copied and of dead segments that nothing moves, at once") {
    const Instance instance;
    const auto copied = run_ofctl(fmt::format("--from {} shm hz --interval 3600", copy_of(instance)));
    REQUIRE(copied.exit_code == 0);
    REQUIRE(copied.text.find("nothing moves: these are copied segments") != std::string::npos);
    const DeadInstance dead;
    const auto still = run_ofctl(fmt::format("--instance {} --json shm hz --interval 3600", dead.name()));
    REQUIRE(still.exit_code == 0);
    REQUIRE(still.text.find(R"("moves":false)") != std::string::npos);
}

TEST_CASE("gc lists a dead instance and removes it only when told to") {
    const DeadInstance dead;
    const Instance living;
    const auto before = shm::list_segments(living.name());
    const auto listed = run_ofctl("shm gc");
    INFO(listed.text);
    REQUIRE(listed.exit_code == 0);
    REQUIRE(listed.text.find(dead.name() + ".control") != std::string::npos);
    REQUIRE(listed.text.find(living.name()) == std::string::npos);
    REQUIRE(dead.segments().size() == 2);
    const auto removed = run_ofctl(fmt::format("--instance {} shm gc --yes", dead.name()));
    INFO(removed.text);
    REQUIRE(removed.exit_code == 0);
    REQUIRE(removed.text.find("2 of 2 segments removed") != std::string::npos);
    REQUIRE(dead.segments().empty());
    REQUIRE(shm::list_segments(living.name()) == before);
    REQUIRE(run_ofctl(fmt::format("--instance {} shm gc", dead.name())).exit_code == 4);
}

TEST_CASE("gc leaves an instance of which one process lives, and one whose lock is held") {
    const DeadInstance dead;
    const auto self = static_cast<uint64_t>(getpid());
    SECTION("the maker of a segment") {
        const auto more =
            shm::Segment::create(shm::make_spec(dead.name(), "more", shm::SegmentKind::queue, "", 128, 64, ""));
        REQUIRE(more.has_value());
        REQUIRE(run_ofctl(fmt::format("--instance {} shm gc --yes", dead.name())).exit_code == 0);
        REQUIRE(dead.segments().size() == 3);
    }
    SECTION("the supervisor") {
        dead.change_control([&](shm::ControlPage& page) {
            page.instance.supervisor_pid.store(self);
            page.instance.supervisor_start.store(shm::process_start(self));
        });
        REQUIRE(run_ofctl(fmt::format("--instance {} shm gc --yes", dead.name())).exit_code == 0);
        REQUIRE(dead.segments().size() == 2);
    }
    SECTION("a worker") {
        dead.change_control([&](shm::ControlPage& page) {
            page.instance.processes.store(1);
            std::memcpy(page.processes[0].desk.name, "storage", 7);
            page.processes[0].desk.start_time.store(shm::process_start(self));
            page.processes[0].desk.pid.store(self);
        });
        REQUIRE(run_ofctl(fmt::format("--instance {} shm gc --yes", dead.name())).exit_code == 0);
        REQUIRE(dead.segments().size() == 2);
    }
    SECTION("a supervisor that is about to adopt it") {
        auto pattern = (std::filesystem::temp_directory_path() / "of-lock-XXXXXX").string();
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        dead.change_control(
            [&](shm::ControlPage& page) { std::memcpy(page.instance.state_dir, pattern.data(), pattern.size()); });
        const int lock = open((pattern + "/lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        REQUIRE(flock(lock, LOCK_EX | LOCK_NB) == 0);
        REQUIRE(run_ofctl(fmt::format("--instance {} shm gc --yes", dead.name())).exit_code == 1);
        close(lock);
        std::filesystem::remove_all(pattern);
        REQUIRE(dead.segments().size() == 2);
    }
}

TEST_CASE("gc leaves what a process has mapped, though the control page is of another layout and tells no pids") {
    const DeadInstance dead;
    {
        const auto control = dead.control();
        const_cast<shm::SegmentHeader&>(control.header()).layout_hash ^= 1;
        REQUIRE(run_ofctl(fmt::format("--instance {} shm gc --yes", dead.name())).exit_code == 0);
        REQUIRE(dead.segments().size() == 2);
    }
    REQUIRE(run_ofctl(fmt::format("--instance {} shm gc --yes", dead.name())).exit_code == 0);
    REQUIRE(dead.segments().empty());
}

TEST_CASE("gc touches no file that is not a segment of its own name") {
    const DeadInstance dead;
    const auto stranger = "/dev/shm/" + dead.name() + ".stranger";
    const auto renamed = "/dev/shm/" + dead.name() + ".renamed";
    std::ofstream(stranger) << std::string(20'000, 'x');
    std::filesystem::copy_file("/dev/shm/" + dead.name() + ".control", renamed);
    const auto removed = run_ofctl(fmt::format("--instance {} shm gc --yes", dead.name()));
    const bool both = std::filesystem::remove(stranger) && std::filesystem::remove(renamed);
    INFO(removed.text);
    REQUIRE(removed.exit_code == 0);
    REQUIRE(both);
    REQUIRE(dead.segments().empty());
    REQUIRE(run_ofctl("--from /tmp shm gc").exit_code == 2);
}
