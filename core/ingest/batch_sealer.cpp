#include "core/ingest/batch_sealer.hpp"

#include "core/base/failpoint.hpp"
#include "core/base/log.hpp"
#include "core/base/random.hpp"
#include "core/base/thread.hpp"
#include "core/ingest/batch_letters.hpp"
#include "core/ingest/stored_policies.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::ingest {

using std::chrono::milliseconds;

namespace {

constexpr auto kFirstRetry = std::chrono::seconds(10); // engine 4.4
constexpr auto kLongestRetry = std::chrono::minutes(30);
constexpr auto kSchemaRetry = std::chrono::hours(1);
constexpr double kJitter = 0.2;
/// Clocks of tests do not wake anybody.
constexpr auto kIdle = milliseconds(200);

double random_fraction() {
    return static_cast<double>(random_bits() >> 11) / static_cast<double>(std::uint64_t{1} << 53);
}

bool is_permanent(const Error& error) {
    return error.permanent() && error.reason != "UpdatePolicy_UnknownError";
}

} // namespace

std::optional<milliseconds> next_attempt(const Error& error, unsigned attempts, milliseconds since_first,
                                         milliseconds retry_for, double jitter) {
    milliseconds horizon = retry_for;
    if (error.reason == "UpdatePolicy_QuerySchemaDoesNotMatchTableSchema")
        horizon = std::min<milliseconds>(kSchemaRetry, retry_for);
    else if (is_permanent(error))
        return std::nullopt;
    if (since_first >= horizon)
        return std::nullopt;
    const unsigned doublings = std::min(attempts > 0 ? attempts - 1 : 0, 16U);
    const milliseconds delay = std::min<milliseconds>(milliseconds(kFirstRetry) * (1 << doublings), kLongestRetry);
    return std::chrono::duration_cast<milliseconds>(delay * (1 - kJitter + 2 * kJitter * jitter));
}

BatchSealer::BatchSealer(DatabaseWriter::Impl& writer) : writer_(writer) {
    thread_ = std::jthread([this] { run(); });
}

void BatchSealer::stop() {
    {
        Lock lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    cancel_.cancel();
    if (thread_.joinable())
        thread_.join();
}

void BatchSealer::add(std::vector<ClosedBatch> batches) {
    if (batches.empty())
        return;
    Lock lock(mutex_);
    for (ClosedBatch& batch : batches)
        waiting_.push_back({std::move(batch), 0, writer_.clock.steady()});
    changed_.notify_all();
}

void BatchSealer::drain() {
    Lock lock(mutex_);
    const auto due = [this]() SLUICE_NO_THREAD_SAFETY_ANALYSIS {
        return std::any_of(waiting_.begin(), waiting_.end(),
                           [this](const Waiting& w) { return w.next <= writer_.clock.steady(); });
    };
    while (!stopping_ && (busy_ || due()))
        changed_.wait(lock);
}

std::optional<BatchSealer::Waiting> BatchSealer::take() {
    const auto first = std::min_element(waiting_.begin(), waiting_.end(),
                                        [](const Waiting& a, const Waiting& b) { return a.next < b.next; });
    if (first == waiting_.end() || first->next > writer_.clock.steady())
        return std::nullopt;
    Waiting taken = std::move(*first);
    waiting_.erase(first);
    return taken;
}

void BatchSealer::run() {
    name_this_thread("seal/" + writer_.database);
    for (;;) {
        std::optional<Waiting> taken;
        {
            Lock lock(mutex_);
            while (!stopping_ && !(taken = take())) {
                changed_.notify_all(); // whoever drains: nothing is due
                changed_.wait_for(lock, kIdle);
            }
            if (stopping_)
                return;
            busy_ = true;
        }
        const bool done = attempt(*taken);
        Lock lock(mutex_);
        if (!done)
            waiting_.push_back(std::move(*taken));
        busy_ = false;
        changed_.notify_all();
    }
}

bool BatchSealer::attempt(Waiting& waiting) {
    const ClosedBatch& batch = waiting.batch;
    const auto database = writer_.catalog.find_exact(writer_.database);
    std::shared_ptr<const catalog::Table> table;
    for (const auto& [name, candidate] : database->tables)
        if (candidate->id == batch.table)
            table = candidate;
    std::vector<store::Part> parts = writer_.state.committed_parts(batch.table);
    std::erase_if(parts, [&](const store::Part& part) {
        return part.state != store::PartState::Staged || part.batch_key != batch.key;
    });
    if (!table || parts.empty())
        return true; // the table was dropped
    NewRows root{.table = table, .tags = parts.front().tags};
    if (parts.front().created != 0)
        root.creation_time = parts.front().created;
    for (const store::Part& part : parts)
        root.parts.push_back(part.id);

    const PolicyGraph graph(database);
    StoredPolicies policies(writer_, graph, &cancel_);
    Derived derived = policies.run(root);
    if (table->keeps_no_rows() && !derived.found_policies && !derived.failed)
        derived.failed = zero_retention_without_policy(table->name);
    if (!derived.failed) {
        const std::vector<DerivedPart> made = parts_of(derived);
        const auto sealed = commit(batch, made, derived.failures);
        if (sealed) {
            failpoint("S16");
            return true;
        }
        policies.discard(made);
        derived.failed = sealed.error();
        derived.failures.clear();
    }
    if (derived.failed->code == ErrorCode::Cancelled)
        return true;
    return give_up_or_wait(waiting, *derived.failed, parts, *table, derived.failures);
}

Result<> BatchSealer::commit(const ClosedBatch& batch, const std::vector<DerivedPart>& derived,
                             const std::vector<PolicyFailure>& failures) {
    return writer_.on_writer<Result<>>([&] {
        return writer_.in_transaction([&](store::Transaction&, CommitGroup& group) -> Result<> {
            group.seal_closed(batch, derived);
            return group.add_failures(failures, kSealingPrincipal.data());
        });
    });
}

bool BatchSealer::give_up_or_wait(Waiting& waiting, const Error& error, const std::vector<store::Part>& parts,
                                  const catalog::Table& table, const std::vector<PolicyFailure>& failures) {
    const auto now = writer_.clock.steady();
    waiting.first_failure = waiting.first_failure.value_or(now);
    const auto since = std::chrono::duration_cast<milliseconds>(now - *waiting.first_failure);
    const auto delay = next_attempt(error, ++waiting.attempts, since, writer_.options.retry_for, random_fraction());
    std::vector<store::DeadLetter> letters;
    Result<> read;
    if (!delay) {
        auto made = make_batch_letters(writer_.store, table, parts, error, waiting.attempts, writer_.clock.now());
        if (made) {
            for (store::DeadLetter& letter : *made)
                letter.database = writer_.database;
            letters = std::move(*made);
        } else {
            read = std::move(made).error(); // nothing may be removed that is in no letter
        }
    }
    const bool give_up = !delay && read;
    const auto noted = writer_.on_writer<Result<>>([&] {
        return writer_.in_transaction([&](store::Transaction&, CommitGroup& group) -> Result<> {
            SLUICE_CHECK(group.add_failures(failures, kSealingPrincipal.data()));
            return give_up ? group.bury_closed(waiting.batch, letters, error) : Result<>();
        });
    });
    log::error(give_up ? "a staged batch was given up, its rows are dead letters"
                       : "sealing failed, will be tried again",
               {{"database", writer_.database}, {"table", table.name}, {"error", error.message}});
    if (give_up && noted)
        return true;
    waiting.next = now + delay.value_or(kLongestRetry);
    return false;
}

} // namespace sluice::ingest
