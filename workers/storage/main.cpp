#include "workers/storage/settings.hpp"
#include "workers/storage/storage.hpp"

namespace {

std::unique_ptr<of::Worker> make_storage(of::Runtime& runtime, const of::settings::Loaded& settings) {
    return std::make_unique<of::storage::Storage>(runtime, settings["storage"]);
}

}  // namespace

int main(int argc, char** argv) {
    return of::run_worker({of::ProcessKind::storage, "Stores the market rings in SQLite and answers queries.",
                           of::storage::setting_sections},
                          argc, argv, make_storage);
}
