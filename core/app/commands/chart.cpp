#include "core/app/commands/chart.hpp"

#include "core/app/commands/chart_data.hpp"
#include "core/data/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

namespace sluice::app {
namespace {

constexpr std::size_t kMostSeries = 8;
constexpr std::size_t kMostBars = 40;
constexpr std::size_t kWidestLabel = 24;
constexpr std::size_t kNarrowestColumn = 5;
constexpr std::size_t kWidestColumn = 12;
constexpr std::array kColors = {36, 33, 32, 35, 34, 31, 96, 93}; // ANSI foregrounds, one a series
constexpr std::array<std::string_view, 9> kAcross = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
constexpr std::array<std::string_view, 9> kUp = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

std::string repeated(std::string_view text, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i)
        out += text;
    return out;
}

/// Without control characters and at most `width` wide.
std::string cut(std::string_view text, std::size_t width) {
    std::string out;
    std::size_t used = 0;
    const bool too_long = display_width(text) > width;
    for (const char c : text) {
        const bool begins = (c & 0xC0) != 0x80;
        if (begins && too_long && used + 1 >= width)
            return out + "…";
        used += begins ? 1 : 0;
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    }
    return out;
}
std::string to_right(const std::string& text, std::size_t width) {
    return repeated(" ", width - std::min(width, display_width(text))) + text;
}
std::string to_left(const std::string& text, std::size_t width) {
    return text + repeated(" ", width - std::min(width, display_width(text)));
}

/// Three digits and a unit: 950, 12.5k, 1.2M.
std::string short_number(double value) {
    for (const auto& [size, unit] : {std::pair{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e4, "k"}}) {
        if (std::abs(value) >= size && std::abs(value) < size * 1e6)
            return fmt::format("{:.3g}{}", value / (size == 1e4 ? 1e3 : size), unit);
    }
    return fmt::format("{:.4g}", value);
}

/// 2025-03-01 10:00, with seconds only when there are some.
std::string short_time(double ticks) {
    std::string text = data::format_datetime(static_cast<Ticks>(ticks)).substr(0, 19);
    text[10] = ' ';
    return text.ends_with(":00") ? text.substr(0, 16) : text;
}

class Chart {
public:
    Chart(ChartData data, const Style& style, const ChartSize& size)
        : data_(std::move(data)), style_(style), width_(std::max<std::size_t>(size.columns, 20)),
          rows_(std::max<std::size_t>(size.rows, 3)) {
        if (data_.series.size() > kMostSeries) {
            left_out_ = data_.series.size() - kMostSeries;
            data_.series.resize(kMostSeries);
        }
        for (const ChartSeries& series : data_.series)
            for (const ChartPoint& point : series.points) {
                low_ = std::min(low_, point.y);
                high_ = std::max(high_, point.y);
                left_ = std::min(left_, point.x);
                right_ = std::max(right_, point.x);
            }
    }

    std::string lines();
    std::string bars();
    std::optional<std::string> columns();
    std::optional<std::string> slices();

private:
    std::string colored(std::string_view text, std::size_t series) const {
        if (!style_.color)
            return std::string(text);
        return fmt::format("\x1b[{}m{}\x1b[0m", kColors[series % kColors.size()], text);
    }
    /// What marks a series where colours do not.
    std::string marker(std::size_t series) const { return std::string(1, static_cast<char>('a' + series)); }
    bool several() const { return data_.series.size() > 1; }
    std::string legend() const;
    std::vector<std::string> scale() const;
    std::string axis(std::size_t row, const std::vector<std::string>& labels) const;
    std::string times(std::size_t indent, std::size_t width) const;
    std::string bar(double value, std::size_t width, std::size_t series) const;
    std::size_t label_width() const;
    const ChartPoint* point_at(std::size_t series, const std::string& label) const;

