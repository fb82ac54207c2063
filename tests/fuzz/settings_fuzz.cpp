// The configuration file: whatever stands in it, problems come back and nothing else happens.
#include <cstdlib>

#include "proto/settings.hpp"
#include "tests/fuzz/target.hpp"

using namespace of::settings;

namespace {
constexpr Key keys[] = {
    {.name = "rows", .kind = Kind::integer, .fallback = "1000", .help = "rows", .min = 1, .max = 100'000},
    {.name = "mode", .fallback = R"("full")", .help = "mode", .choices = "full|normal"},
    {.name = "share", .kind = Kind::number, .fallback = "0.5", .help = "share", .min = 0, .max = 1},
    {.name = "on", .kind = Kind::boolean, .fallback = "true", .help = "on"},
    {.name = "symbols", .kind = Kind::text_list, .fallback = R"(["BTCUSDT"])", .help = "symbols", .min = 1, .max = 5},
};
constexpr Section sections[] = {{"storage", keys}, {"supervisor.restart", keys}};
constexpr std::string_view foreign[] = {"logger"};
}  // namespace

const std::string_view fuzz_name = "settings";

std::vector<std::string> fuzz_corpus() {
    return {"[storage]\nrows = 5\nmode = \"normal\"\nshare = 0.25\non = false\nsymbols = [\"A\", \"B\"]\n",
            "[supervisor.restart]\nrows = 99999\n[logger]\nx = 1979-05-27T07:32:00Z\n",
            "[[storage]]\nrows = 1\n",
            "storage.rows = 1\nstorage.mode = '''full'''\n",
            "[storage]\nsymbols = [[1], {a = 2}, \"\\u00e9\"]\nrows = 0xff\nshare = inf\n",
            "# only a comment\n"};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto loaded = parse({reinterpret_cast<const char*>(data), size}, "fuzz.toml", sections, foreign);
    const auto rows = loaded["storage"].integer("rows");
    if (rows < 1 || rows > 100'000 || loaded["supervisor.restart"].text_list("symbols").empty()) std::abort();
    if (render("fuzz.toml", loaded.problems).empty() != loaded.problems.empty()) std::abort();
    return 0;
}
