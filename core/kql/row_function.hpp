#pragma once

#include "core/kql/functions.hpp"

#include <exception>

/// How functions_*.cpp write the functions that SQL calls: one row at a time.
namespace sluice::kql {

/// Arguments of one row.
class In {
public:
    In(std::span<const store::FunctionInput> args, std::size_t row) : args_(args), row_(row) {}
    std::size_t size() const { return args_.size(); }
    bool null(std::size_t i) const { return args_[i].is_null(row_); }
    std::string_view text(std::size_t i) const { return args_[i].text(row_); }
    std::int64_t integer(std::size_t i) const { return args_[i].get<std::int64_t>(row_); }
    std::int32_t int32(std::size_t i) const { return args_[i].get<std::int32_t>(row_); }
    double real(std::size_t i) const { return args_[i].get<double>(row_); }
    bool boolean(std::size_t i) const { return args_[i].get<std::uint8_t>(row_) != 0; }
    data::Decimal decimal(std::size_t i) const { return args_[i].get<data::Decimal>(row_); }
    data::Guid guid(std::size_t i) const { return args_[i].get<data::Guid>(row_); }

private:
    std::span<const store::FunctionInput> args_;
    std::size_t row_;
};

/// Result of one row; has to be called once.
class Out {
public:
    Out(store::FunctionOutput& output, std::size_t row) : output_(output), row_(row) {}
    void null() { output_.set_null(row_); }
    void text(std::string_view value) { output_.set_text(row_, value); }
    void integer(std::int64_t value) { output_.set<std::int64_t>(row_, value); }
    void int32(std::int32_t value) { output_.set<std::int32_t>(row_, value); }
    void real(double value) { output_.set<double>(row_, value); }
    void boolean(bool value) { output_.set<std::uint8_t>(row_, value ? 1 : 0); }
    void decimal(data::Decimal value) { output_.set<data::Decimal>(row_, value); }
    void guid(data::Guid value) { output_.set<data::Guid>(row_, value); }

    template <class T, class Set> void optional(const std::optional<T>& value, Set set) {
        if (value)
            (this->*set)(*value);
        else
            null();
    }

private:
    store::FunctionOutput& output_;
    std::size_t row_;
};

using RowFunction = void (*)(const In& in, Out& out);

enum class Nulls {
    Skip, ///< a null argument gives null, or '' where the result is a string
    See,  ///< the function decides
};

/// `arguments` and `result` in the words of the type names, "string long"; a '*' behind the last: any number of it.
store::ScalarFunction row_function(std::string name, std::string_view arguments, std::string_view result,
                                   RowFunction function, Nulls nulls = Nulls::Skip);

using FunctionList = std::vector<store::ScalarFunction>;
void add_conversion_functions(FunctionList& list);
void add_number_functions(FunctionList& list);
void add_string_functions(FunctionList& list);
void add_regex_functions(FunctionList& list);
void add_dynamic_functions(FunctionList& list);
void add_array_functions(FunctionList& list);
void add_datetime_functions(FunctionList& list);
void add_parse_functions(FunctionList& list);
void add_hash_functions(FunctionList& list);
void add_rows_functions(FunctionList& list);
void add_pattern_functions(FunctionList& list);
void add_ip_functions(FunctionList& list);
void add_codec_functions(FunctionList& list);
void add_punycode_functions(FunctionList& list);
void add_document_functions(FunctionList& list);
void add_user_agent_functions(FunctionList& list);
void add_timezone_functions(FunctionList& list);
void add_series_functions(FunctionList& list);
void add_series_fill_functions(FunctionList& list);
void add_series_model_functions(FunctionList& list);
void add_series_season_functions(FunctionList& list);
void add_sketch_functions(FunctionList& list);
void add_convert_functions(FunctionList& list);
void add_schema_functions(FunctionList& list);
void add_geo_functions(FunctionList& list);
void add_geo_shape_functions(FunctionList& list);
void add_geo_cell_functions(FunctionList& list);

} // namespace sluice::kql
