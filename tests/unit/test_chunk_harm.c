/* Chunks that are damaged, foreign or hostile, and disks that fail: what is right is used, the rest is made
 * again, and nothing is left lying. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xxhash.h>
/* after those above */
#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "chunk_runs.h"
#include "media/chunk_format.h"
#include "media_fixtures.h"

/* ---- a disk that fails ---- */

static struct {
    const char *in; /* files whose path has this in it */
    int write;      /* errno after `bytes` have been written */
    int sync;
    int read;
    int64_t bytes;
} fault;

static bool is_faulty(int fd)
{
    char link[64];
    char path[1024];
    if (fault.in == NULL) {
        return false;
    }
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    return strstr(path, fault.in) != NULL;
}

/* These take the place of the C library's. */
ssize_t write(int fd, const void *data, size_t size)
{
    if (fault.write != 0 && is_faulty(fd)) {
        fault.bytes -= (int64_t)size;
        if (fault.bytes < 0) {
            errno = fault.write;
            return -1;
        }
    }
    return syscall(SYS_write, fd, data, size);
}

ssize_t read(int fd, void *data, size_t size)
{
    if (fault.read != 0 && is_faulty(fd)) {
        errno = fault.read;
        return -1;
    }
    return syscall(SYS_read, fd, data, size);
}

int fsync(int fd)
{
    if (fault.sync != 0 && is_faulty(fd)) {
        errno = fault.sync;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

static int no_faults(void **state)
{
    (void)state;
    memset(&fault, 0, sizeof fault);
    return 0;
}

/* ---- four chunks of five ---- */

static const char *pictures(void)
{
    return fixture_clip("pictures.mkv", "-f lavfi -i testsrc2=s=96x64:r=25:d=5 -c:v ffv1");
}

static Run new_run(void)
{
    WriterConfig config = quick_config(pictures(), "harm");
    config.preset = "ultrafast";
    return run_new(config, "harm.mp4", "harm", 1);
}

static Run broken_run(void)
{
    Run run = new_run();
    run.kill_at = 118;
    run_expect(&run, STATUS_AGAIN);
    assert_int_equal(run.made, 4);
    assert_int_equal(run_files(&run), 4);
    run.kill_at = NEVER;
    return run;
}

static void assert_goes_on(Run *run, int kept)
{
    run_expect(run, STATUS_OK);
    assert_int_equal(run->reused, kept);
    assert_int_equal(run->reused + run->made, 5);
    assert_int_equal(run_files(run), 5);
    assert_continuous(run->output, 125);
}

static char *chunk_of(const Run *run, int index)
{
    return chunk_file_path(run->folder, index, true);
}

/* ---- damage ---- */

static void flip(const char *path, int64_t at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    const int byte = fgetc(file);
    assert_int_equal(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 0x40, file), byte ^ 0x40);
    assert_int_equal(fclose(file), 0);
}

static void test_damaged(void **state)
{
    (void)state;
    static const struct {
        int chunk;
        int at; /* byte; from the end where negative */
    } harms[] = {{0, 0}, {1, 9}, {1, 20}, {1, 48}, {2, 130}, {2, 3000}, {1, 225}, {3, -60}, {0, -1}};
    for (size_t i = 0; i < sizeof harms / sizeof harms[0]; i++) {
        Run run = broken_run();
        char *path = chunk_of(&run, harms[i].chunk);
        flip(path, harms[i].at);
        memory_free(path);
        assert_goes_on(&run, harms[i].chunk);
    }
}

static void test_cut_off_or_missing(void **state)
{
    (void)state;
    for (int tenths = -1; tenths <= 11; tenths += 3) {
        Run run = broken_run();
        char *path = chunk_of(&run, 1);
        const int64_t size = file_size(path);
        assert_int_equal(tenths < 0 ? unlink(path) : truncate(path, size * tenths / 10), 0);
        memory_free(path);
        assert_goes_on(&run, 1);
    }
}

static void test_mixed_up(void **state)
{
    (void)state;
    Run run = broken_run();
    char *one = chunk_of(&run, 1);
    char *two = chunk_of(&run, 2);
    assert_int_equal(rename(two, one), 0);
    memory_free(one);
    memory_free(two);
    assert_goes_on(&run, 1);
}

static void test_foreign(void **state)
{
    (void)state;
    Run run = broken_run();
    run.key = "fedcba9876543210fedcba9876543210";
    assert_goes_on(&run, 0);

    run = broken_run();
    run.config.encoder = "libx265"; /* as if that did not change the key */
    assert_goes_on(&run, 0);

    run = broken_run();
    run.config.output_fps = (AVRational){25, 1};
    run_expect(&run, STATUS_OK);
    assert_int_equal(run.reused, 0);

    run = broken_run();
    run.offset = 40;
    assert_goes_on(&run, 0);
}

/* Only what has the name of a chunk goes. */
static void test_leftovers(void **state)
{
    (void)state;
    static const char *const ours[] = {"chunk-000000.part", "chunk-000004.part", "chunk-000007.rbc",
                                       "chunk-000123.rbc"};
    static const char *const others[] = {"notes.txt", "chunk-1.rbc", "chunk-000001.rbc.bak", "chunk-.rbc",
                                         "chunk-00000x.rbc"};
    Run run = broken_run();
    char *target = path_join(run.folder, "../target");
    fixture_write("target", "mine", 4);
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        char *path = path_join(run.folder, ours[i]);
        assert_int_equal(symlink(target, path), 0);
        memory_free(path);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char *name = text_format("harm/%s", others[i]);
        fixture_write(name, "x", 1);
        memory_free(name);
    }
    run_expect(&run, STATUS_OK);
    assert_int_equal(run.reused, 4);
    assert_int_equal(run_files(&run), 5 + sizeof others / sizeof others[0]);
    assert_int_equal(file_size(target), 4);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char *path = path_join(run.folder, others[i]);
        assert_int_equal(unlink(path), 0);
        memory_free(path);
    }
    assert_int_equal(chunk_folder_clear(run.folder, 2, NULL), STATUS_OK);
    assert_int_equal(run_files(&run), 2);
    assert_int_equal(chunk_folder_clear(target, 0, NULL), STATUS_FAILED);
    assert_int_equal(chunk_folder_clear("/nothing/there", 0, NULL), STATUS_OK);
    memory_free(target);
}

