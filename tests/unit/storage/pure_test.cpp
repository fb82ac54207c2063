// Days and id ranges: the pure parts of storage.
#include "tests/unit/storage/support.hpp"

namespace of::storage {

using Ranges = std::vector<IdRange>;

TEST_CASE("a time belongs to the UTC day that it lies in", "[storage]") {
    CHECK(day_of(0) == 0);
    CHECK(day_of(ns_per_day - 1) == 0);
    CHECK(day_of(ns_per_day) == 1);
    CHECK(day_of(-1) == -1);
    CHECK(day_of(-ns_per_day) == -1);
    CHECK(day_of(-ns_per_day - 1) == -2);
}

TEST_CASE("the name of a day's file is its date, and only such names are days", "[storage]") {
    CHECK(file_name(0) == "orderflow-1970-01-01.sqlite");
    CHECK(file_name(day_of(test::noon)) == "orderflow-2024-10-04.sqlite");
    CHECK(day_of_file("orderflow-2024-10-04.sqlite") == day_of(test::noon));
    for (const Day day : {Day{-1}, Day{0}, Day{59}, Day{20'000}, Day{100'000}})
        CHECK(day_of_file(file_name(day)) == day);
    for (const auto* name :
         {"", "orderflow-2024-10-04.sqlite-wal", "orderflow-2024-02-30.sqlite", "orderflow-2024-1-04.sqlite",
          "orderflow-2024-10-0x.sqlite", "other-2024-10-04.sqlite", "orderflow-2024/10/04.sqlite"}) {
        INFO(name);
        CHECK_FALSE(day_of_file(name));
    }
}

TEST_CASE("ranges that touch become one", "[storage]") {
    IdRanges ranges;
    ranges.add({10, 19});
    ranges.add({30, 39});
    CHECK(ranges.ranges() == Ranges{{10, 19}, {30, 39}});
    ranges.add({20, 29});
    CHECK(ranges.ranges() == Ranges{{10, 39}});
    ranges.add({15, 45});
    ranges.add({1, 2});
    CHECK(ranges.ranges() == Ranges{{1, 2}, {10, 45}});
    CHECK(ranges.size() == 38);
}

TEST_CASE("removing an id splits its range", "[storage]") {
    IdRanges ranges;
    ranges.add({10, 12});
    CHECK_FALSE(ranges.remove(9));
    CHECK_FALSE(ranges.remove(13));
    CHECK(ranges.remove(11));
    CHECK(ranges.ranges() == Ranges{{10, 10}, {12, 12}});
    CHECK_FALSE(ranges.remove(11));
    CHECK(ranges.remove(10));
    CHECK(ranges.remove(12));
    CHECK(ranges.size() == 0);
    CHECK_FALSE(ranges.remove(10));
}

TEST_CASE("the parts of a range outside the set are told exactly", "[storage]") {
    IdRanges ranges;
    ranges.add({10, 19});
    ranges.add({30, 39});
    CHECK(ranges.uncovered({1, 50}) == Ranges{{1, 9}, {20, 29}, {40, 50}});
    CHECK(ranges.uncovered({12, 15}).empty());
    CHECK(ranges.uncovered({15, 31}) == Ranges{{20, 29}});
    CHECK(ranges.uncovered({40, 41}) == Ranges{{40, 41}});
}

TEST_CASE("ids in order skip nothing, a jump names what it skips", "[storage]") {
    IdTrack track;
    CHECK_FALSE(track.arrive(100, false));
    CHECK_FALSE(track.arrive(101, false));
    CHECK_FALSE(track.arrive(101, false));
    CHECK(track.arrive(105, false) == IdRange{102, 104});
    CHECK(track.last == 105);
}

TEST_CASE("a repaired id fills its hole and does not move the order", "[storage]") {
    IdTrack track;
    track.arrive(100, false);
    track.arrive(105, false);
    track.missing.add({101, 104});
    CHECK_FALSE(track.arrive(103, true));
    CHECK(track.last == 105);
    CHECK(track.missing.size() == 3);
    CHECK(track.repaired == 1);
    CHECK_FALSE(track.arrive(103, true));
    CHECK(track.repaired == 1);
    CHECK_FALSE(track.arrive(106, false));
}

TEST_CASE("a missing id that comes late from the stream does not move the order", "[storage]") {
    IdTrack track;
    track.arrive(100, false);
    track.arrive(103, false);
    track.missing.add({101, 102});
    CHECK_FALSE(track.arrive(102, false));
    CHECK(track.last == 103);
    CHECK(track.missing.ranges() == Ranges{{101, 101}});
    CHECK_FALSE(track.arrive(104, false));
}

TEST_CASE("ids that begin anew are a new epoch, not a hole", "[storage]") {
    IdTrack track;
    track.arrive(1'000'000, false);
    CHECK_FALSE(track.arrive(1, false));
    CHECK_FALSE(track.arrive(2, false));
    CHECK(track.arrive(4, false) == IdRange{3, 3});
}

}  // namespace of::storage