    ChartData data_;
    const Style& style_;
    const std::size_t width_, rows_;
    std::size_t left_out_ = 0;
    double low_ = std::numeric_limits<double>::infinity(), high_ = -low_;
    double left_ = low_, right_ = high_;
};

std::string Chart::legend() const {
    if (!several())
        return {};
    std::string out;
    for (std::size_t i = 0; i < data_.series.size(); ++i)
        out +=
            fmt::format("  {} {}\n", colored(style_.color ? "●" : marker(i), i), cut(data_.series[i].name, width_ - 4));
    if (left_out_ > 0)
        out += fmt::format("  and {} more series, which are not drawn\n", left_out_);
    return out;
}

/// Labels of the rows of a plot; most are empty.
std::vector<std::string> Chart::scale() const {
    std::vector<std::string> labels(rows_);
    labels.front() = short_number(high_);
    labels.back() = short_number(low_);
    if (rows_ % 2 == 1)
        labels[rows_ / 2] = short_number((low_ + high_) / 2);
    return labels;
}

std::string Chart::axis(std::size_t row, const std::vector<std::string>& labels) const {
    std::size_t width = 0;
    for (const std::string& label : labels)
        width = std::max(width, label.size());
    return to_right(labels[row], width) + (labels[row].empty() ? " │" : " ┤");
}

/// The ends of the x axis, and its middle when there is room.
std::string Chart::times(std::size_t indent, std::size_t width) const {
    const auto text = [&](double x) -> std::string {
        switch (data_.axis) {
        case ChartData::Axis::DateTime:
            return short_time(x);
        case ChartData::Axis::Number:
            return short_number(x);
        case ChartData::Axis::Text:
            break;
        }
        return cut(data_.labels[static_cast<std::size_t>(std::lround(x))], kWidestLabel);
    };
    const std::string first = text(left_), last = text(right_), middle = text((left_ + right_) / 2);
    std::string out = repeated(" ", indent) + first;
    if (left_ == right_)
        return out + '\n';
    const std::size_t ends = display_width(first) + display_width(last), inside = display_width(middle);
    if (data_.axis != ChartData::Axis::Text && ends + inside + 4 <= width) {
        const std::size_t at = (width - inside) / 2;
        out += repeated(" ", at - std::min(at, display_width(first))) + middle;
        out += repeated(" ", width - at - inside - display_width(last));
    } else {
        out += repeated(" ", width > ends ? width - ends : 1);
    }
    return out + last + '\n';
}

/// Dots of 2 x 4 a character, as the braille block of Unicode has them.
class Dots {
public:
    Dots(std::size_t columns, std::size_t rows)
        : columns_(columns), bits_(columns * rows), owner_(columns * rows, SIZE_MAX) {}

    void set(long x, long y, std::size_t series) {
        // The bits of the eight dots, from the left column down and then the right one.
        static constexpr std::uint8_t kBits[2][4] = {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}};
        const std::size_t cell = static_cast<std::size_t>(y / 4) * columns_ + static_cast<std::size_t>(x / 2);
        bits_[cell] |= kBits[x % 2][y % 4];
        owner_[cell] = series;
    }
    void line(long x, long y, long to_x, long to_y, std::size_t series) {
        const long steps = std::max({std::abs(to_x - x), std::abs(to_y - y), 1L});
        for (long i = 0; i <= steps; ++i)
            set(x + std::lround(static_cast<double>((to_x - x) * i) / static_cast<double>(steps)),
                y + std::lround(static_cast<double>((to_y - y) * i) / static_cast<double>(steps)), series);
    }
    bool empty(std::size_t cell) const { return bits_[cell] == 0; }
    std::size_t owner(std::size_t cell) const { return owner_[cell]; }
    std::string glyph(std::size_t cell) const {
        const unsigned code = 0x2800u + bits_[cell];
        return {static_cast<char>(0xE0 | (code >> 12)), static_cast<char>(0x80 | ((code >> 6) & 0x3F)),
                static_cast<char>(0x80 | (code & 0x3F))};
    }

private:
    std::size_t columns_;
    std::vector<std::uint8_t> bits_;
    std::vector<std::size_t> owner_;
};

