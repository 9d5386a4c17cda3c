// Compiles Beast's own code once for the whole program.
#include <boost/beast/src.hpp>
