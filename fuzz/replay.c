/* Runs a fuzz driver over the files of a folder, so that a committed corpus is an ordinary test. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *folder, const char *name)
{
    char path[4096];
    static uint8_t data[1 << 22];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return 1;
    size_t size = fread(data, 1, sizeof data, file);
    bool whole = feof(file) != 0 && ferror(file) == 0;
    fclose(file);
    if (!whole) {
        fprintf(stderr, "%s: cannot be read, or is over %zu bytes\n", path, sizeof data);
        return 1;
    }
    uint8_t *copy = malloc(size); /* of the exact size, so that sanitizers see its end */
    if (copy == NULL && size > 0)
        return 1;
    for (size_t i = 0; i < size; i++)
        copy[i] = data[i];
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    return 0;
}

int main(int argc, char **argv)
{
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
    if (dir == NULL) {
        fprintf(stderr, "usage: replay CORPUS_FOLDER\n");
        return 2;
    }
    int files = 0, failed = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        if (entry->d_name[0] != '.') {
            files++;
            failed += replay(argv[1], entry->d_name);
        }
    closedir(dir);
    printf("%d files\n", files);
    return files == 0 || failed > 0;
}
