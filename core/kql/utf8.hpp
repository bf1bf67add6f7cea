#pragma once

#include <string>
#include <string_view>

/// Code points of UTF-8 texts, for the functions of this module.
namespace sluice::kql {

bool valid_utf8(std::string_view text);
/// What is not UTF-8 reads as U+FFFD.
std::u32string code_points_of(std::string_view text);
/// A surrogate or a point past U+10FFFF becomes U+FFFD.
void append_utf8(std::string& out, char32_t point);

} // namespace sluice::kql
