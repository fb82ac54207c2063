#include "workers/binance/tls.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <filesystem>

namespace of::binance {
namespace {

boost::system::error_code last_error() {
    return {static_cast<int>(ERR_get_error()), boost::asio::error::get_ssl_category()};
}

/// The system's folder of certificates, if each can be found in it by the hash of its name; else "".
std::string hashed_folder() {
    namespace fs = std::filesystem;
    const char* named = std::getenv(X509_get_default_cert_dir_env());
    const std::string folder = named != nullptr ? named : X509_get_default_cert_dir();
    const auto is_hash = [](const fs::directory_entry& entry) {
        const auto name = entry.path().stem().string();
        return name.size() == 8 && name.find_first_not_of("0123456789abcdef") == std::string::npos &&
               entry.path().extension() == ".0";
    };
    std::error_code failed;
    for (fs::directory_iterator entry(folder, failed); !failed && entry != fs::directory_iterator();
         entry.increment(failed)) {
        if (is_hash(*entry)) return folder;
    }
    return "";
}

/// Reading the whole store takes longer than all else that a start does; in a hashed folder OpenSSL finds the one
/// certificate that a handshake asks for. Who names a file of certificates in the environment means that file.
void trust_system_store(boost::asio::ssl::context& context, boost::system::error_code& error) {
    const auto folder = std::getenv(X509_get_default_cert_file_env()) == nullptr ? hashed_folder() : std::string();
    if (folder.empty()) {
        context.set_default_verify_paths(error);
    } else {
        context.add_verify_path(folder, error);
    }
}

}  // namespace

void warm_up_tls() { SSL_CTX_free(SSL_CTX_new(TLS_client_method())); }

Expected<std::unique_ptr<boost::asio::ssl::context>> make_tls(const std::string& ca_file) {
    namespace ssl = boost::asio::ssl;
    auto context = std::make_unique<ssl::context>(ssl::context::tls_client);
    boost::system::error_code error;
    if (SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION) != 1)
        return fail(ErrorKind::failed, "TLS 1.2 cannot be required: " + last_error().message());
    context->set_verify_mode(ssl::verify_peer, error);
    if (!error && ca_file.empty()) trust_system_store(*context, error);
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
