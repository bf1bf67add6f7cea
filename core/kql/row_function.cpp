#include "core/kql/row_function.hpp"

namespace sluice::kql {

store::ScalarFunction row_function(std::string name, std::string_view arguments, std::string_view result,
                                   RowFunction function, Nulls nulls) {
    store::ScalarFunction built;
    built.name = std::move(name);
    while (!arguments.empty()) {
        const std::size_t blank = arguments.find(' ');
        std::string_view word = arguments.substr(0, blank);
        arguments.remove_prefix(blank == std::string_view::npos ? arguments.size() : blank + 1);
        const bool repeats = word.ends_with('*');
        if (repeats)
            word.remove_suffix(1);
        const data::ScalarType type = data::parse_scalar_type(word).value();
        (repeats ? built.variadic : built.arguments).push_back(type);
    }
    built.result = data::parse_scalar_type(result).value();
    built.run = [function, nulls, text = built.result == data::ScalarType::String](
                    std::span<const store::FunctionInput> args, std::size_t rows,
                    store::FunctionOutput& output) -> Result<> {
        try {
            for (std::size_t row = 0; row < rows; ++row) {
                const In in(args, row);
                Out out(output, row);
                bool null = false;
                for (std::size_t i = 0; nulls == Nulls::Skip && i < args.size(); ++i)
                    null = null || in.null(i);
                if (!null)
                    function(in, out);
                else if (text)
                    out.text("");
                else
                    out.null();
            }
        } catch (const std::exception& error) {
            return Error{ErrorCode::Invalid, error.what(), "General_BadRequest"};
        }
        return {};
    };
    return built;
}

std::vector<store::ScalarFunction> scalar_functions() {
    FunctionList list;
    add_conversion_functions(list);
    add_number_functions(list);
    add_string_functions(list);
    add_regex_functions(list);
    add_dynamic_functions(list);
    add_array_functions(list);
    add_datetime_functions(list);
    add_parse_functions(list);
    add_hash_functions(list);
    add_rows_functions(list);
    add_pattern_functions(list);
    add_ip_functions(list);
    add_codec_functions(list);
    add_punycode_functions(list);
    add_document_functions(list);
    add_user_agent_functions(list);
    add_timezone_functions(list);
    add_series_functions(list);
    add_series_fill_functions(list);
    add_series_model_functions(list);
    add_series_season_functions(list);
    add_sketch_functions(list);
    add_convert_functions(list);
    add_schema_functions(list);
    add_geo_functions(list);
    add_geo_shape_functions(list);
    add_geo_cell_functions(list);
    return list;
}

} // namespace sluice::kql
