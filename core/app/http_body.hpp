#pragma once

#include "core/app/http_types.hpp"
#include "core/base/bytes.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <string>

namespace sluice::app {

/// How far a body over its limit is read, so that the client gets to read the answer (rest-api 9.4), but not for ever.
constexpr Bytes kDrainBytes = 64_MiB;

/// A body of which only the first `keep` bytes are kept, or that goes to a sink; the rest is counted.
struct CappedBody {
    struct value_type {
        std::string bytes;
        Bytes keep = 0, received = 0;
        BodySink* sink = nullptr; ///< takes the bytes instead; null again once it refused
    };
    class reader {
    public:
        template <bool IsRequest, class Fields>
        reader(boost::beast::http::header<IsRequest, Fields>&, value_type& value) : value_(value) {}
        void init(const boost::optional<std::uint64_t>& length, boost::system::error_code& ec) {
            ec = {};
            if (length && *length <= value_.keep && !value_.sink)
                value_.bytes.reserve(static_cast<std::size_t>(std::min<Bytes>(*length, kDrainBytes)));
        }
        template <class Buffers> std::size_t put(const Buffers& buffers, boost::system::error_code& ec) {
            ec = {};
            std::size_t taken = 0;
            for (auto it = boost::asio::buffer_sequence_begin(buffers); it != boost::asio::buffer_sequence_end(buffers);
                 ++it) {
                const boost::asio::const_buffer buffer(*it);
                const Bytes room = value_.keep > value_.bytes.size() ? value_.keep - value_.bytes.size() : 0;
                if (!value_.sink)
                    value_.bytes.append(static_cast<const char*>(buffer.data()),
                                        static_cast<std::size_t>(std::min<Bytes>(buffer.size(), room)));
                else if (!value_.sink->write({static_cast<const char*>(buffer.data()), buffer.size()}))
                    value_ = {.bytes = {}, .keep = 0, .received = value_.received};
                taken += buffer.size();
            }
            value_.received += taken;
            return taken;
        }
        void finish(boost::system::error_code& ec) { ec = {}; }

    private:
        value_type& value_;
    };
};

} // namespace sluice::app
