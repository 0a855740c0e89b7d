#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"

static char folder[] = "/tmp/runbatch-hash-XXXXXX";

static char *path_of(const char *name)
{
    return path_join(folder, name);
}

static char *write_file(const char *name, size_t size)
{
    char *path = path_of(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    uint32_t value = 1;
    for (size_t i = 0; i < size; i++) {
        value = value * 1664525U + 1013904223U;
        assert_int_not_equal(fputc((int)(value >> 24U), file), EOF);
    }
    assert_int_equal(fclose(file), 0);
    return path;
}

/* Turns the bits of one byte and puts the time back. */
static void change_byte(const char *path, off_t offset)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    const int fd = open(path, O_RDWR);
    unsigned char byte = 0;
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte = (unsigned char)~byte;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    const struct timespec times[2] = {status.st_atim, status.st_mtim};
    assert_int_equal(futimens(fd, times), 0);
    assert_int_equal(close(fd), 0);
}

static FileIdentity identity_of(const char *path)
{
    FileIdentity identity;
    Error err = {0};
    assert_int_equal(file_identity(path, ERROR_INPUT, &identity, &err), STATUS_OK);
    assert_true(hash_is_digest(identity.parts));
    return identity;
}

/* The values xxhsum -H2 prints. */
static void digests_are_those_of_the_standard(void **state)
{
    (void)state;
    char digest[HASH_SIZE];
    hash_bytes("", 0, digest);
    assert_string_equal(digest, "99aa06d3014798d86001c324468d497f");
    hash_bytes("xxhash", 6, digest);
    assert_string_equal(digest, "9c8b437c78cac00a376072e24bfdf4d2");
}

static void pieces_give_what_the_whole_gives(void **state)
{
    (void)state;
    unsigned char bytes[10000];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(i * 7 + (i >> 8U));
    }
    char whole[HASH_SIZE];
    char pieces[HASH_SIZE];
    hash_bytes(bytes, sizeof bytes, whole);
    Hash *hash = hash_new();
    size_t at = 0;
    for (size_t step = 1; at < sizeof bytes; step = step * 3 + 1) {
        const size_t count = step < sizeof bytes - at ? step : sizeof bytes - at;
        hash_add(hash, bytes + at, count);
        hash_digest(hash, pieces); /* asked in between: more may follow */
        at += count;
    }
    assert_string_equal(whole, pieces);
    hash_add(hash, "x", 1);
    hash_digest(hash, pieces);
    assert_string_not_equal(whole, pieces);
    hash_reset(hash);
    hash_add(hash, bytes, sizeof bytes);
    hash_digest(hash, pieces);
    assert_string_equal(whole, pieces);
    hash_free(&hash);
    assert_null(hash);
    hash_free(&hash);
}

static void file_gives_what_its_bytes_give(void **state)
{
    (void)state;
    char *path = write_file("whole", 200001);
    char *data = NULL;
    int64_t size = 0;
    Error err = {0};
    assert_int_equal(file_read(path, 1 << 20, &data, &size, &err), STATUS_OK);
    char bytes[HASH_SIZE];
    char file[HASH_SIZE];
    hash_bytes(data, (size_t)size, bytes);
    assert_int_equal(hash_file(path, ERROR_MODEL, file, &err), STATUS_OK);
    assert_string_equal(bytes, file);
    memory_free(data);
    memory_free(path);
}

static bool is_same(const FileIdentity *a, const FileIdentity *b)
{
    return a->size == b->size && a->mtime_ns == b->mtime_ns && strcmp(a->parts, b->parts) == 0;
}

static void small_file_is_known_by_all_of_it(void **state)
{
    (void)state;
    char *path = write_file("small", 1 << 20);
    const FileIdentity before = identity_of(path);
    assert_int_equal(before.size, 1 << 20);
    for (off_t offset = 0; offset < 1 << 20; offset += 99991) {
        change_byte(path, offset);
        const FileIdentity after = identity_of(path);
        assert_false(is_same(&before, &after));
        assert_int_equal(after.mtime_ns, before.mtime_ns);
        change_byte(path, offset);
    }
    const FileIdentity same = identity_of(path);
    assert_true(is_same(&before, &same));
    memory_free(path);
}

static void large_file_is_known_by_its_ends_and_its_parts(void **state)
{
    (void)state;
    enum { SIZE = 5000000 };
    char *path = write_file("large", SIZE);
    const FileIdentity before = identity_of(path);
    const int64_t step = (SIZE - 65536) / 15;
    const off_t seen[] = {0, 65535, SIZE - 1, SIZE - 65536, (off_t)step, (off_t)step + 65535};
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++) {
        change_byte(path, seen[i]);
        const FileIdentity after = identity_of(path);
        assert_false(is_same(&before, &after));
        change_byte(path, seen[i]);
    }
    /* Between two parts: only the time tells, which change_byte puts back. */
    change_byte(path, 65536 + 100);
    const FileIdentity unseen = identity_of(path);
    assert_true(is_same(&before, &unseen));
    const struct timespec later[2] = {{.tv_nsec = UTIME_NOW}, {.tv_sec = 1, .tv_nsec = 5}};
    assert_int_equal(utimensat(AT_FDCWD, path, later, 0), 0);
    const FileIdentity touched = identity_of(path);
    assert_int_equal(touched.mtime_ns, 1000000005);
    assert_false(is_same(&before, &touched));
    memory_free(path);
}

