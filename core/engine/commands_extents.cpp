#include "core/data/text.hpp"
#include "core/engine/command_lexer.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/entity_error.hpp"
#include "core/engine/extent_rules.hpp"
#include "core/engine/shapes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace sluice::engine {
namespace {

using store::Part;

std::string joined_tags(const Part& part) {
    return fmt::format("{}", fmt::join(part.tags, "\r\n"));
}

/// `tags has 'x'`: a whole tag, case-sensitive; `contains`: part of a tag, in any case (engine 5.3).
bool tag_matches(const Part& part, const Assignment& condition) {
    const bool negated = condition.name.front() == '!';
    const bool whole = condition.name == "has" || condition.name == "!has";
    const std::string& wanted = condition.path.front();
    const std::string lower_wanted = to_lower(wanted);
    const bool found = std::any_of(part.tags.begin(), part.tags.end(), [&](const std::string& tag) {
        return whole ? tag == wanted : to_lower(tag).find(lower_wanted) != std::string::npos;
    });
    return found != negated;
}

/// Which extents a `.show ... extents` is about.
struct ExtentFilter {
    std::set<std::string> ids; ///< empty: all
    std::vector<Assignment> tags;
    bool hot = false;
    Ticks now = 0;

    bool admits(const TableTarget& target, const Part& part) const {
        if (part.state != store::PartState::Extent)
            return false;
        if (hot && !is_hot(*target.database, *target.table, part.created, now))
            return false;
        if (!ids.empty() && ids.count(data::format_guid(part.extent)) == 0)
            return false;
        return std::all_of(tags.begin(), tags.end(),
                           [&](const auto& condition) { return tag_matches(part, condition); });
    }
};

void add_extent(CommandResult& result, const catalog::Database& database, const catalog::Table& table,
                const Part& part) {
    // What an extent takes on disk is not known apart from the file it lies in, so those sizes are null.
    result.add({part.extent, database.name, table.name, DateTime{part.created}, static_cast<double>(part.original_size),
                Null{}, Null{}, Null{}, std::int64_t{1}, std::int64_t{1}, data::format_guid(database.guid),
                static_cast<std::int64_t>(part.rows), DateTime{part.opened}, joined_tags(part),
                std::string("StorageV3"), std::int64_t{0}});
}

void add_metadata(CommandResult& result, const catalog::Database& database, const catalog::Table& table,
                  const Part& part) {
    result.add({part.extent, database.name, table.name,
                fmt::format(R"({{"RowCount":{},"OriginalSize":{},"SealReason":"{}"}})", part.rows, part.original_size,
                            part.seal_reason)});
}

Result<> add_extents(Context& context, CommandResult& result, const TableTarget& target, const ExtentFilter& filter,
                     bool metadata) {
    SLUICE_TRY(auto* writer, context.writer(*target.database));
    for (const auto& part : writer->parts(target.table->id))
        if (filter.admits(target, part))
            (metadata ? add_metadata : add_extent)(result, *target.database, *target.table, part);
    return {};
}

/// The tables that the command names: one, some, those of one or more databases, or all.
Result<std::vector<TableTarget>> targets_of(Context& context, const Arguments& arguments) {
    if (arguments.has("table")) {
        SLUICE_TRY(auto target, context.table(arguments.get("table")));
        return std::vector<TableTarget>{std::move(target)};
    }
    if (arguments.has("tables"))
        return context.tables(arguments.get("tables"));
    std::vector<catalog::Snapshot> databases;
    if (arguments.said("cluster")) {
        databases = context.databases().catalog().all();
    } else if (arguments.has("databases")) {
        for (const auto& name : arguments.get("databases").items) {
            SLUICE_TRY(auto database, context.database(name));
            databases.push_back(std::move(database));
        }
    } else {
        SLUICE_TRY(auto database, context.database(arguments.text("database")));
        databases.push_back(std::move(database));
    }
    std::vector<TableTarget> out;
    for (const auto& database : databases)
        for (const auto& [name, table] : database->tables)
            out.push_back({database, table});
    return out;
}

/// Tables whose extents may be dropped by the command, by number.
std::map<catalog::TableId, std::string> names_by_id(const std::vector<TableTarget>& targets) {
    std::map<catalog::TableId, std::string> names;
    for (const auto& target : targets)
        names[target.table->id] = target.table->name;
    return names;
}

void add_dropped(CommandResult& result, const std::map<catalog::TableId, std::string>& names, const Part& part) {
    const auto name = names.find(part.table);
    result.add({part.extent, name == names.end() ? std::string() : name->second, DateTime{part.created}});
}

/// Drops the extents among `targets` that `select` picks, or only lists them.
Result<CommandResult> drop(Context& context, const std::vector<TableTarget>& targets, bool pretend,
                           const std::function<bool(const Part&)>& select) {
    CommandResult result(shape::kDroppedExtents);
    if (targets.empty())
        return result;
    const auto names = names_by_id(targets);
    SLUICE_TRY(auto* writer, context.writer(*targets.front().database));
    const auto chosen = [&](const Part& part) {
        return part.state == store::PartState::Extent && names.count(part.table) != 0 && select(part);
    };
    std::vector<Part> gone;
    if (pretend) {
        for (auto& part : writer->parts())
            if (chosen(part))
                gone.push_back(std::move(part));
    } else {
        SLUICE_TRY(gone, writer->drop_extents(chosen));
    }
    for (const auto& part : gone)
        add_dropped(result, names, part);
    return result;
}

Result<Ticks> age_limit(const Arguments& arguments, Ticks now) {
    const auto count = data::parse_long(arguments.text("age"));
    const Ticks unit = arguments.said("days") || arguments.said("day") ? kTicksPerDay : kTicksPerHour;
    if (!count || *count < 0 || *count > now / unit)
        return bad_request(
            fmt::format("'older {}' is no age; write for example 'older 10 days'.", arguments.text("age")));
    return now - *count * unit;
}

/// What `trim by` leaves: bytes.
Result<Bytes> trim_size(const Arguments& arguments) {
    const auto count = data::parse_long(arguments.text("size"));
    if (!count || *count < 0)
        return bad_request(fmt::format("'{}' is no size.", arguments.text("size")));
    const Bytes unit = arguments.said("gb") ? 1_GiB : arguments.said("mb") ? 1_MiB : 1;
    return static_cast<Bytes>(*count) * unit;
}

/// Ids of the parts that have to go, oldest first, until what remains fits `keep` bytes.
std::set<store::PartId> trimmed_parts(std::vector<Part> parts, Bytes keep) {
    std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.created < b.created; });
    Bytes total = 0;
    for (const auto& part : parts)
        total += part.original_size;
    std::set<store::PartId> out;
    for (const auto& part : parts) {
        if (total <= keep)
            break;
        total -= part.original_size;
        out.insert(part.id);
    }
    return out;
}

} // namespace

