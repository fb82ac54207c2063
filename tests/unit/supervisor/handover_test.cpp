#include "supervisor/handover.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "supervisor/sealed_text.hpp"

using namespace of::supervisor;

namespace {

int file_of(std::string_view text) {
    const int descriptor = memfd_create("handover", MFD_CLOEXEC);
    REQUIRE(write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    lseek(descriptor, 0, SEEK_SET);
    return descriptor;
}

}  // namespace

TEST_CASE("what passes from one supervisor to the next cannot be changed on its way") {
    const int descriptor = sealed_text("note", "as it is");
    REQUIRE(descriptor >= 0);
    CHECK(pwrite(descriptor, "x", 1, 0) < 0);
    CHECK(ftruncate(descriptor, 0) != 0);
    CHECK(ftruncate(descriptor, 100) != 0);
    std::string text(20, '\0');
    text.resize(static_cast<size_t>(pread(descriptor, text.data(), text.size(), 0)));
    CHECK(text == "as it is");
    close(descriptor);
}

TEST_CASE("what a supervisor leaves is what its successor reads") {
    const Handover left{
        .lock = 3,
        .governor = 4,
        .config = 5,
        .control = 6,
        .lifeline = {7, 8},
        .bells = {9, 10, 11},
        .config_generation = 12,
        .workers = {{"logger", 2, 1234, 13, 14, 3, 987'654'321, 15, false}, {"storage", 0, 0, -1, -1, 0, 0, -1}}};
    const auto read = Handover::read(left.write());
    REQUIRE(read);
    CHECK(read->lock == 3);
    CHECK(read->governor == 4);
    CHECK(read->config == 5);
    CHECK(read->control == 6);
    CHECK(read->lifeline == left.lifeline);
    CHECK(read->bells == left.bells);
    CHECK(read->config_generation == 12);
    REQUIRE(read->workers.size() == 2);
    const auto& logger = read->workers.front();
    CHECK((logger.name == "logger" && logger.state == 2 && logger.pid == 1234));
    CHECK((logger.pidfd == 13 && logger.errors == 14 && logger.failures == 3 && logger.ready_ns == 987'654'321));
    CHECK(logger.black_box == 15);
    CHECK_FALSE(logger.is_child);
    CHECK(read->workers.back().is_child);
    CHECK(read->workers.back().pidfd == -1);
    CHECK(read->workers.back().black_box == -1);
}

TEST_CASE("a handover that is none is refused in a sentence") {
    for (const auto* text : {"", "nonsense", "orderflow handover 999\n", "lock x\n"}) {
        INFO(text);
        const auto read = Handover::read(file_of(text));
        REQUIRE_FALSE(read);
        CHECK_FALSE(read.error().message.empty());
    }
    CHECK_FALSE(Handover::read(-1));
}
