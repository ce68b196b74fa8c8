/* Any files as a service folder: everything wrong with it is told, and what is ready compiles. The
 * input is the files one after another, each with a line "=== NAME" before it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/inspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"service.yaml",  "process.bpmn",       "rules.dmn",
                                    "scenario.yaml", "schemas/check.json", "texts/zh.yaml",
                                    "texts/en.yaml", "README.md"};
#define NAMES (sizeof names / sizeof names[0])

static void write_file(const char *dir, const char *name, struct qf_slice bytes)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    QF_ASSERT(fd >= 0);
    ssize_t done = bytes.size == 0 ? 0 : write(fd, bytes.data, bytes.size);
    QF_ASSERT(done == (ssize_t)bytes.size);
    close(fd);
}

/* The name of a line "=== NAME"; NULL when it is none of ours. */
static const char *named(struct qf_slice line)
{
    for (size_t i = 0; i < NAMES; i++)
        if (line.size > 4 && memcmp(line.data, "=== ", 4) == 0 &&
            qf_slice_is(qf_slice_make(line.data + 4, line.size - 4), names[i]))
            return names[i];
    return NULL;
}

static void write_files(const char *dir, const uint8_t *data, size_t size)
{
    const char *name = NULL;
    size_t from = 0;
    for (size_t at = 0; at <= size;) {
        const uint8_t *end = at < size ? memchr(data + at, '\n', size - at) : NULL;
        size_t line = end == NULL ? size - at : (size_t)(end - (data + at));
        const char *next = named(qf_slice_make(data + at, line));
        if (next != NULL || at + line >= size) {
            if (name != NULL)
                write_file(dir, name,
                           qf_slice_make(data + from, (next != NULL ? at : size) - from));
            name = next;
            from = at + line + 1;
        }
        at += line + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char dir[64], path[256];
    snprintf(dir, sizeof dir, "/dev/shm/qf-folder-%d", (int)getpid());
    mkdir(dir, 0700);
    snprintf(path, sizeof path, "%s/schemas", dir);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/texts", dir);
    mkdir(path, 0700);
    write_files(dir, data, size);
    struct qf_folder folder;
    enum qf_status status = qf_folder_read(&folder, dir, NULL);
    QF_ASSERT(status == QF_OK);
    qf_inspect(&folder);
    QF_ASSERT((folder.errors == 0) == (folder.model != NULL));
    for (const struct qf_folder_problem *p = folder.problems; p != NULL; p = p->next)
        QF_ASSERT(p->text[0] != '\0' && p->file[0] != '\0');
    qf_folder_deinit(&folder);
    for (size_t i = 0; i < NAMES; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/schemas", dir);
    rmdir(path);
    snprintf(path, sizeof path, "%s/texts", dir);
    rmdir(path);
    rmdir(dir);
    return 0;
}
