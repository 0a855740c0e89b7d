#include "faulty_vfs.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"

enum { FILES_MOST = 8, SECTOR = 512 };

FaultyVfs faulty_vfs;

/* ---- what is on the disk ---- */

/* A write, or a truncation (bytes NULL) to `offset`, that was not synced yet. */
typedef struct Change {
    int64_t offset;
    unsigned char *bytes;
    size_t count;
} Change;

typedef struct Image {
    char *path;
    unsigned char *bytes;
    size_t size;
    size_t capacity;
    Change *changes;
    size_t change_count;
    size_t change_capacity;
} Image;

static Image images[FILES_MOST];
static sqlite3_vfs *usual;

static Image *image_of(const char *path)
{
    for (size_t i = 0; i < FILES_MOST; i++) {
        if (images[i].path == NULL) {
            images[i].path = text_duplicate(path);
        }
        if (strcmp(images[i].path, path) == 0) {
            return &images[i];
        }
    }
    abort();
}

static void drop_changes(Image *image)
{
    for (size_t i = 0; i < image->change_count; i++) {
        memory_free(image->changes[i].bytes);
    }
    image->change_count = 0;
}

static void free_image(Image *image)
{
    drop_changes(image);
    memory_free(image->changes);
    memory_free(image->bytes);
    memory_free(image->path);
    *image = (Image){0};
}

static void note(Image *image, int64_t offset, const void *bytes, size_t count)
{
    if (image->change_count == image->change_capacity) {
        image->change_capacity = image->change_capacity * 2 + 16;
        image->changes = memory_resize(image->changes, image->change_capacity, sizeof *image->changes);
    }
    Change *change = &image->changes[image->change_count++];
    *change = (Change){.offset = offset, .count = count};
    if (bytes != NULL) {
        change->bytes = memory_alloc(1, count);
        memcpy(change->bytes, bytes, count);
    }
}

static void resize(Image *image, size_t size)
{
    if (size > image->capacity) {
        image->capacity = size * 2;
        image->bytes = memory_resize(image->bytes, image->capacity, 1);
    }
    if (size > image->size) {
        memset(image->bytes + image->size, 0, size - image->size);
    }
    image->size = size;
}

/* The first `count` bytes of it from `from` on. */
static void apply(Image *image, const Change *change, size_t from, size_t count)
{
    if (change->bytes == NULL) {
        resize(image, (size_t)change->offset);
        return;
    }
    const size_t begin = (size_t)change->offset + from;
    if (begin + count > image->size) {
        resize(image, begin + count);
    }
    memcpy(image->bytes + begin, change->bytes + from, count);
}

static void settle(Image *image)
{
    for (size_t i = 0; i < image->change_count; i++) {
        apply(image, &image->changes[i], 0, image->changes[i].count);
    }
    drop_changes(image);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 16U;
}

/* Sector by sector: a disk writes in any order, but each sector whole. */
static void apply_some(Image *image, const Change *change, uint32_t *seed)
{
    const uint32_t luck = next_random(seed) % 4;
    if (luck == 0) {
        return;
    }
    if (luck < 3 || change->bytes == NULL) {
        apply(image, change, 0, change->count);
        return;
    }
    for (size_t from = 0; from < change->count;) {
        const size_t into = ((size_t)change->offset + from) % SECTOR;
        const size_t count = SECTOR - into < change->count - from ? SECTOR - into : change->count - from;
        if (next_random(seed) % 2 == 0) {
            apply(image, change, from, count);
        }
        from += count;
    }
}

void faulty_vfs_power_cut(const char *folder, uint32_t seed)
{
    for (size_t i = 0; i < FILES_MOST && images[i].path != NULL; i++) {
        const Image *now = &images[i];
        Image after = {0};
        resize(&after, now->size);
        if (now->size > 0) {
            memcpy(after.bytes, now->bytes, now->size);
        }
        for (size_t c = 0; c < now->change_count; c++) {
            apply_some(&after, &now->changes[c], &seed);
        }
        char *path = path_join(folder, path_name(now->path));
        FILE *file = fopen(path, "wb");
        if (file == NULL || (after.size > 0 && fwrite(after.bytes, 1, after.size, file) != after.size) ||
            fclose(file) != 0) {
            abort();
        }
        memory_free(path);
        free_image(&after);
    }
}

/* ---- files ---- */

typedef struct FaultyFile {
    sqlite3_file base;
    Image *image; /* NULL: not recorded */
    sqlite3_file *real;
} FaultyFile;

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((FaultyFile *)(void *)file)->real;
}

