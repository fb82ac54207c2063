#include "workers/storage/sqlite.hpp"

#include <fmt/format.h>

namespace of::storage {
namespace {

ErrorKind kind_of(int result) {
    switch (result & 0xff) {
        case SQLITE_FULL: return ErrorKind::no_space;
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return ErrorKind::busy;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: return ErrorKind::corrupt;
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
        case SQLITE_PERM: return ErrorKind::denied;
        default: return ErrorKind::failed;
    }
}

Error error_of(sqlite3* handle) {
    const char* file = sqlite3_db_filename(handle, "main");
    return {kind_of(sqlite3_extended_errcode(handle)), fmt::format("{}: {}", file == nullptr ? "SQLite" : file, sqlite3_errmsg(handle))};
}

}  // namespace

Expected<bool> Statement::step() {
    const int result = sqlite3_step(statement_);
    if (result == SQLITE_ROW) return true;
    if (result == SQLITE_DONE) return false;
    return tl::make_unexpected(error_of(database_));
}

Expected<void> Statement::run() {
    const auto stepped = step();
    sqlite3_reset(statement_);
    if (!stepped) return tl::make_unexpected(stepped.error());
    return {};
}

Expected<Database> Database::open(const std::string& path, Mode mode) {
    sqlite3* handle = nullptr;
    const int flags = mode == Mode::write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    const int result = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    Database database(handle, path);
    if (result != SQLITE_OK) return fail(kind_of(result), fmt::format("{} cannot be opened: {}", path, sqlite3_errstr(result)));
    sqlite3_busy_timeout(handle, 1000);
    return database;
}

Expected<void> Database::execute(const std::string& sql) {
    if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return tl::make_unexpected(error());
    return {};
}

Expected<Statement> Database::prepare(std::string_view sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK)
        return tl::make_unexpected(error());
    return Statement(handle_, statement);
}

Expected<int64_t> Database::value(std::string_view sql) {
    auto statement = prepare(sql);
    if (!statement) return tl::make_unexpected(statement.error());
    const auto row = statement->step();
    if (!row) return tl::make_unexpected(row.error());
    return *row ? statement->integer(0) : 0;
}

Error Database::error() const { return error_of(handle_); }

}  // namespace of::storage
