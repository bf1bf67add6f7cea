#include "core/router/path_policy.hpp"

namespace sluice::router {
namespace {

bool is_streamed_format(data::Format format) {
    switch (format) {
    case data::Format::Csv:
    case data::Format::Tsv:
    case data::Format::Scsv:
    case data::Format::Sohsv:
    case data::Format::Psv:
    case data::Format::Json:
    case data::Format::MultiJson:
    case data::Format::Avro:
        return true;
    default:
        return false;
    }
}

PathReason match(const BatchFacts& facts, const Load& load, Bytes limit) {
    if (!facts.cluster_switch || !facts.policy_enabled)
        return PathReason::SwitchOrPolicyOff;
    if (!is_streamed_format(facts.format))
        return PathReason::FormatNotStreamed;
    if (facts.has_tags || facts.has_creation_time || facts.ignores_first_record || facts.ingest_if_not_exists || facts.is_zip)
        return PathReason::PropertyNotStreamed;
    if (facts.adds_columns)
        return PathReason::AddsColumns;
    if (facts.size > limit)
        return PathReason::TooLarge;
    if (load.in_back_off)
        return PathReason::BackOff;
    if (load.row_store_full || !load.slot_free)
        return PathReason::NoCapacity;
    return PathReason::Streaming;
}

} // namespace

std::string_view to_string(PathReason reason) {
    switch (reason) {
    case PathReason::SwitchOrPolicyOff:
        return "streaming is not enabled for the table";
    case PathReason::FormatNotStreamed:
        return "the format is not streamed";
    case PathReason::PropertyNotStreamed:
        return "tags, creation time, a header row or an archive cannot be streamed";
    case PathReason::AddsColumns:
        return "the mapping adds columns";
    case PathReason::TooLarge:
        return "larger than a streaming request";
    case PathReason::BackOff:
        return "the table is in streaming back-off";
    case PathReason::NoCapacity:
        return "row store full or no streaming slot";
    case PathReason::Streaming:
        break;
    }
    return "streaming";
}

PathChoice choose_path(const BatchFacts& facts, const Load& load, Bytes limit) {
    const PathReason reason = match(facts, load, limit);
    return {reason == PathReason::Streaming ? ingest::Path::Streaming : ingest::Path::Queued, reason};
}

} // namespace sluice::router
