// The runner of the unit tests; compiled once, since Catch2's main takes its time. `-r tap` prints one line a case.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#include <catch2/catch_reporter_tap.hpp>
