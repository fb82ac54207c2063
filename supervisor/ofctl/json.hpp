// JSON text, written piece by piece in the order in which it is to stand. Keys and texts are escaped; bytes that are no
// UTF-8 become U+FFFD. What a verb prints is a document, its table an array of rows, from which also the other formats
// for programs are made (print.hpp).
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/text.hpp"

namespace of::ofctl {

class Json {
  public:
    Json& open_object() { return open('{'); }
    Json& close_object() { return close('}'); }
    Json& open_array() { return open('['); }
    Json& close_array() { return close(']'); }
    /// The outer object. `version` counts up when a field changes its meaning or goes, not when one is added.
    Json& open_document(std::string_view kind) { return open_object().field("version", 1).field("kind", kind); }
    /// The array of the document's rows; close_array() ends it.
    Json& open_rows(std::string_view name) {
        tabular_ = true;
        return key(name).open_array();
    }
    /// An object that is a row, of something called `name`.
    Json& open_row(std::string_view name) {
        separate();
        fresh_ = true;
        rows_.push_back({std::string(name), text_.size(), 0});
        return open_object();
    }
    Json& close_row() {
        close_object();
        rows_.back().end = text_.size();
        return *this;
    }
    Json& key(std::string_view name) {
        separate();
        append_json_text(text_, name);
        text_ += ':';
        fresh_ = true;
        return *this;
    }
    Json& value(std::string_view text) {
        separate();
        append_json_text(text_, text);
        return *this;
    }
    Json& value(const char* text) { return value(std::string_view(text)); }
    Json& value(bool truth) { return raw(truth ? "true" : "false"); }
    Json& value(int64_t number) { return raw(std::to_string(number)); }
    Json& value(uint64_t number) { return raw(std::to_string(number)); }
    Json& value(double number) { return raw(fmt::format("{:.6g}", number)); }
    Json& value(int number) { return value(int64_t{number}); }
    Json& value(uint32_t number) { return value(uint64_t{number}); }
    Json& null() { return raw("null"); }
    template <typename T>
    Json& field(std::string_view name, const T& content) {
        return key(name).value(content);
    }
    /// A number to three digits behind the point, however large.
    Json& precise(std::string_view name, double number) { return key(name).raw(fmt::format("{:.3f}", number)); }
    const std::string& text() const { return text_; }

    struct Row {
        std::string name;
        size_t begin;
        size_t end;
    };
    bool tabular() const { return tabular_; }
    const std::vector<Row>& rows() const { return rows_; }
    std::string_view text_of(const Row& row) const {
        return std::string_view(text_).substr(row.begin, row.end - row.begin);
    }

  private:
    Json& raw(std::string_view literal) {
        separate();
        text_ += literal;
        return *this;
    }
    Json& open(char bracket) {
        separate();
        text_ += bracket;
        fresh_ = true;
        return *this;
    }
    Json& close(char bracket) {
        text_ += bracket;
        fresh_ = false;
        return *this;
    }
    void separate() {
        if (!fresh_ && !text_.empty()) text_ += ',';
        fresh_ = false;
    }

    std::string text_;
    bool fresh_ = true;
    bool tabular_ = false;
    std::vector<Row> rows_;
};

}  // namespace of::ofctl
