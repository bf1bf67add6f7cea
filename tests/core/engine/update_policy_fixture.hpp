#pragma once

#include "core/ingest/streaming.hpp"
#include "tests/core/engine/engine_fixture.hpp"

#include <fmt/format.h>

#include <string>

namespace sluice::engine {

/// The running example of the specification. Names of tests begin with the id of the acceptance check in engine 7.5
/// where there is one, else with the rule.
class UpdatePolicyFixture : public EngineFixture {
protected:
    void SetUp() override {
        EngineFixture::SetUp();
        set_up({".create table GaugeRaw (payload:dynamic)",
                ".create table GaugeReading (At:datetime, Gauge:string, LevelCm:int, Source:string)",
                ".create table GaugeAlarm (At:datetime, Gauge:string, LevelCm:int)",
                ".create table Berth (Gauge:string, Quay:string)",
                ".create-or-alter function ParseGauge() { GaugeRaw | project At=todatetime(payload.t), "
                "Gauge=tostring(payload.id), "
                "LevelCm=toint(payload.cm), Source='hub' }",
                ".ingest inline into table Berth <|\nelbe,north\n"});
    }

    std::string policy(const std::string& target, const std::string& source, const std::string& query,
                       bool transactional, const std::string& more = "") {
        return run(fmt::format(
            R"j(.alter table {} policy update ```[{{"Source":"{}","Query":"{}","IsTransactional":{}{}}}]```)j", target,
            source, query, transactional, more));
    }
    void stream_on(const std::string& table = "GaugeRaw") {
        set_up({fmt::format(".alter table {} policy streamingingestion enable", table).c_str()});
    }
    /// "rows status code" or "error: code text".
    std::string stream(const std::string& body, const std::string& table = "GaugeRaw",
                       const std::string& format = "json") {
        ingest::StreamRequest asked;
        asked.database = "Harbor";
        asked.table = table;
        asked.stream_format = format;
        asked.body = body;
        const auto reply = ingest::ingest_stream(*databases_, asked);
        if (!reply)
            return fmt::format("error: {} {}", reply.error().reason, reply.error().message);
        return fmt::format("{} {} {}", reply->consumed_records, reply->update_policy_status,
                           reply->update_policy_failure_code);
    }
    static std::string reading(const std::string& gauge, int level) {
        return fmt::format(R"j({{"payload":{{"t":"2025-03-01T10:00:00Z","id":"{}","cm":{}}}}})j", gauge, level);
    }
    std::string count(const std::string& table) { return run(table + " | count"); }
    std::string failures() {
        return run(".show ingestion failures | where OriginatesFromUpdatePolicy | project Table, ErrorCode, "
                   "FailureKind, OperationKind | "
                   "order by Table asc, ErrorCode asc");
    }
    /// Stages rows as a data connection does.
    void queue(const std::string& table, const std::string& gauge, int level) {
        const auto known = databases_->catalog().find("Harbor")->find_table(table);
        data::Rows rows(known->schema());
        data::Chunk& chunk = rows.next_row();
        const std::string text = fmt::format(R"j({{"t":"2025-03-01T10:00:00Z","id":"{}","cm":{}}})j", gauge, level);
        chunk.column(0).set(chunk.rows(), chunk.arena().cell(text));
        rows.finish_row();
        ASSERT_TRUE(databases_->writer("Harbor")->commit_rows(
            {.table = known, .path = ingest::Path::Queued, .rows = std::move(rows)}));
    }
    void seal() { ASSERT_TRUE(databases_->writer("Harbor")->seal_now({}, "Time")); }
};

} // namespace sluice::engine
