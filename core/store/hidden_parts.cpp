#include "core/store/hidden_parts.hpp"

#include "core/base/random.hpp"
#include "core/store/layout.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

namespace sluice::store {
namespace {

/// More than these are looked up, not compared one by one.
constexpr std::size_t kFew = 16;

/// Names the join. Nobody outside of the process can know it, so it never stands in a text that a user wrote.
const std::string& secret() {
    static const std::string name = fmt::format("AS hidden_{:016x}{:016x}_", random_bits(), random_bits());
    return name;
}

} // namespace

std::string without_hidden_parts(catalog::TableId table) {
    return fmt::format(
        R"( ANTI JOIN (SELECT id FROM db.sluice.parts WHERE "table" = {0} AND state IN ({1}, {2})) {3}{0})"
        R"( ON {4}{0}.id = "$part")",
        table, stored_state(PartState::Staged), stored_state(PartState::Piece), secret(),
        secret().substr(std::string_view("AS ").size()));
}

std::string hidden_parts_query() {
    return R"(SELECT "table", id FROM db.sluice.parts WHERE state IN (?, ?))";
}

std::vector<Parameter> hidden_parts_parameters() {
    return {std::int64_t{stored_state(PartState::Staged)}, std::int64_t{stored_state(PartState::Piece)}};
}

bool leaves_out_parts(std::string_view sql) {
    return sql.find(secret()) != std::string_view::npos;
}

std::string with_known_parts(std::string_view sql, const HiddenParts& hidden) {
    std::string out;
    for (;;) {
        const std::size_t found = sql.find(secret());
        if (found == std::string_view::npos)
            return out.append(sql);
        catalog::TableId table = 0;
        std::from_chars(sql.data() + found + secret().size(), sql.data() + sql.size(), table);
        const std::string join = without_hidden_parts(table);
        const std::size_t begin = found - join.find(secret());
        out.append(sql.substr(0, begin));
        const auto parts = hidden.find(table);
        if (parts != hidden.end())
            out += parts->second.size() > kFew
                       ? join
                       : fmt::format(R"( WHERE "$part" NOT IN ({}))", fmt::join(parts->second, ", "));
        sql.remove_prefix(begin + join.size());
    }
}

} // namespace sluice::store
