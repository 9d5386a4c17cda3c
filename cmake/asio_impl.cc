// Compiles Asio's own code once for the whole program; lies with the precompiled header, since
// every translation unit that includes it refers to Asio's error categories.
#include <boost/asio/impl/src.hpp>
