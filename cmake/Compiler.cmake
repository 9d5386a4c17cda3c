# The one compiler, its flags, and the precompiled header that every room shares.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  if(NOT HOLDFAST_ANY_COMPILER)
    message(FATAL_ERROR "Holdfast needs clang 19 or newer (found ${CMAKE_CXX_COMPILER_ID} "
      "${CMAKE_CXX_COMPILER_VERSION}); use a preset, or -DHOLDFAST_ANY_COMPILER=ON at your own risk.")
  endif()
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# One code model for libraries and programs, so that the precompiled header fits both.
add_compile_options(-fPIE)
add_link_options(-pie)

option(HOLDFAST_FUZZ "Build the fuzz targets (libFuzzer)" OFF)
set(HOLDFAST_SANITIZE "" CACHE STRING "Value for -fsanitize=, empty for none")

find_program(HOLDFAST_CCACHE ccache)
if(HOLDFAST_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_NOHASHDIR=1
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${HOLDFAST_CCACHE})
endif()

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror
  -Xclang -fno-pch-timestamp)
# libstdc++ 14 (Debian 13) marks std::aligned_storage as deprecated in C++23; Boost's headers still use it, and
# their templates are instantiated in our files. Without this macro it marks nothing; other deprecations stay.
file(GLOB newer_libstdcxx /usr/include/c++/1[4-9])
if(newer_libstdcxx)
  add_compile_options(-U__DEPRECATED)
endif()
add_link_options(-fuse-ld=lld)
if(HOLDFAST_SANITIZE)
  add_compile_options(-fsanitize=${HOLDFAST_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${HOLDFAST_SANITIZE})
endif()

# Same definitions everywhere, so that one precompiled header serves all rooms.
add_compile_definitions(BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED SPDLOG_COMPILED_LIB SPDLOG_FMT_EXTERNAL SPDLOG_SHARED_LIB FMT_SHARED
  HOLDFAST_VERSION="${PROJECT_VERSION}")
