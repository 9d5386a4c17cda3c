# Temporal as a second engine: our own message definitions (src/flow/temporal/proto), compiled once into
# a library. Without it the build is complete otherwise.
option(HOLDFAST_TEMPORAL "Build the driver for Temporal clusters (protobuf)" ON)
if(NOT HOLDFAST_TEMPORAL)
  return()
endif()

find_package(Protobuf REQUIRED)
pkg_check_modules(grpc REQUIRED IMPORTED_TARGET grpc++)  # in tests: a server of other makers

set(generated ${CMAKE_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${generated})
file(GLOB protos CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/flow/temporal/proto/*.proto)
set(proto_sources)
foreach(proto ${protos})
  get_filename_component(name ${proto} NAME_WE)
  set(base ${generated}/flow/temporal/proto/${name}.pb)
  list(APPEND proto_sources ${base}.cc)
  list(APPEND proto_headers ${base}.h)
endforeach()
add_custom_command(OUTPUT ${proto_sources} ${proto_headers} DEPENDS ${protos} VERBATIM
  COMMAND protobuf::protoc --cpp_out=${generated} -I ${CMAKE_SOURCE_DIR}/src ${protos})

add_library(hf_temporal_proto STATIC ${proto_sources})
target_compile_options(hf_temporal_proto PRIVATE -w)
target_include_directories(hf_temporal_proto SYSTEM PUBLIC ${generated})
target_link_libraries(hf_temporal_proto PUBLIC protobuf::libprotobuf)