std::set<std::string> normal_ids(const Argument& ids) {
    std::set<std::string> out;
    for (const auto& text : ids.items)
        if (const auto guid = data::parse_guid(text))
            out.insert(data::format_guid(*guid));
    return out;
}

Result<CommandResult> show_extents(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto targets, targets_of(context, arguments));
    const ExtentFilter filter{normal_ids(arguments.get("ids")), arguments.get("filter").assignments,
                              arguments.said("hot"), context.now()};
    const bool metadata = arguments.said("metadata");
    CommandResult result(metadata ? shape::kExtentMetadata : shape::kExtents);
    for (const auto& target : targets) {
        SLUICE_CHECK(add_extents(context, result, target, filter, metadata));
    }
    return result;
}

Result<CommandResult> drop_extents_by_id(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto targets, targets_of(context, arguments));
    auto ids = normal_ids(arguments.get("ids"));
    if (const auto one = data::parse_guid(arguments.text("id")))
        ids.insert(data::format_guid(*one));
    // Checked first, so that a wrong id drops nothing. The extents may still go between check and drop; then they are
    // gone either way.
    SLUICE_TRY(auto dry, drop(context, targets, true,
                              [&](const Part& part) { return ids.count(data::format_guid(part.extent)) != 0; }));
    if (dry.rows().size() < ids.size()) {
        auto missing = ids;
        for (const auto& chunk : dry.rows().chunks())
            for (std::size_t row = 0; row < chunk.rows(); ++row)
                missing.erase(data::format_guid(chunk.column(0).get<data::Guid>(row)));
        return entity_not_found("Extent", *missing.begin());
    }
    return drop(context, targets, false,
                [&](const Part& part) { return ids.count(data::format_guid(part.extent)) != 0; });
}

Result<CommandResult> drop_extents_by_age(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto targets, targets_of(context, arguments));
    Ticks before = kMaxDateTimeTicks;
    if (arguments.has("age")) {
        SLUICE_TRY(before, age_limit(arguments, context.now()));
    }
    std::size_t limit = std::numeric_limits<std::size_t>::max();
    if (arguments.has("limit"))
        limit =
            static_cast<std::size_t>(std::max<std::int64_t>(data::parse_long(arguments.text("limit")).value_or(0), 0));
    std::optional<std::set<store::PartId>> trimmed;
    if (arguments.has("size") && !targets.empty()) {
        SLUICE_TRY(const Bytes keep, trim_size(arguments));
        SLUICE_TRY(auto* writer, context.writer(*targets.front().database));
        const auto names = names_by_id(targets);
        auto parts = writer->parts();
        std::erase_if(parts, [&](const Part& part) {
            return part.state != store::PartState::Extent || names.count(part.table) == 0;
        });
        trimmed = trimmed_parts(std::move(parts), keep);
    }
    std::size_t taken = 0;
    return drop(context, targets, arguments.said("drop-pretend"), [&](const Part& part) {
        return part.created <= before && (!trimmed || trimmed->count(part.id) != 0) && taken < limit && ++taken;
    });
}

Result<std::set<std::string>> extent_ids_of(Context& context, const Argument& query) {
    SLUICE_TRY(const auto rows, context.rows_of(query));
    const auto column = rows.schema().find("ExtentId");
    const auto type = column ? rows.schema()[*column].type : data::ScalarType::Bool;
    if (type != data::ScalarType::Guid && type != data::ScalarType::String)
        return bad_request("The query behind '<|' yields no column ExtentId (guid or string).");
    std::set<std::string> ids;
    for (const auto& chunk : rows.chunks())
        for (std::size_t row = 0; row < chunk.rows(); ++row) {
            const auto& cells = chunk.column(*column);
            if (type == data::ScalarType::Guid && !cells.is_null(row))
                ids.insert(data::format_guid(cells.get<data::Guid>(row)));
            else if (type == data::ScalarType::String)
                if (const auto guid = data::parse_guid(cells.text(row)))
                    ids.insert(data::format_guid(*guid));
        }
    return ids;
}

Result<CommandResult> drop_extents_by_query(Context& context, const Arguments& arguments) {
    SLUICE_TRY(const auto ids, extent_ids_of(context, arguments.get("query")));
    SLUICE_TRY(const auto targets, context.tables(Argument{}));
    return drop(context, targets, arguments.said("whatif"),
                [&](const Part& part) { return ids.count(data::format_guid(part.extent)) != 0; });
}

} // namespace sluice::engine
