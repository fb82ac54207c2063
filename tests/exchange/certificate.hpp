// The stand-in's own certificate authority, made anew at each start, and the server's certificate signed by
// it.
//
// EC P-256; the server's names are localhost, 127.0.0.1 and ::1. The private keys never leave memory: only
// the authority's certificate is written, for clients to trust where they are told to.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>

#include "tests/exchange/error.hpp"

namespace of::exchange {

struct Identity {
    std::shared_ptr<EVP_PKEY> key;
    std::shared_ptr<X509> certificate;
    std::string ca_pem;
};

Result<Identity> make_identity();

}  // namespace of::exchange
