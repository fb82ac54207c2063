#include "workers/storage/database.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace of::storage {
namespace {

/// How long SQLite itself waits for another's lock; storage has its own back-off behind that.
constexpr int busy_timeout_ms = 50;

ErrorKind kind_of(int code) {
    switch (code & 0xff) {
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return ErrorKind::corrupt;
        case SQLITE_FULL:
            return ErrorKind::no_space;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_INTERRUPT:
            return ErrorKind::busy;
        case SQLITE_PERM:
        case SQLITE_READONLY:
        case SQLITE_CANTOPEN:
            return ErrorKind::denied;
        default:
            return ErrorKind::failed;
    }
}

tl::unexpected<Error> failure(sqlite3* handle) {
    const auto code = sqlite3_extended_errcode(handle);
    const char* path = sqlite3_db_filename(handle, "main");
    const auto name = path == nullptr ? std::string("store") : std::filesystem::path(path).filename().string();
    return fail(kind_of(code), fmt::format("{}: {}", name, sqlite3_errmsg(handle)));
}

}  // namespace

Expected<bool> Statement::step() {
    const int code = sqlite3_step(handle_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    auto error = failure(sqlite3_db_handle(handle_.get()));
    sqlite3_reset(handle_.get());
    return error;
}

Expected<void> Statement::run() {
    const auto stepped = step();
    sqlite3_reset(handle_.get());
    if (!stepped) return tl::make_unexpected(stepped.error());
    return {};
}

std::string Statement::text(int column) const {
    const auto* bytes = sqlite3_column_text(handle_.get(), column);
    if (bytes == nullptr) return {};
    return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

Expected<Database> Database::open(const std::string& path, Mode mode) {
    sqlite3* handle = nullptr;
    const int flags = mode == Mode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    const int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    Database database(path, handle);
    if (code != SQLITE_OK) return fail(kind_of(code), fmt::format("{}: {}", path, sqlite3_errstr(code)));
    if (mode == Mode::read_write && sqlite3_db_readonly(handle, "main") == 1)
        return fail(ErrorKind::denied, fmt::format("{} is not writable", path));
    sqlite3_extended_result_codes(handle, 1);
    sqlite3_busy_timeout(handle, busy_timeout_ms);
    // The sandbox has no folder for temporary files.
    if (auto set = database.run("PRAGMA temp_store = MEMORY"); !set) return tl::make_unexpected(set.error());
    return database;
}

Expected<void> Database::run(const std::string& sql) {
    if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return failure(handle_.get());
    return {};
}

Expected<Statement> Database::prepare(std::string_view sql) {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return failure(handle_.get());
    return Statement(statement);
}

Expected<int64_t> Database::integer(std::string_view sql) {
    auto statement = prepare(sql);
    if (!statement) return tl::make_unexpected(statement.error());
    const auto row = statement->step();
    if (!row) return tl::make_unexpected(row.error());
    return *row ? statement->integer(0) : 0;
}

}  // namespace of::storage
