#include "core/router/gather.hpp"

namespace sluice::router {
namespace {

constexpr auto kPolicyBackOff = std::chrono::minutes(15); // data-connections 1.6
constexpr unsigned kPolicyFailures = 3;

} // namespace

void Outstanding::began(Bytes bytes, std::uint64_t events) {
    budget_->used += bytes;
    Lock lock(mutex_);
    bytes_ += bytes;
    events_ += events;
    ++deliveries_;
}

void Outstanding::ended(Bytes bytes, std::uint64_t events, std::vector<Ack> acks, const std::optional<Error>& error) {
    budget_->used -= bytes;
    Lock lock(mutex_);
    bytes_ -= bytes;
    events_ -= events;
    --deliveries_;
    acks_.insert(acks_.end(), acks.begin(), acks.end());
    if (error && !error_)
        error_ = error;
    changed_.notify_all();
}

void Outstanding::file_decided(DecidedFile file) {
    Lock lock(mutex_);
    files_.push_back(std::move(file));
}

void Outstanding::take_acks(std::vector<Ack>& acks) {
    Lock lock(mutex_);
    acks.insert(acks.end(), acks_.begin(), acks_.end());
    acks_.clear();
}

std::vector<DecidedFile> Outstanding::take_files() {
    Lock lock(mutex_);
    return std::exchange(files_, {});
}

std::optional<Error> Outstanding::error() const {
    Lock lock(mutex_);
    return error_;
}

Bytes Outstanding::bytes() const {
    Lock lock(mutex_);
    return bytes_;
}

std::uint64_t Outstanding::events() const {
    Lock lock(mutex_);
    return events_;
}

bool Outstanding::wait_until_empty(std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    Lock lock(mutex_);
    while (deliveries_ > 0)
        if (changed_.wait_until(lock, deadline) == std::cv_status::timeout && deliveries_ > 0)
            return false;
    return true;
}

void Outstanding::policies_ran(catalog::TableId table, bool failed, Clock::Steady::time_point now) {
    Lock lock(mutex_);
    if (!failed) {
        policy_failures_.erase(table);
        return;
    }
    PolicyFailures& failures = policy_failures_[table];
    if (++failures.in_a_row >= kPolicyFailures)
        failures = {0, now + kPolicyBackOff};
}

bool Outstanding::sent_queued(catalog::TableId table, Clock::Steady::time_point now) const {
    Lock lock(mutex_);
    const auto found = policy_failures_.find(table);
    return found != policy_failures_.end() && now < found->second.queued_until;
}

bool Outstanding::hold_slot(ingest::Admission& admission, std::chrono::milliseconds patience) {
    {
        Lock lock(mutex_);
        if (slot_) {
            ++slot_users_;
            return true;
        }
    }
    // Only the source's thread takes slots, so nobody else fills slot_ meanwhile.
    auto ticket = admission.enter_within(patience);
    if (!ticket)
        return false;
    Lock lock(mutex_);
    slot_.emplace(std::move(*ticket));
    slot_users_ = 1;
    return true;
}

void Outstanding::release_slot() {
    Lock lock(mutex_);
    if (--slot_users_ == 0)
        slot_.reset();
}

OpenBatch& Gather::open(const std::shared_ptr<Plan>& plan) {
    if (const auto known = open_.find(plan.get()); known != open_.end())
        return known->second;
    return open_.emplace(plan.get(), OpenBatch{plan, {.table = plan->table, .rows = data::Rows(plan->table->schema())}})
        .first->second;
}

Bytes Gather::memory_of(const ingest::Delivery& delivery) {
    constexpr Bytes kDelivery = 1_KiB, kLetter = 1_KiB; // with names, details and properties
    Bytes memory = kDelivery;
    for (const ingest::TableBatch& batch : delivery.tables)
        memory += batch.rows.memory();
    for (const store::DeadLetter& letter : delivery.dead_letters)
        memory += kLetter + letter.body.size();
    return memory + kLetter * (delivery.failures.size() + delivery.files.size());
}

bool Gather::empty() const {
    return open_.empty() && separate_.empty() && delivery_.received == 0 && delivery_.files.empty() &&
           delivery_.gaps.empty() && delivery_.lanes.empty();
}

} // namespace sluice::router