std::string Chart::lines() {
    // Zero belongs to the scale unless the values are far from it.
    if (low_ > 0 && low_ <= high_ / 2)
        low_ = 0;
    if (low_ == high_) {
        low_ = std::min(low_, 0.0);
        high_ = std::max(high_, low_ == high_ ? 1.0 : high_);
    }
    const std::vector<std::string> labels = scale();
    const std::size_t indent = display_width(axis(0, labels));
    const std::size_t width = width_ - std::min(width_ - 8, indent);
    Dots dots(width, rows_);
    const auto x_of = [&](double x) {
        return right_ == left_ ? 0L : std::lround((x - left_) / (right_ - left_) * static_cast<double>(width * 2 - 1));
    };
    const auto y_of = [&](double y) {
        return std::lround((high_ - y) / (high_ - low_) * static_cast<double>(rows_ * 4 - 1));
    };
    for (std::size_t i = 0; i < data_.series.size(); ++i) {
        auto& points = data_.series[i].points;
        std::stable_sort(points.begin(), points.end(), [](const auto& a, const auto& b) { return a.x < b.x; });
        const ChartPoint* before = &points.front();
        for (const ChartPoint& point : points) {
            dots.line(x_of(before->x), y_of(before->y), x_of(point.x), y_of(point.y), i);
            before = &point;
        }
    }
    std::string out;
    for (std::size_t row = 0; row < rows_; ++row) {
        std::string line = axis(row, labels);
        std::size_t blanks = 0; // those at the end of a line are not written
        for (std::size_t cell = row * width; cell < (row + 1) * width; ++cell) {
            if (dots.empty(cell)) {
                ++blanks;
                continue;
            }
            line += repeated(" ", std::exchange(blanks, 0));
            const std::size_t series = dots.owner(cell);
            line += several() && !style_.color ? marker(series) : colored(dots.glyph(cell), series);
        }
        out += line + '\n';
    }
    return out + to_right("└", indent) + repeated("─", width) + '\n' + times(indent, width) + legend();
}

std::size_t Chart::label_width() const {
    std::size_t width = 0;
    for (const std::string& label : data_.labels)
        width = std::max(width, display_width(cut(label, kWidestLabel)));
    return width;
}

const ChartPoint* Chart::point_at(std::size_t series, const std::string& label) const {
    for (const ChartPoint& point : data_.series[series].points)
        if (point.label == label)
            return &point;
    return nullptr;
}

/// A bar that begins at zero; to its left when there are values below.
std::string Chart::bar(double value, std::size_t width, std::size_t series) const {
    const double low = std::min(low_, 0.0), high = std::max(high_, 0.0);
    const double unit = high == low ? 0 : static_cast<double>(width) / (high - low);
    const auto zero = static_cast<std::size_t>(std::lround(-low * unit));
    if (value < 0) {
        const auto length = static_cast<std::size_t>(std::max(1L, std::lround(-value * unit)));
        return repeated(" ", zero - std::min(zero, length)) + colored(repeated("█", std::min(zero, length)), series);
    }
    const auto eighths = static_cast<std::size_t>(std::lround(value * unit * 8));
    const std::string drawn = repeated("█", eighths / 8) + std::string(kAcross[eighths % 8]);
    return repeated(" ", zero) + (drawn.empty() ? drawn : colored(drawn, series));
}

std::string Chart::bars() {
    std::size_t value_width = 0;
    for (const ChartSeries& series : data_.series)
        for (const ChartPoint& point : series.points)
            value_width = std::max(value_width, display_width(cut(point.value, kWidestLabel)));
    const std::size_t labels = label_width();
    const std::size_t taken = labels + value_width + 4 + (several() && !style_.color ? 2 : 0);
    const std::size_t width = width_ > taken + 8 ? width_ - taken : 8;
    std::string out;
    std::size_t drawn = 0;
    for (const std::string& label : data_.labels) {
        if (drawn >= kMostBars)
            break;
        std::string head = to_left(cut(label, kWidestLabel), labels);
        for (std::size_t i = 0; i < data_.series.size(); ++i) {
            const ChartPoint* point = point_at(i, label);
            if (!point)
                continue;
            out += fmt::format("{} {}│{} {}\n", head, several() && !style_.color ? marker(i) + " " : "",
                               bar(point->y, width, i), cut(point->value, kWidestLabel));
            head = repeated(" ", labels);
            ++drawn;
        }
    }
    std::size_t all = 0;
    for (const ChartSeries& series : data_.series)
        all += series.points.size();
    if (drawn < all)
        out += fmt::format("({} more, which are not drawn)\n", all - drawn);
    return out + legend();
}

