#pragma once

#include "core/base/mutex.hpp"

#include <chrono>
#include <optional>
#include <utility>

namespace sluice::ingest {

/// Lets a fixed number of streaming requests run at a time: six for each core, as Azure Data Explorer does
/// (engine 1.4). Thread-safe.
class Admission {
public:
    static constexpr unsigned kRequestsPerCore = 6;

    /// A place taken; given back on destruction. Must not outlive its Admission.
    class [[nodiscard]] Ticket {
    public:
        Ticket(Ticket&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
        Ticket& operator=(Ticket&&) = delete;
        ~Ticket() {
            if (owner_)
                owner_->leave();
        }

    private:
        friend class Admission;
        explicit Ticket(Admission& owner) : owner_(&owner) {}
        Admission* owner_;
    };

    explicit Admission(unsigned cores) : limit_(cores * kRequestsPerCore), free_(limit_) {}

    unsigned limit() const { return limit_; }
    /// A full house is an answer, not an error: an HTTP request gets 429, the router queues the batch.
    std::optional<Ticket> try_enter();
    /// Waits for a place at most `patience` (data-connections 1.6 row 7).
    std::optional<Ticket> enter_within(std::chrono::milliseconds patience);

private:
    void leave();

    const unsigned limit_;
    Mutex mutex_;
    Condition freed_;
    unsigned free_ SLUICE_GUARDED_BY(mutex_);
};

} // namespace sluice::ingest
