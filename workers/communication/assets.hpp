// The files of the web page, built into the program (web/embed.py makes assets.cpp), so that it is one file to install.
#pragma once

#include <span>
#include <string_view>

namespace of::communication {

struct Asset {
    std::string_view path;  ///< "/app.js"; the page itself is "/"
    std::string_view type;
    std::string_view etag;  ///< quoted
    std::string_view bytes;
};

std::span<const Asset> assets();

inline const Asset* find_asset(std::string_view path) {
    for (const auto& asset : assets()) {
        if (asset.path == path) return &asset;
    }
    return nullptr;
}

}  // namespace of::communication
