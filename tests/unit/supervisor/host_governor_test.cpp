// The page that supervisors share: who makes it, who removes it, and what is done with one that is no such page.
#include "supervisor/host_governor.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "shm/governor.hpp"
#include "supervisor/wire.hpp"

using namespace of;
using supervisor::HostGovernor;

namespace {

/// A name of this test's own; gone at its end, whatever happened.
struct Name {
    std::string text = fmt::format("of-test-{}-governor", getpid());
    std::string path = "/dev/shm/" + text + ".governor";
    ~Name() { std::filesystem::remove(path); }
    bool there() const { return std::filesystem::exists(path); }
    shm::Segment segment() const {
        return *shm::Segment::open(shm::make_spec(text, "governor", shm::SegmentKind::page, "governor", 0, 0, ""),
                                   shm::Access::read_write);
    }
};

}  // namespace

TEST_CASE("the last supervisor that stops in order removes the page") {
    const Name name;
    auto first = HostGovernor::open(name.text);
    auto second = HostGovernor::open(name.text);
    REQUIRE(first);
    REQUIRE(second);
    first->release();
    REQUIRE(name.there());
    second->release();
    REQUIRE_FALSE(name.there());
    auto third = HostGovernor::open(name.text);  // made anew
    REQUIRE(third);
    REQUIRE(name.there());
    third->release();
}

TEST_CASE("what a killed supervisor left is gone on with, and a ban outlives the last one") {
    const Name name;
    {
        const auto killed = HostGovernor::open(name.text);  // closed without release, as the kernel does it
        const auto segment = name.segment();
        shm::VenueBudget budget(*segment.page<shm::GovernorPage>().claim("binance"), {});
        budget.shut(418, supervisor::now_ns() + 3'600'000'000'000);
    }
    auto next = HostGovernor::open(name.text);
    REQUIRE(next);
    REQUIRE(name.segment().page<shm::GovernorPage>().venues[0].shut_status == 418);
    next->release();
    REQUIRE(name.there());
    name.segment().page<shm::GovernorPage>().venues[0].shut_until_ns = supervisor::now_ns();
    auto last = HostGovernor::open(name.text);
    REQUIRE(last);
    last->release();
    REQUIRE_FALSE(name.there());
}

TEST_CASE("a page whose maker was killed while making it is made anew") {
    const Name name;
    {
        const auto made = HostGovernor::open(name.text);
        REQUIRE(made);
    }
    const auto bytes = std::filesystem::file_size(name.path);
    for (const auto size : {uintmax_t{0}, bytes}) {  // named, and with its blocks, but nothing in them
        std::filesystem::resize_file(name.path, 0);
        std::filesystem::resize_file(name.path, size);
        auto opened = HostGovernor::open(name.text);
        INFO((opened ? "" : opened.error().message));
        REQUIRE(opened);
        REQUIRE(name.segment().header().state == shm::SegmentState::ready);
    }
}

TEST_CASE("a file that is no such page is refused with its path, and left alone") {
    const Name name;
    std::ofstream(name.path) << "not a segment";
    std::filesystem::permissions(name.path, std::filesystem::perms(0600));
    const auto opened = HostGovernor::open(name.text);
    REQUIRE_FALSE(opened);
    INFO(opened.error().message);
    REQUIRE(opened.error().message.find(name.text) != std::string::npos);
    REQUIRE(name.there());
}