/* A chunk is never read through a link or from a pipe. */
static void test_no_file(void **state)
{
    (void)state;
    Run run = broken_run();
    char *path = chunk_of(&run, 2);
    char *away = path_join(run.folder, "../away");
    assert_int_equal(rename(path, away), 0);
    assert_int_equal(symlink(away, path), 0);
    assert_goes_on(&run, 2);

    run = broken_run();
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_goes_on(&run, 2);
    memory_free(path);
    memory_free(away);
}

/* ---- malice: the checksum is right, what it covers is not ---- */

typedef struct Patch {
    const char *what;
    int at; /* from the end where negative */
    int size;
    int64_t value;
} Patch;

static Status read_chunk(const char *path, Error *err)
{
    ChunkReader *reader = NULL;
    AVPacket *packet = av_packet_alloc();
    Status status = chunk_reader_open(&reader, path, err);
    while (status == STATUS_OK && (status = chunk_reader_next(reader, packet, err)) == STATUS_OK) {
        av_packet_unref(packet);
    }
    chunk_reader_free(&reader);
    av_packet_free(&packet);
    return status;
}

static void write_patched(const char *data, size_t size, const Patch *patch)
{
    uint8_t *copy = memory_alloc(size, 1);
    memcpy(copy, data, size);
    uint8_t *at = patch->at < 0 ? copy + size + patch->at : copy + patch->at;
    for (int i = 0; i < patch->size; i++) {
        at[i] = (uint8_t)((uint64_t)patch->value >> (8 * i));
    }
    XXH128_canonical_t digest;
    XXH128_canonicalFromHash(&digest, XXH3_128bits(copy, size - CHUNK_DIGEST_SIZE));
    memcpy(copy + size - CHUNK_DIGEST_SIZE, digest.digest, CHUNK_DIGEST_SIZE);
    fixture_write("malice.rbc", copy, size);
    memory_free(copy);
}

static void test_malice(void **state)
{
    (void)state;
    enum { END = -(CHUNK_END_SIZE + CHUNK_DIGEST_SIZE), NEXT = END + 16, COUNTS = NEXT + CHUNK_POINT_SIZE };
    Run run = broken_run();
    char *path = chunk_of(&run, 1);
    char *data = NULL;
    int64_t size = 0;
    Error err = {0};
    assert_int_equal(file_read(path, 1 << 20, &data, &size, &err), STATUS_OK);
    const int extradata = (int)AV_RL32((const uint8_t *)data + 40);
    const int packet = CHUNK_HEADER_SIZE + extradata;
    const Patch patches[] = {
        {"width", 20, 4, 0},
        {"height", 24, 4, 0x7FFFFFFF},
        {"delay", 28, 4, 1000},
        {"time base", 36, 4, 0},
        {"time base", 36, 4, 0x80000000},
        {"no extradata", 40, 4, 0},
        {"much extradata", 40, 4, 1 << 20},
        {"more extradata", 40, 4, 0xFFFFFFFF},
        {"shift", 140, 8, -1},
        {"shift", 140, 8, INT64_MAX},
        {"frame", 148, 8, INT64_MIN},
        {"pts", 156, 8, INT64_MAX},
        {"tag", packet, 4, 1},
        {"size", packet + 4, 4, 0xFFFFFFFF},
        {"size", packet + 4, 4, 0x7FFFFF00},
        {"no key frame", packet + 8, 4, 0},
        {"side data", packet + 12, 4, 0xFFFFFFFF},
        {"side data", packet + 12, 4, 0},
        {"packet's pts", packet + 16, 8, INT64_MAX},
        {"packet's dts", packet + 24, 8, INT64_MAX},
        {"packet's dts", packet + 24, 8, INT64_MIN},
        {"duration", packet + 32, 8, 0},
        {"duration", packet + 32, 8, INT64_MAX},
        {"kind of side data", packet + 40, 4, 0x7FFFFFFF},
        {"size of side data", packet + 44, 4, 0xFFFFFFF0},
        {"packets", END + 8, 8, 24},
        {"packets", END + 8, 8, -1},
        {"next frame", NEXT, 8, 25},
        {"next pts", NEXT + 8, 8, 0},
        {"next slot", NEXT + 16, 8, -1},
        {"frames", COUNTS, 8, 0},
        {"with face", COUNTS + 8, 8, -1},
        {"repeated", COUNTS + 48, 8, INT64_MAX},
    };
    const Patch none = {"nothing", 8, 4, CHUNK_VERSION};
    write_patched(data, (size_t)size, &none);
    assert_int_equal(read_chunk(fixture_path("malice.rbc"), &err), STATUS_EOF);
    for (size_t i = 0; i < sizeof patches / sizeof patches[0]; i++) {
        write_patched(data, (size_t)size, &patches[i]);
        error_clear(&err);
        if (read_chunk(fixture_path("malice.rbc"), &err) != STATUS_FAILED || err.class_ != ERROR_VERIFY) {
            fail_msg("patch %zu (%s) is not told", i, patches[i].what);
        }
    }
    memory_free(data);
    memory_free(path);
}

