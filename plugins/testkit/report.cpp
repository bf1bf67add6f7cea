#include "plugins/testkit/kit.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace sluice::testkit {
namespace {

constexpr Verdict kVerdicts[] = {Verdict::Pass, Verdict::Fail, Verdict::Crash,
                                 Verdict::Hang, Verdict::Warn, Verdict::Skip};

bool is_bad(Verdict verdict) {
    return verdict == Verdict::Fail || verdict == Verdict::Crash || verdict == Verdict::Hang;
}

} // namespace

std::string_view to_string(Verdict verdict) {
    constexpr std::string_view kNames[] = {"pass", "fail", "crash", "hang", "skip", "warn"};
    return kNames[static_cast<std::size_t>(verdict)];
}

bool Report::good() const {
    return std::none_of(results.begin(), results.end(), [](const CaseResult& r) { return is_bad(r.verdict); });
}

std::string to_text(const CaseResult& result) {
    auto text = fmt::format("{:<5}  {}  ({} ms)\n", to_string(result.verdict), result.name, result.took.count());
    if (!result.detail.empty())
        text += fmt::format("       {}\n", result.detail);
    if (is_bad(result.verdict))
        text += fmt::format("       again, in one process: {}\n", result.repeat);
    return text;
}

std::string summary_text(const Report& report) {
    std::string text;
    for (const auto verdict : kVerdicts) {
        const auto count = std::count_if(report.results.begin(), report.results.end(),
                                         [&](const CaseResult& r) { return r.verdict == verdict; });
        if (count > 0)
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, to_string(verdict));
    }
    return fmt::format("{} {}: {}\n", report.id, report.version, text);
}

std::string to_json(const Report& report) {
    using Json = nlohmann::ordered_json;
    Json json{{"file", report.file}, {"id", report.id}, {"version", report.version}, {"passed", report.good()}};
    json["results"] = Json::array();
    for (const auto& result : report.results) {
        Json entry{{"name", result.name},
                   {"verdict", to_string(result.verdict)},
                   {"detail", result.detail},
                   {"took_ms", result.took.count()}};
        if (!result.repeat.empty())
            entry["repeat"] = result.repeat;
        json["results"].push_back(std::move(entry));
    }
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace sluice::testkit
