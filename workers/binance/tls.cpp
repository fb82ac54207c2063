#include "workers/binance/tls.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

namespace of::binance {
namespace {

boost::system::error_code last_error() {
    return {static_cast<int>(ERR_get_error()), boost::asio::error::get_ssl_category()};
}

}  // namespace

Expected<std::unique_ptr<boost::asio::ssl::context>> make_tls(const std::string& ca_file) {
    namespace ssl = boost::asio::ssl;
    auto context = std::make_unique<ssl::context>(ssl::context::tls_client);
    boost::system::error_code error;
    if (SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION) != 1)
        return fail(ErrorKind::failed, "TLS 1.2 cannot be required: " + last_error().message());
    context->set_verify_mode(ssl::verify_peer, error);
    if (!error && ca_file.empty()) context->set_default_verify_paths(error);
    if (!error && !ca_file.empty()) context->load_verify_file(ca_file, error);
    if (error)
        return fail(ErrorKind::invalid, (ca_file.empty() ? "the certificates in the system's store"
                                                         : "[binance] ca_file: the certificates in " + ca_file) +
                                            " cannot be used: " + error.message());
    return context;
}

boost::system::error_code expect_host(SSL* connection, const Url& url) {
    auto* parameters = SSL_get0_param(connection);
    if (url.is_address())
        return X509_VERIFY_PARAM_set1_ip_asc(parameters, url.host.c_str()) == 1 ? boost::system::error_code{}
                                                                                : last_error();
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (SSL_set1_host(connection, url.host.c_str()) != 1) return last_error();
    return SSL_set_tlsext_host_name(connection, url.host.c_str()) == 1 ? boost::system::error_code{} : last_error();
}

std::string tls_sentence(SSL* connection, const boost::system::error_code& error) {
    const auto verdict = SSL_get_verify_result(connection);
    if (verdict == X509_V_OK) return "TLS handshake: " + error.message();
    return std::string("TLS: the server's certificate is not accepted: ") + X509_verify_cert_error_string(verdict);
}

}  // namespace of::binance