std::optional<std::string> Chart::columns() {
    if (low_ < 0)
        return std::nullopt;
    low_ = 0;
    high_ = high_ == 0 ? 1 : high_;
    const std::vector<std::string> labels = scale();
    const std::size_t indent = display_width(axis(0, labels));
    const std::size_t count = data_.labels.size(), per = data_.series.size();
    const std::size_t width = std::min(width_ > indent ? (width_ - indent) / count : 0, kWidestColumn);
    if (width < std::max(kNarrowestColumn, per + 1))
        return std::nullopt;
    const std::size_t each = (width - 1) / per;
    std::string out;
    for (std::size_t row = 0; row < rows_; ++row) {
        std::string line = axis(row, labels);
        for (const std::string& label : data_.labels) {
            for (std::size_t i = 0; i < per; ++i) {
                const ChartPoint* point = point_at(i, label);
                const double height = point ? point->y / high_ * static_cast<double>(rows_ * 8) : 0;
                const long filled = std::lround(height) - static_cast<long>((rows_ - 1 - row) * 8);
                const auto& glyph = kUp[static_cast<std::size_t>(std::clamp(filled, 0L, 8L))];
                const bool marked = several() && !style_.color && filled >= 4;
                line += filled <= 0 ? repeated(" ", each)
                                    : colored(repeated(marked ? marker(i) : std::string(glyph), each), i);
            }
            line += repeated(" ", width - each * per);
        }
        line.resize(line.find_last_not_of(' ') + 1);
        out += line + '\n';
    }
    out += to_right("└", indent) + repeated("─", width * count) + '\n' + repeated(" ", indent);
    for (const std::string& label : data_.labels)
        out += to_left(
            cut(data_.axis == ChartData::Axis::DateTime && label.size() > 16 ? label.substr(5, 11) : label, width - 1),
            width);
    out.resize(out.find_last_not_of(' ') + 1);
    return out + '\n' + legend();
}

std::optional<std::string> Chart::slices() {
    const auto& points = data_.series.front().points;
    double total = 0;
    for (const ChartPoint& point : points)
        total += point.y;
    if (low_ < 0 || total <= 0)
        return std::nullopt;
    const std::size_t labels = label_width();
    const std::size_t width = std::clamp<std::size_t>(width_ > labels + 30 ? width_ - labels - 30 : 10, 10, 40);
    std::string out;
    for (std::size_t i = 0; i < points.size() && i < kMostBars; ++i) {
        const double share = points[i].y / total;
        const auto eighths = static_cast<std::size_t>(std::lround(share * static_cast<double>(width) * 8));
        const std::string drawn = repeated("█", eighths / 8) + std::string(kAcross[eighths % 8]);
        out += fmt::format("{} {:5.1f} % {}{} {}\n", to_left(cut(points[i].label, kWidestLabel), labels), share * 100,
                           colored(drawn, i), repeated("·", width - display_width(drawn)),
                           cut(points[i].value, kWidestLabel));
    }
    if (points.size() > kMostBars)
        out += fmt::format("({} more, which are not drawn)\n", points.size() - kMostBars);
    return out;
}

} // namespace

std::optional<std::string> render_chart(const TextTable& table, const Visualization& how, const Style& style,
                                        const ChartSize& size) {
    const auto property = [&](const char* name) {
        const auto found = how.find(name);
        return found == how.end() ? std::string() : found->second;
    };
    const std::string kind = property("Visualization");
    const bool line = kind == "timechart" || kind == "linechart";
    if (!line && kind != "barchart" && kind != "columnchart" && kind != "piechart")
        return std::nullopt;
    auto data = chart_data(table, how);
    if (!data)
        return std::nullopt;
    std::optional<std::string> drawn;
    // One pie shows one series; slices of several columns would not add up.
    if (kind == "piechart" && data->series.size() == 1)
        drawn = Chart(*data, style, size).slices();
    else if (kind == "columnchart")
        drawn = Chart(*data, style, size).columns();
    if (!drawn && line)
        drawn = Chart(std::move(*data), style, size).lines();
    else if (!drawn)
        drawn = Chart(std::move(*data), style, size).bars();
    const std::string title = property("Title");
    return title.empty() ? drawn : cut(title, size.columns) + '\n' + *drawn;
}

} // namespace sluice::app
