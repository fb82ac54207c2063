// SQLite's C interface with owners: a connection, prepared statements, and errors as sentences. Not thread-safe.
#pragma once

#include <sqlite3.h>

#include <string>
#include <string_view>
#include <utility>

#include "shm/error.hpp"

namespace of::storage {

class Statement {
  public:
    Statement() = default;
    Statement(sqlite3* database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}
    Statement(Statement&& other) noexcept : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}
    Statement& operator=(Statement&& other) noexcept {
        std::swap(statement_, other.statement_);
        database_ = other.database_;
        return *this;
    }
    ~Statement() { sqlite3_finalize(statement_); }

    /// Binds 64-bit integers and texts in order, from parameter 1. A text must live until the next step.
    template <typename... Values>
    Statement& bind(const Values&... values) {
        sqlite3_reset(statement_);
        int at = 0;
        (bind_one(++at, values), ...);
        return *this;
    }
    /// True while there is a row; false when done; the error otherwise.
    Expected<bool> step();
    /// Runs a statement that yields no rows.
    Expected<void> run();

    int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
    std::string text(int column) const {
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
        return text == nullptr ? "" : std::string(text, static_cast<size_t>(sqlite3_column_bytes(statement_, column)));
    }

  private:
    void bind_one(int at, int64_t value) { sqlite3_bind_int64(statement_, at, value); }
    void bind_one(int at, uint64_t value) { sqlite3_bind_int64(statement_, at, static_cast<int64_t>(value)); }
    void bind_one(int at, std::string_view value) { sqlite3_bind_text(statement_, at, value.data(), static_cast<int>(value.size()), SQLITE_STATIC); }

    sqlite3* database_ = nullptr;
    sqlite3_stmt* statement_ = nullptr;
};

class Database {
  public:
    enum class Mode : uint8_t { write, read };
    static Expected<Database> open(const std::string& path, Mode mode);
    Database(Database&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)), path_(std::move(other.path_)) {}
    Database(const Database&) = delete;
    ~Database() { sqlite3_close_v2(handle_); }

    Expected<void> execute(const std::string& sql);
    Expected<Statement> prepare(std::string_view sql);
    /// The first column of the first row; 0 when there is none.
    Expected<int64_t> value(std::string_view sql);
    /// Rows changed by the last statement.
    int64_t changes() const { return sqlite3_changes64(handle_); }
    bool in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }
    const std::string& path() const { return path_; }

  private:
    Database(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
    Error error() const;
    sqlite3* handle_;
    std::string path_;
};

}  // namespace of::storage
