#include "core/ingest/batch.hpp"

#include <fmt/format.h>

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

Error zero_retention_without_policy(std::string_view table) {
    return Error{
        ErrorCode::Invalid,
        fmt::format(
            "Table '{}' has zero retention and no enabled update policy has it as source: its rows would go nowhere.",
            table),
        "BadRequest_ZeroRetentionPolicyWithNoUpdatePolicy"};
}

} // namespace sluice::ingest
