#pragma once

#include "core/base/result.hpp"
#include "core/data/chunk.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::store {

/// One argument of a scalar function for a run of rows. Borrowed: valid during the call only.
class FunctionInput {
public:
    FunctionInput(data::ScalarType type, const void* cells, const std::uint64_t* validity)
        : type_(type), cells_(cells), validity_(validity) {}

    data::ScalarType type() const { return type_; }
    bool is_null(std::size_t row) const { return validity_ && !(validity_[row / 64] >> (row % 64) & 1); }
    /// The cell as its type has it (see ScalarType): get<std::int64_t>, get<data::Guid>. Meaningless where is_null.
    template <class T> T get(std::size_t row) const { return static_cast<const T*>(cells_)[row]; }
    std::string_view text(std::size_t row) const { return static_cast<const data::StringCell*>(cells_)[row].view(); }

private:
    data::ScalarType type_;
    const void* cells_;
    const std::uint64_t* validity_;
};
/// DuckDB keeps guids with their highest bit flipped.
template <> data::Guid FunctionInput::get<data::Guid>(std::size_t row) const;

/// Where the results go; every row has to be given a value or null.
class FunctionOutput {
public:
    FunctionOutput(data::ScalarType type, void* vector);

    /// T as in FunctionInput::get, of the function's return type.
    template <class T> void set(std::size_t row, T value) { static_cast<T*>(cells_)[row] = value; }
    /// For string and dynamic; the text is copied.
    void set_text(std::size_t row, std::string_view text);
    void set_null(std::size_t row);

private:
    data::ScalarType type_;
    void* vector_;
    void* cells_;
};
template <> void FunctionOutput::set<data::Guid>(std::size_t row, data::Guid value);

/// A function of ours that SQL can call, known to a store from its opening on.
struct ScalarFunction {
    std::string name; ///< as SQL writes it; lower case
    std::vector<data::ScalarType> arguments;
    data::ScalarType result = data::ScalarType::String;
    std::vector<data::ScalarType> variadic = {}; ///< one type: any number of further arguments of it; empty: none
    bool is_volatile = false;                    ///< gives different results for the same arguments: never folded
    /// Computes `rows` results (at most data::kChunkRows). Sees nulls. Runs on many threads at a time. An error ends
    /// the query as ErrorCode::Invalid with its message. Must not throw.
    std::function<Result<>(std::span<const FunctionInput> arguments, std::size_t rows, FunctionOutput& output)> run;
};

} // namespace sluice::store
