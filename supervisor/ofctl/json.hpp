// JSON text, written piece by piece in the order in which it is to stand. Keys and texts are escaped; bytes that are no
// UTF-8 become U+FFFD.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/text.hpp"

namespace of::ofctl {

class Json {
  public:
    Json& open_object() { return open('{'); }
    Json& close_object() { return close('}'); }
    Json& open_array() { return open('['); }
    Json& close_array() { return close(']'); }
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
};

}  // namespace of::ofctl
