/* Changes every byte of a bundle, each to several other values or to all, and holds that none of it
 * verifies, and that the refusal names the part. There is no meaningless byte: a bundle is
 * canonical JSON, all text in it is signed or hashed, and base64 has one form. Usage: bundle-flip
 * BUNDLE GENESIS [all] */
#include <stdio.h>
#include <stdlib.h>

#include "engine/ledger/bundle.h"

#define PARTS_MAX 16

struct part { /* a member of the file, with the bytes from its key to the next one's */
    char name[24];
    size_t start, end;
    size_t count;
};

static struct part parts[PARTS_MAX];
static size_t part_count;

/* Whether the refusal says where a change within `part` is: by its name, as field or among what the
 * detail names (a hash does not tell which of its sides was changed), or by the place at which the
 * form broke, at most as far on as the next member's key. */
static bool names_part(const struct part *part, const struct qf_error *err, size_t at)
{
    if (strncmp(err->field, "byte ", 5) == 0) {
        unsigned long named = strtoul(err->field + 5, NULL, 10);
        return named + 8 >= at && named <= part->end + 40;
    }
    return strncmp(err->field, part->name, strlen(part->name)) == 0 ||
           strstr(err->detail, part->name) != NULL;
}

static struct qf_slice read_file(const char *path)
{
    static char data[2][QF_BUNDLE_SIZE_MAX];
    static int next;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(2);
    }
    struct qf_slice out = qf_slice_make(data[next], fread(data[next], 1, sizeof data[next], file));
    next++;
    fclose(file);
    return out;
}

/* The members stand in order, each beginning with its key. */
static void find_parts(struct qf_slice text)
{
    struct qf_arena arena = {0};
    struct qf_json file;
    bool good = qf_json_parse(&arena, &file, text, QF_JSON_CANONICAL, NULL) == QF_OK;
    QF_ASSERT(good && file.count <= PARTS_MAX);
    const uint8_t *at = text.data;
    for (uint32_t i = 0; i < file.count; i++) {
        struct part *part = &parts[part_count++];
        char key[32];
        snprintf(part->name, sizeof part->name, "%.*s", QF_SLICE_ARGS(file.members[i].key));
        snprintf(key, sizeof key, "\"%s\":", part->name);
        at = memmem(at, text.size - (size_t)(at - text.data), key, strlen(key));
        QF_ASSERT(at != NULL);
        part->start = (size_t)(at - text.data);
        if (i > 0)
            parts[i - 1].end = part->start;
    }
    parts[part_count - 1].end = text.size;
    qf_arena_deinit(&arena);
}

static struct part *part_of(size_t at)
{
    for (size_t i = 0; i < part_count; i++)
        if (at < parts[i].end)
            return &parts[i];
    return &parts[part_count - 1];
}

static struct qf_verifier *verifier;
static struct qf_bundle_trust trust;
static int wrong;

static void refuse(struct qf_slice text, size_t at, const char *what)
{
    struct qf_arena arena = {0};
    struct qf_bundle_report report = {0};
    struct qf_error err = {0};
    struct part *part = part_of(at);
    enum qf_status status = qf_bundle_verify(&arena, text, &trust, verifier, &report, &err);
    if (status == QF_OK || err.detail[0] == '\0' || !names_part(part, &err, at)) {
        fprintf(stderr, "%s byte %zu, in %s: %s at \"%s\": %s\n", what, at, part->name,
                qf_status_name(status), err.field, err.detail);
        wrong++;
    }
    part->count++;
    qf_arena_deinit(&arena);
}

int main(int argc, char **argv)
{
    struct qf_error err = {0};
    const struct qf_verifier_options options = {.kind = QF_VERIFIER_OPENSSL};
    if (argc < 3 || qf_verifier_new(&verifier, &options, &err) != QF_OK)
        return 2;
    struct qf_slice bundle = read_file(argv[1]);
    trust.genesis = read_file(argv[2]);
    struct qf_arena arena = {0};
    struct qf_bundle_report report = {0};
    if (qf_bundle_verify(&arena, bundle, &trust, verifier, &report, &err) != QF_OK) {
        fprintf(stderr, "the bundle itself: %s: %s\n", err.field, err.detail);
        return 1;
    }
    find_parts(bundle);
    uint8_t *copy = malloc(bundle.size + 1);
    QF_ASSERT(copy != NULL);
    memcpy(copy, bundle.data, bundle.size);
    static const uint8_t some[] = {0x01, 0x20, 0x80};
    bool all = argc > 3;
    for (size_t at = 0; at < bundle.size && wrong < 20; at++) {
        for (unsigned i = 0; i < (all ? 255 : sizeof some); i++) {
            copy[at] = (uint8_t)(bundle.data[at] ^ (all ? i + 1 : some[i]));
            refuse(qf_slice_make(copy, bundle.size), at, "changed");
        }
        copy[at] = bundle.data[at];
    }
    for (size_t at = 0; at < bundle.size && wrong < 20; at++) { /* one left out */
        memmove(copy + at, bundle.data + at + 1, bundle.size - at - 1);
        refuse(qf_slice_make(copy, bundle.size - 1), at, "without");
        copy[at] = bundle.data[at];
    }
    for (size_t at = 0; at <= bundle.size && wrong < 20; at++) { /* white space put in */
        memcpy(copy, bundle.data, at);
        copy[at] = at % 2 == 0 ? ' ' : '\n';
        memcpy(copy + at + 1, bundle.data + at, bundle.size - at);
        refuse(qf_slice_make(copy, bundle.size + 1), at, "white space at");
    }
    for (size_t i = 0; i < part_count; i++)
        printf("%s: %zu changes of %zu bytes\n", parts[i].name, parts[i].count,
               parts[i].end - parts[i].start);
    free(copy);
    qf_arena_deinit(&arena);
    qf_verifier_free(verifier);
    return wrong > 0;
}
