/* Names of tiles and bundles of entries: both have one form. */
#include "merkle/tile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct qf_slice bytes = {data, size};
    struct qf_tile tile;
    if (qf_tile_parse(&tile, bytes)) {
        char path[QF_TILE_PATH_SIZE_MAX];
        qf_tile_path(path, &tile);
        QF_ASSERT(qf_slice_is(bytes, path));
    }
    struct qf_buf buf = {0};
    struct qf_slice entry;
    size_t offset = 0;
    enum qf_status status;
    while ((status = qf_bundle_next(bytes, &offset, &entry)) == QF_OK)
        qf_bundle_put(&buf, entry);
    QF_ASSERT(status == QF_NOT_FOUND || status == QF_MALFORMED);
    if (status == QF_NOT_FOUND)
        QF_ASSERT(qf_slice_equal(qf_buf_slice(&buf), bytes));
    qf_buf_deinit(&buf);
    return 0;
}
