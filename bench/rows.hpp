#pragma once

#include <cstdint>
#include <cstdio>
#include <random>
#include <string>

namespace sluice::bench {

/// The row of the benchmarks: nine typed columns, about 193 bytes as JSON and 101 as CSV (spec benchmarks 2). A fixed seed gives
/// the same rows everywhere.
class Rows {
public:
    explicit Rows(std::uint64_t seed) : random_(seed) {}

    struct Row {
        std::string ts, device, site, status, trace, note;
        std::uint64_t seq;
        double temperature;
        int humidity;
    };

    /// The next row; `seq` counts from 0.
    const Row& next() {
        const std::uint64_t bits = random_();
        row_.seq = seq_++;
        row_.ts = time_text(row_.seq);
        row_.device = numbered("device-", bits % 20'000, 5);
        row_.site = numbered("site-", (bits >> 16) % 64, 2);
        row_.temperature = static_cast<double>((bits >> 24) % 6'000) / 100.0 - 10.0;
        row_.humidity = static_cast<int>((bits >> 40) % 101);
        row_.status = (bits >> 48) % 10 == 0 ? "fault" : "ok";
        row_.trace = hex(random_());
        row_.note = kNotes[(bits >> 56) % 4];
        return row_;
    }

    static void append_json(std::string& out, const Row& row) {
        out += "{\"ts\":\"" + row.ts + "\",\"deviceId\":\"" + row.device + "\",\"site\":\"" + row.site + "\",\"seq\":";
        out += std::to_string(row.seq) + ",\"temperature\":" + number(row.temperature) + ",\"humidity\":" + std::to_string(row.humidity);
        out += ",\"status\":\"" + row.status + "\",\"trace\":\"" + row.trace + "\",\"note\":\"" + row.note + "\"}";
    }
    static void append_csv(std::string& out, const Row& row) {
        out += row.ts + "," + row.device + "," + row.site + "," + std::to_string(row.seq) + "," + number(row.temperature) + ",";
        out += std::to_string(row.humidity) + "," + row.status + "," + row.trace + "," + row.note;
    }

private:
    static constexpr const char* kNotes[] = {"nominal and nothing seen", "drift was seen", "recalibrated by hand", "door was open"};

    static std::string padded(std::uint64_t value, int width) {
        std::string text = std::to_string(value);
        return std::string(text.size() < static_cast<std::size_t>(width) ? width - text.size() : 0, '0') + text;
    }
    static std::string numbered(const char* prefix, std::uint64_t value, int width) { return prefix + padded(value, width); }
    static std::string number(double value) {
        char text[32];
        std::snprintf(text, sizeof text, "%.2f", value);
        return text;
    }
    static std::string hex(std::uint64_t value) {
        char text[17];
        std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
        return text;
    }
    /// Milliseconds from 2026-01-01 on, one step a row.
    static std::string time_text(std::uint64_t ms) {
        const std::uint64_t day = ms / 86'400'000 % 28, in_day = ms % 86'400'000;
        return "2026-01-" + padded(day + 1, 2) + "T" + padded(in_day / 3'600'000, 2) + ":" + padded(in_day / 60'000 % 60, 2) + ":" +
               padded(in_day / 1'000 % 60, 2) + "." + padded(in_day % 1'000, 3) + "Z";
    }

    std::mt19937_64 random_;
    std::uint64_t seq_ = 0;
    Row row_;
};

} // namespace sluice::bench
