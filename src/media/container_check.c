#include "media/container_check.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    SNIFF_BYTES = 512,
    BOXES_MAX = 1 << 20,  /* a fragmented file has two a fragment */
    RIFF_SLACK_BYTES = 64 /* writers that count the padding or the header wrongly */
};

static uint64_t big_endian(const unsigned char *bytes, int count)
{
    uint64_t value = 0;
    for (int i = 0; i < count; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static uint64_t little_endian(const unsigned char *bytes, int count)
{
    uint64_t value = 0;
    for (int i = count - 1; i >= 0; i--) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static bool read_at(FILE *file, int64_t position, unsigned char *bytes, size_t count)
{
    return fseeko(file, (off_t)position, SEEK_SET) == 0 && fread(bytes, 1, count, file) == count;
}

static bool is_box(const unsigned char *type)
{
    static const char known[][5] = {"ftyp", "moov", "mdat", "free", "skip", "wide", "pnot", "uuid", "moof",
                                    "styp", "sidx", "ssix", "prft", "emsg", "mfra", "meta", "pdin", "udta"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (memcmp(type, known[i], 4) == 0) {
            return true;
        }
    }
    return false;
}

/* Boxes of ISO/IEC 14496-12, section 4.2: 32-bit size with its own 8 bytes, type; size 1: a 64-bit size
 * follows; size 0: up to the end. What follows the last known box (padding, a camera's trailer) is ignored.
 */
static void check_iso(FILE *file, int64_t file_bytes, ContainerCheck *check)
{
    check->wholeness = WHOLENESS_WHOLE;
    int64_t position = 0;
    unsigned char header[16];
    for (int i = 0; i < BOXES_MAX && read_at(file, position, header, 8) && is_box(header + 4); i++) {
        uint64_t size = big_endian(header, 4);
        if (memcmp(header + 4, "moov", 4) == 0 || memcmp(header + 4, "moof", 4) == 0) {
            check->has_index = 1;
        }
        if (size == 0) {
            break;
        }
        if (size == 1) {
            size = read_at(file, position, header, 16) ? big_endian(header + 8, 8) : UINT64_MAX;
        }
        if (size < 8) {
            break;
        }
        if (size > (uint64_t)(file_bytes - position)) {
            check->wholeness = WHOLENESS_CUT;
            break;
        }
        position += (int64_t)size;
    }
    if (!check->has_index) {
        check->wholeness = WHOLENESS_CUT;
    }
}

/* Reads an EBML size (RFC 8794, section 4): the position of the first set bit tells the length. UINT64_MAX
 * for the reserved "unknown", set by *known false. */
static bool read_ebml_size(FILE *file, int64_t *position, uint64_t *size, bool *known)
{
    unsigned char bytes[8];
    if (!read_at(file, *position, bytes, 1) || bytes[0] == 0) {
        return false;
    }
    int length = 1;
    while ((bytes[0] & (0x80U >> (length - 1))) == 0) {
        length++;
    }
    if (!read_at(file, *position, bytes, (size_t)length)) {
        return false;
    }
    const uint64_t mask = (1ULL << (7 * length)) - 1;
    *size = big_endian(bytes, length) & mask;
    *known = *size != mask;
    *position += length;
    return true;
}

static void check_matroska(FILE *file, int64_t file_bytes, ContainerCheck *check)
{
    static const unsigned char segment_id[4] = {0x18, 0x53, 0x80, 0x67};
    int64_t position = 4;
    uint64_t size = 0;
    bool known = false;
    unsigned char id[4];
    check->wholeness = WHOLENESS_CUT;
    if (!read_ebml_size(file, &position, &size, &known) || !known || size > (uint64_t)file_bytes) {
        return;
    }
    position += (int64_t)size;
    if (!read_at(file, position, id, 4) || memcmp(id, segment_id, 4) != 0) {
        return;
    }
    position += 4;
    if (!read_ebml_size(file, &position, &size, &known)) {
        return;
    }
    if (!known) {
        check->wholeness = WHOLENESS_UNKNOWN;
    } else if (size <= (uint64_t)(file_bytes - position)) {
        check->wholeness = WHOLENESS_WHOLE;
    }
}

/* One RIFF chunk, or with OpenDML several in a row. */
static void check_riff(FILE *file, int64_t file_bytes, ContainerCheck *check)
{
    int64_t position = 0;
    unsigned char header[8];
    while (read_at(file, position, header, 8) && memcmp(header, "RIFF", 4) == 0) {
        const int64_t size = (int64_t)little_endian(header + 4, 4);
        if (size == 0) {
            check->wholeness = WHOLENESS_UNKNOWN;
            return;
        }
        if (position + 8 + size > file_bytes + RIFF_SLACK_BYTES) {
            check->wholeness = WHOLENESS_CUT;
            return;
        }
        check->wholeness = WHOLENESS_WHOLE;
        position += 8 + size + (size & 1);
    }
}

/* The file size in the File Properties Object (Advanced Systems Format, revision 01.20.05, section 3.2); it
 * does not hold while the broadcast flag is set. Objects begin with a 16-byte identifier and their 64-bit
 * size. */
static void check_asf(FILE *file, int64_t file_bytes, ContainerCheck *check)
{
    static const unsigned char properties[16] = {0xA1, 0xDC, 0xAB, 0x8C, 0x47, 0xA9, 0xCF, 0x11,
                                                 0x8E, 0xE4, 0x00, 0xC0, 0x0C, 0x20, 0x53, 0x65};
    enum { OBJECTS_MAX = 1000, HEADER_BYTES = 30, SIZE_AT = 40, FLAGS_AT = 88, NEEDED_BYTES = 92 };
    int64_t position = HEADER_BYTES;
    unsigned char object[NEEDED_BYTES];
    for (int i = 0; i < OBJECTS_MAX && read_at(file, position, object, sizeof object); i++) {
        if (memcmp(object, properties, sizeof properties) == 0) {
            if ((object[FLAGS_AT] & 1U) == 0) {
                check->wholeness = little_endian(object + SIZE_AT, 8) > (uint64_t)file_bytes
                                       ? WHOLENESS_CUT
                                       : WHOLENESS_WHOLE;
            }
            return;
        }
        const uint64_t size = little_endian(object + 16, 8);
        if (size < 24 || size > (uint64_t)(file_bytes - position)) {
            break;
        }
        position += (int64_t)size;
    }
    check->wholeness = WHOLENESS_CUT;
}

static bool is_text(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] < 0x20 && strchr("\t\n\r\f", bytes[i]) == NULL) {
            return false;
        }
        if (bytes[i] == 0 || bytes[i] == 0x7F) {
            return false;
        }
    }
    return count > 0;
}

