#include "core/kql/bind.hpp"
#include "core/kql/parser.hpp"

#include <algorithm>

namespace sluice::kql {

void Binder::add_words(Vocabulary& words) {
    for (const auto& [name, special] : specials())
        words.functions.emplace_back(name);
    // Aggregates that are more than a row of their table (bind_aggregate.cpp).
    for (const char* name : {"arg_max", "arg_min", "percentile", "percentilew", "percentiles", "percentilesw",
                             "percentiles_array", "percentilesw_array", "take_any", "tdigest"})
        words.aggregates.emplace_back(name);
    for (const auto& [name, plugin] : plugins())
        words.plugins.emplace_back(name);
    for (const std::string_view name : query_plugin_names())
        words.plugins.emplace_back(name);
}

namespace {

void tidy(std::vector<std::string>& names) {
    // Names for internal use begin with what no user types.
    std::erase_if(names, [](const std::string& name) { return name.starts_with('_') || name.starts_with('.'); });
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
}

Vocabulary make_vocabulary() {
    Vocabulary words;
    Binder::add_words(words);
    for (const std::string_view name : function_names())
        words.functions.emplace_back(name);
    for (const std::string_view name : aggregate_names())
        words.aggregates.emplace_back(name);
    for (const std::string_view name : Parser::operator_names())
        words.operators.emplace_back(name);
    for (const std::string_view name : Parser::string_operators())
        words.string_operators.emplace_back(name);
    for (auto* names : {&words.functions, &words.aggregates, &words.operators, &words.string_operators, &words.plugins})
        tidy(*names);
    return words;
}

} // namespace

const Vocabulary& vocabulary() {
    static const Vocabulary words = make_vocabulary();
    return words;
}

} // namespace sluice::kql
