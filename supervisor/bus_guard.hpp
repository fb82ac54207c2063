// A supervisor that outlives the loss of what it has mapped.
//
// The kernel sends SIGBUS to whoever touches a page of a file that has become shorter. Here a page of zeros takes the
// place of each such page, so that the access goes on: a ring looks empty, a word reads 0, and what is written to it is
// seen by nobody. That it has happened is told by bus_faults(); the segment guard then finds which segment it was.
#pragma once

#include <cstdint>

namespace of::supervisor {

/// For the whole process. Every other reason of SIGBUS ends it as ever.
void survive_lost_pages();
/// Pages that were replaced so far.
uint64_t bus_faults();

}  // namespace of::supervisor
