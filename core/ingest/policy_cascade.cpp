#include "core/ingest/policy_cascade.hpp"

#include "core/base/log.hpp"
#include "core/base/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::ingest {
namespace {

bool is_policy_failure(const Error& error) {
    return error.reason.starts_with("UpdatePolicy_");
}

void count_failure(const std::string& database, const std::string& table) {
    metrics::counter("sluice_update_policy_failures_total", "Runs of update policies that failed.",
                     {{"database", database}, {"table", table}})
        .add();
}

} // namespace

std::string_view Derived::status() const {
    if (!found_policies)
        return "Inactive";
    if (branches > 0 && failed_branches == branches)
        return "Failure";
    return any_absorbed ? "PartialSuccess" : "Success";
}

Derived Cascade::run(const NewRows& root) {
    derived_ = {};
    path_ = {root.table->id};
    if (auto broken = ingest(root)) {
        roll_back(0);
        if (!broken->fatal)
            broken->error.message = fmt::format("Failed to run a transactional update policy on '{}': {}",
                                                broken->target, broken->error.message);
        derived_.failed = std::move(broken->error);
    }
    return std::move(derived_);
}

void Cascade::roll_back(std::size_t outputs) {
    while (derived_.outputs.size() > outputs) {
        discard_(derived_.outputs.back());
        derived_.outputs.pop_back();
    }
}

/// Everything that rows arriving in a table set off; nothing when all of it went well or was absorbed.
std::optional<Cascade::Broken> Cascade::ingest(const NewRows& input) {
    const bool of_root = path_.size() == 1;
    for (const PolicyEdge& edge : graph_.from(input.table->id)) {
        const bool cyclic = std::find(path_.begin(), path_.end(), edge.target->id) != path_.end();
        if (cyclic && !options_.strict_cycles) {
            // No table gets rows twice along one chain; a diamond is no cycle (engine 3.6).
            log::info("cyclic update policy cut", {{"source", edge.source->name}, {"target", edge.target->name}});
            continue;
        }
        derived_.found_policies = true;
        derived_.branches += of_root;
        const std::size_t before = derived_.outputs.size();
        auto broken = follow(edge, input, cyclic);
        if (!broken)
            continue;
        if (broken->fatal)
            return broken;
        derived_.failed_branches += of_root;
        roll_back(before);
        if (!edge.policy.is_transactional) {
            derived_.any_absorbed = true;
            continue;
        }
        const auto code = broken->direct ? "UpdatePolicy_IngestionError" : "UpdatePolicy_FailedDescendantTransaction";
        derived_.failures.push_back({input.table->name, code,
                                     fmt::format("Failed to run a transactional update policy on '{}': {}",
                                                 broken->target, broken->error.message),
                                     false});
        broken->direct = false;
        return broken;
    }
    return std::nullopt;
}

std::optional<Cascade::Broken> Cascade::follow(const PolicyEdge& edge, const NewRows& input, bool cyclic) {
    if (cyclic)
        return fail(edge, Error{ErrorCode::Invalid,
                                fmt::format("The update policies lead from table '{}' back to table '{}'.",
                                            edge.source->name, edge.target->name),
                                "UpdatePolicy_Cyclic_Update_Not_Allowed"});
    if (path_.size() > options_.max_depth)
        return fail(edge, Error{ErrorCode::Invalid,
                                fmt::format("The chain of update policies is longer than {} (update_policy.max_depth).",
                                            options_.max_depth),
                                "UpdatePolicy_BadRequest"});
    auto made = run_(edge, input);
    if (!made)
        return fail(edge, std::move(made).error());
    derived_.outputs.push_back(std::move(*made));
    DerivedRows& output = derived_.outputs.back(); // stays where it is: the list only changes at its end
    output.table = edge.target;
    output.source = edge.source->name;
    if (edge.policy.propagate_ingestion_properties) {
        output.tags = input.tags;
        output.creation_time = input.creation_time;
    }
    if (output.count == 0)
        return std::nullopt;
    NewRows next{.table = output.table, .rows = output.part ? nullptr : &output.rows};
    if (output.part)
        next.parts = {output.part};
    next.tags = output.tags;
    next.creation_time = output.creation_time;
    path_.push_back(edge.target->id);
    auto broken = ingest(next);
    path_.pop_back();
    return broken;
}

Cascade::Broken Cascade::fail(const PolicyEdge& edge, Error error) {
    if (!is_policy_failure(error))
        return {std::move(error), edge.target->name, true, true};
    count_failure(graph_.database()->name, edge.target->name);
    // Kinds of engine 7.3: of the codes of a target only the unknown error may go away by itself.
    derived_.failures.push_back(
        {edge.target->name, error.reason, error.message, error.reason != "UpdatePolicy_UnknownError"});
    return {std::move(error), edge.target->name, false, true};
}

} // namespace sluice::ingest
