#include "core/kql/bind.hpp"
#include "core/kql/parser.hpp"

#include <fmt/format.h>

namespace sluice::kql {
namespace {

/// More columns than this are a mistake in the query.
constexpr std::size_t kMaxProbed = 10'000;

} // namespace

Result<QueryPlan> compile(std::string_view text, const CompileOptions& options) {
    try {
        const auto statements = parse_query(text);
        return Binder(options).run(statements);
    } catch (const Failure& failure) {
        return to_error(failure, text);
    }
}

Probe probe_of(store::Store& store, std::chrono::milliseconds timeout) {
    return [&store, timeout](const std::string& sql) -> Result<std::vector<std::string>> {
        data::Schema types;
        types.columns.push_back({"value", ScalarType::String});
        store::QueryOptions options;
        options.timeout = timeout;
        SLUICE_TRY(auto rows, store.query(sql, {}, types, options));
        std::vector<std::string> values;
        for (;;) {
            SLUICE_TRY(auto chunk, rows.next());
            if (!chunk)
                return values;
            for (std::size_t row = 0; row < chunk->rows(); ++row)
                values.emplace_back(chunk->column(0).text(row));
            if (values.size() > kMaxProbed)
                return Error{ErrorCode::Invalid, fmt::format("more than {} columns", kMaxProbed)};
        }
    };
}

std::vector<Diagnostic> diagnose(std::string_view text, const CompileOptions& options) {
    std::vector<Diagnostic> found;
    try {
        const auto statements = parse_query(text);
        Binder(options).run(statements);
    } catch (const Failure& failure) {
        const auto add = [&](const Failure& one) {
            const LineColumn place = locate(text, one.at);
            found.push_back({one.code, one.message, one.at, place.line, place.column});
        };
        add(failure);
        for (const Failure& other : failure.others)
            add(other);
    }
    return found;
}

bool is_command(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF"))
        text.remove_prefix(3);
    for (;;) {
        while (!text.empty() &&
               (text.front() == ' ' || text.front() == '\t' || text.front() == '\r' || text.front() == '\n'))
            text.remove_prefix(1);
        if (!text.starts_with("//"))
            return text.starts_with('.');
        const std::size_t end = text.find('\n');
        text.remove_prefix(end == std::string_view::npos ? text.size() : end);
    }
}

} // namespace sluice::kql