static void pipe_folder_and_device_are_refused_at_once(void **state)
{
    (void)state;
    char *pipe_path = path_of("pipe");
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    const char *const paths[] = {pipe_path, folder, "/dev/zero", "/dev/tty"};
    const int64_t began = clock_now_ms();
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        Error err = {0};
        FileIdentity identity;
        char digest[HASH_SIZE];
        assert_int_equal(file_identity(paths[i], ERROR_INPUT, &identity, &err), STATUS_FAILED);
        assert_int_equal(err.class_, ERROR_INPUT);
        assert_string_equal(err.why, "it is not a regular file");
        error_clear(&err);
        assert_int_equal(hash_file(paths[i], ERROR_MODEL, digest, &err), STATUS_FAILED);
        assert_int_equal(err.class_, ERROR_MODEL);
    }
    assert_true(clock_now_ms() - began < 2000);
    memory_free(pipe_path);
}

static void missing_file_is_told(void **state)
{
    (void)state;
    char *path = path_of("missing");
    Error err = {0};
    FileIdentity identity;
    assert_int_equal(file_identity(path, ERROR_INPUT, &identity, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_INPUT);
    assert_string_equal(err.file, path);
    assert_string_equal(err.why, "No such file or directory");
    memory_free(path);
}

static void empty_file_has_an_identity(void **state)
{
    (void)state;
    char *path = write_file("empty", 0);
    const FileIdentity identity = identity_of(path);
    assert_int_equal(identity.size, 0);
    assert_string_equal(identity.parts, "99aa06d3014798d86001c324468d497f");
    memory_free(path);
}

static void digests_are_told_from_other_text(void **state)
{
    (void)state;
    assert_true(hash_is_digest("99aa06d3014798d86001c324468d497f"));
    assert_false(hash_is_digest("99aa06d3014798d86001c324468d497"));
    assert_false(hash_is_digest("99aa06d3014798d86001c324468d497f0"));
    assert_false(hash_is_digest("99AA06d3014798d86001c324468d497f"));
    assert_false(hash_is_digest(""));
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"whole", "small", "large", "pipe", "empty", "abc", "long"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = path_of(names[i]);
        (void)unlink(path);
        memory_free(path);
    }
    return rmdir(folder);
}

/* FIPS 180-4's example; the long one by sha256sum. */
static void sha256_is_the_usual_one(void **state)
{
    (void)state;
    char sum[HASH_SHA256_SIZE];
    Error err = {0};
    char *path = path_of("abc");
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite("abc", 1, 3, file), 3);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(hash_file_sha256(path, ERROR_MODEL, sum, &err), STATUS_OK);
    assert_string_equal(sum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    memory_free(path);
    path = write_file("long", 200000);
    char *command = text_format("sha256sum '%s'", path);
    FILE *pipe = popen(command, "r");
    char expected[HASH_SHA256_SIZE] = "";
    assert_non_null(pipe);
    assert_int_equal(fread(expected, 1, HASH_SHA256_SIZE - 1, pipe), HASH_SHA256_SIZE - 1);
    assert_int_equal(pclose(pipe), 0);
    assert_int_equal(hash_file_sha256(path, ERROR_MODEL, sum, &err), STATUS_OK);
    assert_string_equal(sum, expected);
    memory_free(command);
    memory_free(path);
    assert_int_equal(hash_file_sha256("/dev/zero", ERROR_MODEL, sum, &err), STATUS_FAILED);
    assert_string_equal(err.why, "it is not a regular file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_is_the_usual_one),
        cmocka_unit_test(digests_are_those_of_the_standard),
        cmocka_unit_test(pieces_give_what_the_whole_gives),
        cmocka_unit_test(file_gives_what_its_bytes_give),
        cmocka_unit_test(small_file_is_known_by_all_of_it),
        cmocka_unit_test(large_file_is_known_by_its_ends_and_its_parts),
        cmocka_unit_test(pipe_folder_and_device_are_refused_at_once),
        cmocka_unit_test(missing_file_is_told),
        cmocka_unit_test(empty_file_has_an_identity),
        cmocka_unit_test(digests_are_told_from_other_text),
    };
    return cmocka_run_group_tests_name("hash", tests, make_folder, remove_folder);
}