/* Before a change; what it is to fail with, or 0. */
static int before_change(int code)
{
    if (faulty_vfs.hook != NULL) {
        faulty_vfs.hook(faulty_vfs.context);
    }
    faulty_vfs.changes++;
    return faulty_vfs.changes > faulty_vfs.writes_to_fault ? code : 0;
}

static int faulty_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int faulty_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset)
{
    return faulty_vfs.read_code != 0 ? faulty_vfs.read_code
                                     : real_of(file)->pMethods->xRead(real_of(file), bytes, count, offset);
}

static int faulty_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset)
{
    const int code = before_change(faulty_vfs.write_code);
    if (code != 0) {
        return code;
    }
    Image *image = ((FaultyFile *)(void *)file)->image;
    if (image != NULL) {
        note(image, offset, bytes, (size_t)count);
    }
    return real_of(file)->pMethods->xWrite(real_of(file), bytes, count, offset);
}

static int faulty_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    const int code = before_change(faulty_vfs.write_code);
    if (code != 0) {
        return code;
    }
    Image *image = ((FaultyFile *)(void *)file)->image;
    if (image != NULL) {
        note(image, size, NULL, 0);
    }
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int faulty_sync(sqlite3_file *file, int flags)
{
    const int code = before_change(faulty_vfs.sync_code);
    if (code != 0) {
        return code;
    }
    faulty_vfs.syncs++;
    Image *image = ((FaultyFile *)(void *)file)->image;
    if (image != NULL) {
        settle(image);
    }
    return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int faulty_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int faulty_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int faulty_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int faulty_check_lock(sqlite3_file *file, int *result)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}

static int faulty_control(sqlite3_file *file, int operation, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int faulty_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int faulty_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int faulty_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **memory)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), region, size, extend, memory);
}

static int faulty_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void faulty_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int faulty_shm_unmap(sqlite3_file *file, int remove)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

#define METHODS(version)                                                                                     \
    {                                                                                                        \
        .iVersion = (version), .xClose = faulty_close, .xRead = faulty_read, .xWrite = faulty_write,         \
        .xTruncate = faulty_truncate, .xSync = faulty_sync, .xFileSize = faulty_file_size,                   \
        .xLock = faulty_lock, .xUnlock = faulty_unlock, .xCheckReservedLock = faulty_check_lock,             \
        .xFileControl = faulty_control, .xSectorSize = faulty_sector_size,                                   \
        .xDeviceCharacteristics = faulty_characteristics, .xShmMap = faulty_shm_map,                         \
        .xShmLock = faulty_shm_lock, .xShmBarrier = faulty_shm_barrier, .xShmUnmap = faulty_shm_unmap,       \
    }

static const sqlite3_io_methods with_shared_map = METHODS(2);
static const sqlite3_io_methods without_shared_map = METHODS(1);

/* ---- the file system ---- */

static int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    (void)vfs;
    FaultyFile *faulty = (FaultyFile *)(void *)file;
    *faulty = (FaultyFile){.real = (sqlite3_file *)(void *)(faulty + 1)};
    const int code = usual->xOpen(usual, name, faulty->real, flags, out_flags);
    if (faulty->real->pMethods != NULL) {
        faulty->base.pMethods = faulty_vfs.no_shared_map ? &without_shared_map : &with_shared_map;
    }
    if (code == SQLITE_OK && faulty_vfs.records && name != NULL) {
        faulty->image = image_of(name);
    }
    return code;
}

static int faulty_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    (void)vfs;
    const int code = before_change(faulty_vfs.write_code);
    if (code != 0) {
        return code;
    }
    for (size_t i = 0; i < FILES_MOST && images[i].path != NULL; i++) {
        if (strcmp(images[i].path, name) == 0) {
            drop_changes(&images[i]);
            images[i].size = 0;
        }
    }
    return usual->xDelete(usual, name, sync_folder);
}

void faulty_vfs_install(void)
{
    static sqlite3_vfs vfs;
    usual = sqlite3_vfs_find("unix");
    vfs = *usual;
    vfs.zName = "faulty";
    vfs.pNext = NULL;
    vfs.szOsFile = (int)sizeof(FaultyFile) + usual->szOsFile;
    vfs.xOpen = faulty_open;
    vfs.xDelete = faulty_delete;
    faulty_vfs = (FaultyVfs){0};
    (void)sqlite3_vfs_register(&vfs, 1);
}

void faulty_vfs_remove(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find("faulty");
    if (vfs != NULL) {
        (void)sqlite3_vfs_unregister(vfs);
        (void)sqlite3_vfs_register(usual, 1);
    }
    for (size_t i = 0; i < FILES_MOST; i++) {
        free_image(&images[i]);
    }
    faulty_vfs = (FaultyVfs){0};
}
