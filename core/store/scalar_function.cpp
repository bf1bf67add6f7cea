#include "core/store/scalar_function.hpp"

#include "core/store/cells.hpp"
#include "core/store/register_function.hpp"

#include <duckdb.h>
#include <fmt/format.h>

namespace sluice::store {

template <> data::Guid FunctionInput::get<data::Guid>(std::size_t row) const {
    return read_guid(cells_, row);
}

FunctionOutput::FunctionOutput(data::ScalarType type, void* vector)
    : type_(type), vector_(vector), cells_(duckdb_vector_get_data(static_cast<duckdb_vector>(vector))) {}

template <> void FunctionOutput::set<data::Guid>(std::size_t row, data::Guid value) {
    write_guid(value, cells_, row);
}

void FunctionOutput::set_text(std::size_t row, std::string_view text) {
    duckdb_vector_assign_string_element_len(static_cast<duckdb_vector>(vector_), row, text.data(), text.size());
}

void FunctionOutput::set_null(std::size_t row) {
    auto* vector = static_cast<duckdb_vector>(vector_);
    duckdb_vector_ensure_validity_writable(vector);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), row);
}

namespace {

void call(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    const auto& function = *static_cast<const ScalarFunction*>(duckdb_scalar_function_get_extra_info(info));
    const std::size_t columns = duckdb_data_chunk_get_column_count(input);
    std::vector<FunctionInput> arguments;
    arguments.reserve(columns);
    for (std::size_t i = 0; i < columns; ++i) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(input, i);
        const data::ScalarType type = i < function.arguments.size() ? function.arguments[i] : function.variadic.front();
        arguments.emplace_back(type, duckdb_vector_get_data(vector), duckdb_vector_get_validity(vector));
    }
    FunctionOutput result(function.result, output);
    if (const auto done = function.run(arguments, duckdb_data_chunk_get_size(input), result); !done)
        duckdb_scalar_function_set_error(info, done.error().message.c_str());
}

} // namespace

Result<> register_function(duckdb_connection connection, const ScalarFunction& function) {
    const ScalarFunctionHandle handle(duckdb_create_scalar_function());
    duckdb_scalar_function_set_name(handle.get(), function.name.c_str());
    for (const data::ScalarType argument : function.arguments) {
        const TypeHandle type = logical_type(argument);
        duckdb_scalar_function_add_parameter(handle.get(), type.get());
    }
    if (!function.variadic.empty()) {
        const TypeHandle type = logical_type(function.variadic.front());
        duckdb_scalar_function_set_varargs(handle.get(), type.get());
    }
    const TypeHandle result = logical_type(function.result);
    duckdb_scalar_function_set_return_type(handle.get(), result.get());
    duckdb_scalar_function_set_special_handling(handle.get()); // nulls reach us too
    if (function.is_volatile)
        duckdb_scalar_function_set_volatile(handle.get());
    duckdb_scalar_function_set_extra_info(handle.get(), const_cast<ScalarFunction*>(&function), nullptr);
    duckdb_scalar_function_set_function(handle.get(), call);
    if (duckdb_register_scalar_function(connection, handle.get()) != DuckDBSuccess)
        return Error{
            ErrorCode::Internal,
            fmt::format("the SQL function '{}' could not be registered; is there one of that name?", function.name)};
    return {};
}

} // namespace sluice::store
