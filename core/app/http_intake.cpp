#include "core/app/http_api.hpp"
#include "core/ingest/databases.hpp"

namespace sluice::app {

StreamIntake make_intake(ingest::Databases& databases) {
    StreamIntake intake;
    intake.ingest = [&databases](const ingest::StreamRequest& request) {
        return ingest::ingest_stream(databases, request);
    };
    intake.admit = [&databases]() -> std::shared_ptr<void> {
        auto ticket = databases.admission().try_enter();
        if (!ticket)
            return nullptr;
        return std::make_shared<ingest::Admission::Ticket>(std::move(*ticket));
    };
    intake.enabled = databases.options().streaming_enabled;
    intake.places = databases.admission().limit();
    intake.max_request_bytes = databases.options().max_streaming_request;
    intake.knows_table = [&databases](std::string_view database, std::string_view table) {
        const catalog::Snapshot snapshot = databases.catalog().find(database);
        return snapshot && snapshot->find_table(table);
    };
    intake.default_database = [&databases] {
        const auto all = databases.catalog().all();
        return all.empty() ? std::string() : all.front()->name;
    };
    return intake;
}

} // namespace sluice::app
