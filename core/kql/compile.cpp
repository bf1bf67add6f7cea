#include "core/kql/bind.hpp"
#include "core/kql/parser.hpp"

namespace sluice::kql {

Result<QueryPlan> compile(std::string_view text, const CompileOptions& options) {
    try {
        const auto statements = parse_query(text);
        return Binder(options).run(statements);
    } catch (const Failure& failure) {
        return to_error(failure, text);
    }
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
