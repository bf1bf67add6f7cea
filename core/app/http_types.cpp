#include "core/app/http_types.hpp"

#include <algorithm>

namespace sluice::app {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

} // namespace

std::string_view find_header(const HttpHeaders& headers, std::string_view name) {
    for (const HttpHeader& header : headers)
        if (header.name.size() == name.size() && std::equal(name.begin(), name.end(), header.name.begin(),
                                                            [](char a, char b) { return lower(a) == lower(b); }))
            return header.value;
    return {};
}

} // namespace sluice::app
