// What a changed configuration means for each process.
#include "supervisor/reload_plan.hpp"

#include <catch2/catch.hpp>

using namespace of;
using namespace of::supervisor;

namespace {

Config config_of_all() {
    Config config;
    config.wait = "sleep";
    for (const auto kind :
         {ProcessKind::logger, ProcessKind::storage, ProcessKind::communication, ProcessKind::binance})
        config.workers[kind] = {};
    return config;
}

using Kinds = std::vector<ProcessKind>;

}  // namespace

TEST_CASE("a worker's own section, and those in it, restart that worker") {
    const auto config = config_of_all();
    REQUIRE(plan_reload({"storage"}, config, config).restarts == Kinds{ProcessKind::storage});
    REQUIRE(plan_reload({"binance.lines"}, config, config).restarts == Kinds{ProcessKind::binance});
    REQUIRE(plan_reload({"storages"}, config, config).restarts.empty());
}

TEST_CASE("what every worker is given restarts all of them") {
    auto next = config_of_all();
    REQUIRE(plan_reload({"trace"}, next, next).restarts.size() == 4);
    REQUIRE(plan_reload({"breaker"}, next, next).restarts.size() == 4);
    next.wait = "spin";
    REQUIRE(plan_reload({"supervisor"}, config_of_all(), next).restarts.size() == 4);
}

TEST_CASE("the supervisor's own sections take effect at once, and restart only whose resources changed") {
    auto next = config_of_all();
    next.workers[ProcessKind::logger].resources.nice = 5;
    const auto plan = plan_reload({"supervisor.logger"}, config_of_all(), next);
    REQUIRE(plan.at_once);
    REQUIRE(plan.fixed.empty());
    REQUIRE(plan.restarts_kind(ProcessKind::logger));
    REQUIRE(plan.restarts.size() == 1);
}

TEST_CASE("what is made once for the life of an instance is refused") {
    const auto config = config_of_all();
    REQUIRE(plan_reload({"logger", "rings"}, config, config).fixed == "rings");
    REQUIRE(plan_reload({"instance"}, config, config).fixed == "instance");
    REQUIRE(plan_reload({}, config, config).fixed.empty());
    auto next = config;
    next.keep_orphans = true;
    REQUIRE(plan_reload({"supervisor"}, config, next).fixed == "supervisor.orphans");
}