ContainerCheck container_check(const char *path)
{
    static const unsigned char asf_header[16] = {0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11,
                                                 0xA6, 0xD9, 0x00, 0xAA, 0x00, 0x62, 0xCE, 0x6C};
    ContainerCheck check = {0};
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return check;
    }
    unsigned char start[SNIFF_BYTES];
    const size_t count = fread(start, 1, sizeof start, file);
    const int64_t file_bytes = fseeko(file, 0, SEEK_END) == 0 ? (int64_t)ftello(file) : 0;
    if (count >= 8 && is_box(start + 4)) {
        check.kind = CONTAINER_ISO;
        check_iso(file, file_bytes, &check);
    } else if (count >= 4 && memcmp(start, "\x1A\x45\xDF\xA3", 4) == 0) {
        check.kind = CONTAINER_MATROSKA;
        check_matroska(file, file_bytes, &check);
    } else if (count >= 8 && memcmp(start, "RIFF", 4) == 0) {
        check.kind = CONTAINER_RIFF;
        check_riff(file, file_bytes, &check);
    } else if (count >= 16 && memcmp(start, asf_header, sizeof asf_header) == 0) {
        check.kind = CONTAINER_ASF;
        check_asf(file, file_bytes, &check);
    } else if (is_text(start, count)) {
        check.kind = CONTAINER_TEXT;
    }
    check.unreadable = ferror(file) != 0;
    (void)fclose(file);
    return check;
}
