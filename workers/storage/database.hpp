// SQLite, as much of it as storage needs: connections and statements that close themselves, errors as values.
//
// A path with a wrong, damaged or foreign file is an Error whose sentence names it. Not thread-safe: one
// owner.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>
#include <string_view>

#include "shm/error.hpp"

namespace of::storage {

enum class Mode : uint8_t { read_only, read_write };

/// A prepared statement, valid as long as its Database.
class Statement {
  public:
    /// Rewinds it and binds its parameters from the first on: integers and texts. Texts must live until the
    /// run ends.
    template <typename... Values>
    Statement& bind(const Values&... values) {
        sqlite3_reset(handle_.get());
        int at = 0;
        (set(++at, values), ...);
        return *this;
    }
    /// True when a row is there to be read, false at the end.
    Expected<bool> step();
    /// For statements without rows: runs it to its end.
    Expected<void> run();
    int64_t integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }
    std::string text(int column) const;
    void rewind() { sqlite3_reset(handle_.get()); }

  private:
    friend class Database;
    struct Finalize {
        void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
    };
    explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}
    void set(int at, int64_t value) { sqlite3_bind_int64(handle_.get(), at, value); }
    void set(int at, std::string_view value) {
        sqlite3_bind_text(handle_.get(), at, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
    }
    std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

class Database {
  public:
    /// `read_write` makes the file when there is none.
    static Expected<Database> open(const std::string& path, Mode mode);

    Expected<void> run(const std::string& sql);
    Expected<Statement> prepare(std::string_view sql);
    /// The first column of the only row.
    Expected<int64_t> integer(std::string_view sql);
    /// Rows that the last statement changed.
    int64_t changes() const { return sqlite3_changes64(handle_.get()); }
    bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }
    sqlite3* handle() const { return handle_.get(); }
    const std::string& path() const { return path_; }

  private:
    struct Close {
        void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
    };
    Database(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}
    std::string path_;
    std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace of::storage
