// A ring's messages as a user asked for them: of one symbol or type, as a line of text or of JSON.
#pragma once

#include <string>

#include "supervisor/ofctl/decode.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {

/// The page that names the symbols in a ring's messages.
std::string symbols_channel(const std::string& ring);

class MessagePrinter {
  public:
    /// `symbols` may be null; it, and `options`, must outlive the printer.
    MessagePrinter(const Options& options, std::string channel, std::string_view schema, const shm::BookPage* symbols)
        : options_(options), channel_(std::move(channel)), decoder_(schema, symbols) {}

    /// Whether the message is of the symbol and the type that were asked for.
    bool wants(const std::vector<std::byte>& message) const;
    /// Prints it if it is wanted.
    void print(uint64_t position, const std::vector<std::byte>& message) const;

  private:
    bool matches(const Decoded& decoded) const;
    const Options& options_;
    const std::string channel_;
    const MessageDecoder decoder_;
};

}  // namespace of::ofctl
