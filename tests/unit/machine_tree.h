/* Machines for the sensors' tests: those recorded in tests/unit/machines/, and made-up ones in a folder of
 * their own. Each stands for "/". The recorded ones follow the formats of proc(5), cgroups(7) and the
 * kernel's Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst and accounting/psi.rst. */
#ifndef RUNBATCH_TESTS_MACHINE_TREE_H
#define RUNBATCH_TESTS_MACHINE_TREE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"

#define KB (INT64_C(1) << 10)
#define MB (INT64_C(1) << 20)
#define GB (INT64_C(1) << 30)

/* NAME in tests/unit/machines/. */
static inline const char *tree_recorded(const char *name)
{
    static char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", getenv("RUNBATCH_MACHINES"), name);
    return path;
}

/* Setup and teardown of cmocka: an empty machine, whose path is the state. */
static inline int tree_make(void **state)
{
    char template[] = "/tmp/runbatch-machine-XXXXXX";
    *state = text_duplicate(mkdtemp(template));
    return 0;
}

static inline int tree_remove(void **state)
{
    char *command = text_format("rm -rf '%s'", (char *)*state);
    const int code = system(command);
    memory_free(command);
    memory_free(*state);
    return code;
}

static inline void tree_put(const char *root, const char *name, const char *content)
{
    char *path = path_join(root, name);
    char *folder = path_folder(path);
    assert_int_equal(folder_make(folder, NULL), STATUS_OK);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(content, file);
    (void)fclose(file);
    memory_free(folder);
    memory_free(path);
}

#define TREE_TEST(name) cmocka_unit_test_setup_teardown(name, tree_make, tree_remove)

#endif
