#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Arrays of numbers, as the series_...() functions read and write them: straight from and to the text of a dynamic,
/// without a document in between.
namespace sluice::kql {

struct Series {
    std::vector<double> values;             ///< NaN where there is no number
    std::vector<std::uint8_t> missing;      ///< 1: null, or no number
    std::vector<std::string_view> elements; ///< as written
    bool whole = true;                      ///< no number has a fraction or an exponent

    std::size_t size() const { return values.size(); }
    bool has_missing() const;
};

/// False when the text is no array. Timespans and datetimes count in ticks. The views point into `json`.
bool read_series(std::string_view json, Series& series);

/// Writes an array element by element.
class SeriesWriter {
public:
    void real(double value);
    void integer(std::int64_t value);
    void element(std::string_view json);
    void null() { element("null"); }
    /// The array; the writer is empty then.
    std::string finish();

private:
    void separate();
    std::string text_;
};

std::string series_text(const std::vector<double>& values);
/// The text of a JSON number; NaN and infinities as strings.
std::string real_json(double value);

} // namespace sluice::kql
