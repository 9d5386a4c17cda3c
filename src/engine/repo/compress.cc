#include "engine/repo/compress.h"

#include <zstd.h>

#include <memory>

#include "core/base/check.h"

namespace holdfast::repo {
namespace {

struct Contexts {
  std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> in{ZSTD_createCCtx(), ZSTD_freeCCtx};
  std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> out{ZSTD_createDCtx(), ZSTD_freeDCtx};
};

Contexts& contexts() {
  static thread_local Contexts own;
  return own;
}

Error damaged() { return Error(Code::kDataLoss, "compressed data of the repository is damaged"); }

}  // namespace

void compress(ByteSpan plaintext, int level, Buffer& out) {
  const std::size_t start = out.size();
  out.resize(start + ZSTD_compressBound(plaintext.size()));
  const std::size_t size =
      ZSTD_compressCCtx(contexts().in.get(), out.data() + start, out.size() - start,
                        plaintext.data(), plaintext.size(), level);
  HF_CHECK(ZSTD_isError(size) == 0, "zstd compresses into a large enough buffer");
  out.resize(start + size);
}

Result<Buffer> decompress(ByteSpan frame, std::size_t length) {
  Buffer plaintext(length);
  const std::size_t size = ZSTD_decompressDCtx(contexts().out.get(), plaintext.data(), length,
                                               frame.data(), frame.size());
  if (ZSTD_isError(size) != 0 || size != length) {
    return damaged();
  }
  return plaintext;
}

Result<Buffer> decompress_unknown(ByteSpan frame, std::size_t limit) {
  ZSTD_DCtx* context = contexts().out.get();
  ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
  ZSTD_inBuffer in{frame.data(), frame.size(), 0};
  Buffer plaintext;
  for (;;) {
    const std::size_t start = plaintext.size();
    plaintext.resize(start + std::max<std::size_t>(ZSTD_DStreamOutSize(), start));
    ZSTD_outBuffer out{plaintext.data() + start, plaintext.size() - start, 0};
    const std::size_t hint = ZSTD_decompressStream(context, &out, &in);
    plaintext.resize(start + out.pos);
    if (ZSTD_isError(hint) != 0 || plaintext.size() > limit) {
      return damaged();
    }
    if (hint == 0 && in.pos == in.size) {
      return plaintext;
    }
    if (in.pos == in.size && out.pos == 0) {
      return damaged();  // the frame is cut short
    }
  }
}

}  // namespace holdfast::repo
