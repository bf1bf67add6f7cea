#pragma once

#include "core/router/connection.hpp"
#include "core/router/plan.hpp"
#include "core/store/store.hpp"

namespace sluice::router {

/// Bodies larger than this keep their first kTruncatedBody bytes (configuration 2.6).
constexpr Bytes kMaxDeadLetterBody = 16_MiB;
constexpr Bytes kTruncatedBody = 64_KiB;

/// Everything that is known about a message that cannot be processed, with its bytes (data-connections 1.8).
store::DeadLetter make_dead_letter(const ConnectionSettings& settings, const DataConnection& connection, const Message& message,
                                   std::string_view lane, const PlanCache::Partial& routing, const Error& error, Ticks now);
/// A single record of a message whose other records are stored (strict connections): its text is the body, and its number goes into
/// the position.
store::DeadLetter make_record_letter(const ConnectionSettings& settings, const DataConnection& connection, const Message& message,
                                     std::string_view lane, const PlanCache::Partial& routing, const data::RefusedRecord& record, Ticks now);
/// The row of `.show ingestion failures` that goes with it (engine 7.1).
store::IngestionFailure failure_of(const store::DeadLetter& letter);

} // namespace sluice::router
