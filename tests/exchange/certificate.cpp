#include "tests/exchange/certificate.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>

namespace of::exchange {

namespace {

constexpr long day_seconds = 86'400;

using Key = std::shared_ptr<EVP_PKEY>;
using Certificate = std::shared_ptr<X509>;

tl::unexpected<Error> openssl_error(const std::string& what) {
    std::array<char, 256> text{};
    ERR_error_string_n(ERR_get_error(), text.data(), text.size());
    return fail(what + ": " + text.data());
}

Key make_key() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

/// A serial number that no earlier start has used: some clients refuse a known one with another key.
bool set_random_serial(X509* certificate) {
    uint64_t serial = 0;
    if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return false;
    return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1;
}

bool set_name(X509_NAME* name, const char* common_name) {
    const auto* const text = reinterpret_cast<const unsigned char*>(common_name);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

/// An unsigned certificate for `key`, valid from two days ago, for a client whose clock is behind, for thirty days.
Certificate draft(EVP_PKEY* key, const char* common_name) {
    Certificate certificate(X509_new(), X509_free);
    X509_set_version(certificate.get(), 2);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -2 * day_seconds);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 30 * day_seconds);
    const bool made = set_random_serial(certificate.get()) && X509_set_pubkey(certificate.get(), key) == 1 &&
                      set_name(X509_get_subject_name(certificate.get()), common_name);
    return made ? certificate : nullptr;
}

Certificate make_authority(EVP_PKEY* key) {
    Certificate ca = draft(key, "OrderFlow stand-in exchange CA");
    if (!ca) return nullptr;
    const bool made = X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get())) == 1 &&
                      add_extension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                      add_extension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign") &&
                      add_extension(ca.get(), ca.get(), NID_subject_key_identifier, "hash") &&
                      X509_sign(ca.get(), key, EVP_sha256()) > 0;
    return made ? ca : nullptr;
}

Certificate make_server(EVP_PKEY* key, X509* ca, EVP_PKEY* ca_key) {
    Certificate server = draft(key, "localhost");
    if (!server) return nullptr;
    X509* const raw = server.get();
    const bool made = X509_set_issuer_name(raw, X509_get_subject_name(ca)) == 1 &&
                      add_extension(raw, ca, NID_basic_constraints, "critical,CA:FALSE") &&
                      add_extension(raw, ca, NID_key_usage, "critical,digitalSignature") &&
                      add_extension(raw, ca, NID_ext_key_usage, "serverAuth") &&
                      add_extension(raw, ca, NID_authority_key_identifier, "keyid") &&
                      add_extension(raw, ca, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1") &&
                      X509_sign(raw, ca_key, EVP_sha256()) > 0;
    return made ? server : nullptr;
}

std::string to_pem(X509* certificate) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
    if (!memory || PEM_write_bio_X509(memory.get(), certificate) != 1) return {};
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &data);
    return {data, static_cast<size_t>(size)};
}

}  // namespace

Result<Identity> make_identity() {
    const Key ca_key = make_key();
    Identity identity;
    identity.key = make_key();
    if (!ca_key || !identity.key) return openssl_error("cannot make an EC key");
    const Certificate ca = make_authority(ca_key.get());
    if (!ca) return openssl_error("cannot make the certificate authority");
    identity.certificate = make_server(identity.key.get(), ca.get(), ca_key.get());
    if (!identity.certificate) return openssl_error("cannot make the server's certificate");
    identity.ca_pem = to_pem(ca.get());
    if (identity.ca_pem.empty()) return openssl_error("cannot print the authority's certificate");
    return identity;
}

}  // namespace of::exchange