/* ---- failing disks ---- */

static void assert_fails(Run *run, ErrorClass class_, int chunks)
{
    Error err = {0};
    char text[1600];
    assert_int_equal(run_go(run, &err), STATUS_FAILED);
    if (err.class_ != class_) {
        fail_msg("%s: %s", error_class_name(err.class_), error_text(&err, text, sizeof text));
    }
    assert_int_equal(run_files(run), chunks);
}

static void test_no_space(void **state)
{
    (void)state;
    Run run = new_run();
    fault.in = "chunk-000002.part";
    fault.write = ENOSPC;
    assert_fails(&run, ERROR_SPACE, 2);
    fault.in = "chunk-000003.part";
    fault.write = EDQUOT;
    fault.bytes = 300;
    assert_fails(&run, ERROR_SPACE, 3);
    fault.in = "harm.mp4";
    fault.write = ENOSPC;
    fault.bytes = 30000;
    assert_fails(&run, ERROR_SPACE, 3);
    (void)no_faults(NULL);
    assert_goes_on(&run, 3);
}

static void test_broken_disk(void **state)
{
    (void)state;
    Run run = new_run();
    fault.in = "chunk-000001.part";
    fault.sync = EIO;
    assert_fails(&run, ERROR_DISK, 1);
    fault.sync = 0;
    fault.write = EIO;
    assert_fails(&run, ERROR_DISK, 1);
    fault.in = "harm.mp4";
    assert_fails(&run, ERROR_DISK, 1);
    (void)no_faults(NULL);
    run.kill_at = 118;
    run_expect(&run, STATUS_AGAIN);
    run.kill_at = NEVER;
    fault.in = "chunk-000002.rbc";
    fault.read = EIO;
    assert_goes_on(&run, 2);
}

static void test_no_folder(void **state)
{
    (void)state;
    Run run = new_run();
    assert_int_equal(rmdir(run.folder), 0);
    Error err = {0};
    assert_int_equal(run_go(&run, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_ENVIRONMENT);
}

/* ---- the output that the supervisor made ---- */

static void test_same_file(void **state)
{
    (void)state;
    Run run = new_run();
    struct stat before;
    struct stat after;
    fixture_write("harm.mp4", "old", 3);
    assert_int_equal(stat(run.output, &before), 0);
    run_expect(&run, STATUS_OK);
    assert_int_equal(stat(run.output, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(run.summary.size_bytes, after.st_size);

    run.config.preset = "no such";
    Error err = {0};
    assert_int_equal(run_go(&run, &err), STATUS_FAILED);
    assert_true(file_exists(run.output));

    error_clear(&err);
    run = new_run();
    char *target = path_join(run.folder, "../target");
    fixture_write("target", "mine", 4);
    assert_int_equal(unlink(run.output), 0);
    assert_int_equal(symlink(target, run.output), 0);
    assert_int_equal(run_go(&run, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_ENVIRONMENT);
    assert_int_equal(file_size(target), 4);
    assert_int_equal(unlink(run.output), 0);
    memory_free(target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_damaged, no_faults),
        cmocka_unit_test_teardown(test_cut_off_or_missing, no_faults),
        cmocka_unit_test_teardown(test_mixed_up, no_faults),
        cmocka_unit_test_teardown(test_foreign, no_faults),
        cmocka_unit_test_teardown(test_leftovers, no_faults),
        cmocka_unit_test_teardown(test_no_file, no_faults),
        cmocka_unit_test_teardown(test_malice, no_faults),
        cmocka_unit_test_teardown(test_no_space, no_faults),
        cmocka_unit_test_teardown(test_broken_disk, no_faults),
        cmocka_unit_test_teardown(test_no_folder, no_faults),
        cmocka_unit_test_teardown(test_same_file, no_faults),
    };
    return cmocka_run_group_tests_name("chunk_harm", tests, fixtures_make, fixtures_remove);
}
