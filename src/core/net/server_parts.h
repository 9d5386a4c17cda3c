// Parts of the HTTP server: TLS, and answers without a handler. Of this room only.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <memory>
#include <string>

#include "core/net/server.h"

namespace holdfast::net {

// TLS 1.2 or later with the certificate that the options name. kInvalidArgument: a file that cannot
// be read or holds something else.
Result<std::unique_ptr<boost::asio::ssl::context>> make_tls_context(const ServerOptions& options);

// The smallest honest answer to something that no handler may see.
HttpReply refusal(int status, std::string_view detail);

// The common name of the certificate that the other side showed; empty when it showed none.
std::string peer_name(boost::asio::ssl::stream<boost::asio::ip::tcp::socket>& stream);

}  // namespace holdfast::net
