#include "core/app/http_wire.hpp"

#include "core/base/log.hpp"

#include <fmt/format.h>

namespace sluice::app {
namespace ssl = net::ssl;

Result<std::unique_ptr<TlsFiles>> TlsFiles::load(std::string certificate, std::string key) {
    std::unique_ptr<TlsFiles> files(new TlsFiles(std::move(certificate), std::move(key)));
    files->loaded_ = files->times();
    SLUICE_TRY(files->context_, files->read());
    return files;
}

TlsFiles::Times TlsFiles::times() const {
    std::error_code ignored;
    return {std::filesystem::last_write_time(certificate_, ignored), std::filesystem::last_write_time(key_, ignored)};
}

Result<std::shared_ptr<ssl::context>> TlsFiles::read() const {
    const auto wrong = [](const char* key, const std::string& file, const error_code& why) {
        return Error{
            ErrorCode::Invalid,
            fmt::format("tls.{}: '{}' cannot be used: {}. It has to be a PEM file, and certificate and key have "
                        "to belong together",
                        key, file, why.message())};
    };
    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    error_code ec;
    context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                             ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1,
                         ec);
    context->use_certificate_chain_file(certificate_, ec);
    if (ec)
        return wrong("cert_file", certificate_, ec);
    context->use_private_key_file(key_, ssl::context::pem, ec);
    if (ec)
        return wrong("key_file", key_, ec);
    return context;
}

std::shared_ptr<ssl::context> TlsFiles::current() {
    const auto now = Steady::now();
    if (now < next_look_)
        return context_;
    next_look_ = now + std::chrono::seconds(1);
    const Times found = times();
    if (found == loaded_)
        return context_;
    loaded_ = found;
    auto fresh = read();
    if (fresh) {
        context_ = std::move(*fresh);
        log::info("certificate and key were read again", {{"certificate", certificate_}});
    } else {
        // Most often one of two files is already new; the other follows and is noticed like this one.
        log::error("certificate and key changed but cannot be used, the old ones stay",
                   {{"reason", fresh.error().message}});
    }
    return context_;
}

} // namespace sluice::app
