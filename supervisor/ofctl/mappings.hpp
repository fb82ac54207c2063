// Who has which segment mapped, as the kernel says: true also where a control page is damaged or of another layout.
#pragma once

#include <map>
#include <string>

namespace of::ofctl {

/// How many processes have each segment of /dev/shm mapped, by its name, without this process. Those of other users,
/// which this one may not look into, do not count.
std::map<std::string, size_t> mapped_by_others();

}  // namespace of::ofctl
