/* XXH3 of 128 bits: of bytes as they come, of a buffer, of a whole file; and what tells one file from another
 * without reading all of it. It finds damage and change, not forgery. SHA-256 of a file, for sums that others
 * have written down.
 *
 * A digest is 32 hexadecimal digits, as `xxhsum -H2` prints them. A Hash belongs to one thread, everything
 * else may be called by any. Memory: 0.6 KB a Hash, 64 KiB while a file is read.
 */
#ifndef RUNBATCH_BASE_HASH_H
#define RUNBATCH_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    HASH_DIGITS = 32,
    HASH_SIZE = HASH_DIGITS + 1, /* with the closing zero */
    HASH_SHA256_SIZE = 65,
};

typedef struct Hash Hash;

Hash *hash_new(void);
void hash_add(Hash *hash, const void *bytes, size_t count);
/* Of what was added so far; more may follow. */
void hash_digest(const Hash *hash, char digest[HASH_SIZE]);
/* As if nothing had been added. */
void hash_reset(Hash *hash);
/* Copes with NULL. */
void hash_free(Hash **hash);

void hash_bytes(const void *bytes, size_t count, char digest[HASH_SIZE]);

/* Whether the text is one: 32 digits 0-9 a-f and nothing else. */
bool hash_is_digest(const char *text);

/* Of all of a regular file. What is no regular file is refused without being opened, so that neither a pipe
 * nor a device can hold up the caller. `class_` is the class of the error (see error_set_errno). */
Status hash_file(const char *path, ErrorClass class_, char digest[HASH_SIZE], Error *err);

/* The same with SHA-256 (FIPS 180-4), as sha256sum prints it. */
Status hash_file_sha256(const char *path, ErrorClass class_, char digest[HASH_SHA256_SIZE], Error *err);

/* What a file is known by. Equal: the same content, unless somebody changed bytes between the parts and set
 * the time back. */
typedef struct FileIdentity {
    int64_t size;
    int64_t mtime_ns;      /* since the epoch */
    char parts[HASH_SIZE]; /* of 16 parts of 64 KiB, evenly spread from the first byte to the last; of all of
                              a file of up to 1 MiB */
} FileIdentity;

/* Reads at most 1 MiB. Errors as hash_file. */
Status file_identity(const char *path, ErrorClass class_, FileIdentity *identity, Error *err);

#endif
