/* Runs a fuzz target on every file of its corpus, so that each build and compiler checks what fuzzing found.
 */
#include <dirent.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/files.h"
#include "fuzz.h"

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (folder == NULL) {
        (void)fprintf(stderr, "usage: replay CORPUS_FOLDER\n");
        return 2;
    }
    int count = 0;
    for (const struct dirent *entry = NULL; (entry = readdir(folder)) != NULL;) {
        char *path = path_join(argv[1], entry->d_name);
        char *data = NULL;
        int64_t size = 0;
        if (file_size(path) >= 0 && file_read(path, 1 << 20, &data, &size, NULL) == STATUS_OK) {
            (void)LLVMFuzzerTestOneInput((const uint8_t *)data, (size_t)size);
            count++;
            (void)printf("ok %d - %s\n", count, entry->d_name);
        }
        memory_free(data);
        memory_free(path);
    }
    (void)closedir(folder);
    (void)printf("1..%d\n", count);
    return count > 0 ? 0 : 1;
}
