/* Service folders (spec/service.md): reading one into memory and making the package of it.
 *
 * What is wrong with a folder is not an error of the functions here but a list of problems that
 * grows: with the file, the element, and the line where they are known. Nothing outside the folder
 * is read: names are fixed or of a narrow form, symbolic links and special files are refused.
 *
 * Limits: QF_FOLDER_FILE_SIZE_MAX bytes a file, QF_FOLDER_FILES_MAX files,
 * QF_SERVICE_PACKAGE_SIZE_MAX bytes of package, QF_FOLDER_PROBLEMS_MAX problems. A folder belongs
 * to one thread. */
#ifndef QF_SERVICE_FOLDER_H
#define QF_SERVICE_FOLDER_H

#include "base/arena.h"
#include "codec/yaml.h"
#include "crypto/hash.h"
#include "kernel/service/service.h"

struct qf_folder_problem {
    bool error; /* else a warning */
    const char *file;
    const char *element; /* path, pointer or id; may be empty */
    uint32_t line;       /* 0: not known */
    uint32_t column;     /* likewise */
    const char *text;    /* what is wrong, and what to do where that is not plain */
    struct qf_folder_problem *next;
};

struct qf_folder_file {
    const char *name; /* "schemas/check.json" */
    struct qf_slice bytes;
};

/* A YAML file of the folder; `there` is false when it is missing or cannot be read as YAML. */
struct qf_folder_yaml {
    const char *name;
    bool there;
    struct qf_yaml yaml;
};

struct qf_folder {
    struct qf_arena arena;
    const char *dir;
    struct qf_folder_file files[QF_FOLDER_FILES_MAX]; /* in the order of their names */
    size_t file_count;
    struct qf_folder_yaml manifest, scenario, texts[2]; /* zh, en */
    struct qf_json schemas; /* object: "schemas/NAME.json" to what it holds */
    struct qf_folder_problem *problems, **problem_tail;
    uint32_t errors, warnings;
    /* Of the package, once made: */
    struct qf_slice package;
    struct qf_service_model *model; /* NULL: it does not compile */
};

/* Reads the folder. QF_OK also when there is much wrong with it; QF_IO when it cannot be read at
 * all. Release with qf_folder_deinit in any case. */
QF_MUST_CHECK enum qf_status qf_folder_read(struct qf_folder *out, const char *dir,
                                            struct qf_error *err);
void qf_folder_deinit(struct qf_folder *folder);

const struct qf_folder_file *qf_folder_find(const struct qf_folder *folder, const char *name);

/* Adds a problem. `file` must outlive the folder; `element` is copied. */
void qf_folder_report(struct qf_folder *folder, const struct qf_folder_problem *place,
                      const char *fmt, ...) QF_PRINTF(3, 4);
#define QF_FOLDER_ERROR(folder, file_, element_, line_, ...)                                       \
    qf_folder_report((folder),                                                                     \
                     &(struct qf_folder_problem){                                                  \
                         .error = true, .file = (file_), .element = (element_), .line = (line_)},  \
                     __VA_ARGS__)
#define QF_FOLDER_WARNING(folder, file_, element_, line_, ...)                                     \
    qf_folder_report(                                                                              \
        (folder),                                                                                  \
        &(struct qf_folder_problem){.file = (file_), .element = (element_), .line = (line_)},      \
        __VA_ARGS__)

/* Whether more problems are only counted: then there is no need to look for their places. */
static inline bool qf_folder_full(const struct qf_folder *folder)
{
    return folder->errors + folder->warnings >= QF_FOLDER_PROBLEMS_MAX;
}

/* The number that follows `after` in a text ("line 12"); 0 when there is none. */
uint32_t qf_folder_number(const char *text, const char *after);

/* Makes the package: folder->package. QF_OVER_LIMIT, or QF_BAD_FIELD when what it is made of is not
 * there; then a problem was added as well. */
QF_MUST_CHECK enum qf_status qf_folder_package(struct qf_folder *folder, struct qf_error *err);

/* "sha-256:…" or "sm3:…" of the package. */
void qf_folder_hash(const struct qf_folder *folder, enum qf_hash_alg alg, char out[80]);

/* The op that puts part `number` of the package on the ledger, in `arena`; false: there are fewer.
 */
bool qf_folder_part(const struct qf_folder *folder, struct qf_arena *arena, struct qf_json *op,
                    const char *hash, size_t number);

/* Id and version as service.yaml says; "" where it does not. */
const char *qf_folder_text(const struct qf_folder *folder, const char *name);

#endif
