#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <libavutil/mem.h>
#include <libavutil/sha.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/alloc.h"

enum { PART_BYTES = 64 * 1024, PART_COUNT = 16 };

struct Hash {
    XXH3_state_t *state;
};

/* `digest` holds two digits a byte and a zero. */
static void write_digits(const unsigned char *bytes, size_t count, char *digest)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        digest[2 * i] = digits[bytes[i] >> 4U];
        digest[2 * i + 1] = digits[bytes[i] & 15U];
    }
    digest[2 * count] = '\0';
}

static void write_digest(XXH128_hash_t value, char digest[HASH_SIZE])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, value);
    write_digits(canonical.digest, sizeof canonical.digest, digest);
}

Hash *hash_new(void)
{
    Hash *hash = memory_alloc(1, sizeof *hash);
    hash->state = memory_check(XXH3_createState());
    hash_reset(hash);
    return hash;
}

void hash_reset(Hash *hash)
{
    (void)XXH3_128bits_reset(hash->state);
}

void hash_add(Hash *hash, const void *bytes, size_t count)
{
    if (count > 0) {
        (void)XXH3_128bits_update(hash->state, bytes, count);
    }
}

void hash_digest(const Hash *hash, char digest[HASH_SIZE])
{
    write_digest(XXH3_128bits_digest(hash->state), digest);
}

void hash_free(Hash **hash)
{
    if (*hash != NULL) {
        (void)XXH3_freeState((*hash)->state);
        memory_free(*hash);
        *hash = NULL;
    }
}

void hash_bytes(const void *bytes, size_t count, char digest[HASH_SIZE])
{
    write_digest(XXH3_128bits(bytes, count), digest);
}

bool hash_is_digest(const char *text)
{
    return strlen(text) == HASH_DIGITS && strspn(text, "0123456789abcdef") == HASH_DIGITS;
}

/* Opens a regular file for reading, -1 with the error set otherwise. Asked before and after opening: opening
 * alone can already do something to a device, and what lies there may be another thing by then. */
static int open_regular(const char *path, ErrorClass class_, struct stat *status, Error *err)
{
    static const char what[] = "cannot read";
    if (stat(path, status) != 0) {
        (void)error_set_errno(err, class_, what, path, errno);
        return -1;
    }
    int fd = -1;
    if (S_ISREG(status->st_mode)) {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, status) != 0) {
            (void)error_set_errno(err, class_, what, path, errno);
            if (fd >= 0) {
                (void)close(fd);
            }
            return -1;
        }
    }
    if (!S_ISREG(status->st_mode)) {
        (void)error_set(err, class_, what, path, "it is not a regular file");
        if (fd >= 0) {
            (void)close(fd);
        }
        return -1;
    }
    return fd;
}

/* Adds `count` bytes from `offset` on; fewer where the file ends before. */
static Status add_range(Hash *hash, int fd, int64_t offset, int64_t count, unsigned char *block)
{
    while (count > 0) {
        const size_t wanted = count < PART_BYTES ? (size_t)count : PART_BYTES;
        const ssize_t got = pread(fd, block, wanted, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return STATUS_FAILED;
        }
        if (got == 0) {
            break;
        }
        hash_add(hash, block, (size_t)got);
        offset += got;
        count -= got;
    }
    return STATUS_OK;
}

/* With parts: of the spread parts; without: of all of it. */
static Status digest_of(const char *path, ErrorClass class_, bool parts, struct stat *status,
                        char digest[HASH_SIZE], Error *err)
{
    const int fd = open_regular(path, class_, status, err);
    if (fd < 0) {
        return STATUS_FAILED;
    }
    Hash *hash = hash_new();
    unsigned char *block = memory_alloc(1, PART_BYTES);
    Status result = STATUS_OK;
    const int64_t last = (int64_t)status->st_size - PART_BYTES;
    if (!parts) {
        result = add_range(hash, fd, 0, INT64_MAX, block);
    } else if (status->st_size <= (int64_t)PART_BYTES * PART_COUNT) {
        result = add_range(hash, fd, 0, status->st_size, block);
    } else {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
        for (int64_t i = 0; result == STATUS_OK && i < PART_COUNT; i++) {
            /* last * i stays far below 2^63 for any file there can be (2^59 bytes) */
            result = add_range(hash, fd, last * i / (PART_COUNT - 1), PART_BYTES, block);
        }
    }
    if (result != STATUS_OK) {
        (void)error_set_errno(err, class_, "cannot read", path, errno);
    }
    hash_digest(hash, digest);
    memory_free(block);
    hash_free(&hash);
    (void)close(fd);
    return result;
}

Status hash_file(const char *path, ErrorClass class_, char digest[HASH_SIZE], Error *err)
{
    struct stat status;
    return digest_of(path, class_, false, &status, digest, err);
}

Status hash_file_sha256(const char *path, ErrorClass class_, char digest[HASH_SHA256_SIZE], Error *err)
{
    enum { BITS = 256, BYTES = BITS / 8 };
    unsigned char result[BYTES];
    struct stat status;
    ssize_t got = 0;
    const int fd = open_regular(path, class_, &status, err);
    if (fd < 0) {
        return STATUS_FAILED;
    }
    struct AVSHA *sha = memory_check(av_sha_alloc());
    unsigned char *block = memory_alloc(1, PART_BYTES);
    (void)av_sha_init(sha, BITS);
    while ((got = read(fd, block, PART_BYTES)) > 0 || (got < 0 && errno == EINTR)) {
        av_sha_update(sha, block, got > 0 ? (size_t)got : 0);
    }
    const int number = got < 0 ? errno : 0;
    av_sha_final(sha, result);
    write_digits(result, sizeof result, digest);
    memory_free(block);
    av_free(sha);
    (void)close(fd);
    return number == 0 ? STATUS_OK : error_set_errno(err, class_, "cannot read", path, number);
}

Status file_identity(const char *path, ErrorClass class_, FileIdentity *identity, Error *err)
{
    *identity = (FileIdentity){0};
    struct stat status;
    if (digest_of(path, class_, true, &status, identity->parts, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    identity->size = status.st_size;
    identity->mtime_ns = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
    return STATUS_OK;
}
