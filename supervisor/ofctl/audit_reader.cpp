#include "supervisor/ofctl/audit_reader.hpp"

#include <sys/stat.h>

#include <utility>

namespace of::ofctl {
namespace {

/// The text of a field; "" when the line has none. What the supervisor writes of workers and IDs needs no escapes.
std::string text_field(const std::string& line, const std::string& name) {
    const auto key = "\"" + name + "\":\"";
    const auto at = line.find(key);
    if (at == std::string::npos) return "";
    const auto begin = at + key.size();
    return line.substr(begin, line.find('"', begin) - begin);
}

/// "restart storage a reason": storage.
std::string second_word(const std::string& request) {
    const auto begin = request.find(' ');
    if (begin == std::string::npos) return "";
    return request.substr(begin + 1, request.find(' ', begin + 1) - begin - 1);
}

/// 0 where there is none.
ino_t inode_of(const std::string& path) {
    struct stat about{};
    return stat(path.c_str(), &about) == 0 ? about.st_ino : 0;
}

}  // namespace

std::vector<std::string> AuditReader::take_new() {
    std::vector<std::string> lines;
    if (std::exchange(first_, false)) {
        open();
        std::ifstream older(path_ + ".1");
        const bool renamed_meanwhile = inode_of(path_ + ".1") == inode_;
        for (std::string line; !renamed_meanwhile && std::getline(older, line);) lines.push_back(line);
    }
    take_rest(lines);
    if (const auto now = inode_of(path_); now != 0 && now != inode_) {
        take_rest(lines);  // what was written between the last look and its new name
        open();
        take_rest(lines);
    }
    return lines;
}

void AuditReader::open() {
    begun_.clear();
    do {
        inode_ = inode_of(path_);
        file_.close();
        file_.clear();
        file_.open(path_);
    } while (inode_of(path_) != inode_);  // else another has taken the name in between
}

void AuditReader::take_rest(std::vector<std::string>& lines) {
    if (!file_.is_open()) return;
    file_.clear();
    for (std::string piece; std::getline(file_, piece);) {
        begun_ += piece;
        if (file_.eof()) return;  // its end is yet to come
        lines.push_back(std::exchange(begun_, {}));
    }
}

bool AuditFilter::takes(const std::string& line) {
    const bool in_time = text_field(line, "ts") >= since_;
    if (worker_.empty()) return in_time;
    const auto correlation = text_field(line, "correlation");
    const auto request = text_field(line, "request");
    if (request.empty()) return commands_.erase(correlation) != 0 && in_time;
    if (second_word(request) != worker_) return false;
    commands_.insert(correlation);
    return in_time;
}

}  // namespace of::ofctl
