#include "core/ingest/admission.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::ingest {
namespace {

using std::chrono::milliseconds;

TEST(Admission, LetsSixPerCoreIn) {
    Admission admission(2);
    std::vector<Admission::Ticket> tickets;
    while (auto ticket = admission.try_enter())
        tickets.push_back(std::move(*ticket));
    EXPECT_EQ(tickets.size(), 12u);
    EXPECT_EQ(admission.limit(), 12u);
}

TEST(Admission, ATicketGivenBackLetsTheNextIn) {
    Admission admission(1);
    std::vector<Admission::Ticket> tickets;
    while (auto ticket = admission.try_enter())
        tickets.push_back(std::move(*ticket));
    EXPECT_FALSE(admission.enter_within(milliseconds(1)));
    tickets.pop_back();
    EXPECT_TRUE(admission.enter_within(milliseconds(1)));
}

} // namespace
} // namespace sluice::ingest
