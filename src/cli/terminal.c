#include "cli/terminal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "codec/utf8.h"

static const char replacement[] = "\xef\xbf\xbd";

static bool is_command(const uint8_t *at, size_t size, bool within_line)
{
    if (size == 1)
        return at[0] == 0x7f || (at[0] < 0x20 && (within_line || (at[0] != '\n' && at[0] != '\t')));
    if (size == 2) /* U+0080 to U+009F, and U+061C */
        return (at[0] == 0xc2 && at[1] < 0xa0) || (at[0] == 0xd8 && at[1] == 0x9c);
    if (size != 3 || at[0] != 0xe2)
        return false;
    /* U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069 */
    return (at[1] == 0x80 &&
            (at[2] == 0x8e || at[2] == 0x8f || (at[2] >= 0xa8 && at[2] <= 0xae))) ||
           (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9);
}

static void put(struct qf_buf *out, struct qf_slice text, bool within_line)
{
    const uint8_t *end = text.data + text.size;
    for (const uint8_t *at = text.data; at < end;) {
        size_t size = qf_utf8_size(at, end);
        if (size == 0 || is_command(at, size, within_line))
            qf_buf_put_text(out, replacement);
        else
            qf_buf_put(out, at, size);
        at += size > 0 ? size : 1;
    }
}

struct qf_slice qf_cli_shown(struct qf_arena *arena, struct qf_slice text)
{
    struct qf_buf out = {0};
    put(&out, text, true);
    struct qf_slice shown = qf_arena_copy(arena, qf_buf_slice(&out));
    qf_buf_deinit(&out);
    return shown;
}

/* ---- standard output ---- */

/* A character may be parted by the end of a buffer. */
static struct {
    uint8_t bytes[3];
    size_t size;
} begun;

static size_t unfinished(const uint8_t *data, size_t size)
{
    for (size_t back = 1; back <= 3 && back <= size; back++) {
        uint8_t c = data[size - back];
        size_t whole = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
        if (c >= 0xc0)
            return whole > back ? back : 0;
        if (c < 0x80)
            return 0;
    }
    return 0;
}

static bool write_all(struct qf_slice text)
{
    while (text.size > 0) {
        ssize_t done = write(STDOUT_FILENO, text.data, text.size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        text = qf_slice_make(text.data + done, text.size - (size_t)done);
    }
    return true;
}

static ssize_t guard(void *cookie, const char *data, size_t size)
{
    (void)cookie;
    struct qf_buf whole = {0};
    struct qf_buf out = {0};
    qf_buf_put(&whole, begun.bytes, begun.size);
    qf_buf_put(&whole, data, size);
    size_t left = unfinished(whole.data, whole.size);
    put(&out, qf_slice_make(whole.data, whole.size - left), false);
    begun.size = left;
    if (left > 0)
        memcpy(begun.bytes, whole.data + whole.size - left, left);
    bool good = write_all(qf_buf_slice(&out));
    qf_buf_deinit(&whole);
    qf_buf_deinit(&out);
    return good ? (ssize_t)size : 0; /* as fopencookie(3) has it */
}

void qf_cli_guard_terminal(void)
{
    if (!isatty(STDOUT_FILENO))
        return;
    FILE *guarded = fopencookie(NULL, "w", (cookie_io_functions_t){.write = guard});
    if (guarded == NULL)
        return;
    setvbuf(guarded, NULL, _IOLBF, 0);
    stdout = guarded;
}
