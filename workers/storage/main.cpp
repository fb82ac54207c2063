// of-storage: the only process that keeps anything on disk but logs.
#include "workers/storage/ingest.hpp"

namespace {

using namespace of;
using settings::Key;
using settings::Kind;

constexpr Key keys[] = {
    {.name = "batch_rows_max", .kind = Kind::integer, .fallback = "1000", .help = "rows of one transaction at most", .min = 1, .max = 100'000},
    {.name = "batch_age_ms", .kind = Kind::integer, .fallback = "50", .help = "a row waits at most so long for its commit", .min = 1, .max = 10'000},
    {.name = "synchronous", .fallback = R"("normal")", .help = "full: no committed row is lost at a power failure", .choices = "normal|full"},
    {.name = "retention_days", .kind = Kind::integer, .fallback = "0", .help = "older days' files are removed; 0 keeps all", .min = 0, .max = 36'500},
};
constexpr settings::Section sections[] = {{"storage", keys}};

std::unique_ptr<Worker> make_storage(Runtime& runtime, const settings::Loaded& loaded) {
    const auto& values = loaded["storage"];
    return std::make_unique<storage::Ingest>(runtime, storage::IngestSettings{.batch_rows_max = static_cast<uint64_t>(values.integer("batch_rows_max")),
                                                                              .batch_age_ns = values.integer("batch_age_ms") * ns_per_ms,
                                                                              .full_sync = values.text("synchronous") == "full",
                                                                              .retention_days = values.integer("retention_days")});
}

}  // namespace

int main(int argc, char** argv) {
    return run_worker({ProcessKind::storage, "Stores market data in SQLite, one file for each UTC day.", sections}, argc, argv, make_storage);
}
