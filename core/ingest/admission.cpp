#include "core/ingest/admission.hpp"

namespace sluice::ingest {

std::optional<Admission::Ticket> Admission::try_enter() {
    Lock lock(mutex_);
    if (free_ == 0)
        return std::nullopt;
    --free_;
    return Ticket(*this);
}

std::optional<Admission::Ticket> Admission::enter_within(std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    Lock lock(mutex_);
    while (free_ == 0)
        if (freed_.wait_until(lock, deadline) == std::cv_status::timeout && free_ == 0)
            return std::nullopt;
    --free_;
    return Ticket(*this);
}

void Admission::leave() {
    Lock lock(mutex_);
    ++free_;
    freed_.notify_one();
}

} // namespace sluice::ingest
