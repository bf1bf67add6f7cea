#include "core/ingest/batch.hpp"

namespace sluice::ingest {

std::string_view to_string(Path path) {
    switch (path) {
    case Path::Streaming:
        return "streaming";
    case Path::Queued:
        return "queued";
    case Path::Direct:
        break;
    }
    return "direct";
}

} // namespace sluice::ingest
